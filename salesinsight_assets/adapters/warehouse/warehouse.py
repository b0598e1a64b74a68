"""The warehouse's reads and writes: each write is one transaction, in bulk by binary COPY.

What belongs elsewhere: what the rows mean (domain), which tables there are (tables).
"""

import contextlib
import hashlib
import json
import re
import threading
from collections.abc import Generator, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import adbc_driver_postgresql.dbapi as adbc
import pandas as pd
import pyarrow as pa
import sqlalchemy as sa

from salesinsight_assets.adapters.warehouse import tables
from salesinsight_assets.adapters.warehouse.arrow import to_arrow, to_pandas
from salesinsight_assets.adapters.warehouse.merge import ALIVE, merge_statements
from salesinsight_assets.domain.crm.sync import MergeCounts
from salesinsight_assets.domain.crm.tables import CRM_TABLES, HISTORY_TABLES, CrmTable
from salesinsight_assets.domain.derived_tables import DerivedTable
from salesinsight_assets.domain.model.fallback import BASE_RATE_PREFIX, RULES_MODEL_ID

NO_REPORT = "o.message_key NOT LIKE 'report:%'"
"""Reports wait in the outbox too, and tell nobody of an alert."""
COMPANY_CURRENCY = f"SELECT iso_code FROM crm.currency_types AS t WHERE {ALIVE} AND is_corporate"
ALERTS_TO_WORD = (
    "SELECT a.*, o.name, o.stage_name, o.amount AS deal_amount, o.currency_iso_code, s.win_probability_7d_ago, s.risk_level,"
    " s.reasons::text AS reasons, s.model_id, s.is_fallback, f.age_days, f.expected_cycle_days, f.stage_position"
    " FROM insight.rep_alerts AS a"
    " JOIN insight.open_opportunities AS o USING (as_of_date, opportunity_id)"
    " JOIN insight.opportunity_scores AS s USING (as_of_date, opportunity_id)"
    " JOIN insight.opportunity_features AS f USING (as_of_date, opportunity_id)"
)
"""Alerts with what their wording needs of deal, score and features."""
_TELLS = f"o.status NOT IN ('failed', 'cancelled') AND {NO_REPORT}"
_TOLD_OF_DAY = (
    f"SELECT 1 FROM engagement.outbox AS o WHERE as_of_date = $1 AND {_TELLS} UNION ALL"
    " SELECT 1 FROM insight.alert_days WHERE as_of_date = $1 AND held_out > 0 AND queued_at IS NOT NULL LIMIT 1"
)
_TO_SEND_OF_DAY = "SELECT opportunity_id FROM insight.rep_alerts WHERE as_of_date = $1 AND status = 'to_send'"
_MARK_QUEUED = "UPDATE insight.alert_days SET queued_at = $2 WHERE as_of_date = $1 AND queued_at IS NULL"
NEVER_READ = ("synced_at", "source")
ACTIVITY_TABLES = ("tasks", "events", "competitors")


