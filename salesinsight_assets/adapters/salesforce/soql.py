"""The queries: which fields of which object, and which of its rows. Pure text; how they are sent belongs elsewhere."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from salesinsight_assets.domain.crm.tables import Column, CrmTable

_ID = re.compile(r"[0-9A-Za-z]{15}(?:[0-9A-Za-z]{3})?")


@dataclass(frozen=True)
class TableQuery:
    """Rows of `columns` of a table that fulfil every one of `conditions`."""

    table: CrmTable
    columns: tuple[Column, ...]
    conditions: tuple[str, ...] = ()

    @property
    def includes_deleted(self) -> bool:
        """Whether to ask by queryAll, which also finds soft-deleted and archived rows. Tables read in full have none."""
        return self.table.cursor_field is not None

    @property
    def count(self) -> str:
        """How many rows there are."""
        return f"SELECT COUNT() FROM {self.table.salesforce_object}{self._where}"

    @property
    def rows(self) -> str:
        """The rows, in any order: Bulk splits a large object by primary key only where no order is asked for."""
        fields = dict.fromkeys(column.field for column in self.columns)  # Salesforce refuses a field named twice
        return f"SELECT {','.join(fields)} FROM {self.table.salesforce_object}{self._where}"

    @property
    def ordered_rows(self) -> str:
        """The rows in the order of their stamp, then Id: one that changes while being read comes again, later."""
        order = f"{self.table.cursor_field},Id" if self.table.cursor_field else "Id"
        return f"{self.rows} ORDER BY {order}"

    @property
    def first_stamp(self) -> str:
        """The stamp of the row whose stamp is the earliest; the stamp is the only field."""
        stamp = stamp_field(self.table)
        return f"SELECT {stamp} FROM {self.table.salesforce_object}{self._where} ORDER BY {stamp} LIMIT 1"

    @property
    def _where(self) -> str:
        return f" WHERE {' AND '.join(self.conditions)}" if self.conditions else ""


def stamp_field(table: CrmTable) -> str:
    """The field that dates a row's last change; where none is read by, the one that dates its making."""
    return table.cursor_field or table.born_field


def between(
    table: CrmTable,
    columns: Sequence[Column],
    since: datetime | None,
    until: datetime | None,
) -> TableQuery:
    """Rows with `since <= stamp < until`; None leaves that side open. A table without a cursor field is read in full."""
    stamp, conditions = table.cursor_field, list[str]()
    if stamp and since:
        conditions.append(f"{stamp} >= {_literal(since)}")
    if stamp and until:
        conditions.append(f"{stamp} < {_literal(until)}")
    return TableQuery(table, tuple(columns), tuple(conditions))


def alive(table: CrmTable, born_before: datetime) -> TableQuery:
    """Rows that are not deleted and were created before a moment, archived ones too, which only queryAll finds."""
    conditions = [f"{table.born_field} < {_literal(born_before)}"]
    if any(column.field == "IsDeleted" for column in table.columns):
        conditions.append("IsDeleted = false")
    return TableQuery(table, (), tuple(conditions))


def having(table: CrmTable, columns: Sequence[Column], field: str, ids: Sequence[str]) -> TableQuery:
    """Rows whose `field` is one of `ids`.

    Raises:
        ValueError: one of them is no Salesforce Id.
    """
    for value in ids:
        if not _ID.fullmatch(value):
            raise ValueError(
                f"{table.salesforce_object}.{field}: expected Salesforce Ids of 15 or 18 letters and digits, got {value!r}"
            )
    values = ",".join(f"'{value}'" for value in ids)
    return TableQuery(table, tuple(columns), (f"{field} IN ({values})",))


def _literal(moment: datetime) -> str:
    """A SOQL dateTime, in UTC to the millisecond, which is how finely Salesforce keeps its stamps."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
