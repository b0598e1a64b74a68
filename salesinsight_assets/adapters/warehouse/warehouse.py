"""The warehouse's reads and writes: each write is one transaction, in bulk by binary COPY.

What belongs elsewhere: what the rows mean (domain), which tables there are (tables).
"""

import contextlib
import hashlib
import json
import threading
from collections.abc import Generator, Iterable, Mapping, Sequence
from datetime import date, datetime
from typing import Any

import adbc_driver_postgresql.dbapi as adbc
import pandas as pd
import pyarrow as pa
import sqlalchemy as sa

from salesinsight_assets.adapters.warehouse import tables
from salesinsight_assets.adapters.warehouse.arrow import to_arrow, to_pandas
from salesinsight_assets.adapters.warehouse.merge import merge_statements
from salesinsight_assets.domain.crm.sync import MergeCounts
from salesinsight_assets.domain.crm.tables import CRM_TABLES, CrmTable
from salesinsight_assets.domain.derived_tables import DerivedTable

NEVER_READ = ("synced_at", "source")
ACTIVITY_TABLES = ("tasks", "events", "competitors")


class Warehouse:
    """One PostgreSQL database, by its libpq URL. Each thread keeps one connection: opening one costs 50 ms."""

    def __init__(self, url: str) -> None:
        self.url = url
        self._local = threading.local()

    @contextlib.contextmanager
    def transaction(self) -> Generator[Any]:
        """A driver cursor whose work is committed at the end; on an error it is undone and the connection given up."""
        connection = self._take_connection()
        try:
            with connection.cursor() as cursor:
                yield cursor
            connection.commit()
        except BaseException:
            connection.close()
            raise
        self.close()
        self._local.connection = connection

    def _take_connection(self) -> Any:
        """This thread's idle connection while the server still knows it; a transaction inside another gets its own."""
        idle = getattr(self._local, "connection", None)
        self._local.connection = None
        if idle is not None and not _is_alive(idle):
            idle.close()
            idle = None
        return idle or adbc.connect(self.url)

    def close(self) -> None:
        """Give up this thread's idle connection."""
        idle = getattr(self._local, "connection", None)
        if idle is not None:
            idle.close()
            self._local.connection = None

    def read(self, sql: str, parameters: Sequence[object] = ()) -> pd.DataFrame:
        """The rows of a query with $1, $2 … as parameters; dates as datetime64, timestamps in UTC."""
        with self.transaction() as cursor:
            return _rows(cursor, sql, parameters)

    def execute(self, sql: str, parameters: Sequence[object] = ()) -> None:
        """One statement in a transaction of its own."""
        with self.transaction() as cursor:
            cursor.execute(sql, tuple(parameters) or None)

    # --- CRM rows ---

    def cursor(self, table: str) -> datetime | None:
        """The moment up to which a CRM table is complete; None before its first load."""
        rows = self.read("SELECT cursor FROM crm.sync_cursors WHERE table_name = $1", (table,))
        return None if rows.empty or pd.isna(rows["cursor"][0]) else rows["cursor"][0].to_pydatetime()

    def merge(
        self,
        table: CrmTable,
        batches: Iterable[pa.Table],
        *,
        source: str,
        synced_at: datetime,
        cursor: datetime | None,
    ) -> MergeCounts:
        """Upsert `batches` by Id and move the cursor, in one transaction; see `merge` for what becomes of a row.

        Without a `cursor` the stored one stays.
        """
        with self.transaction() as sql:
            counts = self.merge_within(sql, table, batches, source=source, synced_at=synced_at)
            _note_delivery(sql, table, cursor, source, synced_at)
        return counts

    def merge_within(
        self, sql: Any, table: CrmTable, batches: Iterable[pa.Table], *, source: str, synced_at: datetime
    ) -> MergeCounts:
        """Upsert `batches` by Id inside the transaction of the cursor `sql`."""
        delivered: list[str] = []
        for batch in batches:
            sql.adbc_ingest("incoming", batch, mode="append" if delivered else "create", temporary=True)
            delivered = batch.column_names
        if not delivered:
            return MergeCounts(0, 0, 0)
        statements = merge_statements(table, delivered)
        sql.execute(statements.find_changes.replace("$1", "$1::timestamptz"), (synced_at,))
        sql.execute(statements.count_changes)
        inserted, updated, deleted = sql.fetchone()
        for statement in statements.statements:
            takes_source = "$1" in statement
            sql.execute(statement, (source, synced_at) if takes_source else None)
        sql.execute("DROP TABLE incoming, changes")
        return MergeCounts(inserted, updated, deleted)

    def merge_all(
        self, uploads: Mapping[CrmTable, pa.Table], *, source: str, synced_at: datetime
    ) -> dict[str, MergeCounts]:
        """Upsert the tables of one upload, all in one transaction; counts by table name."""
        counts: dict[str, MergeCounts] = {}
        with self.transaction() as sql:
            for table, rows in uploads.items():
                counts[table.name] = self.merge_within(sql, table, [rows], source=source, synced_at=synced_at)
                _note_delivery(sql, table, None, source, synced_at)
        return counts

    def crm_rows(self, recent_since: datetime, activity_since: datetime) -> dict[str, pd.DataFrame]:
        """Versions of CRM rows by table: those of opportunities that were not closed for good before `recent_since`.

        Activities and competitors only of opportunities that were not closed for good before `activity_since`.
        """
        with self.transaction() as sql:
            sql.execute(
                "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"
            )  # a sync in between must not split the tables
            return {table.name: _crm_versions(sql, table, recent_since, activity_since) for table in CRM_TABLES}

    def crm_status(self) -> pd.DataFrame:
        """One row a CRM table: `table_name`, `row_count` (current, not deleted), `synced_at`, `source`."""
        counts = " UNION ALL ".join(
            f"SELECT '{t.name}' AS table_name, count(*) AS row_count, max(synced_at) AS stored_at, max(source) AS origin"
            f" FROM crm.{t.name} WHERE valid_to IS NULL AND NOT is_deleted"
            for t in CRM_TABLES
        )
        return self.read(
            f"SELECT c.table_name, c.row_count, coalesce(s.synced_at, c.stored_at) AS synced_at,"
            f" coalesce(s.source, c.origin) AS source FROM ({counts}) AS c"
            " LEFT JOIN crm.sync_cursors AS s USING (table_name) ORDER BY c.table_name"
        )

    # --- derived tables ---

    def crm_synced_at(self) -> datetime | None:
        """When the opportunities were last brought up to date; None where they never were."""
        status = self.crm_status()
        synced_at = status.loc[status["table_name"] == "opportunities", "synced_at"].iloc[0]
        return None if pd.isna(synced_at) else synced_at.to_pydatetime()

    def replace_partition(
        self, table: DerivedTable | sa.Table, partition: Mapping[str, date], frame: pd.DataFrame
    ) -> None:
        """Replace the rows of `table` where the partition's columns have its values, in one transaction.

        Args:
            table: a derived table.
            partition: column and value, such as `{"as_of_date": date(2024, 3, 1)}`; added to `frame`.
            frame: the other columns of the table.
        """
        table = _sql_table(table)
        rows = to_arrow(
            frame.assign(**{c: pd.Series(v, index=frame.index, dtype=object) for c, v in partition.items()}), table
        )
        condition = " AND ".join(f"{column} = ${n}" for n, column in enumerate(partition, 1))
        with self.transaction() as sql:
            sql.execute(f"DELETE FROM {table.fullname} WHERE {condition}", tuple(partition.values()))
            _ingest(sql, table, rows)

    def append(self, table: DerivedTable | sa.Table, frame: pd.DataFrame) -> None:
        """Add rows to a table that is never updated."""
        table = _sql_table(table)
        with self.transaction() as sql:
            _ingest(sql, table, to_arrow(frame, table))

    def insert_new(self, table: DerivedTable | sa.Table, frame: pd.DataFrame) -> int:
        """Add the rows whose primary key is not there yet; returns how many were added."""
        table = _sql_table(table)
        columns = ", ".join(column.name for column in table.columns)
        with self.transaction() as sql:
            sql.execute(f"CREATE TEMP TABLE fresh (LIKE {table.fullname})")
            sql.adbc_ingest("fresh", to_arrow(frame, table), mode="append", temporary=True)
            sql.execute(
                f"WITH added AS (INSERT INTO {table.fullname} ({columns}) SELECT {columns} FROM fresh"
                " ON CONFLICT DO NOTHING RETURNING 1) SELECT count(*) FROM added"
            )
            added = sql.fetchone()[0]
            sql.execute("DROP TABLE fresh")
        return int(added)

    def partition(self, table: str, day: date, column: str = "as_of_date") -> pd.DataFrame:
        """The rows of one day of `insight.table` (or a month: `column`), ordered by their keys."""
        return self.read(f"SELECT * FROM insight.{table} WHERE {column} = $1 ORDER BY 1, 2, 3", (day,))

    def exported(self, table: str, day: date | None) -> pd.DataFrame:
        """The rows of a table as others get them: current rows of a CRM table, all or one day of a derived one.

        Raises:
            KeyError: an unknown table, or a day for a table that has none.
        """
        if table in tables.CRM:
            if day:
                raise KeyError(f"--date: expected a table with days, got {table}, which has none; leave it out")
            names = [c.name for c in tables.CRM[table].columns if c.name not in tables.VERSION_COLUMNS]
            return self.read(f"SELECT {', '.join(names)} FROM crm.{table} WHERE valid_to IS NULL ORDER BY id")
        derived = {name.rpartition(".")[2]: name for name in metadata_names()}
        if table not in derived:
            known = ", ".join(sorted({*tables.CRM, *derived}))
            raise KeyError(f"expected one of {known}, got {table}; correct its name")
        if day is None:
            return self.read(f"SELECT * FROM {derived[table]} ORDER BY 1, 2")
        column = tables.DAY_COLUMNS.get(table)
        if column is None:
            raise KeyError(f"--date: expected a table with days, got {table}, which has none; leave it out")
        return self.read(f"SELECT * FROM {derived[table]} WHERE {column} = $1 ORDER BY 1, 2", (day,))

    def days_of(self, table: str) -> tuple[date, date] | None:
        """The first and the last day (or month) with rows of a derived table; None where it is empty."""
        column = tables.DAY_COLUMNS[table]
        rows = self.read(f"SELECT min({column}) AS first, max({column}) AS last FROM {_full_name(table)}")
        return None if pd.isna(rows["first"][0]) else (rows["first"][0].date(), rows["last"][0].date())

    # --- what single stages ask for ---

    def replace_model(self, month: date, row: pd.DataFrame) -> None:
        """Register the model of a month; a new champion retires those of earlier months."""
        rows = to_arrow(row.assign(model_month=month), tables.models)
        with self.transaction() as sql:
            sql.execute("DELETE FROM insight.models WHERE model_month = $1", (month,))
            _ingest(sql, tables.models, rows)
            sql.execute(
                "UPDATE insight.models SET status = CASE WHEN model_month = (SELECT max(model_month) FROM insight.models"
                " WHERE status IN ('champion', 'retired')) THEN 'champion' ELSE 'retired' END"
                " WHERE status IN ('champion', 'retired')"
            )

    def champion(self, as_of: date) -> "pd.Series[Any] | None":
        """The latest model that had passed the gate when `as_of` began, None if there is none."""
        rows = self.read(
            "SELECT model_id, trained_on, artifact FROM insight.models WHERE status IN ('champion', 'retired')"
            " AND trained_on <= $1 ORDER BY trained_on DESC LIMIT 1",
            (as_of,),
        )
        return None if rows.empty else rows.iloc[0]

    def append_scores(self, day: date, scores: pd.DataFrame, run_id: str, scored_at: datetime) -> bool:
        """Add a run's predictions to the ledger, unless the day's latest run predicted the same; says whether it did."""
        latest = self.partition("opportunity_scores", day)
        columns = list(scores.columns)
        if len(latest) == len(scores) and len(latest) and _digest(latest[columns]) == _digest(scores):
            return False
        keys = {
            "as_of_date": pd.Series(day, index=scores.index, dtype=object),
            "run_id": run_id,
            "scored_at": scored_at,
        }
        self.append(tables.prediction_ledger, scores.assign(**keys))
        return True

    def last_scored_day(self, before: date) -> date | None:
        """The last day before `before` that was scored, None if there is none."""
        rows = self.read(
            "SELECT max(as_of_date) AS day FROM insight.prediction_ledger WHERE as_of_date < $1", (before,)
        )
        return None if pd.isna(rows["day"][0]) else rows["day"][0].date()

    def alerts_between(self, first: date, last: date) -> pd.DataFrame:
        """The alerts of a range of days, ordered by day."""
        return self.read(
            "SELECT * FROM insight.rep_alerts WHERE as_of_date BETWEEN $1 AND $2 ORDER BY as_of_date, rank",
            (first, last),
        )

    def alerts_to_word(self, day: date) -> pd.DataFrame:
        """The day's alerts to send with what their wording needs of deal, score and features."""
        return self.read(
            "SELECT a.*, o.name, o.amount AS deal_amount, o.currency_iso_code, s.win_probability_7d_ago, s.risk_level,"
            " s.reasons::text AS reasons, s.is_fallback, f.age_days, f.expected_cycle_days"
            " FROM insight.rep_alerts AS a"
            " JOIN insight.open_opportunities AS o USING (as_of_date, opportunity_id)"
            " JOIN insight.opportunity_scores AS s USING (as_of_date, opportunity_id)"
            " JOIN insight.opportunity_features AS f USING (as_of_date, opportunity_id)"
            " WHERE a.as_of_date = $1 AND a.status = 'to_send' ORDER BY a.rank",
            (day,),
        )


