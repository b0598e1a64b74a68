"""A trained model: the mean of gradient-boosted trees and a line through the features, calibrated in log-odds.

All of it is a sum in log-odds, so what each feature contributes (SHAP) adds up to what is shown.
"""

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd

from salesinsight_assets.domain.history.grid import Floats
from salesinsight_assets.domain.model.line import Line
from salesinsight_assets.domain.model.stored import StoredModel

_FEW_ROWS = 20


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
        line: None in a model that was stored before there were lines; its raw score is that of the trees alone.
    """

    feature_names: list[str]
    trees: str = field(repr=False)
    slope: float = 1.0
    intercept: float = 0.0
    line: Line | None = None

    def win_probability(self, features: pd.DataFrame) -> Floats:
        """P(won), one value a row of `features`."""
        matrix = self._matrix(features)
        raw = np.asarray(self._booster.predict(matrix, raw_score=True, num_threads=_threads(matrix)))
        if self.line:
            raw = (raw + self.line.raw_scores(matrix)) / 2
        return logistic(self.slope * raw + self.intercept)

    def contributions(self, features: pd.DataFrame) -> tuple[Floats, float]:
        """Exact SHAP values in log-odds, shape (rows, features), and the base they start from.

        The sum of a row and the base is the log-odds of `win_probability`. LightGBM's own `pred_contrib` equals
        shap.TreeExplainer (Lundberg et al. 2020) without the cost of importing it; those of the line are `Line`'s.
        """
        if not len(features):  # LightGBM cannot explain nothing
            return np.empty((0, len(self.feature_names))), self.intercept
        matrix = self._matrix(features)
        shap = np.asarray(self._booster.predict(matrix, pred_contrib=True, num_threads=_threads(matrix)))
        found, base = shap[:, :-1], float(shap[0, -1])
        if self.line:
            found, base = (found + self.line.contributions(matrix)) / 2, (base + self.line.intercept) / 2
        return self.slope * found, self.slope * base + self.intercept

    @classmethod
    def _of_fields(cls, line: dict[str, Any] | None = None, **found: Any) -> Self:
        return cls(**found, line=Line(**line) if line else None)

    def _matrix(self, features: pd.DataFrame) -> Floats:
        return features[self.feature_names].to_numpy("float64")

    @cached_property
    def _booster(self) -> Any:
        import lightgbm

        return lightgbm.Booster(model_str=self.trees)


def _threads(matrix: Floats) -> int:
    """Waking LightGBM's threads takes longer than a few rows; 0: as many as there are processors."""
    return 1 if len(matrix) <= _FEW_ROWS else 0
