"""The night of one day, as the commands run it: the sync, the training where one is due, all that follows, Friday's checks, the reports."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from salesinsight_assets.adapters.warehouse import Warehouse
from salesinsight_assets.adapters.warehouse.model_registry import ModelRegistry
from salesinsight_assets.cli.jobs import JobOutcome, run_job
from salesinsight_assets.cli.options import BadInputError
from salesinsight_assets.cli.runtime import Runtime
from salesinsight_assets.domain.model.months import month_before
from salesinsight_assets.domain.reports.due import due_after
from salesinsight_assets.policies import first_partition_day, read_config
from salesinsight_assets.settings import last_complete_day, load_settings, now
from salesinsight_assets.steps import REPORTS

FRIDAY = 4


@dataclass(frozen=True)
class NightOutcome:
    """What a night did. `training` and `weekly` are None where none was due, `rest` where the sync failed.

    A training that fails does not fail the night: the model before it, or the rules, have to do. Nor do checks that fail: what
    they watch is written. Nor do reports, which are by name.
    """

    sync: JobOutcome
    training: JobOutcome | None
    rest: JobOutcome | None
    weekly: JobOutcome | None = None
    reports: dict[str, JobOutcome] = field(default_factory=dict[str, JobOutcome])

    @property
    def last(self) -> JobOutcome:
        """The run that the night ended with."""
        return self.rest or self.sync

    @property
    def success(self) -> bool:
        """Whether everything but the training went well."""
        return self.rest is not None and self.rest.success

    @property
    def assets(self) -> dict[str, dict[str, Any]]:
        """Metadata by asset, of the sync and of what followed."""
        return {**self.sync.assets, **(self.rest.assets if self.rest else {})}

    @property
    def failed_checks(self) -> dict[str, str]:
        """Failed checks of the sync and of what followed."""
        return {**self.sync.failed_checks, **self.last.failed_checks}

    def as_json(self) -> dict[str, Any]:
        """The outcome as plain data."""
        return {
            **self.last.as_json(),
            "success": self.success,
            "assets": self.assets,
            "failed_checks": self.failed_checks,
            "training": self.training.as_json() if self.training else None,
            "weekly_checks": self.weekly.as_json() if self.weekly else None,
            "reports": {name: outcome.as_json() for name, outcome in self.reports.items()},
        }


def require_nights(runtime: Runtime, first: tuple[str, date], last: tuple[str, date]) -> None:
    """Refuse days, each with the option that names it, that have not ended or that lie before the partitions."""
    newest = last_complete_day(now(), runtime.settings.zone)
    option, day = last
    if day > newest:
        raise BadInputError(
            f"{option}: expected a day that has ended, {newest} at the latest, got {day}; wait or correct it"
        )
    earliest = first_partition_day(read_config(runtime.settings.config_file))
    option, day = first
    if day < earliest:
        raise BadInputError(
            f"{option}: expected {earliest} or later, got {day}; set first_day under [partitions] in salesinsight.toml"
        )


def run_night(store: Warehouse, day: date, tags: Mapping[str, str] | None = None) -> NightOutcome:
    """Read the CRM, train the model of the month where it is due, score and alert, check the week of a Friday, and report.

    Stops at a failed sync.
    """
    sync = run_job("crm_sync", "reading the CRM")
    if not sync.success:
        return NightOutcome(sync, None, None)
    training = train_where_due(store, day)
    rest = run_job("night_without_sync", f"night of {day}", day, tags)
    is_due = rest.success and day.weekday() == FRIDAY
    weekly = run_job("weekly_checks", f"checks of the week to {day}", day) if is_due else None
    return NightOutcome(sync, training, rest, weekly, run_reports(day, tags) if rest.success else {})


def run_reports(day: date, tags: Mapping[str, str] | None = None) -> dict[str, JobOutcome]:
    """The reports that are due in the night after `day`, and their mails on their way."""
    due = [name for name in due_after(day) if name in REPORTS]
    made = {name: run_job(f"report_{name}", f"report {name.replace('_', ' ')}", day, tags) for name in due}
    if any(outcome.success for outcome in made.values()):
        run_job("deliver", "sending reports", day, tags)
    return made


def train_where_due(store: Warehouse, day: date) -> JobOutcome | None:
    """Train the model that goes with `day`, unless its month has one, or lies before the partitions; None then."""
    month = month_before(day)
    first = first_partition_day(read_config(load_settings().config_file)).replace(day=1)
    if month < first or not ModelRegistry(store).is_due(month):
        return None
    return run_job("training", f"training the model of {month:%B %Y}", month)
