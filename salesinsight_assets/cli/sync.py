"""`salesinsight sync`: one sync of the CRM."""

from pathlib import Path
from typing import Any

import click

from salesinsight_assets.cli.jobs import JobOutcome, run_job, say
from salesinsight_assets.cli.options import BadInputError, OutputFile, write_json
from salesinsight_assets.cli.report import failure_summary
from salesinsight_assets.cli.runtime import running

_IN_ORDER = ("complete", "skipped")


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
        objects = {**outcome.not_materialized, **outcome.assets}
        stale = [name for name, figures in objects.items() if figures.get("status") not in _IN_ORDER]
        is_complete = outcome.success and not stale
        write_json(json_file, _as_json(outcome, objects, is_complete))
        for line in object_lines(objects):
            say(line)
        if not outcome.success:
            say(failure_summary(outcome))
        elif stale:
            say(f"{len(stale)} of {len(objects)} objects are stale: {', '.join(sorted(stale))}; run the sync again")
    if not is_complete:
        raise SystemExit(1)


def _as_json(outcome: JobOutcome, objects: dict[str, dict[str, Any]], is_complete: bool) -> dict[str, Any]:
    """The outcome of the run, and by table all that its sync tells."""
    results = {name: figures.get("result", figures) for name, figures in objects.items()}
    return {**outcome.as_json(), "success": is_complete, "objects": results}


def object_lines(objects: dict[str, dict[str, Any]]) -> list[str]:
    """A line for each object; a reason that all stale ones share is said once, below."""
    reasons = {str(figures["source"]) for figures in objects.values() if figures.get("status") not in _IN_ORDER}
    shared = reasons.pop() if len(reasons) == 1 and len(objects) > 1 else None
    lines = [f"{name:28} {_told(figures, shared)}" for name, figures in sorted(objects.items())]
    return [*lines, f"all of them that are stale: {shared}"] if shared else lines


def _told(figures: dict[str, Any], said_below: str | None) -> str:
    names = ("rows_read", "rows_inserted", "rows_updated", "rows_deleted", "api_calls", "retries")
    counts = ", ".join(
        f"{figures[name]} {name.removeprefix('rows_').replace('_', ' ')}" for name in names if name in figures
    )
    status = figures.get("status", figures.get("source"))
    notes = [
        f"{name.replace('_', ' ')}: {figures[name]}" for name in ("missing_columns", "new_columns") if name in figures
    ]
    if status not in _IN_ORDER and figures.get("source") != said_below:
        notes.append(str(figures.get("source")))
    return "; ".join([f"{status}: {counts}", *notes])
