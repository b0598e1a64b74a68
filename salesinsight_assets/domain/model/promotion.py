"""Who serves: which model is shown on a day, which one is tried in its shadow, and what moves them.

Every move is a decision that counts from a day on and is never removed, so that a past day is replayed with the model of
that day. What belongs elsewhere: how good a model is (`evaluation`), and how two compare on resolved deals (`comparison`).
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import pandas as pd

from salesinsight_assets.domain.model.comparison import Comparison
from salesinsight_assets.domain.model.policy import PromotionPolicy

Role = Literal["champion", "challenger", "canary", "rejected"]
DecidedBy = Literal["training", "comparison", "person"]
DECISION_COLUMNS = ["model_id", "role", "reason"]
NO_SIGNAL = "not enough signal to tell deals apart"


@dataclass(frozen=True)
class Decision:
    """A model gets a role: it is shown, tried in the shadow, shown to a few reps, or no longer tried."""

    model_id: str
    role: Role
    reason: str


@dataclass(frozen=True)
class Serving:
    """The models of a day. `canary_since`: from when on the challenger is shown to a few reps; None: to nobody."""

    champion: str | None = None
    challenger: str | None = None
    canary_since: date | None = None


def serving(decisions: pd.DataFrame, day: date) -> Serving:
    """The models of `day` by the decisions (`effective_on`, `decided_at`, `model_id`, `role`) that count by then."""
    known = decisions[pd.to_datetime(decisions["effective_on"]) <= pd.Timestamp(day)]
    now = Serving()
    for decision in known.sort_values(["effective_on", "decided_at"], kind="stable").itertuples():
        now = _after(now, str(decision.model_id), str(decision.role), pd.Timestamp(str(decision.effective_on)).date())
    return now


def _after(before: Serving, model_id: str, role: str, day: date) -> Serving:
    is_tried = before.challenger == model_id
    if role == "champion":
        return Serving(model_id) if is_tried else Serving(model_id, before.challenger, before.canary_since)
    if role == "challenger":
        return Serving(before.champion, model_id)
    if role == "canary":
        return Serving(before.champion, model_id, day)
    return Serving(before.champion) if is_tried else before


def champion_before(decisions: pd.DataFrame, day: date) -> str | None:
    """The last champion before the one of `day` that is another model; None where there was none."""
    present = serving(decisions, day).champion
    shown = decisions[decisions["role"] == "champion"].sort_values(["effective_on", "decided_at"], kind="stable")
    known = shown.loc[pd.to_datetime(shown["effective_on"]) <= pd.Timestamp(day), "model_id"]
    others = [str(model_id) for model_id in known if model_id != present]
    return others[-1] if others else None


@dataclass(frozen=True)
class TrainingVerdict:
    """What a training has to say to the promotion.

    `model_id` is the trained model (None: too few deals), `base_rate_id` the base rate by stage of the same deals;
    `champion_loses`: the champion is worse than the base rate on the later weeks, with its whole interval.
    """

    model_id: str | None
    base_rate_id: str
    passes: bool
    reason: str
    champion_loses: bool = False


def after_training(before: Serving, is_base_rate: bool, verdict: TrainingVerdict) -> list[Decision]:
    """The decisions of a training; `is_base_rate`: the champion before it is the base rate, or there is none."""
    decisions: list[Decision] = []
    if before.challenger and before.challenger != verdict.model_id:
        why = "a newer challenger takes its place before it was shown to be better than the champion"
        decisions.append(Decision(before.challenger, "rejected", why))
    if verdict.model_id and not verdict.passes:
        decisions.append(Decision(verdict.model_id, "rejected", verdict.reason))
    if is_base_rate or verdict.champion_loses:
        if verdict.model_id and verdict.passes:
            return [*decisions, Decision(verdict.model_id, "champion", verdict.reason)]
        why = "the champion no longer beats the base rate" if verdict.champion_loses else verdict.reason
        return [*decisions, Decision(verdict.base_rate_id, "champion", why)]
    if verdict.model_id and verdict.passes and verdict.model_id != before.champion:
        decisions.append(
            Decision(verdict.model_id, "challenger", f"{verdict.reason}; to be compared with the champion")
        )
    return decisions


def after_comparison(before: Serving, found: Comparison, day: date, policy: PromotionPolicy) -> list[Decision]:
    """What the comparison on the deals resolved by `day` decides for the days after it; nothing while it cannot tell."""
    if before.challenger is None or found.n_deals < policy.least_resolved:
        return []
    if found.high < 0:
        return [Decision(before.challenger, "rejected", f"worse than the champion: {found.sentence}")]
    if found.low <= 0:
        return []
    if before.canary_since is None:
        return [Decision(before.challenger, "canary", f"better than the champion: {found.sentence}")]
    if (day - before.canary_since).days + 1 >= policy.canary_days:
        return [
            Decision(before.challenger, "champion", f"better than the champion, also as a canary: {found.sentence}")
        ]
    return []


def is_canary_owner(owner_ids: Sequence[str | None], share: float) -> list[bool]:
    """Whether each owner belongs to the share of reps who see the challenger first, by a hash of their Id.

    >>> sum(is_canary_owner([f"005{n}" for n in range(1000)], 0.1))
    92
    """
    return [owner is not None and _place(owner) < share for owner in owner_ids]


def _place(owner: str) -> float:
    return int.from_bytes(hashlib.sha256(owner.encode()).digest()[:8]) / 2**64
