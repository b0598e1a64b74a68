"""Changes that are only thought of: what the facts about an open deal would be, had somebody made them just now.

The facts are moved as a new row of the CRM would move them; a test compares the two. What other deals say (rates, norms) stays.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from salesinsight_assets.domain.features.compute import facts_of
from salesinsight_assets.domain.features.known import Known
from salesinsight_assets.domain.features.velocity import (
    company_cycle_days,
    expected_cycle_days,
    expected_stage_days,
)
from salesinsight_assets.domain.features.win_rates import company_win_rates, size_bands, size_win_rates
from salesinsight_assets.domain.history.currencies import company_rates
from salesinsight_assets.domain.history.grid import Floats, Times, codes_of, days_of
from salesinsight_assets.domain.history.stages import stage_positions

Deal = dict[str, Any]
DealFacts = dict[str, float]
_ACTIVITY_COUNTS = ("activities_14_days", "activities_28_days", "activities_30_days", "activity_count")


@dataclass(frozen=True)
class Changes:
    """What would be different about a deal; None: as it is. An empty `next_step` takes the next step away."""

    amount: float | None = None
    stage_name: str | None = None
    close_date: date | None = None
    next_step: str | None = None
    has_activity: bool = False

    def __bool__(self) -> bool:
        return self != Changes()


@dataclass(frozen=True)
class DealFactsNow:
    """The facts about every open deal of one moment, and what else a changed deal's facts depend on.

    Attributes:
        deals: the columns of `snapshots` by name, one value a deal.
        facts: see `facts_of`, in the same order.
        stages: one row an open stage that a deal can be moved to, in their order, by name: `stage` (its first name),
            `stage_order`, `stage_position`, `stage_probability`, `expected_stage_days`.
        of_size: `size_win_rate` and `expected_cycle_days` by size band; the last one is of deals without an amount.
        own_rates, rates_of_today: the rates into the company's currency, in the order of the deals: that of the close date, and
            that of a close date still to come.
        day: the calendar day of the moment.
    """

    deals: Mapping[str, np.ndarray]
    facts: Mapping[str, Floats]
    stages: pd.DataFrame
    of_size: Mapping[str, Floats]
    own_rates: Floats
    rates_of_today: Floats
    day: date

    def changed(self, place: int, changes: Changes) -> tuple[Deal, DealFacts]:
        """The deal of a row and its facts with some changes.

        Raises:
            ValueError: a change that cannot be made; its text says what was expected.
        """
        deal: Deal = {name: column[place] for name, column in self.deals.items()}
        facts = {name: float(column[place]) for name, column in self.facts.items()}
        self._put_stage(changes.stage_name, deal, facts)
        self._put_close_date(changes.close_date, deal, facts)
        self._put_amount(place, changes, deal, facts)
        if changes.next_step is not None:
            facts["has_next_step"] = float(bool(changes.next_step.strip()))
        if changes.has_activity:
            facts["days_since_last_activity"] = 0.0
            facts |= {name: facts[name] + 1 for name in _ACTIVITY_COUNTS}
        return deal, facts

    def _put_stage(self, name: str | None, deal: Deal, facts: DealFacts) -> None:
        if name is None or name == deal["stage_name"]:
            return
        if name not in self.stages.index:
            raise ValueError(f"stage_name: expected one of {', '.join(self.stages.index)}, got {name!r}")
        position = facts["stage_position"]
        for column in ("stage_position", "stage_probability", "expected_stage_days"):
            facts[column] = float(self.stages[column].loc[name])
        facts["stage_regressions"] += facts["stage_position"] < position
        facts["stage_change_count"] += 1
        facts["days_in_stage"] = facts["days_since_last_change"] = 0.0
        deal["stage_name"] = name

    def _put_close_date(self, day: date | None, deal: Deal, facts: DealFacts) -> None:
        before = None if pd.isna(deal["close_date"]) else pd.Timestamp(deal["close_date"]).date()
        if day is None or day == before:
            return
        if day < self.day:
            raise ValueError(f"close_date: expected a day from {self.day} on, got {day}")
        later = (day - before).days if before else 0
        if later > 0:
            facts["close_date_pushes"] += 1
            facts["pushed_days"] += later
        facts["days_to_close_date"] = float((day - self.day).days)
        facts["days_since_last_change"] = 0.0
        deal["close_date"] = pd.Timestamp(day)

    def _put_amount(self, place: int, changes: Changes, deal: Deal, facts: DealFacts) -> None:
        """The amount, and what it comes to in the company's currency, at the rate of the close date."""
        before = deal["amount"]
        amount = before if changes.amount is None else changes.amount
        if changes.amount is not None and not amount >= 0:
            raise ValueError(f"amount: expected a number from 0 on, got {amount}")
        is_other = changes.amount is not None and amount != before
        if not is_other and changes.close_date is None:
            return
        rate = self.own_rates[place] if changes.close_date is None else self.rates_of_today[place]
        is_converted = facts["compared_amount"] != before and not np.isnan(before)
        deal["amount"], deal["company_amount"] = amount, amount / rate
        facts["company_amount"] = amount / rate
        facts["compared_amount"] = facts["company_amount"] if is_converted else amount
        size = int(size_bands(np.array([facts["company_amount"]]))[0])
        facts |= {name: float(values[size]) for name, values in self.of_size.items()}
        if is_other:
            facts["days_since_last_change"] = 0.0


def facts_now(known: Known) -> DealFactsNow:
    """The facts of the one moment that `known` is about."""
    frame, grid = known.snapshots.frame, known.snapshots.grid
    company = company_cycle_days(known)
    cycles = expected_cycle_days(known)
    unknown = np.full(1, np.nan)  # the size of a deal without an amount is -1: the last
    return DealFactsNow(
        {str(name): frame[name].to_numpy(object) for name in frame},
        facts_of(known),
        _stages_to_choose(known),
        {
            "size_win_rate": np.r_[size_win_rates(known, company_win_rates(known))[:, 0], unknown],
            "expected_cycle_days": np.r_[np.where(np.isnan(cycles), company, cycles)[:, 0], company],
        },
        _rates(known, days_of(frame["close_date"])),
        _rates(known, np.full(len(frame), grid.days[0])),
        grid.days[0].astype(object),
    )


def _stages_to_choose(known: Known) -> pd.DataFrame:
    """The open stages of the present, in their order (see `DealFactsNow`)."""
    history, grid = known.history, known.snapshots.grid
    stages = history.stages
    of_first_name = codes_of(stages["stage"], pd.Index(stages["stage_name"]))
    found = stages.assign(
        stage_position=stage_positions(stages, history.states, grid)[:, 0],
        expected_stage_days=np.where(
            of_first_name >= 0, expected_stage_days(known)[of_first_name, 0], known.policy.prior_stage_days
        ),
    ).set_index("stage_name")
    rows = history.crm["opportunity_stages"]
    rows = rows[rows["valid_to"].isna() & ~rows["is_active"].eq(False)]
    names = rows["api_name"].fillna(rows["master_label"])
    found = found[found.index.isin(names) & found["stage_position"].notna()]
    return found.sort_values("stage_order", kind="stable")


def _rates(known: Known, close_date: Times) -> Floats:
    """The rate of each deal into the company's currency, had it that close date."""
    currency = known.snapshots.frame["currency_iso_code"].to_numpy(object)
    return company_rates(known.history.crm, currency, close_date, known.moments, known.days)
