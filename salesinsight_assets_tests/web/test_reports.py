"""The reports on the dashboard: who reads which, and that they are the stored ones."""

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import timedelta

import pytest

from salesinsight_assets.adapters.warehouse import Warehouse
from salesinsight_assets_tests.conftest import LAST_DAY
from salesinsight_assets_tests.web.conftest import Dashboard, dashboard_on, split_the_team

pytestmark = pytest.mark.slow
COMPANY = f"/reports/{LAST_DAY}/pipeline_health/company"
FILES = ("", "/page.html", "/figures.csv")
OLDER = 30
"""Reports of days before, so that the list has two pages."""


@pytest.fixture(scope="module")
def readers(kept_database, night_database) -> Iterator[Dashboard]:
    """A rep gets two reports by mail, one of them that of every manager; each manager has a report, and there are older ones."""
    warehouse = Warehouse(kept_database("reported", night_database))
    split_the_team(warehouse)
    _copy_reports(warehouse)
    with dashboard_on(warehouse) as made:
        rep = made.people["rep"]
    toml = {"reports": {"business_review": [rep.upper()], "rep_performance": [rep]}}
    with dashboard_on(warehouse, toml) as made:
        yield made
    warehouse.close()


def _copy_reports(warehouse: Warehouse) -> None:
    copied = (
        "INSERT INTO insight.reports SELECT (r.changed).* FROM (SELECT jsonb_populate_record(t, {changes}) AS changed"
        " FROM insight.reports AS t{source} WHERE {which}) AS r"
    )
    manager = "jsonb_build_object('audience', u.manager_id, 'title', 'of the other team')"
    warehouse.execute(
        copied.format(
            changes=manager,
            source=" JOIN (SELECT DISTINCT manager_id FROM crm.users WHERE valid_to IS NULL AND manager_id IS NOT NULL) AS u ON NOT"
            " EXISTS (SELECT FROM insight.reports AS o WHERE o.report = 'rep_performance' AND o.audience = u.manager_id)",
            which="t.audience = (SELECT min(audience) FROM insight.reports WHERE report = 'rep_performance')",
        )
    )
    for ago in range(1, OLDER + 1):
        day = LAST_DAY - timedelta(days=ago)
        changes = f"'{json.dumps({'as_of_date': day.isoformat()})}'::jsonb"
        warehouse.execute(
            copied.format(changes=changes, source="", which=f"as_of_date = '{LAST_DAY}' AND report = 'model_check'")
        )


def listed(browser, query: str = "") -> set[tuple[str, str]]:
    answer = browser.get(f"/reports.csv{query}")
    assert answer.status_code == 200, answer.text
    return {(row["report"], row["audience"]) for row in csv.DictReader(io.StringIO(answer.text))}


def statuses(browser, report: str) -> list[int]:
    return [browser.get(f"{report}{file}").status_code for file in FILES]


def test_leaders_read_all_and_managers_their_own(shown_dashboard) -> None:
    stored = shown_dashboard.warehouse.read("SELECT report, audience FROM insight.reports")
    everything = set(stored.itertuples(index=False, name=None))
    manager = shown_dashboard.user_id("manager")
    own = {(report, audience) for report, audience in everything if audience == manager}
    assert own
    shown = {role: listed(shown_dashboard.browser(role)) for role in ("manager", "leader", "engineer")}
    assert shown == {"manager": own, "leader": everything, "engineer": everything}


def test_a_rep_has_no_reports_and_nothing_in_the_menu_that_leads_there(shown_dashboard) -> None:
    browser = shown_dashboard.browser("rep")
    assert [browser.get(path).status_code for path in ("/reports", "/reports.csv")] == [404, 404]
    assert 'href="/reports"' not in browser.get("/deals").text
    assert 'href="/reports"' in shown_dashboard.browser("manager").get("/deals").text


