"""Steps that take much longer than they usually do, noticed while they still run."""

from collections.abc import Sequence
from statistics import median

from salesinsight_assets.domain.monitoring.watch_policy import WatchPolicy


def usual_seconds(durations: Sequence[float], policy: WatchPolicy) -> float | None:
    """The median of a step's last runs, in seconds; None while there are too few of them.

    The median, because one night of a hundred times the rows must not make the next slow one look usual.

    >>> usual_seconds([10.0] * 20 + [3000.0] * 5, WatchPolicy())
    10.0
    >>> usual_seconds([10.0] * 4, WatchPolicy()) is None
    True
    """
    last = list(durations)[: policy.usual_runs]
    return median(last) if len(last) >= policy.least_runs else None


def slow_from_seconds(durations: Sequence[float], policy: WatchPolicy) -> float | None:
    """How many seconds a step has to run to be slow; `durations` are of its earlier runs, the newest first.

    More than `slow_factor` times its usual time, and `slow_least_minutes` more than it: a step of seconds varies by as much as
    it takes, and nobody gets up for that.

    >>> slow_from_seconds([600.0] * 30, WatchPolicy()), slow_from_seconds([2.0] * 30, WatchPolicy())
    (1200.0, 182.0)
    """
    usual = usual_seconds(durations, policy)
    return None if usual is None else max(policy.slow_factor * usual, usual + 60 * policy.slow_least_minutes)
