"""The watch from outside, on a real PostgreSQL that is ended and started again."""

import json
import logging
from collections.abc import Callable, Generator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from salesinsight_assets.adapters.warehouse import Warehouse, embedded_postgres
from salesinsight_assets.adapters.warehouse.incident_store import IncidentStore
from salesinsight_assets.adapters.warehouse.schema import ensure_database, upgrade
from salesinsight_assets.cli.runtime import dagster_environment
from salesinsight_assets.domain.monitoring.incidents import Incident
from salesinsight_assets.policies import Policies
from salesinsight_assets.settings import load_settings
from salesinsight_assets.watch.outside import STATE_FILE, OutsideWatch
from salesinsight_assets_tests.drill.deployment import kill_postgres
from salesinsight_assets_tests.scripted_slack import ScriptedSlack

pytestmark = pytest.mark.slow
START = datetime.now(UTC)
LOG = logging.getLogger("test")


class Server:
    """A PostgreSQL of its own under a folder, with both databases."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self.stack = folder, stack
        self.url = self.start()

    def start(self) -> str:
        server = self.stack.enter_context(embedded_postgres(self.folder))
        url = ensure_database(server, "salesinsight")
        ensure_database(server, "dagster")
        upgrade(url)
        return url


@pytest.fixture
def server(work_folder: Path) -> Generator[Server]:
    with ExitStack() as stack:
        yield Server(work_folder, stack)


@pytest.fixture
def watch(server, slack, monkeypatch) -> Callable[[], OutsideWatch]:
    """A watch that begins anew, as after a restart of its process."""
    environment = {
        **dagster_environment(server.folder, server.url),
        "SLACK_BOT_TOKEN": "xoxb-of-a-test",
        "SLACK_OPS_CHANNEL": "#data",
        "SLACK_API_URL": slack.url,
    }
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    return lambda: OutsideWatch.resumed(load_settings(), Policies(), server.url, START)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def told(slack: ScriptedSlack) -> list[str]:
    return [message["text"].split("\n")[0] for message in slack.posted]


def open_incidents(server: Server) -> list[Incident]:
    return IncidentStore(Warehouse(server.url)).open()


def test_a_database_that_dies_is_paged_once_also_by_a_watch_that_is_restarted_and_handed_over_later(
    server, slack, watch
) -> None:
    first = watch()
    assert first.look(at(0), LOG) == {}
    kill_postgres(server.folder)
    assert first.look(at(20), LOG) == {}
    slack.script = [(200, {}, {"ok": False, "error": "channel_not_found"})]
    assert list(first.look(at(80), LOG)) == ["database"]
    assert told(slack) == []
    first.look(at(100), LOG)
    assert told(slack) == [f"🚨 PostgreSQL does not answer (since {at(20):%H:%M})"]
    assert "salesinsight" in slack.posted[0]["text"]
    again = watch()
    assert list(again.look(at(120), LOG)) == ["database"]
    server.start()
    assert again.look(at(140), LOG) == {}
    (kept,) = open_incidents(server)
    assert (kept.key, kept.symptom, kept.began_at, kept.over_at) == ("database", "outage", at(20), at(140))
    assert IncidentStore(Warehouse(server.url)).to_tell("slack", at(150)) == []
    assert again.look(at(160), LOG) == {}
    assert len(slack.posted) == 1
    assert json.loads((server.folder / STATE_FILE).read_text())["ended"] == []


def test_sensors_that_do_not_look_are_paged_and_the_incident_is_open_in_the_table(server, slack, watch) -> None:
    outside = watch()
    assert outside.look(at(200), LOG) == {}
    assert list(outside.look(at(301), LOG)) == ["sensors"]
    outside.look(at(321), LOG)
    (text,) = told(slack)
    assert text.startswith("🚨 Dagster does not look: its daemon, or the code location, is down")
    (kept,) = open_incidents(server)
    assert (kept.key, kept.over_at) == ("sensors", None)
