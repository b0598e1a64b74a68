"""`salesinsight code-server`: one company's code location, for a Dagster that runs elsewhere, and the runs of its nights.

The server is Dagster's own. It alone of the deployment's processes has the company's secrets; the runs that Dagster's daemon asks
for are its children.
"""

from pathlib import Path

import click

from salesinsight_assets.adapters.warehouse.schema import require_server, upgrade
from salesinsight_assets.cli.dagster_service import become_dagster, dagster_address, log_options
from salesinsight_assets.cli.options import BadInputError
from salesinsight_assets.cli.runtime import check_config, dagster_environment, make_home, require_address
from salesinsight_assets.settings import Settings, SettingsError, load_settings


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
    url = _warehouse_address(settings)
    check_config(settings)
    make_home(settings.home)
    # before the code is loaded: without Dagster's database that fails, so whoever keeps this running has to try again
    dagster_url = dagster_address(settings)
    _migrate(url)
    where = ["--socket", str(socket.absolute())] if socket else ["--host", host, "--port", str(port)]
    environment = dagster_environment(settings.home, url, dagster_url)
    del environment["SALESINSIGHT_POSTGRES_URL"]  # a changed `.env` counts from the next run on
    become_dagster(
        ["dagster", "api", "grpc", "--module-name", "salesinsight_assets.definitions",
         "--location-name", settings.company or "salesinsight", "--use-python-environment-entry-point",
         *log_options("warning"), *where],
        environment,
    )  # fmt: skip


def _warehouse_address(settings: Settings) -> str:
    url = require_address(settings)
    if settings.company and settings.dagster_postgres_url is None:
        raise BadInputError(
            "SALESINSIGHT_DAGSTER_POSTGRES_URL: expected the address that the companies share, got nothing; set it, or run"
            " `salesinsight companies start`"
        )
    return url


def _migrate(url: str) -> None:
    """Bring the database to the present schema. Where it does not let us in, the runs will fail, and Dagster will tell of it."""
    try:
        require_server(url)
        upgrade(url)
    except SettingsError as error:
        click.echo(f"salesinsight: {error}; serving all the same, but runs will fail until then", err=True)
