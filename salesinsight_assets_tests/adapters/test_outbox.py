"""The outbox between several processes: what one has found out does not undo what another has done since."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from salesinsight_assets.adapters.warehouse.outbox import Claimed, Outbox
from salesinsight_assets.domain.delivery.attempts import CLAIM_LASTS, Next

DAY = date(2024, 3, 15)
NOW = datetime(2024, 3, 16, 5, 30, tzinfo=UTC)
SOON = NOW + timedelta(minutes=1)
FAILED_ONCE = Next("pending", SOON, "Slack was asked: the message had not arrived")


@pytest.fixture
def outbox(warehouse) -> Outbox:
    return Outbox(warehouse)


def put(warehouse, key: str = "a", **columns: Any) -> None:
    """One message that waits, but for `columns`."""
    usual = {
        "channel": "slack",
        "owner_id": "005A",
        "recipient": f"{key}@example.com",
        "status": "pending",
        "attempts": 0,
    }
    row = {"message_key": key, **usual, "as_of_date": DAY, "payload": {}, "queued_at": NOW, **columns}
    warehouse.execute(
        "INSERT INTO engagement.outbox SELECT * FROM jsonb_populate_record(NULL::engagement.outbox, $1::text::jsonb)",
        (json.dumps(row, default=str),),
    )


def claimed(outbox: Outbox, at: datetime = NOW) -> Claimed:
    message = outbox.claim("a", at)
    assert message
    return message


def status(warehouse) -> str:
    return warehouse.read("SELECT status FROM engagement.outbox WHERE message_key = 'a'")["status"][0]


def test_a_message_that_is_tried_again_is_not_put_back_by_who_looked_it_up_before(warehouse, outbox) -> None:
    put(warehouse)
    outbox.settle(claimed(outbox), Next("unknown"), NOW, None)
    (looked_up,) = outbox.unsettled("slack", NOW)
    (by_another,) = outbox.unsettled("slack", NOW)
    outbox.settle(looked_up, FAILED_ONCE, NOW, None)
    second = claimed(outbox, SOON)
    outbox.settle(by_another, FAILED_ONCE, SOON, None)
    assert status(warehouse) == "sending", "else a third process would send it"
    outbox.settle(second, Next("sent"), SOON, "2.0")
    assert status(warehouse) == "sent"


def test_a_message_that_a_slow_process_has_sent_after_all_is_not_sent_again(warehouse, outbox) -> None:
    put(warehouse)
    slow = claimed(outbox)
    later = NOW + CLAIM_LASTS + timedelta(minutes=1)
    outbox.release_abandoned(later)
    outbox.settle(outbox.unsettled("slack", later)[0], FAILED_ONCE, later, None)
    outbox.settle(slow, Next("sent"), later, "1.0")
    assert outbox.claim("a", later + timedelta(hours=1)) is None
    assert status(warehouse) == "sent"


@pytest.mark.parametrize(
    ("columns", "minutes", "since"),
    [
        ({}, 9, None),
        ({}, 10, NOW + CLAIM_LASTS),
        ({"retry_at": NOW}, 0, NOW),
        ({"retry_at": SOON}, 0, None),
        ({"message_key": "report:a"}, 0, NOW),
        ({"status": "sending", "retry_at": NOW, "claimed_at": SOON}, 12, SOON),
        ({"status": "sending", "retry_at": NOW, "claimed_at": SOON}, 9, None),
        ({"status": "unknown", "claimed_at": NOW}, 0, NOW),
        ({"status": "unknown", "claimed_at": NOW, "retry_at": SOON}, 0, None),
        ({"status": "unknown", "claimed_at": NOW, "channel": "email"}, 60, None),
    ],
)
def test_messages_that_a_killed_process_left_behind_wait_like_those_of_a_busy_server(
    warehouse, outbox, columns, minutes, since
) -> None:
    put(warehouse, **columns)
    now = NOW + timedelta(minutes=minutes)
    assert outbox.waiting_since(DAY, ["email", "slack"], now) == since
    assert outbox.waiting_since(DAY, ["email"], now) is None, "Slack cannot be reached by anybody"


def test_what_did_not_arrive_is_told_for_as_long_as_it_may_be_found_out(warehouse, outbox) -> None:
    for days in range(3):
        put(warehouse, str(days), status="failed", error="550", as_of_date=DAY - timedelta(days=days))
    assert outbox.undelivered(DAY - timedelta(days=2), DAY) == {
        f"{day}, slack for {n}@example.com, failed": "550" for n, day in enumerate((DAY, DAY - timedelta(days=1)))
    }
