"""What becomes of CRM rows in the warehouse: versions by the CRM's own stamps, and nothing twice."""

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import psycopg2
import pyarrow as pa
import pytest

from salesinsight_assets.adapters.warehouse import Warehouse
from salesinsight_assets.adapters.warehouse.sync_store import SyncStore
from salesinsight_assets.domain.crm.rows import arrow_schema
from salesinsight_assets.domain.crm.sync import Ending, MergeCounts, TableMemory
from salesinsight_assets.domain.crm.tables import (
    CRM_TABLES,
    CURRENCY_TYPES,
    OPPORTUNITIES,
    OPPORTUNITY_FIELD_HISTORY,
    USERS,
    CrmTable,
)

CREATED = datetime(2026, 1, 5, 9, 30, 15, 123000, tzinfo=UTC)
SYNCED = datetime(2026, 3, 1, 2, tzinfo=UTC)
DEAL: dict[str, Any] = {
    "id": "006000000000001AAA",
    "name": "Acme",
    "owner_id": "005000000000001AAA",
    "stage_name": "Prospecting",
    "amount": 1000.0,
    "close_date": date(2026, 6, 30),
    "is_closed": False,
    "is_deleted": False,
    "created_date": CREATED,
    "system_modstamp": CREATED,
}


def at(days: float) -> datetime:
    return CREATED + timedelta(days=days)


def deal(days: float = 0, **changes: Any) -> dict[str, Any]:
    """The deal as it stood `days` after it was created."""
    return {**DEAL, "system_modstamp": at(days), **changes}


def batch(table: CrmTable, *rows: dict[str, Any]) -> pa.Table:
    """Rows as a source delivers them: only the columns that the first row has."""
    return pa.Table.from_pylist(list(rows), arrow_schema(table, [c for c in table.columns if c.name in rows[0]]))


def merge(
    warehouse: Warehouse, *rows: dict[str, Any], table: CrmTable = OPPORTUNITIES, synced_at: datetime = SYNCED
) -> MergeCounts:
    return merge_batches(warehouse, [batch(table, *rows)] if rows else [], table, synced_at)


def merge_batches(
    warehouse: Warehouse, batches: Iterable[pa.Table], table: CrmTable = OPPORTUNITIES, synced_at: datetime = SYNCED
) -> MergeCounts:
    memory = TableMemory(cursor=synced_at, synced_at=synced_at)
    return SyncStore(warehouse).merge(table, batches, synced_at=synced_at, ending=lambda: Ending(memory))


def cursor(warehouse: Warehouse) -> datetime | None:
    return SyncStore(warehouse).memory("opportunities").cursor


def versions(warehouse: Warehouse, columns: str, table: str = "opportunities") -> list[tuple[Any, ...]]:
    """The versions of all rows, oldest first."""
    frame = warehouse.read(f"SELECT {columns} FROM crm.{table} ORDER BY id, valid_from")
    plain = frame.astype(object).where(frame.notna(), None)
    return [tuple(_plain(value) for value in row) for row in plain.itertuples(index=False)]


def _plain(value: Any) -> Any:
    return value.to_pydatetime() if isinstance(value, pd.Timestamp) else value


def test_a_new_row_counts_from_its_creation(warehouse: Warehouse) -> None:
    assert merge(warehouse, deal(20)) == MergeCounts(1, 0, 0)
    assert versions(warehouse, "name, valid_from, valid_to, synced_at, source") == [
        ("Acme", CREATED, None, SYNCED, "salesforce")
    ]


def test_a_changed_row_closes_its_version_at_the_stamp_of_the_change(warehouse: Warehouse) -> None:
    merge(warehouse, deal())
    assert merge(warehouse, deal(3, stage_name="Proposal", amount=None)) == MergeCounts(0, 1, 0)
    assert versions(warehouse, "stage_name, amount, valid_from, valid_to") == [
        ("Prospecting", 1000.0, CREATED, at(3)),
        ("Proposal", None, at(3), None),
    ]


