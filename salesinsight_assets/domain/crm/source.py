"""Where CRM rows come from: what the sync asks of a source, and in which terms it is answered.

`adapters.salesforce` answers for a Salesforce org. What belongs elsewhere: in which order the sync asks (sync).
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import pyarrow as pa

from salesinsight_assets.domain.crm.tables import Column, CrmTable


class QuotaReachedError(Exception):
    """The org's calls are used up, or as many of them as may be used; the next sync goes on from here."""


@dataclass(frozen=True)
class ObjectDescription:
    """What an object shows: Salesforce type by field, compound fields among them, and which of the fields are formulas.

    A formula changes without moving its row's stamp. `tells_deletions` says whether the org can be asked what was
    deleted of the object.
    """

    types: Mapping[str, str]
    formulas: frozenset[str] = frozenset()
    tells_deletions: bool = True


@dataclass(frozen=True)
class Deletions:
    """Ids that were deleted, each with its moment. Later deletions than `covered_until` may be missing."""

    deleted_at: Mapping[str, datetime]
    covered_until: datetime


@dataclass(frozen=True)
class SourceUsage:
    """What a source has spent so far: calls, repeated calls and seconds on its own monotonic clock."""

    api_calls: int
    retries: int
    seconds: float

    def since(self, earlier: "SourceUsage") -> "SourceUsage":
        """What was spent after `earlier`."""
        return SourceUsage(
            self.api_calls - earlier.api_calls, self.retries - earlier.retries, self.seconds - earlier.seconds
        )


class CrmSource(Protocol):
    """Where CRM rows come from. One source is used by one thread at a time.

    Every batch is an Arrow table of `arrow_schema(table, columns)`. Where a read had to start again, an Id comes more
    than once; the last one counts.
    """

    def server_time(self) -> datetime:
        """The source's own time in UTC, never the worker's."""
        ...

    def described(self, table: CrmTable) -> ObjectDescription | None:
        """What may be read of the table's object; None where there is no such object."""
        ...

    def count(self, table: CrmTable, since: datetime | None, until: datetime | None) -> int | None:
        """How many rows there are with `since <= stamp < until`, a bound of None leaving that side open.

        None: they are too many to be counted in time.
        """
        ...

    def count_alive(self, table: CrmTable, born_before: datetime) -> int | None:
        """How many rows that are not deleted were created before a moment; None: too many to be counted in time."""
        ...

    def first_stamp(self, table: CrmTable) -> datetime | None:
        """The earliest stamp of any row; None where there are no rows."""
        ...

    def changes(
        self,
        table: CrmTable,
        columns: Sequence[Column],
        since: datetime | None,
        until: datetime | None,
        expected_rows: int | None = None,
    ) -> Iterator[pa.Table]:
        """Rows, deleted and archived ones too, with `since <= stamp < until`; None leaves that side open.

        `expected_rows`, where known, chooses the way to read: a few by REST, many by Bulk.
        """
        ...

    def rows_with(
        self, table: CrmTable, columns: Sequence[Column], field: str, values: Sequence[str]
    ) -> Iterator[pa.Table]:
        """Rows, deleted and archived ones too, whose Salesforce `field` (an Id or a reference) is one of `values`."""
        ...

    def deletions(self, table: CrmTable, since: datetime, until: datetime) -> Deletions | None:
        """What was deleted between two moments; None where the org cannot tell, or no more that far back."""
        ...

    def usage(self) -> SourceUsage:
        """What was spent so far."""
        ...

    def sibling(self) -> "CrmSource":
        """Another source of the same CRM, for a thread of its own; both share one login and one budget of repeats."""
        ...

    def close(self) -> None:
        """Close the connections."""
        ...
