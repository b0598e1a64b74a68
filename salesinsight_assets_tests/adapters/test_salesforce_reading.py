"""What the client asks and what it makes of the answers, however another implementation of the API words them."""

import logging
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import pytest

from salesinsight_assets.adapters.salesforce import IncompleteReadError, SalesforceCallError, SalesforceClient
from salesinsight_assets.domain.crm.source import Deletions, ObjectDescription
from salesinsight_assets.domain.crm.tables import ACCOUNTS, OPPORTUNITY_STAGES, TASKS, USERS, Column
from salesinsight_assets_tests.adapters.scripted_salesforce import (
    COLUMNS,
    DATA,
    UNTIL,
    Answer,
    failure_of,
    names,
    refused,
)

DESCRIBE = "sobjects/Account/describe"
DELETED = "sobjects/Account/deleted/"
PAGE_2 = "query/01g-2"
SINCE = datetime(2025, 5, 20, tzinfo=UTC)
LONG_NAMES = [*COLUMNS, *(Column(f"A_custom_field_of_a_long_name_{n:03d}__c") for n in range(450))]
TWO_ROWS = [{"Id": "001A", "Name": "Acme"}, {"Id": "001B", "Name": "Bolt"}]
THIRD_ROW = Answer(200, {"done": True, "records": [{"Id": "001C", "Name": "Cargo"}]})


def first_page(total: int = 3, following: str = f"{DATA}{PAGE_2}") -> Answer:
    return Answer(200, {"totalSize": total, "done": False, "nextRecordsUrl": following, "records": TWO_ROWS})


@pytest.fixture
def client(settings) -> SalesforceClient:
    return SalesforceClient(settings)


# --- what an object is ---


@pytest.mark.salesforce(25, 28)
def test_describe_tells_types_formulas_and_whether_deletions_can_be_asked_for(org, client):
    fields = [
        {"name": "Id", "type": "id"},
        {"name": "Score__c", "type": "double", "calculated": True},
        {"name": "StageName", "type": "picklist", "calculated": False},
    ]
    org.script[DESCRIBE] = [Answer(200, {"fields": fields, "replicateable": False}), Answer(200, {"fields": fields})]
    types = {"Id": "id", "Score__c": "double", "StageName": "picklist"}
    assert client.described(ACCOUNTS) == ObjectDescription(types, frozenset({"Score__c"}), tells_deletions=False)
    assert client.described(ACCOUNTS).tells_deletions


def test_an_object_that_is_absent_has_no_description(org, client):
    org.script[DESCRIBE] = [refused(404, "NOT_FOUND")]
    assert client.described(ACCOUNTS) is None


# --- what is asked ---


def test_either_side_of_a_count_may_be_open(org, client):
    assert client.count(ACCOUNTS, None, None) == 3
    client.count(ACCOUNTS, SINCE, None)
    client.count_alive(ACCOUNTS, UNTIL)
    client.count_alive(USERS, UNTIL)
    assert org.queries == [
        "SELECT COUNT() FROM Account",
        "SELECT COUNT() FROM Account WHERE SystemModstamp >= 2025-05-20T00:00:00.000Z",
        "SELECT COUNT() FROM Account WHERE CreatedDate < 2025-06-01T00:00:00.000Z AND IsDeleted = false",
        "SELECT COUNT() FROM User WHERE CreatedDate < 2025-06-01T00:00:00.000Z",
    ]


@pytest.mark.salesforce(16, 18)
def test_rows_are_read_by_query_all_but_for_tables_read_in_full(org, client):
    for table in (TASKS, USERS, OPPORTUNITY_STAGES):
        list(client.changes(table, [table.column("id")], None, None, expected_rows=1))
    assert [path for _, path in org.asked[1:]] == ["queryAll/", "queryAll/", "query/"]


