"""The company's SQLite file: one table per Salesforce object, and what the CRM does not show.

Values are stored in the form Salesforce writes them in JSON (a datetime is `2024-03-01T12:34:56.000+0000`), which sorts
in order of time and is handed out as it is. What happens in the company belongs to `simulation`.
"""

import sqlite3
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path

from salesinsight_assets.demo.objects import OBJECTS, SalesforceField, SalesforceObject, salesforce_object

_SQL_TYPES = {
    "currency": "REAL",
    "percent": "REAL",
    "double": "REAL",
    "int": "INTEGER",
    "boolean": "INTEGER",
    # A field history keeps an amount as a number and a date as text, so the column has no type of its own.
    "anyType": "",
}
_PARENT_FIELDS = {
    "OpportunityHistory": "OpportunityId",
    "OpportunityFieldHistory": "OpportunityId",
    "OpportunityCompetitor": "OpportunityId",
    "Task": "WhatId",
    "Event": "WhatId",
}
_HIDDEN_TABLES = """
CREATE TABLE company_facts (name TEXT PRIMARY KEY, value NOT NULL);
CREATE TABLE id_sequences (object TEXT PRIMARY KEY, next_number INTEGER NOT NULL);
CREATE TABLE hidden_outcomes (opportunity_id TEXT PRIMARY KEY, will_win INTEGER NOT NULL, log_odds REAL NOT NULL);
CREATE TABLE true_probabilities (opportunity_id TEXT NOT NULL, as_of_date TEXT NOT NULL, log_odds REAL NOT NULL);
CREATE TABLE added_fields (object TEXT NOT NULL, name TEXT NOT NULL, type TEXT NOT NULL, is_formula INTEGER NOT NULL);
CREATE TABLE erased_records (object TEXT NOT NULL, id TEXT NOT NULL, erased_at TEXT NOT NULL);
"""
# The working day ends well before midnight, which leaves room for changes made by hand on the last simulated day.
_END_OF_DAY = time(22, tzinfo=UTC)
CHILD_OBJECTS = tuple(_PARENT_FIELDS.items())


def connect(path: Path) -> sqlite3.Connection:
    """A connection on which transactions are begun by hand and readers do not wait for a writer."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=60, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = OFF")
    return connection


def create_tables(connection: sqlite3.Connection) -> None:
    """Every object's table and the hidden ones, empty."""
    for known in OBJECTS.values():
        connection.execute(_table_sql(known))
    # Not executescript, which would end the transaction.
    for statement in filter(str.strip, _HIDDEN_TABLES.split(";")):
        connection.execute(statement)
    connection.executemany("INSERT INTO id_sequences VALUES (?, 1)", [(name,) for name in OBJECTS])


def create_indices(connection: sqlite3.Connection) -> None:
    """What makes ranges of stamps, counts of them and the children of a record quick to find."""
    for known in OBJECTS.values():
        for field in ("SystemModstamp", "CreatedDate", _PARENT_FIELDS.get(known.name)):
            if field and known.has(field):
                # with the flag, those that are not deleted are counted without looking at the rows
                flag = ", IsDeleted" if field == "CreatedDate" and known.has("IsDeleted") else ""
                connection.execute(f'CREATE INDEX "{known.name}_{field}" ON "{known.name}" ("{field}"{flag})')
    connection.execute("CREATE INDEX unfinished_tasks ON Task (ActivityDate) WHERE Status = 'Not Started'")


def _table_sql(known: SalesforceObject) -> str:
    columns = (column_sql(field) for field in known.fields if field.name != "Id" and field.source is None)
    return f'CREATE TABLE "{known.name}" (Id TEXT PRIMARY KEY, {", ".join(columns)})'


def column_sql(field: SalesforceField) -> str:
    """How a field's column is declared."""
    default = " DEFAULT 0" if field.name in ("IsArchived", "IsPersonAccount") else ""
    return f'"{field.name}" {_SQL_TYPES.get(field.type, "TEXT")}{default}'


def stored_object(connection: sqlite3.Connection, name: str) -> SalesforceObject:
    """The object of that name with the fields that were added to it; KeyError names the known ones."""
    known = salesforce_object(name)
    rows = connection.execute("SELECT name, type, is_formula FROM added_fields WHERE object = ?", (known.name,))
    return known.with_fields(*(SalesforceField(field, kind, is_formula=bool(flag)) for field, kind, flag in rows))


def fact(connection: sqlite3.Connection, name: str, default: str | None = None) -> str:
    """What the company remembers of itself under `name`, or the default where there is one."""
    row = connection.execute("SELECT value FROM company_facts WHERE name = ?", (name,)).fetchone()
    value = row[0] if row else default
    if value is None:
        raise KeyError(f"expected the company to remember {name}, it does not; create it anew")
    return value


def remember(connection: sqlite3.Connection, **facts: object) -> None:
    """Keep these facts about the company."""
    connection.executemany("INSERT OR REPLACE INTO company_facts VALUES (?, ?)", list(facts.items()))


def org_clock(connection: sqlite3.Connection) -> datetime:
    """The org's present: after the last simulated day's work, a second later with each change made by hand."""
    seconds = int(fact(connection, "seconds_since_end_of_work")) + int(fact(connection, "clock_skew_seconds", "0"))
    return end_of_work(connection) + timedelta(seconds=seconds)


def end_of_work(connection: sqlite3.Connection) -> datetime:
    """The moment from which the seconds of the org's clock count."""
    return datetime.combine(date.fromisoformat(fact(connection, "last_day")), _END_OF_DAY)


def stamp_text(moment: datetime) -> str:
    """A moment as Salesforce writes it in JSON, which is also how it is stored."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}+0000"
