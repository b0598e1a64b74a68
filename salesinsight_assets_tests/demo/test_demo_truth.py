"""What can be known of the company's open deals: the exact probability of winning, and what it is worth."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from salesinsight_assets.demo.company import DemoCompany
from salesinsight_assets.demo.simulation.dynamics import (
    Happenings,
    Sight,
    daily_chances,
    drawn_day,
    evidence,
    log_likelihood,
)
from salesinsight_assets.demo.simulation.strengths import Pace, Strengths

LAST_DAY = date(2026, 6, 30)


def area_under_curve(outcome: np.ndarray, score: np.ndarray) -> float:
    """The chance that a won deal has a higher score than a lost one, ties counting half."""
    ranks = pd.Series(score).rank().to_numpy()
    won = int(outcome.sum())
    return float((ranks[outcome].sum() - won * (won + 1) / 2) / (won * (len(outcome) - won)))


@pytest.fixture(scope="module")
def snapshots(full_company: DemoCompany) -> pd.DataFrame:
    return full_company.true_win_probabilities().merge(full_company.true_outcomes(), on="opportunity_id")


@pytest.fixture(scope="module")
def dull_company(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoCompany]:
    path: Path = tmp_path_factory.mktemp("dull") / "company.sqlite"
    with DemoCompany.create(path, LAST_DAY, years=1.5, size=0.4, signal=0) as company:
        yield company


def test_the_true_probability_is_calibrated(snapshots: pd.DataFrame) -> None:
    # Deals are seen many times, so each is weighed down to one observation when the spread is judged.
    weights = 1 / snapshots.groupby("opportunity_id")["will_win"].transform("size")
    bins = (snapshots["true_win_probability"] * 10).astype(int).clip(upper=9)
    for _, part in snapshots.groupby(bins):
        said, was = part["true_win_probability"].mean(), part["will_win"].mean()
        deals = part["opportunity_id"].nunique()
        assert abs(said - was) < 4 * np.sqrt(said * (1 - said) / deals), f"said {said:.3f}, was {was:.3f}"
    said, was = (np.average(snapshots[name], weights=weights) for name in ("true_win_probability", "will_win"))
    assert abs(said - was) < 0.025


def test_the_truth_tells_won_from_lost_as_well_as_promised(snapshots: pd.DataFrame) -> None:
    area = area_under_curve(snapshots["will_win"].to_numpy(), snapshots["true_win_probability"].to_numpy())
    assert 0.78 < area < 0.85


def test_the_truth_is_told_of_every_open_deal_each_sunday_and_on_the_last_day(full_company: DemoCompany) -> None:
    truth = full_company.true_win_probabilities()
    days = truth["as_of_date"].drop_duplicates()
    assert days.diff().dropna().dt.days.max() <= 7
    assert days.max() == pd.Timestamp(LAST_DAY)
    open_deals = full_company.rows("Opportunity").query("IsClosed == 0 and IsDeleted == 0")["Id"]
    assert set(truth[truth["as_of_date"] == days.max()]["opportunity_id"]) == set(open_deals)
    assert not truth.duplicated(["opportunity_id", "as_of_date"]).any()


def test_a_closed_deal_ended_as_was_decided_at_its_start(full_company: DemoCompany) -> None:
    closed = full_company.rows("Opportunity").query("IsClosed == 1")
    decided = full_company.true_outcomes().set_index("opportunity_id")["will_win"]
    assert (closed["IsWon"].to_numpy() == decided.loc[closed["Id"]].to_numpy()).all()


def test_a_company_without_signal_has_none(dull_company: DemoCompany) -> None:
    truth = dull_company.true_win_probabilities()
    assert truth["true_win_probability"].std() < 1e-12
    deals = dull_company.rows("Opportunity").query("IsClosed == 1").set_index("Id")
    tasks = dull_company.rows("Task").groupby("WhatId").size().reindex(deals.index, fill_value=0)
    history = dull_company.rows("OpportunityHistory").groupby("OpportunityId").size().reindex(deals.index)
    won = deals["IsWon"].to_numpy() == 1
    for trace in (tasks, history, deals["Amount"], deals["LeadSource"].eq("Referral")):
        assert abs(area_under_curve(won, trace.to_numpy()) - 0.5) < 0.05


def test_with_signal_the_same_traces_tell_won_from_lost(full_company: DemoCompany) -> None:
    deals = full_company.rows("Opportunity").query("IsClosed == 1").set_index("Id")
    history = full_company.rows("OpportunityHistory").query("Probability not in (0, 100)")
    furthest = history.groupby("OpportunityId")["Probability"].last().reindex(deals.index)
    won = deals["IsWon"].to_numpy() == 1
    assert area_under_curve(won, furthest.to_numpy()) > 0.6
    assert area_under_curve(won, deals["LeadSource"].eq("Referral").to_numpy()) > 0.53


def test_the_chances_of_a_day_add_up_to_one_and_its_evidence_is_fair() -> None:
    """The likelihood ratio of what is drawn from lost deals averages one: nobody can bet on it and gain."""
    count = 200_000
    rng = np.random.default_rng(5)
    sight = Sight(rng.integers(0, 5, count), rng.lognormal(10, 1, count), rng.integers(-20, 90, count))
    strengths, pace = Strengths(), Pace()
    lost = drawn_day(rng, daily_chances(strengths, pace, sight, False))
    still_open = ~lost.closes
    ratio = np.exp(evidence(strengths, pace, sight, lost))
    if_won = daily_chances(strengths, pace, sight, True)
    expected = (1 - if_won.close).mean()
    assert ratio[still_open].sum() / count == pytest.approx(expected, abs=0.005)


def test_what_stays_silent_speaks_too() -> None:
    """A near close date that is not pushed, and a day without activity, move the odds."""
    sight = Sight(np.array([3]), np.array([28_000.0]), np.array([2]))
    quiet = Happenings(np.array([0]), np.array([False]), np.array([0]), np.array([0]))
    pushed = Happenings(np.array([0]), np.array([True]), np.array([0]), np.array([0]))
    busy = Happenings(np.array([0]), np.array([False]), np.array([2]), np.array([1]))
    moves = [evidence(Strengths(), Pace(), sight, day)[0] for day in (pushed, quiet, busy)]
    assert moves[0] < moves[1] < moves[2]
    chances = daily_chances(Strengths(), Pace(), sight, True)
    assert log_likelihood(quiet, chances)[0] < 0
