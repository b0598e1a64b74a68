"""The health of the pipeline: the same numbers as in Monday's report and in the list of deals, along the hierarchy."""

import csv
import io
import json
from datetime import UTC, timedelta

import pandas as pd
import pytest

from salesinsight_assets.adapters import page_plots
from salesinsight_assets.adapters.plots import BLUE
from salesinsight_assets.domain.history.grid import end_of_day
from salesinsight_assets.domain.history.snapshots import opportunity_history
from salesinsight_assets.domain.reports.pipeline_health import pipeline_health
from salesinsight_assets.domain.reports.results import decided_amounts, won_later
from salesinsight_assets.domain.reports.words import short_money
from salesinsight_assets.domain.scores.policy import RiskPolicy
from salesinsight_assets_tests.conftest import LAST_DAY

pytestmark = pytest.mark.slow
WEEK_BEFORE = LAST_DAY - timedelta(days=7)
LOOKS = ("wide/light", "wide/dark", "narrow/light", "narrow/dark")


def rows_of(browser, address: str) -> list[dict[str, str]]:
    answer = browser.get(address)
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text)))


def total(rows: list[dict[str, str]], column: str) -> int:
    return round(sum(float(row[column] or 0) for row in rows))


@pytest.fixture(scope="module")
def report(shown_dashboard):
    """Monday's figures of the same week, worked out as in the night of the report."""
    store, as_of, since = shown_dashboard.warehouse, end_of_day(LAST_DAY, UTC), end_of_day(WEEK_BEFORE, UTC)
    history = opportunity_history(store.crm_rows(since - timedelta(days=400), as_of))
    decided = decided_amounts(history, as_of, UTC)
    deals = {day: store.partition("open_opportunities", day) for day in (WEEK_BEFORE, LAST_DAY)}
    scores = store.partition("opportunity_scores", LAST_DAY)
    scores = scores.assign(reasons=scores["reasons"].map(json.loads))
    return pipeline_health(deals, scores, decided, won_later(history, [since], decided), since, RiskPolicy())


def moves(rows: list[dict[str, str]]) -> dict[str, tuple[int, int]]:
    frame = pd.DataFrame(rows)
    return {name: (len(of), total(of.to_dict("records"), "change")) for name, of in frame.groupby("move")}


@pytest.mark.parametrize("due", ["", "?due=quarter"])
def test_a_head_of_sales_reads_the_numbers_of_mondays_report(shown_dashboard, report, due) -> None:
    browser, moved = shown_dashboard.browser("leader"), report.due if due else report.all
    assert moves(rows_of(browser, f"/pipeline/moves.csv{due}")) == {
        move.name: (move.deals, move.amount) for move in moved.moves
    }
    assert {move.name for move in report.all.moves} >= {"new", "won", "lost"}
    stages, shown = rows_of(browser, f"/pipeline.csv{due}"), browser.get(f"/pipeline{due}").text
    assert (total(stages, "deals"), total(stages, "open_amount")) == (moved.closing.deals, moved.closing.amount)
    risky = [level.due if due else level.all for level in report.at_risk]
    assert total(stages, "amount_at_risk") == sum(level.amount for level in risky)
    for amount in (moved.opening.amount, moved.closing.amount, *(abs(move.amount) for move in moved.moves)):
        assert f"{amount:,}" in shown


def test_what_is_expected_is_amount_times_chance_with_its_interval(shown_dashboard) -> None:
    scores = shown_dashboard.warehouse.partition("opportunity_scores", LAST_DAY)
    expected = (scores["amount"] * scores["win_probability"]).sum()
    browser = shown_dashboard.browser("leader")
    assert total(rows_of(browser, "/pipeline.csv"), "expected_amount") == pytest.approx(expected, abs=5)
    assert short_money(expected, "USD") in browser.get("/pipeline").text
    assert "95 % interval" in browser.get("/pipeline").text


