"""`salesinsight code-server`: one company's code location, for a Dagster that runs elsewhere, and the runs of its nights.

The server is Dagster's own. It alone of the deployment's processes has the company's secrets; the runs that Dagster's daemon asks
for are its children.
"""

import os
import sys
from pathlib import Path

import click

from salesinsight_assets.adapters.warehouse.schema import require_server, upgrade
from salesinsight_assets.cli.options import BadInputError
from salesinsight_assets.cli.runtime import check_config, dagster_home, make_home
from salesinsight_assets.settings import (
    Settings,
    SettingsError,
    child_environment,
    export_environment,
    load_settings,
    settings_folder,
)


@click.command("code-server")
@click.option("--socket", type=click.Path(path_type=Path), help="Listen on this Unix socket: for this machine alone.")
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Listen on this address, where there is no socket."
)
@click.option("--port", type=int, help="The port; whoever reaches it may start runs: keep it inside your network.")
def command(socket: Path | None, host: str, port: int | None) -> None:
    """Serve the code location of the company to a Dagster that runs elsewhere."""
    if (socket is None) == (port is None):
        raise BadInputError("expected --socket or --port, got both or neither; choose one")
    settings = load_settings()
    url, dagster_url = _addresses(settings)
    check_config(settings)
    make_home(settings.home)
    _migrate(url)
    home = dagster_home(settings.home)
    export_environment(
        {
            "SALESINSIGHT_FOLDER": str(settings_folder()),
            "SALESINSIGHT_HOME": str(settings.home),
            "SALESINSIGHT_DAGSTER_POSTGRES_URL": dagster_url,
            "DAGSTER_HOME": str(home),
            "DAGSTER_DISABLE_TELEMETRY": "1",
        }
    )
    where = ["--socket", str(socket.absolute())] if socket else ["--host", host, "--port", str(port)]
    arguments = [sys.executable, "-m", "dagster", "api", "grpc", "--module-name", "salesinsight_assets.definitions",
                 "--location-name", settings.company or "salesinsight", "--lazy-load-user-code",
                 "--use-python-environment-entry-point", "--log-level", "warning", *where]  # fmt: skip
    os.chdir(home)  # Dagster reads a `.env` of the working directory, and lets it win over the environment
    os.execve(sys.executable, arguments, child_environment())  # noqa: S606 - our own interpreter, arguments of our own


def _addresses(settings: Settings) -> tuple[str, str]:
    """Of the warehouse, and of Dagster's database."""
    named = {
        "SALESINSIGHT_POSTGRES_URL": settings.postgres_url,
        "SALESINSIGHT_DAGSTER_POSTGRES_URL": settings.dagster_postgres_url,
    }
    for variable, url in named.items():
        if url is None:
            raise BadInputError(
                f"{variable}: expected an address, got nothing; set it, or run `salesinsight companies start`"
            )
    from salesinsight_assets.adapters.warehouse.warehouse import sqlalchemy_url

    return str(settings.postgres_url), sqlalchemy_url(str(settings.dagster_postgres_url))


def _migrate(url: str) -> None:
    """Bring the database to the present schema. Where it does not let us in, the runs will fail, and Dagster will tell of it."""
    try:
        require_server(url)
        upgrade(url)
    except SettingsError as error:
        click.echo(f"salesinsight: {error}; serving all the same, but runs will fail until then", err=True)
