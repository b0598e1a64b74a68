"""Bringing a database to the present schema: databases, schemas, Alembic migrations."""

import contextlib
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit, urlunsplit

import psycopg2
import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg2 import sql
from sqlalchemy.exc import ProgrammingError

from salesinsight_assets.adapters.warehouse.warehouse import sqlalchemy_url
from salesinsight_assets.settings import SettingsError

SCHEMAS = ("crm", "insight", "engagement")
_UPGRADE_LOCK, _CREATE_LOCK = 7_253_361, 7_253_362
_CONNECT_SECONDS = 10


@dataclass(frozen=True)
class SchemaStatus:
    """Where a database stands: its revision (None: empty) and the one this version of the package expects."""

    revision: str | None
    expected: str

    @property
    def is_current(self) -> bool:
        """Whether nothing is left to do."""
        return self.revision == self.expected

    @property
    def is_later(self) -> bool:
        """Whether a later version of the package has made it: this one does not know what is in it."""
        return self.revision is not None and not is_known(self.revision)


def database_url(url: str, database: str) -> str:
    """The same server's URL for another database.

    >>> database_url("postgresql://postgres@/postgres?host=/run/pg", "dagster")
    'postgresql://postgres@/dagster?host=/run/pg'
    """
    parts = urlsplit(url)
    changed = urlunsplit(parts._replace(path=f"/{database}"))
    return changed if parts.netloc or "://" in changed else changed.replace(f"{parts.scheme}:", f"{parts.scheme}://", 1)


def require_server(url: str, variable: str = "SALESINSIGHT_POSTGRES_URL") -> None:
    """Connect once to the PostgreSQL that a variable names.

    Raises:
        SettingsError: it does not let us in; with what it said, but for the password.
    """
    try:
        psycopg2.connect(url, connect_timeout=_CONNECT_SECONDS).close()
    except psycopg2.Error as error:
        raise SettingsError(
            f"{variable}: expected a PostgreSQL that lets us in, got: {without_password(error, url)};"
            " start it, or correct host, port, user, password or database"
        ) from None


def without_password(error: Exception, url: str) -> str:
    """What an error says, in one line, without the address and the password that may stand in it."""
    said = " ".join(str(error).replace(url, "…").split())
    password = unquote(urlsplit(url).password or "")
    return said.replace(password, "***") if password else said


def ensure_database(server_url: str, database: str) -> str:
    """Create `database` on the server unless it is there; returns its URL. Processes that start together wait for each other.

    Raises:
        SettingsError: the user may not.
    """
    connection = psycopg2.connect(server_url)
    connection.autocommit = True
    try:
        with rights(f"to create the database {database}"), connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", (_CREATE_LOCK,))
            cursor.execute("SELECT 1 FROM pg_database WHERE datname = %s", (database,))
            if cursor.fetchone() is None:
                cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(database)))
    finally:
        connection.close()
    return database_url(server_url, database)


def upgrade(url: str) -> None:
    """Apply the migrations that the database lacks; processes that start together wait for each other.

    Raises:
        SettingsError: the user may not, or the database is of a later version of the package.
    """
    with rights("to create schemas and tables"), _engine(url).connect() as connection:
        connection.execute(sa.text("SELECT pg_advisory_lock(:key)"), {"key": _UPGRADE_LOCK})
        _require_known(_revision(connection))
        for schema in SCHEMAS:
            connection.execute(sa.schema.CreateSchema(schema, if_not_exists=True))
        connection.commit()
        config = _config()
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
        connection.commit()


@contextlib.contextmanager
def rights(needed: str, variable: str = "SALESINSIGHT_POSTGRES_URL") -> Generator[None]:
    """Say in one line which right the user lacks that an address names.

    Raises:
        SettingsError: in place of PostgreSQL's own error.
    """
    try:
        yield
    except (psycopg2.errors.InsufficientPrivilege, ProgrammingError) as error:
        refusal = getattr(error, "orig", error)
        if not isinstance(refusal, psycopg2.errors.InsufficientPrivilege):
            raise
        raise SettingsError(
            f"{variable}: expected a user with the right {needed}, got: {str(refusal).strip()};"
            " grant it, or have it made by one who may"
        ) from None


def status(url: str) -> SchemaStatus:
    """The database's revision beside the expected one."""
    with _engine(url).connect() as connection:
        return SchemaStatus(_revision(connection), newest())


def _revision(connection: sa.Connection) -> str | None:
    context = MigrationContext.configure(connection, opts={"version_table_schema": "insight"})
    return context.get_current_revision()


def _require_known(revision: str | None) -> None:
    if revision is not None and not is_known(revision):
        raise SettingsError(
            f"SALESINSIGHT_POSTGRES_URL: expected a database of revision {newest()} or before, got {revision}, which a later"
            " SalesInsight made; install that version or a later one, or restore a dump of before its upgrade"
        )


def newest() -> str:
    """The revision that this version of the package expects."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def is_known(revision: str) -> bool:
    """Whether this version of the package has a migration of that name: else the database is of a later one."""
    return revision in {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}


def _engine(url: str) -> sa.Engine:
    return sa.create_engine(sqlalchemy_url(url), poolclass=sa.NullPool)


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config
