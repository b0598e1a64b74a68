"""The warehouse as the store of a sync: rows, deletions and what is remembered of each table, in one transaction.

What becomes of a row is in `merge`; what is asked when, in `domain.crm.sync`.
"""

import json
from collections.abc import Callable, Collection, Iterable
from datetime import datetime
from typing import Any

import pyarrow as pa

from salesinsight_assets.adapters.warehouse.merge import (
    ALIVE,
    absent_ids,
    differing_ids,
    gone_statements,
    restatement,
)
from salesinsight_assets.adapters.warehouse.warehouse import Warehouse
from salesinsight_assets.domain.crm.sync import Comparison, Ending, FilledFrom, MergeCounts, TableMemory
from salesinsight_assets.domain.crm.tables import CrmTable

SOURCE = "salesforce"
_NOTE = (
    "INSERT INTO crm.sync_cursors (table_name, cursor, source, synced_at, deletes_cursor, reconciled_at,"
    " salesforce_object, fields) VALUES ($1, $2, $3, $4, $5, $6, $7, $8::jsonb) ON CONFLICT (table_name) DO UPDATE"
    " SET cursor = excluded.cursor, source = excluded.source, synced_at = excluded.synced_at,"
    " deletes_cursor = excluded.deletes_cursor, reconciled_at = excluded.reconciled_at,"
    " salesforce_object = excluded.salesforce_object, fields = excluded.fields"
)
_FLIPPED = """
SELECT DISTINCT later.id FROM crm.opportunities AS later
JOIN crm.opportunities AS earlier ON earlier.id = later.id AND earlier.valid_to = later.valid_from
WHERE later.synced_at >= $1 AND earlier.is_deleted IS DISTINCT FROM later.is_deleted
"""
_TIMES = ("cursor", "synced_at", "deletes_cursor", "reconciled_at")


