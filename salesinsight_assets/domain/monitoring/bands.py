"""Bands learnt from the past: where a day's figure should lie, by the same weekday of the weeks before.

Medians throughout, so that a holiday or a bad day among the weeks before moves nothing. Counts are judged by twice their
square root, on which chance alone spreads a count by 1 whatever its size (Anscombe 1948). A series is (weeks, 7) numbers, oldest
first, the last one of the day that is judged; what is not known is NaN.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np

from salesinsight_assets.domain.history.grid import Floats

CHANCE = 0.001
"""How often chance alone leaves a band."""
_MEDIANS_COST = np.pi / 2
"""Variance of a median beside that of a mean, of many values."""
_SLOPE_Z = 2.6
"""From here on, in standard deviations of Mann's count of rises, a slope is taken for growth: p below 0.01."""
_MAD_EFFICIENCY = 0.37
"""Variance of a standard deviation beside that of one by the median deviation."""
_LEAST_SHARE_SPREAD = 0.05
_LEAST_LEVEL_SPREAD = 0.02

Undone = Callable[[float], float]
"""Back from the scale on which a figure is judged."""


class Band(NamedTuple):
    """What is usual, where chance leaves a value 999 times of 1000, and how likely chance is as far off as this one."""

    usual: float
    low: float
    high: float
    p_value: float


def count_band(weeks: Floats, days: int, least_weeks: int) -> Band | None:
    """The band of a count of one day, or of the seven days up to it.

    Args:
        weeks: (weeks, 7) counts a day.
        days: 1 or 7.
        least_weeks: how many weeks before must be known.

    Returns:
        None where they are too few, or the day is not known itself.
    """
    level = _without_growth(weeks)
    rows = _known_sums(level) if days > 1 else level[:, -1]
    before, now = rows[:-1], rows[-1]
    known = _even(before[np.isfinite(before)])
    if np.isnan(now) or len(known) < least_weeks:
        return None
    usual = float(np.median(known))
    spread = max(_daily_spread(level[:-1]), _mad(known - usual, len(known)) if days > 1 else 0.0)
    return _band(
        float(_even(now)), usual, spread * np.sqrt(1 + _MEDIANS_COST / len(known)), _freedom(weeks[:-1]), _uneven
    )


def share_band(weeks: Floats, least_weeks: int) -> Band | None:
    """The band of a share that moves slowly, by all days of the weeks before; see `count_band`."""
    return _steady_band(2 * np.arcsin(np.sqrt(weeks)), _LEAST_SHARE_SPREAD, least_weeks, _share)


def level_band(weeks: Floats, least_weeks: int) -> Band | None:
    """The band of a stock, such as of open deals, by how far it moves within a week; see `count_band`."""
    logs = np.log(np.maximum(weeks, 0.5))
    moves = np.diff(logs, axis=0)
    week_ago = float(logs[-2, -1]) if len(logs) > 1 else np.nan
    return _steady_band(moves, _LEAST_LEVEL_SPREAD, least_weeks, lambda y: float(np.exp(week_ago + y)))


def _known_sums(weeks: Floats) -> Floats:
    """The sum of each week over the days that are known of the last one; NaN where one of them is not known."""
    return weeks[:, np.isfinite(weeks[-1])].sum(axis=1) if np.isfinite(weeks[-1]).any() else np.full(len(weeks), np.nan)


def _without_growth(weeks: Floats) -> Floats:
    """The weeks before as large as if they were now, where their sums grow or shrink (Mann 1945; Sen 1968)."""
    roots = _even(np.nansum(weeks[:-1], axis=1))
    first, second = np.triu_indices(len(roots), 1)
    rises = np.sign(roots[second] - roots[first]).sum()
    n = len(roots)
    if np.abs(rises) <= _SLOPE_Z * np.sqrt(n * (n - 1) * (2 * n + 5) / 18):
        return weeks
    slope = float(np.median((roots[second] - roots[first]) / (second - first)))
    line = np.median(roots - slope * np.arange(n)) + slope * np.arange(n + 1)
    return weeks * (line[-1] / np.maximum(line, 1.0))[:, None] ** 2


def _daily_spread(before: Floats) -> float:
    """How days spread around their weekday's median, at least as chance does; weekdays without any rows say nothing."""
    busy = _even(before[:, np.nan_to_num(before).max(axis=0) > 0])
    if not busy.size:
        return 1.0
    off = busy - np.nanmedian(busy, axis=0)
    return max(1.0, _mad(off[np.isfinite(off)], len(busy)))


def _freedom(before: Floats) -> float:
    """Degrees of freedom of the spread of days."""
    return max(_MAD_EFFICIENCY * np.isfinite(before).sum(), 3.0)


def _steady_band(values: Floats, least_spread: float, least_weeks: int, undone: Undone) -> Band | None:
    before = values[:-1][np.isfinite(values[:-1])]
    if not np.isfinite(values[-1, -1]) or len(before) < 7 * (least_weeks - 1) or not len(before):
        return None
    usual = float(np.median(before))
    spread = max(least_spread, _mad(before - usual, len(values) - 1))
    return _band(float(values[-1, -1]), usual, spread, max(len(values) - 2.0, 3.0), undone)


def _band(value: float, usual: float, spread: float, freedom: float, undone: Undone) -> Band:
    from scipy.special import stdtr, stdtrit

    reach = spread * float(stdtrit(freedom, 1 - CHANCE / 2))
    p_value = 2 * float(stdtr(freedom, -abs(value - usual) / spread))
    return Band(undone(usual), undone(usual - reach), undone(usual + reach), p_value)


def _mad(off: Floats, n: int) -> float:
    """The spread of deviations by their median, as a standard deviation, for groups of n (Croux & Rousseeuw 1992)."""
    return float(1.4826 * np.median(np.abs(off)) * n / (n - 0.8)) if len(off) else 0.0


def _even(counts: Floats) -> Floats:
    return 2 * np.sqrt(counts + 3 / 8)


def _uneven(y: float) -> float:
    return max(0.0, max(0.0, y) ** 2 / 4 - 3 / 8)


def _share(y: float) -> float:
    return float(np.sin(np.clip(y, 0.0, np.pi) / 2) ** 2)
