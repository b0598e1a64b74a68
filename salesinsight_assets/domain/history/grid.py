"""As-of reads without joins: moments lie on a grid, so every event falls into a bucket.

An event is known as of `moments[k]` when its bucket is at most k. A count as of every moment is then one `bincount` and
one `cumsum`, the latest row as of every moment one assignment and one running maximum, and a snapshot takes its value
by index. Keys are integer codes; -1 means "no such key" and is left out.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Times = NDArray[np.datetime64]


def end_of_day(day: date, zone: ZoneInfo) -> datetime:
    """The last microsecond of `day` in the company's time zone: what "as of `day`" means.

    >>> end_of_day(date(2024, 3, 31), ZoneInfo("Europe/Berlin")).isoformat()
    '2024-03-31T23:59:59.999999+02:00'
    """
    midnight = datetime.combine(day + timedelta(days=1), time(), tzinfo=zone)
    return (midnight.astimezone(UTC) - timedelta(microseconds=1)).astimezone(zone)


def codes_of(values: pd.Series | np.ndarray, ids: pd.Index) -> Ints:
    """The place of each value among the distinct `ids`, -1 where it is not among them."""
    return ids.get_indexer(pd.Index(values))


def utc_times(column: pd.Series) -> Times:
    """A timestamp column as plain UTC datetime64[us]; missing stays NaT."""
    return column.to_numpy("datetime64[us]")


def days_of(column: pd.Series) -> Times:
    """A column of dates as datetime64[D]; missing stays NaT."""
    return pd.to_datetime(column).to_numpy("datetime64[D]")


class Grid:
    """The moments at which something is asked, in ascending order.

    `moments` are UTC; `days` are their calendar days, each in the time zone that its moment was given in.
    """

    def __init__(self, moments: Iterable[datetime]) -> None:
        asked = list(moments)
        index = pd.DatetimeIndex(pd.to_datetime(asked, utc=True))
        if not index.is_monotonic_increasing or not len(index):
            raise ValueError(f"a grid needs at least one moment, in ascending order; got {list(index)}")
        self.moments: Times = index.to_numpy("datetime64[us]")
        self.days: Times = np.array([moment.date() for moment in asked], dtype="datetime64[D]")

    def __len__(self) -> int:
        return len(self.moments)

    def bucket(self, times: Times) -> Ints:
        """For each time the first moment at which it is known; `len(grid)` where it never is (later, or missing)."""
        buckets = np.searchsorted(self.moments, times, side="left")
        return np.where(np.isnat(times), len(self), buckets)

    def sums(self, keys: Ints, start: Ints, end: Ints, n_keys: int, weights: Floats | None = None) -> Floats:
        """Sum of `weights` (default 1 each) of the events known as of each moment, shape (n_keys, len(grid)).

        An event counts in the buckets from `start` up to, not including, `end`.
        """
        width = len(self) + 1
        valid = (keys >= 0) & (start < np.minimum(end, len(self)))
        keys, start, end = keys[valid], start[valid], np.minimum(end[valid], len(self))
        values = np.ones(len(keys)) if weights is None else weights[valid]
        changes = np.bincount(keys * width + start, values, n_keys * width).astype("float64")  # integers for no events
        leaving = end < len(self)
        if leaving.any():
            changes -= np.bincount((keys * width + end)[leaving], values[leaving], n_keys * width)
        return np.cumsum(changes.reshape(n_keys, width), axis=1)[:, :-1]

    def latest(self, keys: Ints, start: Ints, end: Ints | None, n_keys: int) -> Ints:
        """Index of the latest event known as of each moment, -1 where there is none, shape (n_keys, len(grid)).

        Events must come in the order of their times. One that ends (`end` below `len(grid)`: deleted, or superseded)
        counts only in the buckets before.
        """
        width = len(self)
        found = np.full((n_keys, width), -1, dtype=np.int64)
        valid = (keys >= 0) & (start < width)
        ends = np.zeros(len(keys), dtype=bool) if end is None else end < width
        lasting = np.flatnonzero(valid & ~ends)
        found[keys[lasting], start[lasting]] = lasting  # of two in one bucket the later one stays
        np.maximum.accumulate(found, axis=1, out=found)
        if end is not None and ends.any():
            passing = np.flatnonzero(valid & ends & (start < end))
            spans = end[passing] - start[passing]
            rows = np.repeat(passing, spans)
            offsets = np.arange(spans.sum()) - np.repeat(np.cumsum(spans) - spans, spans)
            np.maximum.at(found, (keys[rows], start[rows] + offsets), rows)
        return found


def take(values: np.ndarray, index: Ints, missing: Any) -> np.ndarray:
    """`values[index]`, with `missing` where the index is -1; works for an empty `values` too."""
    if len(values) == 0:
        return np.full(index.shape, missing, dtype=values.dtype)
    return np.where(index >= 0, values[index], missing)


def first_after(keys: Ints, times: Times, at_keys: Ints, at_times: Times) -> Ints:
    """Index of each key's first event later than its `at_times`, -1 where there is none; for moments off the grid."""
    return latest_before(keys, _mirrored(times), at_keys, _mirrored(at_times + np.timedelta64(1, "us")))


def _mirrored(times: Times) -> Times:
    """Times in the opposite order, missing ones still missing."""
    return (-times.astype("datetime64[us]").view("int64")).view("datetime64[us]")


def latest_before(keys: Ints, times: Times, at_keys: Ints, at_times: Times) -> Ints:
    """Index of each key's latest event at or before its `at_times`, -1 where there is none; for moments off the grid.

    Events may come in any order; of two at the same time the later row counts.
    """
    known = np.flatnonzero((keys >= 0) & ~np.isnat(times))
    if not len(known):
        return np.full(len(at_keys), -1, dtype=np.int64)
    distinct, rank = np.unique(times[known], return_inverse=True)
    width = len(distinct) + 1
    place = keys[known] * width + rank + 1
    order = np.argsort(place, kind="stable")
    asked = at_keys * width + np.searchsorted(distinct, at_times, side="right")
    found = np.searchsorted(place[order], asked, side="right") - 1
    index = known[order][np.maximum(found, 0)]
    return np.where((found >= 0) & (at_keys >= 0) & (keys[index] == at_keys), index, -1)
