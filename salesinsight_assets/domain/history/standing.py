"""Where a deal stood at a moment, for whoever asks why it is not among the open ones."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np
import pandas as pd

from salesinsight_assets.domain.history.snapshots import History


@dataclass(frozen=True)
class Standing:
    """What a deal was at a moment, and since when; of one to be created, when it was."""

    status: Literal["unknown", "to be created", "deleted", "won", "lost", "open"]
    since: pd.Timestamp | None = None


def standing(history: History, opportunity_id: str, moment: datetime) -> Standing:
    """Where the deal stood at `moment`."""
    versions = history.versions[history.versions["id"] == opportunity_id]
    if versions.empty:
        return Standing("unknown")
    born = versions[["created_date", "valid_from"]].iloc[0].min()
    if born > moment:
        return Standing("to be created", born)
    version = versions[versions["valid_from"] <= moment].iloc[-1]
    if pd.notna(version["is_deleted"]) and version["is_deleted"]:
        return Standing("deleted", version["valid_from"])
    states = history.states[history.states["opportunity_id"] == opportunity_id]
    return _of_states(states[states["changed_at"] <= moment])


def fates(history: History, moment: datetime) -> pd.Series:
    """`won` or `lost` by `opportunity_id`, of the deals that were closed at `moment`, and not deleted; the others are left out."""
    states, versions = history.states, history.versions
    last = states[states["changed_at"] <= moment].drop_duplicates("opportunity_id", keep="last")
    version = versions[versions["valid_from"] <= moment].drop_duplicates("id", keep="last")
    is_gone = last["opportunity_id"].isin(version.loc[version["is_deleted"].eq(True), "id"])
    closed = last[last["is_closed"].to_numpy(bool) & ~is_gone].set_index("opportunity_id")
    return pd.Series(np.where(closed["is_won"].to_numpy(bool), "won", "lost"), index=closed.index, dtype=object)


def _of_states(states: pd.DataFrame) -> Standing:
    """By the last state, since the first of those that are closed without a break."""
    is_closed = states["is_closed"].to_numpy(bool)
    if not len(states) or not is_closed[-1]:
        return Standing("open")
    open_places = np.flatnonzero(~is_closed)
    first = open_places[-1] + 1 if len(open_places) else 0
    return Standing("won" if states["is_won"].iloc[-1] else "lost", states["changed_at"].iloc[first])
