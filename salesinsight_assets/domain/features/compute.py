"""Every feature of the catalogue for each snapshot: the themes' values, defaults filled in, products last."""

import numpy as np
import pandas as pd

from salesinsight_assets.domain.features import (
    CATALOGUE,
    FEATURE_NAMES,
    activity,
    deal,
    interaction,
    velocity,
    win_rates,
)
from salesinsight_assets.domain.features.closed_deals import closed_deals
from salesinsight_assets.domain.features.known import Known
from salesinsight_assets.domain.features.policy import FeaturePolicy
from salesinsight_assets.domain.history.grid import Floats, Grid
from salesinsight_assets.domain.history.snapshots import History, Snapshots, snapshots


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
    known = Known(history, rows, closed_deals(history, rows.grid, policy), policy)
    values = {
        **deal.deal_features(known),
        **win_rates.history_features(known),
        **velocity.velocity_features(known),
        **activity.activity_features(known),
    }
    missing = {name: np.isnan(column) for name, column in values.items()}
    values = _with_defaults(values, rows)
    values |= interaction.interaction_features(values)
    return pd.DataFrame(
        {
            "as_of": rows.frame["as_of"],
            "opportunity_id": rows.frame["opportunity_id"],
            **{name: values[name] for name in FEATURE_NAMES},
            "defaulted_features": _names_where(missing, len(rows)),
        }
    )


def _with_defaults(values: dict[str, Floats], rows: Snapshots) -> dict[str, Floats]:
    """Missing values replaced by the feature's default: a number, its norm, or the median of that moment."""
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
            default = _medians(column, rows)
        filled[feature.name] = np.where(np.isnan(column), default, column)
    return filled


def _medians(column: Floats, rows: Snapshots) -> Floats:
    """The median of the open deals of each row's moment; 0 where none has a value."""
    medians = pd.Series(column).groupby(rows.moment).median().reindex(range(len(rows.grid))).fillna(0.0)
    return np.asarray(medians, dtype=np.float64)[rows.moment]


def _names_where(missing: dict[str, np.ndarray], n_rows: int) -> pd.Series:
    """For each row the names whose mask is set, as lists."""
    names = [[] for _ in range(n_rows)]
    for name, mask in missing.items():
        for row in np.flatnonzero(mask):
            names[row].append(name)
    return pd.Series(names, dtype=object)
