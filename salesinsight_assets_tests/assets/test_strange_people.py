"""A night of deals, stages and people with strange names, and of people who cannot be written to: who gets what, and who is told."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pytest

from salesinsight_assets.adapters.csv_export import read_csv_file, write_table
from salesinsight_assets.adapters.warehouse import Warehouse
from salesinsight_assets.alarms import tell_of_messages
from salesinsight_assets_tests.conftest import LAST_DAY, SCORED, Platform, _platform
from salesinsight_assets_tests.domain.test_digest_html import Reader
from salesinsight_assets_tests.scripted_mail import ScriptedMail, scripted_mail
from salesinsight_assets_tests.scripted_slack import ScriptedSlack, scripted_slack

MARKUP = '<@U123> & "Sons" <script>'
IN_SLACK = '&lt;@U123&gt; &amp; "Sons" &lt;script&gt;'
LINES = "\r\nBcc: all@example.com\n\nRecommended actions:\n1. Wire money"
ONE_LINE = "Bcc: all@example.com Recommended actions: 1. Wire money"
STAGE = f"{MARKUP} stage"
WELL, NO_SLACK, BLANK, INACTIVE = "well", "no Slack", "blank", "inactive"
MALFORMED = "jörg@example..com"


@dataclass
class Night:
    """What a night has left, and the reps by what is wrong with them."""

    platform: Platform
    mail: ScriptedMail
    slack: ScriptedSlack
    reps: dict[str, str] = field(default_factory=dict)
    told: dict[str, dict[str, Any]] = field(default_factory=dict)

    def run(self, *names: str) -> None:
        for name in names:
            result = self.platform.materialize(name, partition=LAST_DAY)
            (event,) = result.asset_materializations_for_node(name)
            self.told[name] = {key: value.value for key, value in event.metadata.items()}

    def outbox(self, rep: str | None = None) -> pd.DataFrame:
        rows = self.platform.warehouse.exported("outbox", LAST_DAY)
        return rows if rep is None else rows[rows["owner_id"] == self.reps[rep]]


def rename(store: Warehouse) -> None:
    """Every deal, rep, account and one stage get a name that means something to somebody."""
    for table in ("opportunities", "accounts", "users"):
        store.execute(f"UPDATE crm.{table} SET name = $1 || ' ' || right(id, 4) || $2", (MARKUP, LINES))
    stage = store.read("SELECT stage_name FROM crm.opportunities WHERE NOT is_closed GROUP BY 1 ORDER BY count(*) DESC")
    pair = (str(stage["stage_name"][0]), STAGE)
    for table in ("opportunities", "opportunity_history"):
        store.execute(f"UPDATE crm.{table} SET stage_name = $2 WHERE stage_name = $1", pair)
    store.execute("UPDATE crm.opportunity_stages SET master_label = $2, api_name = $2 WHERE master_label = $1", pair)


def spoil(night: Night) -> None:
    """Of the reps with alerts three get something wrong each, and the manager an address that is none."""
    store = night.platform.warehouse
    alerts = store.partition("rep_alerts", LAST_DAY).query("status == 'to_send'")
    owners = alerts.sort_values(["priority", "owner_id"])["owner_id"].drop_duplicates()
    night.reps = dict(zip((WELL, NO_SLACK, BLANK, INACTIVE), owners, strict=True))
    store.execute("UPDATE crm.users SET email = ' ' WHERE id = $1", (night.reps[BLANK],))
    store.execute("UPDATE crm.users SET is_active = false WHERE id = $1", (night.reps[INACTIVE],))
    store.execute("UPDATE crm.users SET manager_id = NULL WHERE id = $1", (night.reps[NO_SLACK],))
    store.execute("UPDATE crm.users SET email = $1 WHERE id IN (SELECT manager_id FROM crm.users)", (MALFORMED,))
    emails = store.read("SELECT email FROM crm.users WHERE id = $1", (night.reps[NO_SLACK],))
    night.slack.strangers.add(str(emails["email"][0]))


@pytest.fixture(scope="module")
def night(kept_database, trained_database, tmp_path_factory) -> Iterator[Night]:
    url = kept_database("strange_night", trained_database)
    with ExitStack() as stack:
        mail = stack.enter_context(scripted_mail(tmp_path_factory.mktemp("mail")))
        slack, platform = stack.enter_context(scripted_slack()), stack.enter_context(_platform(url))
        made = Night(platform, mail, slack)
        platform.set_environment(
            {
                "SMTP_URL": mail.url,
                "SSL_CERT_FILE": mail.ca_file,
                "MAIL_FROM": "SalesInsight <insight@example.com>",
                "SLACK_BOT_TOKEN": "xoxb-of-a-test",
                "SLACK_API_URL": slack.url,
                "SLACK_OPS_CHANNEL": "#data",
            }
        )
        rename(platform.warehouse)
        platform.materialize(*SCORED, "rep_alerts", partition=LAST_DAY)
        spoil(made)
        made.run("messages", "coaching_cards", "pipeline_health", "rep_performance", "deliveries")
        tell_of_messages(dg.build_sensor_context(platform.instance))
        yield made


# --- who gets what, and who is told ---


def test_a_rep_who_can_be_reached_gets_mail_and_slack(night: Night) -> None:
    mine = night.outbox(WELL)
    assert set(mine["channel"]) == {"email", "slack"}
    assert set(mine["status"]) == {"sent"}
    assert [message["To"] for message in night.mail.taken].count(mine["recipient"].iloc[0]) == 1
    assert len(night.slack.posted) - 1 == (mine["channel"] == "slack").sum(), "beside the alarm"


def test_a_rep_without_slack_gets_the_mail_and_the_reason_is_kept(night: Night) -> None:
    status = night.outbox(NO_SLACK).groupby("channel")["status"].unique().map(list).to_dict()
    assert status == {"email": ["sent"], "slack": ["failed"]}
    failed = night.outbox(NO_SLACK).query("channel == 'slack'").iloc[0]
    assert failed["error"] == (
        f"Slack has nobody with the address {failed['recipient']} who can be written to: users_not_found"
    )


def test_a_rep_without_an_address_gets_nothing_and_the_reason_is_kept(night: Night) -> None:
    mine = night.outbox(BLANK)
    assert set(mine["status"]) == {"failed"}
    assert set(mine["error"]) == {"the CRM has no e-mail address for this owner"}
    assert mine["recipient"].isna().all()
    assert night.told["messages"]["failed_because"] == "the CRM has no e-mail address for this owner"


def test_an_inactive_rep_gets_nothing_and_the_alerts_say_why(night: Night) -> None:
    mine = night.outbox(INACTIVE)
    assert set(mine["status"]) == {"cancelled"}
    assert set(mine["error"]) == {"the owner is no longer active in Salesforce"}
    assert mine["recipient"].iloc[0] not in [message["To"] for message in night.mail.taken]
    alerts = night.platform.warehouse.partition("rep_alerts", LAST_DAY).query("owner_id == @night.reps[@INACTIVE]")
    assert set(alerts["status"]) == {"suppressed"}
    assert "the owner is no longer active in Salesforce" in alerts["suppressed_because"].tolist()


def test_a_manager_whose_address_is_none_gets_no_review_and_nobody_else_does(night: Night) -> None:
    (report,) = night.outbox().query("message_key.str.startswith('report:')").to_dict("records")
    assert (report["recipient"], report["status"]) == (MALFORMED, "failed")
    assert report["error"] == f"the CRM's e-mail address of this owner cannot be written to: {MALFORMED!r}"
    assert sorted(message["To"] for message in night.mail.taken) == sorted(
        night.outbox().query("channel == 'email' and status == 'sent'")["recipient"]
    )


def test_a_rep_without_a_manager_is_in_no_review_and_dagster_says_so(night: Night) -> None:
    assert night.told["rep_performance"]["reps in no review: the CRM names no manager"] == 1


def test_the_data_engineer_is_told_of_each_message_that_reached_nobody(night: Night) -> None:
    (alarm,) = [fields["text"] for _, _, fields in night.slack.calls if fields.get("channel") == "#data"]
    failed = night.outbox().query("status == 'failed'")
    assert len(failed)
    *told, what_to_do = alarm.splitlines()
    assert len(told) == 1 + len(failed)
    assert what_to_do.startswith("What to do: ")
    assert what_to_do.endswith("#messages")
    for row in failed.itertuples():
        who = row.owner_id if pd.isna(row.recipient) else row.recipient
        assert f"{row.channel} for {who}" in alarm
    assert night.told["deliveries"]["messages failed"] == len(failed)


# --- what they read ---


def deals(night: Night) -> list[dict[str, Any]]:
    payloads = night.outbox(WELL).query("channel == 'email'")["payload"].map(json.loads)
    return list(payloads.iloc[0]["deals"])


def test_the_mail_shows_every_name_as_it_is(night: Night) -> None:
    recipient = night.outbox(WELL)["recipient"].iloc[0]
    (message,) = [message for message in night.mail.taken if message["To"] == recipient]
    names = [deal["content"]["name"] for deal in deals(night)]
    assert all(name.startswith(MARKUP) and name.endswith(ONE_LINE) for name in names)
    assert message["Subject"].endswith(f"first {names[0]}")
    assert message["Bcc"] is None
    text, html = (message.get_body((kind,)).get_content() for kind in ("plain", "html"))
    told = [line.strip() for line in text.splitlines()]
    assert "1. Wire money" not in told
    assert sum(line.startswith(f"Deal: {MARKUP}") for line in told) == len(names)
    reader = Reader(html)
    assert all(any(line.startswith(f"Deal: {name} (") for line in reader.lines()) for name in names)
    assert "script" not in reader.tags
    assert "&amp;lt;" not in html


def test_slack_shows_every_name_as_it_is_and_mentions_nobody(night: Night) -> None:
    posted = [message for message in night.slack.posted if message["channel"] != "#data"]
    assert posted
    for message in posted:
        blocks = message["blocks"] if isinstance(message["blocks"], str) else json.dumps(message["blocks"])
        assert f"Deal: {IN_SLACK}" in message["text"]
        assert json.dumps(f"Deal: {IN_SLACK}")[1:-1] in blocks
        assert "<" not in message["text"] + blocks


def test_the_reports_show_every_name_as_it_is(night: Night) -> None:
    for asset in ("pipeline_health", "rep_performance"):
        page = Path(night.told[asset]["page"]).read_text(encoding="utf-8")
        assert MARKUP in " ".join(Reader(page).lines())
        assert "script" not in Reader(page).tags
        assert "&amp;lt;" not in page
        assert "<script" not in night.told[asset]["report"]
        assert '&lt;@U123&gt; &amp; "Sons" &lt;script&gt;' in night.told[asset]["report"]
    stored = night.platform.warehouse.exported("reports", LAST_DAY).query("report == 'rep_performance'")
    assert MARKUP in stored["text"].iloc[0]
    assert "\n1. Wire money" not in stored["text"].iloc[0]


def test_dagster_shows_every_name_as_it_is(night: Night) -> None:
    for asset in ("messages", "coaching_cards"):
        assert "<script" not in night.told[asset]["preview"]
    assert '&lt;@U123&gt; &amp; "Sons" &lt;script&gt;' in night.told["coaching_cards"]["preview"]
    fence, *lines, end = night.told["messages"]["first_message"].splitlines()
    assert (fence, end) == ("```", "```")
    assert sum(line.startswith(f"Deal: {MARKUP}") for line in lines) >= 1


def test_an_export_has_every_name_as_it_is(night: Night, tmp_path) -> None:
    rows = night.platform.warehouse.exported("opportunities", None)
    write_table(rows, tmp_path / "opportunities.csv")
    read = read_csv_file(tmp_path / "opportunities.csv").frame
    assert read["name"].tolist() == rows["name"].tolist()
    assert read["name"].str.startswith(MARKUP).all()
