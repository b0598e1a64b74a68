"""The sensor of the night watch: each look compares what is wrong with what was told, and tells what is new."""

import json
from datetime import datetime

import dagster as dg

from salesinsight_assets.resources import CompanyResource, WarehouseResource
from salesinsight_assets.watch.lateness import late
from salesinsight_assets.watch.lineage import Lineage
from salesinsight_assets.watch.retries import look_again_at_dropped_runs
from salesinsight_assets.watch.runs import failed, slow

SECONDS_BETWEEN_LOOKS = 30


@dg.sensor(
    name="watch_the_night",
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=SECONDS_BETWEEN_LOOKS,
    description="Pages the data engineer, in Slack's channel SLACK_OPS_CHANNEL and by PagerDuty, once for each cause: what is late,"
    " failed, lost its process or takes too long; and tells when all is well again.",
)
def watch_the_night(context: dg.SensorEvaluationContext) -> dg.SensorResult:
    """The cursor holds since when is watched, and when the last look was, by which it can be seen from outside that looks end."""
    from salesinsight_assets.adapters.warehouse.incident_store import IncidentStore
    from salesinsight_assets.domain.monitoring.incidents import look
    from salesinsight_assets.paging import NOBODY, channels, places, tell_all

    company = CompanyResource()
    policy, at = company.policies.watch, company.now()
    watched_since = _watched_since(context.cursor) or at
    store = IncidentStore(WarehouseResource().open())
    lineage = _lineage(context)
    if dropped := look_again_at_dropped_runs(context.instance, at):
        context.log.warning("Dagster dropped %s runs that it was to repeat; it is asked again", dropped)
    findings = [
        *failed(context.instance, lineage, company, at),
        *slow(context.instance, lineage, company, at),
        *late(context.instance, lineage, company, at, watched_since),
    ]
    found = look(store.open(), findings, lineage.upstream, at, policy)
    store.record(found, at, at.astimezone(company.zone).date())
    told_by = channels(company.settings, places(company.settings, policy))
    tell_all(store, told_by, at, context.log)
    if not told_by:
        context.log.warning(NOBODY)
    return dg.SensorResult(cursor=_cursor(watched_since, at), skip_reason=_said(len(findings)))


def _lineage(context: dg.SensorEvaluationContext) -> Lineage:
    repository = context.repository_def
    if repository is None:
        raise dg.DagsterInvariantViolationError("expected the repository of this code location, got none")
    return Lineage(repository)


def _said(findings: int) -> dg.SkipReason:
    return dg.SkipReason("all is well" if not findings else f"{findings} findings, see the table incidents")


def _cursor(watched_since: datetime, at: datetime) -> str:
    return json.dumps({"watched_since": watched_since.isoformat(), "looked_at": at.isoformat()})


def _watched_since(cursor: str | None) -> datetime | None:
    return datetime.fromisoformat(json.loads(cursor)["watched_since"]) if cursor else None


def looked_at(cursor: str) -> datetime:
    """When the last look ended that the sensor's cursor tells of."""
    return datetime.fromisoformat(json.loads(cursor)["looked_at"])