class CrmOrigin(NamedTuple):
    """Where the CRM's rows come from (`salesforce`, `csv`), and of which moment they tell."""

    source: str
    told_until: datetime


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

    def merge_within(
        self, sql: Any, table: CrmTable, rows: pa.Table, *, source: str, synced_at: datetime
    ) -> MergeCounts:
        """Upsert `rows` by Id inside the transaction of the cursor `sql`."""
        sql.adbc_ingest("incoming", rows, mode="create", temporary=True)
        return self.merge_delivered(sql, table, rows.column_names, source=source, synced_at=synced_at)

    def merge_delivered(
        self,
        sql: Any,
        table: CrmTable,
        delivered: list[str],
        *,
        source: str,
        synced_at: datetime,
        silent_changes_at: datetime | None = None,
    ) -> MergeCounts:
        """Upsert the temporary table `incoming`, which has the columns `delivered` (none: it is not there).

        See `merge` for what becomes of a row.
        """
        if not delivered:
            return MergeCounts()
        self.lock_merges(sql, table)
        statements = merge_statements(table, delivered)
        sql.execute(_with_times(statements.find_changes, (synced_at, silent_changes_at)))
        sql.execute(statements.count_changes)
        inserted, updated, deleted = sql.fetchone()
        for statement in statements.statements:
            takes_source = "$1" in statement
            sql.execute(statement, (source, synced_at) if takes_source else None)
        sql.execute("DROP TABLE incoming, changes")
        return MergeCounts(inserted, updated, deleted)

    def lock_merges(self, sql: Any, table: CrmTable) -> None:
        """Wait for other merges of the table: of two deliveries the second must see what the first has stored."""
        lock(sql, f"merge crm.{table.name}")

    def merge_all(
        self,
        uploads: Mapping[CrmTable, pa.Table],
        *,
        source: str,
        synced_at: datetime,
        told_until: datetime | None = None,
    ) -> dict[str, MergeCounts]:
        """Upsert the tables of one upload, all in one transaction; counts by table name.

        `told_until` is how far the upload tells, where that is not the moment of the sync: the rows are as old as that.
        """
        counts: dict[str, MergeCounts] = {}
        with self.transaction() as sql:
            for table, rows in sorted(uploads.items(), key=lambda item: item[0].name):  # one order: no deadlock
                counts[table.name] = self.merge_within(sql, table, rows, source=source, synced_at=synced_at)
                _note_delivery(sql, table, source, min(told_until or synced_at, synced_at))
        return counts

    def crm_rows(self, recent_since: datetime, activity_since: datetime) -> dict[str, pd.DataFrame]:
        """Versions of CRM rows by table: those of opportunities that were not closed for good before `recent_since`.

        Activities and competitors only of opportunities that were not closed for good before `activity_since`.
        """
        with self.transaction() as sql:
            sql.execute(
                "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ"
            )  # a sync in between must not split the tables
            return {table.name: _crm_versions(sql, table, recent_since, activity_since) for table in HISTORY_TABLES}

    def alive_count(self, table: CrmTable) -> int:
        """How many current rows of a CRM table are not deleted."""
        return int(self.read(f"SELECT count(*) AS n FROM crm.{table.name} AS t WHERE {ALIVE}")["n"][0])

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

    def crm_origin(self) -> CrmOrigin | None:
        """Of which moment the CRM's rows are: that of the table that every org has and that was read longest ago.

        After a CSV upload, which may hold some of the tables only, the opportunities tell. None where they never were.
        """
        status = self.read("SELECT table_name, source, synced_at FROM crm.sync_cursors").dropna(subset="synced_at")
        status = status.set_index("table_name")
        if "opportunities" not in status.index:
            return None
        source = str(status.at["opportunities", "source"])
        is_everywhere = status.index.isin([table.name for table in CRM_TABLES if not table.is_optional])
        told = status.loc[is_everywhere & (status["source"] == "salesforce"), "synced_at"]
        if source != "salesforce":
            told = status.loc[["opportunities"], "synced_at"]
        return CrmOrigin(source, told.min().to_pydatetime())

    # --- derived tables ---

    def replace_partition(
        self, table: DerivedTable | sa.Table, partition: Mapping[str, date | str], frame: pd.DataFrame
    ) -> None:
        """Replace the rows of `table` where the partition's columns have its values, in one transaction.

        Args:
            table: a derived table.
            partition: column and value, such as `{"as_of_date": date(2024, 3, 1)}`; added to `frame`.
            frame: the other columns of the table.
        """
        with self.transaction() as sql:
            _replace_partition(sql, table, partition, frame)

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
            return self.read(
                f'SELECT {", ".join(names)} FROM crm.{table} WHERE valid_to IS NULL ORDER BY id COLLATE "C"'
            )
        derived = _derived_names()
        if table not in derived:
            known = ", ".join(sorted({*tables.CRM, *derived}))
            raise KeyError(f"expected one of {known}, got {table}; correct its name")
        order = _order(derived[table])
        if day is None:
            return self.read(f"SELECT * FROM {derived[table]} ORDER BY {order}")
        column = tables.DAY_COLUMNS.get(table)
        if column is None:
            raise KeyError(f"--date: expected a table with days, got {table}, which has none; leave it out")
        return self.read(f"SELECT * FROM {derived[table]} WHERE {column} = $1 ORDER BY {order}", (day,))

    def days_of(self, table: str) -> tuple[date, date] | None:
        """The first and the last day (or month) with rows of a derived table; None where it is empty."""
        column = tables.DAY_COLUMNS[table]
        rows = self.read(f"SELECT min({column}) AS first, max({column}) AS last FROM {_derived_names()[table]}")
        return None if pd.isna(rows["first"][0]) else (rows["first"][0].date(), rows["last"][0].date())

    # --- what single stages ask for ---

    def append_scores(self, day: date, scores: pd.DataFrame, model_id: str, run_id: str, scored_at: datetime) -> bool:
        """Add a run's predictions to the ledger, unless the day's latest run predicted the same; says whether it did.

        `scores` may hold a deal more than once, by several models; one of them `is_shown`.
        """
        latest = self.read(
            "SELECT model_id, scored_at FROM insight.scoring_runs WHERE as_of_date = $1 ORDER BY scored_at DESC LIMIT 1",
            (day,),
        )
        if list(latest["model_id"]) == [model_id] and self._predicted_the_same(day, scores):
            return False
        if len(latest):  # a clock may stand, and the later run must be the one that is shown
            scored_at = max(scored_at, latest["scored_at"][0].to_pydatetime() + timedelta(microseconds=1))
        keys = {
            "as_of_date": pd.Series(day, index=scores.index, dtype=object),
            "run_id": run_id,
            "scored_at": scored_at,
        }
        run = {"model_id": model_id, "is_fallback": model_id.startswith((RULES_MODEL_ID, BASE_RATE_PREFIX))}
        run |= {"open_deals": int(scores["is_shown"].sum())}
        marker = pd.DataFrame([{"run_id": run_id, "scored_at": scored_at, "as_of_date": day, **run}])
        with self.transaction() as sql:
            for table, rows in ((tables.prediction_ledger, scores.assign(**keys)), (tables.scoring_runs, marker)):
                _ingest(sql, table, to_arrow(rows, table))
        return True

    def _predicted_the_same(self, day: date, scores: pd.DataFrame) -> bool:
        latest = self.read(
            "SELECT l.* FROM insight.prediction_ledger AS l WHERE as_of_date = $1 AND run_id = (SELECT run_id FROM"
            " insight.scoring_runs WHERE as_of_date = $1 ORDER BY scored_at DESC, run_id LIMIT 1)",
            (day,),
        )
        return len(latest) == len(scores) and _digest(latest[list(scores.columns)]) == _digest(scores)

    def replace_alerts(self, day: date, alerts: pd.DataFrame, open_deals: int) -> bool:
        """The alerts of a day, and that they are complete, in one transaction; False, and nothing done, once it is told."""
        counts = alerts["status"].value_counts()
        done = {name: int(counts.get(name, 0)) for name in ("to_send", "suppressed", "held_out")}
        done |= {"open_deals": open_deals, "queued_at": pd.NaT, "sent_at": pd.NaT}
        with self.transaction() as sql:
            lock(sql, f"alerts of {day}")
            if len(_rows(sql, _TOLD_OF_DAY, (day,))):
                return False
            _replace_partition(sql, tables.rep_alerts, {"as_of_date": day}, alerts)
            _replace_partition(sql, tables.alert_days, {"as_of_date": day}, pd.DataFrame([done]))
        return True

    def last_alert_day(self, before: date) -> date | None:
        """The last day before `before` whose alerts are complete, None if there is none."""
        rows = self.read("SELECT max(as_of_date) AS day FROM insight.alert_days WHERE as_of_date < $1", (before,))
        return None if pd.isna(rows["day"][0]) else rows["day"][0].date()

    def alerts_between(self, first: date, last: date) -> pd.DataFrame:
        """The alerts of a range of days, ordered by day.

        `is_told` where a message that has not failed tells of it, or where it was held out of the messages that were queued;
        `has_messages` where the day has any in the outbox.
        """
        return self.read(
            "SELECT a.*, a.status = 'to_send' AND EXISTS (SELECT FROM engagement.outbox AS o"
            f" WHERE o.as_of_date = a.as_of_date AND o.owner_id = a.owner_id AND {_TELLS}"
            " AND coalesce(o.opportunity_id, a.opportunity_id) = a.opportunity_id)"
            " OR a.status = 'held_out' AND EXISTS (SELECT FROM insight.alert_days AS d"
            " WHERE d.as_of_date = a.as_of_date AND d.queued_at IS NOT NULL) AS is_told,"
            f" EXISTS (SELECT FROM engagement.outbox AS o WHERE o.as_of_date = a.as_of_date AND {NO_REPORT}) AS has_messages"
            " FROM insight.rep_alerts AS a WHERE as_of_date BETWEEN $1 AND $2 ORDER BY as_of_date, rank",
            (first, last),
        )

    def is_told(self, day: date) -> bool:
        """Whether anyone has been, or is about to be told of the day's alerts, or was held out when the others were."""
        return len(self.read(_TOLD_OF_DAY, (day,))) > 0

    def queue(self, messages: pd.DataFrame, day: date, worded: Sequence[str], at: datetime) -> int:
        """Put the messages of a day into the outbox, each key once; returns how many are newly waiting to be sent.

        A key whose message failed before it was ever tried, for want of an address, may be used again. `worded` are the
        deals that the messages tell of. The day is marked as queued `at` that moment, also where it has no message, if it was
        not before.

        Raises:
            ValueError: the alerts of the day have changed since they were worded.
        """
        table = tables.outbox
        columns = ", ".join(column.name for column in table.columns)
        anew = ", ".join(f"{c.name} = excluded.{c.name}" for c in table.columns if not c.primary_key)
        with self.transaction() as sql:
            lock(sql, f"alerts of {day}")
            to_send = _rows(sql, _TO_SEND_OF_DAY, (day,))["opportunity_id"]
            if sorted(to_send) != sorted(worded):
                raise ValueError(f"the alerts of {day} have changed since they were worded; materialize messages again")
            with fresh_rows(sql, table, messages):
                sql.execute(
                    f"WITH written AS (INSERT INTO {table.fullname} AS o ({columns})"
                    f" SELECT DISTINCT ON (message_key) {columns} FROM fresh"
                    f" ON CONFLICT (message_key) DO UPDATE SET {anew} WHERE o.status = 'failed' AND o.attempts = 0"
                    " AND (o.recipient, o.payload) IS DISTINCT FROM (excluded.recipient, excluded.payload)"
                    " RETURNING status) SELECT count(*) FILTER (WHERE status = 'pending') FROM written"
                )
                waiting = sql.fetchone()[0]
            sql.execute(_with_times(_MARK_QUEUED, (day, at)))
        return int(waiting)

    def alerts_to_word(self, day: date) -> pd.DataFrame:
        """The day's alerts to send with what their wording needs of deal, score and features."""
        return self.read(f"{ALERTS_TO_WORD} WHERE a.as_of_date = $1 AND a.status = 'to_send' ORDER BY a.rank", (day,))


