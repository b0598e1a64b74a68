"""`salesinsight import-csv`: the CSV entrance to the CRM tables."""

from datetime import date
from pathlib import Path

import click

from salesinsight_assets.cli.jobs import JobOutcome, run_job, say
from salesinsight_assets.cli.options import BadInputError, Day
from salesinsight_assets.cli.report import failure_summary
from salesinsight_assets.cli.runtime import Runtime, running
from salesinsight_assets.domain.expectations import tables_that_stop_a_night

_EXPECTATIONS = "crm_expectations"
"""The step that checks the tables; its error names the checks that hold up a night."""


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
    with running() as runtime:
        outcome = run_job("crm_sync", "importing", ops={"crm_tables": {"config": config}})
        refused = outcome.failed_checks.get("opportunities: upload_accepted")
        if refused:
            raise BadInputError(refused)
        lacking = _lacking_tables(runtime)
        is_stored = outcome.success or _only_lacks(outcome, lacking)
        say("\n".join([*_stored_lines(outcome), *_next_lines(lacking)]) if is_stored else failure_summary(outcome))
    if not is_stored:
        raise SystemExit(1)


def _lacking_tables(runtime: Runtime) -> list[str]:
    """The tables of which a night needs more rows than are stored."""
    status = runtime.warehouse.crm_status()
    return tables_that_stop_a_night(dict(zip(status["table_name"], status["row_count"], strict=True)))


def _only_lacks(outcome: JobOutcome, lacking: list[str]) -> bool:
    """Whether the rows were stored, and nothing but tables still to be delivered holds up a night."""
    blocking = {check for check in outcome.failed_checks if check in outcome.errors.get(_EXPECTATIONS, "")}
    expected = {f"{name}: expectations" for name in lacking}
    return set(outcome.errors) == {_EXPECTATIONS} and bool(blocking) and blocking <= expected


def _stored_lines(outcome: JobOutcome) -> list[str]:
    """What became of each table, and which files held nothing for any."""
    uploaded = {name: figures for name, figures in sorted(outcome.assets.items()) if "rows_inserted" in figures}
    lines = [
        f"{name:28} {figures['rows_read']} rows, {figures['rows_inserted']} new, {figures['rows_updated']} changed"
        for name, figures in uploaded.items()
    ]
    left_out = {figures["files_left_out"] for figures in uploaded.values() if "files_left_out" in figures}
    return [*lines, *(f"left out, as it only describes columns: {names}" for names in left_out)]


def _next_lines(lacking: list[str]) -> list[str]:
    """Which tables a night still lacks, and how to deliver them."""
    if not lacking:
        return []
    files = " ".join(f"{name}.csv" for name in lacking)
    return [
        f"still needed for a night: rows in {', '.join(lacking)}",
        f"  deliver them by `salesinsight import-csv {files}`",
        f"  `salesinsight export {lacking[0]} --to {lacking[0]}.csv` shows the columns, likewise for each table",
    ]
