"""Alarms of what was made: nightly or weekly checks that found something, messages that did not arrive. Told in SLACK_OPS_CHANNEL.

A weekly check whose predictions did not come true also asks for a training. What belongs elsewhere: what was not made, because it is
late or failed (watch).
"""

from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import Any

import dagster as dg

from salesinsight_assets.partitions import KNOWN_UNTIL_TAG
from salesinsight_assets.settings import SlackSettings, load_settings

_NOT_CONFIGURED = "nobody was told: set SLACK_BOT_TOKEN and SLACK_OPS_CHANNEL to be told"
_sensor = partial(dg.sensor, default_status=dg.DefaultSensorStatus.RUNNING, minimum_interval_seconds=300)


def _post(settings: SlackSettings, text: str) -> bool:
    """Post to the ops channel; False where none is configured."""
    from salesinsight_assets.paging import has_ops_channel, post_to_ops

    if not has_ops_channel(settings):
        return False
    post_to_ops(settings, text)
    return True


@_sensor(
    name="tell_of_drift",
    description="Tells the data engineer when features, scores or categories drift, and when they are well again.",
)
def tell_of_drift(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """One message an episode."""
    return _look(
        context, "feature_drift", ["feature", "population"], "Deals differ from those of the weeks before", "drift"
    )


@_sensor(
    name="tell_of_defaults",
    description="Tells the data engineer when features can no longer be computed, and when they are well again.",
)
def tell_of_defaults(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """One message an episode."""
    return _look(
        context, "feature_defaults", ["feature"], "Features take their default more often than before", "defaults"
    )


@_sensor(
    name="tell_of_volumes",
    description="Tells the data engineer when far fewer or more rows came, deals are open or alerts were raised than is usual, and when"
    " it is as usual again.",
)
def tell_of_volumes(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """One message an episode."""
    from salesinsight_assets.domain.monitoring.volume import KEYS

    return _look(context, "volume_checks", KEYS, "Volumes are not as usual", "volume")


@_sensor(
    name="ask_for_training",
    job_name="training",
    description="Where predictions did not come true: tells the data engineer, and asks for a training on"
    " all that is known by then, once a week.",
)
def ask_for_training(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """One message an episode, one training a week while it lasts."""
    return _look(
        context,
        "model_checks",
        ["dimension", "segment", "weeks"],
        "Predictions do not come true (a training is asked for)",
        "predictions",
        asks=True,
    )


def _look(
    context: dg.SensorEvaluationContext, table: str, keys: list[str], title: str, entry: str, *, asks: bool = False
) -> dg.SensorResult | dg.SkipReason:
    """The latest check of `table`, told where it has news."""
    from salesinsight_assets.domain.monitoring.episodes import alarms_of

    checks = _latest(table)
    if checks.empty:
        return dg.SkipReason(f"{table} has no rows yet")
    day, alarms = f"{checks['as_of_date'][0]:%Y-%m-%d}", alarms_of(checks, keys)
    return _tell(context, day, alarms, title, entry, _trainings(day) if asks and alarms else [])


def _tell(
    context: dg.SensorEvaluationContext,
    day: str,
    alarms: Mapping[str, str],
    title: str,
    entry: str,
    requests: list[dg.RunRequest],
) -> dg.SensorResult:
    """The news since the last look, told once; where it could not be told, it is looked at again."""
    from salesinsight_assets.domain.monitoring.episodes import Told, news

    told = Told.from_text(context.cursor)
    text = news(told, alarms, f"{title}, as of {day}")
    try:
        is_told = text is None or _post(load_settings().slack, _with_entry(text, entry) if alarms else text)
    except Exception:
        context.log.exception("Slack took no message; it is tried again")
        return dg.SensorResult(run_requests=requests, cursor=told.to_text())
    if text and not is_told:
        context.log.warning("%s: %s", _NOT_CONFIGURED, text)
    return dg.SensorResult(run_requests=requests, cursor=Told(day, frozenset(alarms)).to_text())


def _with_entry(text: str, entry: str) -> str:
    """A text with the place where it is read what to do."""
    from salesinsight_assets.paging import places
    from salesinsight_assets.resources import CompanyResource

    company = CompanyResource()
    return f"{text}\nWhat to do: {places(company.settings, company.policies.watch).entry(entry)}"


def _latest(table: str) -> Any:
    from salesinsight_assets.adapters.warehouse.weekly_reads import latest_findings
    from salesinsight_assets.resources import WarehouseResource

    return latest_findings(WarehouseResource().open(), table)


def _trainings(day: str) -> list[dg.RunRequest]:
    """The training of the latest complete month, with what was learnt since; the key lets each weekly check ask for it once."""
    from salesinsight_assets.domain.model.months import month_before
    from salesinsight_assets.resources import CompanyResource

    company = CompanyResource()
    month, newest = month_before(company.now().astimezone(company.zone).date()), company.last_complete_day().isoformat()
    key = f"training after the check of {day}"
    return [dg.RunRequest(run_key=key, partition_key=month.isoformat(), tags={KNOWN_UNTIL_TAG: newest})]


@_sensor(
    name="tell_of_messages",
    description="Tells the data engineer of messages that failed for good, or of which nobody knows whether they arrived.",
)
def tell_of_messages(context: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """One message for whatever is new since the last look."""
    from salesinsight_assets.adapters.warehouse.outbox import Outbox
    from salesinsight_assets.domain.reports.report import LASTS_DAYS
    from salesinsight_assets.resources import CompanyResource, WarehouseResource

    day = CompanyResource().last_complete_day()
    first = day - timedelta(days=LASTS_DAYS)  # until then a report is tried; it may fail, or end a day, at any time
    alarms = Outbox(WarehouseResource().open()).undelivered(first - timedelta(days=1), day)
    if not alarms:
        return dg.SkipReason(f"no message since {first} failed")
    return _tell(context, day.isoformat(), alarms, "Messages did not arrive", "messages", [])


SENSORS = [tell_of_drift, tell_of_defaults, tell_of_volumes, tell_of_messages, ask_for_training]
