"""An upgrade from any earlier release: each migration on tables that hold rows, and none by a program that is too old."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.script import ScriptDirectory
from click.testing import CliRunner
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from salesinsight_assets.adapters.warehouse import schema
from salesinsight_assets.adapters.warehouse.warehouse import sqlalchemy_url
from salesinsight_assets.cli import db
from salesinsight_assets.settings import SettingsError

VALUES: list[tuple[type[sa.types.TypeEngine[Any]], object]] = [
    (ARRAY, []),
    (JSONB, {}),
    (sa.Boolean, False),
    (sa.DateTime, datetime(2026, 3, 1, 12, tzinfo=UTC)),
    (sa.Date, date(2026, 3, 1)),
    (sa.Integer, 1),
    (sa.Float, 0.5),
    (sa.String, "a"),
]
"""A value of each kind of column."""


@pytest.fixture
def connection(empty_database: str) -> Iterator[sa.Connection]:
    """A connection to a database with our schemas and nothing in them."""
    with sa.create_engine(sqlalchemy_url(empty_database), poolclass=sa.NullPool).connect() as connection:
        for name in schema.SCHEMAS:
            connection.execute(sa.schema.CreateSchema(name))
        connection.commit()
        yield connection


def test_every_migration_runs_on_tables_with_rows_and_keeps_them(connection: sa.Connection) -> None:
    rows: dict[str, int] = {}
    for revision in revisions():
        upgrade_to(connection, revision)
        there = filled(connection)
        lost = [name for name, count in rows.items() if there.get(name, 0) < count]
        assert lost == [], f"rows lost by {revision}"
        rows = there
    assert len(rows) > 40
    assert set(rows.values()) == {1}


def revisions() -> list[str]:
    """Every revision from the first to the last."""
    found = ScriptDirectory.from_config(schema._config()).walk_revisions()
    return [script.revision for script in reversed(list(found))]


def upgrade_to(connection: sa.Connection, revision: str) -> None:
    config = schema._config()
    config.attributes["connection"] = connection
    command.upgrade(config, revision)
    connection.commit()


def filled(connection: sa.Connection) -> dict[str, int]:
    """The number of rows of each table, after each empty one was given one with a value in every column."""
    counts: dict[str, int] = {}
    for name in schema.SCHEMAS:
        found = sa.MetaData()
        found.reflect(connection, schema=name)
        for table in found.tables.values():
            if table.name != "alembic_version":
                counts[table.fullname] = count(connection, table) or one_more(connection, table)
    connection.commit()
    return counts


def count(connection: sa.Connection, table: sa.Table) -> int:
    return int(connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one())


def one_more(connection: sa.Connection, table: sa.Table) -> int:
    columns = [column for column in table.columns if column.identity is None]
    connection.execute(table.insert().values({column.name: value_of(column.type) for column in columns}))
    return 1


def value_of(kind: sa.types.TypeEngine[Any]) -> object:
    return next(value for known, value in VALUES if isinstance(kind, known))


def test_a_program_that_is_older_than_the_database_refuses_to_work_on_it(
    connection: sa.Connection, empty_database: str, monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    upgrade_to(connection, "head")
    assert not schema.status(empty_database).is_later
    connection.exec_driver_sql("UPDATE insight.alembic_version SET version_num = '9999'")
    connection.commit()
    with pytest.raises(
        SettingsError, match=r"revision 0\d+ or before, got 9999, which a later SalesInsight made; install"
    ) as told:
        schema.upgrade(empty_database)
    assert "\n" not in str(told.value)
    monkeypatch.setenv("SALESINSIGHT_POSTGRES_URL", empty_database)
    monkeypatch.setenv("SALESINSIGHT_HOME", str(tmp_path))
    said = CliRunner().invoke(db.command, ["status"])
    assert (said.exit_code, "9999, which a later SalesInsight made" in said.output) == (1, True)


def test_a_status_tells_a_database_of_an_earlier_release(connection: sa.Connection, empty_database: str) -> None:
    upgrade_to(connection, "0008")
    found = schema.status(empty_database)
    assert (found.revision, found.is_current, found.is_later) == ("0008", False, False)
