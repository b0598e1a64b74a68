"""What `salesinsight sync` says of each object."""

from typing import Any

from salesinsight_assets.cli.sync import object_lines

READ: dict[str, Any] = {"status": "complete", "source": "salesforce", "rows_read": 3, "api_calls": 2}
AWAY = "stored rows; Salesforce cannot be read (3.0 h old)"


def stale(source: str) -> dict[str, Any]:
    return {**READ, "status": "failed", "source": source}


def test_each_object_has_a_line_with_what_was_done() -> None:
    assert object_lines({"users": READ, "accounts": {**READ, "missing_columns": "industry"}}) == [
        "accounts                     complete: 3 read, 2 api calls; missing columns: industry",
        "users                        complete: 3 read, 2 api calls",
    ]


def test_a_reason_that_all_stale_objects_share_is_said_once() -> None:
    assert object_lines({"users": stale(AWAY), "tasks": stale(AWAY), "events": READ}) == [
        "events                       complete: 3 read, 2 api calls",
        "tasks                        failed: 3 read, 2 api calls",
        "users                        failed: 3 read, 2 api calls",
        f"all of them that are stale: {AWAY}",
    ]


def test_different_reasons_stand_beside_their_objects() -> None:
    lines = object_lines({"users": stale(AWAY), "tasks": stale("stored rows; no right (1.0 h old)")})
    assert [line.endswith("h old)") for line in lines] == [True, True]
