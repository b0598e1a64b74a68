"""Products of two features, where the pair tells more than each alone."""

from collections.abc import Mapping

import numpy as np

from salesinsight_assets.domain.history.grid import Floats


def interaction_features(values: Mapping[str, Floats]) -> dict[str, Floats]:
    """The family's features from the values of the other families, defaults already filled in."""
    return {
        "amount_x_cycle": values["log_amount"] * values["cycle_ratio"],
        "rep_x_source_rate": values["rep_win_rate"] * values["source_win_rate"] / values["company_win_rate"],
        "amount_x_rep_rate": values["log_amount"] * values["rep_win_rate"],
        "stage_x_activity": values["stage_position"] * np.log1p(values["activities_30_days"]),
        "pushes_x_age": values["close_date_pushes"] * values["cycle_ratio"],
    }