def test_new_stamps_alone_open_no_version(warehouse: Warehouse) -> None:
    merge(warehouse, deal())
    assert merge(warehouse, deal(3), synced_at=SYNCED + timedelta(days=1)) == MergeCounts(0, 1, 0)
    assert versions(warehouse, "system_modstamp, valid_from, valid_to, synced_at") == [
        (at(3), CREATED, None, SYNCED + timedelta(days=1))
    ]


def test_a_change_under_an_unchanged_stamp_corrects_the_row_in_place(warehouse: Warehouse) -> None:
    """A formula field, or one that became readable, changes without a stamp: it was always so."""
    merge(warehouse, deal())
    assert merge(warehouse, deal(region="EMEA")) == MergeCounts(0, 1, 0)
    assert versions(warehouse, "region, valid_from, valid_to") == [("EMEA", CREATED, None)]


def test_a_row_older_than_what_is_stored_is_left(warehouse: Warehouse) -> None:
    merge(warehouse, deal(3, stage_name="Proposal"))
    before = versions(warehouse, "*")
    assert merge(warehouse, deal(2, stage_name="Prospecting")) == MergeCounts(0, 0, 0)
    assert versions(warehouse, "*") == before


def test_a_row_first_seen_deleted_was_alive_before(warehouse: Warehouse) -> None:
    assert merge(warehouse, deal(4, is_deleted=True)) == MergeCounts(1, 0, 1)
    assert versions(warehouse, "is_deleted, valid_from, valid_to, name") == [
        (False, CREATED, at(4), "Acme"),
        (True, at(4), None, "Acme"),
    ]


def test_a_row_deleted_in_the_moment_of_its_creation_was_never_alive(warehouse: Warehouse) -> None:
    assert merge(warehouse, deal(0, is_deleted=True)) == MergeCounts(1, 0, 1)
    assert versions(warehouse, "is_deleted, valid_from, valid_to") == [(True, CREATED, None)]


def test_a_deleted_row_that_returns_has_three_versions(warehouse: Warehouse) -> None:
    merge(warehouse, deal())
    assert merge(warehouse, deal(2, is_deleted=True)) == MergeCounts(0, 1, 1)
    assert merge(warehouse, deal(5)) == MergeCounts(0, 1, 0)
    assert versions(warehouse, "is_deleted, valid_from, valid_to") == [
        (False, CREATED, at(2)),
        (True, at(2), at(5)),
        (False, at(5), None),
    ]


def test_the_latest_of_several_rows_of_one_id_counts(warehouse: Warehouse) -> None:
    """A read that began again delivers a row twice, also in another batch."""
    first = batch(OPPORTUNITIES, deal(2, amount=2.0), deal(1, amount=1.0))
    again = batch(OPPORTUNITIES, deal(1, amount=1.0), deal(2, amount=2.5), deal(2, amount=3.0))
    counts = merge_batches(warehouse, [first, again])
    assert counts == MergeCounts(1, 0, 0)
    assert versions(warehouse, "amount, system_modstamp") == [(3.0, at(2))]


def test_a_column_that_was_not_delivered_keeps_its_values(warehouse: Warehouse) -> None:
    merge(warehouse, deal(next_step="call"))
    hidden = {key: value for key, value in deal(3, stage_name="Proposal").items() if key != "amount"}
    merge(warehouse, hidden)
    assert versions(warehouse, "stage_name, amount, next_step") == [
        ("Prospecting", 1000.0, "call"),
        ("Proposal", 1000.0, "call"),
    ]


def test_rows_without_stamps_are_compared_by_content(warehouse: Warehouse) -> None:
    """Stages and currencies are read whole each night, and may come without any stamp."""
    euro = {"id": "01L000000000001AAA", "iso_code": "EUR", "conversion_rate": 0.9, "is_corporate": False}
    assert merge(warehouse, euro, table=CURRENCY_TYPES) == MergeCounts(1, 0, 0)
    assert merge(warehouse, euro, table=CURRENCY_TYPES, synced_at=SYNCED + timedelta(days=1)) == MergeCounts(0, 0, 0)
    later = SYNCED + timedelta(days=2)
    assert merge(warehouse, {**euro, "conversion_rate": 0.8}, table=CURRENCY_TYPES, synced_at=later).updated == 1
    assert versions(warehouse, "conversion_rate, valid_from, valid_to", "currency_types") == [
        (0.9, SYNCED, later),
        (0.8, later, None),
    ]


