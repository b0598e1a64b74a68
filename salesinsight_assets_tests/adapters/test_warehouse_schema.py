"""How a database gets to the present schema, from nothing, twice, and by two processes at once."""

import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import date

import psycopg2
import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from salesinsight_assets.adapters.warehouse import Warehouse, schema, tables
from salesinsight_assets.adapters.warehouse.model_registry import ModelRegistry
from salesinsight_assets.adapters.warehouse.warehouse import metadata_names, sqlalchemy_url
from salesinsight_assets.settings import SettingsError


def test_the_migrations_lead_to_exactly_the_tables(warehouse: Warehouse) -> None:
    engine = sa.create_engine(sqlalchemy_url(warehouse.url), poolclass=sa.NullPool)
    options = {
        "include_schemas": True,
        "compare_type": True,
        "version_table_schema": "insight",
        "include_name": lambda name, kind, _: kind != "schema" or name in schema.SCHEMAS,
    }
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        assert compare_metadata(context, tables.metadata) == []


def test_every_table_can_be_exported(warehouse: Warehouse) -> None:
    names = [name.rpartition(".")[2] for name in metadata_names()]
    assert "opportunity_scores" in names
    for name in [*names, *tables.CRM]:
        assert len(warehouse.exported(name, None)) == 0
    assert {warehouse.days_of(name) for name in names if name in tables.DAY_COLUMNS} == {None}


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("postgresql://ann:hu%2Fsh@127.0.0.1:1/db", "Connection refused"),
        ("postgresql://ann:hu%2Fsh@nowhere.invalid/db", "could not translate host name"),
        ("postgresql://ann:hu%2Fsh@h/db?nonsense=hu%2Fsh", "invalid URI query parameter"),
    ],
)
def test_a_server_that_does_not_let_us_in_is_told_in_one_line_without_the_password(address: str, said: str) -> None:
    with pytest.raises(SettingsError, match="SALESINSIGHT_POSTGRES_URL: expected a PostgreSQL that lets us in") as told:
        schema.require_server(address)
    assert said in str(told.value)
    assert "hu/sh" not in str(told.value)
    assert "\n" not in str(told.value)


def test_a_user_without_rights_is_told_which_one_is_missing(empty_database: str) -> None:
    execute(empty_database, "DROP ROLE IF EXISTS guest")
    execute(empty_database, "CREATE ROLE guest LOGIN")
    guest = empty_database.replace("postgres@", "guest@")
    with pytest.raises(SettingsError, match="right to create schemas and tables, got: permission denied"):
        schema.upgrade(guest)
    with pytest.raises(SettingsError, match="right to create the database nowhere, got: permission denied"):
        schema.ensure_database(guest, "nowhere")


def test_an_empty_database_is_brought_up_to_date_and_stays_so(empty_database: str) -> None:
    before = schema.status(empty_database)
    assert (before.revision, before.is_current) == (None, False)
    schema.upgrade(empty_database)
    schema.upgrade(empty_database)
    after = schema.status(empty_database)
    assert after.is_current
    assert after.revision == before.expected


def test_two_processes_that_start_together_wait_for_each_other(empty_database: str) -> None:
    code = f"from salesinsight_assets.adapters.warehouse.schema import upgrade; upgrade({empty_database!r})"
    both = [subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True) for _ in range(2)]
    errors = [process.communicate(timeout=120)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0], errors
    assert schema.status(empty_database).is_current


def test_a_database_is_made_once(postgres_url: str, empty_database: str) -> None:
    name = empty_database.partition("@/")[2].partition("?")[0]
    assert schema.ensure_database(postgres_url, name) == empty_database
    assert schema.ensure_database(postgres_url, name) == empty_database


def test_services_that_start_together_make_a_database_once(postgres_url: str) -> None:
    execute(postgres_url, "DROP DATABASE IF EXISTS made_together")
    services = 6
    ready = threading.Barrier(services)

    def start(_: int) -> str:
        ready.wait(30)
        return schema.ensure_database(postgres_url, "made_together")

    with ThreadPoolExecutor(services) as pool:
        assert len(set(pool.map(start, range(services)))) == 1
    execute(postgres_url, "DROP DATABASE made_together")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://postgres@/postgres?host=/run/pg", "postgresql://postgres@/other?host=/run/pg"),
        ("postgresql://me:s%40crt@db.example:6432/main", "postgresql://me:s%40crt@db.example:6432/other"),
        ("postgresql:///main?host=/run/pg", "postgresql:///other?host=/run/pg"),
        ("postgresql://127.0.0.1", "postgresql://127.0.0.1/other"),
    ],
)
def test_the_url_of_another_database_on_the_same_server(url: str, expected: str) -> None:
    assert schema.database_url(url, "other") == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("postgresql://u:p@db:6432/main?sslmode=require", "postgresql+psycopg2://u:p@db:6432/main?sslmode=require"),
        ("postgres://u@db/main", "postgresql+psycopg2://u@db/main"),
        ("postgresql://postgres@/x?host=/run/pg", "postgresql+psycopg2://postgres@localhost/x?host=/run/pg"),
        ("postgresql:///x?host=/run/pg", "postgresql+psycopg2://localhost/x?host=/run/pg"),
        ("postgresql+psycopg2://u@db/main", "postgresql+psycopg2://u@db/main"),
    ],
)
def test_the_url_as_sqlalchemy_wants_it(url: str, expected: str) -> None:
    assert sqlalchemy_url(url) == expected


