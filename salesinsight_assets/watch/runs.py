"""What went wrong in runs: steps that failed, processes that were ended, and steps that take much longer than usual.

All of it is read anew at each look, so that what a restart of the daemon slept through is found too, and what was repaired, by
whatever run, is gone.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.storage.tags import BACKFILL_ID_TAG, PARTITION_NAME_TAG, ROOT_RUN_ID_TAG, WILL_RETRY_TAG

from salesinsight_assets.domain.monitoring.duration import slow_from_seconds, usual_seconds
from salesinsight_assets.domain.monitoring.incidents import Finding, Severity
from salesinsight_assets.domain.monitoring.pages import CRM_STEP
from salesinsight_assets.domain.monitoring.watch_policy import WatchPolicy
from salesinsight_assets.resources import CompanyResource
from salesinsight_assets.shared_names import LOCATION_TAGS
from salesinsight_assets.watch.lateness import made_at
from salesinsight_assets.watch.lineage import Lineage

if TYPE_CHECKING:
    from dagster._core.storage.dagster_run import RunRecord

_MOST_RUNS = 200
"""Failed runs that a look goes through, the newest first."""
_GIVEN_UP_FOR = timedelta(days=1)
_MOST_CHARACTERS = 600
"""Of one error: the run's page shows the rest."""
_OUR_OWN = "dagster._core.definitions.events.Failure: "
"""Before a message that is written for people."""
_SOMEBODY_IS_THERE = ("dagster/from_ui", BACKFILL_ID_TAG)
"""Tags of runs that a person started, and looks at."""
_SAYS_NOTHING = "This run has been marked as failed from outside"
TOLD_ANYWAY = timedelta(seconds=90)
"""A process that was ended is told of also where its run was repeated at once: what ended it may come again. It lasts so much
longer than the time to settle, so that a look sees it."""
_CONSEQUENCES = {
    CRM_STEP: "Until Salesforce is read again nobody is alerted: repair the access, or import a CSV",
}


def failed(instance: dg.DagsterInstance, lineage: Lineage, company: CompanyResource, at: datetime) -> list[Finding]:
    """A finding for each step that failed, or whose process was ended, in the last days and was not repaired since.

    A day longer than it is told of: whoever closes its incident must know that it was not repaired.
    """
    policy = company.policies.watch
    since = at - timedelta(hours=policy.failures_last_hours) - _GIVEN_UP_FOR
    filters = dg.RunsFilter(statuses=[dg.DagsterRunStatus.FAILURE], updated_after=since, tags=LOCATION_TAGS)
    records = instance.get_run_records(filters, limit=_MOST_RUNS)
    found = [(record, finding) for record in records for finding in _of_run(instance, lineage, record)]
    told_anyway = at - timedelta(seconds=policy.settle_seconds) - TOLD_ANYWAY
    return [
        finding
        for record, finding in found
        if (finding.symptom == "lost" and finding.until(at) > told_anyway)
        or not _is_repaired(instance, lineage, record, finding)
    ]


def _of_run(instance: dg.DagsterInstance, lineage: Lineage, record: "RunRecord") -> Iterator[Finding]:
    run, began, ended = record.dagster_run, _began(record), _ended(record)
    severity = _severity(run)
    partition = run.tags.get(PARTITION_NAME_TAG)
    errors = _errors(instance, run.run_id)
    for step_key, error in errors:
        step = lineage.step(step_key)
        details = [line for line in (error, _CONSEQUENCES.get(step)) if line]
        yield Finding(step, "failed", began, ended, partition, run.run_id, tuple(details), severity)
    if not errors:
        step = lineage.step(
            _running_step(instance, run.run_id) or lineage.first(lineage.assets_of(run)) or run.job_name
        )
        heals = run.tags.get(WILL_RETRY_TAG) == "true"
        details = (
            _why_lost(instance, run.run_id),
            "It is started again by itself" if heals else "It is not started again by itself",
        )
        yield Finding(step, "lost", began, ended, partition, run.run_id, details, "warning" if heals else severity)


def _severity(run: dg.DagsterRun) -> Severity:
    return "warning" if any(tag in run.tags for tag in _SOMEBODY_IS_THERE) else "critical"


def _began(record: "RunRecord") -> datetime:
    return (
        datetime.fromtimestamp(record.start_time, UTC) if record.start_time else record.create_timestamp.astimezone(UTC)
    )


def _ended(record: "RunRecord") -> datetime:
    return datetime.fromtimestamp(record.end_time, UTC) if record.end_time else record.update_timestamp.astimezone(UTC)


@lru_cache(maxsize=_MOST_RUNS)
def _errors(instance: dg.DagsterInstance, run_id: str) -> tuple[tuple[str, str], ...]:
    """Step and innermost message of each failed step of a run that has ended."""
    entries = instance.all_logs(run_id, of_type=dg.DagsterEventType.STEP_FAILURE)
    return tuple((event.step_key or "", _message(event)) for e in entries if (event := e.dagster_event) is not None)


