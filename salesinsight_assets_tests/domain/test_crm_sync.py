"""The sync loop and the field map, on a source and a store in memory."""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from salesinsight_assets.domain.crm.field_map import mapped_tables
from salesinsight_assets.domain.crm.rows import arrow_schema, typed_table
from salesinsight_assets.domain.crm.source import Deletions, ObjectDescription, QuotaReachedError, SourceUsage
from salesinsight_assets.domain.crm.sync import (
    Comparison,
    MergeCounts,
    ObjectResult,
    SyncPolicy,
    TableMemory,
    sync_tables,
)
from salesinsight_assets.domain.crm.sync.slices import slices
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
    """Salesforce in memory: an account for each hour of a day, and as many rows of any other object."""

    def __init__(self, hours: int = 3) -> None:
        self.stamps = [NOW - timedelta(hours=n + 1) for n in reversed(range(hours))]
        self.hidden: set[str] = set()
        self.absent: set[str] = set()
        self.types: dict[str, str] = {}
        self.failing: dict[str, Exception] = {}
        self.told_deleted: dict[str, datetime] | None = {}
        self.asked: list[tuple[str, datetime | None, datetime | None]] = []
        self.calls = 0

    def server_time(self) -> datetime:
        return NOW

    def described(self, table):
        if table.salesforce_object in self.absent:
            return None
        kinds = {"number": "double", "integer": "int", "timestamp": "datetime", "text": "string"}
        types = {c.field: kinds.get(c.type, c.type) for c in table.columns if c.field not in self.hidden}
        return ObjectDescription(types | {f: t for f, t in self.types.items() if f in types})

    def _rows(self, table, since, until):
        if table.cursor_field is None:
            return list(enumerate(self.stamps))
        return [
            (n, stamp)
            for n, stamp in enumerate(self.stamps)
            if (since is None or since <= stamp) and (until is None or stamp < until)
        ]

    def count(self, table, since, until):
        self.calls += 1
        return len(self._rows(table, since, until))

    def count_alive(self, table, born_before):
        return None

    def first_stamp(self, table):
        return self.stamps[0] if self.stamps else None

    def changes(self, table, columns, since, until, expected_rows=None) -> Iterator[pa.Table]:
        self.asked.append((table.name, since, until))
        self.calls += 1
        for number, stamp in self._rows(table, since, until):
            told = stamp.isoformat()
            yield typed_table(table, [{"Id": f"A{number}", "SystemModstamp": told, "CreatedDate": told}], columns)
        if table.name in self.failing:
            raise self.failing[table.name]

    def rows_with(self, table, columns, field, values) -> Iterator[pa.Table]:
        self.asked.append((f"{table.name} with {field} {','.join(values)}", None, None))
        yield from ()

    def deletions(self, table, since, until):
        return None if self.told_deleted is None else Deletions(self.told_deleted, until)

    def usage(self) -> SourceUsage:
        return SourceUsage(api_calls=self.calls, retries=0, seconds=self.calls * 2.0)

    def sibling(self):
        return self

    def close(self) -> None:
        pass


class Store:
    """The warehouse in memory: a merge counts only when its last batch has come."""

    def __init__(self, **memories: TableMemory) -> None:
        self.memories = memories
        self.batches: dict[str, list[pa.Table]] = {}
        self.ids: dict[str, set[str]] = {}
        self.gone: dict[str, datetime] = {}

    def memory(self, table: str) -> TableMemory:
        return self.memories.get(table, TableMemory())

    def merge(self, table, batches: Iterable[pa.Table], *, synced_at, ending) -> MergeCounts:
        read = list(batches)
        end = ending()
        assert synced_at == NOW
        self.batches.setdefault(table.name, []).extend(read)
        self.ids.setdefault(table.name, set()).update(key for batch in read for key in batch["id"].to_pylist())
        self.gone |= end.gone
        self.memories[table.name] = end.memory
        return MergeCounts(inserted=len(read), updated=0, deleted=len(end.gone))

    def restate(self, table, batches, *, synced_at, memory) -> int:
        self.memories[table.name] = memory
        return len(list(batches))

    def compare(self, table, batches) -> Comparison:
        list(batches)
        return Comparison(0, (), ())

    def alive_ids(self, table, ids=None):
        stored = self.ids.get(table, set())
        return stored if ids is None else stored & set(ids)

    def alive_children(self, table, parent_column, parents):
        return set()

    def flipped_opportunities(self, since):
        return []

    def alive_count(self, table, born_before) -> int:
        return 0

    def close(self) -> None:
        pass