@pytest.mark.salesforce(7)
@pytest.mark.parametrize(("rows", "way"), [(1999, "queryAll/"), (2000, "jobs/query")])
def test_expected_rows_choose_the_way_without_a_count(org, client, rows, way):
    list(client.changes(ACCOUNTS, COLUMNS, SINCE, UNTIL, expected_rows=rows))
    assert [path for _, path in org.asked].index(way) == 1
    assert not any("COUNT" in query for query in org.queries)


@pytest.mark.salesforce(15)
@pytest.mark.parametrize("stamp", ["2024-01-02T03:04:05.000+0000", "2024-01-02T03:04:05.000Z", "2024-01-02T03:04:05Z"])
def test_the_first_stamp_is_read_in_any_of_its_forms(org, client, stamp):
    org.script["queryAll/"] = [Answer(200, {"totalSize": 1, "records": [{"SystemModstamp": stamp}]})]
    assert client.first_stamp(ACCOUNTS) == datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert org.queries == ["SELECT SystemModstamp FROM Account ORDER BY SystemModstamp LIMIT 1"]


def test_an_empty_object_has_no_first_stamp(org, client):
    org.rows = []
    assert client.first_stamp(ACCOUNTS) is None


@pytest.mark.salesforce(35)
def test_a_query_too_long_for_an_address_goes_by_bulk(org, client, monkeypatch):
    org.script["jobs/query"] = [refused(400, "MALFORMED_QUERY")]
    failure_of(lambda: list(client.changes(ACCOUNTS, LONG_NAMES, None, UNTIL, expected_rows=1)))
    assert len(org.jobs[0]["query"]) > 10_000
    assert ", " not in org.jobs[0]["query"]
    assert max(map(len, org.targets)) < 1000


@pytest.mark.salesforce(35)
def test_no_address_is_longer_than_salesforce_takes(org, client):
    fields = [*COLUMNS, *(Column(f"Field_{n:03d}__c") for n in range(300))]
    ids = [f"001{n:015d}" for n in range(3000)]
    list(client.rows_with(ACCOUNTS, fields, "Id", ids))
    assert 15_000 < max(len(target) for target in org.targets) < 16_000
    assert sum(query.count("'001") for query in org.queries) == 3000


def test_rows_with_ids_are_asked_for_by_bulk_where_the_fields_fill_the_address(org, client):
    org.script["jobs/query"] = [refused(400, "MALFORMED_QUERY")]
    ids = [f"001{n:015d}" for n in range(3000)]
    failure_of(lambda: list(client.rows_with(ACCOUNTS, LONG_NAMES, "Id", ids)))
    assert org.jobs[0]["query"].count("'001") == 2000


def test_rows_with_no_ids_are_none(org, client):
    assert list(client.rows_with(ACCOUNTS, COLUMNS, "Id", [])) == []
    assert not org.queries


@pytest.mark.parametrize("value", ["001A' OR Name != '", "001", "001%", "001000000000000\n", ""])
def test_what_is_no_id_gets_into_no_query(org, client, value):
    message = failure_of(lambda: list(client.rows_with(ACCOUNTS, COLUMNS, "Id", [value])), ValueError)
    assert "expected Salesforce Ids of 15 or 18 letters and digits" in message
    assert not org.queries


# --- what was deleted ---


@pytest.mark.salesforce(17)
def test_deletions_are_told_with_their_moments_and_up_to_when(org, client):
    org.script[DELETED] = [
        Answer(
            200,
            {
                "deletedRecords": [{"id": "006D000000abCdE", "deletedDate": "2025-05-21T00:00:00.000+0000"}],
                "earliestDateAvailable": "2025-05-01T00:00:00.000+0000",
                "latestDateCovered": "2025-05-31T23:00:00.000Z",
            },
        )
    ]
    deleted = {"006D000000abCdEIAU": datetime(2025, 5, 21, tzinfo=UTC)}
    assert client.deletions(ACCOUNTS, SINCE, UNTIL) == Deletions(deleted, UNTIL - timedelta(hours=1))
    assert "start=2025-05-20T00%3A00%3A00%2B00%3A00" in org.targets[-1]


