"""The forecast: its interval holds, and how far close dates tell is measured, not believed."""

import numpy as np
import pandas as pd
import pytest

from salesinsight_assets.domain.reports.forecast import (
    IN_TIME,
    LEAST_WON,
    chance_in_time,
    forecast,
    place_of_date,
    timing,
)

RANDOM = np.random.default_rng(3)


def test_the_interval_holds_what_happens_in_95_of_100_worlds():
    amount, chance = RANDOM.lognormal(10, 1, 300), RANDOM.beta(1, 3, 300)
    found = forecast(amount, chance)
    happened = (RANDOM.random((4000, 300)) < chance) @ amount
    is_within = (happened >= found.low) & (happened <= found.high)
    assert is_within.mean() == pytest.approx(0.95, abs=0.015)
    assert found.expected == pytest.approx(happened.mean(), rel=0.02)


def test_of_equal_amounts_the_interval_is_that_of_the_binomial():
    from scipy.stats import binom

    found = forecast(np.ones(1200), np.full(1200, 0.3))
    assert (found.deals, found.expected) == (1200, pytest.approx(360))
    assert [found.low, found.high] == pytest.approx(binom(1200, 0.3).ppf([0.025, 0.975]), abs=2)


def test_the_same_deals_give_the_same_interval_and_no_deal_gives_nothing():
    assert forecast(np.ones(5), np.full(5, 0.5)) == forecast(np.ones(5), np.full(5, 0.5))
    nothing = forecast(np.empty(0), np.empty(0))
    assert (nothing.deals, nothing.expected, nothing.low, nothing.high) == (0, 0, 0, 0)


def test_a_deal_without_an_amount_adds_nothing():
    assert forecast(np.array([np.nan, 10.0]), np.array([1.0, 1.0])).expected == 10


def test_where_a_close_date_lies():
    days = pd.Series([-3.0, 0, 1, 30, 31, 90, 91, np.nan])
    assert place_of_date(days, 30).tolist() == [
        *["passed"] * 2, *["in time"] * 2, *["up to 60 days later"] * 2, "later", "no date",
    ]  # fmt: skip


def past(n, days_to_close, days_to_win):
    return pd.DataFrame(
        {"opportunity_id": [f"{days_to_close}-{i}" for i in range(n)], "days_to_close": float(days_to_close)}
    ).assign(days_to_win=[days_to_win(i) for i in range(n)])


def test_how_far_close_dates_tell_is_the_share_that_was_won_in_time():
    rows = pd.concat(
        [past(4000, 10, lambda i: 5 if i % 4 == 0 else 60), past(4000, 200, lambda i: 5 if i % 10 == 0 else 90)]
    )
    found = timing(rows, 30)
    assert found
    assert found.won_deals == 8000
    assert found.shares[IN_TIME] == pytest.approx(0.25, abs=0.01)
    assert found.shares["later"] == pytest.approx(0.10, abs=0.01)
    assert found.shares["no date"] == pytest.approx(0.175, abs=0.01), "of a place without deals: the usual share"
    chance = chance_in_time(np.array([0.8, 0.5]), pd.Series([10.0, 200.0]), found)
    assert chance.tolist() == pytest.approx([0.8 * found.shares[IN_TIME], 0.5 * found.shares["later"]])


def test_of_a_few_won_deals_nothing_is_told():
    assert timing(past(LEAST_WON - 1, 10, lambda _: 5), 30) is None
    assert timing(past(LEAST_WON, 10, lambda _: 5), 30) is not None
