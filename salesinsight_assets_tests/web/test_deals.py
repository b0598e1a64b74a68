"""The list of deals: whose, in which order, chosen how, and as a file."""

import csv
import io

import pytest

from salesinsight_assets.adapters.dashboard.rows import Database, Rows
from salesinsight_assets.domain.access.viewer import Identity, Viewer
from salesinsight_assets_tests.conftest import LAST_DAY

pytestmark = pytest.mark.slow


def rows_of(browser, query: str = "") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(browser.get(f"/deals.csv{query}").text)))


def test_each_sees_the_deals_along_the_hierarchy(dashboard) -> None:
    scores = dashboard.warehouse.partition("opportunity_scores", LAST_DAY)
    own = set(dashboard.deals_of(dashboard.user_id("rep")))
    team = {deal for owner in _reports_to(dashboard) for deal in dashboard.deals_of(owner)}
    shown = {role: {row["opportunity_id"] for row in rows_of(dashboard.browser(role))} for role in dashboard.people}
    everything = set(scores["opportunity_id"])
    assert shown == {"rep": own, "manager": team, "leader": everything, "engineer": everything}
    assert own < team < everything


def _reports_to(dashboard) -> list[str]:
    rows = dashboard.warehouse.read(
        "SELECT id FROM crm.users WHERE valid_to IS NULL AND manager_id = $1", (dashboard.user_id("manager"),)
    )
    return rows["id"].tolist()


def test_the_largest_amount_at_risk_comes_first(dashboard) -> None:
    at_risk = [float(row["at_risk"]) for row in rows_of(dashboard.browser("leader")) if row["at_risk"]]
    assert at_risk == sorted(at_risk, reverse=True)
    assert len(at_risk) > 10


def test_a_choice_of_owner_cannot_show_a_foreign_deal(dashboard) -> None:
    foreign = dashboard.owner_of_another_team()
    assert rows_of(dashboard.browser("manager"), f"?owner={foreign}") == []
    assert rows_of(dashboard.browser("leader"), f"?owner={foreign}") != []


def test_deals_are_chosen_by_risk_stage_and_words(dashboard) -> None:
    browser = dashboard.browser("leader")
    everything = rows_of(browser)
    assert {row["risk_level"] for row in rows_of(browser, "?risk=HIGH")} == {"HIGH"}
    stage = everything[0]["stage_name"]
    assert {row["stage_name"] for row in rows_of(browser, f"?stage={stage}")} == {stage}
    name = everything[0]["name"]
    assert name in {row["name"] for row in rows_of(browser, f"?words={name[:5].lower()}")}
    assert rows_of(browser, "?words=%25") == []
    assert browser.get("/deals?risk=TERRIBLE").status_code == 422


def test_a_long_list_has_pages_that_hold_each_deal_once(dashboard) -> None:
    browser = dashboard.browser("leader")
    names = [row["opportunity_id"] for row in rows_of(browser)]
    pages = [browser.get(f"/deals?after={after}").text for after in range(0, len(names), 25)]
    assert [sum(f"/deals/{name}" in shown for shown in pages) for name in names] == [1] * len(names)


def test_what_is_taken_along_is_in_the_audit_log(dashboard) -> None:
    rows_of(dashboard.browser("rep"))
    log = dashboard.warehouse.exported("audit_log", None)
    (entry,) = log[log["event"] == "took rows along"].to_dict("records")
    assert entry["about"] == f"deals-{LAST_DAY}.csv: {len(dashboard.deals_of(dashboard.user_id('rep')))} rows"


def test_before_the_first_night_the_page_says_what_to_do(empty_dashboard) -> None:
    assert "salesinsight nightly" in empty_dashboard.browser("engineer").get("/deals").text


def test_a_query_that_does_not_say_whose_rows_it_reads_is_refused(warehouse) -> None:
    rows = Rows(Database(warehouse.url), Viewer(Identity("a@example.com", "A", "005A"), "rep", frozenset({"005A"})))
    with pytest.raises(ValueError, match="reads everyone's rows"):
        rows.rows("SELECT * FROM insight.opportunity_scores")
