"""Rates: of the deals told of, how many were acted on and how many alerts were called helpful; by rule, rep and week."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from salesinsight_assets.domain.feedback.outcomes import HELPFUL
from salesinsight_assets.domain.shares import Share, share

RULE, REP, WEEK, ALL = "rule", "rep", "week", "all"


@dataclass(frozen=True)
class RatePolicy:
    """Rates are of the last `weeks`; of a rep there is none on fewer than `least_deals`.

    A rule with `least_verdicts` or more, of which with 95 % less than `helpful_below` are helpful, is proposed for a higher
    threshold.
    """

    weeks: int = 12
    least_deals: int = 20
    least_verdicts: int = 20
    helpful_below: float = 0.5


def alert_rates(outcomes: pd.DataFrame, policy: RatePolicy) -> pd.DataFrame:
    """One row for all, each rule, each rep and each week.

    Args:
        outcomes: see `alert_outcomes`; those that nobody was told of are left out.
        policy: from how many deals on a rep has a rate.

    Returns:
        `dimension`, `segment`, `n_deals`, `acted_on`, `acted_rate`, `acted_low`, `acted_high`, `verdicts`, `helpful`,
        `helpful_rate`, `helpful_low`, `helpful_high`. A deal counts once a row, by its first alert in it; a verdict once a
        deal, the last one.
    """
    told = _told(outcomes)
    days = pd.to_datetime(told["alert_date"])
    mondays = (days - pd.to_timedelta(days.dt.day_of_week, unit="D")).dt.strftime("%Y-%m-%d")
    segments = {ALL: pd.Series("all", index=told.index), RULE: told["rule"], REP: told["owner_id"], WEEK: mondays}
    rows = [
        {"dimension": dimension, "segment": str(segment), **_rates(rows, policy.least_deals if dimension == REP else 1)}
        for dimension, column in segments.items()
        for segment, rows in told.groupby(column)
    ]
    return pd.DataFrame(rows, columns=RATE_COLUMNS)


RATE_COLUMNS = ["dimension", "segment", "n_deals", "acted_on", "acted_rate", "acted_low", "acted_high", "verdicts", "helpful",
                "helpful_rate", "helpful_low", "helpful_high"]  # fmt: skip


def in_short(rates: pd.DataFrame, proposals: Sequence[str]) -> str:
    """All alerts together in a sentence, and which rules are proposed for a higher threshold."""
    everything = rates[rates["dimension"] == ALL]
    if everything.empty:
        return "the seven days of no alert are over yet"
    of = everything.iloc[0]
    acted = f"{of['acted_rate']:.0%} of {of['n_deals']:,} deals told of were acted on"
    interval = f"95 % interval {of['acted_low']:.0%} to {of['acted_high']:.0%}"
    verdicts = (
        f"{of['helpful']} of {of['verdicts']} verdicts call the alert helpful" if of["verdicts"] else "no verdict yet"
    )
    proposed = "; ".join(proposals) or "no rule is proposed for a higher threshold"
    return f"{acted} ({interval}); {verdicts}; {proposed}"


def acted_on_of(outcomes: pd.DataFrame) -> Share | None:
    """The share of the deals told of that was acted on after the first alert; None: nobody was told of any."""
    first = _told(outcomes).drop_duplicates("opportunity_id")
    return share(int(first["is_acted_on"].sum()), len(first))


def _told(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Those that somebody was told of, the messages sent first come first."""
    told = outcomes[outcomes["was_told"].astype(bool)]
    return told.sort_values(["sent_at", "opportunity_id"], kind="stable")


def _rates(told: pd.DataFrame, least: int) -> Mapping[str, object]:
    first = told.drop_duplicates("opportunity_id")
    said = told.dropna(subset="verdict").drop_duplicates("opportunity_id", keep="last")["verdict"]
    acted, helpful = int(first["is_acted_on"].sum()), int(said.eq(HELPFUL).sum())
    return {
        "n_deals": len(first),
        "acted_on": acted,
        **_with_interval("acted", acted, len(first), least),
        "verdicts": len(said),
        "helpful": helpful,
        **_with_interval("helpful", helpful, len(said), least),
    }


def _with_interval(name: str, part: int, n: int, least: int) -> Mapping[str, float | None]:
    found = share(part, n) if n >= least else None
    return {
        f"{name}_rate": found and found.rate,
        f"{name}_low": found and found.low,
        f"{name}_high": found and found.high,
    }
