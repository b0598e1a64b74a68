"""All objects of one sync, side by side, each alone in its failure."""

import threading
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from datetime import datetime, timedelta

from salesinsight_assets.domain.crm.source import CrmSource, QuotaReachedError, SourceUsage
from salesinsight_assets.domain.crm.sync.one_object import ObjectSync
from salesinsight_assets.domain.crm.sync.policy import SyncPolicy
from salesinsight_assets.domain.crm.sync.result import ObjectResult, SyncStatus, SyncWatch, Unwatched
from salesinsight_assets.domain.crm.sync.store import CrmStore
from salesinsight_assets.domain.crm.tables import OPPORTUNITIES, CrmTable


def sync_tables(
    source: CrmSource,
    store: CrmStore,
    tables: Sequence[CrmTable],
    lookback: timedelta,
    policy: SyncPolicy | None = None,
    watch: SyncWatch | None = None,
) -> list[ObjectResult]:
    """Bring `store` up to the source's present, one result per table, in their order.

    Each table is read from its cursor less `lookback`, because rows become visible some time after their stamp. A table
    that fails is reported as failed, with what of it was stored before; the others go on.

    Raises:
        Exception: whatever the source raises when it cannot even tell its time, such as a refused login.
    """
    run = _Run(source, store, lookback, policy or SyncPolicy(), watch or Unwatched())
    return run.results(tables)


def unread(store: CrmStore, tables: Sequence[CrmTable], error: str, now: datetime) -> list[ObjectResult]:
    """The results of a sync that could ask nothing: every object as stale as its stored rows are old.

    An optional object of which nothing was ever read counts as absent.
    """
    memories = [store.memory(table.name) for table in tables]
    return [
        ObjectResult(
            table=table.name,
            salesforce_object=table.salesforce_object,
            status="skipped" if table.is_optional and memory.synced_at is None else "failed",
            cursor_before=memory.cursor,
            cursor_after=memory.cursor,
            age_seconds=(now - memory.synced_at).total_seconds() if memory.synced_at else None,
            error=error,
        )
        for table, memory in zip(tables, memories, strict=True)
    ]


class _StoppedError(Exception):
    """The sync was told to stop."""


class _Run:
    def __init__(
        self, source: CrmSource, store: CrmStore, lookback: timedelta, policy: SyncPolicy, watch: SyncWatch
    ) -> None:
        self._source, self._store, self._watch = source, store, watch
        self._lookback, self._policy = lookback, policy
        self._telling = threading.Lock()
        self._is_stopped = threading.Event()

    def results(self, tables: Sequence[CrmTable]) -> list[ObjectResult]:
        now = self._source.server_time()
        started: dict[str, Future[ObjectResult]] = {}
        with ThreadPoolExecutor(self._policy.objects_at_once, thread_name_prefix="sync") as pool:
            # opportunities first: what hangs on them waits until their deletions are known
            for table in sorted(tables, key=lambda table: table.name != OPPORTUNITIES.name):
                parent = started.get(OPPORTUNITIES.name) if "opportunity_id" in table.column_names else None
                started[table.name] = pool.submit(self._result, table, now, parent)
            try:
                return [started[table.name].result() for table in tables]
            except BaseException:
                self._is_stopped.set()
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _result(self, table: CrmTable, now: datetime, parent: Future[ObjectResult] | None) -> ObjectResult:
        if parent:
            parent.result()
        with closing(self._source.sibling()) as source, closing(self._store):
            result = self._brought_up(source, table, now)
        with self._telling:
            self._watch.done(result)
        return result

    def _brought_up(self, source: CrmSource, table: CrmTable, now: datetime) -> ObjectResult:
        before, error = source.usage(), None
        sync = ObjectSync(
            source, self._store, table, self._lookback, self._policy, now, lambda *rows: self._told(table, *rows)
        )
        status: SyncStatus
        try:
            status = "complete" if sync.bring_up() else "skipped"
        except QuotaReachedError as reached:
            status, error = "incomplete", _line(reached)
        except Exception as failure:  # noqa: BLE001 - any failure of one object, foreseen or not, must leave the others alone
            status, error = "failed", _line(failure)
        return _as_result(sync, table, status, error, source.usage().since(before), now)

    def _told(self, table: CrmTable, read: int, expected: int | None) -> None:
        if self._is_stopped.is_set():
            raise _StoppedError
        with self._telling:
            self._watch.rows(table.name, read, expected)


def _line(failure: Exception) -> str:
    return f"{type(failure).__name__}: {' '.join(str(failure).split())}"


def _as_result(
    sync: ObjectSync, table: CrmTable, status: SyncStatus, error: str | None, spent: SourceUsage, now: datetime
) -> ObjectResult:
    done = sync.progress
    cursor, synced_at = done.memory.cursor, done.memory.synced_at
    return ObjectResult(
        table=table.name,
        salesforce_object=table.salesforce_object,
        status=status,
        rows_read=done.rows_read,
        rows_inserted=done.counts.inserted,
        rows_updated=done.counts.updated,
        rows_deleted=done.counts.deleted,
        rows_refilled=done.rows_refilled,
        crm_rows=done.crm_rows,
        stored_rows=done.stored_rows,
        cursor_before=done.cursor_before,
        cursor_after=cursor,
        missing_columns=done.fields.missing,
        new_columns=tuple(column.name for column in done.fields.new),
        type_changes=dict(done.fields.type_changes),
        is_compared=done.is_compared,
        retries=spent.retries,
        api_calls=spent.api_calls,
        seconds=spent.seconds,
        age_seconds=(now - synced_at).total_seconds() if synced_at else None,
        error=error,
    )
