"""The steps of the night: which assets each materializes, on which mornings, from when on, and by when they have to be there.

What belongs elsewhere: what starts a step (schedules), and who is told that it is late (watch).
"""

from datetime import timedelta

import dagster as dg

from salesinsight_assets.domain.monitoring.deadlines import Deadline
from salesinsight_assets.domain.mornings import EVERY_MORNING, Mornings
from salesinsight_assets.domain.reports.due import DUE
from salesinsight_assets.policies import Policies

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

REPORTS = ("pipeline_health", "rep_performance", "model_check", "business_review")
"""The reports: each is an asset, a job and a step of its own, due on the mornings of `domain.reports.due`."""

MADE_FOR = {"coaching_cards": "rep_performance"}
"""What is made in the step of a report, for it."""

NIGHTLY_CHECKS = {"volume_checks": "volume", "data_docs": "data_docs"}
"""Of the monitoring, what is made each night, each in a step of its own; the rest is weekly."""

USUAL_VOLUME = "usual_volume"
"""The check of each of Salesforce's objects, made with the sync."""

SYNC = "sync"
_SYNC_GROUPS = ("salesforce", "crm")
_AFTER_FRIDAY = Mornings("in the night after Friday", weekday=5)
_MORNINGS = {
    "training": Mornings("on the 1st", day_of_month=1),
    "monitoring": _AFTER_FRIDAY,
    "experiments": _AFTER_FRIDAY,
    **{report: DUE[report] for report in REPORTS},
}
_ASKED_FOR = dg.FreshnessPolicy.time_window(fail_window=timedelta(days=366))
"""Of what is made when somebody asks for it: what it says of a year ago says little of today."""


def step_of(asset: str, group: str | None) -> str | None:
    """The step that an asset is made in; None: it is made when somebody asks for it."""
    if asset in REPORTS:
        return asset
    if group in _SYNC_GROUPS:
        return SYNC
    step_of_group = {name: step for step, groups in STEPS.items() for name in groups}
    return {**MADE_FOR, **NIGHTLY_CHECKS}.get(asset) or step_of_group.get(group or "")


def mornings(step: str) -> Mornings:
    """On which mornings a step is due."""
    return _MORNINGS.get(step, EVERY_MORNING)


def deadline(step: str, policies: Policies) -> Deadline:
    """By when what a step makes has to be there."""
    return Deadline(policies.schedule.at(step), policies.watch.late_after_minutes, mornings(step))


def freshness_policy(step: str | None, policies: Policies, timezone: str) -> dg.FreshnessPolicy:
    """The deadline of a step as Dagster shows it on each asset; the day's work may be done from midnight on."""
    if step is None:
        return _ASKED_FOR
    found = deadline(step, policies)
    return dg.FreshnessPolicy.cron(found.cron, found.since_midnight, timezone)