class Told:
    """Whoever looks on."""

    def __init__(self) -> None:
        self.results: list[ObjectResult] = []
        self.reads: list[tuple[str, int, int | None]] = []

    def rows(self, table: str, read: int, expected: int | None) -> None:
        self.reads.append((table, read, expected))

    def done(self, result: ObjectResult) -> None:
        self.results.append(result)


def synced(source: Source, store: Store, *tables, watch=None, **policy):
    return sync_tables(source, store, tables, LOOKBACK, SyncPolicy(objects_at_once=1, **policy), watch)


def known_until(moment: datetime, **more) -> TableMemory:
    return TableMemory(cursor=moment, synced_at=moment, deletes_cursor=moment, reconciled_at=moment, **more)


def test_the_first_load_reads_from_the_beginning_and_leaves_the_cursor_at_the_servers_time():
    source, store = Source(), Store()
    (result,) = synced(source, store, ACCOUNTS)
    assert source.asked == [("accounts", None, NOW + timedelta(seconds=1))]
    memory = store.memories["accounts"]
    assert (memory.cursor, memory.synced_at, memory.deletes_cursor, memory.reconciled_at) == (NOW, NOW, NOW, NOW)
    assert (result.status, result.rows_read, result.rows_inserted) == ("complete", 3, 3)
    assert (result.cursor_before, result.cursor_after, result.error, result.age_seconds) == (None, NOW, None, 0)


def test_a_later_sync_reads_from_the_cursor_less_the_lookback():
    source, yesterday = Source(), NOW - timedelta(days=1)
    (result,) = synced(source, Store(accounts=known_until(yesterday)), ACCOUNTS)
    assert source.asked == [("accounts", yesterday - LOOKBACK, NOW + timedelta(seconds=1))]
    assert (result.cursor_before, result.cursor_after) == (yesterday, NOW)


def test_a_small_reference_table_is_read_in_full_every_time_and_loses_what_is_gone():
    source, store = Source(), Store(opportunity_stages=known_until(NOW - timedelta(days=1)))
    store.ids["opportunity_stages"] = {"A0", "old"}
    synced(source, store, OPPORTUNITY_STAGES)
    assert source.asked[0][1] is None
    assert store.gone == {"old": NOW}


def test_a_failing_object_stays_alone_in_its_failure():
    source, yesterday = Source(), NOW - timedelta(days=1)
    source.failing = {"accounts": RuntimeError("the line\nwent dead")}
    store = Store(accounts=known_until(yesterday))
    failed, complete = synced(source, store, ACCOUNTS, USERS)
    assert (failed.status, failed.error) == ("failed", "RuntimeError: the line went dead")
    assert (failed.cursor_after, store.memories["accounts"].cursor, failed.rows_read) == (yesterday, yesterday, 3)
    assert (failed.age_seconds, failed.is_stale) == (86_400, True)
    assert (complete.status, complete.table) == ("complete", "users")
    assert "accounts" not in store.batches


def test_an_exhausted_quota_leaves_the_object_incomplete():
    source = Source()
    source.failing = {"accounts": QuotaReachedError("80 % of the calls are used")}
    (result,) = synced(source, Store(), ACCOUNTS)
    assert (result.status, result.is_stale) == ("incomplete", True)
    assert "80 % of the calls" in str(result.error)


def test_what_was_read_before_a_failure_stays_and_the_next_sync_goes_on_from_there():
    source, store = Source(hours=12), Store()
    source.failing = {"accounts": RuntimeError("dead")}
    source.changes = _failing_at(source, call=3)
    (broken,) = synced(source, store, ACCOUNTS, rows_at_once=4)
    cursor = store.memories["accounts"].cursor
    assert broken.status == "failed"
    assert source.stamps[0] < cursor < NOW
    stored = set(store.ids["accounts"])
    assert {f"A{n}" for n, stamp in enumerate(source.stamps) if stamp < cursor} == stored
    again = Source(hours=12)
    (resumed,) = synced(again, store, ACCOUNTS, rows_at_once=4)
    assert resumed.status == "complete"
    assert resumed.rows_read <= 12 - len(stored) + 1
    assert len(store.ids["accounts"]) == 12


def _failing_at(source: Source, call: int):
    whole, calls = source.changes, []

    def changes(*args):
        calls.append(args)
        source.failing = {} if len(calls) < call else {"accounts": RuntimeError("dead")}
        return whole(*args)

    return changes


def test_rows_told_deleted_that_are_not_found_any_more_are_gone():
    source, store = Source(), Store(accounts=known_until(NOW - timedelta(days=1)))
    store.ids["accounts"] = {"A0", "old"}
    source.told_deleted = {"old": NOW - timedelta(hours=5), "unknown": NOW}
    synced(source, store, ACCOUNTS)
    assert store.gone == {"old": NOW - timedelta(hours=5)}
    assert "accounts with Id old" in [asked[0] for asked in source.asked]


