"""The sync loop and the field map, on a source and a store in memory."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest

from salesinsight_assets.domain.crm.field_map import mapped_tables
from salesinsight_assets.domain.crm.rows import arrow_schema, typed_table
from salesinsight_assets.domain.crm.source import SourceUsage
from salesinsight_assets.domain.crm.sync import MergeCounts, sync_tables
from salesinsight_assets.domain.crm.tables import (
    ACCOUNTS,
    COMPETITORS,
    CRM_TABLES,
    OPPORTUNITIES,
    OPPORTUNITY_STAGES,
    USERS,
    crm_table,
)

NOW = datetime(2025, 6, 1, 2, 0, tzinfo=UTC)
LOOKBACK = timedelta(minutes=15)


class Source:
    """Salesforce in memory: two accounts and nothing else."""

    def __init__(self) -> None:
        self.hidden: set[str] = set()
        self.absent: set[str] = set()
        self.failing: set[str] = set()
        self.asked: list[tuple[str, datetime | None, datetime]] = []
        self.calls = 0

    def server_time(self) -> datetime:
        return NOW

    def field_types(self, table):
        self.calls += 1
        if table.salesforce_object in self.absent:
            return None
        return {column.field: "string" for column in table.columns if column.field not in self.hidden}

    def changes(self, table, columns, since, until) -> Iterator[pa.Table]:
        self.asked.append((table.name, since, until))
        self.calls += 1
        yield typed_table(table, [{"Id": "A"}, {"Id": "B"}], columns)
        if table.name in self.failing:
            raise RuntimeError("the line\nwent dead")
        yield typed_table(table, [{"Id": "C"}], columns)

    def usage(self) -> SourceUsage:
        return SourceUsage(api_calls=self.calls, retries=0, seconds=self.calls * 2.0)


class Store:
    """The warehouse in memory: a merge counts only when its last batch has come."""

    def __init__(self, **cursors: datetime) -> None:
        self.cursors = dict(cursors)
        self.batches: dict[str, list[pa.Table]] = {}

    def cursor(self, table: str) -> datetime | None:
        return self.cursors.get(table)

    def merge(self, table, batches: Iterable[pa.Table], *, source, synced_at, cursor) -> MergeCounts:
        read = list(batches)
        assert (source, synced_at) == ("salesforce", NOW)
        self.batches[table.name] = read
        self.cursors[table.name] = cursor
        return MergeCounts(inserted=2, updated=1, deleted=0)


def synced(source: Source, store: Store, *tables):
    return sync_tables(source, store, tables, LOOKBACK)


def test_the_first_load_reads_from_the_beginning_and_leaves_the_cursor_at_the_servers_time():
    source, store = Source(), Store()
    (result,) = synced(source, store, ACCOUNTS)
    assert source.asked == [("accounts", None, NOW + timedelta(seconds=1))]
    assert store.cursors == {"accounts": NOW}
    assert (result.status, result.rows_read, result.rows_inserted, result.rows_updated) == ("complete", 3, 2, 1)
    assert (result.cursor_before, result.cursor_after, result.error) == (None, NOW, None)


def test_a_later_sync_reads_from_the_cursor_less_the_lookback():
    source, yesterday = Source(), NOW - timedelta(days=1)
    (result,) = synced(source, Store(accounts=yesterday), ACCOUNTS)
    assert source.asked == [("accounts", yesterday - LOOKBACK, NOW + timedelta(seconds=1))]
    assert (result.cursor_before, result.cursor_after) == (yesterday, NOW)


def test_a_small_reference_table_is_read_in_full_every_time():
    source = Source()
    synced(source, Store(opportunity_stages=NOW - timedelta(days=1)), OPPORTUNITY_STAGES)
    assert source.asked[0][1] is None


def test_a_failing_object_stays_alone_in_its_failure():
    source, yesterday = Source(), NOW - timedelta(days=1)
    source.failing = {"accounts"}
    store = Store(accounts=yesterday)
    failed, complete = synced(source, store, ACCOUNTS, USERS)
    assert (failed.status, failed.error) == ("failed", "RuntimeError: the line went dead")
    assert (failed.cursor_after, store.cursors["accounts"], failed.rows_read) == (yesterday, yesterday, 2)
    assert (complete.status, complete.table) == ("complete", "users")
    assert "accounts" not in store.batches


def test_a_hidden_field_costs_its_column_and_no_other():
    source, store = Source(), Store()
    source.hidden = {"Amount", "Region__c"}
    (result,) = synced(source, store, OPPORTUNITIES)
    assert (result.status, result.missing_columns) == ("complete", ("amount", "region"))
    left = [column for column in OPPORTUNITIES.columns if column.field not in source.hidden]
    assert store.batches["opportunities"][0].schema == arrow_schema(OPPORTUNITIES, left)


def test_a_hidden_field_that_is_required_stops_its_object_by_name():
    source, store = Source(), Store()
    source.hidden = {"StageName"}
    (result,) = synced(source, store, OPPORTUNITIES)
    assert result.status == "failed"
    assert "expected to read StageName of Opportunity, got no StageName; let" in str(result.error)
    assert not store.batches


def test_an_absent_optional_object_is_skipped_and_an_absent_required_one_fails():
    source = Source()
    source.absent = {"OpportunityCompetitor", "User"}
    skipped, failed = synced(source, Store(), COMPETITORS, USERS)
    assert (skipped.status, skipped.cursor_after, skipped.missing_columns) == ("skipped", None, ())
    assert failed.status == "failed"
    assert "no such object" in str(failed.error)


def test_each_result_is_told_as_soon_as_it_is_there_and_carries_what_it_cost():
    told = []
    results = sync_tables(Source(), Store(), [ACCOUNTS, USERS], LOOKBACK, told.append)
    assert told == results
    assert [(result.api_calls, result.seconds) for result in results] == [(2, 4.0), (2, 4.0)]


def test_a_source_that_cannot_tell_its_time_ends_the_sync():
    source = Source()
    source.server_time = lambda: 1 / 0
    with pytest.raises(ZeroDivisionError):
        synced(source, Store(), ACCOUNTS)


def test_the_field_map_changes_where_a_table_is_read_from_and_not_its_columns():
    field_map = {"competitors": {"object": "Competitor__c", "fields": {"competitor_name": "Name"}}}
    tables = mapped_tables(CRM_TABLES, field_map)
    mapped = tables[CRM_TABLES.index(COMPETITORS)]
    assert mapped.salesforce_object == "Competitor__c"
    assert mapped.column_names == COMPETITORS.column_names
    assert mapped.column("competitor_name").field == "Name"
    assert [t for t in tables if t is not mapped] == [t for t in CRM_TABLES if t is not COMPETITORS]


def test_a_mapped_stamp_takes_the_cursor_with_it():
    (mapped,) = mapped_tables([ACCOUNTS], {"accounts": {"fields": {"system_modstamp": "Changed__c"}}})
    assert (mapped.cursor_field, mapped.born_field) == ("Changed__c", "CreatedDate")


def test_an_empty_field_map_changes_nothing():
    assert mapped_tables(CRM_TABLES, {}) == CRM_TABLES


@pytest.mark.parametrize(
    ("field_map", "told"),
    [
        ({"deals": {}}, "expected the name of a table, got 'deals'; use one of opportunities,"),
        ({"accounts": {"fields": {"nmae": "Name"}}}, "expected a column, got 'nmae'; use one of id, name,"),
        ({"accounts": {"sobject": "Account"}}, "expected an entry, got 'sobject'; use one of object, fields"),
        ({"accounts": {"object": "Acc; DROP"}}, "expected the API name of a Salesforce object or field"),
        ({"accounts": {"fields": {"name": 7}}}, "fields.name: expected the API name"),
        ({"accounts": "Account"}, "expected a table with entries, got 'Account'"),
        ({"accounts": {"fields": "Name"}}, "got 'Name'; use one of id, name,"),
    ],
)
def test_a_field_map_that_cannot_be_meant_is_refused_with_what_to_do(field_map, told):
    with pytest.raises(ValueError, match=r"salesinsight\.toml") as refused:
        mapped_tables(CRM_TABLES, field_map)
    assert told in str(refused.value)


def test_a_mapped_column_is_filled_from_its_new_field():
    (mapped,) = mapped_tables([crm_table("competitors")], {"competitors": {"fields": {"competitor_name": "Name"}}})
    rows = typed_table(mapped, [{"Id": "1", "Name": "Rival"}])
    assert rows["competitor_name"].to_pylist() == ["Rival"]