@pytest.mark.salesforce(17)
@pytest.mark.parametrize(
    "answer",
    [
        refused(400, "EXCEEDED_ID_LIMIT"),
        refused(400, "INVALID_REPLICATION_DATE"),
        Answer(400, [{"errorCode": "INVALID_TYPE", "message": "object type 'X' is not replicable"}]),
        refused(404, "NOT_FOUND"),
        Answer(405),
        Answer(200, {"deletedRecords": []}),
        Answer(200, {"deletedRecords": [], "latestDateCovered": "2025-06-01T00:00:00Z"}
               | {"earliestDateAvailable": "2025-05-20T00:00:01Z"}),
    ],
    ids=["too-many", "date", "type", "absent", "not-allowed", "uncovered", "no-more"],
)  # fmt: skip
def test_an_org_that_cannot_tell_all_deletions_tells_none(org, client, answer):
    org.script[DELETED] = [answer]
    assert client.deletions(ACCOUNTS, SINCE, UNTIL) is None
    assert org.times(DELETED) == 1


@pytest.mark.salesforce(17)
@pytest.mark.parametrize("since", [UNTIL - timedelta(seconds=59), UNTIL - timedelta(days=30, seconds=1)])
def test_too_short_a_span_and_one_too_far_back_are_not_asked_for(org, client, since):
    assert client.deletions(ACCOUNTS, since, UNTIL) is None
    assert not org.asked


def test_another_refusal_of_deletions_is_told(org, client):
    org.script[DELETED] = [refused(403, "INSUFFICIENT_ACCESS")]
    assert "give the integration user read access" in failure_of(lambda: client.deletions(ACCOUNTS, SINCE, UNTIL))


# --- pages ---


@pytest.mark.salesforce(13)
def test_a_result_that_lost_a_row_while_it_was_read_is_read_again(org, settings):
    org.script["queryAll/"] = [Answer(200, {"totalSize": 4}), first_page(4)]
    org.script[PAGE_2] = [THIRD_ROW]
    assert names(SalesforceClient(settings)) == ["Acme", "Bolt", "Cargo", "Acme", "Bolt", "Cargo"]


@pytest.mark.salesforce(13)
def test_a_row_twice_at_a_page_border_does_not_stand_for_another(org, settings):
    twice = {"done": True, "records": [TWO_ROWS[1]]}
    org.script["queryAll/"] = [Answer(200, {"totalSize": 3}), first_page(3)]
    org.script[PAGE_2] = [Answer(200, twice)]
    assert names(SalesforceClient(settings))[-3:] == ["Acme", "Bolt", "Cargo"]


@pytest.mark.salesforce(8, 13)
def test_pages_that_never_hold_what_was_announced_are_incomplete(org, settings):
    org.script["queryAll/"] = [first_page(5)] * 9
    org.script[PAGE_2] = [THIRD_ROW] * 9
    message = failure_of(lambda: names(SalesforceClient(settings)), IncompleteReadError)
    assert "5 rows were announced and 3 came" in message
    assert org.times(PAGE_2) == 4


@pytest.mark.salesforce(20)
def test_a_passing_fault_between_two_pages_loses_no_row(org, settings):
    org.script["queryAll/"] = [Answer(200, {"totalSize": 3}), first_page()]
    org.script[PAGE_2] = [Answer(503), Answer(None), THIRD_ROW]
    assert names(SalesforceClient(settings)) == ["Acme", "Bolt", "Cargo"]


@pytest.mark.salesforce(6)
def test_the_next_page_may_be_an_absolute_address(org, settings):
    org.script["queryAll/"] = [Answer(200, {"totalSize": 3}), first_page(3, f"{settings.login_url}{DATA}{PAGE_2}")]
    org.script[PAGE_2] = [THIRD_ROW]
    assert names(SalesforceClient(settings)) == ["Acme", "Bolt", "Cargo"]


