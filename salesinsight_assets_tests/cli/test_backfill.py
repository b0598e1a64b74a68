"""Past days worked through again, with a mail server, Slack and readers configured, reach nobody and leave nothing to send."""

import socket
from collections.abc import Iterator
from contextlib import closing
from datetime import date, timedelta
from threading import Thread

import pytest
from click.testing import CliRunner
from dagster._core.storage.dagster_run import DagsterRun

from salesinsight_assets.cli import nightly, replay
from salesinsight_assets.domain.reports.due import due_after
from salesinsight_assets.sending import SEND_TAG
from salesinsight_assets_tests.conftest import LAST_DAY, REPORTS, SMALL_MODEL, Platform

FRIDAY, SUNDAY, TUESDAY = (date(2025, 3, day) for day in (14, 16, 18))
PAST_DAYS = (FRIDAY, SUNDAY, TUESDAY, LAST_DAY)
"""On the mornings after which every report is due; the last is the one after which a night tells people."""
BACKFILL = DagsterRun.tags_for_backfill_id("abcdefgh")
CATCHING_UP = {**BACKFILL, SEND_TAG: "true"}
READERS = "\n[reports]\n" + "\n".join(f'{report} = ["reader@example.com"]' for report in REPORTS)


class Contacts:
    """A server on a port of 127.0.0.1 that counts who connects, and hangs up."""

    def __init__(self) -> None:
        self.made = 0
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        Thread(target=self._count, daemon=True).start()

    def _count(self) -> None:
        while True:
            try:
                contact, _ = self._server.accept()
            except OSError:
                return
            self.made += 1
            contact.close()

    def close(self) -> None:
        self._server.close()


@pytest.fixture
def mail_server() -> Iterator[Contacts]:
    with closing(Contacts()) as server:
        yield server


@pytest.fixture
def slack_server() -> Iterator[Contacts]:
    with closing(Contacts()) as server:
        yield server


@pytest.fixture
def platform(trained_platform: Platform, mail_server: Contacts, slack_server: Contacts) -> Platform:
    """The platform with both channels, and readers of every report."""
    trained_platform.configure(SMALL_MODEL + READERS)
    trained_platform.set_environment(
        {
            "SMTP_URL": f"smtp://127.0.0.1:{mail_server.port}?tls=none",
            "MAIL_FROM": "insight@example.com",
            "SLACK_BOT_TOKEN": "xoxb-of-a-test",
            "SLACK_API_URL": f"http://127.0.0.1:{slack_server.port}/api/",
        }
    )
    return trained_platform


def test_a_backfill_a_replay_and_a_past_night_send_nothing(platform, mail_server, slack_server) -> None:
    for day in PAST_DAYS:
        platform.run_well("night_without_sync", day, BACKFILL)
        for report in due_after(day):
            platform.run_well(f"report_{report}", day, BACKFILL)
    platform.run_well("deliver", LAST_DAY, BACKFILL)
    assert {report for day in PAST_DAYS for report in due_after(day)} == set(REPORTS)
    for command, *arguments in (
        (replay.command, "--from", LAST_DAY, "--to", LAST_DAY),
        (nightly.command, "--date", SUNDAY),
    ):
        result = CliRunner().invoke(command, [str(argument) for argument in arguments])
        assert (result.exit_code, result.exception) == (0, None), result.output
    alerts = platform.warehouse.exported("rep_alerts", None)
    assert set(alerts.loc[alerts["status"] == "to_send", "as_of_date"].dt.date) == set(PAST_DAYS)
    assert platform.warehouse.exported("outbox", None).empty
    assert (mail_server.made, slack_server.made) == (0, 0)
    platform.materialize("messages", "deliveries", partition=LAST_DAY)
    assert mail_server.made > 0
    assert slack_server.made > 0, "the night itself does tell people"


def test_a_missed_week_is_caught_up_and_only_what_is_still_true_is_told(platform, mail_server, slack_server) -> None:
    week = [LAST_DAY - timedelta(days=ago) for ago in range(6, -1, -1)]
    for day in week[:-1]:
        platform.run_well("night_without_sync", day, CATCHING_UP)
    alerts = platform.warehouse.exported("rep_alerts", None)
    missed = alerts.loc[alerts["status"] == "to_send", ["opportunity_id", "rule"]]
    assert len(missed) > 0
    assert platform.warehouse.exported("outbox", None).empty
    assert (mail_server.made, slack_server.made) == (0, 0)
    platform.run_well("night_without_sync", week[-1], CATCHING_UP)
    outbox = platform.warehouse.exported("outbox", None)
    assert set(outbox["as_of_date"].dt.date) == {LAST_DAY}
    assert mail_server.made > 0
    today = platform.warehouse.exported("rep_alerts", LAST_DAY)
    told = today.loc[today["status"] == "to_send", ["opportunity_id", "rule"]]
    assert len(told.merge(missed)) > 0, "what nobody was told of in the missed week is told now, where it still holds"
    assert not today["suppressed_because"].fillna("").str.contains("told on").any(), "nobody was told of anything"