@pytest.mark.parametrize("query", ["", "?due=quarter"])
def test_each_number_leads_to_its_rows(shown_dashboard, query) -> None:
    browser, more = shown_dashboard.browser("manager"), "&" if query else "?"
    stages = rows_of(browser, f"/pipeline.csv{query}")
    assert len(stages) > 1
    for stage in stages:
        for risk, deals, amount in (("", "deals", "open_amount"), ("&risk=AT_RISK", "deals_at_risk", "amount_at_risk")):
            rows = rows_of(browser, f"/deals.csv{query}{more}stage={stage['stage']}{risk}")
            assert (len(rows), total(rows, "amount")) == (int(stage[deals]), pytest.approx(int(stage[amount]), abs=5))
    shown = browser.get(f"/pipeline{query}").text
    assert f"/pipeline/moves{query}{'&amp;' if query else '?'}move=won" in shown


def test_each_sees_the_pipeline_along_the_hierarchy(shown_dashboard) -> None:
    scores = shown_dashboard.warehouse.partition("opportunity_scores", LAST_DAY)
    found = {role: rows_of(shown_dashboard.browser(role), "/pipeline.csv") for role in shown_dashboard.people}
    counted = {role: total(rows, "deals") for role, rows in found.items()}
    assert counted["rep"] == len(shown_dashboard.deals_of(shown_dashboard.user_id("rep")))
    assert counted["rep"] < counted["manager"] < counted["leader"] == counted["engineer"] == len(scores)


def test_an_owner_of_another_team_has_no_pipeline_here(shown_dashboard) -> None:
    browser, foreign = shown_dashboard.browser("manager"), shown_dashboard.owner_of_another_team()
    assert "No open deal" in browser.get(f"/pipeline?owner={foreign}").text
    assert (
        rows_of(browser, f"/pipeline.csv?owner={foreign}")
        == rows_of(browser, f"/pipeline/moves.csv?owner={foreign}")
        == []
    )
    for look in LOOKS:
        assert browser.get(f"/charts/{look}/pipeline/stages.svg?owner={foreign}").status_code == 404
    leader = rows_of(shown_dashboard.browser("leader"), f"/pipeline.csv?owner={foreign}")
    assert total(leader, "deals") == len(shown_dashboard.deals_of(foreign))


def test_a_deal_that_changed_hands_is_not_called_deleted(shown_dashboard) -> None:
    own = rows_of(shown_dashboard.browser("rep"), "/pipeline/moves.csv")
    by_move = {row["move"]: row["opportunity_id"] for row in own}
    rep, foreign = shown_dashboard.user_id("rep"), shown_dashboard.owner_of_another_team()
    assert by_move["taken over"] in shown_dashboard.deals_of(rep)
    assert by_move["handed over"] in shown_dashboard.deals_of(foreign)
    assert {"taken over", "handed over"}.isdisjoint(
        moves(rows_of(shown_dashboard.browser("leader"), "/pipeline/moves.csv"))
    )
    assert "Handed over to another owner" in shown_dashboard.browser("rep").get("/pipeline").text


def test_the_moves_of_the_week_are_listed_one_way_at_a_time(shown_dashboard) -> None:
    browser = shown_dashboard.browser("leader")
    won = rows_of(browser, "/pipeline/moves.csv?move=won")
    assert {row["move"] for row in won} == {"won"}
    shown = browser.get("/pipeline/moves?move=won").text
    assert all(f"/deals/{row['opportunity_id']}" in shown for row in won)
    assert "No deal moved in this way" in browser.get("/pipeline/moves?move=exchange rates").text
    assert browser.get("/pipeline/moves?move=nonsense").status_code == 422


