"""`salesinsight demo`: a made-up company, synced by the real client, some nights long, and what came of it."""

import json
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import date, datetime, timedelta

import click
import pandas as pd

from salesinsight_assets.cli.demo_company import company_file, nights_ahead, open_company
from salesinsight_assets.cli.jobs import JobOutcome, console, run_job, say
from salesinsight_assets.cli.night import run_night, train_where_due
from salesinsight_assets.cli.options import BadInputError
from salesinsight_assets.cli.report import failure_summary, message_counts, reports_summary, training_summary
from salesinsight_assets.cli.runtime import Runtime, running
from salesinsight_assets.demo.company import DemoCompany
from salesinsight_assets.demo.salesforce_server import DemoSalesforce
from salesinsight_assets.domain.history.grid import end_of_day
from salesinsight_assets.sending import SEND_TAG
from salesinsight_assets.settings import clock_at, export_environment, last_complete_day, load_settings, now

DEFAULT_NIGHTS = 8
"""One more than a week: an alert can then say what the chance was a week ago."""
_NO_CHANNELS = {"SMTP_URL": "", "SLACK_BOT_TOKEN": ""}
"""The people of the made-up company are made up: nobody is written to, whatever is configured."""
HOUR_OF_MESSAGES = timedelta(hours=5, minutes=30)


@click.command("demo")
@click.option("--days", default=DEFAULT_NIGHTS, show_default=True, help="How many nights to play, up to yesterday.")
def command(days: int) -> None:
    """Show the product on a made-up company behind a real Salesforce API."""
    if days < 1:
        raise BadInputError(f"--days: expected 1 or more, got {days}; correct it")
    if load_settings().salesforce.is_configured:
        raise BadInputError(
            "expected no Salesforce settings, got SALESFORCE_CLIENT_ID; unset it: the demo brings its own"
        )
    started = time.monotonic()
    with running() as runtime:
        newest = last_complete_day(now(), runtime.settings.zone)
        with _company(runtime, newest - timedelta(days=days)) as company:
            _play(runtime, company, nights_ahead(company, newest, days))
        _show(runtime, newest)
        say(f"took {time.monotonic() - started:.0f} s; run it again: it goes on where it stopped", style="dim")


def _company(runtime: Runtime, founded_until: date) -> DemoCompany:
    home = runtime.settings.home
    is_new = not company_file(home).is_file()
    if is_new:
        say("1. Founding a company with two years of business …")
    with console.status("two years of business") as status:
        company = open_company(home, founded_until, lambda day: status.update(f"two years of business: {day}"))
    say(f"   founded: {company.path}" if is_new else f"1. The company was there already: {company.path}")
    return company


def _play(runtime: Runtime, company: DemoCompany, nights: list[date]) -> None:
    """First load, training and the nights, each through the same Dagster jobs as in production, and at its own hour."""
    home = runtime.settings.home
    with DemoSalesforce(company_file(home), home / "demo") as server:
        export_environment({**server.environment(), **_NO_CHANNELS})
        say(f"2. Its Salesforce answers on {server.login_url}; reading it …")
        company.advance(nights[0] - timedelta(days=1))  # the model of the month learns from all of it
        with _at(_morning_after(runtime, company.last_day), company, server):
            outcome = _successful(run_job("crm_sync", "reading Salesforce"))
            training = train_where_due(runtime.warehouse, nights[0])
        read = sum(int(figures.get("rows_read", 0)) for figures in outcome.assets.values())
        say(f"3. Read {read:,} rows of {len(outcome.assets)} Salesforce objects")
        say("4. " + (_training(training) if training else "The model of the month was trained before"))
        say(f"5. {len(nights)} nights, each from Salesforce to the outbox:")
        for night in nights:
            company.advance(night)
            with _at(_morning_after(runtime, night), company, server):
                say(_night(runtime, night))


@contextmanager
def _at(moment: datetime, company: DemoCompany, server: DemoSalesforce) -> Generator[None]:
    """Our clock and that of the Salesforce stand at a moment."""
    with clock_at(moment), server.clock_skewed(moment - company.now):
        yield


def _morning_after(runtime: Runtime, day: date) -> datetime:
    return end_of_day(day, runtime.settings.zone) + HOUR_OF_MESSAGES


def _training(outcome: JobOutcome) -> str:
    return "\n".join(training_summary(_successful(outcome)))


def _night(runtime: Runtime, night: date) -> str:
    outcome = run_night(runtime.warehouse, night, {SEND_TAG: "true"})
    if not outcome.success:
        _successful(outcome.last)
    changed = sum(outcome.assets["opportunities"][f"rows_{kind}"] for kind in ("inserted", "updated"))
    scored, alerts = outcome.assets["opportunity_scores"]["dagster/row_count"], outcome.assets["rep_alerts"]
    return (
        f"   {night}: {changed} deals new or changed, {scored} open deals scored,"
        f" {alerts['high']} HIGH and {alerts['medium']} MEDIUM alerts; messages: {message_counts(outcome.assets['messages'])}"
        + "".join(f"\n     {line}" for line in reports_summary(outcome.reports))
    )


def _successful(outcome: JobOutcome) -> JobOutcome:
    if not outcome.success:
        say(failure_summary(outcome))
        raise SystemExit(1)
    return outcome


def _show(runtime: Runtime, day: date) -> None:
    """The numbers, one whole digest and one HIGH message as the rep reads them, and where to look next."""
    store = runtime.warehouse
    deals = store.crm_status().set_index("table_name")["row_count"]["opportunities"]
    alerts = store.alerts_between(day, day)
    sent = alerts.loc[alerts["status"] == "to_send", "priority"].value_counts()
    console.rule(f"what happened, as of {day}")
    say(f"deals synced       {deals:,}")
    say(f"open deals scored  {len(store.partition('opportunity_scores', day)):,}")
    say(f"alerts to send     {sent.get('HIGH', 0)} HIGH, {sent.get('MEDIUM', 0)} MEDIUM")
    say(f"alerts held out    {int((alerts['status'] == 'held_out').sum())}, to measure whether alerts help")
    say(f"alerts held back   {int((alerts['status'] == 'suppressed').sum()):,}, each with its reason")
    outbox = store.exported("outbox", day)
    _show_message(outbox[outbox["channel"] == "email"], "one rep's digest")
    _show_message(outbox[outbox["channel"] == "slack"], "one HIGH message on Slack")
    console.rule("where to look next")
    say("salesinsight dev                                the dashboard, and Dagster's UI: lineage, checks, history")
    say("salesinsight export rep_alerts --to alerts.csv  why each alert was sent, or not")
    say(f"{runtime.settings.home / 'messages' / str(day)}  every message of the day as a file")


def _show_message(messages: pd.DataFrame, title: str) -> None:
    """The longest of `messages`, whole."""
    console.rule(title)
    if messages.empty:
        say("none on this day")
        return
    message = messages.iloc[int(messages["payload"].str.len().to_numpy().argmax())]
    payload = json.loads(message["payload"])
    say(f"To: {message['recipient']}")
    if "subject" in payload:
        say(f"Subject: {payload['subject']}")
    say("\n" + payload["text"])
