"""The closed deals that rates and norms come from: who counts, for how long, and with which amount."""

import pandas as pd
import pytest

from salesinsight_assets.domain.features.closed_deals import ClosedDeals, closed_deals
from salesinsight_assets.domain.features.compute import features_as_of
from salesinsight_assets.domain.features.policy import FeaturePolicy
from salesinsight_assets.domain.history.grid import Grid
from salesinsight_assets.domain.history.snapshots import opportunity_history
from salesinsight_assets_tests.domain.worlds import World, at

POLICY = FeaturePolicy(window_days=365, shrinkage_deals=20, prior_win_rate=0.3, prior_deals=4)


def closed_as_of(world: World, *days: float) -> ClosedDeals:
    return closed_deals(opportunity_history(world.rows()), Grid(at(d) for d in days), POLICY)


def counts(world: World, *days: float) -> list[float]:
    closed = closed_as_of(world, *days)
    return closed.sums(pd.Series(0, index=closed.frame.index).to_numpy(), 1)[0].tolist()


@pytest.fixture
def world() -> World:
    made = World()
    made.deal("a", at(0), amount=60_000.0)
    made.close("a", at(10), is_won=False, amount=0.0)
    return made


def test_a_closed_deal_counts_from_its_closing_for_a_year(world):
    assert counts(world, 9.99, 10, 374.99, 375) == [0, 1, 1, 0]


def test_a_reopened_deal_counts_until_it_was_reopened_and_again_once_closed(world):
    world.change("a", at(20), stage_name="Proposal", is_closed=False)
    world.close("a", at(30), is_won=True)
    assert counts(world, 15, 20, 29, 30) == [1, 0, 0, 1]
    assert closed_as_of(world, 31).frame["is_won"].tolist() == [False, True]


def test_a_deleted_deal_counts_until_it_was_deleted(world):
    world.delete("opportunities", "a", at(20))
    assert counts(world, 19, 20, 21) == [1, 0, 0]


def test_a_deal_that_was_deleted_and_restored_counts_again_as_it_was_when_it_closed(world):
    for day, is_deleted in ((20, True), (30, False), (40, True), (50, False)):
        world.delete("opportunities", "a", at(day), is_deleted=is_deleted)
    assert counts(world, 19, 20, 29, 30, 39, 40, 49, 50, 374, 375) == [1, 0, 0, 1, 1, 0, 0, 1, 1, 0]
    assert set(closed_as_of(world, 60).frame["cycle_days"]) == {10.0}
    world.change("a", at(60), stage_name="Proposal", is_closed=False)
    assert counts(world, 59, 60, 61) == [1, 0, 0]


def test_a_deal_that_was_deleted_and_restored_before_its_closing_counts():
    world = World()
    world.deal("a", at(0))
    world.delete("opportunities", "a", at(2))
    world.delete("opportunities", "a", at(3), is_deleted=False)
    world.close("a", at(10), is_won=True)
    assert counts(world, 9, 10) == [0, 1]


def test_an_edit_after_the_closing_counts_once_and_does_not_renew_the_year(world):
    world.change("a", at(300), amount=5.0)
    assert counts(world, 299, 301, 374, 375) == [1, 1, 1, 0]


def test_the_amount_of_a_lost_deal_is_the_one_it_had_while_open(world):
    world.change("a", at(11), amount=1.0)
    assert closed_as_of(world, 12).frame["company_amount"].tolist() == [60_000.0, 60_000.0]


def test_a_closed_deal_is_known_as_it_was_when_it_closed(world):
    world.account("x", at(0), industry="SaaS")
    world.deal("b", at(1), account_id="x", owner_id="rep 1", lead_source="Web")
    world.close("b", at(5), is_won=True)
    world.change("b", at(6), owner_id="rep 2", lead_source="Partner")
    world.account("x", at(7), industry="Energy")
    row = closed_as_of(world, 8).frame.iloc[0]
    assert row[["owner_id", "lead_source", "industry", "account_id"]].tolist() == ["rep 1", "Web", "SaaS", "x"]
    assert row["cycle_days"] == 4


def test_rates_are_mixed_with_average_deals():
    world = World()
    for number in range(6):
        world.deal(f"won {number}", at(0), owner_id="rep 1", lead_source="Web")
        world.close(f"won {number}", at(5), is_won=True)
    for number in range(4):
        world.deal(f"lost {number}", at(0), owner_id="rep 2", lead_source="Web")
        world.close(f"lost {number}", at(5), is_won=False)
    for rep in ("rep 1", "rep 2", "rep 3"):
        world.deal(f"open of {rep}", at(1), owner_id=rep)
    _, features = features_as_of(opportunity_history(world.rows()), Grid([at(6)]), POLICY)
    company = (6 + 4 * 0.3) / (10 + 4)
    assert features["company_win_rate"].tolist() == pytest.approx([company] * 3)
    expected = [(6 + 20 * company) / 26, (0 + 20 * company) / 24, company]
    assert features["rep_win_rate"].tolist() == pytest.approx(expected)
    assert ["rep_win_rate" in names for names in features["defaulted_features"]] == [False, False, True]
    assert features["rep_closed_deals"].tolist() == [6, 4, 0]


def test_with_no_closed_deal_the_company_starts_from_its_prior():
    world = World()
    world.deal("a", at(0))
    _, features = features_as_of(opportunity_history(world.rows()), Grid([at(6)]), POLICY)
    assert features["company_win_rate"].tolist() == pytest.approx([0.3])
    assert features["expected_cycle_days"].tolist() == pytest.approx([60.0])
    assert features["expected_stage_days"].tolist() == pytest.approx([14.0])
