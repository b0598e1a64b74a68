"""Forecasts that were reported, beside what became of the same deals once the month was over."""

from collections.abc import Mapping
from datetime import date
from typing import Any

import pandas as pd

from salesinsight_assets.domain.reports.periods import month_of
from salesinsight_assets.domain.reports.pipeline_movement import whole_amounts

MONTH_EXPECTED, MONTH_LOW, MONTH_HIGH = (
    "expected by the end of the month",
    "by the month's end, low",
    "by the month's end, high",
)


def ended_forecasts(figures: Mapping[date, Mapping[str, Any]], day: date) -> dict[date, Mapping[str, Any]]:
    """Of the reports' figures, by day, the first one of each month that is over by `day` and in which something was expected."""
    found: dict[date, Mapping[str, Any]] = {}
    months: set[date] = set()
    for made_on in sorted(figures):
        last = _last_day(made_on)
        if MONTH_EXPECTED in figures[made_on] and last <= day and last not in months:
            months.add(last)
            found[made_on] = figures[made_on]
    return found


def judged_forecasts(
    figures: Mapping[date, Mapping[str, Any]], open_ids: Mapping[date, list[str]], decided: pd.DataFrame
) -> pd.DataFrame:
    """One row a forecast: `made_on`, `expected`, `low`, `high`, and `actual`, what was won by then of the deals open that day.

    Args:
        figures: see `ended_forecasts`.
        open_ids: the deals that were open on each of these days.
        decided: see `results.decided_amounts`.
    """
    rows = [
        {
            "made_on": made_on,
            "expected": float(said[MONTH_EXPECTED]),
            "low": float(said[MONTH_LOW]),
            "high": float(said[MONTH_HIGH]),
            "actual": float(_won_of(open_ids[made_on], decided, made_on)),
        }
        for made_on, said in figures.items()
    ]
    return pd.DataFrame(rows, columns=["made_on", "expected", "low", "high", "actual"])


def _won_of(ids: list[str], decided: pd.DataFrame, made_on: date) -> int:
    is_in_time = (decided["decided_on"] > pd.Timestamp(made_on)) & (
        decided["decided_on"] <= pd.Timestamp(_last_day(made_on))
    )
    won = decided[decided["is_won"].astype(bool) & is_in_time & decided["opportunity_id"].isin(ids)]
    return int(whole_amounts(won).sum())


def _last_day(made_on: date) -> date:
    """The end of the month that the morning after belongs to, as in the report."""
    return month_of((pd.Timestamp(made_on) + pd.Timedelta(days=1)).date()).last
