"""`salesinsight sync`: one sync of the CRM."""

from pathlib import Path

import click

from salesinsight_assets.cli.jobs import run_job, say
from salesinsight_assets.cli.options import BadInputError, OutputFile, write_json
from salesinsight_assets.cli.report import failure_summary
from salesinsight_assets.cli.runtime import running


@click.command("sync")
@click.option("--json", "json_file", type=OutputFile(), help="Write the result per object to this file.")
def command(json_file: Path | None) -> None:
    """Read what changed in Salesforce; exit 0 only when every object is complete."""
    with running() as runtime:
        if not runtime.settings.salesforce.is_configured:
            raise BadInputError(
                "expected SALESFORCE_CLIENT_ID and SALESFORCE_CLIENT_SECRET, got nothing; set them, or import-csv"
            )
        outcome = run_job("crm_sync", "reading Salesforce")
        write_json(json_file, outcome.as_json())
        for name, figures in sorted(outcome.assets.items()):
            say(f"{name:28} {figures.get('status', figures.get('source'))}: {_counts(figures)}")
        if not outcome.success:
            say(failure_summary(outcome))
    if not outcome.success:
        raise SystemExit(1)


def _counts(figures: dict[str, object]) -> str:
    names = ("rows_read", "rows_inserted", "rows_updated", "rows_deleted", "api_calls", "retries")
    return ", ".join(
        f"{figures[name]} {name.removeprefix('rows_').replace('_', ' ')}" for name in names if name in figures
    )
