"""The page of a deal: its numbers, its reasons, its alerts and answers, the rows behind it, and who sees them."""

import csv
import html
import io
from datetime import date, timedelta

import pytest

from salesinsight_assets.adapters.dashboard.deal_alerts import spans
from salesinsight_assets_tests.conftest import LAST_DAY

pytestmark = pytest.mark.slow
TABLES = ("scores", "features", "alerts", "fields", "changes", "stages", "activities", "competitors")


def rows_of(browser, address: str) -> list[dict[str, str]]:
    answer = browser.get(address)
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text)))


def addresses(deal: str) -> list[str]:
    files = [f"/deals/{deal}/{name}.csv" for name in TABLES]
    return [f"/deals/{deal}", f"/charts/wide/light/deals/{deal}/score.svg", *files]


def told(dashboard) -> dict:
    """An alert to send, whose owner is a rep."""
    rows = dashboard.warehouse.read(
        "SELECT a.opportunity_id, a.owner_id, a.rule, u.email FROM insight.rep_alerts AS a JOIN crm.users AS u ON u.id = a.owner_id"
        " AND u.valid_to IS NULL WHERE a.as_of_date = $1::text::date AND a.status = 'to_send' AND NOT EXISTS"
        " (SELECT FROM crm.users AS r WHERE r.manager_id = u.id AND r.valid_to IS NULL) ORDER BY a.rank",
        (LAST_DAY.isoformat(),),
    )
    return rows.iloc[0].to_dict()


def test_the_page_tells_what_the_night_found(shown_dashboard) -> None:
    deal = shown_dashboard.deals_of(shown_dashboard.user_id("rep"))[0]
    scores = shown_dashboard.warehouse.read(
        "SELECT s.*, s.reasons::text AS told, o.name, o.stage_name FROM insight.opportunity_scores AS s"
        " JOIN insight.open_opportunities AS o USING (as_of_date, opportunity_id)"
        " WHERE as_of_date = $1::text::date AND opportunity_id = $2",
        (LAST_DAY.isoformat(), deal),
    ).iloc[0]
    shown = html.unescape(shown_dashboard.browser("rep").get(f"/deals/{deal}").text)
    for part in (
        scores["name"],
        f"Why {scores['win_probability']:.0%}",
        f"{scores['amount']:,.0f}",
        scores["stage_name"],
    ):
        assert part in shown
    reasons = shown_dashboard.warehouse.read(
        "SELECT r ->> 'text' AS text FROM insight.opportunity_scores AS s, jsonb_array_elements(s.reasons) AS r"
        " WHERE s.as_of_date = $1::text::date AND s.opportunity_id = $2",
        (LAST_DAY.isoformat(), deal),
    )["text"]
    assert len(reasons)
    assert [text for text in reasons if f"<li>{text}</li>" not in shown] == []


def test_its_scores_are_those_that_people_were_shown(shown_dashboard) -> None:
    deal = shown_dashboard.deals_of(shown_dashboard.user_id("rep"))[0]
    ledger = shown_dashboard.warehouse.read(
        "SELECT as_of_date, win_probability FROM insight.opportunity_scores WHERE opportunity_id = $1 ORDER BY 1",
        (deal,),
    )
    found = rows_of(shown_dashboard.browser("rep"), f"/deals/{deal}/scores.csv")
    assert [float(row["win_probability"]) for row in found] == ledger["win_probability"].tolist()
    assert [row["as_of_date"] for row in found] == [f"{day:%Y-%m-%d}" for day in ledger["as_of_date"]]


def test_its_tables_hold_the_rows_of_the_warehouse(shown_dashboard) -> None:
    deal = told(shown_dashboard)["opportunity_id"]
    browser, store = shown_dashboard.browser("leader"), shown_dashboard.warehouse
    current = "valid_to IS NULL AND NOT coalesce(is_deleted, false)"
    counts = {
        "alerts": "insight.rep_alerts WHERE opportunity_id = $1",
        "changes": f"crm.opportunity_field_history WHERE opportunity_id = $1 AND data_type IS DISTINCT FROM 'EntityId' AND {current}",
        "stages": f"crm.opportunity_history WHERE opportunity_id = $1 AND {current}",
        "competitors": f"crm.competitors WHERE opportunity_id = $1 AND {current}",
        "activities": f"(SELECT what_id, valid_to, is_deleted FROM crm.tasks UNION ALL SELECT what_id, valid_to, is_deleted"
        f" FROM crm.events) AS a WHERE what_id = $1 AND {current}",
    }
    for name, rows in counts.items():
        expected = int(store.read(f"SELECT count(*) AS n FROM {rows}", (deal,))["n"][0])
        assert len(rows_of(browser, f"/deals/{deal}/{name}.csv")) == expected, name
    fields = {row["field"]: row["value"] for row in rows_of(browser, f"/deals/{deal}/fields.csv")}
    row = store.read("SELECT name, stage_name FROM crm.opportunities WHERE id = $1 AND valid_to IS NULL", (deal,)).iloc[
        0
    ]
    assert (fields["Id"], fields["Name"], fields["StageName"]) == (deal, row["name"], row["stage_name"])
    assert browser.get(f"/deals/{deal}/everything.csv").status_code == 404


