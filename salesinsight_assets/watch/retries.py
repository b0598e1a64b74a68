"""Runs that Dagster was to repeat and dropped: it tries once, and gives up those whose code does not load just then.

That is so after an outage of the database, which ends the code server as well. Dagster is made to look at their failure again, so
that it repeats them as it would have: once, and from their failure.
"""

from collections.abc import Iterator
from datetime import datetime, timedelta

import dagster as dg
from dagster._core.storage.tags import BACKFILL_ID_TAG, PARENT_RUN_ID_TAG, WILL_RETRY_TAG

from salesinsight_assets.shared_names import LOCATION_TAGS

CURSOR_KEY = "EVENT_LOG_CONSUMER_CURSOR-PIPELINE_FAILURE"
"""Under which Dagster keeps the number of the last failure that it has looked at."""
TRIED_FOR = timedelta(hours=1)
"""By then the code loads again, or it will not."""
_DROPPED = "Failed to retry run"
"""What Dagster notes on a run that it drops; it then marks it as one that is not to be repeated."""


def look_again_at_dropped_runs(instance: dg.DagsterInstance, at: datetime) -> int:
    """Set Dagster back before the first failure of a run that it dropped; the number of such runs.

    What it has repeated already it leaves alone when it passes it again.
    """
    dropped = {run.run_id: number for run, number in _dropped(instance, at)}
    if dropped:
        for run_id in dropped:
            instance.add_run_tags(run_id, {WILL_RETRY_TAG: "true"})
        instance.daemon_cursor_storage.set_cursor_values({CURSOR_KEY: str(min(dropped.values()) - 1)})
    return len(dropped)


def _dropped(instance: dg.DagsterInstance, at: datetime) -> Iterator[tuple[dg.DagsterRun, int]]:
    """Runs that were dropped and nobody has repeated since, each with the number of its failure."""
    filters = dg.RunsFilter(
        statuses=[dg.DagsterRunStatus.FAILURE],
        tags={WILL_RETRY_TAG: "false", **LOCATION_TAGS},
        updated_after=at - TRIED_FOR,
    )
    for run in instance.get_runs(filters):
        if BACKFILL_ID_TAG in run.tags:  # of a backfill that has ended none is repeated
            continue
        if not _is_dropped(instance, run) or _is_repeated(instance, run):
            continue
        failures = instance.get_records_for_run(run.run_id, of_type=dg.DagsterEventType.RUN_FAILURE).records
        yield run, failures[-1].storage_id


def _is_dropped(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    events = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
    return any(entry.dagster_event is not None and entry.dagster_event.message == _DROPPED for entry in events)


def _is_repeated(instance: dg.DagsterInstance, run: dg.DagsterRun) -> bool:
    return bool(instance.get_runs(dg.RunsFilter(tags={PARENT_RUN_ID_TAG: run.run_id}), limit=1))