class SyncStore:
    """A `domain.crm.sync.CrmStore` on the warehouse; each thread works on a connection of its own."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def memory(self, table: str) -> TableMemory:
        """What is remembered of a table; an empty memory before its first sync."""
        rows = self._warehouse.read(
            "SELECT cursor, synced_at, deletes_cursor, reconciled_at, salesforce_object, fields::text AS fields"
            " FROM crm.sync_cursors WHERE table_name = $1",
            (table,),
        )
        if rows.empty:
            return TableMemory()
        row: dict[Any, Any] = rows.iloc[0].astype(object).where(rows.iloc[0].notna(), None).to_dict()
        fields = json.loads(row["fields"] or "{}")
        return TableMemory(
            **{name: row[name] and row[name].to_pydatetime() for name in _TIMES},
            salesforce_object=row["salesforce_object"],
            fields={column: FilledFrom(*origin) for column, origin in fields.items()},
        )

    def merge(
        self, table: CrmTable, batches: Iterable[pa.Table], *, synced_at: datetime, ending: Callable[[], Ending]
    ) -> MergeCounts:
        """Upsert `batches`, mark what is gone and note the memory; see `CrmStore`."""
        with self._warehouse.transaction() as sql:
            incoming = _delivered(sql, batches)
            end = ending()
            # the lock comes after the reading, which may take an hour
            counts = self._warehouse.merge_delivered(
                sql, table, incoming, source=SOURCE, synced_at=synced_at, silent_changes_at=end.silent_changes_at
            )
            counts += MergeCounts(deleted=_mark_gone(sql, table, end, synced_at))
            _note(sql, table, end.memory)
        return counts

    def restate(self, table: CrmTable, batches: Iterable[pa.Table], *, synced_at: datetime, memory: TableMemory) -> int:
        """Fill columns of stored rows where Id and stamp are the same, and note the memory; how many rows changed."""
        changed = 0
        with self._warehouse.transaction() as sql:
            incoming = _delivered(sql, batches)
            if incoming:
                self._warehouse.lock_merges(sql, table)
                sql.execute(restatement(table, incoming), (synced_at,))
                changed = int(sql.fetchone()[0])
                sql.execute("DROP TABLE incoming")
            _note(sql, table, memory)
        return changed

    def compare(self, table: CrmTable, batches: Iterable[pa.Table]) -> Comparison:
        """The current rows against batches of Ids, stamps and other columns of all rows that the CRM has."""
        with self._warehouse.transaction() as sql:
            incoming = _delivered(sql, batches)
            if not incoming:
                return Comparison(len(ids := _ids(sql, f"SELECT id FROM crm.{table.name} AS t WHERE {ALIVE}")), ids, ())
            absent = _ids(sql, absent_ids(table))
            differing = _ids(sql, differing_ids(table, incoming))
            sql.execute("DROP TABLE incoming")
            sql.execute(f"SELECT count(*) FROM crm.{table.name} AS t WHERE {ALIVE}")
            return Comparison(int(sql.fetchone()[0]), absent, differing)

    def alive_ids(self, table: str, ids: Collection[str] | None = None) -> set[str]:
        """Those of `ids` (None: of all) that are stored and not deleted."""
        if ids is None:
            return set(self._warehouse.read(f"SELECT id FROM crm.{table} AS t WHERE {ALIVE}")["id"])
        return self._alive_with(table, "id", ids)

    def alive_children(self, table: str, parent_column: str, parents: Collection[str]) -> set[str]:
        """Ids of stored rows, not deleted, that hang on one of `parents`."""
        return self._alive_with(table, parent_column, parents)

    def _alive_with(self, table: str, column: str, values: Collection[str]) -> set[str]:
        if not values:
            return set()
        with self._warehouse.transaction() as sql:
            sql.adbc_ingest("wanted", pa.table({"value": sorted(values)}), mode="create", temporary=True)
            found = _ids(sql, f"SELECT id FROM crm.{table} AS t JOIN wanted ON {column} = value WHERE {ALIVE}")
            sql.execute("DROP TABLE wanted")
        return set(found)

    def flipped_opportunities(self, since: datetime) -> list[str]:
        """Opportunities that syncs since that moment found deleted or restored."""
        return self._warehouse.read(_FLIPPED, (since,))["id"].tolist()

    def alive_count(self, table: CrmTable, born_before: datetime) -> int:
        """How many rows that are not deleted were created before a moment."""
        born = next((c.name for c in table.columns if c.field == table.born_field), "valid_from")
        rows = self._warehouse.read(
            f"SELECT count(*) AS n FROM crm.{table.name} AS t WHERE {ALIVE} AND {born} < $1", (born_before,)
        )
        return int(rows["n"][0])

    def close(self) -> None:
        """Give up this thread's connection."""
        self._warehouse.close()


def _delivered(sql: Any, batches: Iterable[pa.Table]) -> list[str]:
    """The columns of the temporary table `incoming`, which holds all batches; none where none came."""
    delivered: list[str] = []
    for batch in batches:
        sql.adbc_ingest("incoming", batch, mode="append" if delivered else "create", temporary=True)
        delivered = batch.column_names
    return delivered


def _mark_gone(sql: Any, table: CrmTable, end: Ending, synced_at: datetime) -> int:
    if not end.gone:
        return 0
    gone = pa.table(
        {"id": list(end.gone), "gone_at": pa.array(end.gone.values(), pa.timestamp("us", "UTC"))},
    )
    sql.adbc_ingest("gone", gone, mode="create", temporary=True)
    for statement in gone_statements(table):
        sql.execute(statement, (SOURCE, synced_at) if "$1" in statement else None)
    sql.execute("DROP TABLE gone")
    return len(end.gone)


def _note(sql: Any, table: CrmTable, memory: TableMemory) -> None:
    fields = json.dumps({column: list(origin) for column, origin in memory.fields.items()})
    sql.execute(
        _NOTE,
        (
            table.name,
            memory.cursor,
            SOURCE,
            memory.synced_at,
            memory.deletes_cursor,
            memory.reconciled_at,
            memory.salesforce_object,
            fields,
        ),
    )


def _ids(sql: Any, query: str) -> list[str]:
    sql.execute(query)
    return sql.fetch_arrow_table()["id"].to_pylist()
