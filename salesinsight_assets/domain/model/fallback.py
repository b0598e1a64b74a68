"""The rule-based score: what is shown where no model is usable, and labelled so wherever it is shown.

It starts from the company's win rate and moves it, in log-odds, by facts that anyone can check. The steps are
judgement, not estimates; that is why the product never calls them a model.
"""

import numpy as np
import pandas as pd

from salesinsight_assets.domain.history.grid import Floats
from salesinsight_assets.domain.model.policy import RulePolicy
from salesinsight_assets.domain.model.win_model import logistic

RULES_MODEL_ID = "rules"
BASE_RATE, BASE_RATE_PREFIX = "base_rate", "base-rate"
"""The kind of model that is shown where no other beats it, and what its ids begin with."""


def rule_based_scores(features: pd.DataFrame, policy: RulePolicy | None = None) -> tuple[Floats, pd.DataFrame]:
    """P(won) by the rules, and the step that each rule took, one column for the feature it looked at."""
    policy = policy or RulePolicy()
    steps = pd.DataFrame(
        {
            "cycle_ratio": np.where(features["cycle_ratio"] > policy.slow_cycle_ratio, policy.slow_step, 0.0),
            "days_since_last_activity": np.where(
                features["days_since_last_activity"] > policy.quiet_days, policy.quiet_step, 0.0
            ),
            "close_date_pushes": np.where(features["close_date_pushes"] >= policy.pushes, policy.pushes_step, 0.0),
            "stage_position": np.where(features["stage_position"] >= policy.late_stage, policy.late_stage_step, 0.0),
        },
        index=features.index,
    )
    base = features["company_win_rate"].to_numpy("float64")
    return logistic(np.log(base / (1 - base)) + steps.sum(axis=1).to_numpy()), steps
