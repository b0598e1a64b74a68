"""The sync: what changed in Salesforce since the last time, object by object, into the store.

Knows in which order things happen and what a failure of one object means for the others. What belongs elsewhere: how
Salesforce is asked (adapters.salesforce), how rows are stored (adapters.warehouse), what rows hold (rows).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, Protocol

import pyarrow as pa

from salesinsight_assets.domain.crm.source import SourceUsage
from salesinsight_assets.domain.crm.tables import Column, CrmTable

SyncStatus = Literal["complete", "failed", "skipped"]
SOURCE = "salesforce"


@dataclass(frozen=True)
class MergeCounts:
    """How many rows a merge stored for the first time, changed, and marked as deleted."""

    inserted: int
    updated: int
    deleted: int


class CrmSource(Protocol):
    """Where CRM rows come from."""

    def server_time(self) -> datetime:
        """The source's own time in UTC, never the worker's."""
        ...

    def field_types(self, table: CrmTable) -> Mapping[str, str] | None:
        """Salesforce type by field, of every readable field of the table's object; None where there is no object."""
        ...

    def changes(
        self, table: CrmTable, columns: Sequence[Column], since: datetime | None, until: datetime
    ) -> Iterator[pa.Table]:
        """Batches of `arrow_schema(table, columns)`: rows, deleted ones too, with `since <= stamp < until`.

        `since` None means from the beginning. Where a read had to start again, an Id comes more than once.
        """
        ...

    def usage(self) -> SourceUsage:
        """What was spent so far."""
        ...


class CrmStore(Protocol):
    """Where CRM rows go."""

    def cursor(self, table: str) -> datetime | None:
        """The moment up to which `table` is complete; None before its first load."""
        ...

    def merge(
        self,
        table: CrmTable,
        batches: Iterable[pa.Table],
        *,
        source: str,
        synced_at: datetime,
        cursor: datetime | None,
    ) -> MergeCounts:
        """Upsert `batches` by Id and move the cursor, in one transaction; an error while reading leaves both as before.

        The last of several rows with one Id counts. A column that the batches lack keeps its stored values.
        """
        ...


@dataclass(frozen=True)
class ObjectResult:
    """How the sync of one object went. `rows_read` counts a row again where a read had to start again."""

    table: str
    salesforce_object: str
    status: SyncStatus
    rows_read: int = 0
    rows_inserted: int = 0
    rows_updated: int = 0
    rows_deleted: int = 0
    cursor_before: datetime | None = None
    cursor_after: datetime | None = None
    missing_columns: tuple[str, ...] = ()
    retries: int = 0
    api_calls: int = 0
    seconds: float = 0.0
    error: str | None = None


class MissingFieldsError(ValueError):
    """An object, or a field that every row needs, cannot be read."""


# The server tells its time in whole seconds, rounded down. Reading one second further takes in the rows of the second
# that has begun, while the cursor stays on the time told and so never passes a row that is not stored.
_STARTED_SECOND = timedelta(seconds=1)


def sync_tables(
    source: CrmSource,
    store: CrmStore,
    tables: Sequence[CrmTable],
    lookback: timedelta,
    progress: Callable[[ObjectResult], None] | None = None,
) -> list[ObjectResult]:
    """Bring `store` up to the source's present, one result per table, in their order.

    Each table is read from its cursor less `lookback`, because rows become visible some time after their stamp. A table
    that fails is reported as failed and left as it was; the others go on. `progress` is told each result.

    Raises:
        Exception: whatever the source raises when it cannot even tell its time, such as a refused login.
    """
    now = source.server_time()
    results: list[ObjectResult] = []
    for table in tables:
        results.append(_sync_table(source, store, table, lookback, now))
        if progress:
            progress(results[-1])
    return results


def readable_columns(table: CrmTable, fields: Mapping[str, str] | None) -> list[Column]:
    """The columns of `table` that can be filled from the readable `fields`; empty where an optional object is absent.

    Raises:
        MissingFieldsError: a required object or column cannot be read, by name.
    """
    if fields is None and table.is_optional:
        return []
    columns = [column for column in table.columns if column.field in (fields or {})]
    lost = [column.field for column in table.columns if column.is_required and column not in columns]
    if lost:
        found = "no such object" if fields is None else f"no {', '.join(lost)}"
        raise MissingFieldsError(
            f"{table.name}: expected to read {', '.join(lost)} of {table.salesforce_object}, got {found}; let the "
            f"integration user read them, or name their new place under [crm.{table.name}] in salesinsight.toml"
        )
    return columns


class _Attempt:
    """The result of one table as it comes about, so that a failure can tell how far it got."""

    def __init__(self, table: CrmTable) -> None:
        self.table = table
        self.cursor: datetime | None = None
        self.columns: list[Column] = []
        self.rows_read = 0

    def counted(self, batches: Iterable[pa.Table]) -> Iterator[pa.Table]:
        for batch in batches:
            self.rows_read += batch.num_rows
            yield batch


def _sync_table(
    source: CrmSource, store: CrmStore, table: CrmTable, lookback: timedelta, now: datetime
) -> ObjectResult:
    before, attempt = source.usage(), _Attempt(table)
    status: SyncStatus = "failed"
    counts, error = MergeCounts(0, 0, 0), None
    try:
        merged = _merged(source, store, attempt, lookback, now)
        counts, status = (merged, "complete") if merged else (counts, "skipped")
    except Exception as failure:  # noqa: BLE001 - any failure of one object, foreseen or not, must leave the others alone
        error = f"{type(failure).__name__}: {' '.join(str(failure).split())}"
    spent = source.usage().since(before)
    return ObjectResult(
        table=table.name,
        salesforce_object=table.salesforce_object,
        status=status,
        rows_read=attempt.rows_read,
        rows_inserted=counts.inserted,
        rows_updated=counts.updated,
        rows_deleted=counts.deleted,
        cursor_before=attempt.cursor,
        cursor_after=now if status == "complete" else attempt.cursor,
        missing_columns=_missing(attempt),
        retries=spent.retries,
        api_calls=spent.api_calls,
        seconds=spent.seconds,
        error=error,
    )


def _merged(
    source: CrmSource, store: CrmStore, attempt: _Attempt, lookback: timedelta, now: datetime
) -> MergeCounts | None:
    """Counts of the merge; None where the object is optional and absent."""
    table = attempt.table
    attempt.cursor = store.cursor(table.name)
    attempt.columns = readable_columns(table, source.field_types(table))
    if not attempt.columns:
        return None
    since = attempt.cursor - lookback if table.cursor_field and attempt.cursor else None
    batches = source.changes(table, attempt.columns, since, now + _STARTED_SECOND)
    return store.merge(table, attempt.counted(batches), source=SOURCE, synced_at=now, cursor=now)


def _missing(attempt: _Attempt) -> tuple[str, ...]:
    """Columns whose old values stay because their field could not be read."""
    if not attempt.columns:
        return ()
    return tuple(column.name for column in attempt.table.columns if column not in attempt.columns)
