"""Messages on their way: through a real mail server and slack_sdk, each once, none that is no longer true, none lost."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import dagster as dg
import pandas as pd
import pytest

from salesinsight_assets.adapters.warehouse.feedback_store import FeedbackStore
from salesinsight_assets.adapters.warehouse.outbox import Outbox
from salesinsight_assets.alarms import tell_of_messages
from salesinsight_assets.domain.delivery.texts import feedback_line
from salesinsight_assets.domain.feedback.answers import ToldAlert, from_button
from salesinsight_assets.domain.feedback.links import Links
from salesinsight_assets.domain.feedback.policy import FeedbackPolicy
from salesinsight_assets.resending import send_what_waits
from salesinsight_assets_tests.conftest import SMALL_MODEL, Platform
from salesinsight_assets_tests.scripted_mail import LOST_AFTER as MAIL_LOST_AFTER
from salesinsight_assets_tests.scripted_mail import ScriptedMail, scripted_mail
from salesinsight_assets_tests.scripted_slack import LOST_AFTER, LOST_BEFORE, ScriptedSlack, scripted_slack

BACKFILL = {"dagster/backfill": "b"}


@pytest.fixture
def mail(tmp_path) -> Iterator[ScriptedMail]:
    with scripted_mail(tmp_path) as server:
        yield server


@pytest.fixture
def slack() -> Iterator[ScriptedSlack]:
    with scripted_slack() as server:
        yield server


@pytest.fixture
def connected(platform_after_a_night: Platform, mail: ScriptedMail, slack: ScriptedSlack) -> Platform:
    """The platform after a night whose messages wait, with a mail server and Slack."""
    platform_after_a_night.set_environment(
        {
            "SMTP_URL": mail.url,
            "SSL_CERT_FILE": mail.ca_file,
            "MAIL_FROM": "SalesInsight <insight@example.com>",
            "SLACK_BOT_TOKEN": "xoxb-of-a-test",
            "SLACK_API_URL": slack.url,
            "SLACK_OPS_CHANNEL": "#data",
        }
    )
    return platform_after_a_night


def deliver(platform: Platform, tags: dict[str, str] | None = None) -> dict[str, Any]:
    """The metadata of a run of the deliveries of the last day."""
    result = platform.materialize("deliveries", partition=platform.last_day, tags=tags)
    (event,) = result.asset_materializations_for_node("deliveries")
    return {name: value.value for name, value in event.metadata.items()}


def outbox(platform: Platform, channel: str | None = None) -> pd.DataFrame:
    rows = platform.warehouse.exported("outbox", platform.last_day)
    return rows if channel is None else rows[rows["channel"] == channel].reset_index(drop=True)


def wait_minutes(platform: Platform, minutes: float) -> None:
    platform.set_time(platform.morning_after + timedelta(minutes=minutes))


def test_every_message_arrives_once_however_often_it_is_sent(connected, mail, slack) -> None:
    waiting = outbox(connected)
    assert set(waiting["status"]) == {"pending"}
    deliver(connected)
    told = deliver(connected)
    rows = outbox(connected)
    assert set(rows["status"]) == {"sent"}
    assert set(rows["attempts"]) == {1}
    assert rows["sent_at"].notna().all()
    by_mail = rows[rows["channel"] == "email"]
    assert sorted(message["To"] for message in mail.taken) == sorted(by_mail["recipient"])
    assert {message["Message-ID"] for message in mail.taken} == set(by_mail["reference"])
    keys = [message["metadata"]["event_payload"]["message_key"] for message in slack.posted]
    assert sorted(keys) == sorted(rows.loc[rows["channel"] == "slack", "message_key"])
    assert told["sent"] == "nothing was due"
    assert told["messages sent"] == len(rows)


def test_the_mail_is_what_waited_and_has_an_html_part_with_the_same_deals(connected, mail) -> None:
    deliver(connected)
    texts = {message["Message-ID"]: message for message in mail.taken}
    for row in outbox(connected, "email").itertuples():
        message = texts[row.reference]
        text, html = (message.get_body((kind,)).get_content() for kind in ("plain", "html"))
        payload = pd.io.json.ujson_loads(row.payload)
        assert text.replace("\r\n", "\n").strip() == payload["text"].replace(f"\n{feedback_line(7)}", "")
        assert html.count("Potential revenue at risk") == len(payload["deals"])


def test_backfills_and_replays_and_runs_that_are_told_not_to_send_nothing(connected, mail, slack) -> None:
    for tags, why in (
        (BACKFILL, "this run is a backfill"),
        ({"salesinsight/replay": "x"}, "this run replays past days"),
        ({"salesinsight/send": "false"}, "this run was told not to send"),
    ):
        assert deliver(connected, tags)["sent"] == f"nothing sent: {why}"
    assert (mail.taken, slack.calls) == ([], [])
    assert set(outbox(connected)["status"]) == {"pending"}


def test_without_a_channel_messages_wait_and_it_says_what_to_set(platform_after_a_night) -> None:
    told = deliver(platform_after_a_night)
    assert told["sent"] == "nothing sent: neither SMTP_URL nor SLACK_BOT_TOKEN is set"
    assert told["messages pending"] == len(outbox(platform_after_a_night))


def test_a_deal_that_was_closed_since_is_left_out_of_the_digest_and_of_slack(connected, mail, slack) -> None:
    store, rows = connected.warehouse, outbox(connected, "email")
    several = next(row for row in rows.itertuples() if len(pd.io.json.ujson_loads(row.payload)["deals"]) > 1)
    closed, *kept = pd.io.json.ujson_loads(several.payload)["deals"]
    store.execute(
        "UPDATE crm.opportunities SET is_closed = true, stage_name = 'Closed Won' WHERE valid_to IS NULL AND id = $1",
        (closed["opportunity_id"],),
    )
    told = deliver(connected)
    message = next(message for message in mail.taken if message["To"] == several.recipient)
    text = message.get_body(("plain",)).get_content()
    assert f"Deal: {closed['content']['name']} (" not in text
    assert all(f"Deal: {deal['content']['name']} (" in text for deal in kept)
    assert message["Subject"].startswith(f"{len(kept)} deal")
    assert closed["opportunity_id"] not in [
        m["metadata"]["event_payload"]["message_key"].split(":")[1] for m in slack.posted
    ]
    alerts = store.partition("rep_alerts", connected.last_day)
    main = alerts[(alerts["opportunity_id"] == closed["opportunity_id"]) & (alerts["status"] == "to_send")]
    assert main.empty
    assert "the deal was closed since: Closed Won" in alerts["suppressed_because"].tolist()
    assert "the deal was closed since: Closed Won" in told["because"]


def test_a_rep_none_of_whose_deals_holds_gets_no_mail(connected, mail) -> None:
    rows = outbox(connected, "email")
    owner, recipient = rows["owner_id"][0], rows["recipient"][0]
    connected.warehouse.execute(
        "UPDATE crm.opportunities SET owner_id = 'somebody' WHERE valid_to IS NULL AND owner_id = $1", (owner,)
    )
    deliver(connected)
    assert recipient not in [message["To"] for message in mail.taken]
    mine = outbox(connected)[lambda rows: rows["owner_id"] == owner]
    assert set(mine["status"]) == {"cancelled"}
    assert set(mine["error"]) == {"the deal has another owner since"}


def test_a_rep_who_has_left_is_written_to_no_more(connected, mail) -> None:
    owner, recipient = outbox(connected, "email").loc[0, ["owner_id", "recipient"]]
    connected.warehouse.execute("UPDATE crm.users SET is_active = false WHERE valid_to IS NULL AND id = $1", (owner,))
    deliver(connected)
    assert recipient not in [message["To"] for message in mail.taken]
    mine = outbox(connected)[lambda rows: rows["owner_id"] == owner]
    assert set(mine["error"]) == {"the owner is no longer active in Salesforce"}


def test_a_mail_server_that_is_away_is_tried_again_after_a_wait_by_the_sensor(connected, mail) -> None:
    address = mail.url
    connected.set_environment({"SMTP_URL": "smtp://127.0.0.1:1?tls=none"})
    deliver(connected)
    rows = outbox(connected, "email")
    assert set(rows["status"]) == {"pending"}
    assert rows["error"].str.startswith("the mail server could not be reached").all()
    connected.set_environment({"SMTP_URL": address})
    assert isinstance(send_what_waits(dg.build_sensor_context(connected.instance)), dg.SkipReason)
    deliver(connected)
    assert mail.taken == [], "its time has not come"
    wait_minutes(connected, 2)
    result = send_what_waits(dg.build_sensor_context(connected.instance))
    assert isinstance(result, dg.SensorResult)
    (request,) = result.run_requests or []
    assert request.partition_key == connected.last_day.isoformat()
    deliver(connected)
    assert len(mail.taken) == len(rows)
    assert set(outbox(connected, "email")["attempts"]) == {2}


def test_a_recipient_who_bounces_is_told_to_the_data_engineer_once_and_the_others_are_sent(
    connected, mail, slack
) -> None:
    mail.rcpt = ["550 5.1.1 no such user"]
    deliver(connected)
    rows = outbox(connected, "email")
    assert sorted(rows["status"].unique()) == ["failed", "sent"]
    assert (rows["status"] == "failed").sum() == 1
    slack.calls.clear()
    context = dg.build_sensor_context(connected.instance)
    result = tell_of_messages(context)
    assert isinstance(result, dg.SensorResult)
    ((_, _, fields),) = slack.calls
    assert fields["channel"] == "#data"
    assert "550 5.1.1 no such user" in fields["text"]
    tell_of_messages(dg.build_sensor_context(connected.instance, cursor=result.cursor))
    assert len(slack.calls) == 1


def test_a_mail_whose_answer_was_lost_is_not_sent_again_and_told_of(connected, mail, slack) -> None:
    mail.data = [MAIL_LOST_AFTER]
    deliver(connected)
    wait_minutes(connected, 90)
    deliver(connected)
    recipients = [message["To"] for message in mail.taken]
    assert len(recipients) == len(set(recipients)) == len(outbox(connected, "email"))
    unknown = outbox(connected, "email")[lambda rows: rows["status"] == "unknown"]
    assert len(unknown) == 1
    slack.calls.clear()
    tell_of_messages(dg.build_sensor_context(connected.instance))
    assert unknown["recipient"].iloc[0] in slack.calls[0][2]["text"]


def test_slack_messages_whose_answer_was_lost_are_looked_up_and_only_the_missing_is_sent_again(
    connected, slack
) -> None:
    if len(outbox(connected, "slack")) < 2:
        pytest.fail("the night of the tests has fewer than two HIGH alerts")
    slack.script = [LOST_AFTER, LOST_BEFORE]
    deliver(connected)
    assert (outbox(connected, "slack")["status"] == "unknown").sum() == 2
    told = deliver(connected)
    assert "1 slack not known before, now sent" in told["sent"]
    assert "1 slack not known before, now pending" in told["sent"]
    wait_minutes(connected, 5)
    deliver(connected)
    keys = [message["metadata"]["event_payload"]["message_key"] for message in slack.posted]
    assert sorted(keys) == sorted(outbox(connected, "slack")["message_key"])
    assert set(outbox(connected, "slack")["status"]) == {"sent"}


def test_a_message_of_a_process_that_was_killed_is_looked_up_and_never_just_sent_again(connected, mail, slack) -> None:
    """A claim of ten minutes is of nobody: by mail that cannot be looked up, on Slack it can."""
    box, at = Outbox(connected.warehouse), connected.morning_after
    killed = [box.due(channel, connected.last_day, at)[0].message_key for channel in ("email", "slack")]
    assert all(box.claim(key, at) for key in killed)
    deliver(connected)
    assert set(outbox(connected)[lambda rows: rows["message_key"].isin(killed)]["status"]) == {"sending"}
    wait_minutes(connected, 11)
    deliver(connected)
    wait_minutes(connected, 30)
    deliver(connected)
    status = outbox(connected).set_index("message_key")["status"]
    assert status[killed].tolist() == ["unknown", "sent"]
    assert len(mail.taken) == len(outbox(connected, "email")) - 1
    assert len(slack.posted) == len(outbox(connected, "slack"))


def test_a_message_that_cannot_be_looked_up_is_looked_up_again_until_it_can(connected, slack) -> None:
    """The sensor asks for a run again, under another key: Dagster launches none twice under the same one."""
    connected.set_environment({"SMTP_URL": ""})
    slack.script = [LOST_BEFORE]
    deliver(connected)
    keys = []
    for minutes in (1, 3, 9):
        slack.scripts["conversations.history"] = (
            [(200, {}, {"ok": False, "error": "fatal_error"})] if minutes < 9 else []
        )
        wait_minutes(connected, minutes)
        result = send_what_waits(dg.build_sensor_context(connected.instance))
        assert isinstance(result, dg.SensorResult)
        keys += [request.run_key for request in result.run_requests or []]
        deliver(connected)
        assert isinstance(send_what_waits(dg.build_sensor_context(connected.instance)), dg.SkipReason)
    assert len(set(keys)) == 3
    wait_minutes(connected, 15)
    deliver(connected)
    assert set(outbox(connected, "slack")["status"]) == {"sent"}
    assert len(slack.posted) == len(outbox(connected, "slack"))


def test_what_was_tried_in_vain_until_its_day_was_over_is_told_to_the_data_engineer(connected, slack) -> None:
    connected.set_environment({"SMTP_URL": "smtp://127.0.0.1:1?tls=none"})
    deliver(connected)
    rows = outbox(connected, "email")
    connected.set_time(connected.morning_after + timedelta(days=1))
    connected.warehouse.execute("UPDATE crm.sync_cursors SET synced_at = synced_at + interval '1 day'")
    connected.materialize("deliveries", partition=connected.last_day + timedelta(days=1))
    slack.calls.clear()
    tell_of_messages(dg.build_sensor_context(connected.instance))
    ((_, _, fields),) = slack.calls
    for recipient in rows["recipient"]:
        assert f"{connected.last_day}, email for {recipient}, failed" in fields["text"]
    assert "which is over; it was tried before: the mail server could not be reached" in fields["text"]


def test_messages_of_a_day_that_is_over_are_not_sent(connected, mail, slack) -> None:
    next_day = connected.last_day + timedelta(days=1)
    connected.set_time(connected.morning_after + timedelta(days=1))
    connected.warehouse.execute("UPDATE crm.sync_cursors SET synced_at = synced_at + interval '1 day'")
    connected.materialize("deliveries", partition=next_day)
    assert (mail.taken, slack.posted) == ([], [])
    rows = outbox(connected)
    assert set(rows["status"]) == {"cancelled"}
    assert set(rows["error"]) == {f"it tells of {connected.last_day}, which is over"}


def test_a_run_of_an_earlier_day_leaves_the_messages_of_a_later_one_alone(connected, mail, slack) -> None:
    earlier = connected.last_day - timedelta(days=1)
    connected.materialize("deliveries", partition=earlier, tags={"salesinsight/send": "true"})
    assert (mail.taken, slack.posted) == ([], [])
    assert set(outbox(connected)["status"]) == {"pending"}


def test_an_address_that_is_none_fails_alone(connected, mail) -> None:
    key, recipient = outbox(connected, "email").loc[0, ["message_key", "recipient"]]
    connected.warehouse.execute(
        "UPDATE engagement.outbox SET recipient = $2 WHERE message_key = $1", (key, "Ann\r\nBcc: all@example.com")
    )
    deliver(connected)
    rows = outbox(connected, "email").set_index("message_key")
    assert rows.loc[key, "status"] == "failed"
    assert "cannot be written to: 'Ann" in rows.loc[key, "error"]
    assert len(mail.taken) == len(rows) - 1
    assert recipient not in [message["To"] for message in mail.taken]


def test_two_processes_never_send_the_same_message(connected) -> None:
    box, at = Outbox(connected.warehouse), connected.morning_after
    key = box.due("email", connected.last_day, at)[0].message_key
    assert box.claim(key, at)
    assert box.claim(key, at) is None


# --- the last look in Salesforce ---


def first_deal(platform: Platform) -> dict[str, Any]:
    return pd.io.json.ujson_loads(outbox(platform, "slack")["payload"][0])["deals"][0]


def test_the_last_look_is_into_salesforce_itself(connected, org, slack) -> None:
    connected.connect(org.server)
    deal = first_deal(connected)["opportunity_id"]
    org.company.update("Opportunity", deal, {"StageName": "Closed Lost"})
    told = deliver(connected)
    assert told["deals looked at in"] == "Salesforce"
    assert "the deal was closed since: Closed Lost" in told["because"]
    assert deal not in [m["metadata"]["event_payload"]["message_key"].split(":")[1] for m in slack.posted]
    assert len(slack.posted) == len(outbox(connected, "slack")) - 1
    assert org.server.sessions.login_count == 1


def test_an_owner_who_has_left_since_the_sync_is_written_to_no_more(connected, org, mail) -> None:
    connected.connect(org.server)
    owner = outbox(connected, "email")["owner_id"].iloc[0]
    org.company.update("User", owner, {"IsActive": False})
    assert "the owner is no longer active in Salesforce" in deliver(connected)["because"]
    mine = outbox(connected).query("owner_id == @owner")
    assert set(mine["status"]) == {"cancelled"}
    assert len(mail.taken) == len(outbox(connected, "email")) - 1


def test_a_salesforce_that_does_not_answer_is_asked_once_and_the_stored_rows_stand_in(connected, org, mail) -> None:
    connected.connect(org.server, SALESFORCE_LOGIN_URL="https://127.0.0.1:1")
    told = deliver(connected)
    assert told["deals looked at in"].startswith("the stored rows: Salesforce could not be asked: ")
    assert set(outbox(connected)["status"]) == {"sent"}
    assert len(mail.taken) == len(outbox(connected, "email"))


def test_an_activity_since_holds_back_what_it_makes_untrue(connected, mail) -> None:
    store, deals = connected.warehouse, outbox(connected, "email")["payload"].map(pd.io.json.ujson_loads)
    quiet = next(
        deal
        for payload in deals
        for deal in payload["deals"]
        if {"last activity", "recent activity", "activity rate"} & set(deal["facts"])
    )
    store.execute(
        "UPDATE crm.tasks SET what_id = $1, created_date = $2::text::timestamptz WHERE valid_to IS NULL AND id ="
        " (SELECT id FROM crm.tasks WHERE valid_to IS NULL AND NOT is_deleted ORDER BY id LIMIT 1)",
        (quiet["opportunity_id"], connected.morning_after.isoformat()),
    )
    told = deliver(connected)
    assert "an activity was recorded since" in told["because"]
    assert all(f"Deal: {quiet['content']['name']} (" not in m.get_body(("plain",)).get_content() for m in mail.taken)


# --- what reps ask for, and their work time ---

PAGES = {"SALESINSIGHT_BASE_URL": "https://insight.example.com", "SALESINSIGHT_SECRET_KEY": "k" * 32}
LINKS = Links(PAGES["SALESINSIGHT_BASE_URL"], PAGES["SALESINSIGHT_SECRET_KEY"], 60)


def told_alert(row: Any, deal: dict[str, Any] | None = None) -> ToldAlert:
    about = (deal["opportunity_id"], deal["rule"]) if deal else (None, None)
    return ToldAlert(row.message_key, row.as_of_date.date(), row.owner_id, *about)


def test_links_in_the_mail_answer_the_alert_they_stand_under(connected, mail) -> None:
    connected.set_environment(PAGES)
    deliver(connected)
    row = next(iter(outbox(connected, "email").itertuples()))
    message = next(message for message in mail.taken if message["Message-ID"] == row.reference)
    digest, deals = told_alert(row), pd.io.json.ujson_loads(row.payload)["deals"]
    assert message["List-Unsubscribe"] == f"<{LINKS.unsubscribe(digest)}>"
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    text, html = (message.get_body((kind,)).get_content() for kind in ("plain", "html"))
    assert deals
    for deal in deals:
        for answer in ("helpful", "not_helpful", "snooze"):
            address = LINKS.answer(answer, told_alert(row, deal))
            assert address in text
            assert f'href="{address}"' in html
    assert LINKS.opened(digest) in html
    assert "signature" not in row.payload, "nobody who reads the outbox can answer for the rep"
    assert LINKS.token("helpful", told_alert(row, deals[0])) not in row.payload


def test_without_links_the_mail_asks_nothing(connected, mail) -> None:
    deliver(connected)
    for message in mail.taken:
        assert message["List-Unsubscribe"] is None
        text, html = (message.get_body((kind,)).get_content() for kind in ("plain", "html"))
        assert "Was this helpful" not in text + html


def test_messages_in_slack_have_buttons_where_their_clicks_can_be_told_from_others(connected, slack) -> None:
    connected.set_environment({"SLACK_SIGNING_SECRET": "s" * 32})
    deliver(connected)
    rows = {row.message_key: row for row in outbox(connected, "slack").itertuples()}
    assert slack.posted
    for message in slack.posted:
        blocks = pd.io.json.ujson_loads(message["blocks"]) if isinstance(message["blocks"], str) else message["blocks"]
        row = rows[message["metadata"]["event_payload"]["message_key"]]
        (deal,) = pd.io.json.ujson_loads(row.payload)["deals"]
        values = {button["value"] for button in blocks[-1]["elements"] if "value" in button}
        assert {from_button(value) for value in values} == {told_alert(row, deal)}
        assert "Was this helpful" not in message["text"]


def test_a_deal_that_was_snoozed_since_the_night_is_told_in_no_channel(connected, mail, slack) -> None:
    row = next(iter(outbox(connected, "slack").itertuples()))
    (deal,) = pd.io.json.ujson_loads(row.payload)["deals"]
    FeedbackStore(connected.warehouse).record(
        "snooze", told_alert(row, deal), connected.morning_after, "slack", FeedbackPolicy()
    )
    told = deliver(connected)
    name = deal["content"]["name"]
    assert not any(name in message.get_body(("plain",)).get_content() for message in mail.taken)
    assert not any(name in message["text"] for message in slack.posted)
    assert "snoozed by the rep on 2025-04-01, until 2025-04-08" in told["because"]
    alert = connected.warehouse.read(
        "SELECT status FROM insight.rep_alerts WHERE opportunity_id = $1 AND rule = $2 AND as_of_date = $3::text::date",
        (row.opportunity_id, deal["rule"], connected.last_day.isoformat()),
    )
    assert alert["status"].tolist() == ["suppressed"]


def test_who_unsubscribed_gets_no_mail_but_hears_of_high_alerts_in_slack(connected, mail, slack) -> None:
    high = next(iter(outbox(connected, "slack").itertuples()))
    digest = next(row for row in outbox(connected, "email").itertuples() if row.owner_id == high.owner_id)
    FeedbackStore(connected.warehouse).record(
        "unsubscribe", told_alert(digest), connected.morning_after, "email", FeedbackPolicy()
    )
    deliver(connected)
    assert digest.recipient not in [message["To"] for message in mail.taken]
    rows = outbox(connected).set_index("message_key")
    assert rows.at[digest.message_key, "status"] == "cancelled"
    assert rows.at[high.message_key, "status"] == "sent"
    statuses = connected.warehouse.read(
        "SELECT opportunity_id, status FROM insight.rep_alerts WHERE as_of_date = $1 AND owner_id = $2::text"
        " AND (status = 'to_send' OR suppressed_because LIKE 'unsubscribed%')",
        (connected.last_day, high.owner_id),
    )
    told = statuses.loc[statuses["status"] == "to_send", "opportunity_id"].tolist()
    slack_deals = outbox(connected, "slack").query("owner_id == @high.owner_id")["opportunity_id"].tolist()
    assert sorted(told) == sorted(slack_deals), "told in Slack alone"


def test_messages_wait_for_the_work_time_of_each_rep(platform_after_a_night, mail) -> None:
    platform = platform_after_a_night
    platform.set_environment({"SMTP_URL": mail.url, "SSL_CERT_FILE": mail.ca_file, "MAIL_FROM": "insight@example.com"})
    platform.configure(SMALL_MODEL.partition("[work_time]")[0])
    first = outbox(platform, "email").iloc[0]
    platform.warehouse.execute("UPDATE crm.users SET time_zone_sid_key = 'UTC'")
    platform.warehouse.execute(
        "UPDATE crm.users SET time_zone_sid_key = 'Asia/Tokyo' WHERE id = $1", (first["owner_id"],)
    )
    told = deliver(platform)  # 02:00 in the company's time zone, 11:00 in Tokyo
    assert [message["To"] for message in mail.taken] == [first["recipient"]]
    rest = outbox(platform, "email").query("message_key != @first.message_key")
    assert set(rest["status"]) == {"pending"}
    assert set(rest["retry_at"]) == {pd.Timestamp("2025-04-01 05:30", tz="UTC")}
    assert f"{len(rest)} email waiting for the rep's work time" in told["sent"]
    wait_minutes(platform, 209)
    assert send_what_waits_now(platform) is None
    wait_minutes(platform, 210)
    assert send_what_waits_now(platform) == [platform.last_day.isoformat()]
    deliver(platform)
    assert set(outbox(platform, "email")["status"]) == {"sent"}


def test_a_person_who_asks_to_send_now_is_obeyed_at_any_hour(connected, mail) -> None:
    connected.configure(SMALL_MODEL.partition("[work_time]")[0])
    deliver(connected, {"salesinsight/send": "true"})
    assert set(outbox(connected, "email")["status"]) == {"sent"}


def test_on_a_day_off_every_alert_is_held_back_with_the_day(trained_platform) -> None:
    trained_platform.configure(SMALL_MODEL + 'days_off = ["2025-04-01"]\n')
    trained_platform.materialize(
        "open_opportunities", "opportunity_features", "opportunity_scores", "rep_alerts", "messages",
        partition=trained_platform.last_day,
    )  # fmt: skip
    alerts = trained_platform.warehouse.partition("rep_alerts", trained_platform.last_day)
    assert len(alerts)
    assert set(alerts["status"]) == {"suppressed"}
    assert alerts["suppressed_because"].str.startswith("2025-04-01 is a day off in ").all()
    assert outbox(trained_platform).empty


def send_what_waits_now(platform: Platform) -> list[str] | None:
    """The partitions that the sensor asks a run for; None where it skips."""
    found = send_what_waits(dg.build_sensor_context(instance=platform.instance))
    return None if isinstance(found, dg.SkipReason) else [request.partition_key for request in found.run_requests]
