"""Why each of 10,000 open deals has its score: exact SHAP values against LightGBM's bare `pred_contrib`. Aim: 1.1 times."""

import statistics
import time
from collections.abc import Callable
from datetime import date

from salesinsight_assets.domain.features import FEATURE_NAMES
from salesinsight_assets.domain.features.policy import FeaturePolicy
from salesinsight_assets.domain.model.policy import ModelPolicy
from salesinsight_assets.domain.model.training import train_model
from salesinsight_assets.domain.scores.reasons import reasons
from salesinsight_assets_tests.domain.examples_of_deals import deals_of, examples, features_of

DEALS, ROUNDS = 10_000, 5


def test_explaining_every_open_deal() -> None:
    import lightgbm
    import pandas as pd

    model = train_model(examples(2000, signal=1.0), date(2025, 1, 1), ModelPolicy(), FeaturePolicy()).model
    assert model
    features, booster = features_of(DEALS), lightgbm.Booster(model_str=model.trees)
    deals, matrix = deals_of(features), features[FEATURE_NAMES].to_numpy("float64")
    pairs = [
        (_seconds(lambda: model.contributions(features)), _seconds(lambda: booster.predict(matrix, pred_contrib=True)))
        for _ in range(ROUNDS + 1)
    ][1:]
    ours, bare = (statistics.median(column) for column in zip(*pairs, strict=True))
    named = pd.DataFrame(model.contributions(features)[0], columns=model.feature_names)
    words = _seconds(lambda: reasons(named, features, deals, "model"))
    print(f"\nSHAP of {DEALS:,} deals {ours:.2f} s, bare pred_contrib {bare:.2f} s, ratio {ours / bare:.2f} (aim 1.1)")
    print(f"their reasons in words {words:.2f} s")


def _seconds(work: Callable[[], object]) -> float:
    started = time.perf_counter()
    work()
    return time.perf_counter() - started
