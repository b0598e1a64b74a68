"""What every command stands on: PostgreSQL running and migrated, Dagster's instance configured."""

import contextlib
import os
import shutil
import socket
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from salesinsight_assets.adapters.warehouse import Warehouse, embedded_postgres
from salesinsight_assets.adapters.warehouse.schema import database_url, ensure_database, require_server, upgrade
from salesinsight_assets.adapters.warehouse.warehouse import sqlalchemy_url
from salesinsight_assets.cli.progress import progress
from salesinsight_assets.domain.crm.field_map import mapped_tables
from salesinsight_assets.domain.crm.tables import CRM_TABLES
from salesinsight_assets.domain.crm.uploads import upload_mappings
from salesinsight_assets.installed import installed_file
from salesinsight_assets.policies import first_partition_day, load_policies, read_config
from salesinsight_assets.settings import Settings, SettingsError, export_environment, load_settings

WAREHOUSE_DATABASE, DAGSTER_DATABASE = "salesinsight", "dagster"


@dataclass(frozen=True)
class Runtime:
    """A running installation."""

    settings: Settings
    warehouse: Warehouse
    dagster_url: str
    dagster_home: Path


@contextlib.contextmanager
def running(migrate: bool = True) -> Generator[Runtime]:
    """PostgreSQL, its databases and DAGSTER_HOME, for this process and its children, while the context lasts."""
    settings = load_settings()
    check_config(settings)
    make_home(settings.home)
    with contextlib.ExitStack() as stack:
        with progress("starting PostgreSQL"):
            url = stack.enter_context(_warehouse_url(settings, migrate))
            dagster_url = stack.enter_context(_dagster_url(settings, url))
        environment = dagster_environment(settings.home, url, dagster_url)
        export_environment(environment)
        yield Runtime(settings, Warehouse(url), dagster_url, Path(environment["DAGSTER_HOME"]))


@contextlib.contextmanager
def _warehouse_url(settings: Settings, migrate: bool) -> Generator[str]:
    with _server(settings) as server:
        url = settings.postgres_url or ensure_database(server, WAREHOUSE_DATABASE)
        if migrate:
            upgrade(url)
        yield url


def check_config(settings: Settings) -> None:
    """Refuse a salesinsight.toml that any stage would stumble over, before anything starts.

    Raises:
        SettingsError: with the entry that cannot be used.
    """
    config = read_config(settings.config_file)
    load_policies(config)
    first_partition_day(config)
    try:
        mapped_tables(CRM_TABLES, config.get("crm", {}))
        upload_mappings(config.get("mappings", {}))
    except ValueError as error:
        raise SettingsError(str(error)) from error


def make_home(home: Path) -> None:
    """The folder of the state.

    Raises:
        SettingsError: it cannot be made.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(
            f"SALESINSIGHT_HOME: expected a folder, or a place for one, got {home} ({error.strerror}); name another"
        ) from error


@contextlib.contextmanager
def _server(settings: Settings) -> Generator[str]:
    if settings.postgres_url:
        require_server(settings.postgres_url)
        yield settings.postgres_url
        return
    with embedded_postgres(settings.home) as url:
        yield url


def dagster_environment(home: Path, warehouse_url: str, dagster_url: str | None = None) -> dict[str, str]:
    """The variables by which Dagster, and our code in it, find their databases (Dagster's: beside the warehouse) and their home."""
    return {
        "SALESINSIGHT_HOME": str(home),
        "SALESINSIGHT_POSTGRES_URL": warehouse_url,
        "SALESINSIGHT_DAGSTER_POSTGRES_URL": sqlalchemy_url(
            dagster_url or database_url(warehouse_url, DAGSTER_DATABASE)
        ),
        "DAGSTER_HOME": str(dagster_home(home)),
        "DAGSTER_DISABLE_TELEMETRY": "1",
    }


@contextlib.contextmanager
def _dagster_url(settings: Settings, warehouse_url: str) -> Generator[str]:
    """The database of Dagster itself: the one that is named, or that companies share, or one beside the warehouse."""
    if settings.dagster_postgres_url:
        yield settings.dagster_postgres_url
    elif settings.shared_home:
        with embedded_postgres(settings.shared_home) as server:
            yield ensure_database(server, DAGSTER_DATABASE)
    else:
        yield ensure_database(warehouse_url, DAGSTER_DATABASE)


def dagster_home(home: Path) -> Path:
    """DAGSTER_HOME with the package's dagster.yaml; the copy follows the package.

    It is never there by half: services that start together share the folder.
    """
    folder = home / "dagster"
    folder.mkdir(exist_ok=True)
    new = folder / f"dagster.yaml.{os.getpid()}.{socket.gethostname()}"
    shutil.copyfile(installed_file("dagster.yaml"), new)
    new.replace(folder / "dagster.yaml")
    return folder


def require_address(settings: Settings) -> str:
    """The PostgreSQL of a service, which starts none of its own.

    Raises:
        SettingsError: none is named.
    """
    if settings.postgres_url is None:
        raise SettingsError(
            "SALESINSIGHT_POSTGRES_URL: expected the address of a PostgreSQL, got nothing; set it (`salesinsight dev` runs a"
            " PostgreSQL of its own, a service does not)"
        )
    return settings.postgres_url
