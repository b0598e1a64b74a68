"""Scoring: one row an open deal, by the champion, the base rate or the rules; and one by the challenger in its shadow."""

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import pandas as pd

from salesinsight_assets.domain.model.fallback import BASE_RATE, RULES_MODEL_ID, rule_based_scores
from salesinsight_assets.domain.model.promotion import NO_SIGNAL, is_canary_owner
from salesinsight_assets.domain.model.simple_models import FeatureCurve
from salesinsight_assets.domain.model.win_model import WinModel
from salesinsight_assets.domain.scores.policy import RiskPolicy
from salesinsight_assets.domain.scores.reasons import Reason, Usual, reasons, with_beyond_experience
from salesinsight_assets.domain.scores.risk import risk_levels

AnyModel = WinModel | FeatureCurve


@dataclass(frozen=True)
class ServingModels:
    """The registered models of a day, each with `model_id`, `kind` and `artifact`.

    `canary_share` of the reps see the challenger; 0 while it is only tried in the shadow.
    """

    champion: Mapping[str, Any] | None = None
    challenger: Mapping[str, Any] | None = None
    canary_share: float = 0.0


@dataclass(frozen=True)
class Scored:
    """The scores of a day (see `opportunity_scores`) and who said them.

    `scores` has one row a deal and model; `is_shown` marks those that people see. `model_id` is the champion's. `why_fallback`
    and `why_no_shadow` say why the champion, or the challenger, did not answer; None where they did, or there is none.
    """

    scores: pd.DataFrame
    model_id: str
    why_fallback: str | None = None
    why_no_shadow: str | None = None

    @property
    def shown(self) -> pd.DataFrame:
        """One row a deal: what people see."""
        return self.scores[self.scores["is_shown"]].reset_index(drop=True)

    @property
    def scored_by(self) -> str:
        """Who said it, in words."""
        if self.model_id == RULES_MODEL_ID:
            return f"the rules: {self.why_fallback}"
        if self.why_fallback:
            return f"the base rate of each stage: {self.why_fallback}"
        return f"model {self.model_id}"


def scores_of_the_day(
    deals: pd.DataFrame,
    features: pd.DataFrame,
    models: ServingModels,
    week_ago: pd.DataFrame,
    policy: RiskPolicy,
    usual: Usual | None = None,
) -> Scored:
    """Scores by the champion, or by the rules where it cannot answer, and by the challenger from the same features.

    The other arguments are those of `opportunity_scores`.
    """
    _check_same_deals(deals, features)

    def by(model: AnyModel | None, longest_days: float = np.inf) -> pd.DataFrame:
        return opportunity_scores(deals, features, model, week_ago, policy, longest_days, usual)

    shown, why_fallback = _answer(models.champion, by, policy)
    if shown is None:
        why_fallback = why_fallback or "no model has been trained by this day"
        shown = by(None)
    elif models.champion and models.champion["kind"] == BASE_RATE:
        why_fallback = NO_SIGNAL
    shadow, why_no_shadow = _answer(models.challenger, by, policy)
    model_id = str(shown["model_id"].iloc[0]) if len(shown) else _id_of(models.champion, why_fallback)
    if shadow is None:
        return Scored(shown.assign(is_shown=True), model_id, why_fallback, why_no_shadow)
    is_canary = np.array(is_canary_owner(shown["owner_id"].tolist(), models.canary_share), dtype=bool)
    both = [shown.assign(is_shown=~is_canary), shadow.assign(is_shown=is_canary)]
    return Scored(pd.concat(both, ignore_index=True), model_id, why_fallback, None)


def _id_of(champion: Mapping[str, Any] | None, why_fallback: str | None) -> str:
    """Who would have said it, on a day without open deals."""
    answers = champion is not None and why_fallback in (None, NO_SIGNAL)
    return str(champion["model_id"]) if champion is not None and answers else RULES_MODEL_ID


def _answer(
    registered: Mapping[str, Any] | None, by: Callable[[AnyModel, float], pd.DataFrame], policy: RiskPolicy
) -> tuple[pd.DataFrame | None, str | None]:
    """The scores of a registered model, or None and why; whatever keeps it from answering, the night goes on."""
    if registered is None:
        return None, None
    try:
        longest_days = registered.get("longest_decided_days")
        known = np.inf if longest_days is None or pd.isna(longest_days) else float(longest_days)
        return _within(policy.most_seconds, lambda: by(model_of(registered), known)), None
    except Exception as error:  # noqa: BLE001 - see above
        return None, f"model {registered['model_id']} cannot be used ({error})"


