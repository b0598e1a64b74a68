"""The real client against the demo company's Salesforce over TLS: after each sync the store equals the company."""

import shutil
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from salesinsight_assets.adapters.salesforce import LoginError, SalesforceCallError, SalesforceClient
from salesinsight_assets.demo.company import DemoCompany
from salesinsight_assets.demo.salesforce_server import DemoSalesforce
from salesinsight_assets.domain.crm.rows import typed_table
from salesinsight_assets.domain.crm.sync import MergeCounts, ObjectResult, sync_tables
from salesinsight_assets.domain.crm.tables import CRM_TABLES, OPPORTUNITIES, OPPORTUNITY_HISTORY, CrmTable
from salesinsight_assets.settings import SalesforceSettings, load_settings

LOOKBACK = timedelta(minutes=15)
ONLY_REST, ONLY_BULK = 1_000_000_000, 0
Rows = dict[str, dict[str, Any]]


class Store:
    """A warehouse in memory: rows by Id, a merge all or nothing."""

    def __init__(self) -> None:
        self.rows: dict[str, Rows] = {table.name: {} for table in CRM_TABLES}
        self.cursors: dict[str, datetime | None] = {}

    def cursor(self, table: str) -> datetime | None:
        return self.cursors.get(table)

    def merge(
        self,
        table: CrmTable,
        batches: Iterable[pa.Table],
        *,
        source: str,
        synced_at: datetime,
        cursor: datetime | None,
    ) -> MergeCounts:
        assert source == "salesforce"
        assert synced_at == cursor
        before = self.rows[table.name]
        merged = {key: dict(row) for key, row in before.items()}
        for batch in batches:
            for row in batch.to_pylist():
                merged.setdefault(row["id"], {}).update(row)
        self.rows[table.name], self.cursors[table.name] = merged, cursor
        changed = [key for key in merged if key in before and merged[key] != before[key]]
        return MergeCounts(len(merged) - len(before), len(changed), sum(_is_deleted(merged[key]) for key in changed))


def _is_deleted(row: dict[str, Any]) -> bool:
    return bool(row.get("is_deleted"))


class Org:
    """A company of its own for one test, its server, and a store that is synced from it."""

    def __init__(self, company: DemoCompany, server: DemoSalesforce) -> None:
        self.company = company
        self.server = server
        self.store = Store()
        self.clients: list[SalesforceClient] = []
        self.settings = load_settings({**server.environment(), "SALESFORCE_RETRY_BUDGET_SECONDS": "5"}).salesforce

    def client(self, **changes: Any) -> SalesforceClient:
        self.clients.append(SalesforceClient(replace(self.settings, **changes), bulk_part_rows=300))
        return self.clients[-1]

    def close(self) -> None:
        for client in self.clients:
            client.close()

    def sync(self, client: SalesforceClient | None = None) -> dict[str, ObjectResult]:
        results = sync_tables(client or self.client(), self.store, CRM_TABLES, LOOKBACK)
        return {result.table: result for result in results}

    def expected(self, table: CrmTable) -> Rows:
        rows = typed_table(table, self.company.rows(table.salesforce_object)).to_pylist()
        return {row["id"]: row for row in rows}

    def assert_synced(self, *tables: CrmTable) -> None:
        for table in tables or CRM_TABLES:
            assert self.store.rows[table.name] == self.expected(table), table.name

    def open_deals(self) -> list[str]:
        rows = self.expected(OPPORTUNITIES).values()
        return [row["id"] for row in rows if not row["is_closed"] and not row["is_deleted"]]


@pytest.fixture(scope="module")
def founded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("company") / "company.db"
    DemoCompany.create(path, date(2025, 6, 1), years=0.5, size=0.4).close()
    return path


@pytest.fixture(scope="module")
def shared_org(founded: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Org]:
    """For tests that change nothing in the company."""
    yield from _org(founded, tmp_path_factory.mktemp("shared"))


