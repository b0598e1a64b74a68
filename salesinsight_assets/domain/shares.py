"""A share of some deals, with its interval: nothing is said of deals without saying how many they are."""

from dataclasses import dataclass
from math import sqrt

_Z = 1.959964
"""Of a standard normal 95 % lie within this distance of its mean."""


@dataclass(frozen=True)
class Share:
    """`part` of `n` deals; `rate` with its 95 % interval `low` to `high`, by Wilson (1927).

    >>> share(8, 10)
    Share(part=8, n=10, rate=0.8, low=0.4902, high=0.9433)
    """

    part: int
    n: int
    rate: float
    low: float
    high: float


def share(part: int, n: int) -> Share | None:
    """The share of `part` in `n` deals that are independent of each other, to four digits; None of no deal."""
    if n == 0:
        return None
    rate, spread = part / n, _Z**2 / n
    centre = (rate + spread / 2) / (1 + spread)
    half = _Z / (1 + spread) * sqrt(rate * (1 - rate) / n + spread / (4 * n))
    return Share(part, n, round(rate, 4), round(max(centre - half, 0.0), 4), round(min(centre + half, 1.0), 4))