def model_of(registered: Mapping[str, Any]) -> AnyModel:
    """The model of a row of the registry. Raises ValueError where its artifact is not one."""
    return _read(registered["kind"], registered["artifact"])


@lru_cache(maxsize=4)  # whoever scores deals one by one would read the same text again and again
def _read(kind: str, artifact: str) -> AnyModel:
    return (FeatureCurve if kind == BASE_RATE else WinModel).from_text(artifact)


def _within(seconds: float, work: Callable[[], pd.DataFrame]) -> pd.DataFrame:
    """What `work` gives; TimeoutError where it takes longer: it is left to itself, as nothing can end it."""
    found: list[pd.DataFrame] = []
    failed: list[BaseException] = []

    def tried() -> None:
        try:
            found.append(work())
        except BaseException as error:  # noqa: BLE001 - raised again below, in the caller's thread
            failed.append(error)

    thread = threading.Thread(target=tried, daemon=True, name="scoring")
    thread.start()
    thread.join(seconds)
    if failed:
        raise failed[0]
    if not found:
        raise TimeoutError(f"it took longer than {seconds:g} s")
    return found[0]


def opportunity_scores(
    deals: pd.DataFrame,
    features: pd.DataFrame,
    model: AnyModel | None,
    week_ago: pd.DataFrame,
    policy: RiskPolicy,
    longest_days: float = np.inf,
    usual: Usual | None = None,
) -> pd.DataFrame:
    """The score of every open deal.

    Args:
        deals: open opportunities of one day (`opportunity_id`, `owner_id`, `amount`, names for the reasons).
        features: their features, in the same order.
        model: the model to use; None: the rules.
        week_ago: the features of the deals open seven days before; the same model says what they came to, so that a
            change of model does not look like a change of the deal.
        policy: the risk levels.
        longest_days: the age after which no deal was ever decided; of an older one the first reason says so.
        usual: what is usual among the open deals, where `deals` are only some of them.

    Returns:
        `opportunity_id`, `owner_id`, `amount` (company currency), `win_probability`, `win_probability_7d_ago`,
        `risk_level`, `reasons` (JSON text), `model_id`, `is_fallback`.

    Raises:
        ValueError: `deals` and `features` are not of the same deals in the same order, or the model gives no number.
    """
    _check_same_deals(deals, features)
    probability, found = _by_model(deals, features, model, usual) if model else _by_rules(deals, features, usual)
    found = with_beyond_experience(found, features, longest_days)
    before = pd.Series(_win_probability(week_ago, model), index=week_ago["opportunity_id"])
    return pd.DataFrame(
        {
            "opportunity_id": deals["opportunity_id"],
            "owner_id": deals["owner_id"],
            "amount": deals["company_amount"],
            "win_probability": probability,
            "win_probability_7d_ago": deals["opportunity_id"].map(before).astype("float64"),
            "risk_level": risk_levels(probability, policy),
            "reasons": [json.dumps([r.as_json() for r in of_deal], ensure_ascii=False) for of_deal in found],
            "model_id": model.model_id if model else RULES_MODEL_ID,
            "is_fallback": not isinstance(model, WinModel),
        }
    )


def _check_same_deals(deals: pd.DataFrame, features: pd.DataFrame) -> None:
    if not np.array_equal(deals["opportunity_id"], features["opportunity_id"]):
        raise ValueError("deals and features differ: materialize opportunity_features of this day again")


def _win_probability(features: pd.DataFrame, model: AnyModel | None) -> np.ndarray:
    if not len(features):
        return np.empty(0)
    return model.win_probability(features) if model else rule_based_scores(features)[0]


def _by_model(
    deals: pd.DataFrame, features: pd.DataFrame, model: AnyModel, usual: Usual | None
) -> tuple[np.ndarray, Sequence[Sequence[Reason]]]:
    probability = _win_probability(features, model)
    if not np.isfinite(probability).all():
        raise ValueError("expected a number for every deal, got none for some; train the month again")
    if isinstance(model, FeatureCurve):  # what can be checked of a deal is told, though nothing shows that it matters
        return probability, _by_rules(deals, features, usual)[1]
    contributions, _ = model.contributions(features)
    named = pd.DataFrame(contributions, columns=model.feature_names)
    return probability, reasons(named, features, deals, "model", usual)


def _by_rules(
    deals: pd.DataFrame, features: pd.DataFrame, usual: Usual | None
) -> tuple[np.ndarray, Sequence[Sequence[Reason]]]:
    probability, steps = rule_based_scores(features)
    return probability, reasons(steps, features, deals, "rule", usual)