def test_who_sees_a_deal_sees_all_of_it(shown_dashboard) -> None:
    deal = shown_dashboard.deals_of(shown_dashboard.user_id("rep"))[0]
    for role in shown_dashboard.people:
        browser = shown_dashboard.browser(role)
        assert [browser.get(address).status_code for address in addresses(deal)] == [200] * len(addresses(deal)), role


def test_a_foreign_deal_is_no_page_no_picture_and_no_file(shown_dashboard) -> None:
    (foreign, *_) = shown_dashboard.deals_of(shown_dashboard.owner_of_another_team())
    for role in ("rep", "manager"):
        browser = shown_dashboard.browser(role)
        for address in addresses(foreign):
            assert browser.get(address).status_code == 404, address
        form = {"answer": "helpful", "day": LAST_DAY.isoformat()}
        assert browser.post(f"/deals/{foreign}/answers", data=form).status_code == 404
    assert shown_dashboard.browser("leader").get(f"/deals/{foreign}").status_code == 200
    assert shown_dashboard.browser("leader").get("/deals/006000000000000AAA").status_code == 404


def test_a_closed_deal_is_shown_to_its_owner_in_the_crm(shown_dashboard) -> None:
    closed = shown_dashboard.warehouse.read(
        "SELECT id, owner_id FROM crm.opportunities WHERE valid_to IS NULL AND is_closed AND NOT is_deleted AND owner_id = ANY(ARRAY[$1, $2])"
        " ORDER BY system_modstamp DESC",
        (shown_dashboard.user_id("rep"), shown_dashboard.owner_of_another_team()),
    )
    is_own = closed["owner_id"] == shown_dashboard.user_id("rep")
    own, foreign = closed.loc[is_own, "id"].iloc[0], closed.loc[~is_own, "id"].iloc[0]
    browser = shown_dashboard.browser("rep")
    assert "not open any more" in browser.get(f"/deals/{own}").text
    assert browser.get(f"/deals/{foreign}").status_code == 404


def test_an_alert_that_was_not_sent_says_why(shown_dashboard) -> None:
    rows = shown_dashboard.warehouse.read(
        "SELECT DISTINCT ON (status) opportunity_id, status, suppressed_because FROM insight.rep_alerts"
        " WHERE as_of_date = $1::text::date AND status <> 'to_send' ORDER BY status, rank",
        (LAST_DAY.isoformat(),),
    )
    assert set(rows["status"]) >= {"suppressed"}
    for row in rows.to_dict("records"):
        shown = html.unescape(shown_dashboard.browser("leader").get(f"/deals/{row['opportunity_id']}").text)
        because = row["suppressed_because"] if row["status"] == "suppressed" else "held out, to measure"
        assert f"Not sent: {because}" in shown


def test_what_changed_in_salesforce_since_the_night_is_said(dashboard) -> None:
    deal = dashboard.deals_of(dashboard.user_id("rep"))[0]
    browser = dashboard.browser("rep")
    assert "Changed in Salesforce since" not in browser.get(f"/deals/{deal}").text
    dashboard.warehouse.execute(
        "UPDATE crm.opportunities SET stage_name = 'Closed Won', owner_id = 'somebody else' WHERE id = $1 AND valid_to IS NULL",
        (deal,),
    )
    shown = browser.get(f"/deals/{deal}").text
    assert "stage is now Closed Won" in shown
    assert "owner is now nobody" in shown


def test_scores_by_rules_are_labelled_and_their_reasons_stand_apart(dashboard) -> None:
    deal = dashboard.deals_of(dashboard.user_id("rep"))[0]
    dashboard.warehouse.execute(
        "UPDATE insight.prediction_ledger SET model_id = 'rules', is_fallback = true, reasons = (SELECT jsonb_agg("
        " jsonb_build_object('text', 'It is a test', 'fact', 'age', 'direction', 'against', 'source', 'rule', 'value', 1, 'norm', 2)))"
        " WHERE opportunity_id = $1",
        (deal,),
    )
    shown = dashboard.browser("rep").get(f"/deals/{deal}").text
    assert "scored by rules, not by a model" in shown
    assert "hollow points" in shown
    assert shown.index("Checked by rule, not found by the model") < shown.index("<li>It is a test</li>")


def answers(dashboard, table: str) -> list[dict]:
    return dashboard.warehouse.read(f"SELECT * FROM engagement.{table}").to_dict("records")


