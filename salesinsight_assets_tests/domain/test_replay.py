"""Past days beside what has become of the deals: figures worked out by hand, and words that claim no more than they bear."""

import json
from dataclasses import replace
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from salesinsight_assets.domain.history.snapshots import opportunity_history
from salesinsight_assets.domain.model.examples import decided_deals
from salesinsight_assets.domain.reports.judged_alerts import JudgedAlerts, RuleWorth, judged_alerts
from salesinsight_assets.domain.reports.judged_scores import JudgedScores, Said, judged_scores
from salesinsight_assets.domain.reports.page_html import as_html
from salesinsight_assets.domain.reports.pages import Section, as_markdown, as_text
from salesinsight_assets.domain.reports.replay import ReplayReport, replay_report
from salesinsight_assets.domain.reports.replay_pages import NO_SIGNAL, replay_sections
from salesinsight_assets.domain.shares import Share, share
from salesinsight_assets_tests.domain.worlds import World, at

FIRST, LAST = date(2024, 3, 1), date(2024, 3, 20)
CLAIMS = ("told deals apart", "better than the base rate,", "better than picking")
"""Words that only a proven gain may bring."""


def scored(rows: list[tuple[int, str, float]], model: str | None = "win-1") -> pd.DataFrame:
    """Scores by a model (None: by the rules) from day of March, deal and chance."""
    columns = ["as_of_date", "opportunity_id", "win_probability"]
    frame = pd.DataFrame([(pd.Timestamp(2024, 3, day), *row) for day, *row in rows], columns=columns)
    return frame.assign(model_id=model or "rules", is_fallback=model is None)


def became(outcomes: dict[str, tuple[bool, date]]) -> pd.DataFrame:
    """Decided deals: won or not, and when."""
    rows = [(deal, is_won, pd.Timestamp(day)) for deal, (is_won, day) in outcomes.items()]
    return pd.DataFrame(rows, columns=["opportunity_id", "is_won", "decided_on"])


NO_DEALS = became({"a": (True, LAST)}).head(0)


def alerted(rows: list[tuple[int, str, str, float | None, str]]) -> pd.DataFrame:
    """Alerts from day of March, deal, rule, amount and status."""
    frame = pd.DataFrame(rows, columns=["day", "opportunity_id", "rule", "amount", "status"])
    return frame.assign(as_of_date=[pd.Timestamp(2024, 3, day) for day in frame["day"]])


def many(n: int, chance_of_won: float, chance_of_lost: float, model: str | None = "win-1") -> ReplayReport:
    """A report on one day of `n` won and `n` lost deals, without alerts."""
    rows = [(1, f"w{i}", chance_of_won) for i in range(n)] + [(1, f"l{i}", chance_of_lost) for i in range(n)]
    outcomes = became({deal: (deal[0] == "w", date(2024, 3, 9)) for _, deal, _ in rows})
    return report_of(scored(rows, model), alerted([]), outcomes)


def report_of(scores: pd.DataFrame, alerts: pd.DataFrame, outcomes: pd.DataFrame, has_passed: bool = False):
    gates = pd.DataFrame(
        {
            "model_month": [pd.Timestamp(2024, 2, 1)],
            "has_passed": [has_passed],
            "reason": [f"{'better than the base rate' if has_passed else NO_SIGNAL}: Brier 0.25"],
        }
    )
    return replay_report(scores, alerts, outcomes, gates, (FIRST, LAST), date(2024, 6, 1))


def words(report: ReplayReport) -> str:
    return as_text("Replay", replay_sections(report))


# --- shares ---


def test_a_share_has_wilsons_interval():
    assert share(8, 10) == Share(8, 10, 0.8, 0.4902, 0.9433)
    assert share(0, 5) == Share(0, 5, 0.0, 0.0, 0.4345)
    assert share(5, 5) == Share(5, 5, 1.0, 0.5655, 1.0)


def test_of_no_deal_there_is_no_share():
    assert share(0, 0) is None


# --- scores ---

