"""What needs a rep today: the same deals in the same words as in the digest, and what becomes of a card that is answered."""

import csv
import html
import io
import json

import pytest

from salesinsight_assets.web import today
from salesinsight_assets_tests.conftest import LAST_DAY
from salesinsight_assets_tests.web.conftest import dashboard_on

pytestmark = pytest.mark.slow


def rows_of(browser) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(browser.get("/today.csv").text)))


def reps_told(dashboard) -> dict[str, list[str]]:
    """The deals to tell, by the e-mail address of the rep."""
    rows = dashboard.warehouse.read(
        "SELECT u.email, a.opportunity_id FROM insight.rep_alerts AS a JOIN crm.users AS u ON u.id = a.owner_id AND u.valid_to IS NULL"
        " WHERE a.as_of_date = $1::text::date AND a.status = 'to_send' ORDER BY a.rank",
        (LAST_DAY.isoformat(),),
    )
    return {str(email): of["opportunity_id"].tolist() for email, of in rows.groupby("email", sort=False)}


def digests(dashboard) -> dict[str, dict]:
    """What the digest of each rep tells of each deal."""
    rows = dashboard.warehouse.read(
        "SELECT payload::text AS payload FROM engagement.outbox WHERE as_of_date = $1::text::date AND message_key LIKE 'digest:%'",
        (LAST_DAY.isoformat(),),
    )
    return {deal["opportunity_id"]: deal["content"] for text in rows["payload"] for deal in json.loads(text)["deals"]}


def a_rep(dashboard) -> tuple[str, list[str]]:
    return next(iter(reps_told(dashboard).items()))


def test_a_rep_reads_the_deals_and_the_words_of_the_digest(shown_dashboard) -> None:
    told = digests(shown_dashboard)
    assert told
    for email, deals in list(reps_told(shown_dashboard).items())[:3]:
        shown = html.unescape(shown_dashboard.browser_of(email).get("/today").text)
        assert shown.count("<article") == len(deals) <= 3
        assert f"{len(deals)} deal" in shown
        for deal in deals:
            content = told[deal]
            for text in (*content["against"][:3], *content["in_favour"][:2], *content["actions"]):
                assert f"<li>{text}</li>" in shown
            assert f'href="/deals/{deal}">{content["name"]}</a>' in shown


def test_words_are_the_same_where_nothing_was_queued(dashboard) -> None:
    email, deals = a_rep(dashboard)
    queued, shown = rows_of(dashboard.browser_of(email)), dashboard.browser_of(email).get("/today").text
    dashboard.warehouse.execute("DELETE FROM engagement.outbox")
    assert len(queued) == len(deals)
    assert rows_of(dashboard.browser_of(email)) == queued
    assert dashboard.browser_of(email).get("/today").text == shown


def test_a_manager_sees_the_cards_of_the_team_by_rep_and_answers_none(shown_dashboard) -> None:
    browser = shown_dashboard.browser("manager")
    shown, rows = browser.get("/today").text, rows_of(browser)
    seen = {deal for owner in _team(shown_dashboard) for deal in shown_dashboard.deals_of(owner)}
    expected = {deal for deals in reps_told(shown_dashboard).values() for deal in deals if deal in seen}
    assert {row["opportunity_id"] for row in rows} == expected
    assert shown.count('class="rep"') == len({row["owner_name"] for row in rows})
    assert "/answers" not in shown
    assert "Not answered yet." in shown


def test_of_many_cards_those_with_the_most_at_stake_are_shown_and_all_are_in_the_file(
    shown_dashboard, monkeypatch
) -> None:
    monkeypatch.setattr(today, "_MOST_SHOWN", 2)
    leader = shown_dashboard.browser("leader")
    rows, shown = rows_of(leader), leader.get("/today").text
    assert len(rows) > 2
    assert f"{len(rows)} deals need someone today" in shown
    assert "the 2 with the most at stake are shown" in shown
    assert shown.count("<article") == 2
    assert all(f"/deals/{row['opportunity_id']}" in shown for row in rows[:2])


def _team(dashboard) -> list[str]:
    me = dashboard.user_id("manager")
    rows = dashboard.warehouse.read(
        "SELECT id FROM crm.users WHERE valid_to IS NULL AND (manager_id = $1 OR id = $1)", (me,)
    )
    return rows["id"].tolist()


def test_each_card_has_one_thing_to_do(shown_dashboard) -> None:
    email, deals = a_rep(shown_dashboard)
    shown = shown_dashboard.browser_of(email).get("/today").text
    assert shown.count("button first") == shown.count("Open the deal") == len(deals)
    salesforce = {"SALESFORCE_LOGIN_URL": "https://acme.my.salesforce.com", "SALESFORCE_CLIENT_ID": "x"}
    with dashboard_on(shown_dashboard.warehouse, **salesforce) as configured:
        shown = configured.browser_of(email).get("/today").text
    assert shown.count("button first") == shown.count("Open in Salesforce") == len(deals)
    assert f"https://acme.my.salesforce.com/{deals[0]}" in shown


def test_an_answered_card_says_so_and_offers_what_comes_next(dashboard) -> None:
    email, (deal, *_) = a_rep(dashboard)
    browser, form = dashboard.browser_of(email), {"day": LAST_DAY.isoformat(), "then": "today"}
    found = browser.post(f"/deals/{deal}/answers", data={**form, "answer": "helpful"})
    assert found.url.endswith(f"/today#card-{deal}")
    assert "Thank you. More such alerts are worth sending." in found.text
    assert f'id="card-{deal}"' in found.text
    found = browser.post(f"/deals/{deal}/answers", data={**form, "answer": "snooze"})
    assert "Snoozed until 8 April 2025." in found.text
    assert "Undo: tell me of it again" in found.text
    assert 'class="card HIGH quiet"' in found.text or 'class="card MEDIUM quiet"' in found.text
    row = next(row for row in rows_of(dashboard.browser("leader")) if row["opportunity_id"] == deal)
    assert (row["verdict"], row["silence"]) == ("helpful", "snooze")
    assert "asked not to be told of it" in dashboard.browser("leader").get("/today").text


def test_a_day_without_an_alert_says_so_and_shows_where_most_can_be_lost(dashboard) -> None:
    dashboard.warehouse.execute("UPDATE insight.rep_alerts SET status = 'suppressed', suppressed_because = 'a test'")
    browser = dashboard.browser("rep")
    shown = browser.get("/today").text
    assert "Nothing needs you today" in shown
    ranked = [row["opportunity_id"] for row in csv.DictReader(io.StringIO(browser.get("/deals.csv").text))]
    assert [deal for deal in ranked if f"/deals/{deal}" in shown] == ranked[:3]
    assert rows_of(browser) == []
    dashboard.warehouse.execute("DELETE FROM insight.alert_days")
    assert "are not worked out yet" in browser.get("/today").text


def test_a_rep_never_sees_a_card_of_somebody_else(shown_dashboard) -> None:
    told = reps_told(shown_dashboard)
    assert len(told) > 1
    for email, deals in told.items():
        rows = rows_of(shown_dashboard.browser_of(email))
        if email not in shown_dashboard.people.values():
            assert {row["opportunity_id"] for row in rows} == set(deals)


def test_before_the_first_night_today_says_what_to_do(empty_dashboard) -> None:
    browser = empty_dashboard.browser("engineer")
    assert "salesinsight nightly" in browser.get("/today").text
    assert rows_of(browser) == []
