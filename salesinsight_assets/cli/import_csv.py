"""`salesinsight import-csv`: the CSV entrance to the CRM tables."""

from datetime import date
from pathlib import Path

import click

from salesinsight_assets.cli.jobs import JobOutcome, run_job, say
from salesinsight_assets.cli.options import BadInputError, Day
from salesinsight_assets.cli.report import failure_summary
from salesinsight_assets.cli.runtime import running


@click.command("import-csv")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option(
    "--mapping", help="A mapping from salesinsight.toml, or the shipped skygeni or maven; default: our own export."
)
@click.option(
    "--as-of", type=Day(), help="The day the files tell of; default: the last day they mention or that is stored."
)
def command(files: tuple[Path, ...], mapping: str | None, as_of: date | None) -> None:
    """Load FILES into the CRM tables: whole, or, with one bad row, not at all."""
    config = {
        "csv_files": [str(file.absolute()) for file in files],
        **({"mapping": mapping} if mapping else {}),
        **({"as_of": as_of.isoformat()} if as_of else {}),
    }
    with running():
        outcome = run_job("crm_sync", "importing", ops={"crm_tables": {"config": config}})
        refused = outcome.failed_checks.get("opportunities: upload_accepted")
        if refused:
            raise BadInputError(refused)
        say("\n".join(_stored_lines(outcome)) if outcome.success else failure_summary(outcome))
    if not outcome.success:
        raise SystemExit(1)


def _stored_lines(outcome: JobOutcome) -> list[str]:
    """What became of each table, and which files held nothing for any."""
    uploaded = {name: figures for name, figures in sorted(outcome.assets.items()) if "rows_inserted" in figures}
    lines = [
        f"{name:28} {figures['rows_read']} rows, {figures['rows_inserted']} new, {figures['rows_updated']} changed"
        for name, figures in uploaded.items()
    ]
    left_out = {figures["files_left_out"] for figures in uploaded.values() if "files_left_out" in figures}
    return [*lines, *(f"left out, as it only describes columns: {names}" for names in left_out)]
