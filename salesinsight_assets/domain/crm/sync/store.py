"""Where CRM rows go: what the sync asks of a store, and what the store remembers for it.

`adapters.warehouse` is one. What belongs elsewhere: what becomes of a row that changed (there, `merge`).
"""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, Protocol

import pyarrow as pa

from salesinsight_assets.domain.crm.tables import CrmTable


class FilledFrom(NamedTuple):
    """Which Salesforce field filled a column last, and of which Salesforce type it was."""

    field: str
    type: str


@dataclass(frozen=True)
class TableMemory:
    """What is remembered of a table's syncs.

    It is complete up to `cursor` (None: nothing was ever read) and as good as of `synced_at`; deletions are known up to
    `deletes_cursor`; all its Ids were last compared at `reconciled_at`.
    """

    cursor: datetime | None = None
    synced_at: datetime | None = None
    deletes_cursor: datetime | None = None
    reconciled_at: datetime | None = None
    salesforce_object: str | None = None
    fields: Mapping[str, FilledFrom] = field(default_factory=dict[str, FilledFrom])


@dataclass(frozen=True)
class MergeCounts:
    """How many rows a merge stored for the first time, changed, and marked as deleted."""

    inserted: int = 0
    updated: int = 0
    deleted: int = 0

    def __add__(self, other: "MergeCounts") -> "MergeCounts":
        return MergeCounts(self.inserted + other.inserted, self.updated + other.updated, self.deleted + other.deleted)


@dataclass(frozen=True)
class Ending:
    """What is stored along with the last batch: the new memory, and rows that are gone, each with its moment.

    `silent_changes_at` dates a content that differs although the stamp does not; None: it was so since that stamp.
    """

    memory: TableMemory
    gone: Mapping[str, datetime] = field(default_factory=dict[str, datetime])
    silent_changes_at: datetime | None = None


@dataclass(frozen=True)
class Comparison:
    """Stored rows against what the CRM has: Ids that are `absent` there, and Ids that are unknown or differ here."""

    alive: int
    absent: Sequence[str]
    differing: Sequence[str]


class CrmStore(Protocol):
    """Where CRM rows go. Several threads use it at once, each for tables of its own."""

    def memory(self, table: str) -> TableMemory:
        """What is remembered of a table; an empty memory before its first sync."""
        ...

    def merge(
        self, table: CrmTable, batches: Iterable[pa.Table], *, synced_at: datetime, ending: Callable[[], Ending]
    ) -> MergeCounts:
        """Upsert `batches` by Id, mark what is gone and note the memory, in one transaction.

        `ending` is asked once all batches were read; an error before that leaves all as it was. The last of several rows
        with one Id counts. A column that the batches lack keeps its stored values.
        """
        ...

    def restate(self, table: CrmTable, batches: Iterable[pa.Table], *, synced_at: datetime, memory: TableMemory) -> int:
        """Fill columns of stored rows where Id and stamp are the same, and note the memory; how many rows changed."""
        ...

    def compare(self, table: CrmTable, batches: Iterable[pa.Table]) -> Comparison:
        """The current rows against batches of Ids, stamps and other columns of all rows that the CRM has."""
        ...

    def alive_ids(self, table: str, ids: Collection[str] | None = None) -> set[str]:
        """Those of `ids` (None: of all) that are stored and not deleted."""
        ...

    def alive_children(self, table: str, parent_column: str, parents: Collection[str]) -> set[str]:
        """Ids of stored rows, not deleted, that hang on one of `parents`."""
        ...

    def flipped_opportunities(self, since: datetime) -> list[str]:
        """Opportunities that syncs since that moment found deleted or restored."""
        ...

    def alive_count(self, table: CrmTable, born_before: datetime) -> int:
        """How many rows that are not deleted were created before a moment."""
        ...

    def close(self) -> None:
        """Give up what this thread holds."""
        ...
