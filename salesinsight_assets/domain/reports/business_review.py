"""The figures of the business review: the success measures of the product, each with its n, its interval and its target.

What belongs elsewhere: arithmetic of intervals (`measures`), words (`business_review_pages`).
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pandas as pd

from salesinsight_assets.domain.reports.engagement import NOTHING_RECORDED, Engagement, engagement_measures
from salesinsight_assets.domain.reports.judged_scores import Said
from salesinsight_assets.domain.reports.measures import (
    Figure,
    Measure,
    as_plain,
    change_of_mean,
    deals_needed,
    deals_needed_for_auc,
    deals_needed_for_ratio,
    difference,
    of_auc,
)
from salesinsight_assets.domain.reports.said import said_and_happened
from salesinsight_assets.domain.reports.words import in_full
from salesinsight_assets.domain.shares import Share, share

LEAST_DEALS = 20
BASELINE_DAYS = 365
LATEST_DAYS = 182
"""What is compared with the baseline: half a year at most, as the targets say."""
_WIN_RATE_GAIN, _CYCLE_CHANGE = 0.03, -0.10


@dataclass(frozen=True)
class MonthOfScores:
    """The AUC of the deals decided in a month; None: too few."""

    month: date
    won: int
    lost: int
    auc: Figure | None


@dataclass(frozen=True)
class BusinessReview:
    """The product's success as of a day. `first_alert` is the first day of which an alert was sent, None: none was."""

    day: date
    first_score: date | None
    first_alert: date | None
    months: tuple[MonthOfScores, ...]
    measures: tuple[Measure, ...]
    said: tuple[Said, ...]

    @property
    def headline(self) -> dict[str, Any]:
        """The figures to follow from review to review; `measures` has each in full, as `measures.as_plain` writes it."""
        verdicts = [measure.verdict for measure in self.measures]
        counts = {f"measures {name}": verdicts.count(name) for name in ("met", "missed", "not yet known")}
        figures = {m.name: round(m.figure.value, 4) for m in self.measures if m.figure is not None}
        return counts | figures | {"measures": [as_plain(measure) for measure in self.measures]}


def business_review(
    day: date,
    judged: pd.DataFrame,
    decided: pd.DataFrame,
    first_score: date | None,
    first_alert: date | None,
    forecasts: pd.DataFrame | None = None,
    engagement: Engagement = NOTHING_RECORDED,
) -> BusinessReview:
    """The review of a day.

    Args:
        day: the day.
        judged: one row a decided deal that a model had scored: `win_probability` as it was shown before, `is_won`, `decided_on`.
        decided: every decided deal: `is_won`, `decided_on`, `cycle_days`.
        first_score: the first day with scores by a model.
        first_alert: the first day of which an alert was sent.
        forecasts: one row a forecast whose period is over: `expected`, `low`, `high`, `actual`; None: not kept.
        engagement: what people did with the alerts, and the last look at the holdout.
    """
    return BusinessReview(
        day=day,
        first_score=first_score,
        first_alert=first_alert,
        months=_months(judged),
        measures=(
            *_auc_measures(judged, first_score, day),
            *_before_and_after(decided, first_alert, day),
            _forecast_accuracy(forecasts),
            *engagement_measures(engagement),
        ),
        said=said_and_happened(judged),
    )


# --- AUC ---


def _auc_of(judged: pd.DataFrame) -> Figure | None:
    """None of fewer than LEAST_DEALS won or lost deals."""
    from sklearn.metrics import roc_auc_score

    is_won = judged["is_won"].astype(bool)
    won, lost = int(is_won.sum()), int((~is_won).sum())
    if min(won, lost) < LEAST_DEALS:
        return None
    return of_auc(float(roc_auc_score(is_won, judged["win_probability"].to_numpy("float64"))), won, lost)


def _months(judged: pd.DataFrame) -> tuple[MonthOfScores, ...]:
    days = pd.to_datetime(judged["decided_on"])
    found = judged.assign(month=days.dt.to_period("M").dt.start_time).groupby("month")
    return tuple(_month(pd.Timestamp(str(month)).date(), rows) for month, rows in found)


def _month(month: date, rows: pd.DataFrame) -> MonthOfScores:
    won = int(rows["is_won"].astype(bool).sum())
    return MonthOfScores(month, won, len(rows) - won, _auc_of(rows))


