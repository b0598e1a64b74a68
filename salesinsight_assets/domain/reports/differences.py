"""Differences of two shares with their intervals, and which of many differences may be told.

What belongs elsewhere: what is compared, and how it is worded.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist
from typing import NamedTuple, Protocol

import pandas as pd

from salesinsight_assets.domain.monitoring.multiplicity import q_values
from salesinsight_assets.domain.shares import Share, share


class WithInterval(Protocol):
    """A rate with its interval."""

    @property
    def rate(self) -> float:
        """The estimate."""
        ...

    @property
    def low(self) -> float:
        """The lower end of its interval."""
        ...

    @property
    def high(self) -> float:
        """The upper end of its interval."""
        ...


@dataclass(frozen=True)
class Difference:
    """A difference of two rates, with its interval `low` to `high`."""

    value: float
    low: float
    high: float

    @property
    def is_above(self) -> bool:
        """Whether the whole interval lies above zero."""
        return self.low > 0

    @property
    def is_below(self) -> bool:
        """Whether the whole interval lies below zero."""
        return self.high < 0


def difference(ours: WithInterval, theirs: WithInterval) -> Difference:
    """Our rate less theirs, of two independent estimates, with the interval that follows from theirs.

    Of two Wilson intervals it is the hybrid score interval of Newcombe (1998, method 10); for other estimates, whose
    intervals need not be symmetric, see Zou and Donner (2008).

    >>> found = difference(share(56, 70), share(48, 80))
    >>> round(found.value, 2), round(found.low, 4), round(found.high, 4)
    (0.2, 0.0524, 0.3339)
    """
    low = sqrt((ours.rate - ours.low) ** 2 + (theirs.high - theirs.rate) ** 2)
    high = sqrt((ours.high - ours.rate) ** 2 + (theirs.rate - theirs.low) ** 2)
    value = ours.rate - theirs.rate
    return Difference(value, value - low, value + high)


class Counts(NamedTuple):
    """Our `part` of `n` deals, and their `other_part` of `other_n`."""

    part: int
    n: int
    other_part: int
    other_n: int


@dataclass(frozen=True)
class Comparison:
    """Our share, theirs, and the difference."""

    ours: Share
    theirs: Share
    difference: Difference


def compared(counts: Counts, level: float) -> Comparison | None:
    """Two shares beside each other; None where one is of no deal."""
    ours, theirs = share(counts.part, counts.n, level), share(counts.other_part, counts.other_n, level)
    return Comparison(ours, theirs, difference(ours, theirs)) if ours and theirs else None


def standing_out(many: Sequence[Counts], level: float) -> list[Comparison | None]:
    """Of many comparisons those that may be told, with intervals that allow for their having been picked; else None.

    A share `level` of the differences told are real (Benjamini and Hochberg 1995), and of the intervals told as many hold
    (Benjamini and Yekutieli 2005): the intervals of R that are picked from m are of level 1 - R (1 - level) / m.
    """
    is_picked = q_values(pd.Series([_p_value(counts) for counts in many], dtype="float64")) <= 1 - level
    wide = 1 - int(is_picked.sum()) * (1 - level) / max(len(many), 1)
    found = [compared(counts, wide) if told else None for counts, told in zip(many, is_picked, strict=True)]
    return [c if c and (c.difference.is_above or c.difference.is_below) else None for c in found]


def _p_value(counts: Counts) -> float:
    """Two-sided, of the score test that both shares are the same."""
    n, other_n = counts.n, counts.other_n
    if not n or not other_n:
        return 1.0
    together = (counts.part + counts.other_part) / (n + other_n)
    deviation = sqrt(together * (1 - together) * (1 / n + 1 / other_n))
    if deviation == 0:
        return 1.0
    return 2 * NormalDist().cdf(-abs(counts.part / n - counts.other_part / other_n) / deviation)
