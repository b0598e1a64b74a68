"""What was said of deals beside what became of them, by tenths: the sentence that is published to everyone.

A deal counts once, with what was shown some weeks before its decision (see `monitoring.performance.shown_before_decision`).
"""

from dataclasses import replace

import pandas as pd

from salesinsight_assets.domain.reports.judged_scores import Said, by_tenths, tenths
from salesinsight_assets.domain.reports.pages import Table
from salesinsight_assets.domain.shares import share


def said_and_happened(judged: pd.DataFrame) -> tuple[Said, ...]:
    """By tenth of what was said the share that was won; tenths without a deal are left out.

    Args:
        judged: one row a decided deal: `win_probability` as it was shown, `is_won`.
    """
    said = judged["win_probability"]
    return by_tenths(judged[["is_won"]].assign(place=tenths(said), said=said))


def said_of_snapshots(table: pd.DataFrame) -> tuple[Said, ...]:
    """What a model said on weeks it had not seen, beside what happened, from its `model_calibration`.

    The snapshots of one deal tell the same: the interval is that of as many independent ones as there are deals.
    """
    found: list[Said] = []
    for row in table.to_dict("records"):
        n = int(row["n"] if pd.isna(row["deals"]) else row["deals"])
        won = share(round(row["actual_rate"] * n), n)
        if won is not None:
            kept = replace(won, rate=float(row["actual_rate"]))
            found.append(Said(float(row["bin_from"]), float(row["bin_to"]), float(row["predicted_rate"]), kept))
    return tuple(found)


def said_sentence(said: Said) -> str:
    """As it is published.

    >>> from salesinsight_assets.domain.shares import Share
    >>> said_sentence(Said(0.3, 0.4, 0.34, Share(27, 87, 0.3103, 0.2229, 0.4142)))
    'When we said 34%, 31% were won (n = 87, 95 % interval 22% to 41%).'
    """
    won = said.won
    interval = f"95 % interval {won.low:.0%} to {won.high:.0%}"
    return f"When we said {said.predicted_rate:.0%}, {won.rate:.0%} were won (n = {won.n:,}, {interval})."


def said_table(said: tuple[Said, ...]) -> Table:
    """Tenth by tenth."""
    columns = ("We said", "Were won", "95 % interval", "Deals")
    rows = [
        (f"{s.predicted_rate:.0%}", f"{s.won.rate:.0%}", f"{s.won.low:.0%} to {s.won.high:.0%}", f"{s.won.n:,}")
        for s in said
    ]
    return Table(columns, rows, columns[1:])


def said_points(said: tuple[Said, ...]) -> pd.DataFrame:
    """For a picture: `said`, `won`, `low`, `high`, `n`."""
    return pd.DataFrame(
        [(s.predicted_rate, s.won.rate, s.won.low, s.won.high, s.won.n) for s in said],
        columns=["said", "won", "low", "high", "n"],
    )
