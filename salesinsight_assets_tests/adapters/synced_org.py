"""A made-up company, its Salesforce over TLS, and a warehouse that is synced from it: what the sync's tests stand on."""

import sqlite3
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from salesinsight_assets.adapters.salesforce import SalesforceClient
from salesinsight_assets.adapters.warehouse import Warehouse
from salesinsight_assets.adapters.warehouse.sync_store import SyncStore
from salesinsight_assets.demo.company import DemoCompany
from salesinsight_assets.demo.salesforce_server import DemoSalesforce
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
        self._clients: list[SalesforceClient] = []

    def client(self, **changes: Any) -> SalesforceClient:
        """A client with changed settings."""
        self._clients.append(SalesforceClient(replace(self.settings, **changes), bulk_part_rows=300))
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
