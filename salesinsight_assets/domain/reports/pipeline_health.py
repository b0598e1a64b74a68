"""Monday's figures: what moved in the pipeline, what it covers, what of it is likely to be won, and what is at risk.

What belongs elsewhere: the words (`pipeline_health_pages`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Literal

import pandas as pd

from salesinsight_assets.domain.history.grid import Floats
from salesinsight_assets.domain.model.fallback import BASE_RATE_PREFIX
from salesinsight_assets.domain.reports.forecast import Forecast, Timing, chance_in_time, forecast, timing
from salesinsight_assets.domain.reports.past_forecasts import MONTH_EXPECTED, MONTH_HIGH, MONTH_LOW
from salesinsight_assets.domain.reports.periods import Period, month_of, quarter_of
from salesinsight_assets.domain.reports.pipeline_movement import (
    LOST,
    WON,
    Movement,
    Pipeline,
    is_due,
    movement,
    whole_amounts,
)
from salesinsight_assets.domain.scores.policy import RiskPolicy
from salesinsight_assets.domain.scores.risk import HIGH, LOW, MEDIUM
from salesinsight_assets.domain.shares import Share, share

WEEK = timedelta(days=7)
MOST_DEALS_SHOWN = 8
ScoredBy = Literal["model", "base rate", "rules"]


@dataclass(frozen=True)
class Outlook:
    """What is expected of a period.

    Attributes:
        period: the month or the quarter.
        won: what was won in it so far.
        open: of the deals that are open now, what is won by its end; None: not known, for it is not known how far close dates
            tell.
        dated: of the deals whose close date lies in the rest of it, what is won at any time.
        timing: how far close dates told when.
    """

    period: Period
    won: Pipeline
    open: Forecast | None
    dated: Forecast
    timing: Timing | None


@dataclass(frozen=True)
class AtRisk:
    """Open deals of a risk level, and those of them that are due in the quarter."""

    level: str
    all: Pipeline
    due: Pipeline


@dataclass(frozen=True)
class PipelineHealth:
    """The pipeline of a day beside that of seven days before; amounts in the company's currency.

    Attributes:
        day, before: the two days.
        currency: the company's, None where it is not known.
        scored_by: what the win probabilities are of.
        all: what moved among all open deals.
        due: what moved among those due in the rest of the quarter.
        passed: open deals whose close date has passed.
        won, lost: decided in the week.
        win_rate: their share that was won; None: none was decided.
        month, quarter: what is expected; that of the quarter which the morning after belongs to.
        quarter_before: what was won in the quarter before; None: the rows do not reach back so far.
        quota: of the quarter, 0: not known.
        at_risk: by level, HIGH first.
        top: the deals with the most to lose (see `_top`).
        without_amount: open deals without an amount in the company's currency.
        risk: the win probabilities below which a deal is at risk.
    """

    day: date
    before: date
    currency: str | None
    scored_by: ScoredBy
    all: Movement
    due: Movement
    passed: Pipeline
    won: Pipeline
    lost: Pipeline
    win_rate: Share | None
    month: Outlook
    quarter: Outlook
    quarter_before: Pipeline | None
    quota: float
    at_risk: tuple[AtRisk, ...]
    without_amount: int
    risk: RiskPolicy
    top: pd.DataFrame = field(repr=False, compare=False)

    @property
    def has_due(self) -> bool:
        """Whether any deal was or is due in the quarter: in many a CRM open deals have no close date."""
        return self.due.opening.deals + self.due.closing.deals > 0

    @property
    def shown_movement(self) -> Movement:
        """That of the quarter; where nothing is due in it, that of all open deals."""
        return self.due if self.has_due else self.all

    @property
    def headline(self) -> dict[str, Any]:
        """The figures to follow from week to week."""
        found: dict[str, Any] = {
            "open amount": self.all.closing.amount,
            "open deals": self.all.closing.deals,
            "amount due in the quarter": self.due.closing.amount,
            "won amount of the week": self.won.amount,
            "lost amount of the week": self.lost.amount,
        }
        if self.scored_by != "base rate":
            found["amount at risk"] = sum(level.all.amount for level in self.at_risk)
        if self.quarter.open:
            expected = self.quarter.open
            found["expected by the end of the quarter"] = round(expected.expected)
            found["expected, low"], found["expected, high"] = round(expected.low), round(expected.high)
        if self.month.open:
            month = self.month.open
            found |= {MONTH_EXPECTED: round(month.expected), MONTH_LOW: round(month.low), MONTH_HIGH: round(month.high)}
        return found


def pipeline_health(
    deals: Mapping[date, pd.DataFrame],
    scores: pd.DataFrame,
    decided: pd.DataFrame,
    past: pd.DataFrame,
    since: datetime,
    risk: RiskPolicy,
    quota: float = 0.0,
    known_from: date | None = None,
) -> PipelineHealth:
    """The pipeline of the later of two days.

    Args:
        deals: the open deals of the two days (see `open_opportunities`).
        scores: of the later day: `opportunity_id`, `win_probability`, `win_probability_7d_ago`, `risk_level`, `model_id`,
            `is_fallback`, `reasons` (JSON already read).
        decided: see `results.decided_amounts`.
        past: see `forecast.timing`.
        since: the moment of the earlier day.
        risk: the levels of risk.
        quota: of a quarter, 0: none.
        known_from: the day of the first deal ever decided; before it nothing can be compared.
    """
    before, day = sorted(deals)
    was, now = (deals[d].set_index("opportunity_id", drop=False).rename_axis(None) for d in (before, day))
    scored = now.join(scores.set_index("opportunity_id")[_SCORE_COLUMNS], how="left")
    month, quarter = (of(day + timedelta(days=1)) for of in (month_of, quarter_of))
    fates = decided.set_index("opportunity_id")["is_won"].map({True: WON, False: LOST})
    moved = {p: movement(was, now, fates, since, (before, day), p) for p in (None, quarter)}
    week = decided[decided["decided_on"].between(*_days(before + timedelta(days=1), day))]
    won, lost = (week[week["is_won"].astype(bool) == is_won] for is_won in (True, False))
    return PipelineHealth(
        day=day,
        before=before,
        currency=company_currency(now),
        scored_by=scored_by(scores),
        all=moved[None],
        due=moved[quarter],
        passed=pipeline(now[pd.to_datetime(now["close_date"]) <= pd.Timestamp(day)]),
        won=pipeline(won),
        lost=pipeline(lost),
        win_rate=share(len(won), len(week)),
        month=_outlook(scored, decided, past, day, month),
        quarter=_outlook(scored, decided, past, day, quarter),
        quarter_before=_won_in(decided, quarter.before) if known_from and known_from <= quarter.before.first else None,
        quota=quota,
        at_risk=tuple(_at_risk(scored, level, day, quarter) for level in (HIGH, MEDIUM)),
        without_amount=int(now["company_amount"].isna().sum()),
        risk=risk,
        top=_top(scored),
    )


_SCORE_COLUMNS = ["win_probability", "win_probability_7d_ago", "risk_level", "reasons"]


def pipeline(deals: pd.DataFrame) -> Pipeline:
    """How many deals, and their amount."""
    return Pipeline(len(deals), int(whole_amounts(deals).sum()))


def company_currency(deals: pd.DataFrame) -> str | None:
    """The currency whose amounts are amounts in the company's currency; None where that is not one."""
    known = deals.dropna(subset=["amount", "company_amount", "currency_iso_code"])
    is_same = (known["amount"] - known["company_amount"]).abs() < 0.005
    found = is_same.groupby(known["currency_iso_code"]).all()
    names = [str(name) for name, holds in found.items() if holds]
    return names[0] if len(names) == 1 else None


