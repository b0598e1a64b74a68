"""Defaults: how often a feature could not be computed and had to take its default, against the weeks before."""

from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from salesinsight_assets.domain.features import FEATURE_NAMES
from salesinsight_assets.domain.monitoring.drift import effective_size, now_and_before
from salesinsight_assets.domain.monitoring.multiplicity import q_values
from salesinsight_assets.domain.monitoring.policy import MonitoringPolicy

DEFAULT_COLUMNS = ["feature", "n_deals", "share_defaulted", "usual_share", "p_value", "q_value", "is_alarm", "finding"]


def feature_defaults(snapshots: pd.DataFrame, day: date, policy: MonitoringPolicy) -> pd.DataFrame:
    """The share of the open deals of `day` on which a feature took its default, beside that of the weeks before.

    Args:
        snapshots: open deals of `day` and of the reference weeks: `as_of_date`, `opportunity_id`, `defaulted_features`.
        day: the day of the check.
        policy: windows and thresholds.

    Returns:
        `DEFAULT_COLUMNS`, one row a feature; none where there are too few weeks or deals.
    """
    parts = now_and_before(snapshots, day, policy)
    if parts is None:
        return pd.DataFrame(columns=DEFAULT_COLUMNS)
    sizes = [effective_size(part["opportunity_id"]) for part in parts]
    shares = pd.DataFrame({side: _shares(part) for side, part in zip(("now", "usual"), parts, strict=True)})
    table = pd.DataFrame(
        {
            "feature": shares.index,
            "n_deals": len(parts[0]),
            "share_defaulted": shares["now"].to_numpy(),
            "usual_share": shares["usual"].to_numpy(),
            "p_value": [_p_value(np.array([row.now, row.usual]), np.array(sizes)) for row in shares.itertuples()],
        }
    )
    table["q_value"] = q_values(table["p_value"])
    rise = table["share_defaulted"] - table["usual_share"]
    table["is_alarm"] = (table["q_value"] <= policy.false_alarm_rate) & (rise >= policy.default_jump)
    table["finding"] = [
        f"{row.share_defaulted:.0%} of the open deals, usual {row.usual_share:.0%}" for row in table.itertuples()
    ]
    return table[DEFAULT_COLUMNS]


def _shares(part: pd.DataFrame) -> pd.Series:
    counts = part["defaulted_features"].explode().value_counts()
    return counts.reindex(FEATURE_NAMES, fill_value=0) / len(part)


def _p_value(shares: np.ndarray, sizes: np.ndarray) -> float:
    """Of Fisher's exact test that the share has not grown, in independent deals (see `effective_size`)."""
    from scipy.stats import fisher_exact

    with_default, deals = np.round(shares * sizes), np.round(sizes)
    table = np.array([with_default, deals - with_default]).astype(int)
    test: Any = fisher_exact(table, alternative="greater")
    return float(test.pvalue)
