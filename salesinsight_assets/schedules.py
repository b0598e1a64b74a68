"""When: the night's steps, the training on the 1st, and the jobs to start any of it by hand.

The sync starts by the clock. Each later step has a time of its own too, but waits for the step before it: its condition
fires once its time has come and everything upstream was updated since the sync began and passed its blocking checks, also
hours later. A plain schedule would start on the minute, whatever the state of its inputs.
"""

from collections.abc import Sequence
from functools import partial
from typing import Any

import dagster as dg

from salesinsight_assets.domain.crm.tables import CRM_TABLES
from salesinsight_assets.domain.mornings import EVERY_MORNING, Mornings
from salesinsight_assets.policies import load_policies, read_config
from salesinsight_assets.settings import load_settings
from salesinsight_assets.shared_names import RUN_TAGS, asset_key, asset_name, groups
from salesinsight_assets.steps import (
    MADE_FOR,
    NIGHTLY_CHECKS,
    REPORTS,
    STEPS,
    SYNC,
    USUAL_VOLUME,
    freshness_policy,
    mornings,
    step_of,
)

_settings = load_settings()
_policies = load_policies(read_config(_settings.config_file))
_times = _policies.schedule


def _assets(*names: str) -> dg.AssetSelection:
    return dg.AssetSelection.assets(*map(asset_key, names))


_job = partial(dg.define_asset_job, tags=RUN_TAGS)

VOLUMES = [dg.AssetCheckKey(asset_key(f"salesforce/{t.salesforce_object}"), USUAL_VOLUME) for t in CRM_TABLES]
CRM = groups("crm") | dg.AssetSelection.checks(*VOLUMES)
"""The tables, and what is checked of the objects that they come from."""
NIGHTLY_CHECKED = _assets(*NIGHTLY_CHECKS)
NIGHTLY = groups("history", "features", "scores", "alerts", "delivery", "feedback") | NIGHTLY_CHECKED
MODEL = groups("model")
WEEKLY = groups("monitoring", "experiments") - NIGHTLY_CHECKED


REPORT_ASSETS = {
    report: _assets(report, *(made for made, told_in in MADE_FOR.items() if told_in == report)) for report in REPORTS
}

crm_sync = _job("crm_sync", CRM, description="Read the CRM: from Salesforce, or from CSV files by config.")
night = _job("night", CRM | NIGHTLY, description="The whole night of one day, from the CRM to the outbox.")
night_without_sync = _job("night_without_sync", NIGHTLY, description="One day from the rows stored already: a replay.")
training = _job("training", MODEL, description="The model of one month, from its examples to its calibration.")
weekly_checks = _job(
    "weekly_checks",
    WEEKLY,
    description="Drift, defaults, what was said against what became of it, and what alerts are worth, as of one day.",
)
deliver = _job("deliver", _assets("deliveries"), description="Send what waits in the outbox for one day.")
REPORT_JOBS = [
    _job(f"report_{report}", selection, description=f"The report {report}, as of one day.")
    for report, selection in REPORT_ASSETS.items()
]
JOBS = [crm_sync, night, night_without_sync, training, weekly_checks, deliver, *REPORT_JOBS]

crm_sync_schedule = dg.ScheduleDefinition(
    name="sync_the_crm",
    job=crm_sync,
    cron_schedule=[_times.cron("sync"), _times.cron("sync_again")],
    execution_timezone=_settings.timezone,
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description=f"{_times.sync}: the night begins. {_times.sync_again}: so that what is stored is never a day old.",
)


SCHEDULES = [crm_sync_schedule]

SELECTIONS = {
    **{step: groups(*names) for step, names in STEPS.items()},
    "monitoring": groups("monitoring") - NIGHTLY_CHECKED,
    **{step: _assets(asset) for asset, step in NIGHTLY_CHECKS.items()},
    **REPORT_ASSETS,
}
"""What each step materializes."""


def _said(step: str) -> str:
    found = mornings(step)
    return "" if found is EVERY_MORNING else f" {found.said}"


SENSORS = [
    dg.AutomationConditionSensorDefinition(
        f"step_{step}",
        target=selection,
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=30,
        run_tags=RUN_TAGS,
        description=(
            f"{getattr(_times, step)}{_said(step)}: {' and '.join(STEPS.get(step, (step,)))}, once"
            " everything upstream is there."
        ),
    )
    for step, selection in SELECTIONS.items()
]


_WAITS_NOT = {
    "alerts": _assets("rep_alerts"),
    "scores": MODEL,
    "monitoring": MODEL,
    "business_review": _assets("alert_outcomes", "alert_lift"),
}


def step_condition(step: str) -> dg.AutomationCondition:
    """When an asset of `step` is to be materialized for the day, or the month, that has just ended.

    Neither the model nor the day before is waited for: the night goes on with the model there is, and a night that was
    missed does not end all those after it. The business review takes the last look at the lift, which is of a Friday.
    """
    zone = _settings.timezone
    waits_not = _WAITS_NOT.get(step)
    updated = dg.AutomationCondition.all_deps_updated_since_cron(_times.cron("sync"), zone)
    checked = dg.AutomationCondition.all_deps_blocking_checks_passed()
    return (
        dg.AutomationCondition.in_latest_time_window()
        & _time_has_come(step).since_last_handled()
        & (updated.ignore(waits_not) if waits_not else updated)
        & (checked.ignore(waits_not) if waits_not else checked)
        & ~dg.AutomationCondition.in_progress()
    ).with_label(f"step_{step}")


def _time_has_come(step: str) -> dg.AutomationCondition:
    """A step's hour on its mornings; the training's is on the 1st, and each night while the model of the month is missing."""
    if step == "training":
        return _tick(step) | (_tick(step, EVERY_MORNING) & dg.AutomationCondition.missing())
    return _tick(step)


def _tick(step: str, on: Mornings | None = None) -> dg.AutomationCondition:
    cron = _times.cron(step).replace("* * *", (on or mornings(step)).cron_days)
    return dg.AutomationCondition.cron_tick_passed(cron, _settings.timezone)


def with_times(assets: Sequence[Any]) -> list[dg.AssetsDefinition]:
    """`assets` with the condition of their step, and the deadline that goes with it."""
    return [definition.map_asset_specs(_with_times) for definition in assets]


def with_deadlines(specs: Sequence[dg.AssetSpec]) -> list[dg.AssetSpec]:
    """What lies outside Dagster with the deadline of the step that reads it."""
    return [_with_deadline(spec) for spec in specs]


def _with_deadline(spec: dg.AssetSpec) -> dg.AssetSpec:
    step = step_of(asset_name(spec.key), spec.group_name)
    return spec.replace_attributes(freshness_policy=freshness_policy(step, _policies, _settings.timezone))


def _with_times(spec: dg.AssetSpec) -> dg.AssetSpec:
    step = step_of(asset_name(spec.key), spec.group_name)
    dated = _with_deadline(spec)
    if step is None or step == SYNC:
        return dated
    return dated.replace_attributes(automation_condition=step_condition(step))
