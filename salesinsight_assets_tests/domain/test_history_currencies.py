"""Amounts in the company's currency: at which rate, as known when, and what becomes of those that have none."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from salesinsight_assets.domain.delivery.texts import money
from salesinsight_assets.domain.features.closed_deals import closed_deals
from salesinsight_assets.domain.features.compute import features_as_of
from salesinsight_assets.domain.features.policy import FeaturePolicy
from salesinsight_assets.domain.history.currencies import company_rates
from salesinsight_assets.domain.history.grid import Grid, end_of_day
from salesinsight_assets.domain.history.snapshots import opportunity_history, snapshots
from salesinsight_assets_tests.domain.worlds import FIRST_START, LAST_END, World, at, day

pytestmark = pytest.mark.salesforce(31)


def shown(world: World, *days: float, first_synced_at: datetime | None = None) -> pd.DataFrame:
    return snapshots(opportunity_history(world.rows(first_synced_at)), Grid(at(d) for d in days)).frame


def amounts(world: World, *days: float, first_synced_at: datetime | None = None) -> list[float]:
    return shown(world, *days, first_synced_at=first_synced_at)["company_amount"].tolist()


def features(world: World, when: float) -> pd.DataFrame:
    return features_as_of(opportunity_history(world.rows()), Grid([at(when)]), FeaturePolicy())[1]


@pytest.fixture
def world() -> World:
    """A company that counts in dollars, and a deal of 400 euros."""
    made = World()
    for code, rate in (("USD", 1.0), ("EUR", 0.8)):
        made.currency(code, rate, at(0))
    made.deal("a", at(1), amount=400.0, currency_iso_code="EUR", close_date=day(30))
    return made


def test_the_rate_is_the_one_of_the_close_date(world):
    world.dated_rate("EUR", 0.8, FIRST_START, at(2))
    world.dated_rate("EUR", 0.5, day(20), at(20))
    world.dated_rate("EUR", 0.4, day(40), at(40))
    assert amounts(world, 50) == [800.0]


def test_a_close_date_to_come_takes_the_rate_of_the_day(world):
    world.dated_rate("EUR", 0.8, FIRST_START, at(0))
    world.dated_rate("EUR", 0.5, day(20), at(3))
    assert amounts(world, 4, 19, 20, 21) == [500.0, 500.0, 800.0, 800.0]


def test_a_deal_without_a_close_date_takes_the_rate_of_the_day(world):
    world.dated_rate("EUR", 0.5, day(3), at(3))
    world.change("a", at(4), close_date=None)
    assert amounts(world, 5) == [800.0]


def test_a_day_begins_with_the_companys_own_midnight(world):
    zone = ZoneInfo("Pacific/Auckland")
    world.dated_rate("EUR", 0.5, day(20), at(1))
    grid = Grid(end_of_day(day(d), zone) for d in (19, 20))
    frame = snapshots(opportunity_history(world.rows()), grid).frame
    assert frame["company_amount"].tolist() == [500.0, 800.0]


def test_a_rate_that_was_entered_late_counts_from_its_stamp_on(world):
    world.dated_rate("EUR", 0.8, FIRST_START, at(0))
    world.dated_rate("EUR", 0.5, day(5), at(10))
    assert amounts(world, 9, 10) == [500.0, 800.0]


def test_a_corrected_rate_counts_from_its_correction_on(world):
    world.dated_rate("EUR", 0.5, FIRST_START, at(2))
    world.dated_rate("EUR", 0.25, FIRST_START, at(10))
    assert amounts(world, 9, 10) == [800.0, 1600.0]


def test_a_deleted_rate_gives_way_to_the_one_before_and_comes_back_when_restored(world):
    world.dated_rate("EUR", 0.5, FIRST_START, at(2))
    world.dated_rate("EUR", 0.25, day(3), at(3))
    world.delete("dated_conversion_rates", f"rate EUR {day(3)}", at(10))
    world.delete("dated_conversion_rates", f"rate EUR {day(3)}", at(20), is_deleted=False)
    assert amounts(world, 9, 10, 20) == [1600.0, 800.0, 1600.0]


def test_without_a_dated_rate_the_one_of_the_currency_counts_as_it_stood(world):
    world.currency("EUR", 0.5, at(5))
    world.dated_rate("GBP", 9.0, FIRST_START, at(2))
    world.dated_rate("EUR", 0.1, day(15), at(2))
    assert amounts(world, 3, 6, 20) == [500.0, 800.0, 4000.0]


def test_the_currency_before_the_first_load_comes_from_the_history(world):
    world.change("a", at(20), currency_iso_code="USD", amount=700.0)
    assert amounts(world, 10, 21, first_synced_at=at(30)) == [500.0, 700.0]


@pytest.mark.parametrize("currency", ["XTS", None])
def test_an_amount_whose_rate_is_not_known_is_added_to_no_other(world, currency):
    world.deal("b", at(1), amount=90_000.0, currency_iso_code=currency, close_date=day(30))
    world.deal("c", at(1), amount=600.0, currency_iso_code="USD", close_date=day(30))
    assert shown(world, 5)["company_amount"].sum() == 1_100.0
    found = features(world, 5).set_index("opportunity_id")
    assert found.loc["b", "log_amount"] == pytest.approx(np.log1p([500.0, 600.0]).mean())
    assert {"log_amount", "size_win_rate", "efficiency"} <= set(found.loc["b", "defaulted_features"])
    assert found.drop(columns="defaulted_features").notna().all(axis=None)


def test_a_closed_deal_whose_rate_is_not_known_has_no_size(world):
    world.dated_rate("EUR", 0.5, FIRST_START, at(2))
    for deal, currency in (("b", "XTS"), ("c", "EUR")):
        world.deal(deal, at(1), amount=90_000.0, currency_iso_code=currency)
        world.close(deal, at(4), is_won=True, close_date=day(4))
    world.dated_rate("EUR", 0.1, day(5), at(6))
    closed = closed_deals(opportunity_history(world.rows()), Grid([at(8)]), FeaturePolicy()).frame
    np.testing.assert_array_equal(closed["company_amount"], [np.nan, 180_000.0])


def test_an_amount_that_changed_its_currency_is_compared_in_the_companys(world):
    world.change("a", at(4), amount=1_000.0, currency_iso_code="USD")
    assert features(world, 5)["amount_change"].tolist() == pytest.approx([np.log(1_000 / 500)])
    world.change("a", at(6), amount=9_000.0, currency_iso_code="XTS")
    found = features(world, 7)
    assert found["amount_change"].tolist() == [0.0]
    assert "amount_change" in found["defaulted_features"][0]


def test_an_org_without_currencies_has_its_amounts_as_they_are():
    world = World()
    world.deal("a", at(1), amount=400.0)
    found = shown(world, 3)
    assert found["company_amount"].tolist() == [400.0]
    assert found["currency_iso_code"].isna().all()


def test_a_company_with_one_currency_has_it_on_every_deal():
    world = World()
    world.currency("CHF", 1.0, at(2))
    world.deal("a", at(1), amount=8_100.0)
    world.currency("EUR", 1.1, at(5))
    found = shown(world, 1, 3, 6)
    currency = found["currency_iso_code"].astype(object).where(found["currency_iso_code"].notna(), None)
    assert [money(8_100.0, code) for code in currency] == ["8,100", "CHF 8,100", "8,100"]
    np.testing.assert_array_equal(found["company_amount"], [8_100.0, 8_100.0, np.nan])


def test_while_no_currency_is_known_only_the_oldest_deals_counts():
    world = World()
    for place, code in enumerate(("EUR", "USD", "EUR")):
        world.deal(f"deal {place}", at(1 + place), amount=400.0, currency_iso_code=code)
    np.testing.assert_array_equal(shown(world, 9)["company_amount"], [400.0, np.nan, 400.0])


def test_the_first_and_the_last_day_of_salesforce_survive_a_read(world):
    world.dated_rate("EUR", 0.5, FIRST_START, at(2))
    row = world.rows()["dated_conversion_rates"].iloc[0]
    assert (row["start_date"].date(), row["next_start_date"].date()) == (FIRST_START, LAST_END)


@pytest.mark.parametrize("seed", range(3))
def test_many_rates_are_read_as_by_a_search_one_by_one(seed):
    random, world = np.random.default_rng(seed), World()
    keys = [f"{code} {start}" for code in ("EUR", "GBP") for start in range(6)]
    for step in range(120):
        code, start = (key := str(random.choice(keys))).split()
        values = {"iso_code": code, "start_date": day(int(start)), "is_deleted": bool(random.random() < 0.3)}
        world.write("dated_conversion_rates", key, at(step / 10), **values, conversion_rate=1.0 + step)
    rows = world.rows()
    currency = random.choice(["EUR", "GBP"], 300).astype(object)
    days = (np.datetime64(day(0)) + random.integers(-1, 7, 300)).astype("datetime64[D]")
    when = np.datetime64(at(-1).replace(tzinfo=None), "us") + random.integers(0, 14 * 86_400, 300).astype("m8[s]")
    known = rows["dated_conversion_rates"].to_dict("records")

    def searched(code: str, asked: date, moment: datetime) -> float:
        valid = [
            r for r in known
            if r["iso_code"] == code and not r["is_deleted"] and r["start_date"].date() <= asked
            and r["valid_from"] <= moment and not r["valid_to"] <= moment
        ]  # fmt: skip
        return max(valid, key=lambda r: r["start_date"])["conversion_rate"] if valid else np.nan

    moments = [m.item().replace(tzinfo=UTC) for m in when]
    expected = [searched(*asked) for asked in zip(currency, [d.item() for d in days], moments, strict=True)]
    far_day = np.full(300, np.datetime64(LAST_END, "D"))
    np.testing.assert_array_equal(company_rates(rows, currency, days, when, far_day), expected)