def execute(url: str, statement: str) -> None:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    connection.cursor().execute(statement)
    connection.close()


# --- rows that were there before ---

OLD_ROWS = """
INSERT INTO insight.rep_alerts VALUES
    ('2026-03-01', '006A', 'likely_loss', '005:A', 'HIGH', 1, 0.2, 1, 'to_send', NULL, '006A:likely_loss:2026-03-01'),
    ('2026-03-01', '006B', 'slow_deal', '005:A', 'MEDIUM', 1, 0.2, 2, 'suppressed', 'told', '006B:slow_deal:2026-03-01');
INSERT INTO insight.prediction_ledger
    (as_of_date, opportunity_id, model_id, run_id, win_probability, risk_level, reasons, is_fallback, scored_at)
    VALUES ('2026-03-01', '006A', 'win-1', 'run', 0.2, 'HIGH', '[]', false, '2026-03-02T04:00Z');
INSERT INTO insight.models (model_id, model_month, trained_on, kind, status, metrics, feature_names)
    VALUES ('win-1', '2026-02-01', '2026-03-01', 'lightgbm', 'champion', '{}', '{}');
INSERT INTO engagement.outbox (message_key, channel, as_of_date, status, attempts, payload, queued_at) VALUES
    ('digest:2026-03-01:005:A', 'email', '2026-03-01', 'sent', 1, '{}', '2026-03-02T05:30Z'),
    ('slack:006A:likely_loss:2026-03-01:2026-03-01', 'slack', '2026-03-01', 'sent', 1, '{}', '2026-03-02T05:30Z');
"""


def test_rows_of_the_first_tables_are_carried_over(empty_database: str) -> None:
    engine = sa.create_engine(sqlalchemy_url(empty_database), poolclass=sa.NullPool)
    with engine.connect() as connection:
        for name in schema.SCHEMAS:
            connection.execute(sa.schema.CreateSchema(name, if_not_exists=True))
        config = schema._config()
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        connection.exec_driver_sql(OLD_ROWS)
        insert_features_of_the_first_version(connection)
        connection.commit()
    schema.upgrade(empty_database)
    store = Warehouse(empty_database)
    try:
        day = date(2026, 3, 1)
        assert list(store.alerts_between(day, day)["is_told"]) == [True, False]
        assert store.last_alert_day(date(2026, 3, 2)) == day
        (alert_day,) = store.exported("alert_days", day).to_dict("records")
        assert (alert_day["held_out"], f"{alert_day['queued_at']:%H:%M}") == (0, "05:30")
        assert list(store.partition("opportunity_scores", day)["opportunity_id"]) == ["006A"]
        (features,) = store.partition("opportunity_features", day).to_dict("records")
        assert (features["activity_count"], features["type_win_rate"]) == (9, 0.25)
        assert list(features["defaulted_features"]) == ["region_win_rate", "type_win_rate"]
        outbox = store.exported("outbox", None).set_index("channel")
        assert dict(outbox["owner_id"]) == {"email": "005:A", "slack": "005:A"}
        assert outbox.at["slack", "opportunity_id"] == "006A"
        assert ModelRegistry(store).serving(day).champion == "win-1"
        assert ModelRegistry(store).serving(date(2026, 2, 28)).champion is None
    finally:
        store.close()


def insert_features_of_the_first_version(connection: sa.Connection) -> None:
    """A deal of 14 days with three activities for each week and one more, so nine so far."""
    table = sa.Table("opportunity_features", sa.MetaData(), schema="insight", autoload_with=connection)
    numbers = {column.name: 0.0 for column in table.columns if isinstance(column.type, sa.Double)}
    numbers |= {"age_days": 14.0, "activities_per_week": 3.0, "company_win_rate": 0.25}
    row = {"as_of_date": date(2026, 3, 1), "opportunity_id": "006A", "defaulted_features": ["region_win_rate"]}
    connection.execute(table.insert(), {**row, **numbers})
