"""The derived tables: a partition is replaced, a prediction never, a message key is used once."""

import json
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import psycopg2
import pytest

from salesinsight_assets.adapters.warehouse import Warehouse, tables
from salesinsight_assets.adapters.warehouse.outbox import Outbox

DAY, NEXT_DAY = date(2026, 3, 1), date(2026, 3, 2)
SCORED_AT = datetime(2026, 3, 2, 4, tzinfo=UTC)


def alerts(*ranks: int, **changes: Any) -> pd.DataFrame:
    rows = {
        "opportunity_id": [f"006{rank}" for rank in ranks],
        "rule": "likely_loss",
        "owner_id": "005A",
        "priority": "HIGH",
        "amount": 60_000.0,
        "win_probability": 0.2,
        "rank": list(ranks),
        "status": "to_send",
        "suppressed_because": None,
        "episode_id": "e",
        "experiment": None,
        "arm": None,
    }
    return pd.DataFrame({**rows, **changes})


def scores(*probabilities: float, **changes: Any) -> pd.DataFrame:
    rows = {
        "opportunity_id": [f"006{number}" for number in range(len(probabilities))],
        "owner_id": "005A",
        "amount": 60_000.0,
        "win_probability": list(probabilities),
        "win_probability_7d_ago": float("nan"),
        "risk_level": "HIGH",
        "reasons": json.dumps([{"text": "21 days in “Proposal”", "value": 0.1 + 0.2}]),
        "model_id": "win-1",
        "is_fallback": False,
        "is_shown": True,
    }
    return pd.DataFrame({**rows, **changes})


def message(key: str, **changes: Any) -> dict[str, Any]:
    return {
        "message_key": key,
        "channel": "email",
        "owner_id": "005A",
        "opportunity_id": None,
        "recipient": "ann@example.com",
        "as_of_date": DAY,
        "status": "pending",
        "attempts": 0,
        "payload": json.dumps({"text": "🔴"}, ensure_ascii=False),
        "queued_at": SCORED_AT,
        **dict.fromkeys(("sent_at", "claimed_at", "retry_at"), pd.NaT),
        **dict.fromkeys(("error", "reference")),
        **changes,
    }


def replace(warehouse: Warehouse, frame: pd.DataFrame, day: date = DAY) -> None:
    warehouse.replace_partition(tables.rep_alerts, {"as_of_date": day}, frame)


# --- partitions ---


def test_a_partition_is_replaced_and_its_neighbours_stay(warehouse: Warehouse) -> None:
    replace(warehouse, alerts(9), NEXT_DAY)
    replace(warehouse, alerts(1, 2, 3))
    replace(warehouse, alerts(1, 2))
    replace(warehouse, alerts(1, 2))
    assert list(warehouse.partition("rep_alerts", DAY)["rank"]) == [1, 2]
    assert list(warehouse.partition("rep_alerts", NEXT_DAY)["rank"]) == [9]


def test_a_partition_may_become_empty(warehouse: Warehouse) -> None:
    replace(warehouse, alerts(1))
    replace(warehouse, alerts())
    assert len(warehouse.partition("rep_alerts", DAY)) == 0


def test_a_partition_that_cannot_be_written_stays_as_it_was(warehouse: Warehouse) -> None:
    replace(warehouse, alerts(1, 2))
    with pytest.raises(Exception, match="duplicate key"):
        replace(warehouse, alerts(5, 5))
    assert list(warehouse.partition("rep_alerts", DAY)["rank"]) == [1, 2]


def test_a_frame_with_other_columns_is_refused_by_their_names(warehouse: Warehouse) -> None:
    with pytest.raises(ValueError, match=r"insight\.rep_alerts: expected exactly its columns, but mood, rule differ"):
        replace(warehouse, alerts(1).rename(columns={"rule": "mood"}))


def test_rows_that_were_filtered_before_keep_their_day(warehouse: Warehouse) -> None:
    """A frame's row labels say nothing: those of a filtered frame do not begin at 0."""
    replace(warehouse, alerts(1, 2, 3).iloc[1:])
    assert list(warehouse.partition("rep_alerts", DAY)["rank"]) == [2, 3]
    append(warehouse, scores(0.1, 0.2, 0.3).iloc[1:], "first")
    assert list(warehouse.partition("opportunity_scores", DAY)["win_probability"]) == [0.2, 0.3]


def test_the_alerts_of_a_range_of_days_come_by_day_and_rank(warehouse: Warehouse) -> None:
    replace(warehouse, alerts(2, 1), NEXT_DAY)
    replace(warehouse, alerts(4))
    found = warehouse.alerts_between(DAY, NEXT_DAY)
    assert list(found["rank"]) == [4, 1, 2]
    assert len(warehouse.alerts_between(NEXT_DAY, NEXT_DAY)) == 2


