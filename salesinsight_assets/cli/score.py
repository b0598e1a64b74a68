"""`salesinsight score`: one open deal as of now, or of any moment, with reasons, as JSON."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import click
import pandas as pd

from salesinsight_assets.adapters.warehouse.model_registry import ModelRegistry
from salesinsight_assets.cli.options import BadInputError
from salesinsight_assets.cli.runtime import Runtime, running
from salesinsight_assets.domain.crm.rows import long_id
from salesinsight_assets.domain.features.compute import features_as_of
from salesinsight_assets.domain.history.grid import Grid, end_of_day
from salesinsight_assets.domain.history.snapshots import CrmRows, opportunity_history
from salesinsight_assets.domain.history.standing import standing
from salesinsight_assets.domain.scores.scoring import scores_of_the_day
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
    crm = store.crm_rows(moment - timedelta(days=policies.features.window_days), moment)
    rows, features = features_as_of(
        opportunity_history(crm), Grid([moment.astimezone(runtime.settings.zone)]), policies.features
    )
    place = rows.frame.index[rows.frame["opportunity_id"].isin([opportunity_id, long_id(opportunity_id)])]
    if place.empty:
        raise BadInputError(_why_not(runtime, crm, opportunity_id, moment))
    day = moment.astimezone(runtime.settings.zone).date()
    models = ModelRegistry(store).serving_models(day, policies.promotion)
    week_ago = store.partition("opportunity_features", day - timedelta(days=7))
    scored = scores_of_the_day(rows.frame, features, models, week_ago, policies.risk)
    if scored.why_fallback:
        click.echo(f"scored by {scored.scored_by}", err=True)
    deal, shown = rows.frame.loc[place[0]], scored.shown
    return _as_json(deal, shown[shown["opportunity_id"] == deal["opportunity_id"]].iloc[0], moment)


def _why_not(runtime: Runtime, crm: CrmRows, given: str, moment: datetime) -> str:
    """What keeps a deal from being scored: there is none, it is closed or deleted, or not yet created."""
    read, forms = runtime.warehouse.read, (given, long_id(given))
    versions = read("SELECT * FROM crm.opportunities WHERE id IN ($1, $2) ORDER BY valid_from", forms)
    changes = read("SELECT * FROM crm.opportunity_history WHERE opportunity_id IN ($1, $2)", forms)
    if versions.empty:
        return f"expected the Id of a deal, got {given!r}; `salesinsight export opportunities --to FILE` lists all"
    history = opportunity_history({**crm, "opportunities": versions, "opportunity_history": changes})
    found = standing(history, versions["id"].iloc[0], moment)
    since = "" if found.since is None else f" since {found.since:%Y-%m-%d %H:%M} UTC"
    other = {"to be created": "not yet created: it is there", "open": "not known"}.get(found.status, found.status)
    then = "a later" if found.status == "to be created" else "an earlier"
    return (
        f"expected a deal open at {moment:%Y-%m-%d %H:%M} UTC, got {given} ({versions['name'].iloc[-1]}), which was"
        f" {other}{since}; choose {then} --as-of, or another deal"
    )


def _as_json(deal: "pd.Series[Any]", score: "pd.Series[Any]", moment: datetime) -> dict[str, Any]:
    before = score["win_probability_7d_ago"]
    return {
        "opportunity_id": deal["opportunity_id"],
        "name": deal["name"],
        "as_of": moment.isoformat(),
        "stage_name": deal["stage_name"],
        "win_probability": float(score["win_probability"]),
        "win_probability_7d_ago": None if pd.isna(before) else float(before),
        "risk_level": score["risk_level"],
        "reasons": json.loads(score["reasons"]),
        "model_id": score["model_id"],
        "is_fallback": bool(score["is_fallback"]),
    }