def _message(event: dg.DagsterEvent) -> str:
    error = event.step_failure_data.error
    while error is not None and error.cause is not None:
        error = error.cause
    said = error.message if error else event.message or "no message"
    message = " ".join(said.split()).removeprefix(_OUR_OWN)
    return message if len(message) <= _MOST_CHARACTERS else f"{message[:_MOST_CHARACTERS]} …"


@lru_cache(maxsize=_MOST_RUNS)
def _running_step(instance: dg.DagsterInstance, run_id: str) -> str | None:
    """The step during which the process of a run ended."""
    stats = instance.get_run_step_stats(run_id)
    return next((s.step_key for s in stats if s.start_time is not None and s.end_time is None), None)


@lru_cache(maxsize=_MOST_RUNS)
def _why_lost(instance: dg.DagsterInstance, run_id: str) -> str:
    """What Dagster says of a run that it gave up, or what it noticed just before."""
    said = [
        message
        for kind in (dg.DagsterEventType.RUN_FAILURE, dg.DagsterEventType.ENGINE_EVENT)
        for entry in reversed(instance.all_logs(run_id, of_type=kind))
        if (message := entry.dagster_event and entry.dagster_event.message) and not message.startswith(_SAYS_NOTHING)
    ]
    return " ".join((said or ["Dagster does not say why"])[0].split())[:_MOST_CHARACTERS]


def _is_repaired(instance: dg.DagsterInstance, lineage: Lineage, record: "RunRecord", found: Finding) -> bool:
    """Whether what the step was to make was made since, or the run was repeated with success."""
    run = record.dagster_run
    root = run.tags.get(ROOT_RUN_ID_TAG, run.run_id)
    succeeded = dg.RunsFilter(
        statuses=[dg.DagsterRunStatus.SUCCESS], tags={ROOT_RUN_ID_TAG: root}, updated_after=found.ended_at
    )
    if instance.get_runs(succeeded, limit=1):
        return True
    keys = [key for key in lineage.keys_of.get(found.step, ()) if key in lineage.assets_of(run)]
    records = {r.asset_entry.asset_key: r for r in instance.get_asset_records(keys)} if keys else {}
    made = [made_at(instance, records.get(key), key, found.partition) for key in keys]
    return bool(made) and all(at is not None and found.ended_at is not None and at > found.ended_at for at in made)


def slow(instance: dg.DagsterInstance, lineage: Lineage, company: CompanyResource, at: datetime) -> list[Finding]:
    """A finding for each step that runs, and has taken much longer than it usually does."""
    policy = company.policies.watch
    running = instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTED], tags=LOCATION_TAGS))
    return [found for run in running for found in _slow_steps(instance, lineage, run, at, policy)]


def _slow_steps(
    instance: dg.DagsterInstance, lineage: Lineage, run: dg.DagsterRun, at: datetime, policy: WatchPolicy
) -> Iterator[Finding]:
    for stats in instance.get_run_step_stats(run.run_id):
        if stats.start_time is None or stats.end_time is not None:
            continue
        seconds = at.timestamp() - stats.start_time
        if seconds <= 60 * policy.slow_least_minutes:
            continue  # for most looks this is all
        earlier = durations(instance, lineage, stats.step_key, policy.usual_runs)
        limit, usual = slow_from_seconds(earlier, policy), usual_seconds(earlier, policy)
        if limit is not None and usual is not None and seconds > limit:
            details = (
                f"It runs for {_minutes(seconds)}; usually it takes {_minutes(usual)} (median of {len(earlier)} runs)",
            )
            began = datetime.fromtimestamp(stats.start_time, UTC)
            partition = run.tags.get(PARTITION_NAME_TAG)
            yield Finding(
                lineage.step(stats.step_key),
                "slow",
                began,
                partition=partition,
                run_id=run.run_id,
                details=details,
                severity="warning",
            )


def durations(instance: dg.DagsterInstance, lineage: Lineage, step_key: str, most: int) -> Sequence[float]:
    """Seconds that the last runs of a step took which succeeded, the newest first."""
    keys = lineage.keys_of.get(lineage.step(step_key), ())
    if not keys:
        return []
    events = instance.fetch_materializations(keys[0], limit=most).records
    runs = dict.fromkeys(event.event_log_entry.run_id for event in events)
    found = (_duration(instance, run_id, step_key) for run_id in runs)
    return [seconds for seconds in found if seconds is not None]


@lru_cache(maxsize=2048)
def _duration(instance: dg.DagsterInstance, run_id: str, step_key: str) -> float | None:
    """Of a run that materialized something, so that this step has ended."""
    stats = instance.get_run_step_stats(run_id, step_keys=[step_key])
    ended = [s.end_time - s.start_time for s in stats if s.start_time is not None and s.end_time is not None]
    return ended[0] if ended else None


def _minutes(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 120 else f"{seconds:.0f} s"