FIVE_DEALS = [(1, "a", 0.8), (1, "b", 0.2), (1, "c", 0.6), (1, "d", 0.6), (1, "e", 0.5)]
FOUR_OUTCOMES = became({deal: (deal in "ac", date(2024, 3, 9)) for deal in "abcd"})


def test_the_figures_of_five_deals_are_those_worked_out_by_hand():
    (judged,) = judged_scores(scored(FIVE_DEALS), FOUR_OUTCOMES, least_deals=1)
    assert (judged.n_won, judged.n_lost, judged.n_undecided, judged.n_scores, judged.n_days) == (2, 2, 1, 5, 1)
    figures = judged.evaluation
    assert figures.auc == pytest.approx(3.5 / 4)
    assert figures.brier == pytest.approx((0.04 + 0.04 + 0.16 + 0.36) / 4)
    assert figures.log_loss == pytest.approx(-np.log([0.8, 0.8, 0.6, 0.4]).mean())
    assert figures.ece == pytest.approx((0.2 + 0.2 + 2 * 0.1) / 4)
    assert (judged.base_rate, figures.base_rate_brier) == (0.5, 0.25)
    assert judged.calibration == (
        Said(0.2, 0.3, 0.2, share(0, 1)),
        Said(0.6, 0.7, 0.6, share(1, 2)),
        Said(0.8, 0.9, 0.8, share(1, 1)),
    )


def test_a_deal_counts_once_in_what_was_said_of_it_however_many_days_it_was_said():
    rows = [(day, "a", 0.22 + day / 100) for day in (1, 2, 3)] + [(1, "b", 0.28)]
    (judged,) = judged_scores(scored(rows), became({"a": (True, LAST), "b": (False, LAST)}))
    assert judged.calibration == (Said(0.2, 0.3, 0.26, share(1, 2)),)
    assert "when we said 20% to 30%, 50% were won (95 % interval 9% to 91%, n = 2 deals)" in words(
        report_of(scored(rows), alerted([]), became({"a": (True, LAST), "b": (False, LAST)}))
    )


def test_scores_by_models_and_by_the_rules_are_judged_apart():
    scores = pd.concat([scored(FIVE_DEALS, None), scored([(2, "a", 0.9), (2, "b", 0.1)], "win-2")])
    by_model, by_rules = judged_scores(scores, FOUR_OUTCOMES, least_deals=1)
    assert (by_model.is_by_rules, by_model.model_ids, by_model.n_scores) == (False, ("win-2",), 2)
    assert (by_rules.is_by_rules, by_rules.n_scores) == (True, 5)


def test_the_interval_is_drawn_by_deal_not_by_day():
    deals = [(f"{kind}{i}", chance + i / 100) for kind, chance in (("w", 0.4), ("l", 0.3)) for i in range(30)]
    outcomes = became({deal: (deal[0] == "w", LAST) for deal, _ in deals})
    once, ten_times = (
        judged_scores(scored([(day + 1, *deal) for day in range(n_days) for deal in deals]), outcomes)[0]
        for n_days in (1, 10)
    )
    assert ten_times.evaluation.brier_low == pytest.approx(once.evaluation.brier_low)
    assert ten_times.n_scores == 10 * once.n_scores


def test_a_model_that_beats_the_base_rate_is_said_to_tell_deals_apart():
    report = many(40, 0.7, 0.3)
    assert report.scores[0].tells_deals_apart
    assert "these scores told deals apart" in words(report)


def test_a_model_that_does_not_beat_the_base_rate_claims_nothing():
    report = many(40, 0.5, 0.5)
    assert not report.scores[0].tells_deals_apart
    assert f"{NO_SIGNAL}: these scores were no better than the base rate" in words(report)
    assert not any(claim in words(report) for claim in CLAIMS)


def test_nothing_is_claimed_of_the_rules_however_good_they_look():
    report = many(40, 0.9, 0.1, model=None)
    assert report.scores[0].evaluation.auc == 1.0
    assert not report.scores[0].tells_deals_apart
    text = words(report)
    assert f"{NO_SIGNAL}: no model had passed the gate, which said: {NO_SIGNAL} (1 month); nothing is claimed" in text
    assert "base rate: 50.0% of the scores" in text
    assert not any(claim in text for claim in CLAIMS)


