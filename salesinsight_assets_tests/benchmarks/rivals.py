"""What a win-probability model has to beat, each fitted on the same snapshots.

The base rate, the fifth rival, needs no snapshots; the benchmark takes it from the outcomes.
"""

from collections.abc import Callable
from importlib.util import find_spec

import numpy as np
import pandas as pd

from salesinsight_assets.domain.features import FEATURE_NAMES
from salesinsight_assets.domain.features.policy import FeaturePolicy
from salesinsight_assets.domain.model.simple_models import age_curve

NAMES = ["stage_name", "owner_id", "lead_source", "industry", "product", "region"]
"""Columns of words; the other columns of the snapshots are the features."""
Predict = Callable[[pd.DataFrame], np.ndarray]


def age_only(examples: pd.DataFrame) -> Predict:
    """The win rate by age."""
    return age_curve(examples, FeaturePolicy()).win_probability


def naive_bayes(examples: pd.DataFrame) -> Predict:
    """Odoo's way: the product of how frequent each value is among won and among lost deals, each deal counted once."""
    won_of = examples.drop_duplicates("opportunity_id")["is_won"].astype(bool)
    prior, n_won, n_lost = np.log(won_of.sum() / (~won_of).sum()), won_of.sum(), (~won_of).sum()
    evidence = {}
    for name in NAMES:
        seen = examples.assign(value=examples[name].fillna("")).drop_duplicates(["opportunity_id", "value"])
        counts = pd.crosstab(seen["value"], seen["is_won"].astype(bool)).reindex(columns=[True, False], fill_value=0)
        evidence[name] = np.log((counts[True] + 0.1) / (n_won + 0.1)) - np.log((counts[False] + 0.1) / (n_lost + 0.1))

    def predict(snapshots: pd.DataFrame) -> np.ndarray:
        moved = sum(snapshots[name].fillna("").map(evidence[name]).fillna(0.0).to_numpy() for name in NAMES)
        return 1 / (1 + np.exp(-(prior + moved)))

    return predict


def logistic_regression(examples: pd.DataFrame) -> Predict:
    """The same features, standardised, with an L2 penalty."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=2000))
    model.fit(examples[FEATURE_NAMES].to_numpy(), examples["is_won"].astype(int))
    return lambda snapshots: model.predict_proba(snapshots[FEATURE_NAMES].to_numpy())[:, 1]


def xgboost_random_split(examples: pd.DataFrame) -> Predict:
    """Dagster Labs' way: one-hot words beside the numbers, XGBoost stopped early on a random fifth of the snapshots."""
    from sklearn.model_selection import train_test_split
    from sklearn.preprocessing import OneHotEncoder
    from xgboost import XGBClassifier

    encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(_words(examples))

    def matrix(snapshots: pd.DataFrame) -> np.ndarray:
        return np.hstack([snapshots[FEATURE_NAMES].to_numpy(), encoder.transform(_words(snapshots))]).astype("float32")

    numbers, outcome = matrix(examples), examples["is_won"].astype(int)
    train, held, won, held_won = train_test_split(numbers, outcome, test_size=0.2, random_state=42)
    model = XGBClassifier(
        n_estimators=200, max_depth=6, learning_rate=0.1, early_stopping_rounds=20, n_jobs=2, random_state=42
    )
    model.fit(train, won, eval_set=[(held, held_won)], verbose=False)
    return lambda snapshots: model.predict_proba(matrix(snapshots))[:, 1].astype("float64")


def _words(snapshots: pd.DataFrame) -> np.ndarray:
    return snapshots[NAMES].fillna("").astype(str).to_numpy()


RIVALS: dict[str, Callable[[pd.DataFrame], Predict]] = {
    "age only": age_only,
    "naive Bayes (Odoo)": naive_bayes,
    "logistic regression": logistic_regression,
}
if find_spec("xgboost"):  # there is no small wheel of it for macOS
    RIVALS["one-hot XGBoost, random split"] = xgboost_random_split
