"""The review of the 15th: no target is called met or missed that the deals do not tell, and what it takes is worked out."""

from datetime import date

import numpy as np
import pandas as pd
import pytest

from salesinsight_assets.domain.experiments.lift import ACTED_ON, WON
from salesinsight_assets.domain.reports.business_review import BusinessReview, business_review
from salesinsight_assets.domain.reports.business_review_pages import business_review_sections, business_review_title
from salesinsight_assets.domain.reports.engagement import Engagement
from salesinsight_assets.domain.reports.measures import (
    Figure,
    Measure,
    change_of_mean,
    deals_needed,
    deals_needed_for_auc,
    difference,
)
from salesinsight_assets.domain.reports.pages import as_text
from salesinsight_assets.domain.reports.past_forecasts import (
    MONTH_EXPECTED,
    MONTH_HIGH,
    MONTH_LOW,
    ended_forecasts,
    judged_forecasts,
)
from salesinsight_assets.domain.shares import share

DAY, FIRST_ALERT = date(2024, 6, 14), date(2024, 3, 1)
RANDOM = np.random.default_rng(5)


def judged(n=400, signal=3.0) -> pd.DataFrame:
    chance = RANDOM.random(n)
    is_won = RANDOM.random(n) < 1 / (1 + np.exp(-signal * (chance - 0.5)))
    days = pd.to_datetime("2024-04-01") + pd.to_timedelta(np.arange(n) % 60, unit="D")
    return pd.DataFrame({"win_probability": chance, "is_won": is_won, "decided_on": days})


def decided(before=2000, after=400, rates=(0.3, 0.3), cycles=(100.0, 100.0)) -> pd.DataFrame:
    parts = []
    for n, rate, cycle, day in zip((before, after), rates, cycles, ("2024-02-01", "2024-04-15"), strict=True):
        is_won = np.arange(n) < round(n * rate)
        days = cycle * (1 + 0.5 * np.sin(np.arange(n)))
        parts.append(pd.DataFrame({"is_won": is_won, "decided_on": pd.Timestamp(day), "cycle_days": days}))
    return pd.concat(parts, ignore_index=True)


def review(**changed) -> BusinessReview:
    values = {"judged": judged(), "decided": decided(), "first_score": date(2024, 2, 1), "first_alert": FIRST_ALERT}
    return business_review(DAY, **{**values, **changed})


def words(found: BusinessReview) -> str:
    return as_text(business_review_title(found), business_review_sections(found))


def measure(found: BusinessReview, name: str) -> Measure:
    return next(m for m in found.measures if m.name.startswith(name))


# --- verdicts ---


@pytest.mark.parametrize(
    ("figure", "is_less_better", "verdict"),
    [
        (Figure(0.7, 0.66, 0.74, 100), False, "met"),
        (Figure(0.7, 0.64, 0.76, 100), False, "not yet known"),
        (Figure(0.6, 0.56, 0.64, 100), False, "missed"),
        (Figure(0.6, 0.56, 0.64, 100), True, "met"),
        (Figure(0.7, 0.66, 0.74, 100), True, "missed"),
        (None, False, "not yet known"),
    ],
)
def test_a_target_is_met_or_missed_only_where_the_whole_interval_says_so(figure, is_less_better, verdict):
    assert Measure("m", "t", figure, 0.65, is_less_better).verdict == verdict


def test_three_points_take_about_4300_deals_on_each_side():
    assert deals_needed(0.45, 0.03) == pytest.approx(4300, rel=0.02)
    assert deals_needed(0.30, 0.03) < deals_needed(0.45, 0.03)


def test_with_so_many_deals_three_points_are_found_in_80_of_100_worlds():
    n = deals_needed(0.45, 0.03)
    now, before = RANDOM.binomial(n, 0.48, 2000), RANDOM.binomial(n, 0.45, 2000)
    found = [difference(share(int(a), n), share(int(b), n)).low > 0 for a, b in zip(now, before, strict=True)]
    assert np.mean(found) == pytest.approx(0.80, abs=0.03)