# --- the ledger of predictions ---


def append(warehouse: Warehouse, frame: pd.DataFrame, run: str, minutes: int = 0) -> bool:
    model_id = frame["model_id"].iloc[0] if len(frame) else "win-1"
    return warehouse.append_scores(DAY, frame, model_id, run, SCORED_AT + timedelta(minutes=minutes))


def runs(warehouse: Warehouse) -> list[str]:
    return list(warehouse.read("SELECT DISTINCT run_id FROM insight.prediction_ledger ORDER BY 1")["run_id"])


def test_the_same_prediction_is_kept_once(warehouse: Warehouse) -> None:
    assert append(warehouse, scores(0.1, 0.3), "first")
    assert not append(warehouse, scores(0.1, 0.3), "second", minutes=5)
    assert not append(warehouse, scores(0.1, 0.3).iloc[::-1], "in another order", minutes=6)
    assert runs(warehouse) == ["first"]


def test_another_prediction_is_kept_beside_it_and_the_latest_is_shown(warehouse: Warehouse) -> None:
    append(warehouse, scores(0.1, 0.3), "first")
    assert append(warehouse, scores(0.1, 0.31), "second", minutes=5)
    assert runs(warehouse) == ["first", "second"]
    assert list(warehouse.partition("opportunity_scores", DAY)["win_probability"]) == [0.1, 0.31]
    assert append(warehouse, scores(0.1, 0.3), "third", minutes=9)
    assert list(warehouse.partition("opportunity_scores", DAY)["win_probability"]) == [0.1, 0.3]


@pytest.mark.parametrize(
    "change",
    [
        {"reasons": json.dumps([])},
        {"model_id": "rules", "is_fallback": True},
        {"win_probability_7d_ago": 0.5},
        {"amount": float("nan")},
        {"owner_id": None},
        {"win_probability": [0.1, 0.30000000000000004]},
    ],
    ids=lambda change: next(iter(change)),
)
def test_whatever_else_differs_is_another_prediction(warehouse: Warehouse, change: dict[str, Any]) -> None:
    append(warehouse, scores(0.1, 0.3), "first")
    assert append(warehouse, scores(0.1, 0.3, **change), "second", minutes=5)


def test_a_deal_that_left_is_not_shown_with_the_latest_run(warehouse: Warehouse) -> None:
    append(warehouse, scores(0.1, 0.3), "first")
    append(warehouse, scores(0.1), "second", minutes=5)
    assert len(warehouse.partition("opportunity_scores", DAY)) == 1
    assert len(warehouse.read("SELECT 1 FROM insight.prediction_ledger")) == 3


def test_of_two_runs_at_one_moment_the_later_is_shown(warehouse: Warehouse) -> None:
    for number in range(8):
        append(warehouse, scores(0.1 + number / 100), f"run {7 - number}")
        assert list(warehouse.partition("opportunity_scores", DAY)["win_probability"]) == [0.1 + number / 100]


def test_a_day_on_which_no_deal_is_open_any_more_shows_no_scores(warehouse: Warehouse) -> None:
    append(warehouse, scores(0.1, 0.3), "first")
    assert append(warehouse, scores(), "second", minutes=5)
    assert len(warehouse.partition("opportunity_scores", DAY)) == 0
    assert not append(warehouse, scores(), "third", minutes=6)


# --- alerts, told or not ---


def queue(warehouse: Warehouse, *messages: dict[str, Any], worded: Sequence[str] = ()) -> int:
    return warehouse.queue(pd.DataFrame(list(messages)), DAY, worded, SCORED_AT)


def test_alerts_that_were_told_are_not_replaced(warehouse: Warehouse) -> None:
    assert warehouse.replace_alerts(DAY, alerts(1), open_deals=3)
    queue(warehouse, message("digest"), worded=["0061"])
    assert not warehouse.replace_alerts(DAY, alerts(2), open_deals=3)
    assert list(warehouse.partition("rep_alerts", DAY)["rank"]) == [1]


def test_messages_that_tell_of_alerts_that_were_replaced_are_not_queued(warehouse: Warehouse) -> None:
    warehouse.replace_alerts(DAY, alerts(1), open_deals=3)
    warehouse.replace_alerts(DAY, alerts(2), open_deals=3)
    with pytest.raises(ValueError, match="the alerts of 2026-03-01 have changed since they were worded"):
        queue(warehouse, message("digest"), worded=["0061"])
    assert len(warehouse.exported("outbox", None)) == 0