@pytest.fixture
def org(founded: Path, tmp_path: Path) -> Iterator[Org]:
    yield from _org(founded, tmp_path)


def _org(founded: Path, directory: Path) -> Iterator[Org]:
    path = directory / "company.db"
    shutil.copy(founded, path)
    with (
        DemoCompany.open(path) as company,
        DemoSalesforce(path, directory) as server,
        closing(Org(company, server)) as org,
    ):
        yield org


@pytest.mark.parametrize("threshold", [ONLY_REST, ONLY_BULK, 2000], ids=["rest", "bulk", "by-size"])
def test_the_first_load_equals_the_company_value_by_value(shared_org: Org, threshold: int) -> None:
    shared_org.store = Store()
    client = shared_org.client(bulk_threshold=threshold, page_size=200)
    before = shared_org.server.usage.used
    results = shared_org.sync(client)
    assert {result.status for result in results.values()} == {"complete"}
    shared_org.assert_synced()
    assert len(shared_org.store.rows["opportunities"]) > 400
    assert sum(result.rows_read for result in results.values()) == sum(map(len, shared_org.store.rows.values()))
    counted = client.usage().api_calls
    assert counted == shared_org.server.usage.used - before
    assert sum(result.api_calls for result in results.values()) == counted - 1  # the one that told the time


def test_a_second_sync_reads_only_what_the_lookback_covers_and_changes_nothing(shared_org: Org) -> None:
    shared_org.store = Store()
    shared_org.sync()
    again = shared_org.sync()
    assert again["opportunities"].rows_read == 0
    assert (again["users"].rows_inserted, again["opportunity_stages"].rows_updated) == (0, 0)
    assert again["opportunity_stages"].rows_read > 0
    shared_org.assert_synced()


@pytest.mark.parametrize("threshold", [ONLY_REST, ONLY_BULK], ids=["rest", "bulk"])
def test_the_next_sync_brings_changes_additions_and_deletions(org: Org, threshold: int) -> None:
    client = org.client(bulk_threshold=threshold)
    org.sync(client)
    changed, deleted, *_ = org.open_deals()
    org.company.update("Opportunity", changed, {"Amount": 4711.5, "NextStep": 'He said "yes",\nthen left: 第二'})
    org.company.delete("Opportunity", deleted)
    new = org.company.insert("Account", {"Name": "New & Co"})
    results = org.sync(client)
    org.assert_synced(OPPORTUNITIES)
    assert org.store.rows["opportunities"][changed]["amount"] == 4711.5
    assert org.store.rows["opportunities"][deleted]["is_deleted"] is True
    assert org.store.rows["accounts"][new]["name"] == "New & Co"
    assert (results["opportunities"].rows_updated, results["opportunities"].rows_deleted) == (2, 1)
    assert org.store.cursors["opportunities"] == org.client().server_time()


def test_an_undeleted_deal_comes_back(org: Org) -> None:
    deal = org.open_deals()[0]
    org.company.delete("Opportunity", deal)
    org.sync()
    assert org.store.rows["opportunities"][deal]["is_deleted"] is True
    org.company.undelete("Opportunity", deal)
    org.sync()
    org.assert_synced(OPPORTUNITIES)


def test_days_that_pass_arrive_as_they_were(org: Org) -> None:
    org.sync()
    org.company.advance(org.company.last_day + timedelta(days=3))
    results = org.sync()
    org.assert_synced(OPPORTUNITIES, OPPORTUNITY_HISTORY)
    assert 0 < results["opportunities"].rows_read < len(org.store.rows["opportunities"])


def test_a_session_that_expires_between_objects_is_renewed_once(org: Org) -> None:
    def expire_after_history(result: ObjectResult) -> None:
        if result.table == "opportunity_history":
            org.server.sessions.expire_all()

    results = sync_tables(org.client(), org.store, CRM_TABLES, LOOKBACK, expire_after_history)
    assert {result.status for result in results} == {"complete"}
    org.assert_synced()
    assert org.server.sessions.login_count == 2


