"""A process that becomes one of Dagster's own: its daemon, its web server, or a code server."""

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Never

import click

from salesinsight_assets.adapters.warehouse.schema import ensure_database, require_server
from salesinsight_assets.cli.options import BadInputError
from salesinsight_assets.cli.runtime import DAGSTER_DATABASE, dagster_environment, make_home, require_address
from salesinsight_assets.installed import installed_file
from salesinsight_assets.settings import Settings, child_environment, export_environment, load_settings, settings_folder

workspace_option = click.option(
    "--workspace",
    type=click.Path(path_type=Path),
    help="A workspace.yaml that names code servers; default: our own code.",
)


def become_dagster(module: Sequence[str], environment: Mapping[str, str]) -> Never:
    """Become `python -m MODULE ARGUMENTS…` in DAGSTER_HOME, so that a signal to this process reaches Dagster itself."""
    export_environment({"SALESINSIGHT_FOLDER": str(settings_folder().absolute()), **environment})
    os.chdir(environment["DAGSTER_HOME"])  # Dagster lets a `.env` of the working directory win over the environment
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell in the background ignores it, and Dagster then TERM as well
    arguments = [sys.executable, "-m", *module]
    os.execve(sys.executable, arguments, child_environment())  # noqa: S606 - our own interpreter, arguments of our own


def service_environment(loads_code: bool) -> dict[str, str]:
    """What the daemon and the web server need: DAGSTER_HOME and Dagster's database, which is made where it is missing.

    Where code servers load the code, the address of Dagster's database is enough: the warehouse may be theirs alone.

    Raises:
        SettingsError: no PostgreSQL is named, or it does not let us in.
    """
    settings = load_settings()
    if loads_code or settings.dagster_postgres_url is None:
        require_address(settings)
    make_home(settings.home)
    dagster_url = dagster_address(settings)
    environment = dagster_environment(settings.home, settings.postgres_url or dagster_url, dagster_url)
    if settings.postgres_url is None:
        del environment["SALESINSIGHT_POSTGRES_URL"]
    return environment


def dagster_address(settings: Settings) -> str:
    """Of Dagster's database, which lets us in; by default beside the warehouse, where it is made if it is missing.

    Raises:
        SettingsError: no PostgreSQL is named, or it does not let us in.
    """
    if settings.dagster_postgres_url:
        require_server(settings.dagster_postgres_url, "SALESINSIGHT_DAGSTER_POSTGRES_URL")
        return settings.dagster_postgres_url
    url = require_address(settings)
    require_server(url)
    return ensure_database(url, DAGSTER_DATABASE)


def log_options(level: str) -> list[str]:
    """How loud Dagster is, and in which format: its own JSON has `event` for the message and `timestamp` for the time."""
    return ["--log-level", level, "--log-format", "json" if load_settings().log_format == "json" else "colored"]


def workspace_file(given: Path | None) -> list[str]:
    """The option that names the workspace: a file that is given, or the package's, which loads the code itself.

    Raises:
        BadInputError: there is no such file.
    """
    file = given or installed_file("workspace.yaml")
    if not file.is_file():
        raise BadInputError(f"--workspace: expected a file, got {file}, which is none; correct the path")
    return ["-w", str(file.absolute())]
