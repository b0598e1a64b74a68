"""A success measure beside its target: met, missed, or not to be told yet, and how many deals it would take to tell.

What belongs elsewhere: what is measured (`business_review`).
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from math import ceil, exp, log, sqrt
from typing import Any, Literal

from salesinsight_assets.domain.monitoring.performance import auc_error
from salesinsight_assets.domain.reports import differences
from salesinsight_assets.domain.shares import Share

_Z = 1.959964
_Z_OF_POWER = 0.841621
"""A standard normal lies below it in 80 of 100 cases."""
Verdict = Literal["met", "missed", "not yet known"]
MOST_NEEDED = 10_000_000


@dataclass(frozen=True)
class Figure:
    """A measured value with its 95 % interval, of `n` deals (or whatever `of` says)."""

    value: float
    low: float
    high: float
    n: int
    of: str = "deals"


@dataclass(frozen=True)
class Measure:
    """One success measure.

    Attributes:
        name: what is measured.
        target: in words.
        figure: what is known; None: nothing.
        goal: the value to reach, in the unit of the figure.
        is_less_better: whether the goal is to be gone below.
        style: `points`, `percent` or `number`: how values are written.
        because: why nothing is known, or what has to be known beside the figure.
        needed: deals (of each side, where two are compared) by which the target could be told; None: not to be said.
        change: what can be told by then.
    """

    name: str
    target: str
    figure: Figure | None
    goal: float
    is_less_better: bool = False
    style: Literal["points", "percent", "number"] = "percent"
    because: str = ""
    needed: int | None = None
    change: str = ""

    @property
    def verdict(self) -> Verdict:
        """Met or missed where the whole interval lies on one side of the goal."""
        if self.figure is None:
            return "not yet known"
        sign = -1.0 if self.is_less_better else 1.0
        low, high = sorted((sign * self.figure.low, sign * self.figure.high))
        if low > sign * self.goal:
            return "met"
        return "missed" if high < sign * self.goal else "not yet known"


def as_plain(measure: Measure) -> dict[str, Any]:
    """A measure as JSON has it.

    >>> found = Measure("AUC", "above 0.55", Figure(0.7, 0.6, 0.8, 90), 0.55, style="number")
    >>> of_plain(as_plain(found)) == found
    True
    """
    return asdict(measure)


def of_plain(plain: Mapping[str, Any]) -> Measure:
    """A measure of what `as_plain` gave."""
    figure = plain["figure"]
    return replace(Measure(**plain), figure=figure and Figure(**figure))


def said_as(measure: Measure, value: float) -> str:
    """A value of a measure as people read it; a change has its sign.

    >>> said_as(Measure("Win rate", "3 points up", None, 0.03, style="points"), 0.021)
    '+2.1 pp'
    """
    if measure.style == "number":
        return f"{value:.2f}"
    if measure.style == "points":
        return f"{value * 100:+.1f} pp"
    return f"{value:+.0%}" if measure.is_less_better else f"{value:.0%}"


def deals_needed(base_rate: float, change: float) -> int:
    """Decided deals in each of two groups by which a change of a share is found, 80 % power at 5 % (Fleiss, 1981).

    >>> deals_needed(0.45, 0.03)
    4336
    """
    changed = base_rate + change
    spread = base_rate * (1 - base_rate) + changed * (1 - changed)
    return ceil((_Z + _Z_OF_POWER) ** 2 * spread / change**2)


def deals_needed_for_ratio(variation: float, ratio: float) -> int:
    """The same for a ratio of means, of values whose standard deviation is `variation` times their mean.

    >>> deals_needed_for_ratio(0.6, 0.9)
    510
    """
    return ceil(2 * ((_Z + _Z_OF_POWER) * variation / log(ratio)) ** 2)


def deals_needed_for_auc(auc: float, goal: float, won_share: float) -> int | None:
    """Decided deals by which the interval of such an AUC lies on one side of the goal; None where it never does."""
    if abs(auc - goal) < 1e-3 or not 0 < won_share < 1:
        return None
    n = 10
    while _Z * auc_error(auc, max(1, round(n * won_share)), max(1, round(n * (1 - won_share)))) > abs(auc - goal):
        n = ceil(n * 1.1)
        if n > MOST_NEEDED:
            return None
    return n


def difference(now: Share, before: Share) -> Figure:
    """The difference of two shares as a figure (see `differences.difference`)."""
    found = differences.difference(now, before)
    return Figure(found.value, found.low, found.high, now.n)


def change_of_mean(now: tuple[float, float, int], before: tuple[float, float, int]) -> Figure:
    """The relative change of a mean; each side is mean, standard deviation and n. Interval of the log ratio, by the delta method.

    >>> found = change_of_mean((90.0, 50.0, 400), (100.0, 50.0, 400))
    >>> round(found.value, 3), round(found.low, 3), round(found.high, 3)
    (-0.1, -0.164, -0.032)
    """
    ratio = now[0] / before[0]
    error = sqrt(sum((deviation / mean) ** 2 / n for mean, deviation, n in (now, before)))
    return Figure(ratio - 1, ratio * exp(-_Z * error) - 1, ratio * exp(_Z * error) - 1, now[2])


def of_share(found: Share, of: str) -> Figure:
    """A share as a figure."""
    return Figure(found.rate, found.low, found.high, found.n, of)


def of_auc(auc: float, won: int, lost: int) -> Figure:
    """An AUC with the interval of Hanley and McNeil (1982)."""
    error = _Z * auc_error(auc, won, lost)
    return Figure(auc, max(auc - error, 0.0), min(auc + error, 1.0), won + lost)