def test_an_org_that_cannot_tell_deletions_is_compared():
    source, store = Source(), Store(accounts=known_until(NOW - timedelta(days=1)))
    source.told_deleted = None
    (result,) = synced(source, store, ACCOUNTS)
    assert result.is_compared


def test_all_ids_are_compared_once_a_week():
    week_ago = NOW - timedelta(days=7)
    for last, expected in ((week_ago, True), (week_ago + timedelta(hours=1), False)):
        memory = replace(known_until(NOW - timedelta(days=1)), reconciled_at=last)
        store = Store(accounts=memory)
        (result,) = synced(Source(), store, ACCOUNTS)
        assert result.is_compared is expected
        assert store.memories["accounts"].reconciled_at == (NOW if expected else last)


def test_a_hidden_field_costs_its_column_and_no_other():
    source, store = Source(), Store()
    source.hidden = {"Amount", "Region__c"}
    (result,) = synced(source, store, OPPORTUNITIES)
    assert (result.status, result.missing_columns) == ("complete", ("amount", "region"))
    left = [column for column in OPPORTUNITIES.columns if column.field not in source.hidden]
    assert store.batches["opportunities"][0].schema == arrow_schema(OPPORTUNITIES, left)


def test_a_field_of_a_type_that_does_not_fit_costs_its_column_and_is_told():
    source, store = Source(), Store()
    synced(source, store, OPPORTUNITIES)
    source.types = {"Amount": "string", "Probability": "int"}
    (result,) = synced(source, store, OPPORTUNITIES)
    assert result.missing_columns == ("amount",)
    assert result.type_changes == {"amount": "double is now string", "probability": "double is now int"}


def test_a_compound_field_is_never_read():
    source = Source()
    source.types = {"BillingCountry": "address"}
    (result,) = synced(source, Store(), ACCOUNTS)
    assert result.missing_columns == ("billing_country",)


def test_a_column_that_can_be_read_again_is_filled_in_all_rows():
    source, store = Source(), Store()
    source.hidden = {"Amount"}
    synced(source, store, OPPORTUNITIES)
    source.hidden = set()
    (result,) = synced(source, store, OPPORTUNITIES)
    assert (result.new_columns, result.rows_refilled) == (("amount",), 3)
    assert source.asked[-1] == ("opportunities", None, None)
    (result,) = synced(source, store, OPPORTUNITIES)
    assert result.new_columns == ()


def test_a_table_that_is_read_from_another_object_begins_anew():
    source, store = Source(), Store()
    synced(source, store, COMPETITORS)
    moved = replace(COMPETITORS, salesforce_object="Competitor__c")
    (result,) = synced(source, store, moved)
    assert (result.cursor_before, result.is_compared, result.rows_read) == (None, True, 3)


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
    told = Told()
    results = synced(Source(), Store(), ACCOUNTS, USERS, watch=told)
    assert told.results == results
    assert told.reads[:3] == [("accounts", 1, 3), ("accounts", 2, 3), ("accounts", 3, 3)]
    assert [(result.api_calls, result.seconds) for result in results] == [(2, 4.0), (2, 4.0)]


def test_a_source_that_cannot_tell_its_time_ends_the_sync():
    source = Source()
    source.server_time = lambda: 1 / 0
    with pytest.raises(ZeroDivisionError):
        synced(source, Store(), ACCOUNTS)


@settings(max_examples=50, deadline=None)
@given(
    hours=st.lists(st.integers(0, 500), max_size=40),
    at_once=st.integers(3, 30),
    since=st.none() | st.integers(0, 500),
)
def test_slices_cover_every_stamp_once_and_hold_no_more_than_they_may(hours, at_once, since):
    source = Source()
    source.stamps = sorted(NOW - timedelta(hours=h) for h in hours)
    begin = None if since is None else NOW - timedelta(hours=since)
    parts = list(slices(source, ACCOUNTS, begin, NOW + timedelta(seconds=1), at_once))
    assert [part.since for part in parts] == [begin, *(part.until for part in parts[:-1])]
    assert parts[-1].until == NOW + timedelta(seconds=1)
    for part in parts:
        inside = [s for s in source.stamps if (part.since is None or part.since <= s) and s < part.until]
        assert part.rows == len(inside)
        assert part.of == sum(other.rows for other in parts)
        assert len(inside) <= at_once or len(set(inside)) == 1


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
