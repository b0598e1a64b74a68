"""The deal itself: its size, stage, age, and how its plan has moved."""

import numpy as np
import pandas as pd

from salesinsight_assets.domain.features.known import Known
from salesinsight_assets.domain.history.grid import Floats, codes_of, utc_times


def deal_features(known: Known) -> dict[str, Floats]:
    """The family's features by name, one value a snapshot; NaN where unknown."""
    frame = known.snapshots.frame
    age = known.days_since(frame["created_date"])
    log_amount = np.log1p(np.maximum(frame["company_amount"].to_numpy("float64"), 0.0))
    close_date = pd.to_datetime(frame["close_date"]).to_numpy("datetime64[D]")
    to_close = (close_date - known.days) / np.timedelta64(1, "D")
    first_amount = known.state("first_amount")
    with np.errstate(divide="ignore", invalid="ignore"):
        change = np.log(frame["amount"].to_numpy("float64") / first_amount)
    return {
        "log_amount": log_amount,
        "age_days": age,
        "stage_position": known.stage_position(),
        "stage_probability": known.state("stage_probability"),
        "days_to_close_date": to_close,
        "is_overdue": np.where(np.isnan(to_close), np.nan, (to_close < 0).astype("float64")),
        "close_date_pushes": known.state("push_count"),
        "pushed_days": known.state("pushed_days"),
        "amount_change": np.where(np.isfinite(change), change, np.nan),
        "stage_regressions": known.state("regression_count"),
        "efficiency": log_amount / (1 + age / 7),
        "competitor_count": _competitors(known),
        "has_next_step": np.where(known.snapshots.is_witnessed, frame["next_step"].notna(), np.nan),
    }


def _competitors(known: Known) -> Floats:
    grid = known.snapshots.grid
    rows = known.history.crm["competitors"]
    rows = rows[~rows["is_deleted"].eq(True)]
    keys = codes_of(rows["opportunity_id"], known.history.ids)
    start, end = grid.bucket(utc_times(rows["valid_from"])), grid.bucket(utc_times(rows["valid_to"]))
    counts = grid.sums(keys, start, end, len(known.history.ids))
    return counts[known.snapshots.opportunity, known.snapshots.moment]
