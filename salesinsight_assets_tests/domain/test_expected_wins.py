"""What an average rep would have won with the same deals."""

import numpy as np
import pandas as pd
import pytest

from salesinsight_assets.domain.reports.coaching_policy import CoachingPolicy
from salesinsight_assets.domain.reports.expected_wins import adjusted_by_rep
from salesinsight_assets_tests.domain.reps_with_truth import Strength, closed_deals_of, decided

POLICY = CoachingPolicy()


def company(**rates: float) -> pd.DataFrame:
    """Four reps who win what is won everywhere, 60 % of Web deals and 20 % of the others, and those in `rates` Web deals only."""
    rows = [
        {"owner_id": f"rep {rep}", "lead_source": source, "is_won": place < won}
        for rep in range(4)
        for source, won in (("Web", 60), ("Event", 20))
        for place in range(100)
    ]
    rows += [
        {"owner_id": rep, "lead_source": "Web", "is_won": place < rate * 100}
        for rep, rate in rates.items()
        for place in range(100)
    ]
    constant = {"size": "Small", "industry": None, "type": "New", "product": "A", "region": None}
    return pd.DataFrame(rows).assign(**constant)


def test_a_rep_is_held_against_the_same_deals_and_not_against_all():
    found = adjusted_by_rep(company(zoe=0.5), ["zoe"], POLICY)["zoe"]
    assert found.expected.rate == pytest.approx(0.6, abs=0.02)
    assert found.difference.value == pytest.approx(0.5 - found.expected.rate)
    assert found.expected.low < found.expected.rate < found.expected.high


def test_what_the_rep_wins_is_no_part_of_what_is_expected():
    expected = [adjusted_by_rep(company(zoe=rate), ["zoe"], POLICY)["zoe"].expected for rate in (0.1, 0.9)]
    assert expected[0] == expected[1]


def test_the_merit_of_the_only_one_who_gets_such_deals_is_not_taken_for_the_deals():
    """Star wins 90 % and alone has the deals that zoe has too: without effects of reps, 90 % would be expected of zoe."""
    deals = company(star=0.9, zoe=0.6)
    is_special = deals["owner_id"].isin(["star", "zoe"])
    deals.loc[is_special, "product"] = "B"
    assert adjusted_by_rep(deals, ["zoe"], POLICY)["zoe"].expected.rate < 0.85


def test_deals_that_nobody_else_has_leave_the_expectation_wide():
    deals = company(zoe=0.5)
    known = adjusted_by_rep(deals, ["zoe"], POLICY)["zoe"].expected
    deals.loc[deals["owner_id"] == "zoe", "product"] = "new"
    unknown = adjusted_by_rep(deals, ["zoe"], POLICY)["zoe"].expected
    assert unknown.high - unknown.low > 2 * (known.high - known.low)


def test_without_others_who_won_and_lost_nothing_is_expected():
    deals = company(zoe=0.5)
    assert adjusted_by_rep(deals[deals["owner_id"] == "zoe"], ["zoe"], POLICY) == {}
    all_won = deals.assign(is_won=deals["is_won"] | (deals["owner_id"] != "zoe"))
    assert adjusted_by_rep(all_won, ["zoe"], POLICY) == {}


def test_of_a_large_company_some_others_are_enough():
    deals = decided(closed_deals_of(40, 60, seed=1, strength=Strength(skill=0.2)), np.random.default_rng(1))
    everyone = adjusted_by_rep(deals, ["rep 07"], POLICY)["rep 07"].expected
    some = adjusted_by_rep(deals, ["rep 07"], CoachingPolicy(most_others=20))["rep 07"].expected
    assert some != everyone
    assert some.rate == pytest.approx(everyone.rate, abs=0.05)


def test_the_same_deals_in_another_order_give_the_same():
    deals = decided(closed_deals_of(8, 60, seed=1), np.random.default_rng(1))
    first = adjusted_by_rep(deals, ["rep 02"], POLICY)["rep 02"].difference
    other = adjusted_by_rep(deals.sample(frac=1, random_state=3), ["rep 02"], POLICY)["rep 02"].difference
    assert (first.value, first.low, first.high) == pytest.approx((other.value, other.low, other.high), abs=1e-6)
