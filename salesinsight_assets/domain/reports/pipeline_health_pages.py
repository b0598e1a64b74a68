"""The words of Monday's report: what a head of sales wants to know first comes first.

What belongs elsewhere: the figures (`pipeline_health`).
"""

from collections.abc import Hashable, Mapping, Sequence
from math import isnan
from typing import Any

import pandas as pd

from salesinsight_assets.domain.model.promotion import NO_SIGNAL
from salesinsight_assets.domain.plain_text import one_line
from salesinsight_assets.domain.reports.outlook_pages import coverage_section, forecast_section
from salesinsight_assets.domain.reports.pages import Section, Table
from salesinsight_assets.domain.reports.pipeline_health import PipelineHealth
from salesinsight_assets.domain.reports.pipeline_movement import Pipeline
from salesinsight_assets.domain.reports.pipeline_movement_pages import movement_section
from salesinsight_assets.domain.reports.pipeline_words import (
    NOT_YET,
    amount_with_interval,
    if_by_rules,
    sum_of,
    total_of,
)
from salesinsight_assets.domain.reports.words import counted, in_days, in_full, short_money

LEAST_DECIDED = 20
"""Of fewer decided deals a win rate is a matter of luck."""


def pipeline_health_title(found: PipelineHealth) -> str:
    """The week."""
    return f"Pipeline health, week to {found.day:%A} {in_full(found.day)}"


def pipeline_health_sections(found: PipelineHealth) -> list[Section]:
    """In short, movement, forecast, coverage, risk, deals."""
    return [
        Section("In short", _in_short(found)),
        movement_section(found),
        forecast_section(found),
        coverage_section(found),
        _at_risk(found),
        *([_deals(found)] if len(found.top) and found.scored_by != "base rate" else []),
    ]


def _in_short(found: PipelineHealth) -> list[str]:
    change = found.all.closing.amount - found.all.opening.amount
    moved = (
        f"{short_money(abs(change), found.currency)} {'more' if change > 0 else 'less'} than"
        if change
        else "as much as"
    )
    rate = found.win_rate if found.win_rate and found.win_rate.n >= LEAST_DECIDED else None
    won = f"Won this week: {sum_of(found.won, found)}; lost: {sum_of(found.lost, found)}"
    return [
        (
            f"Open pipeline: {sum_of(found.all.closing, found)}, {moved} a"
            f" week ago ({counted(found.all.opening.deals, 'deal')} then)."
        ),
        f"{won} (win rate {rate.rate:.0%}, 95 % interval {rate.low:.0%} to {rate.high:.0%})." if rate else f"{won}.",
        _expectation(found),
        _risk_in_short(found),
    ]


def _risk_in_short(found: PipelineHealth) -> str:
    if found.scored_by == "base rate":
        return f"Value at risk: not told, for the model sees {NO_SIGNAL}."
    risky, below = _risky(found), f"{found.risk.medium_below:.0%}"
    part = _part(risky, found.all.closing)
    return f"At risk, with a win probability below {below}: {sum_of(risky, found)}, {part} of the open amount."


def _expectation(found: PipelineHealth) -> str:
    quarter, name = found.quarter, found.quarter.period.name
    won = f"Won in {name} so far: {sum_of(quarter.won, found)}."
    if quarter.open is None:
        return f"{won} What of the open deals is won by its end is {NOT_YET}."
    last = in_days(quarter.period.last)
    return f"{won} From deals that are open now we expect {amount_with_interval(quarter.open, found)} more by {last}{if_by_rules(found)}."


def _risky(found: PipelineHealth) -> Pipeline:
    levels = [level.all for level in found.at_risk]
    return Pipeline(sum(level.deals for level in levels), sum(level.amount for level in levels))


def _part(part: Pipeline, whole: Pipeline) -> str:
    return f"{part.amount / whole.amount:.0%}" if whole.amount else "0%"


def _at_risk(found: PipelineHealth) -> Section:
    if found.scored_by == "base rate":
        why = f"Not told: the model sees {NO_SIGNAL}, and the share that is won from a stage says nothing of the single deal."
        return Section("Value at risk", [why])
    levels = f"HIGH: a win probability below {found.risk.high_below:.0%}. MEDIUM: below {found.risk.medium_below:.0%}."
    sides = (f"Due in {found.quarter.period.name}", "All open deals") if found.has_due else ("All open deals",)
    rows = [
        (level.level, *(total_of(side, found) for side in (level.due, level.all)[-len(sides) :]))
        for level in found.at_risk
    ]
    return Section("Value at risk", [levels], table=Table(("Risk", *sides), rows, sides))


def _deals(found: PipelineHealth) -> Section:
    columns = ("Deal", "Amount", "Chance", "Closes")
    rows = [_deal(row, found.currency) for row in found.top.to_dict("records")]
    lines = ["Ranked by amount x risk. The reason speaks against the deal; it is not said to be the cause."]
    return Section("Most to lose", lines, table=Table(columns, rows, columns[1:]))


def _deal(row: Mapping[Hashable, Any], currency: str | None) -> Sequence[str]:
    about = " · ".join(one_line(str(part)) for part in (row["owner_name"], row["why"]) if part)
    closes = pd.to_datetime(row["close_date"])
    return (
        f"{one_line(str(row['name']))}\n{about}",
        short_money(float(row["company_amount"]), currency),
        _chance(float(row["win_probability"]), float(row["win_probability_7d_ago"])),
        "no date" if pd.isna(closes) else f"{closes.day} {closes:%b}",
    )


def _chance(now: float, week_ago: float) -> str:
    """With last week's where it was another one, in whole percent."""
    is_news = not isnan(week_ago) and round(week_ago, 2) != round(now, 2)
    return f"{now:.0%}\nwas {week_ago:.0%}" if is_news else f"{now:.0%}"
