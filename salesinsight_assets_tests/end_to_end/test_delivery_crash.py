"""Real processes that send are killed (SIGKILL) at every state of a message, and others go on: nothing twice, nothing lost.

Each instant is exact: a server that the message has just reached, or a lock on its row that stops the process before the next
statement. What may have arrived stays `unknown` where it cannot be looked up, and the data engineer is told of it.
"""

import os
import signal
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from multiprocessing.connection import wait as wait_for_end
from multiprocessing.context import ForkServerProcess
from threading import Thread
from typing import Any

import dagster as dg
import psycopg2
import pytest

from salesinsight_assets.adapters.mail import message_id
from salesinsight_assets.adapters.warehouse.outbox import Outbox
from salesinsight_assets.adapters.warehouse.report_store import queue_reports
from salesinsight_assets.alarms import tell_of_messages
from salesinsight_assets.domain.reports.report import COMPANY, Report, report_messages
from salesinsight_assets.resending import send_what_waits
from salesinsight_assets.settings import load_settings
from salesinsight_assets_tests.conftest import Platform
from salesinsight_assets_tests.end_to_end.delivering_process import delivering
from salesinsight_assets_tests.scripted_mail import LOST_AFTER as MAIL_LOST_AFTER
from salesinsight_assets_tests.scripted_mail import LOST_BEFORE as MAIL_LOST_BEFORE
from salesinsight_assets_tests.scripted_mail import TAKEN, ScriptedMail, scripted_mail
from salesinsight_assets_tests.scripted_slack import LOST_AFTER, LOST_BEFORE, POSTED, ScriptedSlack, scripted_slack

pytestmark = [pytest.mark.slow, pytest.mark.timeout(500)]
CLAIM_IS_OVER = timedelta(minutes=11)
HOURS_LATER = timedelta(hours=3)
READERS = [f"reader-{n}@example.com" for n in range(4)]


@pytest.fixture
def mail(tmp_path) -> Iterator[ScriptedMail]:
    with scripted_mail(tmp_path) as server:
        yield server


@pytest.fixture
def slack() -> Iterator[ScriptedSlack]:
    with scripted_slack() as server:
        yield server


@dataclass
class Sending:
    """Processes that send what waits on one platform, and the locks that stop them."""

    platform: Platform
    wait_for: Callable[..., Any]
    processes: list[ForkServerProcess] = field(default_factory=list)

    @property
    def outbox(self) -> Outbox:
        return Outbox(self.platform.warehouse)

    def start(self, after: timedelta = timedelta(0)) -> ForkServerProcess:
        """A process whose clock stands so long after the morning's."""
        process = delivering(os.environ, self.platform.last_day, self.platform.morning_after + after)
        self.processes.append(process)
        return process

    def run(self, after: timedelta = timedelta(0)) -> None:
        """A process to its end."""
        process = self.start(after)
        process.join(60)
        assert process.exitcode == 0

    def run_if_asked_for(self, after: timedelta) -> None:
        """The run that the sensor asks for; it must ask."""
        self.platform.set_time(self.platform.morning_after + after)
        result = send_what_waits(dg.build_sensor_context(self.platform.instance))
        assert isinstance(result, dg.SensorResult), result
        self.run(after)

    def kill(self) -> None:
        """SIGKILL to the process that was begun last; it is gone when this returns.

        Its exit code can be read once only, and the test's own thread does that (`assert_killed`).
        """
        self.processes[-1].kill()
        wait_for_end([self.processes[-1].sentinel], 30)

    def assert_killed(self) -> None:
        """The process that was begun last ended by SIGKILL."""
        self.processes[-1].join(60)
        assert self.processes[-1].exitcode == -signal.SIGKILL

    def kill_once_stopped(self, lock: "RowLock") -> None:
        """Kill the process once it waits for a row that is locked."""
        self.wait_for(lambda: self.stopped() == 1)
        self.kill()
        self.assert_killed()
        lock.release()

    def stopped(self) -> int:
        """How many processes wait for a lock."""
        rows = self.platform.warehouse.read(
            "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() AND cardinality(pg_blocking_pids(pid)) > 0"
        )
        return int(rows["n"][0])

    def due(self, channel: str) -> list[str]:
        """The keys of what waits, in the order in which it is tried."""
        at = self.platform.morning_after
        return [due.message_key for due in self.outbox.due(channel, self.platform.last_day, at)]

    def states(self, channel: str) -> dict[str, str]:
        """The state of each message of the day."""
        rows = self.platform.warehouse.exported("outbox", self.platform.last_day).query("channel == @channel")
        return dict(zip(rows["message_key"], rows["status"], strict=True))

    def told(self) -> str:
        """What the data engineer is told."""
        with scripted_slack() as ops:
            self.platform.set_environment(
                {"SLACK_BOT_TOKEN": "xoxb", "SLACK_API_URL": ops.url, "SLACK_OPS_CHANNEL": "#data"}
            )
            tell_of_messages(dg.build_sensor_context(self.platform.instance))
        return "\n".join(fields["text"] for _, _, fields in ops.calls)