def test_the_intervals_of_differences_and_of_means_hold():
    gains = [
        difference(share(int(a), 300), share(int(b), 400))
        for a, b in zip(RANDOM.binomial(300, 0.35, 1500), RANDOM.binomial(400, 0.3, 1500), strict=True)
    ]
    assert np.mean([g.low <= 0.05 <= g.high for g in gains]) == pytest.approx(0.95, abs=0.02)
    changes = []
    for _ in range(1500):
        sides = [RANDOM.gamma(4, mean / 4, n) for mean, n in ((90, 150), (100, 300))]
        changes.append(change_of_mean(*[(float(s.mean()), float(s.std(ddof=1)), len(s)) for s in sides]))
    assert np.mean([c.low <= -0.1 <= c.high for c in changes]) == pytest.approx(0.95, abs=0.02)


def test_the_interval_of_a_difference_is_the_one_that_newcombe_gives():
    """Newcombe (1998), Statistics in Medicine 17, 873-890, table II, (a), method 10."""
    found = difference(share(56, 70), share(48, 80))
    assert (found.low, found.high) == (pytest.approx(0.0524, abs=1e-3), pytest.approx(0.3339, abs=1e-3))


def test_the_nearer_an_auc_is_to_its_goal_the_more_deals_it_takes():
    far, near = deals_needed_for_auc(0.7, 0.65, 0.3), deals_needed_for_auc(0.66, 0.65, 0.3)
    assert far
    assert near
    assert near > 10 * far
    assert deals_needed_for_auc(0.65, 0.65, 0.3) is None


# --- the review ---


def test_a_model_with_signal_meets_its_target_and_a_coin_does_not():
    assert measure(review(judged=judged(2000, 6.0)), "AUC by month 6").verdict == "met"
    coin = measure(review(judged=judged(2000, 0.0)), "AUC by year 2")
    assert coin.verdict == "missed"
    assert coin.figure
    assert coin.figure.value == pytest.approx(0.5, abs=0.05)


def test_of_few_deals_no_auc_is_told():
    few = measure(review(judged=judged(30)), "AUC")
    assert few.figure is None
    assert "20 won and 20 lost ones are needed" in few.because


def test_the_win_rate_is_compared_with_that_before_the_first_alert():
    same = measure(review(), "Win rate")
    assert same.figure
    assert same.figure.value == pytest.approx(0.0)
    assert (same.verdict, same.figure.n) == ("not yet known", 400)
    assert same.needed == deals_needed(0.3, 0.03)
    better = measure(review(decided=decided(rates=(0.3, 0.45))), "Win rate")
    assert better.verdict == "met"
    assert measure(review(decided=decided(rates=(0.3, 0.2))), "Win rate").verdict == "missed"


def test_a_shorter_cycle_is_better():
    assert measure(review(decided=decided(cycles=(100.0, 70.0))), "Sales cycle").verdict == "met"
    assert measure(review(decided=decided(cycles=(100.0, 120.0))), "Sales cycle").verdict == "missed"


def test_before_the_first_alert_nothing_is_compared():
    found = review(first_alert=None)
    for name in ("Win rate", "Sales cycle"):
        assert measure(found, name).figure is None
        assert measure(found, name).because == "no alert was sent yet"
    assert "alerts are sent from a day that is still to come" in words(found)


def test_what_nobody_records_is_not_yet_known():
    said = words(review())
    for sentence in (
        "Reps on the dashboard weekly: nobody has looked at it yet.",
        "Alert e-mails opened: no e-mail was sent that tells when it is opened.",
        "Alerts acted on: the seven days of no alert are over yet.",
        "Lift of alerts on what is acted on: no deal is held out, or none of them is over.",
        "Forecast accuracy: no forecast that was reported has come to its end yet.",
    ):
        assert sentence in said


