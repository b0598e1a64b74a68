"""The holdout: whom it draws, that it draws the same way again, and that it never touches what it must not."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from salesinsight_assets.domain.alerts.policy import AlertPolicy
from salesinsight_assets.domain.alerts.selection import daily_alerts
from salesinsight_assets.domain.experiments.holdout import BECAUSE, HoldoutPolicy, place, with_holdout
from salesinsight_assets_tests.domain.test_alerts import SLOW, deals, nothing_earlier, on_day

POLICY = HoldoutPolicy()


def alerts(n: int, **changes: object) -> pd.DataFrame:
    rows = {
        "opportunity_id": [f"006{number:04d}" for number in range(n)],
        "owner_id": [f"005{number % 40}" for number in range(n)],
        "amount": 60_000.0,
        "status": "to_send",
        "suppressed_because": None,
    }
    frame = pd.DataFrame({**rows, **changes})
    return frame.astype(dict.fromkeys(("opportunity_id", "owner_id", "status", "suppressed_because"), object))


def held_out(found: pd.DataFrame) -> set[str]:
    return set(found.loc[found["status"] == "held_out", "opportunity_id"])


def test_about_a_fifth_is_held_out_says_why_and_the_others_are_sent():
    found = with_holdout(alerts(4000), POLICY)
    is_out = found["status"] == "held_out"
    assert 0.18 < is_out.mean() < 0.22
    assert set(found.loc[is_out, "suppressed_because"]) == {BECAUSE}
    assert found.loc[~is_out, "suppressed_because"].isna().all()
    assert set(found.loc[~is_out, "status"]) == {"to_send"}
    assert (found["arm"] == np.where(is_out, "held_out", "alerted")).all()
    assert set(found["experiment"]) == {"holdout-1, 20% held out"}


def test_the_places_are_spread_evenly_and_one_owners_deals_say_nothing_of_each_other():
    places = np.array([place("x", f"005{n % 7}", f"006{n}") for n in range(7000)])
    counts = np.histogram(places, bins=10, range=(0, 1))[0]
    assert (abs(counts - 700) < 5 * np.sqrt(700)).all()
    assert abs(np.corrcoef(places[:-7], places[7:])[0, 1]) < 0.05


def test_a_deal_of_an_owner_is_drawn_the_same_way_every_day_whatever_else_there_is():
    first, later = with_holdout(alerts(300), POLICY), with_holdout(alerts(300).iloc[::-3], POLICY)
    assert held_out(later) == held_out(first) & set(later["opportunity_id"])


@pytest.mark.parametrize("other", [HoldoutPolicy(experiment="holdout-2"), HoldoutPolicy(share=0.2001)])
def test_another_name_or_share_draws_anew(other):
    before, after = held_out(with_holdout(alerts(2000), POLICY)), held_out(with_holdout(alerts(2000), other))
    assert 0.1 < len(before & after) / len(before) < 0.3


def test_a_new_owner_of_a_deal_is_drawn_anew():
    before = held_out(with_holdout(alerts(2000), POLICY))
    after = held_out(with_holdout(alerts(2000, owner_id="005X"), POLICY))
    assert 0.1 < len(before & after) / len(before) < 0.3


@pytest.mark.parametrize(
    "changes",
    [
        {"amount": 250_000.01},
        {"amount": np.nan},
        {"owner_id": None},
        {"status": "suppressed", "suppressed_because": "told under likely loss"},
    ],
    ids=["large", "of unknown amount", "without an owner", "suppressed"],
)
def test_these_are_left_as_they_are_and_are_no_part_of_the_experiment(changes):
    before = alerts(200, **changes)
    found = with_holdout(before, POLICY)
    pd.testing.assert_frame_equal(found[before.columns], before)
    assert found[["experiment", "arm"]].isna().all(axis=None)


def test_the_greatest_amount_that_may_be_held_out_is_the_one_set():
    assert held_out(with_holdout(alerts(200, amount=250_000.0), POLICY))


def test_switched_off_nothing_is_held_out():
    before = alerts(200)
    found = with_holdout(before, HoldoutPolicy(is_on=False))
    pd.testing.assert_frame_equal(found[before.columns], before)
    assert found[["experiment", "arm"]].isna().all(axis=None)


def test_a_day_without_alerts_stays_empty():
    assert with_holdout(alerts(0), POLICY).empty


@pytest.mark.parametrize("share", [0.0, -0.1, 0.51, 20, float("nan")])
def test_a_share_that_would_hold_back_most_alerts_or_none_is_refused(share):
    with pytest.raises(ValueError, match=r"share: expected more than 0 and 0.5 at most"):
        HoldoutPolicy(share=share)


def test_one_that_is_held_out_keeps_its_place_and_is_silent_for_a_week_as_if_told():
    frame = deals(**{f"deal {n}": {**SLOW, "amount": 1_000.0 + n} for n in range(12)})
    policy, earlier, days = AlertPolicy(riskiest_share=1.0), nothing_earlier(), []
    for number in range(8):
        day = date(2024, 3, 15) + timedelta(days=number)
        found = with_holdout(daily_alerts(frame, earlier, day, policy), HoldoutPolicy(share=0.5))
        days.append(found)
        known = on_day(found, day).assign(is_told=found["status"].isin(["to_send", "held_out"]))
        earlier = pd.concat([earlier.iloc[:0] if not number else earlier, known], ignore_index=True)
    drawn = [set(found.loc[found["arm"].notna(), "opportunity_id"]) for found in days]
    assert [len(deals_of_day) for deals_of_day in drawn] == [3, 3, 3, 3, 0, 0, 0, 3]
    assert len(set.union(*drawn[:4])) == 12
    assert 0 < sum((found["status"] == "held_out").sum() for found in days[:4]) < 12
    assert drawn[7] == drawn[0]
