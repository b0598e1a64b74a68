"""The weekly checks: what was planted is noticed within two of them, and a year in which nothing happens is quiet."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from salesinsight_assets.domain.features import FEATURE_NAMES
from salesinsight_assets.domain.monitoring.defaults import feature_defaults
from salesinsight_assets.domain.monitoring.drift import (
    CATEGORIES,
    SHARED_BY,
    compared_categories,
    drift,
    effective_size,
    stability_index,
)
from salesinsight_assets.domain.monitoring.performance import (
    OVERALL,
    auc_error,
    model_checks,
    shown_before_decision,
    wins_by_chance,
)
from salesinsight_assets.domain.monitoring.policy import MonitoringPolicy
from salesinsight_assets_tests.domain.weekly_deals import METRICS, deals, friday, fridays, last_weeks, outcomes

POLICY = MonitoringPolicy()
WEEKS, PLANTED = 40, 36
"""Weeks that the company lives, and the Friday after which something is different."""
Plant = Callable[[pd.DataFrame], pd.DataFrame]


@pytest.fixture(scope="module")
def company() -> pd.DataFrame:
    return deals(WEEKS)


@pytest.fixture(scope="module")
def snapshots(company: pd.DataFrame) -> pd.DataFrame:
    return fridays(company, WEEKS)


def drifted(snapshots: pd.DataFrame, week: int) -> pd.DataFrame:
    found = drift(last_weeks(snapshots, week), friday(week), POLICY)
    return found[found["is_alarm"].astype(bool)]


def checked(company: pd.DataFrame, week: int, snapshots: pd.DataFrame) -> pd.DataFrame:
    decided = shown_before_decision(snapshots, outcomes(company), POLICY)
    return model_checks(decided, friday(week), METRICS, POLICY)


def is_after(snapshots: pd.DataFrame) -> pd.Series:
    return snapshots["as_of_date"] > pd.Timestamp(friday(PLANTED))


# --- drift ---


def test_a_renamed_stage_is_noticed_at_the_next_check_and_named(snapshots):
    assert drifted(snapshots, PLANTED).empty
    is_renamed = is_after(snapshots) & snapshots["stage_name"].eq("Negotiation")
    renamed = snapshots.assign(stage_name=snapshots["stage_name"].mask(is_renamed, "Contracting"))
    found = drifted(renamed, PLANTED + 1)
    assert list(found["feature"].unique()) == ["stage_name"]
    assert found["finding"].str.contains(r"Contracting is new \(\d+%\); Negotiation is gone \(usual \d+%\)").any()


def test_a_stage_that_only_new_entrants_bear_is_noticed_within_two_checks(snapshots):
    random = np.random.default_rng(3)
    is_renamed = is_after(snapshots) & snapshots["stage_name"].eq("Proposal") & (random.random(len(snapshots)) < 0.3)
    renamed = snapshots.assign(stage_name=snapshots["stage_name"].mask(is_renamed, "Offer"))
    assert "stage_name" in set(drifted(renamed, PLANTED + 2)["feature"])


@pytest.mark.parametrize("factor", [1000, 0.01, 7.5])
def test_amounts_in_another_unit_are_noticed_within_two_checks_among_the_new_deals(snapshots, company, factor):
    born = snapshots["opportunity_id"].map(company.set_index("opportunity_id")["born"])
    is_changed = is_after(snapshots) & (born > PLANTED)
    changed = snapshots.assign(log_amount=snapshots["log_amount"] + np.where(is_changed, np.log(factor), 0))
    found = pd.concat([drifted(changed, PLANTED + week) for week in (1, 2)])
    assert set(found["feature"]) == {"log_amount"}
    assert "new" in set(found["population"])


def test_scores_that_move_are_noticed(snapshots):
    moved = snapshots.assign(win_probability=snapshots["win_probability"] * np.where(is_after(snapshots), 0.5, 1))
    assert set(drifted(moved, PLANTED + 1)["feature"]) == {"win_probability"}


def test_a_figure_that_all_deals_share_is_one_observation(snapshots):
    found = drift(last_weeks(snapshots, WEEKS - 1), friday(WEEKS - 1), POLICY).set_index(["feature", "population"])
    row = found.loc[("company_win_rate", "open")]
    assert row["psi"] > 1
    assert row["p_value"] > 0.2
    assert set(SHARED_BY) <= set(FEATURE_NAMES)


def test_a_default_is_no_observation(snapshots):
    is_defaulted = is_after(snapshots)
    lists = [["log_amount"] if value else [] for value in is_defaulted]
    filled = snapshots.assign(log_amount=snapshots["log_amount"].mask(is_defaulted, 3.0), defaulted_features=lists)
    assert drifted(filled, PLANTED + 1).empty


def test_every_feature_the_score_and_every_category_are_compared_in_both_populations(snapshots):
    found = drift(last_weeks(snapshots, WEEKS - 1), friday(WEEKS - 1), POLICY)
    assert len(found) == 2 * (len(FEATURE_NAMES) + 1 + len(CATEGORIES))
    assert found["q_value"].ge(found["p_value"] - 1e-12).all()


def test_with_too_few_weeks_or_deals_nothing_is_compared(snapshots):
    assert drift(last_weeks(snapshots, WEEKS - 1, weeks=3), friday(WEEKS - 1), POLICY).empty
    few = snapshots.groupby("as_of_date").head(POLICY.least_deals - 1)
    assert drift(last_weeks(few, WEEKS - 1), friday(WEEKS - 1), POLICY).empty
    assert feature_defaults(last_weeks(few, WEEKS - 1), friday(WEEKS - 1), POLICY).empty


def test_the_stability_index_is_the_one_of_the_textbook():
    now, usual = np.array([30_000, 70_000]), np.array([50_000, 50_000])
    assert stability_index(now, usual) == pytest.approx(-0.2 * np.log(0.6) + 0.2 * np.log(1.4), abs=1e-4)
    assert np.isfinite(stability_index(np.array([0, 5]), np.array([5, 0])))


def test_a_category_that_is_new_on_a_few_deals_is_beyond_chance():
    def stages(*names: str) -> pd.DataFrame:
        return pd.DataFrame({"opportunity_id": range(len(names)), "stage_name": names})

    usual = stages(*["Proposal"] * 700, *["Negotiation"] * 100)
    found = compared_categories(
        stages(*["Proposal"] * 180, *["Negotiation"] * 26, *["Offer"] * 12), usual, "stage_name"
    )
    assert found.p_value < 1e-8
    assert found.finding == "Offer is new (6%)"


def test_rows_of_one_deal_count_as_one():
    assert effective_size(pd.Series(["a"] * 10 + ["b"] * 10)) == pytest.approx(2)
    assert effective_size(pd.Series(range(7))) == pytest.approx(7)


# --- defaults ---


def test_a_jump_of_defaults_is_noticed_at_the_next_check(snapshots):
    random = np.random.default_rng(5)
    usual = random.random(len(snapshots)) < 0.05
    lists = [
        ["amount_change"] if value else []
        for value in usual | (is_after(snapshots) & (random.random(len(snapshots)) < 0.3))
    ]
    held = snapshots.assign(defaulted_features=lists)
    before = feature_defaults(last_weeks(held, PLANTED), friday(PLANTED), POLICY)
    after = feature_defaults(last_weeks(held, PLANTED + 1), friday(PLANTED + 1), POLICY).set_index("feature")
    assert not before["is_alarm"].any()
    assert list(after.index[after["is_alarm"]]) == ["amount_change"]
    assert after.loc["amount_change", "share_defaulted"] == pytest.approx(0.33, abs=0.1)
    assert after.loc["amount_change", "usual_share"] == pytest.approx(0.05, abs=0.02)


def test_a_small_rise_of_defaults_is_no_alarm_however_sure():
    deals_each = 500
    held = pd.DataFrame(
        {
            "as_of_date": np.repeat(pd.to_datetime([friday(week) for week in range(6)]), deals_each),
            "opportunity_id": [f"deal {number}" for number in range(6 * deals_each)],
            "defaulted_features": [[]] * 5 * deals_each + [["amount_change"]] * 30 + [[]] * (deals_each - 30),
        }
    )
    row = feature_defaults(held, friday(5), POLICY).set_index("feature").loc["amount_change"]
    assert row["share_defaulted"] == pytest.approx(0.06)
    assert row["q_value"] < 1e-6
    assert not row["is_alarm"]


def test_fewer_defaults_than_usual_are_no_alarm(snapshots):
    lists = [[] if value else ["amount_change"] for value in is_after(snapshots)]
    found = feature_defaults(
        last_weeks(snapshots.assign(defaulted_features=lists), PLANTED + 1), friday(PLANTED + 1), POLICY
    )
    assert not found["is_alarm"].any()


# --- outcomes ---


@pytest.mark.parametrize("seed", range(4))
def test_a_source_that_stops_to_win_is_noticed_within_two_checks(seed):
    company = deals(WEEKS, each_week=50, seed=seed)
    snapshots = fridays(company, WEEKS)
    lost = company["lead_source"].eq("Referral") & (company["decided"] > PLANTED)
    collapsed = company.assign(is_won=company["is_won"] & ~lost)
    assert not checked(collapsed, PLANTED, snapshots)["is_alarm"].any()
    found = checked(collapsed, PLANTED + 2, snapshots)
    alarms = found[found["is_alarm"].astype(bool)]
    assert set(alarms.loc[alarms["dimension"] == "lead_source", "segment"]) == {"Referral"}
    assert found.loc[found["p_value"].idxmin(), "segment"] == "Referral"


def test_a_model_that_says_too_much_is_noticed_over_a_quarter(company, snapshots):
    boasting = snapshots.assign(win_probability=snapshots["win_probability"] * 0.5 + 0.5)
    found = checked(company, WEEKS - 1, boasting)
    row = found[(found["dimension"] == OVERALL) & (found["weeks"] == POLICY.lasting_weeks)].iloc[0]
    assert row["is_alarm"]
    assert row["actual_wins"] < row["low"]
    assert row["ece"] > row["ece_limit"]


def test_a_model_that_no_longer_tells_won_from_lost_leaves_its_band(company, snapshots):
    blind = snapshots.assign(win_probability=np.random.default_rng(1).permutation(snapshots["win_probability"]))
    found = checked(company, WEEKS - 1, blind)
    row = found[(found["dimension"] == OVERALL) & (found["weeks"] == POLICY.lasting_weeks)].iloc[0]
    assert row["auc_high"] < row["auc_floor"]
    assert row["is_alarm"]
    assert "its band begins at" in row["finding"]


def test_a_deal_counts_once_with_what_was_shown_four_weeks_before_or_first():
    shown = pd.DataFrame(
        {
            "as_of_date": [pd.Timestamp(friday(week)) for week in (0, 1, 2, 5, 4, 5)],
            "opportunity_id": ["old"] * 4 + ["young"] * 2,
            "win_probability": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
        }
    )
    became = pd.DataFrame(
        {"opportunity_id": ["old", "young"], "is_won": [True, False], "decided_on": [pd.Timestamp(friday(6))] * 2}
    )
    found = shown_before_decision(shown, became, POLICY).set_index("opportunity_id")
    assert found["win_probability"].to_dict() == {"old": 0.3, "young": 0.5}


def test_what_was_shown_on_the_day_of_the_decision_or_later_does_not_count():
    shown = pd.DataFrame(
        {"as_of_date": [pd.Timestamp(friday(6))], "opportunity_id": ["late"], "win_probability": [0.9]}
    )
    became = pd.DataFrame({"opportunity_id": ["late"], "is_won": [True], "decided_on": [pd.Timestamp(friday(6))]})
    assert shown_before_decision(shown, became, POLICY).empty


def test_wins_by_chance_are_the_same_for_few_and_for_many_deals():
    exact = wins_by_chance(np.full(2000, 0.4))
    about = wins_by_chance(np.full(2001, 0.4))
    assert np.abs(exact - about[:-1]).max() < 0.02
    assert exact[-1] == pytest.approx(1)


def test_the_error_of_an_auc_is_that_of_hanley_and_mcneil():
    assert auc_error(0.8, 100, 200) == pytest.approx(0.029113, abs=1e-6)


def test_without_decided_deals_nothing_is_judged():
    decided = shown_before_decision(fridays(deals(2), 2), outcomes(deals(2)).head(0), POLICY)
    assert model_checks(decided, friday(1), METRICS, POLICY).empty


# --- a quiet year ---


@pytest.mark.slow
def test_a_year_without_drift_raises_at_most_two_alarms():
    weeks = 52 + POLICY.reference_weeks
    company = deals(weeks, each_week=15)
    snapshots = fridays(company, weeks)
    alarms = []
    for week in range(POLICY.reference_weeks, weeks):
        alarms += [(week, *row) for row in drifted(snapshots, week)[["feature", "finding"]].itertuples(index=False)]
        known = company[company["decided"] <= week]
        found = checked(known, week, last_weeks(snapshots, week, 40))
        alarms += [
            (week, *row)
            for row in found.loc[found["is_alarm"].astype(bool), ["segment", "finding"]].itertuples(index=False)
        ]
    assert len(alarms) <= 2, alarms
