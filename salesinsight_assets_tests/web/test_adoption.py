"""The success measures: as the tables have them, of the team for its manager, of the company for those above, not for reps."""

import csv
import html
import io
import json
from datetime import timedelta

import pytest

from salesinsight_assets.domain.reports.business_review import BusinessReview
from salesinsight_assets.domain.reports.measures import Figure, Measure
from salesinsight_assets.domain.shares import share
from salesinsight_assets_tests.conftest import LAST_DAY
from salesinsight_assets_tests.web.conftest import dashboard_on

pytestmark = pytest.mark.slow
TARGETS = {
    "Reps on the dashboard weekly": "80%",
    "Alert e-mails opened": "60%",
    "Alerts acted on": "30%",
    "Alerts called helpful": "",
    "Lift of alerts on what is acted on": "above 0",
    "Lift of alerts on the win rate": "above 0",
}
REVIEWED = (
    Measure("AUC by month 6", "above 0.55", Figure(0.81, 0.78, 0.84, 910), 0.55, style="number"),
    Measure("Win rate", "3 points up", Figure(0.012, -0.03, 0.05, 400), 0.03, style="points", needed=4336, change="3 points"),
    Measure("Sales cycle of won deals", "10% shorter", None, -0.1, is_less_better=True, because="no alert was sent yet"),
    Measure("Alerts acted on", "30%", Figure(0.5, 0.4, 0.6, 100), 0.3),
)  # fmt: skip


def rows_of(browser) -> dict[str, dict[str, str]]:
    answer = browser.get("/adoption.csv")
    assert answer.status_code == 200, answer.text
    return {row["measure"]: row for row in csv.DictReader(io.StringIO(answer.text))}


def shown(browser) -> str:
    answer = browser.get("/adoption")
    assert answer.status_code == 200, answer.text
    return html.unescape(answer.text)


def numbers(row: dict[str, str]) -> tuple[float, ...]:
    return tuple(float(row[name]) for name in ("value", "low", "high", "n"))


def store_rates(dashboard, rates: dict[str, tuple[int, int, int, int]]) -> None:
    """Rates of reps as of a day after the latest: deals told of, acted on, verdicts, helpful."""
    for rep, counts in rates.items():
        dashboard.warehouse.execute(
            "INSERT INTO insight.alert_rates (as_of_date, dimension, segment, n_deals, acted_on, verdicts, helpful)"
            " SELECT max(as_of_date) + 1, 'rep', $1, $2, $3, $4, $5 FROM insight.alert_rates WHERE as_of_date <= $6::text::date",
            (rep, *counts, LAST_DAY.isoformat()),
        )


def test_the_company_reads_the_numbers_of_the_tables(shown_dashboard) -> None:
    store = shown_dashboard.warehouse
    found = rows_of(shown_dashboard.browser("leader"))
    assert {name: found[name]["target"] for name in TARGETS} == TARGETS
    rates = store.read("SELECT * FROM insight.alert_rates WHERE dimension = 'all' ORDER BY as_of_date").iloc[-1]
    expected = (rates["acted_rate"], rates["acted_low"], rates["acted_high"], rates["n_deals"])
    assert numbers(found["Alerts acted on"]) == pytest.approx(expected)
    lift = store.read("SELECT * FROM insight.alert_lift WHERE measure = 'acted on' ORDER BY as_of_date").iloc[-1]
    assert found["Lift of alerts on what is acted on"]["because"] == lift["finding"]
    page = shown(shown_dashboard.browser("engineer"))
    for part in (
        lift["finding"],
        f"{rates['acted_rate']:.0%}</b>",
        f"{rates['acted_low']:.0%} to {rates['acted_high']:.0%}",
    ):
        assert part in page
    assert {"AUC by month 6", "Win rate", "Sales cycle of won deals", "Forecast accuracy"} < set(found)
    opened = found["Alert e-mails opened"]
    assert (opened["value"], opened["n"], opened["verdict"]) == ("", "0", "not yet known")
    assert opened["because"] in page


def test_reps_who_looked_in_a_week_count_once_for_those_above_them(shown_dashboard) -> None:
    for _ in range(2):
        shown_dashboard.browser("rep").get("/deals")
    for role in ("manager", "leader"):
        ids = {row["owner_id"] for row in owners(shown_dashboard, role)}
        looked = shown_dashboard.warehouse.read("SELECT DISTINCT user_id FROM engagement.visits")["user_id"]
        expected = share(len(ids & set(looked)), len(ids))
        assert expected
        assert shown_dashboard.user_id("rep") in set(looked)
        row = rows_of(shown_dashboard.browser(role))["Reps on the dashboard weekly"]
        assert numbers(row) == (expected.rate, expected.low, expected.high, expected.n)


def weeks_of(browser) -> list[dict[str, str]]:
    answer = browser.get("/adoption/weeks.csv")
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text)))