def test_rows_that_never_change_are_dated_by_their_creation(warehouse: Warehouse) -> None:
    change = {"id": "017000000000001AAA", "opportunity_id": DEAL["id"], "field": "Amount", "created_date": at(1)}
    assert merge(warehouse, change, table=OPPORTUNITY_FIELD_HISTORY) == MergeCounts(1, 0, 0)
    assert merge(warehouse, change, table=OPPORTUNITY_FIELD_HISTORY) == MergeCounts(0, 0, 0)
    assert versions(warehouse, "valid_from, is_deleted", "opportunity_field_history") == [(at(1), False)]


def test_objects_without_a_deleted_flag_are_alive(warehouse: Warehouse) -> None:
    user = {"id": "005000000000001AAA", "name": "Ann", "created_date": CREATED, "system_modstamp": CREATED}
    merge(warehouse, user, table=USERS)
    merge(warehouse, {**user, "name": "Anne", "system_modstamp": at(9)}, table=USERS)
    assert versions(warehouse, "name, is_deleted", "users") == [("Ann", False), ("Anne", False)]
    assert warehouse.crm_status().set_index("table_name").at["users", "row_count"] == 1


@pytest.mark.salesforce(14)
def test_an_identical_rerun_touches_no_row(warehouse: Warehouse) -> None:
    merge(warehouse, deal(3, stage_name="Proposal"))
    before = versions(warehouse, "xmin::text, ctid::text, *")
    assert merge(warehouse, deal(3, stage_name="Proposal"), synced_at=SYNCED + timedelta(days=1)) == MergeCounts(
        0, 0, 0
    )
    assert versions(warehouse, "xmin::text, ctid::text, *") == before


@pytest.mark.salesforce(14)
def test_an_error_in_the_middle_of_a_read_leaves_rows_and_cursor_as_they_were(warehouse: Warehouse) -> None:
    merge(warehouse, deal())
    before = versions(warehouse, "*")

    def broken() -> Iterator[pa.Table]:
        yield batch(OPPORTUNITIES, deal(3, stage_name="Proposal"))
        raise ConnectionError("the line went dead")

    later = SYNCED + timedelta(days=1)
    with pytest.raises(ConnectionError, match="went dead"):
        merge_batches(warehouse, broken(), synced_at=later)
    assert versions(warehouse, "*") == before
    assert cursor(warehouse) == SYNCED
    assert merge(warehouse, deal(3, stage_name="Proposal"), synced_at=later) == MergeCounts(0, 1, 0)


def test_nothing_to_merge_still_moves_the_cursor(warehouse: Warehouse) -> None:
    assert cursor(warehouse) is None
    assert merge(warehouse) == MergeCounts(0, 0, 0)
    assert cursor(warehouse) == SYNCED


def test_values_of_every_type_survive(warehouse: Warehouse) -> None:
    text = 'He said "yes",\nthen left; \t\\N 第二 🔴'
    merge(warehouse, deal(name=text, amount=0.1 + 0.2, is_closed=None, is_won=True, close_date=date(1999, 12, 31)))
    columns = "name, amount, is_closed, is_won, close_date, created_date, type, last_modified_date"
    assert versions(warehouse, columns) == [(text, 0.1 + 0.2, None, True, datetime(1999, 12, 31), CREATED, None, None)]
    assert str(warehouse.read("SELECT close_date FROM crm.opportunities")["close_date"].dtype).startswith("datetime64")