def test_everyone_reads_what_the_model_said_and_what_happened(shown_dashboard) -> None:
    store = shown_dashboard.warehouse
    table = store.read(
        "SELECT c.* FROM insight.model_calibration AS c JOIN insight.models AS m USING (model_month)"
        " JOIN insight.scoring_runs AS r ON r.model_id = m.model_id WHERE r.as_of_date = $1::text::date AND NOT r.is_fallback",
        (LAST_DAY.isoformat(),),
    )
    assert len(table) > 3
    nearest = table.loc[(table["predicted_rate"] - 0.3).abs().idxmin()]
    said = f"When we said {nearest['predicted_rate']:.0%}, {nearest['actual_rate']:.0%} were won (n = {nearest['deals']:,.0f}, 95 % interval"
    for role in shown_dashboard.people:
        shown = shown_dashboard.browser(role).get("/pipeline").text
        assert said in shown
        assert shown.count("were won</span>") == len(table)


def test_pictures_come_in_four_looks_and_are_drawn_once(shown_dashboard) -> None:
    browser, drawn = shown_dashboard.browser("leader"), set()
    for name in ("pipeline/movement", "pipeline/stages", "calibration"):
        for look in LOOKS:
            answer = browser.get(f"/charts/{look}/{name}.svg")
            assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/svg+xml")
            assert "script" not in answer.headers["Content-Security-Policy"]
            assert (BLUE in answer.text) == look.endswith("light")
            drawn.add(answer.text)
    assert len(drawn) == 3 * len(LOOKS)
    before = page_plots._drawn.cache_info()
    assert browser.get("/charts/wide/light/pipeline/stages.svg").text in drawn
    after = page_plots._drawn.cache_info()
    assert (after.hits, after.misses) == (before.hits + 1, before.misses)
    assert browser.get("/charts/huge/light/calibration.svg").status_code == 422
    assert (
        shown_dashboard.stranger().get("/charts/wide/light/calibration.svg", allow_redirects=False).status_code == 303
    )


def test_of_a_week_that_nobody_stored_nothing_is_claimed(dashboard) -> None:
    browser = dashboard.browser("leader")
    assert f"Not yet known: nothing is stored of {WEEK_BEFORE.day} March 2025" in browser.get("/pipeline").text
    assert "Not yet known" in browser.get("/pipeline/moves").text
    assert browser.get("/charts/wide/light/pipeline/movement.svg").status_code == 404
    assert rows_of(browser, "/pipeline/moves.csv") == []


@pytest.mark.parametrize(
    ("model_id", "told", "calibration"),
    [
        ("rules", "no interval is claimed", "promise nothing that could be held against them"),
        ("the base rate", "says nothing of the single deal", "there is nothing of a model to judge"),
    ],
)
def test_chances_that_no_model_gave_are_labelled_and_promise_no_more(dashboard, model_id, told, calibration) -> None:
    base_rates = dashboard.warehouse.read("SELECT model_id FROM insight.models WHERE kind = 'base_rate'")["model_id"]
    model_id = model_id if model_id == "rules" else str(base_rates[0])
    for table in ("prediction_ledger", "scoring_runs"):
        dashboard.warehouse.execute(
            f"UPDATE insight.{table} SET model_id = $1, is_fallback = true WHERE as_of_date = $2::text::date"
            " AND run_id = (SELECT run_id FROM insight.scoring_runs ORDER BY as_of_date DESC, scored_at DESC LIMIT 1)",
            (model_id, LAST_DAY.isoformat()),
        )
    browser = dashboard.browser("leader")
    shown = browser.get("/pipeline").text
    assert told in shown
    assert calibration in shown
    assert ("95 % interval" in shown) == (model_id != "rules")
    assert ("risk=AT_RISK" in shown) == (model_id == "rules")
    assert browser.get("/charts/wide/light/calibration.svg").status_code == 404


def test_before_the_first_night_the_pipeline_says_what_to_do(empty_dashboard) -> None:
    browser = empty_dashboard.browser("engineer")
    for address in ("/pipeline", "/pipeline/moves"):
        assert "salesinsight nightly" in browser.get(address).text
    for address in ("pipeline/movement", "pipeline/stages", "calibration"):
        assert browser.get(f"/charts/wide/light/{address}.svg").status_code == 404
    assert rows_of(browser, "/pipeline.csv") == []
