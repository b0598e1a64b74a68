"""Reports on the real warehouse: kept, shown, and mailed once to each address through a real mail server."""

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pytest

from salesinsight_assets.domain.reports.words import in_days
from salesinsight_assets.resending import send_what_waits
from salesinsight_assets_tests.conftest import SMALL_MODEL, Platform
from salesinsight_assets_tests.scripted_mail import ScriptedMail, scripted_mail

VP, CEO = "vp@example.com", "ceo@example.com"
TO_TWO = f'\n[reports]\npipeline_health = ["{VP}", "{CEO}"]\n'


@pytest.fixture
def mail(tmp_path) -> Iterator[ScriptedMail]:
    with scripted_mail(tmp_path) as server:
        yield server


@pytest.fixture
def connected(platform_after_a_night: Platform, mail: ScriptedMail) -> Platform:
    """The platform after a night, with a mail server and two readers of Monday's report."""
    platform_after_a_night.configure(SMALL_MODEL + TO_TWO)
    platform_after_a_night.set_environment(
        {"SMTP_URL": mail.url, "SSL_CERT_FILE": mail.ca_file, "MAIL_FROM": "SalesInsight <insight@example.com>"}
    )
    platform_after_a_night.warehouse.execute("DELETE FROM engagement.outbox")  # the night's own messages
    platform_after_a_night.warehouse.execute("UPDATE insight.alert_days SET queued_at = NULL")
    return platform_after_a_night


def make(platform: Platform, name: str = "pipeline_health", tags: dict[str, str] | None = None) -> dict[str, Any]:
    result = platform.materialize(name, partition=platform.last_day, tags=tags)
    (event,) = result.asset_materializations_for_node(name)
    return {name: value.value for name, value in event.metadata.items()}


def outbox(platform: Platform) -> pd.DataFrame:
    return platform.warehouse.exported("outbox", None)


def deliver(platform: Platform, day=None) -> None:
    platform.materialize("deliveries", partition=day or platform.last_day)


def test_a_report_is_kept_by_day_and_shown_as_a_page(platform_after_a_night) -> None:
    told = make(platform_after_a_night)
    (row,) = (
        platform_after_a_night.warehouse.exported("reports", platform_after_a_night.last_day)
        .query("report == 'pipeline_health'")
        .to_dict("records")
    )
    assert row["audience"] == "company"
    assert row["title"] == "Pipeline health, week to Monday 31 March 2025"
    page = Path(told["page"])
    assert page.read_text() == row["page"]
    assert page.parts[-3:] == ("reports", "2025-03-31", "pipeline_health.html")
    assert told["open deals"] == len(
        platform_after_a_night.warehouse.partition("open_opportunities", platform_after_a_night.last_day)
    )
    assert "What moved since Monday 24 March" in told["report"]
    assert told["mails"] == "nobody is written to: set [reports] pipeline_health in salesinsight.toml"


def test_each_reader_gets_one_mail_with_its_pictures_however_often_it_is_made(connected, mail) -> None:
    assert make(connected)["mails"] == "2 queued; now 2 pending"
    deliver(connected)
    assert make(connected)["mails"] == "0 queued; now 2 sent"
    deliver(connected)
    assert sorted(message["To"] for message in mail.taken) == [CEO, VP]
    message = mail.taken[0]
    assert message["Subject"] == "Pipeline health, week to Monday 31 March 2025"
    _, related = message.iter_parts()
    page, *pictures = related.iter_parts()
    for picture in pictures:
        assert f"cid:{picture['Content-ID'][1:-1]}" in page.get_content()
        assert picture.get_content().startswith(b"\x89PNG")
    assert len(pictures) >= 1


def test_a_report_that_waits_is_sent_by_the_sensor_after_the_nights_messages(connected, mail) -> None:
    deliver(connected)
    assert isinstance(send_what_waits(dg.build_sensor_context(connected.instance)), dg.SkipReason)
    make(connected)
    result = send_what_waits(dg.build_sensor_context(connected.instance))
    assert isinstance(result, dg.SensorResult)
    assert [request.partition_key for request in result.run_requests or []] == [connected.last_day.isoformat()]


