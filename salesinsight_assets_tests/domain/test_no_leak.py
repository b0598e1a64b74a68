"""What was known as of a moment never changes: rows stamped later leave every feature as it was, to the last bit."""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from pprint import pformat

import lightgbm
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from salesinsight_assets.domain.alerts.policy import AlertPolicy
from salesinsight_assets.domain.alerts.selection import ALERT_COLUMNS, daily_alerts
from salesinsight_assets.domain.features import FEATURE_NAMES
from salesinsight_assets.domain.features.compute import features_as_of
from salesinsight_assets.domain.features.policy import FeaturePolicy
from salesinsight_assets.domain.history.grid import Grid
from salesinsight_assets.domain.history.snapshots import History, opportunity_history
from salesinsight_assets.domain.model.examples import training_examples
from salesinsight_assets.domain.model.policy import ExamplePolicy
from salesinsight_assets.domain.model.win_model import WinModel
from salesinsight_assets.domain.scores.policy import RiskPolicy
from salesinsight_assets.domain.scores.scoring import opportunity_scores
from salesinsight_assets_tests.domain.happenings import LAST_STEP, Event, events, lived, moment

POLICY = FeaturePolicy(window_days=45, shrinkage_deals=3.0, prior_deals=2.0)
NO_ALERTS = pd.DataFrame(columns=[*ALERT_COLUMNS, "as_of_date", "is_told"])
THE_DEALS = "the open deals and what is shown of them"
EXAMPLES = settings(
    max_examples=60, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


@dataclass(frozen=True)
class Replay:
    """A CRM at a moment (a step), and what happened to it afterwards."""

    asked: int
    earlier: list[Event]
    later: list[Event]
    first_sync: int | None
    tracks_owner: bool

    def known(self, happened: list[Event]) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The open deals and their features as of the moment and one before, after `happened`.

        They are asked for together with a later moment, as a training does.
        """
        grid = Grid(moment(step) for step in (max(self.asked - 40, 0), self.asked, self.asked + 40))
        rows, features = features_as_of(self._history(happened), grid, POLICY)
        is_asked = rows.moment < 2
        return rows.frame[is_asked].reset_index(drop=True), features[is_asked].reset_index(drop=True)

    def _history(self, happened: list[Event]) -> History:
        world = lived(happened, tracks_owner=self.tracks_owner)
        first_sync = None if self.first_sync is None else moment(min(self.first_sync, self.asked))
        return opportunity_history(world.rows(first_sync))

    def night(self, happened: list[Event]) -> dict[str, list[list[object]]]:
        """As of the moment, after `happened`: what a model of that day learns from, the scores by the rules and by a model,
        and the alerts."""
        history, as_of = self._history(happened), moment(self.asked)
        rows, features = features_as_of(history, Grid([as_of]), POLICY)
        _, week_ago = features_as_of(history, Grid([as_of - timedelta(days=7)]), POLICY)
        by_rules, by_model = (
            opportunity_scores(rows.frame, features, model, week_ago, RiskPolicy()) for model in (None, small_model())
        )
        deals = by_model.merge(features[["opportunity_id", "age_days", "expected_cycle_days"]], on="opportunity_id")
        found = {
            "examples": training_examples(history, as_of, ExamplePolicy(weeks=4, settle_days=7), POLICY),
            "scores by the rules": by_rules,
            "scores by a model": by_model,
            "alerts": daily_alerts(deals, NO_ALERTS, as_of.date(), AlertPolicy(likely_loss_amount=5_000.0)),
        }
        return {name: _values(frame) for name, frame in found.items()}

    def leaks(self) -> list[str]:
        """The features that differ once `later` has happened too."""
        deals, before = self.known(self.earlier)
        deals_after, after = self.known([*self.earlier, *self.later])
        if _values(deals) != _values(deals_after):
            return [THE_DEALS]
        return [name for name in (*FEATURE_NAMES, "defaulted_features") if not _is_same(before[name], after[name])]

    def smallest(self, name: str) -> "Replay":
        """The same leak without the events that it does not need."""
        found = self
        for part in ("earlier", "later"):
            for event in getattr(self, part):
                fewer = [e for e in getattr(found, part) if e is not event]
                without = replace(found, **{part: fewer})
                found = without if name in without.leaks() else found
        return found


def _values(frame: pd.DataFrame) -> list[list[object]]:
    return frame.astype(object).where(frame.notna(), None).to_numpy().tolist()


def _is_same(before: pd.Series, after: pd.Series) -> bool:
    if before.dtype == object:
        return before.tolist() == after.tolist()
    return before.to_numpy().tobytes() == after.to_numpy().tobytes()


@st.composite
def replays(draw: st.DrawFn) -> Replay:
    asked = draw(st.integers(20, LAST_STEP))
    return Replay(
        asked,
        draw(events(0, asked, 25, 80)),
        draw(events(asked + 1, asked + 100, 6, 20)),
        draw(st.none() | st.integers(0, LAST_STEP)),
        draw(st.booleans()),
    )


@cache
def leaks() -> dict[str, Replay]:
    """For each feature that a later row changed an example; all features share the examples' cost."""
    found: dict[str, Replay] = {}

    @EXAMPLES
    @given(replays())
    def explore(replay: Replay) -> None:
        for name in replay.leaks():
            found.setdefault(name, replay)

    explore()
    return found


@pytest.mark.parametrize("name", [THE_DEALS, *FEATURE_NAMES, "defaulted_features"])
def test_rows_with_a_later_stamp_never_change(name):
    if name in leaks():
        pytest.fail(f"{name} changed:\n{pformat(leaks()[name].smallest(name))}", pytrace=False)


@cache
def small_model() -> WinModel:
    """A model that looks at every feature, of no other worth."""
    generator = np.random.default_rng(0)
    features = generator.normal(10, 30, (400, len(FEATURE_NAMES)))
    data = lightgbm.Dataset(features, features.sum(axis=1) > 10 * len(FEATURE_NAMES), feature_name=FEATURE_NAMES)
    parameters = {
        "objective": "binary",
        "verbose": -1,
        "num_threads": 1,
        "deterministic": True,
        "feature_fraction": 0.3,
    }
    return WinModel("small", FEATURE_NAMES, lightgbm.train(parameters, data, num_boost_round=30).model_to_string())


def test_what_a_replayed_day_learns_scores_and_alerts_never_changes_with_later_rows():
    compared: Counter[str] = Counter()

    @settings(EXAMPLES, max_examples=20)
    @given(replays())
    def explore(replay: Replay) -> None:
        before = replay.night(replay.earlier)
        assert replay.night([*replay.earlier, *replay.later]) == before
        compared.update({name: len(rows) for name, rows in before.items()})

    explore()
    assert len(compared) == 4
    assert min(compared.values()) > 8, f"too little was compared: {compared}"
