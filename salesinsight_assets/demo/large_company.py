"""A company as large as one wants, made in seconds: for measurements, not for models, since nothing bears on winning.

Its people, accounts and stages are those of `simulation`; its deals are drawn at once instead of being lived day by day.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from salesinsight_assets.demo.company import DemoCompany
from salesinsight_assets.demo.simulation.catalogue import LEAD_SOURCES, OPEN_STAGES, PRODUCTS, STAGES, TASK_SUBJECTS
from salesinsight_assets.demo.simulation.founding import found
from salesinsight_assets.demo.simulation.journal import Journal, Moments, Strings
from salesinsight_assets.demo.simulation.roster import Accounts, objects, read_accounts, read_reps
from salesinsight_assets.demo.simulation.strengths import Strengths
from salesinsight_assets.demo.storage import connect, create_indices, create_tables, remember

_DEALS_AT_ONCE = 50_000
_LONGEST_LIFE_DAYS = 180
_STREAM = 9
_STAGE_NAMES = objects(stage.name for stage in STAGES)
_PROBABILITIES = np.array([stage.probability for stage in STAGES], dtype=np.float64)
_FORECASTS = objects(stage.forecast for stage in STAGES)
_WON, _LOST = len(OPEN_STAGES), len(OPEN_STAGES) + 1
IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class LargePlan:
    """How many rows there shall be. Histories and activities hang evenly on the deals."""

    opportunities: int = 1_000_000
    opportunity_history: int = 2_000_000
    opportunity_field_history: int = 1_000_000
    tasks: int = 1_500_000
    events: int = 500_000
    years: float = 3
    size: float = 4
    seed: int = 7


def large_company(path: Path, last_day: date, plan: LargePlan | None = None) -> DemoCompany:
    """A company of so many rows in a new file, the same for the same plan; about fifteen seconds per million rows.

    Raises:
        FileExistsError: there is a file at `path` already.
    """
    if path.exists():
        raise FileExistsError(f"expected no file at {path}, found one; open it or choose another path")
    try:
        _write(path, last_day, plan or LargePlan())
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return DemoCompany.open(path)


def _write(path: Path, last_day: date, plan: LargePlan) -> None:
    connection = connect(path)
    try:
        # A file that is thrown away when its making fails needs no journal.
        connection.execute("PRAGMA journal_mode = OFF")
        connection.execute("BEGIN")
        create_tables(connection)
        remember(connection, seed=plan.seed, size=plan.size, signal=0.0)
        remember(connection, last_day=last_day.isoformat(), seconds_since_end_of_work=0)
        journal = Journal(connection)
        found(journal, last_day - timedelta(days=round(plan.years * 365)), plan.seed, plan.size)
        journal.write()
        rep_ids = read_reps(connection, Strengths(), plan.seed).ids
        for deals in _deals(journal, last_day, plan, rep_ids, read_accounts(connection)):
            deals.write(journal, plan)
            journal.write()
        create_indices(connection)
        connection.execute("COMMIT")
    finally:
        connection.close()


@dataclass(frozen=True)
class _Deals:
    """Some deals on their way into the file: `first` is the place of the first of them among all."""

    first: int
    ids: Strings
    owner_ids: Strings
    account_ids: Strings
    currencies: npt.NDArray[np.object_]
    amounts: npt.NDArray[np.float64]
    stages: IntArray
    created_at: Moments
    changed_at: Moments
    close_dates: Moments

    def write(self, journal: Journal, plan: LargePlan) -> None:
        """The deals and all that hangs on them."""
        rng = np.random.default_rng([plan.seed, _STREAM, self.first])
        self._opportunities(journal, rng)
        self._history(journal, *self._children(plan.opportunity_history, plan))
        self._field_history(journal, *self._children(plan.opportunity_field_history, plan))
        self._tasks(journal, rng, *self._children(plan.tasks, plan)[:2])
        self._events(journal, *self._children(plan.events, plan)[:2])

    def _children(self, count: int, plan: LargePlan) -> tuple[IntArray, Moments, npt.NDArray[np.float64]]:
        """Of `count` rows over all deals, those of these: whose they are, when, and which share of its life had passed."""
        total = plan.opportunities
        start, stop = (-(-place * count // total) for place in (self.first, self.first + len(self.ids)))
        numbers = np.arange(start, stop, dtype=np.int64)
        about = numbers * total // count - self.first
        per_deal = max(count / total, 1.0)
        share = np.clip((numbers - np.ceil((about + self.first) * count / total)) / per_deal, 0, 1)
        life = (self.changed_at - self.created_at)[about].astype(np.int64)
        return about, self.created_at[about] + (life * share).astype("timedelta64[s]"), share

    def _opportunities(self, journal: Journal, rng: np.random.Generator) -> None:
        count = len(self.ids)
        journal.insert(
            "Opportunity",
            self.ids,
            Name=np.strings.add("Deal ", np.arange(self.first, self.first + count).astype(np.str_)),
            AccountId=self.account_ids,
            OwnerId=self.owner_ids,
            StageName=_STAGE_NAMES[self.stages],
            Amount=self.amounts,
            CurrencyIsoCode=self.currencies,
            CloseDate=self.close_dates,
            Probability=_PROBABILITIES[self.stages],
            Type="New Business",
            LeadSource=rng.choice(objects(LEAD_SOURCES), count),
            Product__c=rng.choice(objects(PRODUCTS), count),
            Region__c="EMEA",
            ForecastCategoryName=_FORECASTS[self.stages],
            IsClosed=self.stages >= _WON,
            IsWon=self.stages == _WON,
            IsDeleted=False,
            CreatedById=self.owner_ids,
            CreatedDate=self.created_at,
            LastModifiedById=self.owner_ids,
            LastModifiedDate=self.changed_at,
            SystemModstamp=self.changed_at,
        )

    def _history(self, journal: Journal, about: IntArray, at: Moments, share: npt.NDArray[np.float64]) -> None:
        stages = np.minimum((share * len(OPEN_STAGES)).astype(np.int64), self.stages[about])
        journal.insert(
            "OpportunityHistory",
            journal.new_ids("OpportunityHistory", len(about)),
            OpportunityId=self.ids[about],
            StageName=_STAGE_NAMES[stages],
            Amount=self.amounts[about],
            CurrencyIsoCode=self.currencies[about],
            CloseDate=self.close_dates[about],
            Probability=_PROBABILITIES[stages],
            ForecastCategory=_FORECASTS[stages],
            CreatedById=self.owner_ids[about],
            CreatedDate=at,
            SystemModstamp=at,
            IsDeleted=False,
        )

    def _field_history(self, journal: Journal, about: IntArray, at: Moments, share: npt.NDArray[np.float64]) -> None:
        journal.insert(
            "OpportunityFieldHistory",
            journal.new_ids("OpportunityFieldHistory", len(about)),
            OpportunityId=self.ids[about],
            Field="Amount",
            DataType="Currency",
            OldValue=np.round(self.amounts[about] * (0.8 + 0.2 * share), -2),
            NewValue=self.amounts[about],
            CreatedById=self.owner_ids[about],
            CreatedDate=at,
            IsDeleted=False,
        )

    def _tasks(self, journal: Journal, rng: np.random.Generator, about: IntArray, at: Moments) -> None:
        subtypes = rng.choice(objects(TASK_SUBJECTS), len(about))
        journal.insert(
            "Task",
            journal.new_ids("Task", len(about)),
            WhatId=self.ids[about],
            Subject=subtypes,
            TaskSubtype=subtypes,
            Status="Completed",
            Priority="Normal",
            IsClosed=True,
            CompletedDateTime=at,
            **self._activity(about, at),
        )

    def _events(self, journal: Journal, about: IntArray, at: Moments) -> None:
        journal.insert(
            "Event",
            journal.new_ids("Event", len(about)),
            WhatId=self.ids[about],
            Subject="Product demo",
            EventSubtype="Event",
            StartDateTime=at,
            EndDateTime=at + np.timedelta64(1, "h"),
            **self._activity(about, at),
        )

    def _activity(self, about: IntArray, at: Moments) -> dict[str, Any]:
        return {
            "OwnerId": self.owner_ids[about],
            "CreatedById": self.owner_ids[about],
            "ActivityDate": at.astype("datetime64[D]"),
            "CreatedDate": at,
            "SystemModstamp": at,
            "IsDeleted": False,
        }


def _deals(journal: Journal, last_day: date, plan: LargePlan, rep_ids: Strings, accounts: Accounts) -> Iterator[_Deals]:
    """All deals in the order in which they were created, some ten thousand at a time."""
    end = np.datetime64(last_day, "s") + np.timedelta64(18, "h")
    seconds = round(plan.years * 365 * 86_400) - 86_400
    for first in range(0, plan.opportunities, _DEALS_AT_ONCE):
        count = min(_DEALS_AT_ONCE, plan.opportunities - first)
        rng = np.random.default_rng([plan.seed, _STREAM, plan.opportunities, first])
        created_at = (
            end - np.timedelta64(seconds, "s") + (np.arange(first, first + count) * seconds // plan.opportunities)
        )
        life = rng.integers(86_400, _LONGEST_LIFE_DAYS * 86_400, count).astype("timedelta64[s]")
        is_open = created_at + life > end
        account = rng.integers(0, len(accounts.ids), count)
        yield _Deals(
            first,
            journal.new_ids("Opportunity", count),
            rng.choice(rep_ids, count),
            accounts.ids[account],
            accounts.currencies[account],
            np.round(rng.lognormal(10, 1, count), -2) + 100,
            np.where(is_open, rng.integers(0, len(OPEN_STAGES), count), rng.choice([_WON, _LOST], count, p=[0.3, 0.7])),
            created_at,
            np.where(is_open, created_at + ((end - created_at) * rng.random(count)), created_at + life),
            (created_at + life).astype("datetime64[D]"),
        )
