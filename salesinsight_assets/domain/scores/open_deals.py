"""The open deals of a moment, ready to be scored one by one, as they are or with changes that are only thought of.

What a deal's score needs of all the others (rates, expected times, what is usual) is worked out once, for all of them.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from salesinsight_assets.domain.features.changes import Changes, Deal, DealFactsNow, facts_now
from salesinsight_assets.domain.features.compute import features_from, known_as_of
from salesinsight_assets.domain.features.policy import FeaturePolicy
from salesinsight_assets.domain.history.grid import Grid
from salesinsight_assets.domain.history.snapshots import History, snapshots
from salesinsight_assets.domain.scores.policy import RiskPolicy
from salesinsight_assets.domain.scores.reasons import Usual, usual_of
from salesinsight_assets.domain.scores.scoring import ServingModels, scores_of_the_day

AS_IT_IS = Changes()
_SHOWN = ("win_probability", "win_probability_7d_ago", "risk_level", "reasons", "model_id", "is_fallback")


@dataclass(frozen=True)
class ScoredDeal:
    """The score of one deal: probabilities from 0 to 1, `reasons` as they are stored (see `reasons`)."""

    opportunity_id: str
    name: str
    as_of: datetime
    stage_name: str
    win_probability: float
    win_probability_7d_ago: float | None
    risk_level: str
    reasons: list[dict[str, Any]]
    model_id: str
    is_fallback: bool


@dataclass(frozen=True)
class OpenDeals:
    """All open deals as of a moment (in the company's time zone) with what scoring one of them takes."""

    as_of: datetime
    now: DealFactsNow
    usual: Usual
    models: ServingModels
    policy: RiskPolicy

    def place(self, opportunity_id: str) -> int | None:
        """The row of a deal; None where it is not open."""
        found = np.flatnonzero(self.now.deals["opportunity_id"] == opportunity_id)
        return int(found[0]) if len(found) else None

    def scored(
        self, place: int, week_ago: pd.DataFrame, variants: Sequence[Changes] = (AS_IT_IS,)
    ) -> tuple[list[ScoredDeal], str]:
        """The score of the deal of a row under each of `variants`, and who said so, in words.

        Args:
            place: see `place`.
            week_ago: the features that were stored of the deal seven days before; no row where there are none.
            variants: changes that are tried out.

        Raises:
            ValueError: a change that cannot be made.
        """
        made = [self.now.changed(place, changes) for changes in variants]
        deals = pd.DataFrame({name: [deal[name] for deal, _ in made] for name in self.now.deals})
        facts = {name: np.array([of_deal[name] for _, of_deal in made]) for name in self.now.facts}
        features = features_from(facts, deals, lambda name, _: self.usual.middles[name])
        models = self.models if self.models.canary_share else replace(self.models, challenger=None)
        scored = scores_of_the_day(deals, features, models, week_ago, self.policy, self.usual)
        shown = scored.shown
        found = zip(*(shown[name].tolist() for name in _SHOWN), strict=True)
        scores = [dict(zip(_SHOWN, values, strict=True)) for values in found]
        return [self._scored(deal, score) for (deal, _), score in zip(made, scores, strict=True)], scored.scored_by

    def _scored(self, deal: Deal, score: Mapping[Any, Any]) -> ScoredDeal:
        before = score["win_probability_7d_ago"]
        return ScoredDeal(
            opportunity_id=deal["opportunity_id"],
            name=deal["name"],
            as_of=self.as_of,
            stage_name=deal["stage_name"],
            win_probability=float(score["win_probability"]),
            win_probability_7d_ago=None if pd.isna(before) else float(before),
            risk_level=score["risk_level"],
            reasons=json.loads(score["reasons"]),
            model_id=score["model_id"],
            is_fallback=bool(score["is_fallback"]),
        )


def open_deals(
    history: History, as_of: datetime, features: FeaturePolicy, models: ServingModels, risk: RiskPolicy
) -> OpenDeals:
    """The deals open at a moment, which is given in the company's time zone."""
    known = known_as_of(history, snapshots(history, Grid([as_of])), features)
    now, deals = facts_now(known), known.snapshots.frame
    # a missing value replaced by a median leaves the median as it was
    usual = usual_of(features_from(now.facts, deals, lambda _, column: _median(column)), deals)
    return OpenDeals(as_of, now, usual, models, risk)


def _median(column: np.ndarray) -> float:
    return 0.0 if np.isnan(column).all() else float(np.nanmedian(column))


@dataclass(frozen=True)
class TriedChange:
    """A change that somebody could make, in words that follow "Deals like this one with …"."""

    words: str
    changes: Changes


LATER_DAYS = 30
"""By how many days the close date is moved later where that is tried out."""


def changes_to_try(open_deals: OpenDeals, place: int) -> list[TriedChange]:
    """Single changes that are worth trying out on a deal, the most common first."""
    now = open_deals.now
    stage_name, close_date = (now.deals[name][place] for name in ("stage_name", "close_date"))
    found = [TriedChange("an activity recorded today", Changes(has_activity=True))]
    if now.facts["has_next_step"][place] != 1:
        found.append(TriedChange("a next step filled in", Changes(next_step="filled in")))
    later = _stage_after(now, stage_name)
    if later is not None:
        found.append(TriedChange(f"a move to {later}", Changes(stage_name=later)))
    if pd.notna(close_date):
        close_date = pd.Timestamp(close_date).date()
        day = max(close_date, now.day) + timedelta(days=LATER_DAYS)
        words = f"a close date {LATER_DAYS} days {'later' if close_date >= now.day else 'from today'}"
        found.append(TriedChange(words, Changes(close_date=day)))
    return found


def _stage_after(now: DealFactsNow, stage_name: str) -> str | None:
    names = list(now.stages.index)
    after = names[names.index(stage_name) + 1 :] if stage_name in names else []
    return after[0] if after else None
