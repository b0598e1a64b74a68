"""Bringing a database to the present schema: databases, schemas, Alembic migrations."""

from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg2
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg2 import sql

from salesinsight_assets.adapters.warehouse.warehouse import sqlalchemy_url

SCHEMAS = ("crm", "insight", "engagement")
_UPGRADE_LOCK = 7_253_361


@dataclass(frozen=True)
class SchemaStatus:
    """Where a database stands: its revision (None: empty) and the one this version of the package expects."""

    revision: str | None
    expected: str

    @property
    def is_current(self) -> bool:
        """Whether nothing is left to do."""
        return self.revision == self.expected


def database_url(url: str, database: str) -> str:
    """The same server's URL for another database.

    >>> database_url("postgresql://postgres@/postgres?host=/run/pg", "dagster")
    'postgresql://postgres@/dagster?host=/run/pg'
    """
    parts = urlsplit(url)
    changed = urlunsplit(parts._replace(path=f"/{database}"))
    return changed if parts.netloc or "://" in changed else changed.replace(f"{parts.scheme}:", f"{parts.scheme}://", 1)


def ensure_database(server_url: str, database: str) -> str:
    """Create `database` on the server unless it is there; returns its URL."""
    connection = psycopg2.connect(server_url)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,))
            if cursor.fetchone() is None:
                cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
    finally:
        connection.close()
    return database_url(server_url, database)


def upgrade(url: str) -> None:
    """Apply the migrations that the database lacks; processes that start together wait for each other."""
    with _engine(url).connect() as connection:
        connection.execute(sa.text("SELECT pg_advisory_lock(:key)"), {"key": _UPGRADE_LOCK})
        for schema in SCHEMAS:
            connection.execute(sa.schema.CreateSchema(schema, if_not_exists=True))
        connection.commit()
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()


def status(url: str) -> SchemaStatus:
    """The database's revision beside the expected one."""
    expected = ScriptDirectory.from_config(_config()).get_current_head()
    with _engine(url).connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table_schema": "insight"})
        return SchemaStatus(context.get_current_revision(), str(expected))


def _engine(url: str) -> sa.Engine:
    return sa.create_engine(sqlalchemy_url(url), poolclass=sa.NullPool)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config
