"""Rows that opportunities refer to (accounts, users, currencies), as they were at any moment."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from salesinsight_assets.domain.history.grid import Times, codes_of, latest_before, take, utc_times

CrmRows = Mapping[str, pd.DataFrame]
"""Versions of CRM rows by table name: the table's columns, `valid_from`, `valid_to` (missing: current), `stamped_at`."""


def reference_at(rows: pd.DataFrame, keys: pd.Series, at: Times, columns: list[str]) -> dict[str, np.ndarray]:
    """Columns of a reference table (accounts, users …) for the ids `keys`, each at its time; missing is None."""
    ids = pd.Index(rows["id"].unique())
    found = latest_before(codes_of(rows["id"], ids), utc_times(rows["valid_from"]), codes_of(keys, ids), at)
    return {name: take(rows[name].to_numpy(object), found, None) for name in columns}
