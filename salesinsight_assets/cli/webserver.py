"""`salesinsight webserver`: Dagster's UI as a service."""

from pathlib import Path

import click

from salesinsight_assets.cli.dagster_service import (
    become_dagster,
    log_options,
    service_environment,
    workspace_file,
    workspace_option,
)


@click.command("webserver")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where to listen; it asks nobody who they are.")
@click.option("--port", default=3000, show_default=True, help="The port.")
@workspace_option
@click.option("--verbose", is_flag=True, help="Log each request too.")
def command(host: str, port: int, workspace: Path | None, verbose: bool) -> None:
    """Serve Dagster's UI on a PostgreSQL of yours, as a service, behind a proxy that signs people in."""
    level = "info" if verbose else "warning"
    where = ["-h", host, "-p", str(port), *workspace_file(workspace)]
    become_dagster(
        ["dagster_webserver", *where, *log_options(level)], service_environment(loads_code=workspace is None)
    )
