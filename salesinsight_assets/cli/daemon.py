"""`salesinsight daemon`: Dagster's daemon as a service, which fires schedules and sensors and starts runs."""

from pathlib import Path

import click

from salesinsight_assets.cli.dagster_service import (
    become_dagster,
    log_options,
    service_environment,
    workspace_file,
    workspace_option,
)


@click.command("daemon")
@workspace_option
@click.option("--verbose", is_flag=True, help="Log the daemon's routine too.")
def command(workspace: Path | None, verbose: bool) -> None:
    """Run Dagster's daemon on a PostgreSQL of yours, as a service: one for each database of Dagster."""
    level = "info" if verbose else "warning"
    become_dagster(
        ["dagster._daemon", "run", *workspace_file(workspace), *log_options(level)],
        service_environment(loads_code=workspace is None),
    )