@pytest.mark.salesforce(32)
def test_the_servers_time_zone_changes_nothing(warehouse: Warehouse) -> None:
    name = warehouse.url.partition("@/")[2].partition("?")[0]
    connection = psycopg2.connect(warehouse.url)
    connection.autocommit = True
    connection.cursor().execute(f"ALTER DATABASE {name} SET timezone TO 'Pacific/Auckland'")
    connection.close()
    warehouse.close()
    assert warehouse.read("SELECT current_setting('timezone')").iloc[0, 0] == "Pacific/Auckland"
    merge(warehouse, deal())
    merge(warehouse, deal(3, stage_name="Proposal"))
    columns = "created_date, close_date, valid_from, valid_to"
    closing = datetime(2026, 6, 30)
    assert versions(warehouse, columns) == [(CREATED, closing, CREATED, at(3)), (CREATED, closing, at(3), None)]
    assert cursor(warehouse) == SYNCED


@pytest.mark.salesforce(24)
def test_an_upload_of_several_tables_is_stored_whole_or_not_at_all(warehouse: Warehouse) -> None:
    user = {"id": "005000000000001AAA", "name": "Ann", "created_date": CREATED, "system_modstamp": CREATED}
    twice_null = {"id": None, "iso_code": "EUR", "conversion_rate": 0.9, "is_corporate": False}
    good = {OPPORTUNITIES: batch(OPPORTUNITIES, deal()), USERS: batch(USERS, user)}
    with pytest.raises(Exception, match="null value"):
        warehouse.merge_all({**good, CURRENCY_TYPES: batch(CURRENCY_TYPES, twice_null)}, source="csv", synced_at=SYNCED)
    assert set(warehouse.crm_status()["row_count"]) == {0}
    counts = warehouse.merge_all(good, source="csv", synced_at=SYNCED)
    assert counts == {"opportunities": MergeCounts(1, 0, 0), "users": MergeCounts(1, 0, 0)}


def test_an_upload_says_when_it_came_and_leaves_the_cursor_of_the_sync(warehouse: Warehouse) -> None:
    """Else the rows of an upload would be as old as the last sync, and the next sync would miss what lies between."""
    merge(warehouse, deal())
    later = SYNCED + timedelta(days=2)
    warehouse.merge_all({OPPORTUNITIES: batch(OPPORTUNITIES, deal())}, source="csv", synced_at=later)
    status = warehouse.crm_status().set_index("table_name").loc["opportunities"]
    assert (status["synced_at"].to_pydatetime(), status["source"]) == (later, "csv")
    assert cursor(warehouse) == SYNCED


def test_the_status_counts_current_rows_that_are_not_deleted(warehouse: Warehouse) -> None:
    merge(warehouse, deal(), deal(id="006000000000002AAA"), deal(1, id="006000000000003AAA", is_deleted=True))
    merge(warehouse, deal(3, amount=7.0))
    status = warehouse.crm_status().set_index("table_name")
    assert status.at["opportunities", "row_count"] == 2
    assert sorted(status.index) == sorted(table.name for table in CRM_TABLES)
    assert pd.isna(status.at["tasks", "synced_at"])


def test_deals_closed_for_good_long_ago_are_not_read(warehouse: Warehouse) -> None:
    merge(
        warehouse,
        deal(id="006000000000001AAA"),
        deal(9, id="006000000000002AAA", is_closed=True, is_won=True),
        deal(50, id="006000000000003AAA", is_closed=True, is_won=False),
    )
    found = warehouse.crm_rows(recent_since=at(20), activity_since=at(20))["opportunities"]
    assert sorted(found["id"]) == ["006000000000001AAA", "006000000000003AAA"]
    assert {"valid_from", "valid_to", "is_deleted"} <= set(found.columns)
    assert not {"synced_at", "source"} & set(found.columns)


# --- two at once ---


def test_two_deliveries_of_one_table_wait_for_each_other(warehouse: Warehouse, wait_for) -> None:
    waiting = "SELECT 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    with ThreadPoolExecutor(1) as pool:
        with warehouse.transaction() as sql:
            first = warehouse.merge_within(
                sql, OPPORTUNITIES, batch(OPPORTUNITIES, deal()), source="s", synced_at=SYNCED
            )
            other = pool.submit(merge, Warehouse(warehouse.url), deal())
            wait_for(lambda: other.done() or len(warehouse.read(waiting)) > 0, 30)
            assert not other.done()
        second = other.result(30)
    assert (first.inserted, second.inserted, second.updated) == (1, 0, 0)
