"""The week before a day: what was recommended in messages that were not given up, and what people did."""

import json
from datetime import UTC, date, datetime, timedelta

import pytest

from salesinsight_assets.adapters.warehouse.last_week import last_week

DAY = date(2024, 3, 15)
AS_OF = datetime(2024, 3, 15, 23, 59, 59, 999999, tzinfo=UTC)


def queue(warehouse, key: str, day: date, action: str, status: str = "sent") -> None:
    payload = json.dumps({"deals": [{"opportunity_id": "a", "content": {"actions": [action]}}]})
    warehouse.execute(
        "INSERT INTO engagement.outbox (message_key, channel, owner_id, as_of_date, status, attempts, payload, queued_at)"
        " VALUES ($1, 'email', 'rep', $2, $3, 1, $4::jsonb, now())",
        (key, day, status, payload),
    )


def test_what_was_recommended_seven_days_ago_counts_and_what_was_cancelled_does_not(warehouse) -> None:
    queue(warehouse, "8", DAY - timedelta(days=8), "too old")
    queue(warehouse, "7", DAY - timedelta(days=7), "a week old")
    queue(warehouse, "1", DAY - timedelta(days=1), "cancelled", "cancelled")
    queue(warehouse, "0", DAY, "of today")
    assert last_week(warehouse, DAY, AS_OF).recommended == {"a": {"a week old"}}


@pytest.mark.parametrize(
    ("table", "ago", "done"),
    [
        ("tasks", timedelta(days=1), {"activity"}),
        ("events", timedelta(days=1), {"activity", "meeting"}),
        ("events", timedelta(days=7, minutes=1), None),
        ("events", timedelta(minutes=-1), None),
    ],
)
def test_activities_of_the_week_are_done(warehouse, table, ago, done) -> None:
    warehouse.execute(
        f"INSERT INTO crm.{table} (id, what_id, created_date, is_deleted, valid_from, stamped_at, synced_at, source)"
        " VALUES ('t', 'a', $1, false, $1, $1, $1, 'salesforce')",
        (AS_OF - ago,),
    )
    assert last_week(warehouse, DAY, AS_OF).done.get("a") == done


def test_changes_since_the_same_weekday_are_done(warehouse) -> None:
    rows = [(DAY - timedelta(days=7), "Proposal", 10.0), (DAY, "Negotiation", 10.0)]
    for day, stage, amount in rows:
        warehouse.execute(
            "INSERT INTO insight.open_opportunities (as_of_date, opportunity_id, stage_name, amount, next_step)"
            " VALUES ($1, 'a', $2, $3, CASE WHEN $1 = DATE '2024-03-15' THEN 'call' END)",
            (day, stage, amount),
        )
    assert last_week(warehouse, DAY, AS_OF).done == {"a": {"stage", "next step"}}
    assert last_week(warehouse, DAY - timedelta(days=7), AS_OF - timedelta(days=7)).done == {}
