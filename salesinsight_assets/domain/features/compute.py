"""Every feature of the catalogue for each snapshot: the themes' facts, what follows from them, defaults filled in, products last."""

from collections.abc import Callable

import numpy as np
import pandas as pd

from salesinsight_assets.domain.features import (
    CATALOGUE,
    FEATURE_NAMES,
    HISTORY,
    activity,
    deal,
    interaction,
    velocity,
    win_rates,
)
from salesinsight_assets.domain.features.closed_deals import closed_deals
from salesinsight_assets.domain.features.known import Facts, Known
from salesinsight_assets.domain.features.policy import FeaturePolicy
from salesinsight_assets.domain.history.grid import Floats, Grid
from salesinsight_assets.domain.history.snapshots import History, Snapshots, snapshots

Middle = Callable[[str, Floats], Floats | float]
"""What is usual for a feature, by its name and its values: one for all rows, or one a row."""


def features_as_of(history: History, grid: Grid, policy: FeaturePolicy) -> tuple[Snapshots, pd.DataFrame]:
    """The open opportunities as of each moment of `grid`, and their features (see `opportunity_features`)."""
    rows = snapshots(history, grid)
    return rows, opportunity_features(history, rows, policy)


def opportunity_features(history: History, rows: Snapshots, policy: FeaturePolicy) -> pd.DataFrame:
    """Every feature of the catalogue for each snapshot, computed only from what was known at its moment.

    Returns:
        `as_of` (UTC), `opportunity_id`, one float column a feature (never missing), and `defaulted_features`, the
        names of those that had to take their default.
    """
    facts = facts_of(known_as_of(history, rows, policy))
    return features_from(facts, rows.frame, lambda _, column: _medians(column, rows))


def known_as_of(history: History, rows: Snapshots, policy: FeaturePolicy) -> Known:
    """The snapshots with the closed deals as of then."""
    return Known(history, rows, closed_deals(history, rows.grid, policy), policy)


def facts_of(known: Known) -> Facts:
    """What the features of each snapshot are worked out of, one value a snapshot; NaN where unknown."""
    return {
        **deal.deal_facts(known),
        **win_rates.history_features(known),
        **velocity.velocity_facts(known),
        **activity.activity_facts(known),
    }


def features_from(facts: Facts, deals: pd.DataFrame, middle: Middle) -> pd.DataFrame:
    """The features of deals (`as_of`, `opportunity_id`) from their facts (see `opportunity_features`).

    `middle` gives what replaces a missing value that has no other default: the median of the open deals of its moment.
    """
    values = {
        **deal.deal_features(facts),
        **{feature.name: facts[feature.name] for feature in HISTORY},
        **velocity.velocity_features(facts),
        **activity.activity_features(facts),
    }
    missing = {name: np.isnan(column) for name, column in values.items()}
    values = _with_defaults(values, middle)
    values |= interaction.interaction_features(values)
    return pd.DataFrame(
        {
            "as_of": deals["as_of"],
            "opportunity_id": deals["opportunity_id"],
            **{name: values[name] for name in FEATURE_NAMES},
            "defaulted_features": _names_where(missing, deals.index),
        }
    )


def _with_defaults(values: dict[str, Floats], middle: Middle) -> dict[str, Floats]:
    """Missing values replaced by the feature's default: a number, its norm, or what is usual."""
    filled = dict(values)
    for feature in CATALOGUE:
        column = filled.get(feature.name)
        if column is None or not np.isnan(column).any():
            continue
        if feature.default is not None:
            default: Floats | float = feature.default
        elif feature.norm:
            default = filled[feature.norm]
        else:
            default = middle(feature.name, column)
        filled[feature.name] = np.where(np.isnan(column), default, column)
    return filled


def _medians(column: Floats, rows: Snapshots) -> Floats:
    """The median of the open deals of each row's moment; 0 where none has a value."""
    medians = pd.Series(column).groupby(rows.moment).median().reindex(range(len(rows.grid))).fillna(0.0)
    return np.asarray(medians, dtype=np.float64)[rows.moment]


def _names_where(missing: dict[str, np.ndarray], index: pd.Index) -> pd.Series:
    """For each row the names whose mask is set, as lists."""
    names = [[] for _ in index]
    for name, mask in missing.items():
        for row in np.flatnonzero(mask):
            names[row].append(name)
    return pd.Series(names, index, dtype=object)
