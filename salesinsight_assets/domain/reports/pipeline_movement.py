"""What moved in the pipeline between two days, so that what it was and what moved add up to what it is.

Every deal is counted in whole units of the company's currency, and each of its moves under one name: so the sum is exact,
also as it is read. A deal without an amount in the company's currency counts as a deal and adds nothing.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

import numpy as np
import pandas as pd

from salesinsight_assets.domain.history.grid import Ints
from salesinsight_assets.domain.reports.periods import Period

NEW, RETURNED = "new", "returned"
TAKEN_OVER, HANDED_OVER = "taken over", "handed over"
PULLED_IN, REDATED = "pulled in", "dated again"
UP, DOWN, RATES = "amount up", "amount down", "exchange rates"
WON, LOST, SLIPPED, PASSED, REMOVED = "won", "lost", "slipped", "date passed", "removed"
ENTERING = (NEW, RETURNED, TAKEN_OVER, PULLED_IN, REDATED)
CHANGING = (UP, DOWN, RATES)
LEAVING = (WON, LOST, HANDED_OVER, SLIPPED, PASSED, REMOVED)


@dataclass(frozen=True)
class Move:
    """How many deals moved in one way, and by how much the pipeline grew by it (below zero: shrank)."""

    name: str
    deals: int
    amount: int


@dataclass(frozen=True)
class Pipeline:
    """Open deals and their amount."""

    deals: int
    amount: int


@dataclass(frozen=True)
class Movement:
    """`opening` and `moves` add up to `closing`; moves of no deal are left out."""

    opening: Pipeline
    moves: tuple[Move, ...]
    closing: Pipeline

    def of(self, name: str) -> Move:
        """The move of a name, of no deal where there was none."""
        return next((move for move in self.moves if move.name == name), Move(name, 0, 0))


def movement(
    before: pd.DataFrame,
    now: pd.DataFrame,
    fates: pd.Series,
    since: datetime,
    days: tuple[date, date],
    period: Period | None = None,
    reassigned: Collection[str] = (),
) -> Movement:
    """What became of the pipeline of one day by another.

    Args:
        before: the deals open on the first day, by `opportunity_id` as index: `company_amount`, `amount`,
            `currency_iso_code`, `close_date`, `created_date`.
        now: those open on the second.
        fates: `won` or `lost` by deal, of those decided by the second day.
        since: the moment of the first day; a deal that was created later is new.
        days: the two days.
        period: only deals with a close date in it that is still to come count; None: all open deals.
        reassigned: where the deals are those of some owners, the ones that were open on both days, and theirs on one of them.
    """
    first, second, names, change = _moved(before, now, fates, since, days, period, reassigned)
    moves = tuple(
        Move(name, int((names == name).sum()), int(change[names == name].sum()))
        for name in (*ENTERING, *CHANGING, *LEAVING)
    )
    return Movement(_pipeline(first), tuple(move for move in moves if move.deals), _pipeline(second))


def moves_of_deals(
    before: pd.DataFrame,
    now: pd.DataFrame,
    fates: pd.Series,
    since: datetime,
    days: tuple[date, date],
    period: Period | None = None,
    reassigned: Collection[str] = (),
) -> pd.DataFrame:
    """How each deal moved, by `opportunity_id` as index: `move`, and by how much the pipeline grew by it, `change`.

    The arguments are those of `movement`, and its moves are the sums of these; deals that did not move are left out.
    """
    _, _, names, change = _moved(before, now, fates, since, days, period, reassigned)
    return pd.DataFrame({"move": names, "change": change})[names != ""]


def _moved(
    before: pd.DataFrame,
    now: pd.DataFrame,
    fates: pd.Series,
    since: datetime,
    days: tuple[date, date],
    period: Period | None,
    reassigned: Collection[str],
) -> tuple[pd.DataFrame, pd.DataFrame, np.ndarray, pd.Series]:
    """What counts on each day, and for every deal of either the name of its move, and the change."""
    ids = before.index.union(now.index)
    first, second = (_side(deals, ids, day, period) for deals, day in zip((before, now), days, strict=True))
    handed = pd.Series(ids.isin(list(reassigned)), index=ids)
    names = _names(first, second, fates.reindex(ids), handed, since, days, period)
    return first, second, names, second["counted"] - first["counted"]


def whole_amounts(deals: pd.DataFrame) -> Ints:
    """`company_amount` in whole units, 0 where it is not known."""
    return np.rint(deals["company_amount"].fillna(0.0).to_numpy("float64")).astype("int64")


def is_due(deals: pd.DataFrame, day: date, period: Period | None) -> pd.Series:
    """Whether each deal's close date lies in the period and after the day; without a period, every deal."""
    if period is None:
        return pd.Series(data=True, index=deals.index)
    closes = pd.to_datetime(deals["close_date"])
    return (closes > pd.Timestamp(day)) & closes.between(pd.Timestamp(period.first), pd.Timestamp(period.last))


def _side(deals: pd.DataFrame, ids: pd.Index, day: date, period: Period | None) -> pd.DataFrame:
    """One row for each of `ids`: what of the deal counts on the day, and what it was."""
    due = is_due(deals, day, period)
    known = deals.assign(is_open=True, is_due=due, counted=whole_amounts(deals) * due.to_numpy("int64"))
    side = known.reindex(ids)
    flags = {name: side[name].eq(True) for name in ("is_open", "is_due")}
    return side.assign(**flags, counted=side["counted"].fillna(0).astype("int64"))


def _pipeline(side: pd.DataFrame) -> Pipeline:
    return Pipeline(int(side["is_due"].sum()), int(side["counted"].sum()))


def _names(
    first: pd.DataFrame,
    second: pd.DataFrame,
    fates: pd.Series,
    handed: pd.Series,
    since: datetime,
    days: tuple[date, date],
    period: Period | None,
) -> np.ndarray:
    """How each deal moved; empty where it did not."""
    was, is_now = first["is_due"], second["is_due"]
    change = second["counted"] - first["counted"]
    closes_before, closes_now = (pd.to_datetime(side["close_date"]) for side in (first, second))
    start = max(pd.Timestamp(days[0]) + pd.Timedelta(days=1), pd.Timestamp(period.first if period else days[0]))
    enters, leaves, stays = ~was & is_now, was & ~is_now, was & is_now
    cases = {
        NEW: enters & ~first["is_open"] & (second["created_date"] > since),
        TAKEN_OVER: enters & ~first["is_open"] & handed,
        RETURNED: enters & ~first["is_open"],
        REDATED: enters & (closes_before < start),
        PULLED_IN: enters,
        HANDED_OVER: leaves & ~second["is_open"] & handed,
        WON: leaves & ~second["is_open"] & fates.eq(WON),
        LOST: leaves & ~second["is_open"] & fates.eq(LOST),
        REMOVED: leaves & ~second["is_open"],
        PASSED: leaves & (closes_now <= pd.Timestamp(days[1])),
        SLIPPED: leaves,
        RATES: stays & (change != 0) & _is_same_amount(first, second),
        UP: stays & (change > 0),
        DOWN: stays & (change < 0),
    }
    return np.select([case.to_numpy(bool) for case in cases.values()], list(cases), default="")


def _is_same_amount(first: pd.DataFrame, second: pd.DataFrame) -> pd.Series:
    """Whether the deal's own amount and currency are as they were."""
    currencies = [side["currency_iso_code"].astype(object).fillna("") for side in (first, second)]
    return first["amount"].eq(second["amount"]) & currencies[0].eq(currencies[1])
