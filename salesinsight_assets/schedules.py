"""When: the night's steps, the training on the 1st, and the jobs to start any of it by hand.

The sync starts by the clock. Each later step has a time of its own too, but waits for the step before it: its condition
fires once its time has come and everything upstream was updated since the sync began and passed its blocking checks, also
hours later. A plain schedule would start on the minute, whatever the state of its inputs.
"""

from collections.abc import Sequence
from typing import Any

import dagster as dg

from salesinsight_assets.domain.crm.tables import CRM_TABLES
from salesinsight_assets.domain.reports.due import DUE
from salesinsight_assets.policies import load_policies, read_config
from salesinsight_assets.settings import load_settings

_settings = load_settings()
_times = load_policies(read_config(_settings.config_file)).schedule

VOLUMES = [dg.AssetCheckKey(dg.AssetKey(["salesforce", t.salesforce_object]), "usual_volume") for t in CRM_TABLES]
CRM = dg.AssetSelection.groups("crm") | dg.AssetSelection.checks(*VOLUMES)
"""The tables, and what is checked of the objects that they come from."""
NIGHTLY_CHECKS = {"volume_checks": "volume", "data_docs": "data_docs"}
"""Assets of the monitoring that are made each night, each in a step of its own; the others are weekly."""
NIGHTLY = dg.AssetSelection.groups(
    "history", "features", "scores", "alerts", "delivery", "feedback"
) | dg.AssetSelection.assets(*NIGHTLY_CHECKS)
MODEL = dg.AssetSelection.groups("model")
WEEKLY = dg.AssetSelection.groups("monitoring", "experiments") - dg.AssetSelection.assets(*NIGHTLY_CHECKS)

REPORTS = ("pipeline_health", "rep_performance", "model_check", "business_review")
"""The reports: each is an asset, a job and a step of its own, due on the mornings of `domain.reports.due`."""

MADE_FOR = {"coaching_cards": "rep_performance"}
"""What is made in the step of a report, for it."""


REPORT_ASSETS = {
    report: dg.AssetSelection.assets(report, *(made for made, told_in in MADE_FOR.items() if told_in == report))
    for report in REPORTS
}

crm_sync = dg.define_asset_job(
    "crm_sync", CRM, description="Read the CRM: from Salesforce, or from CSV files by config."
)
night = dg.define_asset_job(
    "night", CRM | NIGHTLY, description="The whole night of one day, from the CRM to the outbox."
)
night_without_sync = dg.define_asset_job(
    "night_without_sync", NIGHTLY, description="One day from the rows stored already: a replay."
)
training = dg.define_asset_job(
    "training", MODEL, description="The model of one month, from its examples to its calibration."
)
weekly_checks = dg.define_asset_job(
    "weekly_checks",
    WEEKLY,
    description="Drift, defaults, what was said against what became of it, and what alerts are worth, as of one day.",
)
deliver = dg.define_asset_job(
    "deliver", dg.AssetSelection.assets("deliveries"), description="Send what waits in the outbox for one day."
)
REPORT_JOBS = [
    dg.define_asset_job(f"report_{report}", selection, description=f"The report {report}, as of one day.")
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

STEPS = {
    "training": ("model",),
    "features": ("history", "features"),
    "scores": ("scores",),
    "alerts": ("alerts",),
    "messages": ("delivery",),
    "feedback": ("feedback",),
    "monitoring": ("monitoring",),
    "experiments": ("experiments",),
}
"""The steps after the sync, by the name of their time, and the groups that each materializes."""

_WEEKLY_STEPS = ("monitoring", "experiments")
SELECTIONS = {
    **{step: dg.AssetSelection.groups(*groups) for step, groups in STEPS.items()},
    "monitoring": dg.AssetSelection.groups("monitoring") - dg.AssetSelection.assets(*NIGHTLY_CHECKS),
    **{step: dg.AssetSelection.assets(asset) for asset, step in NIGHTLY_CHECKS.items()},
    **REPORT_ASSETS,
}
"""What each step materializes."""

_DAYS_OF = {
    "training": " on the 1st",
    **dict.fromkeys(_WEEKLY_STEPS, " in the night after Friday"),
    **{report: f" {DUE[report].said}" for report in REPORTS},
}

SENSORS = [
    dg.AutomationConditionSensorDefinition(
        f"step_{step}",
        target=selection,
        default_status=dg.DefaultSensorStatus.RUNNING,
        minimum_interval_seconds=30,
        description=(
            f"{getattr(_times, step)}{_DAYS_OF.get(step, '')}: {' and '.join(STEPS.get(step, (step,)))}, once"
            " everything upstream is there."
        ),
    )
    for step, selection in SELECTIONS.items()
]


_WAITS_NOT = {
    "alerts": dg.AssetSelection.assets("rep_alerts"),
    "scores": MODEL,
    "monitoring": MODEL,
    "business_review": dg.AssetSelection.assets("alert_outcomes", "alert_lift"),
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
    """A step's hour; the training's is on the 1st, and each night while the model of the month is missing.

    That of the weekly checks is in the night after Friday, which is Saturday's; a report's on the mornings on which it is due.
    """
    if step in REPORTS:
        return _tick(step, DUE[step].cron_days)
    if step in _WEEKLY_STEPS:
        return _tick(step, "* * 6")
    if step == "training":
        return _tick(step, "1 * *") | (_tick(step) & dg.AutomationCondition.missing())
    return _tick(step)


def _tick(step: str, days: str = "* * *") -> dg.AutomationCondition:
    """The hour of a step on the days of a cron expression."""
    return dg.AutomationCondition.cron_tick_passed(_times.cron(step).replace("* * *", days), _settings.timezone)


def with_conditions(assets: Sequence[Any]) -> list[dg.AssetsDefinition]:
    """`assets` with the condition of the step that they, or their group, belong to."""
    step_of = {group: step for step, groups in STEPS.items() for group in groups}

    def conditioned(spec: dg.AssetSpec) -> dg.AssetSpec:
        name = spec.key.to_user_string()
        step = (
            name if name in REPORTS else {**MADE_FOR, **NIGHTLY_CHECKS}.get(name) or step_of.get(spec.group_name or "")
        )
        return spec.replace_attributes(automation_condition=step_condition(step)) if step else spec

    return [definition.map_asset_specs(conditioned) for definition in assets]