def test_without_a_decided_deal_there_is_no_figure():
    report = report_of(scored(FIVE_DEALS), alerted([(1, "a", "slow_deal", 9.0, "to_send")]), NO_DEALS)
    assert report.scores[0].evaluation is None
    assert report.scores[0].base_rate is None
    assert report.headline == {"amount warned about": 9.0}
    assert "AUC, Brier score, calibration: not yet known, no deal is decided" in words(report)
    assert "precision, days of warning: not yet known, none of these deals is decided" in words(report)
    assert "AUC 0" not in words(report)


def test_alerts_that_were_held_out_are_judged_like_those_sent():
    rows = [(1, "a", "slow_deal", 9.0, "held_out"), (1, "b", "slow_deal", 9.0, "suppressed")]
    assert report_of(scored(FIVE_DEALS), alerted(rows), NO_DEALS).alerts.n_deals == 1


def test_of_few_decided_deals_there_is_no_auc():
    report = many(19, 0.9, 0.1)
    assert report.scores[0].evaluation is None
    assert "not yet known, 19 won and 19 lost deals, at least 20 of each are needed" in words(report)
    assert many(20, 0.9, 0.1).scores[0].evaluation is not None


def test_days_without_an_open_deal_say_so():
    report = report_of(scored([]), alerted([]), NO_DEALS)
    assert report.scores == ()
    assert "no deal was open on these days" in words(report)


# --- alerts ---

SOME_ALERTS = alerted(
    [
        (8, "a", "likely_loss", 90.0, "to_send"),
        (1, "a", "slow_deal", 100.0, "to_send"),
        (2, "b", "slow_deal", 50.0, "to_send"),
        (3, "c", "slow_deal", 70.0, "suppressed"),
        (3, "d", "sudden_drop", None, "to_send"),
    ]
)
OPEN_DEALS = scored([(day, deal, 0.5) for day in (1, 2, 3, 8) for deal in "abcdef"])
DECIDED = became(
    {
        "a": (False, date(2024, 3, 15)),
        "b": (True, date(2024, 3, 20)),
        "c": (False, date(2024, 3, 5)),
        "e": (False, date(2024, 3, 20)),
        "f": (False, date(2024, 4, 2)),
        "never open on these days": (False, date(2024, 3, 2)),
    }
)


@pytest.fixture
def judged() -> JudgedAlerts:
    return judged_alerts(SOME_ALERTS, OPEN_DEALS, DECIDED, FIRST, LAST)


def test_the_worth_of_four_alerts_is_that_worked_out_by_hand(judged):
    assert (judged.n_days, judged.n_alerts, judged.n_deals, judged.n_undecided) == (4, 4, 3, 1)
    assert judged.lost == share(1, 2)  # a, not b
    assert judged.lost_of_all == share(4, 5)  # a, c, e, f, not b
    assert judged.lost_warned == share(1, 3)  # a, not c nor e; f was lost later
    assert (judged.median_days, judged.quartile_days) == (14.0, (14.0, 14.0))
    assert (judged.amount, judged.amount_lost, judged.amount_won, judged.n_without_amount) == (150.0, 100.0, 50.0, 1)
    assert judged.by_rule == (
        RuleWorth("likely_loss", 1, share(1, 1)),
        RuleWorth("slow_deal", 2, share(1, 2)),
        RuleWorth("sudden_drop", 1, None),
    )


def test_days_of_warning_are_counted_from_the_first_alert_and_of_lost_deals_only(judged):
    told = judged.told.set_index("opportunity_id")
    assert told["became"].to_dict() == {"a": "lost", "b": "won", "d": "not yet decided"}
    assert told["days_of_warning"].dropna().to_dict() == {"a": 14.0}


