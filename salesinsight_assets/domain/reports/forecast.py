"""How much of the open pipeline is won by a day: the expected amount with its interval, and how far close dates tell when.

A win probability says whether a deal is won, not when. Close dates say when, and are pushed: so the share of deals that are
won within so many days is measured on the past, by where the close date lay.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from salesinsight_assets.domain.history.grid import Floats

DRAWS, SEED = 10_000, 11
_AT_ONCE = 500
_INTERVAL = 0.95
LEAST_WON = 20
"""Won deals below which it is not known how far close dates tell."""
_WEIGHT = 20.0
"""Average won deals that each place's share is mixed with."""
PASSED, IN_TIME, SOON, LATER, NO_DATE = "passed", "in time", "up to 60 days later", "later", "no date"
_SOON_DAYS = 60


@dataclass(frozen=True)
class Forecast:
    """The expected amount of some deals with its 95 % interval."""

    deals: int
    expected: float
    low: float
    high: float


@dataclass(frozen=True)
class Timing:
    """Of deals that were won in the end, the share won within the days, by where the close date lay.

    Attributes:
        days: within how many days.
        won_deals: how many won deals it was measured on.
        shares: by PASSED, IN_TIME (a date within the days) and so on.
    """

    days: int
    won_deals: int
    shares: dict[str, float]


def forecast(amount: Floats, chance: Floats) -> Forecast:
    """The amount that is won of deals that are won with `chance`, each independent of the others.

    The interval is drawn: DRAWS times each deal is won or not (a sum of independent Bernoulli amounts, for which Poisson's
    binomial is the case of equal ones). A fixed seed: the same deals give the same interval.

    >>> forecast(np.array([100.0]), np.array([1.0]))
    Forecast(deals=1, expected=100.0, low=100.0, high=100.0)
    """
    known = np.nan_to_num(amount)
    random, drawn = np.random.default_rng(SEED), np.zeros(DRAWS)
    for start in range(0, len(known), _AT_ONCE):
        part = slice(start, start + _AT_ONCE)
        is_won = random.random((DRAWS, len(known[part])), dtype="float32") < chance[part]
        drawn += is_won @ known[part]
    low, high = np.quantile(drawn, [(1 - _INTERVAL) / 2, (1 + _INTERVAL) / 2])
    return Forecast(len(known), float(known @ chance), float(low), float(high))


def place_of_date(days_to_close: pd.Series, days: int) -> np.ndarray:
    """Where the close date of each deal lies, seen from a day and within a number of days from it."""
    cases = {
        NO_DATE: days_to_close.isna(),
        PASSED: days_to_close <= 0,
        IN_TIME: days_to_close <= days,
        SOON: days_to_close <= days + _SOON_DAYS,
    }
    return np.select([case.to_numpy(bool) for case in cases.values()], list(cases), default=LATER)


def timing(past: pd.DataFrame, days: int) -> Timing | None:
    """How far close dates told when a deal is won; None where too few deals were won.

    Args:
        past: one row a past day and deal that was open then and won since: `opportunity_id`, `days_to_close`, `days_to_win`.
        days: within how many days.
    """
    n_deals = int(past["opportunity_id"].nunique())
    if n_deals < LEAST_WON:
        return None
    is_within = (past["days_to_win"] <= days).astype("float64")
    found = is_within.groupby(place_of_date(past["days_to_close"], days)).agg(["sum", "size"])
    mixed = (found["sum"] + _WEIGHT * is_within.mean()) / (found["size"] + _WEIGHT)
    usual = dict.fromkeys((PASSED, IN_TIME, SOON, LATER, NO_DATE), float(is_within.mean()))
    return Timing(days, n_deals, usual | {str(place): float(share) for place, share in mixed.items()})


def chance_in_time(chance: Floats, days_to_close: pd.Series, measured: Timing) -> Floats:
    """The chance that each deal is won, and within the days: the one times the measured share of the other."""
    shares = pd.Series(place_of_date(days_to_close, measured.days)).map(measured.shares)
    return chance * shares.to_numpy("float64")
