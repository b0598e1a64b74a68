"""The queries: which fields of which object, between which stamps. Pure text; how they are sent belongs elsewhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from salesinsight_assets.domain.crm.tables import Column, CrmTable


@dataclass(frozen=True)
class TableQuery:
    """Rows of `columns` of a table with `since <= stamp < until`; a table without a cursor field is read in full."""

    table: CrmTable
    columns: tuple[Column, ...]
    since: datetime | None
    until: datetime

    @property
    def includes_deleted(self) -> bool:
        """Whether to ask by queryAll, which also finds soft-deleted and archived rows."""
        return any(column.field == "IsDeleted" for column in self.columns)

    @property
    def count(self) -> str:
        """How many rows there are."""
        return f"SELECT COUNT() FROM {self.table.salesforce_object}{self._where}"

    @property
    def rows(self) -> str:
        """The rows, in any order: Bulk splits a large object by primary key only where no order is asked for."""
        fields = dict.fromkeys(column.field for column in self.columns)  # Salesforce refuses a field named twice
        return f"SELECT {', '.join(fields)} FROM {self.table.salesforce_object}{self._where}"

    @property
    def ordered_rows(self) -> str:
        """The rows in the order of their stamp, then Id: one that changes while being read comes again, later."""
        order = f"{self.table.cursor_field}, Id" if self.table.cursor_field else "Id"
        return f"{self.rows} ORDER BY {order}"

    @property
    def _where(self) -> str:
        stamp = self.table.cursor_field
        if stamp is None:
            return ""
        lower = f"{stamp} >= {_literal(self.since)} AND " if self.since else ""
        return f" WHERE {lower}{stamp} < {_literal(self.until)}"


def table_query(table: CrmTable, columns: Sequence[Column], since: datetime | None, until: datetime) -> TableQuery:
    """The query for what a sync asks of one table."""
    return TableQuery(table, tuple(columns), since, until)


def _literal(moment: datetime) -> str:
    """A SOQL dateTime, in UTC to the millisecond, which is how finely Salesforce keeps its stamps."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