class RowLock:
    """A lock on one message: others read it, whoever writes it waits."""

    def __init__(self, url: str, key: str) -> None:
        self._connection = psycopg2.connect(url)
        self._connection.cursor().execute(
            "SELECT 1 FROM engagement.outbox WHERE message_key = %s FOR UPDATE NOWAIT", (key,)
        )

    def release(self) -> None:
        self._connection.close()


@contextmanager
def mute_server(at_contact: Callable[[], None]) -> Iterator[int]:
    """The port of a server that says nothing; `at_contact` is called at the instant at which somebody has connected."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def wait() -> None:
            contact, _ = server.accept()
            at_contact()
            contact.close()

        thread = Thread(target=wait, daemon=True)
        thread.start()
        yield server.getsockname()[1]
        thread.join(30)


@pytest.fixture
def sending(platform_after_a_night: Platform, wait_for) -> Iterator[Sending]:
    platform_after_a_night.set_environment({"MAIL_FROM": "SalesInsight <insight@example.com>"})
    made = Sending(platform_after_a_night, wait_for)
    yield made
    for process in made.processes:
        process.kill()
        process.join(30)


def queue_report(platform: Platform) -> None:
    report = Report("pipeline_health", "What moved", COMPANY, platform.last_day, [], {"movement": b"\x89PNG"})
    queue_reports(platform.warehouse, report_messages(report, READERS, platform.morning_after))


@dataclass
class Channel:
    """One channel whose server calls a function at the instant at which it has a message, and answers by its result."""

    name: str
    script: list[Any]
    refuse_to_take: Any
    take_and_hang_up: Any
    take: Any
    address: Callable[[str], dict[str, str]]
    arrived: Callable[[], Counter[str]]


def by_mail(sending: Sending, mail: ScriptedMail) -> Channel:
    sending.platform.set_environment({"SMTP_URL": mail.url, "SSL_CERT_FILE": mail.ca_file})
    queue_report(sending.platform)
    settings = load_settings().mail
    assert settings
    key_of = {message_id(settings, key): key for key in sending.states("email")}

    def address(elsewhere: str) -> dict[str, str]:
        return {"SMTP_URL": f"smtp://127.0.0.1:{elsewhere}?tls=none" if elsewhere else mail.url}

    return Channel(
        "email",
        mail.data,
        MAIL_LOST_BEFORE,
        MAIL_LOST_AFTER,
        TAKEN,
        address,
        lambda: Counter(key_of[message["Message-ID"]] for message in mail.taken),
    )


def by_slack(sending: Sending, slack: ScriptedSlack) -> Channel:
    def address(elsewhere: str) -> dict[str, str]:
        return {"SLACK_API_URL": f"http://127.0.0.1:{elsewhere}/api/" if elsewhere else slack.url}

    sending.platform.set_environment({"SLACK_BOT_TOKEN": "xoxb-of-a-test", **address("")})
    sending.platform.warehouse.execute(
        "INSERT INTO engagement.outbox SELECT (jsonb_populate_record(o, jsonb_build_object('message_key', message_key || ':2'))).*"
        " FROM engagement.outbox AS o WHERE channel = 'slack'"
    )
    return Channel(
        "slack",
        slack.script,
        LOST_BEFORE,
        LOST_AFTER,
        POSTED,
        address,
        lambda: Counter(message["metadata"]["event_payload"]["message_key"] for message in slack.posted),
    )


def killed_at_every_instant(sending: Sending, channel: Channel) -> dict[str, str]:
    """One message killed at each instant; the keys of the messages by the instant, in words."""
    url, hit = sending.platform.warehouse.url, {}

    def first() -> str:
        return sending.due(channel.name)[0]

    def killing(answer: Any) -> Callable[[], Any]:
        return lambda: (sending.kill(), answer)[1]

    hit["claimed, nothing said"] = first()
    with mute_server(sending.kill) as port:
        sending.platform.set_environment(channel.address(str(port)))
        sending.start()
    sending.assert_killed()
    sending.platform.set_environment(channel.address(""))

    for instant, answer in (("not taken", channel.refuse_to_take), ("taken, not answered", channel.take_and_hang_up)):
        hit[instant] = first()
        channel.script.append(killing(answer))
        sending.start()
        sending.assert_killed()

    locks: list[RowLock] = []

    def answered_with_a_lock(key: str) -> Callable[[], Any]:
        return lambda: (locks.append(RowLock(url, key)), channel.take)[1]

    hit["answered, not written"] = first()
    channel.script.append(answered_with_a_lock(first()))
    sending.start()
    sending.wait_for(lambda: locks)
    sending.kill_once_stopped(locks.pop())

    written, after_it = sending.due(channel.name)[:2]
    hit["written"] = written
    channel.script.append(answered_with_a_lock(after_it))
    sending.start()
    sending.wait_for(lambda: locks)
    sending.kill_once_stopped(locks.pop())

    hit["before the claim"] = first()
    lock = RowLock(url, first())
    sending.start()
    sending.kill_once_stopped(lock)
    return hit


WHILE_A_CLAIM_LASTS = {
    "before the claim": "sent",
    "claimed, nothing said": "sending",
    "not taken": "sending",
    "taken, not answered": "sending",
    "answered, not written": "sending",
    "written": "sent",
}
"""What others, who went on at once, have left or made of each."""
ONCE_IT_IS_OVER = {name: "unknown" if status == "sending" else status for name, status in WHILE_A_CLAIM_LASTS.items()}


def states_of(sending: Sending, channel: Channel, hit: dict[str, str]) -> dict[str, str]:
    states = sending.states(channel.name)
    return {instant: states[key] for instant, key in hit.items()}


def test_mails_and_reports_of_killed_processes_arrive_once_or_are_reported(sending, mail) -> None:
    channel = by_mail(sending, mail)
    hit = killed_at_every_instant(sending, channel)
    assert len(set(hit.values())) == len(WHILE_A_CLAIM_LASTS)
    sending.run()
    assert states_of(sending, channel, hit) == WHILE_A_CLAIM_LASTS
    sending.run_if_asked_for(CLAIM_IS_OVER)
    sending.run(HOURS_LATER)
    assert states_of(sending, channel, hit) == ONCE_IT_IS_OVER
    never = {hit["claimed, nothing said"], hit["not taken"]}
    assert channel.arrived() == Counter(sending.states("email").keys() - never)
    told = sending.told()
    rows = sending.platform.warehouse.exported("outbox", sending.platform.last_day)
    for row in rows[rows["channel"] == "email"].itertuples():
        assert (f"email for {row.recipient}, unknown" in told) == (row.status == "unknown")


def test_slack_messages_of_killed_processes_all_arrive_once(sending, slack) -> None:
    channel = by_slack(sending, slack)
    hit = killed_at_every_instant(sending, channel)
    assert len(set(hit.values())) == len(WHILE_A_CLAIM_LASTS)
    sending.run()
    assert states_of(sending, channel, hit) == WHILE_A_CLAIM_LASTS
    sending.run_if_asked_for(CLAIM_IS_OVER)
    assert states_of(sending, channel, hit) == {
        **dict.fromkeys(hit, "sent"),
        "claimed, nothing said": "pending",
        "not taken": "pending",
    }
    sending.run_if_asked_for(HOURS_LATER)
    assert set(sending.states("slack").values()) == {"sent"}
    assert channel.arrived() == Counter(sending.states("slack").keys())
    assert sending.told() == ""


def test_two_processes_that_want_the_same_message_send_it_once(sending, mail) -> None:
    channel = by_mail(sending, mail)
    lock = RowLock(sending.platform.warehouse.url, sending.due("email")[0])
    both = [sending.start(), sending.start()]
    sending.wait_for(lambda: sending.stopped() == 2)
    lock.release()
    for process in both:
        process.join(60)
        assert process.exitcode == 0
    assert channel.arrived() == Counter(sending.states("email").keys())
    assert set(sending.states("email").values()) == {"sent"}