def _is_alive(connection: Any) -> bool:
    """Whether the server still answers: it may have been started again since, or have closed an idle connection."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        connection.rollback()
    except adbc.Error:
        return False
    return True


def _note_delivery(sql: Any, table: CrmTable, cursor: datetime | None, source: str, synced_at: datetime) -> None:
    """Say when a table was last delivered and by whom, also where no row of it changed."""
    sql.execute(
        "INSERT INTO crm.sync_cursors VALUES ($1, $2, $3, $4) ON CONFLICT (table_name) DO UPDATE"
        " SET cursor = coalesce(excluded.cursor, sync_cursors.cursor), source = excluded.source,"
        " synced_at = excluded.synced_at",
        (table.name, cursor, source, synced_at),
    )


def _rows(sql: Any, query: str, parameters: Sequence[object] = ()) -> pd.DataFrame:
    sql.execute(query, tuple(parameters) or None)
    return to_pandas(sql.fetch_arrow_table())


def _crm_versions(sql: Any, table: CrmTable, recent_since: datetime, activity_since: datetime) -> pd.DataFrame:
    sql_table = tables.CRM[table.name]
    columns = ", ".join(c.name for c in sql_table.columns if c.name not in NEVER_READ)
    parent = {"opportunities": "id", "tasks": "what_id", "events": "what_id"}.get(table.name, "opportunity_id")
    if parent not in sql_table.columns:
        return _rows(sql, f"SELECT {columns} FROM crm.{table.name}")
    since = activity_since if table.name in ACTIVITY_TABLES else recent_since
    return _rows(
        sql,
        f"SELECT {columns} FROM crm.{table.name} WHERE {parent} IN (SELECT id FROM crm.opportunities"
        " WHERE valid_to IS NULL AND NOT (coalesce(is_closed, false) AND system_modstamp < $1))",
        (since,),
    )


def _sql_table(table: DerivedTable | sa.Table) -> sa.Table:
    return tables.DERIVED[table.name] if isinstance(table, DerivedTable) else table


def metadata_names() -> list[str]:
    """The full names of all tables and views but the CRM's."""
    derived = [t.fullname for t in tables.metadata.tables.values() if t.schema in ("insight", "engagement")]
    return [*derived, "insight.opportunity_scores"]