def test_who_is_listed_reads_what_is_mailed_there_but_no_manager_s_report(readers) -> None:
    browser = readers.browser("rep")
    assert 'href="/reports"' in browser.get("/deals").text
    assert listed(browser) == {("business_review", "company")}
    assert statuses(browser, f"/reports/{LAST_DAY}/business_review/company") == [200, 200, 200]
    assert statuses(browser, COMPANY) == [404, 404, 404]
    assert statuses(browser, f"/reports/{LAST_DAY}/rep_performance/{readers.user_id('manager')}") == [404, 404, 404]


def test_another_manager_s_report_is_not_there(readers) -> None:
    manager = readers.user_id("manager")
    others = readers.warehouse.read(
        "SELECT audience FROM insight.reports WHERE report = 'rep_performance' AND audience <> $1", (manager,)
    )["audience"]
    theirs = f"/reports/{LAST_DAY}/rep_performance/{others[0]}"
    assert statuses(readers.browser("manager"), theirs) == [404, 404, 404]
    assert statuses(readers.browser("leader"), theirs) == [200, 200, 200]
    assert listed(readers.browser("manager")) == {("rep_performance", manager)}


def test_a_report_is_shown_as_it_was_made(shown_dashboard) -> None:
    (stored,) = shown_dashboard.warehouse.read(
        "SELECT title, page FROM insight.reports WHERE report = 'pipeline_health' AND audience = 'company'"
    ).to_dict("records")
    browser = shown_dashboard.browser("leader")
    assert stored["title"] in browser.get(COMPANY).text
    page = browser.get(f"{COMPANY}/page.html")
    assert page.text == stored["page"]
    assert page.headers["content-security-policy"].startswith(
        "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
    )


def test_the_file_of_figures_holds_every_headline_figure(shown_dashboard) -> None:
    (stored,) = shown_dashboard.warehouse.read(
        "SELECT figures::text AS figures FROM insight.reports WHERE report = 'pipeline_health' AND audience = 'company'"
    )["figures"].map(json.loads)
    rows = csv.DictReader(io.StringIO(shown_dashboard.browser("leader").get(f"{COMPANY}/figures.csv").text))
    told = {row["figure"]: row["value"] for row in rows}
    plain = {name: value for name, value in stored.items() if not isinstance(value, list | dict | None)}
    assert told == {name: str(value) for name, value in plain.items()}
    assert len(told) > 3


def test_a_choice_of_report_holds_for_list_and_file(shown_dashboard) -> None:
    browser = shown_dashboard.browser("leader")
    page = browser.get("/reports?name=model_check").text
    assert set(re.findall(rf"/reports/{LAST_DAY}/(\w+)/", page)) == {"model_check"}
    assert 'href="/reports.csv?name=model_check"' in page
    assert listed(browser, "?name=model_check") == {("model_check", "company")}
    assert browser.get("/reports?name=nonsense").status_code == 422


def test_a_long_list_has_pages_that_hold_each_report_once(readers) -> None:
    browser = readers.browser("leader")
    first = browser.get("/reports").text
    (following,) = re.findall(r'<a href="(/reports\?[^"]+)"[^>]*>Next<', first)
    shown = re.findall(r'"(/reports/\d[^"]+)"', first + browser.get(following).text)
    rows = csv.DictReader(io.StringIO(browser.get("/reports.csv").text))
    assert shown == [f"/reports/{row['as_of_date']}/{row['report']}/{row['audience']}" for row in rows]
    assert len(shown) > OLDER


def test_a_report_that_is_not_for_somebody_is_not_there(shown_dashboard) -> None:
    for role in ("rep", "manager"):
        assert statuses(shown_dashboard.browser(role), COMPANY) == [404, 404, 404], role


def test_before_the_first_report_the_page_says_when_it_comes(empty_dashboard) -> None:
    browser = empty_dashboard.browser("engineer")
    assert "No reports yet" in browser.get("/reports").text
    assert "No such report yet" in browser.get("/reports?name=model_check").text
    assert browser.get("/reports.csv").text == "as_of_date,report,audience,audience_name,title,made_at\n"
    assert statuses(browser, COMPANY) == [404, 404, 404]
