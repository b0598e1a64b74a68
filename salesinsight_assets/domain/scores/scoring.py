"""Scoring: one row an open deal, by the model or, where there is none, by the rules."""

import json
from collections.abc import Sequence

import numpy as np
import pandas as pd

from salesinsight_assets.domain.model.fallback import RULES_MODEL_ID, rule_based_scores
from salesinsight_assets.domain.model.win_model import WinModel
from salesinsight_assets.domain.scores.policy import RiskPolicy
from salesinsight_assets.domain.scores.reasons import Reason, reasons
from salesinsight_assets.domain.scores.risk import risk_levels


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
        week_ago: `opportunity_id` and `win_probability` as scored seven days before.
        policy: the risk levels.

    Returns:
        `opportunity_id`, `owner_id`, `amount` (company currency), `win_probability`, `win_probability_7d_ago`,
        `risk_level`, `reasons` (JSON text), `model_id`, `is_fallback`.

    Raises:
        ValueError: `deals` and `features` are not of the same deals in the same order.
    """
    if not np.array_equal(deals["opportunity_id"], features["opportunity_id"]):
        raise ValueError("deals and features differ: materialize opportunity_features of this day again")
    probability, found = _by_model(deals, features, model) if model else _by_rules(deals, features)
    before = week_ago.set_index("opportunity_id")["win_probability"]
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


def _by_model(
    deals: pd.DataFrame, features: pd.DataFrame, model: WinModel
) -> tuple[np.ndarray, Sequence[Sequence[Reason]]]:
    contributions, base = model.contributions(features)
    log_odds = contributions.sum(axis=1) + base
    named = pd.DataFrame(contributions, columns=model.feature_names)
    return 1.0 / (1.0 + np.exp(-log_odds)), reasons(named, features, deals, "model")


def _by_rules(deals: pd.DataFrame, features: pd.DataFrame) -> tuple[np.ndarray, Sequence[Sequence[Reason]]]:
    probability, steps = rule_based_scores(features)
    return probability, reasons(steps, features, deals, "rule")