def scored_by(scores: pd.DataFrame) -> ScoredBy:
    """What the win probabilities of some scores are of."""
    if scores["model_id"].astype(str).str.startswith(BASE_RATE_PREFIX).any():
        return "base rate"
    return "rules" if scores["is_fallback"].astype(bool).any() else "model"


def _days(first: date, last: date) -> tuple[pd.Timestamp, pd.Timestamp]:
    return pd.Timestamp(first), pd.Timestamp(last)


def _won_in(decided: pd.DataFrame, period: Period) -> Pipeline:
    is_within = decided["decided_on"].between(*_days(period.first, period.last))
    return pipeline(decided[is_within & decided["is_won"].astype(bool)])


def _outlook(deals: pd.DataFrame, decided: pd.DataFrame, past: pd.DataFrame, day: date, period: Period) -> Outlook:
    measured = timing(past, (period.last - day).days)
    amount = deals["company_amount"].to_numpy("float64")
    chance: Floats = deals["win_probability"].fillna(0.0).to_numpy("float64")
    to_close = (pd.to_datetime(deals["close_date"]) - pd.Timestamp(day)).dt.days.reset_index(drop=True)
    due = is_due(deals, day, period).to_numpy(bool)
    return Outlook(
        period,
        _won_in(decided, period),
        forecast(amount, chance_in_time(chance, to_close, measured)) if measured else None,
        forecast(amount[due], chance[due]),
        measured,
    )


def _at_risk(deals: pd.DataFrame, level: str, day: date, quarter: Period) -> AtRisk:
    risky = deals[deals["risk_level"].eq(level)]
    return AtRisk(level, pipeline(risky), pipeline(risky[is_due(risky, day, quarter)]))


def _top(deals: pd.DataFrame) -> pd.DataFrame:
    """The deals at risk by amount x risk: `name`, `owner_name`, `company_amount`, `win_probability`, `win_probability_7d_ago`, `close_date`, `why`."""
    risky = deals[deals["risk_level"].ne(LOW) & deals["company_amount"].notna()]
    ranked = risky.assign(loss=risky["company_amount"] * (1 - risky["win_probability"]))
    first = ranked.sort_values(["loss", "opportunity_id"], ascending=[False, True]).head(MOST_DEALS_SHOWN)
    columns = ["name", "owner_name", "company_amount", "win_probability", "win_probability_7d_ago", "close_date"]
    return first[columns].assign(why=[_first_against(reasons) for reasons in first["reasons"]]).reset_index(drop=True)


def _first_against(reasons: list[dict[str, Any]]) -> str:
    """The first reason against a deal, in words; empty where there is none."""
    return next((str(reason["text"]) for reason in reasons if reason["direction"] == "against"), "")
