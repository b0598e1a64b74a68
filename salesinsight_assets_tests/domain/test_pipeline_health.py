"""Monday's report: the figures of a small pipeline, and that its words claim no more than is known."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from salesinsight_assets.domain.reports.pages import as_text
from salesinsight_assets.domain.reports.pipeline_health import PipelineHealth, pipeline_health
from salesinsight_assets.domain.reports.pipeline_health_pages import pipeline_health_sections, pipeline_health_title
from salesinsight_assets.domain.reports.pipeline_movement import Pipeline
from salesinsight_assets.domain.reports.pipeline_movement_pages import waterfall_steps
from salesinsight_assets.domain.scores.policy import RiskPolicy

BEFORE, DAY = date(2024, 11, 10), date(2024, 11, 17)
SINCE = datetime(2024, 11, 10, 23, 59, 59, tzinfo=UTC)
AGAINST = [{"text": "Open for 90 days", "direction": "against"}]
MODEL, BASE_RATE = "win-2024-11-01", "base-rate-2024-11-01"


def open_deals(*names: str, amount: float = 100_000.0, close: date | None = date(2024, 12, 10)) -> pd.DataFrame:
    values = {"amount": amount, "company_amount": amount, "currency_iso_code": "USD", "owner_name": "Ann Lee"}
    frame = pd.DataFrame({"opportunity_id": list(names), "name": [f"Deal {name}" for name in names]})
    created = pd.Timestamp(SINCE - timedelta(days=60))
    return frame.assign(**values, close_date=pd.Timestamp(close) if close else pd.NaT, created_date=created)


def scores(*names: str, chance: float = 0.2, level: str = "HIGH", model_id: str = MODEL, is_fallback: bool = False):
    frame = pd.DataFrame({"opportunity_id": list(names), "reasons": [AGAINST] * len(names)})
    return frame.assign(
        win_probability=chance,
        win_probability_7d_ago=0.4,
        risk_level=level,
        model_id=model_id,
        is_fallback=is_fallback,
    )


def decided(*rows: tuple[str, bool, date, float]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["opportunity_id", "is_won", "decided_on", "company_amount"])
    return frame.assign(decided_on=pd.to_datetime(frame["decided_on"]))


PAST = pd.DataFrame(
    {"opportunity_id": [str(n) for n in range(400)], "days_to_close": 10.0, "days_to_win": [5, 90] * 200}
)
NO_PAST = PAST.head(0)
EARLIER = [(f"q{n}", True, date(2024, 8, 1), 50_000.0) for n in range(10)]
RESULTS = decided(*EARLIER, ("w", True, date(2024, 11, 14), 70_000.0), ("l", False, date(2024, 11, 15), 100_000.0))


def health(now=None, scored=None, results=RESULTS, past=PAST, quota=0.0, known_from=date(2024, 1, 1)) -> PipelineHealth:
    now = open_deals("a", "b") if now is None else now
    scored = scores(*now["opportunity_id"]) if scored is None else scored
    deals = {BEFORE: open_deals("a", "b", "w", "l"), DAY: now}
    return pipeline_health(deals, scored, results, past, SINCE, RiskPolicy(), quota, known_from)


def words(found: PipelineHealth) -> str:
    return as_text(pipeline_health_title(found), pipeline_health_sections(found))


def test_the_figures_of_a_week():
    found = health()
    assert (found.won, found.lost) == (Pipeline(1, 70_000), Pipeline(1, 100_000))
    assert {move.name: move.amount for move in found.all.moves} == {"won": -100_000, "lost": -100_000}
    assert (found.due.opening, found.due.closing) == (Pipeline(4, 400_000), Pipeline(2, 200_000))
    assert found.quarter_before == Pipeline(10, 500_000)
    assert (found.quarter.period.name, found.month.period.name) == ("Q4 2024", "November")
    assert [level.all for level in found.at_risk] == [Pipeline(2, 200_000), Pipeline(0, 0)]
    assert found.currency == "USD"


def test_what_is_expected_is_amount_times_chance_times_the_chance_to_be_in_time():
    found = health()
    assert found.quarter.open
    assert found.quarter.open.expected == pytest.approx(200_000 * 0.2 * 0.5)
    assert found.quarter.dated.expected == pytest.approx(200_000 * 0.2)
    assert found.month.dated.deals == 0, "no close date is in November"


def test_what_the_report_says():
    said = words(health())
    for sentence in (
        "Pipeline health, week to Sunday 17 November 2024",
        "Open pipeline: $200k in 2 deals, $200k less than a week ago (4 deals then).",
        "Won this week: $70k in 1 deal; lost: $100k in 1 deal.",
        "more by 31 December.",
        "of won deals that were dated within 44 days, 50% were won in that time",
        "There is no quota in the CRM, so Q4 2024 is held against the quarter before, in which $500k in 10 deals were won.",
        "To reach it, $430k are missing.",
        "Ann Lee · Open for 90 days",
        "was 40%",
        "it is not said to be the cause",
    ):
        assert sentence in said, sentence


def test_a_win_rate_of_a_few_deals_is_not_told_and_of_many_it_has_its_interval():
    assert "win rate" not in words(health())
    week = [(f"d{n}", n < 8, date(2024, 11, 13), 10.0) for n in range(20)]
    assert "(win rate 40%, 95 % interval 22% to 61%)" in words(health(results=decided(*EARLIER, *week)))


def test_where_it_is_not_known_how_far_close_dates_hold_nothing_is_expected():
    found = health(past=NO_PAST)
    assert found.quarter.open is None
    said = words(found)
    assert "What of the open deals is won by its end is not yet known." in said
    assert "too few won deals to tell how far close dates hold" in said
    assert "expected by the end of the quarter" not in found.headline


def test_without_signal_the_forecast_says_so():
    said = words(health(scored=scores("a", "b", model_id=BASE_RATE, is_fallback=True)))
    assert "The model sees not enough signal to tell deals apart: each deal counts with the share" in said
    assert "scored by rules" not in said
    assert "Value at risk: not told" in said
    assert "Most to lose" not in said, "of deals that are not told apart none has the most to lose"


def test_the_rules_get_no_interval():
    said = words(health(scored=scores("a", "b", model_id="rules", is_fallback=True)))
    assert "scored by rules, not by a model" in said
    assert "95 % interval $" not in said
    (row,) = [line for line in said.splitlines() if line.strip().startswith("Q4 2024  ")]
    assert row.split("  ")[-1].strip() == "not yet known"


def test_a_model_needs_no_caveat():
    assert "signal" not in words(health())


def test_a_quota_takes_the_place_of_the_quarter_before():
    said = words(health(quota=270_000.0))
    assert "The quota of Q4 2024 is $270k." in said
    assert "$200k are missing" in said
    assert "no quota" not in said


def test_a_quarter_that_is_reached_says_so():
    assert "Q4 2024 has reached it: $70k in 1 deal are won." in words(health(quota=70_000.0))


def test_a_company_without_a_past_gets_no_coverage():
    for found in (health(known_from=date(2024, 10, 1)), health(known_from=None)):
        assert "coverage is not yet known" in words(found)


def test_deals_without_an_amount_are_counted_and_said():
    deals = pd.concat([open_deals("a"), open_deals("b", amount=np.nan)], ignore_index=True)
    found = health(now=deals)
    assert found.without_amount == 1
    assert "1 open deal without an amount" in words(found)
    assert found.top["name"].tolist() == ["Deal a"]


def test_overdue_deals_and_deals_without_a_date_are_told_of():
    said = words(health(now=open_deals("a", "b", close=date(2024, 11, 13))))
    assert "Beside it, $200k in 2 deals have a close date that is over" in said
    assert "Close date passed, still open" in said
    assert "no date" in words(health(now=open_deals("a", close=None)))


def test_a_pipeline_of_nothing_is_told_too():
    said = words(health(now=open_deals(), scored=scores()))
    assert "Open pipeline: $0 in 0 deals" in said or "Open pipeline: 0 in 0 deals" in said


def test_the_deals_shown_are_those_with_the_most_to_lose():
    deals = pd.concat([open_deals("small", amount=10_000.0), open_deals("sure", "big")], ignore_index=True)
    scored = pd.concat([scores("small", "big"), scores("sure", chance=0.9, level="LOW")], ignore_index=True)
    assert health(now=deals, scored=scored).top["name"].tolist() == ["Deal big", "Deal small"]


def test_of_equal_amounts_the_likelier_loss_comes_first():
    scored = pd.concat([scores("a", chance=0.28), scores("b", chance=0.05)], ignore_index=True)
    assert health(scored=scored).top["name"].tolist() == ["Deal b", "Deal a"]


def test_where_no_open_deal_has_a_close_date_all_open_deals_are_shown():
    """As in the public data sets, whose open deals have none."""
    deals = {BEFORE: open_deals("a", "w", close=None), DAY: open_deals("a", close=None)}
    found = pipeline_health(deals, scores("a"), RESULTS, PAST, SINCE, RiskPolicy(), 0.0, date(2024, 1, 1))
    said = words(found)
    assert "No open deal has a close date from tomorrow to 31 December, the end of Q4 2024" in said
    assert "Due in Q4 2024" not in said
    assert "No open deal is dated in the rest of the period" in said
    assert "0.0 times" not in said
    assert waterfall_steps(found)["end"].tolist() == [200_000, 100_000, 100_000]