def _is_alive(connection: Any) -> bool:
    """Whether the server still answers: it may have been started again since, or have closed an idle connection."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        connection.rollback()
    except adbc.Error:
        return False
    return True


def _note_delivery(sql: Any, table: CrmTable, source: str, synced_at: datetime) -> None:
    """Say when a table was last delivered and by whom, also where no row of it changed."""
    sql.execute(
        "INSERT INTO crm.sync_cursors (table_name, source, synced_at) VALUES ($1, $2, $3) ON CONFLICT (table_name)"
        " DO UPDATE SET source = excluded.source, synced_at = excluded.synced_at",
        (table.name, source, synced_at),
    )


def _rows(sql: Any, query: str, parameters: Sequence[object] = ()) -> pd.DataFrame:
    if parameters and all(isinstance(value, date) for value in parameters):
        # without parameters the driver reads by COPY, a third faster
        query, parameters = _with_times(query, parameters), ()
    sql.execute(query, tuple(parameters) or None)
    return to_pandas(sql.fetch_arrow_table())


def _with_times(query: str, times: Sequence[Any]) -> str:
    """`query` with days and moments (None: no moment) written where their numbers stand; they hold nothing to escape.

    >>> _with_times("WHERE as_of_date = $1", [date(2024, 3, 1)])
    "WHERE as_of_date = DATE '2024-03-01'"
    """
    words = [_time_word(moment) for moment in times]
    return re.sub(r"\$(\d+)", lambda found: words[int(found[1]) - 1], query)


def _time_word(moment: date | None) -> str:
    if moment is None:
        return "NULL::timestamptz"
    return f"{'TIMESTAMPTZ' if isinstance(moment, datetime) else 'DATE'} '{moment.isoformat()}'"


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
    """The full names of all tables and views that may be exported, but the CRM's."""
    derived = [
        t.fullname
        for t in tables.metadata.tables.values()
        if t.schema in ("insight", "engagement") and not t.info.get(tables.IS_PRIVATE)
    ]
    return [*derived, "insight.opportunity_scores"]


