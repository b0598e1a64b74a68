"""Differences of shares: the interval of the literature, and what may be told of many."""

import numpy as np
import pytest

from salesinsight_assets.domain.reports.differences import Counts, compared, standing_out


@pytest.mark.parametrize(
    ("counts", "low", "high"),
    [
        ((56, 70, 48, 80), 0.0524, 0.3339),
        ((9, 10, 3, 10), 0.1705, 0.8090),
        ((10, 10, 0, 20), 0.6791, 1.0),
        ((0, 10, 0, 10), -0.2775, 0.2775),
    ],
)
def test_the_interval_is_newcombes(counts, low, high):
    """The examples a, b, g and e of Newcombe (1998), table II, method 10."""
    found = compared(Counts(*counts), 0.95)
    assert found
    assert (found.difference.low, found.difference.high) == pytest.approx((low, high), abs=1e-3)


def test_nothing_is_compared_with_no_deal():
    assert compared(Counts(1, 2, 0, 0), 0.95) is None
    assert standing_out([Counts(1, 2, 0, 0), Counts(0, 5, 0, 5)], 0.95) == [None, None]
    assert standing_out([], 0.95) == []


def test_a_difference_that_stands_alone_drowns_among_many():
    clear = Counts(30, 60, 90, 300)
    (alone,) = standing_out([clear], 0.95)
    assert alone
    assert alone.difference.is_above
    assert standing_out([clear, *[Counts(20, 50, 40, 100)] * 99], 0.95)[0] is None


def test_the_interval_of_one_picked_from_many_is_wider():
    sure = Counts(50, 60, 90, 300)
    (alone,) = standing_out([sure], 0.95)
    picked = standing_out([sure, *[Counts(20, 50, 40, 100)] * 49], 0.95)[0]
    assert alone
    assert picked
    assert picked.difference.value == alone.difference.value
    assert picked.difference.low < alone.difference.low < alone.difference.high < picked.difference.high


def test_of_what_is_told_of_many_equal_reps_nearly_nothing_is_false():
    """With no difference anywhere, a week in twenty tells of one."""
    random = np.random.default_rng(3)
    weeks = [
        [Counts(random.binomial(30, 0.4), 30, random.binomial(300, 0.4), 300) for _ in range(60)] for _ in range(300)
    ]
    told = [any(standing_out(week, 0.95)) for week in weeks]
    assert np.mean(told) <= 0.08
