"""Risk levels from win probabilities."""

import numpy as np

from salesinsight_assets.domain.history.grid import Floats
from salesinsight_assets.domain.scores.policy import RiskPolicy

HIGH, MEDIUM, LOW = "HIGH", "MEDIUM", "LOW"


def risk_levels(win_probability: Floats, policy: RiskPolicy) -> np.ndarray:
    """HIGH, MEDIUM or LOW for each probability."""
    return np.where(
        win_probability < policy.high_below, HIGH, np.where(win_probability < policy.medium_below, MEDIUM, LOW)
    )