@pytest.mark.salesforce(6, 39)
def test_the_token_does_not_follow_a_next_page_to_another_host(org, settings):
    org.script["queryAll/"] = [Answer(200, {"totalSize": 3}), first_page(3, "https://elsewhere.test/x")]
    assert "got one on elsewhere.test" in failure_of(lambda: names(SalesforceClient(settings)))


# --- other implementations ---


@pytest.mark.parametrize(
    "body",
    [
        {"totalSize": 7, "done": True, "records": []},
        {"totalSize": 7, "done": True},
        {"totalSize": 1, "done": True, "records": [{"attributes": {"type": "AggregateResult"}, "expr0": 7}]},
    ],
)
def test_a_count_is_read_from_the_total_or_from_a_record(org, client, body):
    org.script["queryAll/"] = [Answer(200, body)]
    assert client.count(ACCOUNTS, None, None) == 7


@pytest.mark.salesforce(12)
def test_a_server_that_does_not_tell_its_time_is_named(org, client):
    org.script["limits/"] = [Answer(200, {}, {"Date": ""})]
    assert "expected a Date header, got none" in failure_of(client.server_time)


def test_an_org_without_limits_still_tells_its_time(org, client):
    org.script["limits/"] = [refused(404, "NOT_FOUND")]
    assert abs(client.server_time() - datetime.now(UTC)) < timedelta(seconds=5)


def test_a_login_url_may_end_in_a_slash(org, settings):
    slashed = replace(settings, login_url=f"{settings.login_url}/")
    assert names(SalesforceClient(slashed)) == ["Acme", "Bolt", "Cargo"]


@pytest.mark.salesforce(8)
@pytest.mark.parametrize(
    ("csv", "headers"),
    [
        ('"Id","Name"\r\n"001A","Acme"\r\n"001B","Bolt"\r\n"001C","Cargo"\r\n', {"sforce-numberofrecords": "3"}),
        ("Id,Name\n001A,Acme\n001B,Bolt\n001C,Cargo\n", {"SFORCE-NUMBEROFRECORDS": "3", "SFORCE-LOCATOR": "null"}),
        ("Name,Id\nAcme,001A\nBolt,001B\nCargo,001C", {"Sforce-NumberOfRecords": "3", "Sforce-Locator": ""}),
    ],
    ids=["crlf", "unquoted", "other-order"],
)
def test_a_bulk_result_may_be_written_in_other_ways(org, by_bulk, csv, headers):
    org.job = {"id": "750X", "state": "JobComplete"}
    org.script["jobs/query/750X/results"] = [Answer(200, csv, headers)]
    assert names(by_bulk) == ["Acme", "Bolt", "Cargo"]


@pytest.mark.salesforce(8)
def test_a_bulk_part_that_does_not_tell_its_rows_is_incomplete(org, by_bulk):
    org.script["jobs/query/750X/results"] = [Answer(200, '"Id","Name"\n"001A","Acme"\n')]
    message = failure_of(lambda: names(by_bulk), IncompleteReadError)
    assert "in the header Sforce-NumberOfRecords, got no such header" in message
    assert "\n" not in message


@pytest.mark.salesforce(8)
def test_a_locator_without_end_is_not_followed_for_ever(org, by_bulk):
    part = Answer(200, '"Id","Name"\n"001A","A"\n"001B","B"\n', {"Sforce-NumberOfRecords": "2", "Sforce-Locator": "x"})
    org.script["jobs/query/750X/results"] = [part] * 99
    assert "announced 3 rows, got 4" in failure_of(lambda: names(by_bulk), IncompleteReadError)


