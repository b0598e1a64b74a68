"""A share of some deals, with its interval: nothing is said of deals without saying how many they are."""

from dataclasses import dataclass
from math import sqrt
from statistics import NormalDist


@dataclass(frozen=True)
class Share:
    """`part` of `n` deals; `rate` with its interval `low` to `high`, by Wilson (1927), of 95 % unless said otherwise.

    >>> share(8, 10)
    Share(part=8, n=10, rate=0.8, low=0.4902, high=0.9433)
    """

    part: int
    n: int
    rate: float
    low: float
    high: float


def share(part: int, n: int, level: float = 0.95) -> Share | None:
    """The share of `part` in `n` deals that are independent of each other, to four digits; None of no deal."""
    if n == 0:
        return None
    z = deviations(level)
    rate, spread = part / n, z**2 / n
    centre = (rate + spread / 2) / (1 + spread)
    half = z / (1 + spread) * sqrt(rate * (1 - rate) / n + spread / (4 * n))
    return Share(part, n, round(rate, 4), round(max(centre - half, 0.0), 4), round(min(centre + half, 1.0), 4))


def deviations(level: float) -> float:
    """Within how many standard deviations of its mean a share `level` of a normal distribution lies.

    >>> round(deviations(0.95), 2)
    1.96
    """
    return NormalDist().inv_cdf((1 + level) / 2)


def about(n: int) -> str:
    """A number that is an estimate, with two digits that count.

    >>> about(4338), about(96)
    ('4,300', '96')
    """
    digits = max(len(str(n)) - 2, 0)
    return f"{round(n, -digits):,}"
