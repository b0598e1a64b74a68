"""`salesinsight nightly`: the night of one day through the Dagster job."""

from datetime import date
from pathlib import Path

import click

from salesinsight_assets.cli.jobs import say
from salesinsight_assets.cli.night import require_nights, run_night
from salesinsight_assets.cli.options import BadInputError, Day, OutputFile, write_json
from salesinsight_assets.cli.report import night_summary
from salesinsight_assets.cli.runtime import Runtime, running
from salesinsight_assets.sending import SEND_TAG
from salesinsight_assets.settings import last_complete_day, now


@click.command("nightly")
@click.option("--date", "day", type=Day(), help="The day to work on; default: yesterday in the company's time zone.")
@click.option("--send/--no-send", default=None, help="Queue messages, or not; default: only for yesterday.")
@click.option("--json", "json_file", type=OutputFile(), help="Write the outcome to this file.")
def command(day: date | None, send: bool | None, json_file: Path | None) -> None:
    """Run the night of a day: read the CRM, compute features, score, alert, word the messages."""
    with running() as runtime:
        newest = last_complete_day(now(), runtime.settings.zone)
        day = day or newest
        require_nights(runtime, ("--date", day), ("--date", day))
        _check_rows(runtime)
        outcome = run_night(runtime.warehouse, day, {} if send is None else {SEND_TAG: str(send).lower()})
        write_json(json_file, {"date": day, **outcome.as_json()})
        say(night_summary(day, outcome))
    if not outcome.success:
        raise SystemExit(1)


def _check_rows(runtime: Runtime) -> None:
    """Refuse a night that has nothing to work on."""
    if runtime.settings.salesforce.is_configured or (runtime.warehouse.crm_status()["row_count"] > 0).any():
        return
    raise BadInputError(
        "expected CRM rows, got an empty database and no Salesforce; run `salesinsight import-csv FILE`, or set"
        " SALESFORCE_CLIENT_ID and SALESFORCE_CLIENT_SECRET"
    )