def _full_name(table: str) -> str:
    return next(name for name in metadata_names() if name.endswith(f".{table}"))


def exported_names() -> dict[str, list[str]]:
    """Every table that can be exported, by its kind."""
    derived = [name.rpartition(".")[2] for name in metadata_names()]
    return {"CRM": sorted(tables.CRM), "Derived": sorted(derived)}


def _digest(scores: pd.DataFrame) -> str:
    """A fingerprint of predictions: JSON by its content, numbers to the last digit."""
    content = scores.sort_values("opportunity_id", ignore_index=True)
    content = content.assign(reasons=[json.dumps(json.loads(text), sort_keys=True) for text in content["reasons"]])
    plain = content.astype(object).where(content.notna(), None)
    return hashlib.sha256(plain.to_csv(index=False).encode()).hexdigest()


def _ingest(sql: Any, table: sa.Table, rows: pa.Table) -> None:
    if rows.num_rows:
        sql.adbc_ingest(table.name, rows, mode="append", db_schema_name=table.schema)


def sqlalchemy_url(url: str) -> str:
    """`url` for SQLAlchemy: with its driver named, and a host, which Great Expectations asks for.

    SQLAlchemy 2.1 reads a bare postgresql:// as psycopg 3, which is not installed. A socket in the query wins over the
    host.

    >>> sqlalchemy_url("postgresql://postgres@/insight?host=/run/pg")
    'postgresql+psycopg2://postgres@localhost/insight?host=/run/pg'
    """
    scheme, _, rest = url.partition("://")
    named = "postgresql+psycopg2" if scheme in ("postgresql", "postgres") else scheme
    rest = f"localhost{rest}" if rest.startswith("/") else rest.replace("@/", "@localhost/", 1)
    return f"{named}://{rest}"
