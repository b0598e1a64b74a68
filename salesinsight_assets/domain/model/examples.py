"""Training examples: weekly snapshots of deals that were open on that day, labelled with what became of them.

Only outcomes known on the training day count. Deals that are still open then carry no label and are left out.
"""

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from salesinsight_assets.domain.features import FEATURE_NAMES
from salesinsight_assets.domain.features.compute import features_as_of
from salesinsight_assets.domain.features.policy import FeaturePolicy
from salesinsight_assets.domain.history.grid import Grid, utc_times
from salesinsight_assets.domain.history.snapshots import History
from salesinsight_assets.domain.model.policy import ExamplePolicy


def training_examples(
    history: History, trained_at: datetime, policy: ExamplePolicy, feature_policy: FeaturePolicy
) -> pd.DataFrame:
    """Snapshots of deals decided by `trained_at`.

    Returns:
        `as_of` (UTC), `opportunity_id`, `is_won`, `decided_at` (UTC), `weight` (1/n for a deal with n snapshots), and one
        column a feature; ordered by `as_of`, then opportunity.
    """
    rows, features = features_as_of(history, Grid(policy.moments(trained_at)), feature_policy)
    is_won, decided_at = outcomes_by(history, trained_at)
    decided = decided_at[rows.opportunity]
    examples = features[["as_of", "opportunity_id", *FEATURE_NAMES]].assign(
        is_won=is_won[rows.opportunity], decided_at=pd.to_datetime(decided, utc=True)
    )
    examples = examples[~np.isnat(decided)]
    count = examples.groupby("opportunity_id")["as_of"].transform("size")
    return examples.assign(weight=1.0 / count).sort_values(["as_of", "opportunity_id"], ignore_index=True)


def longest_decided_days(examples: pd.DataFrame) -> float:
    """The greatest age, in days, at which a deal of `training_examples` was decided."""
    remaining = (examples["decided_at"] - examples["as_of"]).dt.total_seconds() / 86_400
    return float((examples["age_days"] + remaining).max())


def is_beyond_experience(features: pd.DataFrame, longest_days: float) -> pd.Series:
    """Whether each deal has been open for longer than any deal that was ever decided: no probability is known of it."""
    return features["age_days"] > longest_days


def decided_deals(history: History, known_at: datetime, zone: ZoneInfo) -> pd.DataFrame:
    """The deals decided by `known_at`: `opportunity_id`, `is_won`, `decided_on` (a day in `zone`)."""
    is_won, decided_at = outcomes_by(history, known_at)
    days = pd.Series(pd.to_datetime(decided_at, utc=True)).dt.tz_convert(zone).dt.tz_localize(None).dt.normalize()
    frame = pd.DataFrame({"opportunity_id": history.ids.to_numpy(), "is_won": is_won, "decided_on": days})
    return frame[days.notna()].reset_index(drop=True)


def outcomes_by(history: History, known_at: datetime) -> tuple[np.ndarray, np.ndarray]:
    """For each opportunity whether it was won, and when that was decided (NaT: not by `known_at`)."""
    at = utc_times(history.states["changed_at"])
    moment = utc_times(pd.Series([known_at]))[0]
    known = history.states[(at <= moment) & (history.states["opportunity"] >= 0)]
    last = known.drop_duplicates("opportunity", keep="last")
    last = last[last["is_closed"]]
    is_won = np.zeros(len(history.ids), dtype=bool)
    decided_at = np.full(len(history.ids), np.datetime64("NaT"), dtype="datetime64[us]")
    is_won[last["opportunity"]] = last["is_won"].to_numpy(bool)
    decided_at[last["opportunity"]] = utc_times(last["entered_stage_at"])
    return is_won, decided_at