@pytest.mark.parametrize("name", ["pipeline_health", "model_check", "business_review"])
def test_every_picture_of_a_mail_is_shown_in_it(connected, name) -> None:
    connected.configure(f'{SMALL_MODEL}\n[reports]\n{name} = ["{VP}"]\n')
    make(connected, name)
    (payload,) = outbox(connected)["payload"].map(json.loads)
    assert len(payload["pictures"]) >= 1
    assert payload["html"].count('src="cid:') == len(payload["pictures"])


def test_backfills_replays_and_runs_that_must_not_send_queue_nothing(connected) -> None:
    for tags, why in (
        ({"dagster/backfill": "b"}, "this run is a backfill"),
        ({"salesinsight/replay": "x"}, "this run replays past days"),
        ({"salesinsight/send": "false"}, "this run was told not to send"),
    ):
        assert make(connected, tags=tags)["mails"] == f"nothing queued: {why}"
    assert outbox(connected).empty


def go_on(platform: Platform, days: int):
    """The morning so many days later, with rows of that night."""
    platform.set_time(platform.morning_after + timedelta(days=days))
    platform.warehouse.execute(f"UPDATE crm.sync_cursors SET synced_at = synced_at + interval '{days} day'")
    return platform.last_day + timedelta(days=days)


def test_a_report_that_could_not_be_sent_is_sent_within_a_week(connected, mail) -> None:
    make(connected)
    deliver(connected, go_on(connected, 6))
    assert len(mail.taken) == 2


def test_after_a_week_it_is_over(connected, mail) -> None:
    make(connected)
    deliver(connected, go_on(connected, 7))
    assert mail.taken == []
    assert set(outbox(connected)["error"]) == {f"it tells of {connected.last_day}, which is over"}


def test_a_waiting_report_tells_nobody_of_an_alert(connected) -> None:
    """Else a report would freeze the day's alerts, and silence the episodes of a manager who has deals."""
    make(connected)
    store, day = connected.warehouse, connected.last_day
    owner = store.partition("rep_alerts", day).query("status == 'to_send'")["owner_id"].iloc[0]
    store.execute("UPDATE engagement.outbox SET owner_id = $1", (owner,))
    assert not store.is_told(day)
    alerts = store.alerts_between(day, day)
    assert not alerts["is_told"].any()
    assert not alerts["has_messages"].any()


def test_a_report_that_is_made_again_keeps_its_time_and_one_that_changed_takes_a_new_one(connected) -> None:
    store, day = connected.warehouse, connected.last_day
    made_at = store.exported("reports", day).set_index("report").at["pipeline_health", "made_at"]
    connected.set_time(connected.morning_after + timedelta(minutes=90))
    make(connected)
    assert store.exported("reports", day).set_index("report").at["pipeline_health", "made_at"] == made_at
    store.execute("UPDATE insight.open_opportunities SET company_amount = 1e9 WHERE opportunity_id ="
                  " (SELECT min(opportunity_id) FROM insight.open_opportunities WHERE as_of_date = '2025-03-31')")  # fmt: skip
    make(connected)
    assert store.exported("reports", day).set_index("report").at["pipeline_health", "made_at"] > made_at


def test_fridays_check_tells_what_the_weekly_checks_stored(platform_after_a_night) -> None:
    told = make(platform_after_a_night, "model_check")
    tables = ("model_checks", "feature_drift", "feature_defaults")
    rows = [platform_after_a_night.warehouse.partition(table, platform_after_a_night.last_day) for table in tables]
    assert told["figures looked at"] == sum(map(len, rows))
    assert told["alarms"] == sum(int(table["is_alarm"].sum()) for table in rows)
    (overall,) = rows[0].query("segment == 'all deals'").sort_values("weeks").tail(1).to_dict("records")
    assert (told["decided deals"], told["won"]) == (overall["n_deals"], overall["actual_wins"])
    assert f"of {told['decided deals']} decided deals" in told["report"], "the table is of the deals of the check"


