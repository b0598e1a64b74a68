"""Synthetic features for tests of models, scores, alerts and messages: plausible numbers, with a signal or without."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from salesinsight_assets.domain.features import CATALOGUE, FEATURE_NAMES

TRAINED_AT = datetime(2025, 1, 1, tzinfo=UTC)


def feature_values(n: int, seed: int = 1) -> pd.DataFrame:
    """Random values of every feature, each in its unit's range."""
    random = np.random.default_rng(seed)
    ranges = {
        "share": 1.0,
        "flag": 1.0,
        "count": 6.0,
        "times": 6.0,
        "ratio": 2.0,
        "days": 90.0,
        "log amount": 13.0,
        "score": 5.0,
    }
    columns = {}
    for feature in CATALOGUE:
        values = random.uniform(0, ranges[feature.unit], n)
        columns[feature.name] = np.round(values) if feature.unit in ("flag", "count", "times") else values
    return pd.DataFrame(columns)


def features_of(n: int, seed: int = 1) -> pd.DataFrame:
    """The features of `n` open deals on one day."""
    ids = [f"deal {number:04d}" for number in range(n)]
    return feature_values(n, seed).assign(opportunity_id=ids, defaulted_features=[[] for _ in ids])


def deals_of(features: pd.DataFrame) -> pd.DataFrame:
    """The open deals that these features are of."""
    n = len(features)
    words = {
        "stage_name": "Proposal",
        "lead_source": "Web",
        "industry": "SaaS",
        "product": "Pro",
        "region": "North",
        "type": "New",
    }
    return pd.DataFrame(
        {
            "opportunity_id": features["opportunity_id"],
            "owner_id": [f"rep {number % 3}" for number in range(n)],
            "company_amount": np.expm1(features["log_amount"]),
            "amount": np.expm1(features["log_amount"]),
            **{name: pd.Series([word] * n, dtype=object) for name, word in words.items()},
        }
    )


def examples(n_deals: int, *, signal: float, snapshots_each: int = 3, seed: int = 1) -> pd.DataFrame:
    """Training examples: weekly snapshots of deals decided some weeks later, by `signal` in log-odds."""
    random = np.random.default_rng(seed)
    deal = np.repeat(np.arange(n_deals), snapshots_each)
    week = random.integers(0, 40, n_deals)[deal] + np.tile(np.arange(snapshots_each), n_deals)
    frame = feature_values(len(deal), seed)
    strength = frame["cycle_ratio"].groupby(deal).transform("first")
    frame["cycle_ratio"] = strength + random.normal(0, 0.05, len(deal))
    log_odds = signal * (1 - strength.groupby(deal).first().to_numpy())
    is_won = random.random(n_deals) < 1 / (1 + np.exp(-log_odds))
    first = TRAINED_AT - timedelta(days=350)
    as_of = pd.Series([first + timedelta(weeks=int(w)) for w in week], dtype="datetime64[us, UTC]")
    frame = frame.assign(
        as_of=as_of,
        opportunity_id=[f"deal {number:04d}" for number in deal],
        is_won=is_won[deal],
        decided_at=as_of.groupby(deal).transform("max") + pd.Timedelta(days=10),
        weight=1 / snapshots_each,
    )
    columns = ["as_of", "opportunity_id", "is_won", "decided_at", "weight", *FEATURE_NAMES]
    return frame.sort_values(["as_of", "opportunity_id"], ignore_index=True)[columns]