def test_what_people_did_is_shown_with_its_interval():
    found = review(engagement=Engagement(dashboard=share(45, 50), opened=share(80, 100), acted_on=share(10, 90)))
    opened, acted = measure(found, "Alert e-mails opened"), measure(found, "Alerts acted on")
    assert (opened.verdict, acted.verdict) == ("met", "missed")
    assert acted.figure
    assert (acted.figure.n, acted.figure.of) == (90, "deals")
    assert measure(found, "Reps").figure


def look(difference, low, high, finding="as it is") -> dict:
    return {"n_alerted": 400, "n_held_out": 100, "difference": difference, "low": low, "high": high, "finding": finding}


def test_a_lift_counts_once_its_interval_leaves_zero_out_and_is_told_in_words_until_then():
    finding = "alerts: 30% won of those decided (n = 400); held out: 28% (n = 100): not yet known"
    looks = {ACTED_ON: look(0.2, 0.08, 0.3), WON: look(0.02, -0.2, 0.24, finding)}
    found = review(engagement=Engagement(lifts=looks))
    acted, won = measure(found, "Lift of alerts on what"), measure(found, "Lift of alerts on the win rate")
    assert (acted.verdict, won.verdict) == ("met", "not yet known")
    assert "+20.0 pp" in words(found)
    assert f"Lift of alerts on the win rate: {finding}." in words(found)
    harm = review(engagement=Engagement(lifts={WON: look(-0.2, -0.3, -0.1)}))
    assert measure(harm, "Lift of alerts on the win rate").verdict == "missed"


def test_a_look_with_an_empty_arm_is_no_figure():
    found = review(engagement=Engagement(lifts={ACTED_ON: look(float("nan"), -1.0, 1.0, "held out: none (n = 0)")}))
    assert measure(found, "Lift of alerts on what").figure is None
    assert "held out: none (n = 0)" in words(found)


def test_the_calibration_is_published_as_a_sentence():
    said = pd.DataFrame({"win_probability": [0.34] * 87, "is_won": [True] * 27 + [False] * 60})
    assert "When we said 34%, 31% were won (n = 87, 95 % interval 22% to 41%)." in words(
        review(judged=said.assign(decided_on=pd.Timestamp("2024-05-01")))
    )


def test_a_company_on_its_first_day_gets_a_review_of_what_is_not_known():
    found = review(judged=judged(0), decided=decided(0, 0), first_score=None, first_alert=None)
    assert {m.verdict for m in found.measures} == {"not yet known"}
    assert "Of 10 targets 0 are met, 0 missed, and of 10 it cannot be told yet." in words(found)


def test_months_stand_beside_each_other():
    found = review(judged=judged(400))
    assert [(m.month, m.won + m.lost) for m in found.months] == [(date(2024, 4, 1), 210), (date(2024, 5, 1), 190)]
    assert "April 2024" in words(found)


# --- forecasts that are over ---


def test_of_each_month_the_first_forecast_is_judged_once_the_month_is_over():
    said = {MONTH_EXPECTED: 100, MONTH_LOW: 50, MONTH_HIGH: 150}
    figures = {date(2024, 3, 31): said, date(2024, 4, 7): said, date(2024, 5, 5): {}, date(2024, 6, 2): said}
    assert list(ended_forecasts(figures, DAY)) == [date(2024, 3, 31)], (
        "made in the night before the 1st, it is of April"
    )
    won = pd.DataFrame(
        {
            "opportunity_id": ["a", "b", "c", "d"],
            "is_won": [True, True, False, True],
            "decided_on": pd.to_datetime(["2024-04-30", "2024-05-01", "2024-04-10", "2024-04-10"]),
            "company_amount": [80.0, 10.0, 10.0, 7.0],
        }
    )
    rows = judged_forecasts({date(2024, 3, 31): said}, {date(2024, 3, 31): ["a", "b", "c"]}, won)
    assert rows["actual"].tolist() == [80.0]
    forecast = measure(review(forecasts=rows), "Forecast")
    assert forecast.verdict == "not yet known"
    assert (
        "of 1 months the first forecast is over, off by 25% of what was won; 1 of 1 intervals held" in forecast.because
    )
