"""Policies: the only reader of `salesinsight.toml`: every business number, the times of the night, the first day.

What belongs elsewhere: secrets and addresses (`settings`); what a number means is said by its policy, in the domain.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from pathlib import Path
from typing import Any

from salesinsight_assets.domain.alerts.actions import Playbook
from salesinsight_assets.domain.alerts.policy import AlertPolicy
from salesinsight_assets.domain.crm.sync import SyncPolicy
from salesinsight_assets.domain.delivery.attempts import DeliveryPolicy
from salesinsight_assets.domain.features.policy import FeaturePolicy
from salesinsight_assets.domain.model.policy import ExamplePolicy, ModelPolicy, PromotionPolicy
from salesinsight_assets.domain.monitoring.policy import MonitoringPolicy
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

    The training is on the 1st, the weekly checks (`monitoring`) in the night after Friday; the reports are due on the days of
    `domain.reports.due`.

    The second sync of the day keeps what is stored young: should Salesforce not answer at night, it is under 24 h old.
    """

    sync: str = "02:00"
    sync_again: str = "14:00"
    features: str = "03:00"
    scores: str = "04:00"
    alerts: str = "05:00"
    messages: str = "05:30"
    training: str = "02:30"
    monitoring: str = "06:00"
    pipeline_health: str = "06:30"
    rep_performance: str = "06:30"
    model_check: str = "06:30"
    business_review: str = "06:30"

    def cron(self, step: str) -> str:
        """The daily cron expression of a step.

        Raises:
            SettingsError: its time is not HH:MM.
        """
        found = re.fullmatch(r"([01]?\d|2[0-3]):([0-5]\d)", str(getattr(self, step)))
        if not found:
            raise SettingsError(f"[schedule] {step}: expected HH:MM, got {getattr(self, step)!r}; correct it")
        return f"{int(found[2])} {int(found[1])} * * *"


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
    playbook: Playbook = field(default_factory=Playbook)
    delivery: DeliveryPolicy = field(default_factory=DeliveryPolicy)
    monitoring: MonitoringPolicy = field(default_factory=MonitoringPolicy)
    reports: ReportPolicy = field(default_factory=ReportPolicy)
    schedule: ScheduleTimes = field(default_factory=ScheduleTimes)


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
    known = {f.name: f.type for f in fields(kind)}
    for entry, value in given.items():
        if entry not in known:
            raise SettingsError(f"[{table}] {entry}: expected one of {', '.join(known)}; correct its name")
        default = getattr(kind(), entry)
        if not _is_like(default, value):
            raise SettingsError(f"[{table}] {entry}: expected {_named(default)}, got {value!r}; correct it")
    try:
        return kind(**given)
    except ValueError as error:  # what a policy itself cannot take
        raise SettingsError(f"[{table}] {error}") from error


def _is_like(default: object, value: object) -> bool:
    """Whether a value is of the kind of the default; the kind of a list or table includes that it holds texts only."""
    if isinstance(default, int | float) and not isinstance(default, bool):
        return isinstance(value, int | float) and not isinstance(value, bool)
    if isinstance(default, Mapping):
        return isinstance(value, dict) and all(isinstance(v, str) for v in value.values())
    if isinstance(default, tuple):
        return isinstance(value, list) and all(isinstance(v, str) for v in value)
    return isinstance(value, type(default))


def _named(default: object) -> str:
    if isinstance(default, Mapping | tuple):
        return "a table of texts" if isinstance(default, Mapping) else "a list of texts"
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
