"""Deals that are decided, with day and amount, as known at a moment."""

from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

from salesinsight_assets.domain.features.closed_deals import closed_deals
from salesinsight_assets.domain.features.policy import FeaturePolicy
from salesinsight_assets.domain.history.grid import Grid, Times
from salesinsight_assets.domain.history.snapshots import History, snapshots

_ALL_DAYS = 20_000
"""Longer than any company's past: nothing is too old."""


def decided_amounts(history: History, as_of: datetime, zone: ZoneInfo) -> pd.DataFrame:
    """One row a deal that is decided at `as_of`, and neither reopened nor deleted.

    Returns:
        `opportunity_id`, `is_won`, `decided_on` (a day in `zone`), `company_amount` (the last one while the deal was open),
        `owner_id`, `cycle_days` (creation to closing).
    """
    closed = closed_deals(history, Grid([as_of]), FeaturePolicy(window_days=_ALL_DAYS))
    holds = (closed.start == 0) & (closed.end > 0)
    frame = closed.frame[holds]
    days = frame["known_at"].dt.tz_convert(zone).dt.tz_localize(None).dt.normalize()
    ids = history.ids.to_numpy()[frame["opportunity"].to_numpy()]
    kept = frame[["is_won", "company_amount", "owner_id", "cycle_days"]].assign(opportunity_id=ids, decided_on=days)
    return kept.drop_duplicates("opportunity_id", keep="last").reset_index(drop=True)


def won_later(history: History, moments: list[datetime], decided: pd.DataFrame) -> pd.DataFrame:
    """The deals open at each moment that were won since: `opportunity_id`, `days_to_close`, `days_to_win`."""
    past = snapshots(history, Grid(moments))
    rows = past.frame[["opportunity_id", "close_date"]].assign(day=pd.to_datetime(_days(past.grid, past.moment)))
    won = decided.loc[decided["is_won"].astype(bool), ["opportunity_id", "decided_on"]]
    rows = rows.merge(won, on="opportunity_id")
    to_win = (rows["decided_on"] - rows["day"]).dt.days
    to_close = (pd.to_datetime(rows["close_date"]) - rows["day"]).dt.days
    return rows[["opportunity_id"]].assign(days_to_close=to_close, days_to_win=to_win)[to_win > 0]


def _days(grid: Grid, moment: np.ndarray) -> Times:
    return grid.days[moment]