def _auc_measures(judged: pd.DataFrame, first_score: date | None, day: date) -> tuple[Measure, ...]:
    figure = _auc_of(judged)
    won = int(judged["is_won"].astype(bool).sum())
    because = f"of {len(judged):,} decided deals, {LEAST_DEALS} won and {LEAST_DEALS} lost ones are needed"
    aims = ((0.55, "by month 6"), (0.65, "by year 2"))
    return tuple(
        Measure(
            f"AUC {by}",
            f"above {goal}",
            figure,
            goal,
            style="number",
            because=_since(first_score, day) if figure else because,
            needed=deals_needed_for_auc(figure.value, goal, won / len(judged)) if figure else None,
        )
        for goal, by in aims
    )


def _since(first_score: date | None, day: date) -> str:
    months = (day - first_score).days / 30.4 if first_score else 0.0
    return f"scores are shown for {months:.1f} months"


# --- before and after the first alerts ---


def _before_and_after(decided: pd.DataFrame, first_alert: date | None, day: date) -> tuple[Measure, Measure]:
    if first_alert is None:
        none = "no alert was sent yet"
        return _win_rate(None, _rate_of(decided), none), _cycle(None, decided, none)
    start = max(first_alert + timedelta(days=1), day - timedelta(days=LATEST_DAYS))
    now = decided[decided["decided_on"].between(pd.Timestamp(start), pd.Timestamp(day))]
    since = pd.Timestamp(first_alert - timedelta(days=BASELINE_DAYS))
    before = decided[decided["decided_on"].between(since, pd.Timestamp(first_alert))]
    before_alerts = f"the year before the first alert ({in_full(first_alert)})"
    because = f"{before_alerts} against the time since; other things changed too"
    rates = _rate_of(now), _rate_of(before)
    gain = difference(rates[0], rates[1]) if rates[0] and rates[1] else None
    return _win_rate(gain, rates[1], because), _cycle(_cycle_change(now, before), before, because)


def _rate_of(decided: pd.DataFrame) -> Share | None:
    won = int(decided["is_won"].astype(bool).sum())
    return share(won, len(decided)) if len(decided) >= LEAST_DEALS else None


def _win_rate(gain: Figure | None, before: Share | None, because: str) -> Measure:
    needed = deals_needed(before.rate, _WIN_RATE_GAIN) if before else None
    return Measure(
        "Win rate",
        "3 points up",
        gain,
        _WIN_RATE_GAIN,
        style="points",
        because=because,
        needed=needed,
        change="3 points",
    )


def _cycle_change(now: pd.DataFrame, before: pd.DataFrame) -> Figure | None:
    sides = [_spread(rows) for rows in (now, before)]
    return change_of_mean(*sides) if min(n for _, _, n in sides) >= LEAST_DEALS else None


def _spread(decided: pd.DataFrame) -> tuple[float, float, int]:
    """Mean, standard deviation and number of the cycles of won deals."""
    days = decided.loc[decided["is_won"].astype(bool), "cycle_days"].dropna()
    return float(days.mean()), float(days.std()), len(days)


def _cycle(change: Figure | None, before: pd.DataFrame, because: str) -> Measure:
    mean, deviation, n = _spread(before)
    needed = deals_needed_for_ratio(deviation / mean, 1 + _CYCLE_CHANGE) if n >= LEAST_DEALS and mean > 0 else None
    return Measure(
        "Sales cycle of won deals",
        "10% shorter",
        change,
        _CYCLE_CHANGE,
        is_less_better=True,
        because=because,
        needed=needed,
        change="10%",
    )


# --- what was forecast ---


def _forecast_accuracy(forecasts: pd.DataFrame | None) -> Measure:
    ended = len(forecasts) if forecasts is not None else 0
    if forecasts is None or not ended:
        because = "no forecast that was reported has come to its end yet"
    else:
        missed = (forecasts["expected"] - forecasts["actual"]).abs().sum() / max(float(forecasts["actual"].sum()), 1.0)
        held = int(forecasts["actual"].between(forecasts["low"], forecasts["high"]).sum())
        because = (
            f"of {ended} months the first forecast is over, off by {missed:.0%} of what was won; {held} of {ended} intervals held. What was"
            " forecast before is not in the CRM, so there is nothing to compare with"
        )
    return Measure("Forecast accuracy", "15% up", None, 0.15, because=because)
