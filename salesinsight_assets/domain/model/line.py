"""A line through the features: the half of a model that says of each feature how far it carries, the same everywhere.

Trees tell steps and joint effects well, and a slow rise badly: it costs them many splits, each drawn from a part of the
deals. A line tells a rise from all deals at once. Their mean is better than either (docs/decisions/0008).
"""

from dataclasses import dataclass, field

import numpy as np

from salesinsight_assets.domain.history.grid import Floats

EXTREME_SHARE = 0.01
"""Share of the examples at either end of a feature whose value counts as that of the end."""
_DIGITS = 9  # beyond them lies the rounding of sums, which another machine may do in another order


@dataclass(frozen=True)
class Line:
    """Log-odds of winning as a weighted sum, as in logistic regression; one place a feature in every list.

    Attributes:
        intercept: log-odds of a deal whose every feature is at its centre.
        weights: log-odds for each unit of a feature.
        centres: its mean among the examples.
        lows, highs: a value beyond them counts as the nearer of both, so that nothing is told by stretching the line.
    """

    intercept: float
    weights: list[float] = field(repr=False)
    centres: list[float] = field(repr=False)
    lows: list[float] = field(repr=False)
    highs: list[float] = field(repr=False)

    def contributions(self, matrix: Floats) -> Floats:
        """What each feature adds to the intercept, of the shape of `matrix` (rows, features).

        Of a line these are its SHAP values, features taken as independent (Lundberg and Lee 2017, corollary 1).
        """
        return (np.clip(matrix, self.lows, self.highs) - np.array(self.centres)) * np.array(self.weights)

    def raw_scores(self, matrix: Floats) -> Floats:
        """Log-odds, one value a row."""
        return self.contributions(matrix).sum(axis=1) + self.intercept


def fit_line(matrix: Floats, is_won: Floats, inverse_strength: float) -> Line:
    """The line of `matrix` (examples, features) to outcomes 0 and 1.

    `inverse_strength` is scikit-learn's C: the smaller it is, the more the weights are drawn to zero. A feature that is the
    same on all examples weighs nothing.
    """
    from sklearn.linear_model import LogisticRegression

    lows, highs = np.quantile(matrix, [EXTREME_SHARE, 1 - EXTREME_SHARE], axis=0)
    within = np.clip(matrix, lows, highs)
    centres, spread = within.mean(axis=0), within.std(axis=0)
    spread[spread == 0] = 1.0
    # Newton's steps end at the optimum, not near it, so that the digits kept are the same everywhere
    model = LogisticRegression(C=inverse_strength, solver="newton-cholesky", tol=1e-8)
    model.fit((within - centres) / spread, is_won)
    return Line(
        float(np.round(np.ravel(model.intercept_)[0], _DIGITS)),
        *(np.round(numbers, _DIGITS).tolist() for numbers in (model.coef_[0] / spread, centres, lows, highs)),
    )
