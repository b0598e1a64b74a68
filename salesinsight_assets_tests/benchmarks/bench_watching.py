"""The weekly checks over a year of the made-up company: false alarms, and how many checks it takes to notice what was planted.

Aims: at most two alarms in 52 weeks without drift, and each planted drift noticed within two checks. The company lives four
years; a model is trained every three months. It takes some ten minutes. `SALESINSIGHT_BENCH_SEED=8 make bench` is another company.
"""

import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from salesinsight_assets.cli.jobs import run_job
from salesinsight_assets.cli.runtime import running
from salesinsight_assets.demo.company import DemoCompany
from salesinsight_assets.demo.salesforce_server import DemoSalesforce
from salesinsight_assets.domain.features.compute import features_as_of
from salesinsight_assets.domain.features.policy import FeaturePolicy
from salesinsight_assets.domain.history.grid import Grid, end_of_day
from salesinsight_assets.domain.history.snapshots import CrmRows, History, opportunity_history
from salesinsight_assets.domain.model.examples import decided_deals, training_examples
from salesinsight_assets.domain.model.policy import ExamplePolicy, ModelPolicy
from salesinsight_assets.domain.model.training import TrainedModel, train_model
from salesinsight_assets.domain.monitoring.defaults import feature_defaults
from salesinsight_assets.domain.monitoring.drift import CATEGORIES, drift, with_score
from salesinsight_assets.domain.monitoring.performance import model_checks, shown_before_decision
from salesinsight_assets.domain.monitoring.policy import MonitoringPolicy
from salesinsight_assets.settings import export_environment

LAST_DAY = date(2026, 6, 26)
POLICY = MonitoringPolicy()
FRIDAYS = [LAST_DAY - timedelta(weeks=week) for week in reversed(range(84))]
WEEKS_BETWEEN_MODELS = 13
PLANTED_AFTER = range(-50, -6, 6)
Rows = pd.DataFrame


def test_a_year_is_quiet_and_what_is_planted_is_noticed(tmp_path: Path) -> None:
    history = opportunity_history(_company_rows(tmp_path))
    snapshots, outcomes, models = _weeks(history)
    alarms = [alarm for day in FRIDAYS[-52:] for alarm in _alarms(snapshots, outcomes, models, day)]
    print(f"\n52 weeks without drift: {len(alarms)} alarms (aim: at most 2)", *alarms, sep="\n  ")
    for name, plant in PLANTS.items():
        delays = [_delay(snapshots, outcomes, models, plant, place) for place in PLANTED_AFTER]
        late = sum(delay is None or delay > 2 for delay in delays)
        print(f"{name}: noticed at check {delays}, {late} of {len(delays)} later than the second")


def _company_rows(folder: Path) -> CrmRows:
    path = folder / "company.sqlite"
    DemoCompany.create(path, LAST_DAY, years=4, seed=int(os.environ.get("SALESINSIGHT_BENCH_SEED", "7"))).close()
    long_ago = datetime(2000, 1, 1, tzinfo=UTC)
    home = {"SALESINSIGHT_HOME": str(folder / "home")}
    with patch.dict(os.environ, home), running() as runtime, DemoSalesforce(path, folder) as server:
        export_environment(server.environment())
        assert run_job("crm_sync", "first load").success
        return runtime.warehouse.crm_rows(long_ago, long_ago)


def _weeks(history: History) -> tuple[Rows, Rows, Mapping[date, TrainedModel]]:
    """Open deals of every Friday with what was shown of them, what became of the deals, and the model of every Friday."""
    moments = [end_of_day(day, ZoneInfo("UTC")) for day in FRIDAYS]
    rows, features = features_as_of(history, Grid(moments), FeaturePolicy())
    kept = rows.frame[["owner_id", "created_date", *CATEGORIES]]
    snapshots = pd.concat([features, kept], axis=1).assign(
        has_next_step=0.0
    )  # one sync has witnessed the last one only
    snapshots["as_of_date"] = snapshots["as_of"].dt.tz_localize(None).dt.normalize()
    snapshots["defaulted_features"] = [
        [name for name in names if name != "has_next_step"] for names in snapshots["defaulted_features"]
    ]
    models: dict[date, TrainedModel] = {}
    for place, day in enumerate(FRIDAYS):
        is_due = place % WEEKS_BETWEEN_MODELS == 0
        models[day] = _model(history, moments[place], day) if is_due else models[FRIDAYS[place - 1]]
    shown = [with_score(part, models[day.date()].model) for day, part in snapshots.groupby("as_of_date")]
    return pd.concat(shown, ignore_index=True), decided_deals(history, moments[-1], ZoneInfo("UTC")), models