def test_the_owner_answers_once_however_often_the_button_is_pressed(dashboard) -> None:
    alert = told(dashboard)
    browser, address = dashboard.browser_of(alert["email"]), f"/deals/{alert['opportunity_id']}"
    assert 'value="helpful"' in browser.get(address).text
    for answer in ("helpful", "helpful", "not_helpful"):
        found = browser.post(f"{address}/answers", data={"answer": answer, "day": LAST_DAY.isoformat()})
        assert found.url.endswith(f"{address}#answers")
    (verdict,) = answers(dashboard, "verdicts")
    kept = ("opportunity_id", "owner_id", "rule", "verdict", "channel", "message_key")
    assert [verdict[name] for name in kept] == [
        alert["opportunity_id"], alert["owner_id"], alert["rule"], "not_helpful", "dashboard", f"digest:{LAST_DAY}:{alert['owner_id']}",
    ]  # fmt: skip
    assert "Thank you. A rule whose alerts nobody finds helpful is changed." in browser.get(address).text
    assert "<b>not helpful</b>" in dashboard.browser("leader").get(address).text


def test_a_snooze_holds_until_it_is_taken_back(dashboard) -> None:
    alert = told(dashboard)
    browser, address = dashboard.browser_of(alert["email"]), f"/deals/{alert['opportunity_id']}"
    browser.post(f"{address}/answers", data={"answer": "snooze", "day": LAST_DAY.isoformat()})
    assert "Snoozed until 8 April 2025." in browser.get(address).text
    dashboard.now += timedelta(minutes=1)
    browser.post(f"{address}/answers", data={"answer": "tell_me_again", "day": LAST_DAY.isoformat()})
    shown = browser.get(address).text
    assert "Snoozed until" not in shown
    assert "taken back" in shown
    (silence,) = answers(dashboard, "silences")
    assert silence["kind"] == "snooze"


def test_nobody_answers_in_place_of_the_owner(dashboard) -> None:
    alert = told(dashboard)
    address, form = f"/deals/{alert['opportunity_id']}", {"answer": "helpful", "day": LAST_DAY.isoformat()}
    for role in ("manager", "leader", "engineer"):
        browser = dashboard.browser(role)
        assert "/answers" not in browser.get(address).text
        assert browser.post(f"{address}/answers", data=form).status_code == 404
    owner = dashboard.browser_of(alert["email"])
    assert owner.post(f"{address}/answers", data={**form, "day": "2025-03-01"}).status_code == 404
    assert owner.post(f"{address}/answers", data={**form, "answer": "unsubscribe"}).status_code == 422
    foreign = {"Sec-Fetch-Site": "cross-site"}
    assert owner.post(f"{address}/answers", data=form, headers=foreign).status_code == 403
    assert dashboard.stranger().post(f"{address}/answers", data=form, allow_redirects=False).status_code == 303
    assert answers(dashboard, "verdicts") == []


def test_an_alert_is_too_old_to_answer_when_its_links_are(dashboard) -> None:
    alert = told(dashboard)
    dashboard.now += timedelta(days=60)
    browser, address = dashboard.browser_of(alert["email"]), f"/deals/{alert['opportunity_id']}"
    form = {"answer": "helpful", "day": LAST_DAY.isoformat()}
    assert browser.post(f"{address}/answers", data=form).status_code == 404
    assert "/answers" not in browser.get(address).text


def test_before_the_first_night_a_deal_says_what_to_do(empty_dashboard) -> None:
    browser = empty_dashboard.browser("engineer")
    assert "salesinsight nightly" in browser.get("/deals/006A").text
    assert [browser.get(address).status_code for address in addresses("006A")[1:]] == [404] * 9


def alert_row(
    day: int, status: str = "suppressed", because: str | None = "over the limit", rule: str = "slow_deal"
) -> dict:
    return {
        "as_of_date": date(2025, 3, day),
        "owner_id": "005A",
        "rule": rule,
        "status": status,
        "suppressed_because": because,
    }


def test_days_that_say_the_same_of_an_alert_are_one() -> None:
    rows = [
        alert_row(9, "to_send", None),
        *(alert_row(day) for day in (8, 7, 6)),
        alert_row(4),
        alert_row(3, because="told"),
    ]
    other = [alert_row(day, rule="likely_loss") for day in (9, 8)]
    mixed = sorted([*rows, *other], key=lambda row: row["as_of_date"], reverse=True)
    found = [(span.first.day, span.last.day, span.row["rule"], span.row["status"]) for span in spans(mixed)]
    assert found == [
        (9, 9, "slow_deal", "to_send"),
        (8, 9, "likely_loss", "suppressed"),
        (6, 8, "slow_deal", "suppressed"),
        (4, 4, "slow_deal", "suppressed"),
        (3, 3, "slow_deal", "suppressed"),
    ]