@pytest.mark.parametrize("threshold", [ONLY_REST, ONLY_BULK], ids=["rest", "bulk"])
def test_a_session_that_expires_between_pages_loses_no_row(org: Org, threshold: int) -> None:
    client = org.client(bulk_threshold=threshold, page_size=200)
    until = client.server_time() + timedelta(seconds=1)
    batches = client.changes(OPPORTUNITIES, OPPORTUNITIES.columns, None, until)
    first = next(batches)
    org.server.sessions.expire_all()
    ids = {key for batch in (first, *batches) for key in batch["id"].to_pylist()}
    assert ids == set(org.expected(OPPORTUNITIES))
    assert org.server.sessions.login_count == 2


def test_a_wrong_secret_ends_the_sync_after_one_token_call(shared_org: Org) -> None:
    before = shared_org.server.sessions.login_count
    with pytest.raises(LoginError, match="invalid_client: invalid client credentials") as refused:
        shared_org.sync(shared_org.client(client_secret="not-this-one"))
    assert "not-this-one" not in str(refused.value)
    assert shared_org.server.sessions.login_count == before + 1


@pytest.mark.parametrize("auth", ["client_credentials", "refresh_token", "password"])
def test_each_way_to_log_in_opens_the_org(shared_org: Org, auth: str) -> None:
    known = shared_org.server.credentials
    given: dict[str, Any] = {"username": known.username, "password": known.password}
    client = shared_org.client(auth=auth, refresh_token=known.refresh_token, **given)
    assert client.server_time() == shared_org.company.now.replace(microsecond=0)


def test_a_hidden_field_keeps_its_old_values_and_costs_nothing_else(org: Org) -> None:
    org.sync()
    deal = org.open_deals()[0]
    amount = org.store.rows["opportunities"][deal]["amount"]
    org.server.faults.hide_field("Opportunity", "Amount")
    org.company.update("Opportunity", deal, {"Amount": 1.0, "NextStep": "call back"})
    result = org.sync()["opportunities"]
    assert (result.status, result.missing_columns) == ("complete", ("amount",))
    stored = org.store.rows["opportunities"][deal]
    assert (stored["amount"], stored["next_step"]) == (amount, "call back")


def test_an_object_that_fails_leaves_the_others_complete(org: Org) -> None:
    org.server.faults.hide_field("OpportunityHistory", "StageName")
    results = org.sync()
    failed = results.pop("opportunity_history")
    assert {result.status for result in results.values()} == {"complete"}
    assert (failed.status, failed.cursor_after) == ("failed", None)
    assert "expected to read StageName of OpportunityHistory" in str(failed.error)
    org.server.faults.show_field("OpportunityHistory", "StageName")
    org.sync()
    org.assert_synced()


def test_a_field_hidden_while_it_is_read_fails_that_object_by_its_name(org: Org) -> None:
    client = org.client(bulk_threshold=ONLY_REST)
    batches = client.changes(OPPORTUNITIES, OPPORTUNITIES.columns, None, client.server_time())
    org.server.faults.hide_field("Opportunity", "Amount")
    with pytest.raises(SalesforceCallError, match=r"INVALID_FIELD.*Amount"):
        next(batches)


def test_an_optional_object_that_the_org_lacks_is_skipped(shared_org: Org) -> None:
    elsewhere = replace(CRM_TABLES[-1], salesforce_object="Nowhere__c")
    (result,) = sync_tables(shared_org.client(), Store(), [elsewhere], LOOKBACK)
    assert (result.status, result.salesforce_object) == ("skipped", "Nowhere__c")


def test_settings_without_an_authority_do_not_trust_the_server(shared_org: Org) -> None:
    settings = SalesforceSettings(login_url=shared_org.server.login_url, client_id="x", client_secret="y")
    with SalesforceClient(settings) as client, pytest.raises(SalesforceCallError, match="CERTIFICATE_VERIFY_FAILED"):
        client.server_time()