def _model(history: History, moment: datetime, day: date) -> TrainedModel:
    examples = training_examples(history, moment, ExamplePolicy(), FeaturePolicy())
    return train_model(examples, day, replace(ModelPolicy(), trees=150), FeaturePolicy())


def _alarms(snapshots: Rows, outcomes: Rows, models: Mapping[date, TrainedModel], day: date) -> list[str]:
    """What the checks of a Friday find, in words."""
    trained = models[day]
    part = with_score(snapshots[snapshots["as_of_date"].isin(pd.DatetimeIndex(POLICY.days(day)))], trained.model)
    first = pd.Timestamp(POLICY.first_shown(day))
    judged = shown_before_decision(
        snapshots[snapshots["as_of_date"].between(first, pd.Timestamp(day))], outcomes, POLICY
    )
    found: list[Any] = [
        drift(part, day, POLICY),
        feature_defaults(part, day, POLICY),
        model_checks(judged, day, trained.metrics, POLICY),
    ]
    rows = pd.concat([f[f["is_alarm"].astype(bool)] for f in found])
    return [f"{day} {row.get('feature', '')} {row.get('segment', '')}: {row['finding']}" for _, row in rows.iterrows()]


def _delay(
    snapshots: Rows, outcomes: Rows, models: Mapping[date, TrainedModel], plant: "Plant", place: int
) -> int | None:
    """At which check after the plant it is noticed; None: at none of four."""
    planted = plant(snapshots, outcomes, pd.Timestamp(FRIDAYS[place]))
    return next((k for k in range(1, 5) if _alarms(*planted, models, FRIDAYS[place + k])), None)


Plant = Callable[[Rows, Rows, pd.Timestamp], tuple[Rows, Rows]]


def _stage_renamed(snapshots: Rows, outcomes: Rows, after: pd.Timestamp) -> tuple[Rows, Rows]:
    is_renamed = (snapshots["as_of_date"] > after) & snapshots["stage_name"].eq("Negotiation")
    return snapshots.assign(stage_name=snapshots["stage_name"].mask(is_renamed, "Contracting")), outcomes


def _amounts(factor: float) -> Plant:
    def planted(snapshots: Rows, outcomes: Rows, after: pd.Timestamp) -> tuple[Rows, Rows]:
        is_new = snapshots["created_date"].dt.tz_localize(None) > after
        return snapshots.assign(log_amount=snapshots["log_amount"] + np.log(factor) * is_new), outcomes

    return planted


def _collapse(source: str, kept_wins: float) -> Plant:
    def planted(snapshots: Rows, outcomes: Rows, after: pd.Timestamp) -> tuple[Rows, Rows]:
        ids = snapshots.loc[snapshots["lead_source"].eq(source), "opportunity_id"].unique()
        is_hit = outcomes["opportunity_id"].isin(ids) & (outcomes["decided_on"] > after)
        is_lost = is_hit & (np.random.default_rng(1).random(len(outcomes)) >= kept_wins)
        return snapshots, outcomes.assign(is_won=outcomes["is_won"] & ~is_lost)

    return planted


PLANTS: Mapping[str, Plant] = {
    "a stage is renamed": _stage_renamed,
    "amounts of new deals x 1000": _amounts(1000),
    "amounts of new deals / 100": _amounts(0.01),
    "amounts of new deals x 7.5 (another currency)": _amounts(7.5),
    "Web wins nothing": _collapse("Web", 0),
    "Referral wins nothing": _collapse("Referral", 0),
    "Outbound wins nothing": _collapse("Outbound", 0),
    "Web wins a fifth": _collapse("Web", 0.2),
    "Partner wins nothing": _collapse("Partner", 0),
    "Purchased List wins nothing": _collapse("Purchased List", 0),
}
