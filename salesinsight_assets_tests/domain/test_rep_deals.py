"""The closed deals of each rep: who they count for, what was known when they were made, and nothing from later."""

from datetime import date

import pandas as pd
import pytest

from salesinsight_assets.domain.history.snapshots import opportunity_history
from salesinsight_assets.domain.reports.coaching_policy import CoachingPolicy
from salesinsight_assets.domain.reports.rep_deals import REP_DEAL_COLUMNS, company_currency, people, rep_deals
from salesinsight_assets_tests.domain.worlds import FIRST_START, World, at

POLICY = CoachingPolicy(window_days=100, recent_days=30)


def deals_as_of(world: World, days: float) -> pd.DataFrame:
    return rep_deals(opportunity_history(world.rows()), at(days), POLICY).set_index("opportunity_id")


@pytest.fixture
def world() -> World:
    made = World()
    made.account("x", at(0), industry="SaaS")
    made.deal("a", at(0), account_id="x", amount=60_000.0, lead_source="Web", product="Starter", type="New Business")
    made.close("a", at(50), is_won=True, amount=5_000.0)
    return made


def test_a_deal_counts_for_the_rep_who_owned_it_when_it_closed(world):
    world.deal("b", at(1), owner_id="rep 1")
    world.change("b", at(10), owner_id="rep 2")
    world.close("b", at(60), is_won=False)
    world.change("b", at(70), owner_id="rep 3")
    found = deals_as_of(world, 80)
    assert [*found.reset_index().columns] == REP_DEAL_COLUMNS
    assert found[["owner_id", "is_won"]].to_numpy().tolist() == [["rep 1", True], ["rep 2", False]]


def test_a_deal_counts_from_its_closing_to_the_end_of_the_window(world):
    assert [len(deals_as_of(world, day)) for day in (49.9, 50, 149.9, 150)] == [0, 1, 1, 0]


def test_the_last_days_are_told_by_the_closing_and_not_by_later_edits(world):
    world.change("a", at(75), amount=7.0)
    assert [deals_as_of(world, day)["is_recent"].tolist() for day in (79.9, 80.1)] == [[True], [False]]


def test_the_attributes_are_those_that_were_entered_first(world):
    world.change("a", at(60), lead_source="Partner", product="Suite", type="Renewal", region="EMEA")
    world.account("x", at(61), industry="Energy")
    row = deals_as_of(world, 70).loc["a"]
    assert row[["industry", "lead_source", "product", "type", "region"]].tolist() == [
        "SaaS", "Web", "Starter", "New Business", "EMEA",
    ]  # fmt: skip
    assert (row["amount"], row["size"]) == (60_000.0, "Enterprise")


@pytest.mark.parametrize(
    ("amount", "size"),
    [
        (9_999.0, "Small"),
        (10_000.0, "Mid-market"),
        (49_999.0, "Mid-market"),
        (50_000.0, "Enterprise"),
        (0.0, None),
        (None, None),
    ],
)
def test_size_is_told_by_the_amount(world, amount, size):
    world.deal("b", at(1), amount=amount)
    world.close("b", at(60), is_won=False)
    found = deals_as_of(world, 70).loc["b", "size"]
    assert found == size or (pd.isna(found) and size is None)


def test_amounts_are_in_the_companys_currency(world):
    world.currency("USD", 1.0, at(-1))
    world.currency("EUR", 0.5, at(-1))
    world.dated_rate("EUR", 0.5, FIRST_START, at(-1))
    world.dated_rate("EUR", 0.25, date(2024, 1, 20), at(25))
    world.deal("b", at(1), amount=10_000.0, currency_iso_code="EUR")
    world.close("b", at(60), is_won=False)
    assert deals_as_of(world, 70).loc["b", "amount"] == 20_000.0
    assert company_currency(opportunity_history(world.rows()), at(70)) == "USD"


def test_later_rows_change_nothing(world):
    world.user("rep 1", at(0), "Ann")
    world.account("y", at(1))
    world.deal("bare", at(1), account_id="y", amount=None)
    world.close("bare", at(60), is_won=False)
    before, then = deals_as_of(world, 70), people(opportunity_history(world.rows()), pd.Series(["rep 1"]), at(70))
    world.change("a", at(71), stage_name="Proposal", is_closed=False)
    world.change("bare", at(71), region="EMEA", product="Suite", amount=7.0)
    world.account("y", at(72), industry="Energy")
    world.account("x", at(72), industry="Energy")
    world.write("users", "rep 1", at(73), name="Anne", manager_id="m", is_active=False)
    world.deal("b", at(74), amount=1.0)
    world.close("b", at(75), is_won=True)
    pd.testing.assert_frame_equal(deals_as_of(world, 70), before)
    after = people(opportunity_history(world.rows()), pd.Series(["rep 1"]), at(70))
    pd.testing.assert_frame_equal(after, then)
    assert people(opportunity_history(world.rows()), pd.Series(["rep 1"]), at(73)).iloc[0].tolist() == [
        "Anne",
        "m",
        False,
    ]
