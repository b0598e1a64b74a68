"""A trained model: gradient-boosted trees whose raw score is calibrated by a line in log-odds.

Because the calibration is linear in log-odds, what each feature contributes (SHAP) still adds up to what is shown.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd

from salesinsight_assets.domain.history.grid import Floats
from salesinsight_assets.domain.model.stored import StoredModel


def logistic(log_odds: Floats) -> Floats:
    """Probability of given log-odds."""
    return 1.0 / (1.0 + np.exp(-log_odds))


@dataclass(frozen=True)
class WinModel(StoredModel):
    """P(won) of an open deal from its features.

    Attributes:
        model_id: id in the registry.
        feature_names: the columns it reads, in order.
        trees: LightGBM's text form.
        slope, intercept: calibration, log-odds = slope x raw score + intercept.
    """

    feature_names: list[str]
    trees: str = field(repr=False)
    slope: float = 1.0
    intercept: float = 0.0

    def win_probability(self, features: pd.DataFrame) -> Floats:
        """P(won), one value a row of `features`."""
        raw = self._booster().predict(self._matrix(features), raw_score=True)
        return logistic(self.slope * np.asarray(raw) + self.intercept)

    def contributions(self, features: pd.DataFrame) -> tuple[Floats, float]:
        """Exact SHAP values in log-odds, shape (rows, features), and the base they start from.

        The sum of a row and the base is the log-odds of `win_probability`. LightGBM's own `pred_contrib` equals
        shap.TreeExplainer (Lundberg et al. 2020) without the cost of importing it.
        """
        if not len(features):  # LightGBM cannot explain nothing
            return np.empty((0, len(self.feature_names))), self.intercept
        shap = np.asarray(self._booster().predict(self._matrix(features), pred_contrib=True))
        return self.slope * shap[:, :-1], self.slope * float(shap[0, -1]) + self.intercept

    def _matrix(self, features: pd.DataFrame) -> Floats:
        return features[self.feature_names].to_numpy("float64")

    def _booster(self) -> Any:
        import lightgbm

        return lightgbm.Booster(model_str=self.trees)
