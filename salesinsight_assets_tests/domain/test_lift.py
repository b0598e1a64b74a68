"""The lift: its interval holds at all looks at once, finds no effect where there is none, and says what it would take."""

import numpy as np
import pandas as pd
import pytest

from salesinsight_assets.domain.experiments.lift import ACTED_ON, WON, Arm, Lift, lifts
from salesinsight_assets.domain.experiments.sequences import (
    ALPHA,
    NOTHING_KNOWN,
    Interval,
    difference_interval,
    log_evidence,
)
from salesinsight_assets.domain.shares import about
from salesinsight_assets_tests.alerted_nights.truth import redrawn

SHARE, LIMIT = 0.2, np.log(1 / ALPHA)
WEEK, WEEKS, COMPANIES = 20, 52, 600
"""Twenty new deals a week for a year, in so many simulated companies."""
CHANCE = 3 * np.sqrt(ALPHA * (1 - ALPHA) / COMPANIES)
"""By how much the share of companies may exceed the error rate by chance of the simulation alone."""


def companies(with_, without, n=WEEK * WEEKS, seed=1):
    """Who is held out, and what was a success, by company and deal; the shares may differ from deal to deal."""
    random = np.random.default_rng(seed)
    is_out = random.random((COMPANIES, n)) < SHARE
    return is_out, random.random((COMPANIES, n)) < np.where(is_out, without, with_)


def missed_at_any_look(is_out, is_success, difference):
    looks = log_evidence(is_out, is_success, difference, SHARE)[:, WEEK - 1 :: WEEK]
    return (looks > LIMIT).any(axis=1).mean()


@pytest.mark.parametrize("pair", [(0.41, 0.33), (0.33, 0.41), (0.12, 0.05), (0.6, 0.3), (0.95, 0.9)], ids=str)
def test_the_true_lift_lies_in_the_interval_at_all_weekly_looks_at_once(pair):
    assert missed_at_any_look(*companies(*pair), pair[0] - pair[1]) <= ALPHA + CHANCE


@pytest.mark.parametrize("rate", [0.02, 0.33, 0.5, 0.9])
def test_without_an_effect_hardly_any_company_is_ever_told_of_one(rate):
    assert missed_at_any_look(*companies(rate, rate), 0.0) <= ALPHA + CHANCE


def test_rates_that_differ_by_rep_and_drift_do_not_break_the_interval():
    reps = np.linspace(0.1, 0.6, 10)[np.arange(WEEK * WEEKS) % 10]
    base = reps + np.linspace(0, 0.25, WEEK * WEEKS)
    assert missed_at_any_look(*companies(base + 0.1, base), 0.1) <= ALPHA + CHANCE


