"""Policies: the only reader of `salesinsight.toml`: every business number, the times of the night, the first day.

What belongs elsewhere: secrets and addresses (`settings`); what a number means is said by its policy, in the domain.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

from salesinsight_assets.domain.access.policy import AccessPolicy
from salesinsight_assets.domain.alerts.actions import Playbook
from salesinsight_assets.domain.alerts.policy import AlertPolicy
from salesinsight_assets.domain.alerts.work_time import WorkTimePolicy
from salesinsight_assets.domain.crm.sync import SyncPolicy
from salesinsight_assets.domain.delivery.attempts import DeliveryPolicy
from salesinsight_assets.domain.experiments.holdout import HoldoutPolicy
from salesinsight_assets.domain.features.policy import FeaturePolicy
from salesinsight_assets.domain.feedback.policy import FeedbackPolicy
from salesinsight_assets.domain.feedback.rates import RatePolicy
from salesinsight_assets.domain.model.policy import ExamplePolicy, ModelPolicy, PromotionPolicy
from salesinsight_assets.domain.monitoring.policy import MonitoringPolicy
from salesinsight_assets.domain.monitoring.retention import RetentionPolicy
from salesinsight_assets.domain.monitoring.volume_policy import VolumePolicy
from salesinsight_assets.domain.monitoring.watch_policy import WatchPolicy
from salesinsight_assets.domain.reports.coaching_policy import CoachingPlaybook, CoachingPolicy
from salesinsight_assets.domain.reports.policy import ReportPolicy
from salesinsight_assets.domain.scores.policy import RiskPolicy
from salesinsight_assets.settings import SettingsError


def read_config(path: Path | None) -> dict[str, Any]:
    """The tables of `salesinsight.toml`, empty where there is no file.

    Raises:
        SettingsError: the file is not TOML, with the line, or one of its entries is in no table.
    """
    if path is None:
        return {}
    try:
        config = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path.name}: expected TOML in UTF-8, got {error}; correct that place") from error
    for name, value in config.items():
        _require_table(name, value)
    for name, value in config.get("mappings", {}).items():
        _require_table(f"mappings.{name}", value)
    return config


def _require_table(name: str, value: object) -> None:
    if not isinstance(value, dict):
        raise SettingsError(
            f"{name}: expected a table of entries in salesinsight.toml, got {value!r}; write [{name}] on a line of its own"
        )


@dataclass(frozen=True)
class ScheduleTimes:
    """When each step of the night starts, HH:MM in the company's time zone.

    The training is on the 1st; the weekly checks (`monitoring`) and what alerts are worth (`experiments`) are in the night
    after Friday; the reports are due on the days of `domain.reports.due`; `pruning` is on Sunday.

    The second sync of the day keeps what is stored young: should Salesforce not answer at night, it is under 24 h old.
    """

    sync: str = "02:00"
    sync_again: str = "14:00"
    features: str = "03:00"
    scores: str = "04:00"
    alerts: str = "05:00"
    messages: str = "05:30"
    volume: str = "06:00"
    data_docs: str = "07:00"
    training: str = "02:30"
    monitoring: str = "06:00"
    feedback: str = "06:15"
    experiments: str = "06:30"
    pipeline_health: str = "06:30"
    rep_performance: str = "06:30"
    model_check: str = "06:30"
    business_review: str = "06:30"
    pruning: str = "08:00"

    def cron(self, step: str) -> str:
        """The daily cron expression of a step.

        Raises:
            SettingsError: its time is not HH:MM.
        """
        at = self.at(step)
        return f"{at.minute} {at.hour} * * *"

    def at(self, step: str) -> time:
        """The time of day of a step.

        Raises:
            SettingsError: its time is not HH:MM.
        """
        found = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", str(getattr(self, step)))
        if not found:
            raise SettingsError(f"[schedule] {step}: expected HH:MM, got {getattr(self, step)!r}; correct it")
        return time(int(found[1]), int(found[2]))


@dataclass(frozen=True)
class Policies:
    """Every business number, from `salesinsight.toml` or its default; one table a policy."""

    sync: SyncPolicy = field(default_factory=SyncPolicy)
    features: FeaturePolicy = field(default_factory=FeaturePolicy)
    examples: ExamplePolicy = field(default_factory=ExamplePolicy)
    model: ModelPolicy = field(default_factory=ModelPolicy)
    promotion: PromotionPolicy = field(default_factory=PromotionPolicy)
    risk: RiskPolicy = field(default_factory=RiskPolicy)
    alerts: AlertPolicy = field(default_factory=AlertPolicy)
    holdout: HoldoutPolicy = field(default_factory=HoldoutPolicy)
    rates: RatePolicy = field(default_factory=RatePolicy)
    playbook: Playbook = field(default_factory=Playbook)
    work_time: WorkTimePolicy = field(default_factory=WorkTimePolicy)
    delivery: DeliveryPolicy = field(default_factory=DeliveryPolicy)
    feedback: FeedbackPolicy = field(default_factory=FeedbackPolicy)
    monitoring: MonitoringPolicy = field(default_factory=MonitoringPolicy)
    volume: VolumePolicy = field(default_factory=VolumePolicy)
    coaching: CoachingPolicy = field(default_factory=CoachingPolicy)
    coaching_playbook: CoachingPlaybook = field(default_factory=CoachingPlaybook)
    reports: ReportPolicy = field(default_factory=ReportPolicy)
    access: AccessPolicy = field(default_factory=AccessPolicy)
    retention: RetentionPolicy = field(default_factory=RetentionPolicy)
    schedule: ScheduleTimes = field(default_factory=ScheduleTimes)
    watch: WatchPolicy = field(default_factory=WatchPolicy)


OTHER_CONFIG_TABLES = ("crm", "mappings", "partitions")
"""Tables of `salesinsight.toml` that are no policy: the field map, CSV mappings, the first day of the partitions."""


def load_policies(config: Mapping[str, Any]) -> Policies:
    """The policies of a configuration.

    Raises:
        SettingsError: a table or entry that does not exist, with those that do, or a value that cannot be taken.
    """
    kinds = {f.name: f.default_factory for f in fields(Policies)}
    for name in config:
        if name not in kinds and name not in OTHER_CONFIG_TABLES:
            raise SettingsError(
                f"[{name}]: expected one of {', '.join([*kinds, *OTHER_CONFIG_TABLES])}; correct its name"
            )
    return Policies(**{name: _policy(name, kind, config[name]) for name, kind in kinds.items() if name in config})


def _policy(table: str, kind: Any, given: Mapping[str, Any]) -> Any:
    known = {f.name: f.default_factory() if callable(f.default_factory) else f.default for f in fields(kind)}
    for entry, value in given.items():
        if entry not in known:
            raise SettingsError(f"[{table}] {entry}: expected one of {', '.join(known)}; correct its name")
        if not _is_like(known[entry], value):
            raise SettingsError(f"[{table}] {entry}: expected {_named(known[entry])}, got {value!r}; correct it")
    try:
        return kind(**{entry: _value(f"{table}.{entry}", known[entry], value) for entry, value in given.items()})
    except ValueError as error:
        raise SettingsError(f"[{table}] {error}; correct it") from error


def _value(name: str, default: object, given: Any) -> Any:
    """A list as a tuple, and tables in it as what those of the default are."""
    if not isinstance(default, tuple):
        return given
    kind = _kind_within(default)
    return tuple(_policy(name, kind, table) for table in given) if kind else tuple(given)


def _kind_within(default: tuple[Any, ...]) -> type | None:
    """What the tables of a list are; None of a list of texts."""
    return type(default[0]) if default and is_dataclass(default[0]) else None


def _is_like(default: object, value: object) -> bool:
    """Whether a value is of the kind of the default; the kind of a list or table includes that it holds texts, or tables, only."""
    if isinstance(default, int | float) and not isinstance(default, bool):
        return isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(default, Mapping):
        return isinstance(value, dict) and all(isinstance(v, str) for v in value.values())
    if isinstance(default, tuple):
        wanted = dict if _kind_within(default) else str
        return isinstance(value, list) and all(isinstance(v, wanted) for v in value)
    return isinstance(value, type(default))


def _named(default: object) -> str:
    if isinstance(default, bool):
        return "true or false"
    if isinstance(default, Mapping):
        return "a table of texts"
    if isinstance(default, tuple):
        return "a list of tables" if _kind_within(default) else "a list of texts"
    return f"a {'text' if isinstance(default, str) else 'number'} such as {default}"


def first_partition_day(config: Mapping[str, Any]) -> date:
    """The first day that can be materialized: `[partitions] first_day`, default 2016-01-01.

    Raises:
        SettingsError: not a date.
    """
    given = config.get("partitions", {})
    for entry in given:
        if entry != "first_day":
            raise SettingsError(f"[partitions] {entry}: expected first_day; correct its name")
    value = given.get("first_day", date(2016, 1, 1))
    if not isinstance(value, date) or isinstance(value, datetime):  # a moment is a date to Python
        raise SettingsError(f"[partitions] first_day: expected a date such as 2016-01-01, got {value!r}; correct it")
    return value