@pytest.mark.salesforce(8)
@pytest.mark.parametrize("path", ["jobs/query/750X", "jobs/query/750X/results"])
def test_a_bulk_job_that_is_gone_is_made_once_more(org, by_bulk, path):
    org.script[path] = [refused(404, "NOT_FOUND")]
    assert names(by_bulk) == ["Acme", "Bolt", "Cargo"]
    assert org.times("jobs/query", "POST") == 2


@pytest.mark.salesforce(8)
def test_a_bulk_job_that_is_gone_again_is_incomplete(org, by_bulk):
    org.script["jobs/query/750X/results"] = [refused(404, "NOT_FOUND")] * 9
    assert "got HTTP 404 from 2 jobs" in failure_of(lambda: names(by_bulk), IncompleteReadError)


@pytest.mark.parametrize(
    "answer",
    [
        refused(404, "NOT_FOUND"),
        refused(403, "API_DISABLED"),
        refused(403, "FUNCTIONALITY_NOT_ENABLED"),
        refused(400, "INVALIDENTITY"),
        Answer(404),
    ],
    ids=["absent", "disabled", "not-enabled", "object", "bare"],
)
def test_an_org_without_bulk_is_read_by_rest_and_says_so_once(org, by_bulk, caplog, answer):
    org.script["jobs/query"] = [answer] * 9
    with caplog.at_level(logging.WARNING):
        assert names(by_bulk) + names(by_bulk.sibling()) == ["Acme", "Bolt", "Cargo"] * 2
    assert org.times("jobs/query", "POST") == 1
    (record,) = caplog.records
    assert record.message.startswith("Account is read by REST, since Bulk is refused")


def test_a_query_too_long_for_rest_tells_that_bulk_is_refused(org, client):
    org.script["jobs/query"] = [refused(403, "API_DISABLED")]
    batches = client.changes(ACCOUNTS, LONG_NAMES, None, UNTIL, expected_rows=1)
    assert "API_DISABLED" in failure_of(lambda: list(batches), SalesforceCallError)


# --- against the demo's org ---


@pytest.fixture(scope="module")
def demo_client(salesforce):
    from salesinsight_assets.settings import load_settings

    with SalesforceClient(load_settings(salesforce.environment()).salesforce) as made:
        yield made


def test_the_demo_answers_counts_first_stamps_and_rows_with_ids(demo_client):
    columns = [ACCOUNTS.column(name) for name in ("id", "system_modstamp", "is_deleted")]
    rows = [row for batch in demo_client.changes(ACCOUNTS, columns, None, None) for row in batch.to_pylist()]
    stamps = sorted(row["system_modstamp"] for row in rows)
    middle = stamps[len(stamps) // 2]
    assert demo_client.count(ACCOUNTS, None, None) == len(rows)
    assert demo_client.count(ACCOUNTS, middle, None) == sum(stamp >= middle for stamp in stamps)
    alive = sum(not row["is_deleted"] for row in rows)
    assert demo_client.count_alive(ACCOUNTS, stamps[-1] + timedelta(days=1)) == alive
    assert demo_client.first_stamp(ACCOUNTS) == stamps[0]
    asked = [row["id"] for row in rows[:5]]
    found = demo_client.rows_with(ACCOUNTS, columns, "Id", asked)
    assert sorted(key for batch in found for key in batch["id"].to_pylist()) == sorted(asked)
    assert urlsplit(demo_client._session.base_url).scheme == "https"


def test_the_demo_describes_its_objects_and_tells_deletions(demo_client):
    told = demo_client.described(ACCOUNTS)
    assert told.tells_deletions
    assert told.types["Id"] == "id"
    assert not demo_client.described(OPPORTUNITY_STAGES).tells_deletions
    until = demo_client.server_time()
    since = until - timedelta(days=29)
    deletions = demo_client.deletions(ACCOUNTS, since, until)
    assert since < deletions.covered_until <= until
    assert demo_client.deletions(OPPORTUNITY_STAGES, since, until) is None
