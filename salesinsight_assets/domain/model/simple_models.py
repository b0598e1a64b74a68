"""Models of one feature: the base rate by stage, and the win rate by age. A model that is to be shown has to beat both.

The base rate by stage is also what the product can show where there is too little signal for more: "of 143 deals that
were seen in Proposal, 41 % were won".
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from salesinsight_assets.domain.features.policy import FeaturePolicy
from salesinsight_assets.domain.history.grid import Floats, Ints
from salesinsight_assets.domain.model.stored import StoredModel

AGE_STEPS = 8
"""The age-only model has as many steps, each with about as many snapshots as the others."""


@dataclass(frozen=True)
class FeatureCurve(StoredModel):
    """P(won) of an open deal from one feature: rates at some of its values, straight lines in between.

    Attributes:
        model_id: id in the registry.
        feature: the column it reads.
        points: values of that column, ascending.
        rates: P(won) at each point, shrunk towards `company_rate`.
        deals: how many decided deals each rate is drawn from.
        company_rate: the win rate of all of them.
    """

    stored_as = "curve"
    feature: str
    points: list[float]
    rates: list[float]
    deals: list[int]
    company_rate: float

    @property
    def feature_names(self) -> list[str]:
        """The columns it reads."""
        return [self.feature]

    def win_probability(self, features: pd.DataFrame) -> Floats:
        """P(won), one value a row of `features`; before the first and after the last point that of the point."""
        return np.interp(features[self.feature].to_numpy("float64"), self.points, self.rates)

    def contributions(self, features: pd.DataFrame) -> tuple[Floats, float]:
        """What the feature adds to the company's log-odds, shape (rows, 1), and those log-odds."""
        base = _log_odds(self.company_rate)
        return (_log_odds(self.win_probability(features)) - base)[:, None], float(base)


def base_rate(examples: pd.DataFrame, policy: FeaturePolicy) -> float:
    """The win rate of the deals in `training_examples`, mixed with what the company's own rate starts from."""
    won, deals = (examples["weight"] * examples["is_won"]).sum(), examples["weight"].sum()
    return float((won + policy.prior_win_rate * policy.prior_deals) / (deals + policy.prior_deals))


def stage_rates(examples: pd.DataFrame, policy: FeaturePolicy, model_id: str = "") -> FeatureCurve:
    """The base rate by stage of `training_examples`, from the stage's place among the open ones.

    A stage that was added since lies between its neighbours.
    """
    places, codes = np.unique(examples["stage_position"].to_numpy("float64"), return_inverse=True)
    return _curve("stage_position", places, codes, examples, policy, model_id)


def age_curve(examples: pd.DataFrame, policy: FeaturePolicy, model_id: str = "") -> FeatureCurve:
    """The win rate by age of `training_examples`, at the middle of each step."""
    age = examples["age_days"].to_numpy("float64")
    edges = np.unique(np.quantile(age, np.linspace(0, 1, AGE_STEPS + 1)[1:-1])) if len(age) else np.empty(0)
    codes = np.unique(np.searchsorted(edges, age), return_inverse=True)[1]
    middles = np.bincount(codes, age) / np.bincount(codes)
    return _curve("age_days", middles, codes, examples, policy, model_id)


def _curve(
    feature: str, points: Floats, codes: Ints, examples: pd.DataFrame, policy: FeaturePolicy, model_id: str
) -> FeatureCurve:
    """The share won of the snapshots at each point, as if `shrinkage_deals` more had been won at the company's rate."""
    company = base_rate(examples, policy)
    if not len(points):
        return FeatureCurve(model_id, feature, [0.0], [company], [0], company)
    seen = pd.DataFrame(
        {"point": codes, "deal": examples["opportunity_id"], "is_won": examples["is_won"].astype(float)}
    )
    found = seen.groupby("point").agg(share=("is_won", "mean"), deals=("deal", "nunique"))
    mixed_with = policy.shrinkage_deals
    rates = (found["share"] * found["deals"] + company * mixed_with) / (found["deals"] + mixed_with)
    return FeatureCurve(model_id, feature, points.tolist(), rates.tolist(), found["deals"].tolist(), company)


def _log_odds(probability: Floats | float) -> Floats:
    return np.log(probability) - np.log1p(-np.asarray(probability))
