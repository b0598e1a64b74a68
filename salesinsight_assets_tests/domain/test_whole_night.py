"""A night through every stage of the domain, from CRM rows to messages, also where there is nothing to tell."""

from collections.abc import Callable
from datetime import date

import numpy as np
import pandas as pd
import pytest

from salesinsight_assets.domain.alerts.actions import Playbook
from salesinsight_assets.domain.alerts.policy import AlertPolicy
from salesinsight_assets.domain.alerts.selection import ALERT_COLUMNS, daily_alerts
from salesinsight_assets.domain.delivery.messages import alert_messages
from salesinsight_assets.domain.features.compute import features_as_of
from salesinsight_assets.domain.features.policy import FeaturePolicy
from salesinsight_assets.domain.history.grid import Grid
from salesinsight_assets.domain.history.snapshots import opportunity_history
from salesinsight_assets.domain.model.examples import training_examples
from salesinsight_assets.domain.model.policy import ExamplePolicy, ModelPolicy
from salesinsight_assets.domain.model.training import train_model
from salesinsight_assets.domain.scores.policy import RiskPolicy
from salesinsight_assets.domain.scores.scoring import opportunity_scores
from salesinsight_assets_tests.domain.happenings import lived, random_events
from salesinsight_assets_tests.domain.worlds import World, at

POLICY = FeaturePolicy()
NO_ALERTS = pd.DataFrame(columns=[*ALERT_COLUMNS, "as_of_date", "is_told"])
NO_FEATURES = pd.DataFrame(columns=["opportunity_id"])


def night(world: World, days: float) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Scores, alerts and messages of a day, by the rules."""
    day = at(days).date()
    rows, features = features_as_of(opportunity_history(world.rows()), Grid([at(days)]), POLICY)
    scores = opportunity_scores(rows.frame, features, None, NO_FEATURES, RiskPolicy())
    told_of = ["opportunity_id", "age_days", "expected_cycle_days", "stage_position"]
    deals = scores.merge(features[told_of], on="opportunity_id")
    alerts = daily_alerts(deals, NO_ALERTS, day, AlertPolicy())
    return (
        scores,
        alerts,
        alert_messages(_to_word(alerts, rows.frame, deals, day), _reps(world), day, at(days), Playbook()),
    )


def _to_word(alerts: pd.DataFrame, deals: pd.DataFrame, scores: pd.DataFrame, day: date) -> pd.DataFrame:
    words = deals[["opportunity_id", "name", "stage_name", "currency_iso_code"]].assign(deal_amount=deals["amount"])
    told = [
        "win_probability_7d_ago",
        "risk_level",
        "reasons",
        "model_id",
        "is_fallback",
        "age_days",
        "expected_cycle_days",
        "stage_position",
    ]
    found = alerts[alerts["status"] == "to_send"].merge(words, on="opportunity_id")
    return found.merge(scores[["opportunity_id", *told]], on="opportunity_id").assign(as_of_date=pd.Timestamp(day))


def _reps(world: World) -> pd.DataFrame:
    ids = list(world.states["users"])
    return pd.DataFrame({"id": ids, "name": ids, "email": [f"{i}@example.com" for i in ids]}, dtype=object)


@pytest.mark.parametrize("seed", range(3))
def test_a_night_of_a_small_company_tells_of_open_deals_only(seed):
    scores, alerts, messages = night(lived(random_events(seed, 200, n_deals=25)), 100)
    assert len(scores) > 5
    assert scores["win_probability"].between(0, 1, inclusive="neither").all()
    assert len(alerts) > 0
    assert set(alerts["opportunity_id"]) <= set(scores["opportunity_id"])
    assert messages["recipient"].notna().all()
    assert np.isin(messages["channel"], ["email", "slack"]).all()


def empty(world: World) -> None:
    """A company that has just begun."""


def only_closed(world: World) -> None:
    world.deal("a", at(0))
    world.close("a", at(5), is_won=True)


def only_deleted(world: World) -> None:
    world.deal("a", at(0))
    world.delete("opportunities", "a", at(5))


@pytest.mark.parametrize("happened", [empty, only_closed, only_deleted])
def test_a_night_without_open_deals_tells_nothing(happened: Callable[[World], None]):
    world = World()
    happened(world)
    assert [len(frame) for frame in night(world, 30)] == [0, 0, 0]


def test_a_night_with_one_bare_deal_has_a_score_and_nothing_made_up():
    world = World()
    world.deal("a", at(0), name="Bare", amount=None)
    scores, alerts, messages = night(world, 30)
    assert scores["win_probability"].tolist() == pytest.approx([0.3])
    assert scores["amount"].isna().all()
    assert len(alerts) == len(messages) == 0


@pytest.mark.parametrize("happened", [empty, only_closed, only_deleted])
def test_a_company_with_nothing_to_learn_from_has_no_model_and_a_reason(happened: Callable[[World], None]):
    world = World()
    happened(world)
    examples = training_examples(opportunity_history(world.rows()), at(90), ExamplePolicy(), POLICY)
    trained = train_model(examples, at(90).date(), ModelPolicy(), POLICY)
    assert trained.model is None
    assert "too few decided deals" in trained.reason
