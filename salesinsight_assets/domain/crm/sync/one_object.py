"""The sync of one object: its fields, its changes, its deletions, its new columns, and the comparison with the CRM.

What is stored at each step is whole in itself, so that a sync that ends anywhere is taken up by the next one. What belongs
elsewhere: the order of the objects and what a failure of one means for the others (run).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from itertools import chain

import pyarrow as pa

from salesinsight_assets.domain.crm.source import CrmSource
from salesinsight_assets.domain.crm.sync.fields import ReadableFields, readable_fields
from salesinsight_assets.domain.crm.sync.policy import SyncPolicy
from salesinsight_assets.domain.crm.sync.slices import slices
from salesinsight_assets.domain.crm.sync.store import CrmStore, Ending, FilledFrom, MergeCounts, TableMemory
from salesinsight_assets.domain.crm.tables import Column, CrmTable

_STARTED_SECOND = timedelta(seconds=1)
"""The server tells its time in whole seconds, rounded down. Reading one second further takes in the rows of the second that
has begun, while the cursor stays on the time told and so never passes a row that is not stored."""
_MOST_IDS_ASKED_FOR = 10_000
"""Beyond this many Ids a whole read costs less than asking for each."""
_PARENT_COLUMN = "opportunity_id"


class MissingRowsError(ValueError):
    """So many stored rows are missing in the CRM at once that a lost right is likelier than deletions."""


@dataclass
class Progress:
    """What the sync of one object has done so far, also where it ends early."""

    fields: ReadableFields
    memory: TableMemory
    cursor_before: datetime | None = None
    rows_read: int = 0
    counts: MergeCounts = field(default_factory=MergeCounts)
    rows_refilled: int = 0
    crm_rows: int | None = None
    stored_rows: int | None = None
    is_compared: bool = False


class ObjectSync:
    """One object on its way from `source` to `store`; `now` is the source's time at which the sync began.

    `told` is called with the rows read and those expected, batch by batch; what it raises ends the sync.
    """

    def __init__(
        self,
        source: CrmSource,
        store: CrmStore,
        table: CrmTable,
        lookback: timedelta,
        policy: SyncPolicy,
        now: datetime,
        told: Callable[[int, int | None], None],
    ) -> None:
        self.progress = Progress(ReadableFields(), TableMemory())
        self._source, self._store, self._table = source, store, table
        self._lookback, self._policy, self._now, self._told = lookback, policy, now, told
        self._until = now + _STARTED_SECOND
        self._expected: int | None = None
        self._seen_deleted: set[str] = set()
        self._gone: dict[str, datetime] = {}
        self._deletes_cursor: datetime | None = None
        self._must_compare = False

    def bring_up(self) -> bool:
        """Make the store's table equal to the CRM's object as of `now`; False where an optional object is absent."""
        progress = self.progress
        progress.memory = self._remembered()
        progress.cursor_before = progress.memory.cursor
        progress.fields = readable_fields(self._table, self._source.described(self._table), progress.memory.fields)
        if not progress.fields.columns:
            return False
        if self._table.cursor_field is None:
            self._read_in_full()
            return True
        self._read_changes()
        self._fill_new_columns()
        self._compare_where_due()
        return True

    def _remembered(self) -> TableMemory:
        memory = self._store.memory(self._table.name)
        if memory.salesforce_object in (None, self._table.salesforce_object):
            return memory
        # another object from now on: nothing read so far counts, and what the new one lacks is gone
        self._must_compare = True
        return TableMemory(synced_at=memory.synced_at)

    # --- the rows ---

    def _read_in_full(self) -> None:
        """Every row; stored ones that do not come are gone."""
        seen: set[str] = set()

        def ending() -> Ending:
            absent = self._store.alive_ids(self._table.name) - seen
            if not (seen or self._table.is_optional):
                self._require_plausible(len(absent), len(absent), most_missing=0)
            return Ending(self._complete_memory(), dict.fromkeys(absent, self._now))

        self._merge(_noting_ids(self._changes(self.progress.fields.columns, None, self._until), seen), ending)

    def _read_changes(self) -> None:
        cursor = self.progress.memory.cursor
        since = cursor - self._lookback if cursor else None
        for part in slices(self._source, self._table, since, self._until, self._policy.rows_at_once):
            self._expected = part.of
            rows = self._changes(self.progress.fields.columns, part.since, part.until, part.rows)
            if part.until < self._until:
                memory = self._partial_memory(part.until)
                self._merge(rows, lambda memory=memory: Ending(memory))
            else:
                self._merge(chain(rows, self._rows_told_deleted(), self._rows_of_flipped_parents()), self._ending)

    def _changes(
        self, columns: Sequence[Column], since: datetime | None, until: datetime | None, expected: int | None = None
    ) -> Iterator[pa.Table]:
        return self._source.changes(self._table, columns, since, until, expected)

    def _merge(self, rows: Iterable[pa.Table], ending: Callable[[], Ending]) -> None:
        noted = _Noted(ending)
        counts = self._store.merge(self._table, self._counted(rows), synced_at=self._now, ending=noted)
        self.progress.counts += counts
        self.progress.memory = noted.memory or self.progress.memory

    def _counted(self, batches: Iterable[pa.Table]) -> Iterator[pa.Table]:
        for batch in batches:
            self.progress.rows_read += batch.num_rows
            if "is_deleted" in batch.column_names:
                self._seen_deleted.update(batch.filter(batch["is_deleted"])["id"].to_pylist())
            self._told(self.progress.rows_read, self._expected)
            yield batch

    # --- what is remembered ---

    def _ending(self) -> Ending:
        # a row that is created and never changed has no other stamp: what differs has changed since, unseen
        is_silent = self._table.stamp_column == "created_date"
        return Ending(self._complete_memory(), dict(self._gone), self._now if is_silent else None)

    def _complete_memory(self) -> TableMemory:
        before = self.progress.memory
        is_whole = before.reconciled_at is None and not self._must_compare
        return replace(
            before,
            cursor=self._now,
            synced_at=self._now,
            deletes_cursor=self._deletes_cursor or before.deletes_cursor or self._now,
            reconciled_at=self._now if is_whole else before.reconciled_at,
            salesforce_object=self._table.salesforce_object,
            fields=self._fields_filled(),
        )

    def _partial_memory(self, end: datetime) -> TableMemory:
        """As far as an unfinished read has come; the table is only as good as of then."""
        before = self.progress.memory
        cursor = max(end, before.cursor or end)
        return replace(
            before,
            cursor=cursor,
            synced_at=cursor,
            deletes_cursor=before.deletes_cursor or self._now,
            salesforce_object=self._table.salesforce_object,
            fields=self._fields_filled(),
        )

    def _fields_filled(self) -> Mapping[str, FilledFrom]:
        """The origin of the columns, but for new ones until they are filled in all rows."""
        fields = self.progress.fields
        if self._table.cursor_field is None:
            return fields.filled_from
        new = {column.name for column in fields.new}
        return {name: origin for name, origin in fields.filled_from.items() if name not in new}

    # --- what is gone ---

    def _rows_told_deleted(self) -> Iterator[pa.Table]:
        """Rows that the org says were deleted and that no query has shown deleted: those not found are gone."""
        since = self.progress.memory.deletes_cursor
        if since is None:  # known of a first load only by what is read; of rows stored long ago by a comparison
            self._must_compare = self._must_compare or self.progress.cursor_before is not None
            return
        if not self.progress.fields.tells_deletions:
            return
        told = self._source.deletions(self._table, since - self._lookback, self._now)
        if told is None:
            self._must_compare = True
            return
        self._deletes_cursor = min(told.covered_until, self._now)
        suspects = self._store.alive_ids(self._table.name, told.deleted_at) - self._seen_deleted
        yield from self._rows_found("id", suspects, suspects, told.deleted_at)

    def _rows_of_flipped_parents(self) -> Iterator[pa.Table]:
        """Rows that follow their opportunity into the recycle bin and back without a stamp, where the org tells no other way."""
        since = self.progress.memory.synced_at
        if since is None or self.progress.cursor_before is None or not self._follows_its_parent:
            return
        parents = self._store.flipped_opportunities(since)
        if len(parents) > _MOST_IDS_ASKED_FOR:
            self._must_compare = True
            return
        children = self._store.alive_children(self._table.name, _PARENT_COLUMN, parents)
        yield from self._rows_found(_PARENT_COLUMN, parents, children, {})

    @property
    def _follows_its_parent(self) -> bool:
        has_parent = _PARENT_COLUMN in {column.name for column in self.progress.fields.columns}
        return has_parent and (self._table.stamp_column == "created_date" or not self.progress.fields.tells_deletions)

    def _rows_found(
        self, column: str, values: Iterable[str], suspects: set[str], gone_at: Mapping[str, datetime]
    ) -> Iterator[pa.Table]:
        """Rows with one of `values` in `column`; of `suspects` those that are not among them are gone."""
        asked, seen = sorted(values), set[str]()
        if asked:
            field = self._table.column(column).field
            found = self._source.rows_with(self._table, self.progress.fields.columns, field, asked)
            yield from _noting_ids(found, seen)
        self._gone |= {record: gone_at.get(record, self._now) for record in suspects - seen}

    # --- columns that could not be filled before ---

    def _fill_new_columns(self) -> None:
        fields, memory = self.progress.fields, self.progress.memory
        if not fields.new:
            return
        columns = [column for column in fields.columns if column in fields.new or column in self._identity]
        filled = replace(memory, fields=fields.filled_from)
        rows = self._watched(self._changes(columns, None, None))
        self.progress.rows_refilled = self._store.restate(self._table, rows, synced_at=self._now, memory=filled)
        self.progress.memory = filled

    @property
    def _identity(self) -> list[Column]:
        """Id and stamps, and whether a row is deleted: what a row is recognized and compared by."""
        names = ("id", self._table.stamp_column, "is_deleted")
        return [column for column in self.progress.fields.columns if column.name in names]

    def _watched(self, batches: Iterable[pa.Table]) -> Iterator[pa.Table]:
        for batch in batches:
            self._told(self.progress.rows_read, self._expected)
            yield batch

    # --- the comparison with the CRM ---

    def _compare_where_due(self) -> None:
        last = self.progress.memory.reconciled_at
        is_due = last is None or self._now - last >= self._policy.comparison_interval
        if self._must_compare or is_due or not self._count():
            self._compare()
            self._count()

    def _count(self) -> bool:
        """Whether the CRM counts as many rows as are stored, or cannot count them."""
        progress = self.progress
        progress.crm_rows = self._source.count_alive(self._table, self._now)
        progress.stored_rows = self._store.alive_count(self._table, self._now)
        return progress.crm_rows in (None, progress.stored_rows)

    def _compare(self) -> None:
        """Compare every Id and stamp, and what changes without one; read what differs, mark what is gone."""
        fields = self.progress.fields
        columns = [column for column in fields.columns if column in self._identity or column in fields.silent]
        found = self._store.compare(self._table, self._watched(self._changes(columns, None, None)))
        most_missing = max(self._policy.most_missing_rows, self._policy.most_missing_share * found.alive)
        self._require_plausible(len(found.absent), found.alive, most_missing)
        if len(found.differing) > _MOST_IDS_ASKED_FOR:
            rows = self._changes(fields.columns, None, None)
        else:
            rows = self._rows_found("id", found.differing, set(), {})
        gone = dict.fromkeys(found.absent, self._now)
        memory = replace(self.progress.memory, reconciled_at=self._now)
        self._merge(rows, lambda: Ending(memory, gone, silent_changes_at=self._now))
        self.progress.is_compared = True

    def _require_plausible(self, missing: int, stored: int, most_missing: float) -> None:
        """Raises MissingRowsError where more rows are missing than people delete."""
        if missing > most_missing:
            raise MissingRowsError(
                f"{self._table.salesforce_object}: expected most of {stored:,} stored rows to be there still, got "
                f"{missing:,} that the CRM does not show; give the integration user the right to see all records, or, where "
                "they were deleted, raise most_missing_share under [sync] in salesinsight.toml for one sync"
            )


class _Noted:
    """An ending that is kept once it was asked for."""

    def __init__(self, ending: Callable[[], Ending]) -> None:
        self._ending = ending
        self.memory: TableMemory | None = None

    def __call__(self) -> Ending:
        ending = self._ending()
        self.memory = ending.memory
        return ending


def _noting_ids(batches: Iterable[pa.Table], seen: set[str]) -> Iterator[pa.Table]:
    for batch in batches:
        seen.update(batch["id"].to_pylist())
        yield batch
