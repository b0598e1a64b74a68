"""Many tests at once: how many of a week's alarms are false."""

import numpy as np
import pandas as pd

from salesinsight_assets.domain.history.grid import Floats


def q_values(p_values: pd.Series) -> Floats:
    """The share of false alarms among those at least as significant as each (Benjamini & Hochberg 1995).

    >>> q_values(pd.Series([0.01, 0.5])).tolist()
    [0.02, 0.5]
    """
    from scipy.stats import false_discovery_control

    return np.asarray(false_discovery_control(p_values.to_numpy("float64"))) if len(p_values) else np.empty(0)
