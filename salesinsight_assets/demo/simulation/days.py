"""One day of the company after another: deals move, people call, some leave, and the CRM keeps the traces.

What may happen and how likely it is belongs to `dynamics`; how a trace looks as rows belongs to `traces`.
A day depends only on the seed, the day and the state of the CRM, so that moving on a day ten times equals ten days
at once.
"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np

from salesinsight_assets.demo.simulation.activities import Activities, finish_tasks
from salesinsight_assets.demo.simulation.catalogue import STAGES
from salesinsight_assets.demo.simulation.deals import OpenDeals, read_open_deals
from salesinsight_assets.demo.simulation.dynamics import (
    ADVANCES,
    REGRESSES,
    BoolArray,
    Happenings,
    Sight,
    daily_chances,
    drawn_day,
    evidence,
)
from salesinsight_assets.demo.simulation.founding import new_person
from salesinsight_assets.demo.simulation.journal import DayStamps, Journal
from salesinsight_assets.demo.simulation.new_deals import AMOUNT_RANGE, drawn_deals
from salesinsight_assets.demo.simulation.roster import REP_TITLE, read_accounts, read_reps, talent
from salesinsight_assets.demo.simulation.strengths import Pace, Strengths
from salesinsight_assets.demo.simulation.traces import Traces
from salesinsight_assets.demo.storage import remember

_WON = next(place for place, stage in enumerate(STAGES) if stage.is_won)
_LOST = next(place for place, stage in enumerate(STAGES) if stage.is_closed and not stage.is_won)
_DAY_STREAM = 3
_DAYS_BETWEEN_WRITES = 60
_SATURDAY, _SUNDAY = 5, 6


@dataclass(frozen=True)
class CompanyPlan:
    """What a company is made from; equal plans give equal companies."""

    seed: int
    size: float
    strengths: Strengths
    pace: Pace = field(default_factory=Pace)

    @property
    def deals_per_day(self) -> float:
        """New deals on an average working day."""
        return 12.0 * self.size


class Simulation:
    """The company in motion, on one open transaction of its file."""

    def __init__(self, connection: sqlite3.Connection, plan: CompanyPlan) -> None:
        self._connection = connection
        self._plan = plan
        self._journal = Journal(connection)
        self._reps = read_reps(connection, plan.strengths, plan.seed)
        self._accounts = read_accounts(connection)
        self._deals = read_open_deals(connection, self._reps, self._accounts)
        self._traces = Traces(self._journal, self._reps, self._accounts)
        self._activities = Activities(self._journal, self._reps, self._accounts)

    def run(self, first_day: date, last_day: date, progress: Callable[[date], None] | None) -> None:
        """Live through all days from `first_day` to `last_day` and write them down."""
        for offset in range((last_day - first_day).days + 1):
            day = first_day + timedelta(days=offset)
            has_deletions = self._live(day)
            # A deletion reaches rows that are already in the CRM, so the day it falls on is written at once.
            if has_deletions or day == last_day or offset % _DAYS_BETWEEN_WRITES == 0:
                self._write(day)
            if progress is not None:
                progress(day)

    def _live(self, day: date) -> bool:
        rng = np.random.default_rng([self._plan.seed, _DAY_STREAM, day.toordinal()])
        has_deletions = False
        if day.weekday() < _SATURDAY:
            stamps = DayStamps(rng, day)
            self._let_a_rep_leave(rng, stamps)
            has_deletions = self._move_deals(rng, stamps)
            self._make_deals(rng, stamps)
            self._activities.campaign_answers(rng, stamps, rng.poisson(3 * self._plan.size))
            self._activities.account_edits(rng, stamps, rng.poisson(2 * self._plan.size))
        if day.weekday() == _SUNDAY:
            self._journal.add(
                "true_probabilities",
                opportunity_id=self._deals.ids,
                as_of_date=day.isoformat(),
                log_odds=self._deals.log_odds,
            )
        return has_deletions

    def _move_deals(self, rng: np.random.Generator, stamps: DayStamps) -> bool:
        plan, before = self._plan, self._deals
        sight = Sight(
            stage=before.stage,
            corporate_amount=before.amount / self._accounts.rates[before.account],
            days_to_close=(before.close_date - stamps.day).astype(np.int64),
        )
        happenings = drawn_day(rng, daily_chances(plan.strengths, plan.pace, sight, before.will_win))
        after = self._after(rng, stamps, happenings)
        after.log_odds = before.log_odds + evidence(plan.strengths, plan.pace, sight, happenings)
        saved_at = stamps.moments(len(before))
        self._activities.on_deals(rng, stamps, before, happenings)
        self._traces.saves(before, after, saved_at)
        is_deleted = (rng.random(len(before)) < plan.pace.deletion) & ~happenings.closes
        # In the evening, after whatever else the day left on these deals.
        self._traces.deletions(before.where(is_deleted), stamps.evening)
        self._deals = after.where(~happenings.closes & ~is_deleted)
        return bool(is_deleted.any())

    def _after(self, rng: np.random.Generator, stamps: DayStamps, happenings: Happenings) -> OpenDeals:
        deals, pace, count = self._deals, self._plan.pace, len(self._deals)
        stage = deals.stage + (happenings.move == ADVANCES) - (happenings.move == REGRESSES)
        stage = np.where(happenings.closes, np.where(deals.will_win, _WON, _LOST), stage)
        pushed_to = np.maximum(deals.close_date, stamps.day) + rng.choice([14, 30, 30, 60, 90], count)
        close_date = np.where(happenings.is_pushed, pushed_to, deals.close_date)
        resized = np.clip(np.round(deals.amount * rng.lognormal(0, 0.2, count), -2), *AMOUNT_RANGE)
        has_new_owner = (rng.random(count) < pace.owner_change) & ~happenings.closes
        return deals.changed(
            stage=stage,
            close_date=np.where(happenings.closes, stamps.day, close_date),
            amount=np.where(rng.random(count) < pace.amount_change, resized, deals.amount),
            owner=np.where(has_new_owner, rng.choice(self._reps.active, count), deals.owner),
        )

    def _make_deals(self, rng: np.random.Generator, stamps: DayStamps) -> None:
        ids = self._journal.new_ids("Opportunity", rng.poisson(self._plan.deals_per_day))
        day = stamps.day.astype(date)
        new = drawn_deals(rng, ids, day, self._reps, self._accounts, self._plan.strengths)
        self._traces.new_deals(rng, new, stamps.moments(len(ids)))
        self._deals = self._deals.with_new(new.deals)

    def _let_a_rep_leave(self, rng: np.random.Generator, stamps: DayStamps) -> None:
        """Now and then a rep leaves; a new one is hired, and the open deals go to those who stay."""
        if rng.random() >= self._plan.pace.departure:
            return
        leaver = int(rng.choice(self._reps.active))
        rep_id = str(self._journal.new_ids("User", 1)[0])
        above = self._reps.manager_ids[leaver], self._reps.role_ids[leaver]
        person = new_person(rng, rep_id, REP_TITLE, *above, stamps.moments(1))
        self._journal.insert("User", np.array([rep_id]), **person)
        self._traces.departure(leaver, stamps.moments(1))
        skills = talent(self._plan.strengths, self._plan.seed, len(self._reps.ids))
        self._reps.hire_for(leaver, rep_id, person["Name"], skills)
        self._reps.is_active[leaver] = False
        self._hand_over(rng, stamps, self._deals.owner == leaver)

    def _hand_over(self, rng: np.random.Generator, stamps: DayStamps, is_orphan: BoolArray) -> None:
        before = self._deals
        heirs = rng.choice(self._reps.active, len(before))
        self._deals = before.changed(owner=np.where(is_orphan, heirs, before.owner))
        self._traces.saves(before, self._deals, np.full(len(before), stamps.morning))

    def _write(self, day: date) -> None:
        self._journal.write()
        finish_tasks(self._connection, day)
        self._traces.write_deletions(self._connection)
        self._connection.executemany(
            "UPDATE hidden_outcomes SET log_odds = ? WHERE opportunity_id = ?",
            zip(self._deals.log_odds.tolist(), self._deals.ids.tolist(), strict=True),
        )
        remember(self._connection, last_day=day.isoformat(), seconds_since_end_of_work=0)