def test_the_mean_lift_of_deals_that_are_drawn_again_and_again_lies_in_nearly_all_intervals():
    """Nothing is left to chance but the draw: what each deal comes to with an alert, and without, is fixed and differs."""
    random, draws, n = np.random.default_rng(5), 300, 12 * WEEK
    without = random.random(n) < np.repeat([0.2, 0.5, 0.7, 0.9], n // 4)
    with_ = without | (random.random(n) < 0.5)
    is_out, looks = random.random((draws, n)) < SHARE, range(3 * WEEK, n + 1, 3 * WEEK)
    found, hindered = redrawn(is_out, without, with_, looks, SHARE), redrawn(is_out, with_, without, looks, SHARE)
    assert min(found.covered, hindered.covered) >= 1 - ALPHA
    assert 0.1 < found.known < 0.9


def test_a_plain_interval_would_be_wrong_far_more_often():
    """The reason for all this: with a z-test every week about one company in four sees an effect that is not there."""
    is_out, is_success = companies(0.33, 0.33)
    n, n_out = np.cumsum(~is_out, axis=1), np.cumsum(is_out, axis=1)
    with_, without = (
        np.cumsum(is_success & ~is_out, axis=1) / np.maximum(n, 1),
        np.cumsum(is_success & is_out, axis=1) / np.maximum(n_out, 1),
    )
    together = np.cumsum(is_success, axis=1) / (n + n_out)
    z = (with_ - without) / np.sqrt(
        np.maximum(together * (1 - together), 1e-9) * (1 / np.maximum(n, 1) + 1 / np.maximum(n_out, 1))
    )
    assert (abs(z[:, WEEK - 1 :: WEEK]) > 1.96).any(axis=1).mean() > 0.2


def test_a_large_effect_is_found_within_the_year_and_a_small_one_hardly():
    power = [missed_at_any_look(*companies(*pair), 0.0) for pair in ((0.6, 0.3), (0.41, 0.33))]
    assert power[0] > 0.95
    assert 0.15 < power[1] < 0.5


@pytest.mark.parametrize(("n", "least", "most"), [(130, 0.22, 0.33), (1040, 0.09, 0.13), (4160, 0.05, 0.07)])
def test_the_interval_is_as_wide_as_the_decision_record_says(n, least, most):
    is_out, is_success = companies(0.41, 0.33, n)
    found = [difference_interval(is_out[row], is_success[row], SHARE) for row in range(8)]
    assert least < np.mean([(interval.high - interval.low) / 2 for interval in found]) < most


@pytest.mark.parametrize("seed", range(4))
def test_the_interval_is_every_difference_that_the_deals_do_not_speak_against(seed):
    is_out, is_success = (rows[0] for rows in companies(0.45, 0.3, 200, seed))
    found = difference_interval(is_out, is_success, SHARE)
    grid = np.linspace(-0.99, 0.99, 199)
    holds = [log_evidence(is_out, is_success, float(d), SHARE)[-1] < LIMIT for d in grid]
    assert holds == list((grid > found.low) & (grid < found.high))


def test_few_deals_say_nothing_whatever_they_did():
    assert difference_interval(np.array([], bool), np.array([], bool), SHARE) == NOTHING_KNOWN
    for n in range(1, 5):
        found = difference_interval(np.arange(n) % 2 == 1, np.arange(n) % 2 == 0, SHARE)
        assert found.low < 0 < found.high


# --- from outcomes ---


def outcomes(*rows: tuple[str, int, str | None, bool]) -> pd.DataFrame:
    """Deals by day of sending, arm, and whether they were acted on."""
    frame = pd.DataFrame(rows, columns=["opportunity_id", "sent_at", "arm", "is_acted_on"])
    sent_at = pd.Timestamp("2025-01-01", tz="UTC") + pd.to_timedelta(frame["sent_at"], unit="D")
    return frame.assign(sent_at=sent_at, experiment="e").astype({"is_acted_on": bool, "opportunity_id": object})


def decided(**is_won: bool) -> pd.DataFrame:
    days = pd.date_range("2025-02-01", periods=len(is_won))
    frame = pd.DataFrame({"opportunity_id": list(is_won), "is_won": list(is_won.values()), "decided_on": days})
    return frame.astype({"opportunity_id": object})


def test_a_deal_counts_once_by_its_first_alert_and_only_in_its_own_experiment():
    rows = outcomes(
        ("a", 9, "alerted", True), ("a", 1, "alerted", False), ("b", 2, "held_out", True), ("c", 3, "alerted", True)
    )  # fmt: skip
    rows = pd.concat([rows, outcomes(("z", 1, "alerted", True)).assign(experiment="other")])
    rows = pd.concat([rows, outcomes(("large", 1, None, True)).assign(experiment=None)])
    acted, won = lifts(rows, decided(a=True, b=False, z=True), "e", SHARE)
    assert (acted.measure, acted.alerted, acted.held_out) == (ACTED_ON, Arm(1, 2), Arm(1, 1))
    assert (won.measure, won.alerted, won.held_out) == (WON, Arm(1, 1), Arm(0, 1))
    assert acted.difference == -0.5


def test_without_any_outcome_nothing_is_known_and_it_says_so():
    for lift in lifts(outcomes(), decided(), "e", SHARE):
        assert (lift.difference, lift.interval, lift.more_needed) == (None, NOTHING_KNOWN, None)
        assert lift.sentence == "alerts: none (n = 0); held out: none (n = 0): not yet known"


def test_the_result_in_words():
    unclear = Lift(ACTED_ON, Arm(86, 210), Arm(17, 52), Interval(-0.04, 0.20))
    assert unclear.sentence == (
        "alerts: 41% acted on (n = 210); held out: 33% (n = 52); difference +8 pp, 95 % interval -4 to +20 pp at every look:"
        f" not yet known; about {about(unclear.more_needed)} more deals would tell, if the difference stays"
    )
    better = Lift(ACTED_ON, Arm(860, 2100), Arm(130, 520), Interval(0.04, 0.20))
    assert better.sentence.endswith("acted on more often with alerts")
    worse = Lift(WON, Arm(10, 2100), Arm(130, 520), Interval(-0.3, -0.1))
    assert worse.sentence.endswith("won of those decided less often with alerts")
    assert (better.more_needed, worse.more_needed) == (None, None)


@pytest.mark.parametrize(
    ("arms", "more"), [((0.5, 0.4), 300), ((0.4, 0.5), 300), ((0.4, 0.4), None), ((0.401, 0.4), None)]
)
def test_how_many_more_deals_would_tell_follows_from_the_reach_of_the_interval(arms, more):
    parts = Arm(round(1000 * arms[0]), 1000), Arm(round(1000 * arms[1]), 1000)
    difference = arms[0] - arms[1]
    reach = 0.1 * np.sqrt(2300 / 2000)
    found = Lift(ACTED_ON, *parts, Interval(difference - reach, difference + reach)).more_needed
    assert found == (more and pytest.approx(more, abs=1))


def test_as_many_more_deals_as_were_said_do_tell():
    random = np.random.default_rng(4)
    is_out = random.random(60_000) < SHARE
    is_success = random.random(60_000) < np.where(is_out, 0.33, 0.41)

    def lift_after(n: int) -> Lift:
        out, success = is_out[:n], is_success[:n]
        arms = [Arm(int(success[place].sum()), int(place.sum())) for place in (~out, out)]
        return Lift(ACTED_ON, arms[0], arms[1], difference_interval(out, success, SHARE))

    said = lift_after(500)
    assert said.more_needed is not None
    needed = 500 + said.more_needed * (said.difference / 0.08) ** 2
    assert not lift_after(int(needed / 3)).is_known
    assert lift_after(int(needed * 3)).is_known
