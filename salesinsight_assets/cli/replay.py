"""`salesinsight replay`: past nights with that day's knowledge and that day's model, and what they were worth."""

import json
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import click

from salesinsight_assets.cli.jobs import JobOutcome, run_jobs, say
from salesinsight_assets.cli.night import require_nights, train_where_due
from salesinsight_assets.cli.options import BadInputError, Day, OutputFile, writing
from salesinsight_assets.cli.progress import progress
from salesinsight_assets.cli.report import failure_summary, training_summary
from salesinsight_assets.cli.runtime import Runtime, running
from salesinsight_assets.domain.reports.page_html import as_html
from salesinsight_assets.domain.reports.pages import as_markdown, as_text
from salesinsight_assets.domain.reports.replay import ReplayReport
from salesinsight_assets.domain.reports.replay_pages import replay_sections, replay_title
from salesinsight_assets.sending import REPLAY_TAG
from salesinsight_assets.settings import now

SUFFIXES = (".json", ".md", ".html")


class ReportFile(OutputFile):
    """A file to be written whose name says in what form."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Path:
        """The file, or a refusal that names the option."""
        if Path(value).suffix not in SUFFIXES:
            raise BadInputError(
                f"--report: expected a file ending in {', '.join(SUFFIXES[:-1])} or {SUFFIXES[-1]}, got {value}; name another"
            )
        return super().convert(value, param, ctx)


@click.command("replay")
@click.option("--from", "first", type=Day(), required=True, help="The first day.")
@click.option("--to", "last", type=Day(), required=True, help="The last day.")
@click.option(
    "--report", "report_file", type=ReportFile(), help="Write the report to this .json, .md or .html file too."
)
def command(first: date, last: date, report_file: Path | None) -> None:
    """Run past nights again with what was known then, and judge their scores and alerts by what is known now.

    Nobody is told of anything. The models of the months are trained where they are missing.
    """
    if first > last:
        raise BadInputError(f"--from: expected a day up to --to, {last}, got {first}; exchange them, or correct one")
    with running() as runtime:
        require_nights(runtime, ("--from", first), ("--to", last))
        _require_rows(runtime)
        _replay(runtime, first, last)
        with progress("judging the days"):
            report = _report(runtime, first, last)
            _write(report, report_file)
        say(as_text(replay_title(report), replay_sections(report)))


def _require_rows(runtime: Runtime) -> None:
    """Refuse a replay that there are no rows for."""
    if not (runtime.warehouse.crm_status()["row_count"] > 0).any():
        raise BadInputError(
            "expected CRM rows, got an empty database; run `salesinsight sync` or `salesinsight import-csv FILE` first"
        )


def _replay(runtime: Runtime, first: date, last: date) -> None:
    """Train what is due, then run the days in order: what a day is told depends on the day before."""
    for month in _months(first, last):
        training = train_where_due(runtime.warehouse, month)
        if training and not training.success:
            say("\n".join(training_summary(training)))
    days = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    how_far = HowFar(days)
    with progress("replaying") as shown, shown.asking(lambda: None, how_far.text):
        for outcome in run_jobs("night_without_sync", days, {REPLAY_TAG: f"{first} to {last}"}):
            _require_success(outcome, days[how_far.done])
            how_far.done += 1


def _months(first: date, last: date) -> Iterator[date]:
    """The first day of each month of the range: the day whose model was trained at the end of the month before."""
    month = first.replace(day=1)
    while month <= last:
        yield month
        month = (month + timedelta(days=31)).replace(day=1)


class HowFar:
    """How far a replay is: how many days are done, and how long the others will take at the pace of those."""

    def __init__(self, days: list[date]) -> None:
        self.days, self.done = days, 0
        self._started = time.monotonic()

    def text(self) -> str:
        """For a line of progress."""
        at = self.days[min(self.done, len(self.days) - 1)]
        told = f"{self.done} of {len(self.days)} days done, at {at}"
        if not self.done:
            return told
        left = (time.monotonic() - self._started) / self.done * (len(self.days) - self.done)
        return f"{told}, about {left:.0f} s left" if left < 100 else f"{told}, about {left / 60:.0f} min left"


def _require_success(outcome: JobOutcome, day: date) -> None:
    if not outcome.success:
        say(f"{day} could not be replayed: {failure_summary(outcome)}")
        raise SystemExit(1)


def _report(runtime: Runtime, first: date, last: date) -> ReplayReport:
    from salesinsight_assets.past_days import report_of_days

    return report_of_days(runtime.warehouse, runtime.settings.zone, first, last, now())


def _write(report: ReplayReport, path: Path | None) -> None:
    """The report in the form that the file's name asks for."""
    if path:
        with writing(path):
            path.write_text(_content(report, path.suffix), encoding="utf-8")


def _content(report: ReplayReport, suffix: str) -> str:
    from salesinsight_assets.past_days import pictures

    if suffix == ".json":
        return json.dumps(report.as_plain(), indent=2) + "\n"
    form = as_html if suffix == ".html" else as_markdown
    return form(replay_title(report), replay_sections(report), pictures(report))