def test_the_review_says_of_every_measure_what_is_known(platform_after_a_night) -> None:
    platform = platform_after_a_night
    platform.warehouse.execute("DELETE FROM engagement.outbox WHERE status = 'sent'")  # the messages of an earlier day
    told = make(platform, "business_review")
    assert sum(told[f"measures {verdict}"] for verdict in ("met", "missed", "not yet known")) == 10
    assert "alerts are sent from a day that is still to come" in told["report"]
    platform.warehouse.execute("UPDATE engagement.outbox SET status = 'sent'")
    assert "alerts are sent since 31 March 2025" in make(platform, "business_review")["report"]


def test_the_review_says_what_people_did_with_the_alerts(platform_after_a_night) -> None:
    platform, store = platform_after_a_night, platform_after_a_night.warehouse
    told = make(platform, "business_review")
    first = store.partition("alert_outcomes", platform.last_day).query("was_told").drop_duplicates("opportunity_id")
    assert told["Alerts acted on"] == round(first["is_acted_on"].mean(), 4)
    assert "Alert e-mails opened" not in told, "without links nobody knows"
    (finding,) = store.partition("alert_lift", platform.last_day).query("measure == 'won'")["finding"]
    assert f"Lift of alerts on the win rate: {finding}." in told["report"]
    store.execute("UPDATE engagement.outbox SET status = 'sent', channel = 'email'")
    sent = store.exported("outbox", None)["message_key"]
    store.execute(
        "INSERT INTO engagement.message_events (as_of_date, message_key, kind, happened_at)"
        " SELECT '2025-03-01', $1, 'opened', '2025-03-01T08:00Z'",
        (sent[0],),
    )
    assert make(platform, "business_review")["Alert e-mails opened"] == round(1 / len(sent), 4)


def test_the_review_counts_the_reps_who_looked_at_the_dashboard(platform_after_a_night) -> None:
    platform, store, day = platform_after_a_night, platform_after_a_night.warehouse, platform_after_a_night.last_day
    told = make(platform, "business_review")
    assert "Reps on the dashboard weekly" not in told
    assert "Reps on the dashboard weekly: nobody has looked at it yet." in told["report"]
    reps = store.partition("opportunity_scores", day)["owner_id"].dropna().unique()
    store.execute(
        "INSERT INTO engagement.visits (day, email, user_id) VALUES ($1::text::date, 'a@example.com', $2)",
        (day.isoformat(), reps[0]),
    )
    told = make(platform, "business_review")
    assert told["Reps on the dashboard weekly"] == round(1 / len(reps), 4)
    assert f"n = {len(reps)} reps" in told["report"]


def test_a_report_that_was_sent_is_no_alert(connected) -> None:
    make(connected)
    connected.warehouse.execute("UPDATE engagement.outbox SET status = 'sent'")
    assert "alerts are sent from a day that is still to come" in make(connected, "business_review")["report"]


def test_each_manager_gets_the_review_of_the_own_team(connected, mail) -> None:
    store, day = connected.warehouse, connected.last_day
    managers = store.partition("coaching_cards", day)["manager_id"].dropna().unique()
    users = store.exported("users", None).set_index("id")
    assert len(managers)
    told = make(connected, "rep_performance")
    assert told["mails"] == f"{len(managers)} queued; now {len(managers)} pending"
    deliver(connected)
    assert sorted(message["To"] for message in mail.taken) == sorted(users.loc[managers, "email"])
    for message in mail.taken:
        (manager,) = (m for m in managers if users.at[m, "email"] == message["To"])
        text = message.get_body(("plain",)).get_content()
        team = store.partition("coaching_cards", day).query("manager_id == @manager")["owner_name"]
        others = store.partition("coaching_cards", day).query("manager_id != @manager")["owner_name"]
        assert (
            message["Subject"]
            == f"Rep performance of {users.at[manager, 'name']}'s team, as of {in_days(day)} {day.year}"
        )
        assert all(name in text for name in team)
        assert not any(name in text for name in others)


def test_a_manager_who_has_left_gets_no_review(connected) -> None:
    connected.warehouse.execute("UPDATE crm.users SET is_active = false")
    assert make(connected, "rep_performance")["report"] == "there is nobody to report to"