def test_alerts_wait_for_messages_that_are_being_queued(warehouse: Warehouse, wait_for) -> None:
    waiting = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with ThreadPoolExecutor(1) as pool:
        with warehouse.transaction() as sql:
            sql.execute("SELECT pg_advisory_xact_lock(hashtext($1))", (f"alerts of {DAY}",))
            other = pool.submit(Warehouse(warehouse.url).replace_alerts, DAY, alerts(1), 3)
            wait_for(lambda: other.done() or len(warehouse.read(waiting)) > 0, 30)
            assert not other.done()
        assert other.result(30)


def test_the_days_that_have_messages_are_known_also_where_all_failed(warehouse: Warehouse) -> None:
    warehouse.replace_alerts(DAY, alerts(1), open_deals=3)
    assert list(warehouse.alerts_between(DAY, DAY)["has_messages"]) == [False]
    queue(warehouse, message("digest", status="failed"), worded=["0061"])
    found = warehouse.alerts_between(DAY, DAY)
    assert (list(found["has_messages"]), list(found["is_told"])) == ([True], [False])


def test_the_last_day_of_alerts_is_known_also_where_it_had_none(warehouse: Warehouse) -> None:
    assert warehouse.last_alert_day(NEXT_DAY) is None
    warehouse.replace_alerts(DAY, alerts(), open_deals=7)
    assert warehouse.last_alert_day(NEXT_DAY) == DAY
    assert warehouse.last_alert_day(DAY) is None


def test_alerts_and_their_completeness_are_stored_together_or_not_at_all(warehouse: Warehouse) -> None:
    with pytest.raises(Exception, match="duplicate key"):
        warehouse.replace_alerts(DAY, alerts(5, 5), open_deals=7)
    assert warehouse.last_alert_day(NEXT_DAY) is None


@pytest.mark.parametrize(
    ("queued", "told"),
    [
        ([], []),
        ([message("digest")], ["0061", "0062"]),
        ([message("digest", status="failed")], []),
        ([message("digest", status="cancelled")], []),
        ([message("digest", status="unknown")], ["0061", "0062"]),
        ([message("digest", owner_id="005B")], []),
        ([message("digest", as_of_date=NEXT_DAY)], []),
        ([message("slack", channel="slack", opportunity_id="0061")], ["0061"]),
        ([message("digest", status="failed"), message("slack", opportunity_id="0062")], ["0062"]),
    ],
    ids=["nothing", "digest", "failed", "cancelled", "unknown", "of another", "of another day", "slack", "slack only"],
)
def test_an_alert_is_told_where_a_message_that_has_not_failed_tells_of_it(
    warehouse: Warehouse, queued: list[dict[str, Any]], told: list[str]
) -> None:
    warehouse.replace_alerts(DAY, alerts(1, 2, 3, status=["to_send", "to_send", "suppressed"]), open_deals=3)
    if queued:
        queue(warehouse, *queued, worded=["0061", "0062"])
    found = warehouse.alerts_between(DAY, DAY)
    assert list(found.loc[found["is_told"], "opportunity_id"]) == told
    assert warehouse.is_told(DAY) == bool(told or [row for row in queued if row["owner_id"] == "005B"])


# --- alerts that were held out ---

ONE_HELD_OUT = {"status": ["to_send", "held_out"], "arm": ["alerted", "held_out"], "experiment": "e"}


def day_row(warehouse: Warehouse) -> dict[Any, Any]:
    (row,) = warehouse.exported("alert_days", DAY).to_dict("records")
    return row


def test_those_held_out_are_counted_and_count_as_told_once_the_day_was_queued(warehouse: Warehouse) -> None:
    warehouse.replace_alerts(DAY, alerts(1, 2, **ONE_HELD_OUT), open_deals=3)
    row = day_row(warehouse)
    assert (row["to_send"], row["held_out"], row["suppressed"]) == (1, 1, 0)
    assert pd.isna([row["queued_at"], row["sent_at"]]).all()
    assert not warehouse.alerts_between(DAY, DAY)["is_told"].any()
    queue(warehouse, message("digest"), worded=["0061"])
    assert warehouse.alerts_between(DAY, DAY)["is_told"].all()
    assert day_row(warehouse)["queued_at"] == SCORED_AT


