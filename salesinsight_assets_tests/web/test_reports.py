"""The reports on the dashboard: who reads which, and that they are the stored ones."""

import csv
import io

import pytest

from salesinsight_assets_tests.conftest import LAST_DAY

pytestmark = pytest.mark.slow
COMPANY = f"/reports/{LAST_DAY}/pipeline_health/company"


def listed(browser) -> set[tuple[str, str]]:
    rows = csv.DictReader(io.StringIO(browser.get("/reports.csv").text))
    return {(row["report"], row["audience"]) for row in rows}


def test_leaders_read_all_managers_their_own_and_reps_none(shown_dashboard) -> None:
    stored = shown_dashboard.warehouse.read("SELECT report, audience FROM insight.reports")
    everything = set(stored.itertuples(index=False, name=None))
    manager = shown_dashboard.user_id("manager")
    own = {(report, audience) for report, audience in everything if audience == manager}
    assert own
    shown = {role: listed(shown_dashboard.browser(role)) for role in ("rep", "manager", "leader", "engineer")}
    assert shown == {"rep": set(), "manager": own, "leader": everything, "engineer": everything}


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
    assert "open deals" in browser.get(f"{COMPANY}/figures.csv").text


def test_a_report_that_is_not_for_somebody_is_not_there(shown_dashboard) -> None:
    for role in ("rep", "manager"):
        browser = shown_dashboard.browser(role)
        for path in (COMPANY, f"{COMPANY}/page.html", f"{COMPANY}/figures.csv"):
            assert browser.get(path).status_code == 404, (role, path)


def test_before_the_first_report_the_page_says_when_it_comes(empty_dashboard) -> None:
    assert "No reports yet" in empty_dashboard.browser("engineer").get("/reports").text
