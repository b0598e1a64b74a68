"""`salesinsight score`: one open deal as of now, or of any moment, with reasons, as JSON."""

import json
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import click

from salesinsight_assets.adapters.dashboard.score_now import deal_standing, open_deals_at, scored_deal
from salesinsight_assets.adapters.warehouse import Warehouse
from salesinsight_assets.cli.options import BadInputError
from salesinsight_assets.cli.runtime import Runtime, running
from salesinsight_assets.domain.crm.rows import long_id
from salesinsight_assets.domain.history.grid import end_of_day
from salesinsight_assets.policies import load_policies, read_config
from salesinsight_assets.settings import now


@click.command("score")
@click.argument("opportunity_id")
@click.option("--as-of", "as_of", help="A day (its end) or a moment such as 2024-03-01T12:00; default: now.")
def command(opportunity_id: str, as_of: str | None) -> None:
    """Score one open deal with what was known at a moment; nothing is stored."""
    with running() as runtime:
        moment = _past(_moment(as_of, runtime.settings.zone), as_of) if as_of else now()
        click.echo(json.dumps(_score(runtime, opportunity_id, moment), indent=2, ensure_ascii=False))


def _moment(text: str, zone: ZoneInfo) -> datetime:
    """The end of a day, or a moment, in the company's time zone unless it names one."""
    try:
        if len(text) == len("2024-03-01"):
            return end_of_day(date.fromisoformat(text), zone)
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadInputError(
            f"--as-of: expected a day or a moment such as 2024-03-01T12:00, got {text!r}; correct it"
        ) from None
    return (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)


def _past(moment: datetime, given: str) -> datetime:
    if moment > now():
        raise BadInputError(f"--as-of: expected a day or moment that has passed, got {given}; leave it out for now")
    return moment


def _score(runtime: Runtime, opportunity_id: str, moment: datetime) -> dict[str, Any]:
    store, policies = runtime.warehouse, load_policies(read_config(runtime.settings.config_file))
    deals = open_deals_at(store, moment, runtime.settings.zone, policies)
    found = scored_deal(store, deals, opportunity_id) or scored_deal(store, deals, long_id(opportunity_id))
    if found is None:
        raise BadInputError(_why_not(store, opportunity_id, moment))
    (score,), scored_by = found
    if score.is_fallback:
        click.echo(f"scored by {scored_by}", err=True)
    return {**asdict(score), "as_of": moment.isoformat()}


def _why_not(store: Warehouse, given: str, moment: datetime) -> str:
    """What keeps a deal from being scored: there is none, it is closed or deleted, or not yet created."""
    name, found = deal_standing(store, given, moment)
    if name is None:
        return f"expected the Id of a deal, got {given!r}; `salesinsight export opportunities --to FILE` lists all"
    since = "" if found.since is None else f" since {found.since:%Y-%m-%d %H:%M} UTC"
    other = {"to be created": "not yet created: it is there", "open": "not known"}.get(found.status, found.status)
    then = "a later" if found.status == "to be created" else "an earlier"
    return (
        f"expected a deal open at {moment:%Y-%m-%d %H:%M} UTC, got {given} ({name}), which was"
        f" {other}{since}; choose {then} --as-of, or another deal"
    )