def test_a_day_whose_alerts_were_all_held_out_stays_as_it_is_once_it_was_queued(warehouse: Warehouse) -> None:
    only = {name: values[1:] for name, values in ONE_HELD_OUT.items() if name != "experiment"}
    warehouse.replace_alerts(DAY, alerts(1, **only), open_deals=3)
    assert not warehouse.is_told(DAY)
    no_message = pd.DataFrame([message("a")])[:0]
    for later in range(2):
        warehouse.queue(no_message, DAY, [], SCORED_AT + timedelta(hours=later))
    assert day_row(warehouse)["queued_at"] == SCORED_AT
    assert warehouse.is_told(DAY)
    assert not warehouse.replace_alerts(DAY, alerts(2), open_deals=3)
    assert list(warehouse.alerts_between(DAY, DAY)["is_told"]) == [True]


@pytest.mark.parametrize(
    ("queued", "sent_at"),
    [
        ([], SCORED_AT + timedelta(hours=9)),
        ([message("a", status="sent", sent_at=SCORED_AT + timedelta(hours=2))], SCORED_AT + timedelta(hours=2)),
        ([message("a", status="unknown", claimed_at=SCORED_AT + timedelta(hours=3))], SCORED_AT + timedelta(hours=3)),
        ([message("a", status="cancelled"), message("b", status="failed")], None),
        ([message("a", status="cancelled")], SCORED_AT + timedelta(hours=9)),
        ([message("a", status="pending")], None),
        ([message("report:a", status="sent", sent_at=SCORED_AT + timedelta(hours=4))], SCORED_AT + timedelta(hours=9)),
    ],
    ids=[
        "all held out",
        "sent",
        "perhaps arrived",
        "none arrived",
        "none left by the last look",
        "all waiting",
        "all held out, and a report",
    ],
)
def test_a_day_counts_as_sent_once_a_message_arrived_or_none_was_to_be(
    warehouse: Warehouse, queued: list[dict[str, Any]], sent_at: datetime | None
) -> None:
    warehouse.replace_alerts(DAY, alerts(1, 2, **ONE_HELD_OUT), open_deals=3)
    box = Outbox(warehouse)
    box.note_sent(DAY, SCORED_AT)
    assert pd.isna(day_row(warehouse)["sent_at"]), "nothing was queued"
    warehouse.queue(pd.DataFrame(queued or [message("a")])[: len(queued)], DAY, ["0061"], SCORED_AT)
    for hours in (9, 10):
        box.note_sent(DAY, SCORED_AT + timedelta(hours=hours))
    found = day_row(warehouse)["sent_at"]
    assert pd.isna(found) if sent_at is None else found == sent_at


@pytest.mark.parametrize("is_queued", [True, False])
def test_a_day_whose_run_was_killed_before_it_said_so_is_counted_as_sent_by_the_next(
    warehouse: Warehouse, is_queued: bool
) -> None:
    warehouse.replace_alerts(DAY, alerts(1, 2, **ONE_HELD_OUT), open_deals=3)
    sent = message("a", status="sent", sent_at=SCORED_AT + timedelta(hours=2))
    warehouse.queue(pd.DataFrame([sent])[: int(is_queued)], DAY, ["0061"], SCORED_AT)
    Outbox(warehouse).note_sent(DAY + timedelta(days=1), SCORED_AT + timedelta(days=1))
    found = day_row(warehouse)["sent_at"]
    assert found == sent["sent_at"] if is_queued else pd.isna(found), "when a day without messages began is not known"


# --- the outbox ---


def test_a_message_key_is_used_once_whatever_became_of_the_message(warehouse: Warehouse) -> None:
    assert queue(warehouse, message("a"), message("b")) == 2
    warehouse.execute("UPDATE engagement.outbox SET status = 'sent', attempts = 1 WHERE message_key = 'a'")
    assert queue(warehouse, message("a", payload="{}"), message("b"), message("c", recipient=None)) == 1
    found = warehouse.exported("outbox", None).set_index("message_key")
    assert dict(found["status"]) == {"a": "sent", "b": "pending", "c": "pending"}
    assert json.loads(found.at["a", "payload"]) == {"text": "🔴"}
    assert warehouse.queue(pd.DataFrame([message("a")])[:0], DAY, [], SCORED_AT) == 0


def test_a_message_that_failed_for_want_of_an_address_is_queued_once_there_is_one(warehouse: Warehouse) -> None:
    without = message("a", recipient=None, status="failed", error="no address")
    assert queue(warehouse, without) == 0
    again = {**without, "queued_at": SCORED_AT + timedelta(hours=1)}
    assert queue(warehouse, again) == 0
    assert warehouse.exported("outbox", None)["queued_at"][0] == SCORED_AT
    assert queue(warehouse, message("a")) == 1
    found = warehouse.exported("outbox", None)
    assert found[["status", "recipient"]].to_numpy().tolist() == [["pending", "ann@example.com"]]
    assert found["error"].isna().all()
    warehouse.execute("UPDATE engagement.outbox SET status = 'failed', attempts = 3")
    assert queue(warehouse, message("a", recipient="other@example.com")) == 0