def test_who_looked_is_told_week_by_week_of_those_whom_one_sees(dashboard) -> None:
    store, rep, foreign = dashboard.warehouse, dashboard.user_id("rep"), dashboard.owner_of_another_team()
    today = dashboard.now.date()
    for who, ago in ((rep, 20), (rep, 14), (rep, 7), (foreign, 7), ("who owns no deal", 0), (foreign, 500)):
        store.execute(
            "INSERT INTO engagement.visits (day, email, user_id) VALUES ($1::text::date, $2, $2)",
            ((today - timedelta(days=ago)).isoformat(), who),
        )
    store.execute("DELETE FROM insight.open_opportunities WHERE as_of_date < $1::text::date", (LAST_DAY.isoformat(),))
    for ago in (7, 14):
        store.execute(
            "INSERT INTO insight.open_opportunities SELECT (jsonb_populate_record(o, jsonb_build_object('as_of_date', $1))).*"
            " FROM insight.open_opportunities AS o WHERE as_of_date = $2::text::date",
            ((LAST_DAY - timedelta(days=ago)).isoformat(), LAST_DAY.isoformat()),
        )
    for role, looked in (("leader", ["1", "2", "0"]), ("manager", ["1", "1", "0"])):
        browser, reps = dashboard.browser(role), len(owners(dashboard, role))
        found = weeks_of(browser)
        assert [row["until"] for row in found] == [str(today - timedelta(days=ago)) for ago in (14, 7, 0)]
        assert [row["looked"] for row in found] == looked
        assert {row["reps"] for row in found} == {str(reps)}
        expected = share(int(looked[1]), reps)
        assert expected
        assert tuple(float(found[1][name]) for name in ("rate", "low", "high")) == (
            expected.rate,
            expected.low,
            expected.high,
        )
        page = shown(browser)
        assert f"{expected.low:.0%} to {expected.high:.0%}" in page.split("Week by week")[1]
        assert "/charts/narrow/dark/adoption/weeks.svg" in page
        for look in ("wide/light", "narrow/dark"):
            drawn = browser.get(f"/charts/{look}/adoption/weeks.svg")
            assert drawn.headers["Content-Type"] == "image/svg+xml"
            assert f"{today.day} {today:%b}" in drawn.text


def owners(dashboard, role) -> list[dict]:
    """Owners of open deals whom somebody sees."""
    below = "" if role == "leader" else "AND (u.manager_id = $2 OR u.id = $2)"
    return dashboard.warehouse.read(
        "SELECT DISTINCT s.owner_id FROM insight.opportunity_scores AS s JOIN crm.users AS u ON u.id = s.owner_id"
        f" AND u.valid_to IS NULL WHERE s.as_of_date = $1::text::date {below}",
        (LAST_DAY.isoformat(), *([dashboard.user_id(role)] if below else [])),
    ).to_dict("records")


def test_a_manager_reads_of_the_team_alone_and_nothing_on_few_deals(dashboard) -> None:
    rep, foreign = dashboard.user_id("rep"), dashboard.owner_of_another_team()
    store_rates(dashboard, {rep: (30, 12, 8, 6), foreign: (90, 90, 90, 0)})
    browser = dashboard.browser("manager")
    found, acted = rows_of(browser), share(12, 30)
    assert acted
    assert numbers(found["Alerts acted on"]) == (acted.rate, acted.low, acted.high, 30)
    assert (found["Alerts acted on"]["whose"], found["Win rate"]["whose"]) == ("your team", "the whole company")
    helpful = found["Alerts called helpful"]
    assert (helpful["value"], helpful["because"]) == ("", "n = 8 verdicts: too few to say anything of a team")
    assert helpful["because"] in shown(browser)


def test_what_became_of_sales_is_that_of_the_latest_review(dashboard) -> None:
    review = BusinessReview(LAST_DAY, None, None, (), REVIEWED, ())
    dashboard.warehouse.execute(
        "UPDATE insight.reports SET figures = $1::text::jsonb WHERE report = 'business_review'",
        (json.dumps(review.headline),),
    )
    browser = dashboard.browser("leader")
    found, page = rows_of(browser), shown(browser)
    assert numbers(found["AUC by month 6"]) == (0.81, 0.78, 0.84, 910)
    assert [found[name]["verdict"] for name in ("AUC by month 6", "Win rate")] == ["met", "not yet known"]
    assert found["Sales cycle of won deals"]["because"] == "no alert was sent yet"
    assert found["AUC by month 6"]["as_of"] == LAST_DAY.isoformat()
    assert found["Alerts acted on"]["n"] != "100", "what is measured every day is not told as of the review"
    for part in (
        "0.78 to 0.84",
        "+1.2 pp",
        "-3.0 pp to +5.0 pp",
        "about 4,300 decided deals on each side to tell 3 points",
    ):
        assert part in page


def test_a_review_that_kept_no_measures_is_told_as_such(dashboard) -> None:
    dashboard.warehouse.execute(
        "UPDATE insight.reports SET figures = figures - 'measures' WHERE report = 'business_review'"
    )
    page = shown(dashboard.browser("leader"))
    assert f"The business review of {LAST_DAY:%-d %B %Y} was made before reviews kept their measures" in page
    assert "Not yet known: the business review" not in page


def test_a_rep_has_no_such_page(shown_dashboard) -> None:
    browser = shown_dashboard.browser("rep")
    addresses = ("/adoption", "/adoption.csv", "/adoption/weeks.csv", "/charts/wide/light/adoption/weeks.svg")
    assert [browser.get(address).status_code for address in addresses] == [404] * 4


def test_before_the_first_night_nothing_is_claimed(empty_dashboard) -> None:
    browser = empty_dashboard.browser("engineer")
    assert "Nothing has been worked out yet" in shown(browser)
    assert rows_of(browser) == {}
    assert weeks_of(browser) == []
    assert browser.get("/charts/wide/light/adoption/weeks.svg").status_code == 404


def test_without_alerts_and_review_nothing_is_known_yet(dashboard) -> None:
    for table in ("insight.alert_rates", "insight.alert_lift", "insight.reports", "engagement.visits"):
        dashboard.warehouse.execute(f"DELETE FROM {table}")
    with dashboard_on(dashboard.warehouse) as fresh:
        browser = fresh.browser("leader")
        found, page = rows_of(browser), shown(browser)
    assert set(found) == set(TARGETS)
    known = [name for name, row in found.items() if row["value"]]
    assert known == ["Reps on the dashboard weekly"], "that nobody looked is known"
    assert "Not yet known: the business review" in page