def test_the_alerts_are_told_with_how_many_deals_they_are_of(judged):
    text = words(report_of(OPEN_DEALS, SOME_ALERTS, DECIDED))
    assert "4 alerts told of 3 deals: 2 are decided, 1 not yet" in text
    assert "precision at the cap: 50% were lost (95 % interval 9% to 91%, n = 2 deals)" in text
    assert "80% were lost (95 % interval 38% to 96%, n = 5 deals): the alerts were no better than picking" in text
    assert "14 in the middle, half of them 14 to 14 (n = 1 deal)" in text
    assert "of the deals lost within these days 33% had been told of before" in text
    assert "150; of deals then lost 100, won 50, not yet decided 0; 1 deal without an amount" in text
    assert "rule sudden drop: 1 deal, share lost not yet known" in text


@pytest.mark.parametrize(
    ("lost", "verdict"),
    [(100, "were better than"), (83, "were no better than"), (77, "were no better than"), (60, "were worse than")],
)
def test_alerts_are_worth_more_than_chance_only_with_their_whole_interval(judged, lost, verdict):
    report = report_of(OPEN_DEALS, SOME_ALERTS, DECIDED)
    alerts = replace(judged, lost=share(lost, 100), lost_of_all=share(400, 500))
    assert f"the alerts {verdict} picking open deals at random" in words(replace(report, alerts=alerts))


def test_a_range_without_alerts_says_so():
    assert words(many(20, 0.9, 0.1)).endswith("Alerts to send, on 1 day\n  none")


# --- what became of the deals ---


def test_a_deal_is_decided_on_a_day_of_the_companys_time_zone_and_only_by_what_is_known():
    world = World()
    for deal, days in (("a", 10.0), ("b", 10.99), ("c", 12.0), ("d", 99.0)):
        world.deal(deal, at(0))
        if days < 99:
            world.close(deal, at(days), is_won=deal == "a")
    history = opportunity_history(world.rows())
    found = decided_deals(history, at(11), ZoneInfo("Europe/Berlin"))
    assert found["opportunity_id"].tolist() == ["a", "b"]
    assert found["is_won"].tolist() == [True, False]
    assert found["decided_on"].tolist() == [pd.Timestamp(at(0).date()) + timedelta(days=n) for n in (10, 11)]


# --- the page ---


def test_every_figure_is_in_the_plain_form():
    plain = report_of(OPEN_DEALS, SOME_ALERTS, DECIDED).as_plain()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    assert (plain["from"], plain["to"], plain["known_until"]) == ("2024-03-01", "2024-03-20", "2024-06-01")
    assert {field for kind in plain["scores"] for field in kind} == {
        *JudgedScores.__dataclass_fields__,
        "tells_deals_apart",
    }
    assert set(plain["alerts"]) == set(JudgedAlerts.__dataclass_fields__)
    assert plain["alerts"]["lost"] == {"part": 1, "n": 2, "rate": 0.5, "low": 0.0945, "high": 0.9055}
    assert plain["alerts"]["told"][0] == {
        "opportunity_id": "a",
        "told_on": "2024-03-01",
        "amount": 100.0,
        "became": "lost",
        "days_of_warning": 14.0,
    }
    assert plain["gates"][0]["has_passed"] is False


def test_the_figures_to_follow_are_named_by_who_scored():
    assert many(20, 0.9, 0.1).headline == {
        "auc of the models": 1.0,
        "brier of the models": pytest.approx(0.01),
        "brier of the base rate on days of the models": 0.25,
        "share lost of all open deals": 0.5,
        "amount warned about": 0.0,
    }


def test_a_page_carries_its_pictures_and_needs_nothing_else():
    sections = [Section("Deals <of> Ann", ["A & B"], "seen"), Section("Others", ["none"], "not drawn")]
    page = as_html("Replay", sections, {"seen": b"png"})
    assert 'alt="seen" width="560" style="max-width: 560px" src="data:image/png;base64,cG5n">' in page
    assert ">Deals &lt;of&gt; Ann</h2>" in page
    assert ">A &amp; B</p>" in page
    assert "not drawn" not in page
    assert "http" not in page
    text = as_markdown("Replay", sections, {"seen": b"png"})
    assert "## Deals &lt;of&gt; Ann\n\n- A &amp; B\n\n![seen](data:image/png;base64,cG5n)" in text