def test_a_key_that_comes_twice_in_one_delivery_is_used_once(warehouse: Warehouse) -> None:
    assert queue(warehouse, message("a"), message("a")) == 1


# --- exports ---


def test_an_export_holds_all_days_or_one(warehouse: Warehouse) -> None:
    replace(warehouse, alerts(1, 2))
    replace(warehouse, alerts(3), NEXT_DAY)
    assert len(warehouse.exported("rep_alerts", None)) == 3
    assert list(warehouse.exported("rep_alerts", NEXT_DAY)["rank"]) == [3]


@pytest.mark.parametrize(
    ("table", "day", "message"),
    [
        ("rep_alert", None, "expected one of .*rep_alerts.*, got rep_alert; correct its name"),
        ("alembic_version", None, "expected one of"),
        ("users; DROP TABLE crm.users", None, "expected one of"),
        ("users", DAY, "--date: expected a table with days, got users"),
    ],
)
def test_an_export_that_cannot_be_says_what_can(
    warehouse: Warehouse, table: str, day: date | None, message: str
) -> None:
    with pytest.raises(KeyError, match=message):
        warehouse.exported(table, day)


def test_every_derived_table_with_a_day_names_its_column() -> None:
    derived = [t for t in tables.metadata.tables.values() if t.schema in ("insight", "engagement")]
    for table in derived:
        column = tables.DAY_COLUMNS.get(table.name)
        assert column is None or column in table.columns, table.name
        assert column or not {"as_of_date", "model_month"} & set(table.columns.keys()), table.name


# --- reads ---


def test_days_and_moments_are_asked_for_as_they_are(warehouse: Warehouse) -> None:
    moment = datetime(2026, 3, 1, 23, 59, 59, 999999, tzinfo=ZoneInfo("Europe/Berlin"))
    row = warehouse.read("SELECT $1::text AS moment, $2 + 1 AS next_day, $1 AS again", (moment, DAY)).iloc[0]
    assert row["again"] == moment
    assert row["next_day"] == pd.Timestamp(NEXT_DAY)
    assert warehouse.read("SELECT $2 AS text, $1 AS day", (DAY, "it's $1"))["text"][0] == "it's $1"


# --- connections ---


def backends(warehouse: Warehouse) -> list[int]:
    connection = psycopg2.connect(warehouse.url)
    try:
        cursor = connection.cursor()
        cursor.execute(
            "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
            " AND backend_type = 'client backend'"
        )
        return [pid for (pid,) in cursor.fetchall()]
    finally:
        connection.close()


def test_a_thread_keeps_one_connection_and_gives_it_up_when_asked(warehouse: Warehouse) -> None:
    for _ in range(3):
        warehouse.read("SELECT 1")
    assert len(backends(warehouse)) == 1
    warehouse.close()
    warehouse.close()
    assert warehouse.read("SELECT 1 AS one")["one"][0] == 1


def test_a_connection_that_the_server_closed_is_replaced(warehouse: Warehouse) -> None:
    warehouse.read("SELECT 1")
    (pid,) = backends(warehouse)
    connection = psycopg2.connect(warehouse.url)
    connection.cursor().execute("SELECT pg_terminate_backend(%s, 5000)", (pid,))
    connection.close()
    assert warehouse.read("SELECT 2 AS two")["two"][0] == 2


def test_a_statement_that_fails_leaves_a_usable_warehouse(warehouse: Warehouse) -> None:
    with pytest.raises(Exception, match="no_such_table"):
        warehouse.read("SELECT * FROM no_such_table")
    assert warehouse.read("SELECT 1 AS one")["one"][0] == 1


def test_threads_do_not_share_a_connection(warehouse: Warehouse) -> None:
    errors: list[BaseException] = []

    def read() -> None:
        try:
            for _ in range(20):
                warehouse.read("SELECT generate_series(1, 1000)")
        except BaseException as error:  # noqa: BLE001 - it is looked at below
            errors.append(error)
        finally:
            warehouse.close()

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []


def test_a_transaction_inside_another_is_its_own(warehouse: Warehouse) -> None:
    with warehouse.transaction() as outer:
        outer.execute("CREATE TABLE mine (a int)")
        with pytest.raises(Exception, match="mine"):
            warehouse.read("SELECT * FROM mine")
    assert len(warehouse.read("SELECT * FROM mine")) == 0
    assert len(backends(warehouse)) == 1
