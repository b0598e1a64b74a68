"""Wednesday's rep performance review of one team: all reps at a glance, the coaching cards, and of whom nothing is said.

What belongs elsewhere: the cards themselves (`coaching_cards`), how the picture is drawn, and who gets the review.
"""

import json
from datetime import date
from typing import Any

import pandas as pd

from salesinsight_assets.domain.delivery.texts import money
from salesinsight_assets.domain.plain_text import one_line
from salesinsight_assets.domain.reports.coaching_policy import CoachingPolicy
from salesinsight_assets.domain.reports.coaching_texts import OPPORTUNITY, percent, points, window
from salesinsight_assets.domain.reports.pages import Section, Table
from salesinsight_assets.domain.reports.words import counted, in_full

ADJUSTED_PICTURE = "win rates against what an average rep would have won"
NO_CAUSE = "A difference says that something is so, not why."


def rep_performance_title(manager: str, day: date) -> str:
    """`Rep performance of Dana Lee's team, as of 31 March 2025`; the day is that of the cards."""
    return f"Rep performance of {one_line(manager)}'s team, as of {in_full(day)}"


def rep_performance_sections(cards: pd.DataFrame, currency: str | None, policy: CoachingPolicy) -> list[Section]:
    """The sections of one manager's review.

    Args:
        cards: the rows of `coaching_cards` of one team; `adjusted_chart` draws the same rows.
        currency: the code of the company's currency; None: not known.
        policy: windows, level and least numbers, for the words.
    """
    told, silent = cards[cards["win_rate"].notna()], cards[cards["win_rate"].isna()]
    opportunities = told[told["is_opportunity"].astype(bool)]
    return [
        _overview(told, currency, policy),
        *(_card(str(text)) for text in opportunities["card"]),
        *([_no_opportunity(told)] if len(told) and opportunities.empty else []),
        *([Section("Too few closed deals to say anything", list(silent["card"].astype(str)))] if len(silent) else []),
    ]


def _overview(told: pd.DataFrame, currency: str | None, policy: CoachingPolicy) -> Section:
    title = f"All reps, closed deals of the last {window(policy)}"
    if told.empty:
        return Section(title, [f"no rep has closed {policy.least_closed} deals yet"])
    how = [
        f"Each win rate and difference stands above its {percent(policy.level)} interval; one that holds zero says nothing yet.",
        f'"Same deals": the win rate less what an average rep would have won with the same deals. {NO_CAUSE}',
        *_few_recent(told, policy),
    ]
    has_average = bool(told["adjusted_difference"].notna().any())
    columns = ("Rep", "Won", "Same deals", "Open, at risk")
    table = Table(columns, [_rep_row(row, currency) for row in told.to_dict("records")], columns[1:])
    return Section(title, how, ADJUSTED_PICTURE if has_average else "", table)


def _few_recent(told: pd.DataFrame, policy: CoachingPolicy) -> list[str]:
    """Of whom it cannot be said whether the win rate moves."""
    recent = {
        name: json.loads(text)["n_recent"] for name, text in zip(told["owner_name"], told["figures"], strict=True)
    }
    few = [f"{name} ({n})" for name, n in recent.items() if n < policy.least_recent]
    what = f"too few deals closed in the last {policy.recent_days} days to say"
    return [f"Trend: {what} (from {policy.least_recent} on): {', '.join(few)}"] if few else []


def _rep_row(row: dict[Any, Any], currency: str | None) -> tuple[str, ...]:
    rep = f"{row['owner_name']}\nn = {row['n_closed']:,}"
    won = f"{row['win_rate']:.0%}\n{row['low']:.0%} to {row['high']:.0%}"
    return rep, won, _adjusted(row), _open(row, currency)


def _adjusted(row: dict[Any, Any]) -> str:
    if pd.isna(row["adjusted_difference"]):
        return "–\ntoo few of others yet"
    low, high = points(row["adjusted_low"]), points(row["adjusted_high"])
    return f"{points(row['adjusted_difference'])}\n{low} to {high}"


def _open(row: dict[Any, Any], currency: str | None) -> str:
    if pd.isna(row["open_deals"]):
        return "–\nnot scored"
    at_risk = int(row["deals_at_risk"])
    amount = f"\n{money(float(row['amount_at_risk']), currency)}" if at_risk else ""
    return f"{at_risk:,} of {int(row['open_deals']):,}{amount}"


def _card(text: str) -> Section:
    """A card as a section: its headline, then its paragraphs as they stand."""
    headline, *paragraphs = text.split("\n\n")
    return Section(headline, [], paragraphs=paragraphs)


def _no_opportunity(told: pd.DataFrame) -> Section:
    return Section(OPPORTUNITY, [f"none: of {counted(len(told), 'rep')} nothing stands out that calls for coaching"])
