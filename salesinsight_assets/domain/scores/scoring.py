"""Scoring: one row an open deal, by the model or, where none is usable, by the rules."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from salesinsight_assets.domain.model.fallback import RULES_MODEL_ID, rule_based_scores
from salesinsight_assets.domain.model.win_model import WinModel
from salesinsight_assets.domain.scores.policy import RiskPolicy
from salesinsight_assets.domain.scores.reasons import Reason, reasons
from salesinsight_assets.domain.scores.risk import risk_levels


@dataclass(frozen=True)
class Scored:
    """The scores of a day (see `opportunity_scores`), the id of the model, and why it had to be the rules, if it had."""

    scores: pd.DataFrame
    model_id: str
    why_rules: str | None


def scored_by_champion(
    deals: pd.DataFrame,
    features: pd.DataFrame,
    champion: Mapping[str, Any] | None,
    week_ago: pd.DataFrame,
    policy: RiskPolicy,
) -> Scored:
    """Scores by the registered model `champion` (`model_id`, `artifact`), or by the rules where it cannot answer.

    The other arguments are those of `opportunity_scores`.
    """
    _check_same_deals(deals, features)
    why_rules = "no model has passed the gate by this day"
    if champion is not None:
        try:
            model = WinModel.from_text(champion["artifact"])
            return Scored(opportunity_scores(deals, features, model, week_ago, policy), model.model_id, None)
        except Exception as error:  # noqa: BLE001 - whatever keeps a model from answering, the night goes on by the rules
            why_rules = f"model {champion['model_id']} cannot be used ({error})"
    return Scored(opportunity_scores(deals, features, None, week_ago, policy), RULES_MODEL_ID, why_rules)


def opportunity_scores(
    deals: pd.DataFrame,
    features: pd.DataFrame,
    model: WinModel | None,
    week_ago: pd.DataFrame,
    policy: RiskPolicy,
) -> pd.DataFrame:
    """The score of every open deal.

    Args:
        deals: open opportunities of one day (`opportunity_id`, `owner_id`, `amount`, names for the reasons).
        features: their features, in the same order.
        model: the model to use; None: the rules.
        week_ago: the features of the deals open seven days before; the same model says what they came to, so that a
            change of model does not look like a change of the deal.
        policy: the risk levels.

    Returns:
        `opportunity_id`, `owner_id`, `amount` (company currency), `win_probability`, `win_probability_7d_ago`,
        `risk_level`, `reasons` (JSON text), `model_id`, `is_fallback`.

    Raises:
        ValueError: `deals` and `features` are not of the same deals in the same order, or the model gives no number.
    """
    _check_same_deals(deals, features)
    probability, found = _by_model(deals, features, model) if model else _by_rules(deals, features)
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
            "is_fallback": model is None,
        }
    )


def _check_same_deals(deals: pd.DataFrame, features: pd.DataFrame) -> None:
    if not np.array_equal(deals["opportunity_id"], features["opportunity_id"]):
        raise ValueError("deals and features differ: materialize opportunity_features of this day again")


def _win_probability(features: pd.DataFrame, model: WinModel | None) -> np.ndarray:
    if not len(features):
        return np.empty(0)
    return model.win_probability(features) if model else rule_based_scores(features)[0]


def _by_model(
    deals: pd.DataFrame, features: pd.DataFrame, model: WinModel
) -> tuple[np.ndarray, Sequence[Sequence[Reason]]]:
    probability = _win_probability(features, model)
    if not np.isfinite(probability).all():
        raise ValueError("expected a number for every deal, got none for some; train the month again")
    contributions, _ = model.contributions(features)
    named = pd.DataFrame(contributions, columns=model.feature_names)
    return probability, reasons(named, features, deals, "model")


def _by_rules(deals: pd.DataFrame, features: pd.DataFrame) -> tuple[np.ndarray, Sequence[Sequence[Reason]]]:
    probability, steps = rule_based_scores(features)
    return probability, reasons(steps, features, deals, "rule")
