"""An interval for the difference of two shares that may be looked at as often as one likes: a confidence sequence.

Each deal was drawn by itself: with the known probability `share` nothing was done, else something. A difference `d` between
the shares of successes is judged by a game that is fair, or worse, if `d` is the truth: before each deal, the shares seen so
far are the forecast; against it stands, of all pairs of shares that lie `d` apart, the one nearest to the forecast (by
Kullback-Leibler divergence, the draw included). The money won is the product of forecast over nearest pair at what
happened. As the pairs that lie `d` apart are a convex set, its expectation never grows under any of them: also where the
shares differ from deal to deal, as long as the difference is `d`. By Ville's inequality it ever exceeds 1/alpha with
probability alpha at most; the interval holds every difference against which less was won. Nothing is asymptotic.

Sources: Turner, Ly, Grünwald (2024), Generic E-variables for exact sequential k-sample tests, J. Stat. Plan. Inference 230;
Turner, Grünwald (2023), Exact anytime-valid confidence intervals for contingency tables, Stat. Probab. Letters 198. Both
take blocks of a fixed composition; here the known probability of the draw takes their place.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from salesinsight_assets.domain.history.grid import Floats

ALPHA = 0.05
_LIMIT = float(np.log(1 / ALPHA))
_WEIGHT = 20.0
"""Deals for which the share of both arms together counts in the forecast of each. Any number is valid; see decision 9."""
_STEPS, _EDGE_STEPS = 40, 14
_MOST = 0.999
_COARSE = tuple(np.linspace(-_MOST, _MOST, 41))
Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Interval:
    """Bounds of the difference: the share with something done less the share without."""

    low: float
    high: float


NOTHING_KNOWN = Interval(-1.0, 1.0)


def difference_interval(is_out: Flags, is_success: Flags, share: float) -> Interval:
    """The 95 % interval after the last deal; it holds after every deal at once.

    Args:
        is_out: for each deal, in the order in which they were drawn, whether nothing was done.
        is_success: whether it was a success.
        share: the probability with which nothing is done.

    Returns:
        The interval; from -1 to 1 where nothing is known, or where no constant difference explains the deals.
    """

    def won_against(difference: float) -> float:
        return float(log_evidence(is_out, is_success, difference, share)[-1])

    if not len(is_out):
        return NOTHING_KNOWN
    inside = min([_observed(is_out, is_success), *_COARSE], key=won_against)
    if won_against(inside) >= _LIMIT:
        return NOTHING_KNOWN
    return Interval(_edge(won_against, inside, -1.0), _edge(won_against, inside, 1.0))


def log_evidence(is_out: Flags, is_success: Flags, difference: float, share: float) -> Floats:
    """The logarithm of the money won against a difference after each deal; deals along the last axis.

    `difference` lies strictly between -1 and 1.
    """
    with_, without = _forecasts(is_out, is_success)
    nearest = _nearest(with_, without, difference, share)
    forecast = np.where(is_out, without, with_)
    judged = np.where(is_out, nearest, nearest + difference)
    won = np.where(is_success, forecast / judged, (1 - forecast) / (1 - judged))
    return np.cumsum(np.log(won), axis=-1)


def _forecasts(is_out: Flags, is_success: Flags) -> tuple[Floats, Floats]:
    """Before each deal the share of successes to expect with something done, and without."""
    n, successes = _before(np.ones_like(is_out)), _before(is_success)
    n_out, successes_out = _before(is_out), _before(is_success & is_out)
    together = _WEIGHT * (successes + 1) / (n + 2)
    with_ = (successes - successes_out + together) / (n - n_out + _WEIGHT)
    return with_, (successes_out + together) / (n_out + _WEIGHT)


def _before(flags: Flags) -> Floats:
    """How many flags are set before each place."""
    return np.cumsum(flags, axis=-1, dtype="float64") - flags


def _nearest(with_: Floats, without: Floats, difference: float, share: float) -> Floats:
    """The share without, of the pair that lies `difference` apart and is nearest to the forecast; by bisection."""
    low, high = np.full_like(without, max(0.0, -difference)), np.full_like(without, min(1.0, 1.0 - difference))
    for _ in range(_STEPS):
        p = (low + high) / 2
        q = p + difference
        slope = share * (p - without) / (p * (1 - p)) + (1 - share) * (q - with_) / (q * (1 - q))
        low, high = np.where(slope > 0, low, p), np.where(slope > 0, p, high)
    return (low + high) / 2


def _observed(is_out: Flags, is_success: Flags) -> float:
    """The difference of the shares as they are; 0 where one of them is of no deal."""
    if is_out.all() or not is_out.any():
        return 0.0
    return float(np.clip(is_success[~is_out].mean() - is_success[is_out].mean(), -_MOST, _MOST))


def _edge(won_against: Callable[[float], float], inside: float, outside: float) -> float:
    """Where the money won reaches the limit between a difference that holds and an end."""
    for _ in range(_EDGE_STEPS):
        middle = (inside + outside) / 2
        inside, outside = (middle, outside) if won_against(middle) < _LIMIT else (inside, middle)
    return outside
