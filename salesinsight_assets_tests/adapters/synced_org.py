"""A made-up company, its Salesforce over TLS, and a warehouse that is synced from it: what the sync's tests stand on."""

import shutil
import sqlite3
from collections.abc import Generator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from salesinsight_assets.adapters.salesforce import SalesforceCallError, SalesforceClient
from salesinsight_assets.adapters.warehouse import Warehouse
from salesinsight_assets.adapters.warehouse.sync_store import SyncStore
from salesinsight_assets.demo.company import DemoCompany
from salesinsight_assets.demo.salesforce_server import DemoSalesforce
from salesinsight_assets.demo.server.faults import Fault
from salesinsight_assets.demo.storage import connect
from salesinsight_assets.domain.crm.rows import typed_table
from salesinsight_assets.domain.crm.sync import ObjectResult, SyncPolicy, sync_tables
from salesinsight_assets.domain.crm.tables import CRM_TABLES, OPPORTUNITIES, CrmTable
from salesinsight_assets.settings import load_settings

LOOKBACK = timedelta(minutes=15)
ONLY_REST, ONLY_BULK = 1_000_000_000, 0
Rows = dict[str, dict[str, Any]]


class SyncedOrg:
    """One org of its own for a test; `sync` brings the warehouse up to it as a night does."""

    def __init__(self, path: Path, company: DemoCompany, server: DemoSalesforce, warehouse: Warehouse) -> None:
        self.path = path
        self.company, self.server, self.warehouse = company, server, warehouse
        self.store = SyncStore(warehouse)
        self.policy = SyncPolicy()
        self.settings = load_settings({**server.environment(), "SALESFORCE_RETRY_BUDGET_SECONDS": "5"}).salesforce
        self.tables: Sequence[CrmTable] = CRM_TABLES
        self.part_rows = 300
        self._clients: list[SalesforceClient] = []

    def client(self, **changes: Any) -> SalesforceClient:
        """A client with changed settings."""
        self._clients.append(SalesforceClient(replace(self.settings, **changes), bulk_part_rows=self.part_rows))
        return self._clients[-1]

    def close(self) -> None:
        """Close what `client` opened."""
        for client in self._clients:
            client.close()

    def sync(self, *tables: CrmTable, watch: Any = None, **changes: Any) -> dict[str, ObjectResult]:
        """One sync of `tables` (default: all), by a client of its own with changed settings; results by table."""
        results = sync_tables(self.client(**changes), self.store, tables or self.tables, LOOKBACK, self.policy, watch)
        return {result.table: result for result in results}

    def stored(self, table: CrmTable) -> Rows:
        """The current rows of the warehouse that are not deleted, by Id."""
        names = ", ".join(table.column_names)
        with self.warehouse.transaction() as sql:
            sql.execute(
                f"SELECT {names} FROM crm.{table.name} WHERE valid_to IS NULL AND NOT coalesce(is_deleted, false)"
            )
            rows = sql.fetch_arrow_table().to_pylist()
        assert len({row["id"] for row in rows}) == len(rows)
        return {row["id"]: row for row in rows}

    def deleted_ids(self, table: CrmTable) -> set[str]:
        """Ids of the rows that the warehouse has as deleted."""
        rows = self.warehouse.read(f"SELECT id FROM crm.{table.name} WHERE valid_to IS NULL AND is_deleted")
        return set(rows["id"])

    def expected(self, table: CrmTable) -> Rows:
        """The rows that the company's CRM has, deleted ones too."""
        rows = typed_table(table, self.company.rows(table.salesforce_object)).to_pylist()
        return {row["id"]: row for row in rows}

    def assert_equal(self, *tables: CrmTable) -> None:
        """Ids, values and deleted flags are the CRM's, nothing is there twice, and no cursor is past the CRM's clock."""
        for table in tables or self.tables:
            expected = self.expected(table)
            alive = {key: row for key, row in expected.items() if not row.get("is_deleted")}
            assert self.stored(table) == alive, table.name
            assert {key for key, row in expected.items() if row.get("is_deleted")} <= self.deleted_ids(table)
            cursor = self.store.memory(table.name).cursor
            assert cursor is None or cursor <= self.company.now

    def assert_cursors_hold(self, *tables: CrmTable) -> None:
        """Every row that the CRM has and whose stamp lies before its table's cursor is stored."""
        for table in tables or self.tables:
            cursor = self.store.memory(table.name).cursor
            if cursor is not None:
                rows = self.expected(table).values()
                passed = {row["id"] for row in rows if row[table.stamp_column] < cursor and not row.get("is_deleted")}
                assert passed <= set(self.stored(table)), table.name

    @contextmanager
    def unseen_changes(self) -> Generator[sqlite3.Connection]:
        """A connection to the company's file, to change what leaves no trace in the CRM."""
        connection = connect(self.path)
        try:
            yield connection
        finally:
            connection.close()

    def open_deals(self) -> list[str]:
        """Ids of the deals that are open in the CRM."""
        rows = self.expected(OPPORTUNITIES).values()
        return [row["id"] for row in rows if not row["is_closed"] and not row["is_deleted"]]


@contextmanager
def served_org(founded: Path, folder: Path, warehouse: Warehouse) -> Generator[SyncedOrg]:
    """A copy in `folder` of the company in the file `founded`, with its Salesforce, which also gives small pages."""
    path = folder / "company.db"
    shutil.copy(founded, path)
    with (
        DemoCompany.open(path) as company,
        DemoSalesforce(path, folder, smallest_page=1) as server,
        closing(SyncedOrg(path, company, server, warehouse)) as org,
    ):
        yield org


def assert_passes(
    org: SyncedOrg,
    fault: Fault,
    *tables: CrmTable,
    calls: int | None = None,
    after: int = 0,
    object_name: str | None = None,
    hurt: dict[str, Any] | None = None,
    is_moving: bool = False,
    orphaned_jobs: int = 0,
    **settings: Any,
) -> dict[str, ObjectResult]:
    """The pass rule: results of a sync hurt by `fault`, which is whole or names what is stale; the next one is whole.

    `hurt` are settings of the hurt sync alone; with `is_moving` the fault changes the company, so that a complete table
    need not be equal to what the company has become. `orphaned_jobs` are Bulk jobs that were made without an answer, so
    that nobody can delete them; they expire by themselves. The results are empty where nothing at all could be asked.
    """
    with org.server.faults.injected(fault, calls=calls, after=after, object_name=object_name) as active:
        results = dict[str, ObjectResult]()  # none where the sync cannot begin: all objects count as stale then
        with suppress(SalesforceCallError):
            results = org.sync(*tables, **settings | {"retry_budget_seconds": 1} | (hurt or {}))
    assert active.hits, f"{active.name}: hit no call"
    org.assert_cursors_hold(*tables)
    for table in tables or org.tables:
        if table.name in results:
            _assert_whole_or_named(org, table, results[table.name], is_moving)
    assert {result.status for result in org.sync(*tables, **settings).values()} == {"complete"}
    org.assert_equal(*tables)
    assert org.server.bulk_jobs <= orphaned_jobs
    return results


def _assert_whole_or_named(org: SyncedOrg, table: CrmTable, result: ObjectResult, is_moving: bool) -> None:
    if result.is_stale:
        assert result.salesforce_object == table.salesforce_object
        assert "expected" in str(result.error)
    elif not is_moving:
        assert result.status == "complete"
        org.assert_equal(table)
