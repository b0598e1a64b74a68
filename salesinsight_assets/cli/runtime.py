"""What every command stands on: PostgreSQL running and migrated, Dagster's instance configured."""

import contextlib
import shutil
import sys
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path

from salesinsight_assets.adapters.warehouse import Warehouse, embedded_postgres
from salesinsight_assets.adapters.warehouse.schema import ensure_database, require_server, upgrade
from salesinsight_assets.adapters.warehouse.warehouse import sqlalchemy_url
from salesinsight_assets.cli.progress import progress
from salesinsight_assets.domain.crm.field_map import mapped_tables
from salesinsight_assets.domain.crm.tables import CRM_TABLES
from salesinsight_assets.domain.crm.uploads import upload_mappings
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
    _check_config(settings)
    _make_home(settings.home)
    with contextlib.ExitStack() as stack:
        with progress("starting PostgreSQL"):
            url = stack.enter_context(_warehouse_url(settings, migrate))
        dagster_home, dagster_url = _dagster_home(settings.home), ensure_database(url, DAGSTER_DATABASE)
        export_environment(
            {
                "SALESINSIGHT_HOME": str(settings.home),
                "SALESINSIGHT_POSTGRES_URL": url,
                "SALESINSIGHT_DAGSTER_POSTGRES_URL": sqlalchemy_url(dagster_url),
                "DAGSTER_HOME": str(dagster_home),
                "DAGSTER_DISABLE_TELEMETRY": "1",
            }
        )
        yield Runtime(settings, Warehouse(url), dagster_url, dagster_home)


@contextlib.contextmanager
def _warehouse_url(settings: Settings, migrate: bool) -> Generator[str]:
    with _server(settings) as server:
        url = settings.postgres_url or ensure_database(server, WAREHOUSE_DATABASE)
        if migrate:
            upgrade(url)
        yield url


def _check_config(settings: Settings) -> None:
    """Refuse a salesinsight.toml that any stage would stumble over, before anything starts."""
    config = read_config(settings.config_file)
    load_policies(config)
    first_partition_day(config)
    try:
        mapped_tables(CRM_TABLES, config.get("crm", {}))
        upload_mappings(config.get("mappings", {}))
    except ValueError as error:
        raise SettingsError(str(error)) from error


def _make_home(home: Path) -> None:
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


def _dagster_home(home: Path) -> Path:
    """DAGSTER_HOME with the package's dagster.yaml; the copy follows the package."""
    folder = home / "dagster"
    folder.mkdir(exist_ok=True)
    shutil.copyfile(installed_file("dagster.yaml"), folder / "dagster.yaml")
    return folder


def installed_file(name: str) -> Path:
    """A file of the project's top level: beside the package in a checkout, under share/ when installed.

    Raises:
        FileNotFoundError: neither place has it.
    """
    places = [Path(__file__).parents[2] / name, Path(sys.prefix) / "share" / "salesinsight" / name]
    for place in places:
        if place.is_file():
            return place
    raise FileNotFoundError(f"expected {name} at {places[0]} or {places[1]}, found neither; install the package again")