def _derived_names() -> dict[str, str]:
    """The full name of each derived table and view, by its own."""
    return {name.rpartition(".")[2]: name for name in metadata_names()}


def _order(name: str) -> str:
    """The keys of a table, so that no two rows are of equal rank; texts by their bytes, whatever the database's language."""
    table = tables.metadata.tables.get(name)
    keys = list(table.primary_key.columns) if table is not None else []
    if not keys:  # the view of each day's latest scores
        return 'as_of_date, opportunity_id COLLATE "C"'
    return ", ".join(f'{c.name} COLLATE "C"' if isinstance(c.type, sa.Text) else c.name for c in keys)


def exported_names() -> dict[str, list[str]]:
    """Every table that can be exported, by its kind."""
    return {"CRM": sorted(tables.CRM), "Derived": sorted(_derived_names())}


def _digest(scores: pd.DataFrame) -> str:
    """A fingerprint of predictions: JSON by its content, numbers to the last digit."""
    content = scores.sort_values(["opportunity_id", "model_id"], ignore_index=True)
    content = content.assign(reasons=[json.dumps(json.loads(text), sort_keys=True) for text in content["reasons"]])
    plain = content.astype(object).where(content.notna(), None)
    return hashlib.sha256(plain.to_csv(index=False).encode()).hexdigest()


@contextlib.contextmanager
def fresh_rows(sql: Any, table: sa.Table, frame: pd.DataFrame) -> Generator[None]:
    """`frame` as the temporary table `fresh`, with the columns of `table`."""
    sql.execute(f"CREATE TEMP TABLE fresh (LIKE {table.fullname})")
    sql.adbc_ingest("fresh", to_arrow(frame, table), mode="append", temporary=True)
    yield
    sql.execute("DROP TABLE fresh")


def lock(sql: Any, what: str) -> None:
    """Wait until no other transaction holds this lock, and hold it to the end of this one."""
    sql.execute("SELECT pg_advisory_xact_lock(hashtext($1))", (what,))


def _replace_partition(
    sql: Any, table: DerivedTable | sa.Table, partition: Mapping[str, date | str], frame: pd.DataFrame
) -> None:
    table = _sql_table(table)
    keys = {column: pd.Series(value, index=frame.index, dtype=object) for column, value in partition.items()}
    rows = to_arrow(frame.assign(**keys), table)
    condition = " AND ".join(f"{column} = ${n}" for n, column in enumerate(partition, 1))
    sql.execute(f"DELETE FROM {table.fullname} WHERE {condition}", tuple(partition.values()))
    _ingest(sql, table, rows)


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
