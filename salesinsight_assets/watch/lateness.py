"""What is late: assets whose deadline has passed, by the partition that is due."""

from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.storage.tags import PARTITION_NAME_TAG

from salesinsight_assets.domain.model.months import month_before
from salesinsight_assets.domain.monitoring.deadlines import Expected, late_assets, moment
from salesinsight_assets.domain.monitoring.incidents import Finding
from salesinsight_assets.resources import CompanyResource
from salesinsight_assets.shared_names import LOCATION_TAGS, asset_name, stage_of
from salesinsight_assets.steps import deadline, step_of
from salesinsight_assets.watch.lineage import Lineage

if TYPE_CHECKING:
    from dagster._core.storage.event_log.base import AssetRecord

_MOST_NAMES = 8
_IN_PROGRESS = [
    dg.DagsterRunStatus.QUEUED,
    dg.DagsterRunStatus.NOT_STARTED,
    dg.DagsterRunStatus.STARTING,
    dg.DagsterRunStatus.STARTED,
]


def late(
    instance: dg.DagsterInstance, lineage: Lineage, company: CompanyResource, at: datetime, watched_since: datetime
) -> list[Finding]:
    """A finding for each step of which an asset is late."""
    missing = late_assets(_expected(instance, lineage, company, at), watched_since)
    steps = {found.step for found in missing}
    return [
        _finding(step, [m for m in missing if m.step == step], steps, instance, lineage, company)
        for step in sorted(steps)
    ]


def _expected(
    instance: dg.DagsterInstance, lineage: Lineage, company: CompanyResource, at: datetime
) -> Iterator[Expected]:
    steps = [(step, key) for step, keys in lineage.keys_of.items() for key in keys]
    records = {r.asset_entry.asset_key: r for r in instance.get_asset_records([key for _, key in steps])}
    for step, key in steps:
        node = lineage.repository.asset_graph.get(key)
        timed = step_of(asset_name(key), stage_of(node.group_name))
        if timed is not None:
            limit = deadline(timed, company.policies)
            morning = limit.last_passed(at, company.zone)
            partition = _partition(node.partitions_def, morning)
            yield Expected(
                asset_name(key),
                step,
                moment(morning, time(), company.zone),
                limit.starts_at(morning, company.zone),
                limit.due_at(morning, company.zone),
                partition,
                made_at(instance, records.get(key), key, partition),
            )


def _partition(partitions: dg.PartitionsDefinition | None, morning: date) -> str | None:
    """The day, or month, that has ended before a morning."""
    if partitions is None:
        return None
    is_monthly = isinstance(partitions, dg.MonthlyPartitionsDefinition)
    return (month_before(morning) if is_monthly else morning - timedelta(days=1)).isoformat()


def made_at(
    instance: dg.DagsterInstance, record: "AssetRecord | None", key: dg.AssetKey, partition: str | None
) -> datetime | None:
    """When an asset, or a partition of it, was materialized last."""
    newest = record and record.asset_entry.last_materialization
    if newest is None or newest.dagster_event is None:
        return None
    if partition is None or newest.dagster_event.partition == partition:
        return datetime.fromtimestamp(newest.timestamp, UTC)
    found = instance.fetch_materializations(dg.AssetRecordsFilter(asset_key=key, asset_partitions=[partition]), limit=1)
    return datetime.fromtimestamp(found.records[0].timestamp, UTC) if found.records else None


def _finding(
    step: str,
    missing: Sequence[Expected],
    late_steps: set[str],
    instance: dg.DagsterInstance,
    lineage: Lineage,
    company: CompanyResource,
) -> Finding:
    first = min(missing, key=lambda m: m.due_at)
    behind = sorted(other for other in late_steps if step in lineage.upstream.get(other, ()))
    details = [f"Due at {first.due_at.astimezone(company.zone):%H:%M}; {_last_made(missing, company)}"]
    run = _its_run(instance, step, first.partition, lineage)
    details.append(f"Its run is {run.status.value.lower()}" if run else "No run of it is in progress")
    if behind:
        details.append(f"Late behind it: {_listed(behind)}")
    return Finding(
        step, "late", first.starts_at, partition=first.partition, run_id=run and run.run_id, details=tuple(details)
    )


def _last_made(missing: Sequence[Expected], company: CompanyResource) -> str:
    moments = [m.made_at for m in missing if m.made_at is not None]
    what = _listed([m.asset for m in missing]) if len(missing) > 1 else ""
    last = f"last made at {max(moments).astimezone(company.zone):%Y-%m-%d %H:%M}" if moments else "not made yet"
    return f"{what}: {last}" if what else last


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join([*names[:_MOST_NAMES], *([f"and {more} more"] if more > 0 else [])])


def _its_run(instance: dg.DagsterInstance, step: str, partition: str | None, lineage: Lineage) -> dg.DagsterRun | None:
    """A run that is about to make it."""
    tags = {**LOCATION_TAGS, **({PARTITION_NAME_TAG: partition} if partition else {})}
    runs = instance.get_runs(dg.RunsFilter(statuses=_IN_PROGRESS, tags=tags), limit=20)
    wanted = set(lineage.keys_of[step])
    return next((run for run in runs if wanted & lineage.assets_of(run)), None)
