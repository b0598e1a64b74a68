"""What was done on the deal: calls, e-mails, meetings, campaign responses, by the day they were recorded.

An activity counts from its CreatedDate on, wherever its due date lies, until it was deleted.
"""

import numpy as np
import pandas as pd

from salesinsight_assets.domain.features.known import Facts, Known
from salesinsight_assets.domain.history.grid import Floats, Ints, codes_of, utc_times


def activity_facts(known: Known) -> dict[str, Floats]:
    """What `activity_features` needs, one value a snapshot; NaN where nothing was ever recorded."""
    activities = _activities(known)
    return {
        "days_since_last_activity": _days_since_last(known, activities),
        **{f"activities_{days}_days": _recorded(known, activities, days) for days in (14, 28, 30)},
        "meetings_30_days": _recorded(known, activities[activities["is_meeting"]], 30),
        "activity_count": _recorded(known, activities, None),
        "campaign_responses": _campaign_responses(known),
    }


def activity_features(facts: Facts) -> dict[str, Floats]:
    """The family's features by name, one value a snapshot; NaN where nothing was ever recorded."""
    told = ("days_since_last_activity", "activities_14_days", "activities_30_days", "meetings_30_days", "activity_count",
            "campaign_responses")  # fmt: skip
    return {
        **{name: facts[name] for name in told},
        "activities_per_week": facts["activity_count"] / (1 + facts["age_days"] / 7),
        "activity_trend": (facts["activities_14_days"] + 1) / (facts["activities_28_days"] / 2 + 1),
    }


def _activities(known: Known) -> pd.DataFrame:
    """Tasks and events on opportunities in the order they were recorded: `key`, `start`, `end` (buckets), `at`."""
    crm = known.history.crm
    rows = pd.concat(
        [
            frame.loc[~frame["is_deleted"].eq(True), ["what_id", "created_date", "valid_from", "valid_to"]].assign(
                is_meeting=is_meeting
            )
            for frame, is_meeting in ((crm["tasks"], False), (crm["events"], True))
        ],
        ignore_index=True,
    )
    rows["key"] = codes_of(rows["what_id"], known.history.ids)
    rows = rows[rows["key"] >= 0].sort_values("created_date", kind="stable", ignore_index=True)
    grid = known.snapshots.grid
    rows["start"], rows["end"] = grid.bucket(utc_times(rows["valid_from"])), grid.bucket(utc_times(rows["valid_to"]))
    return rows


def _recorded(known: Known, rows: pd.DataFrame, days: int | None) -> Floats:
    """How many of `rows` were recorded in the last `days` (None: ever) before each snapshot."""
    grid, end = known.snapshots.grid, rows["end"].to_numpy()
    if days is not None:
        end = np.minimum(end, grid.bucket(utc_times(rows["created_date"]) + np.timedelta64(days, "D")))
    counts = grid.sums(rows["key"].to_numpy(), rows["start"].to_numpy(), end, len(known.history.ids))
    return counts[known.snapshots.opportunity, known.snapshots.moment]


def _days_since_last(known: Known, rows: pd.DataFrame) -> Floats:
    grid = known.snapshots.grid
    keys: Ints = rows["key"].to_numpy()
    latest = grid.latest(keys, rows["start"].to_numpy(), rows["end"].to_numpy(), len(known.history.ids))
    found = latest[known.snapshots.opportunity, known.snapshots.moment]
    at = np.r_[utc_times(rows["created_date"]), np.datetime64("NaT")]  # -1 takes the last: missing
    return (known.moments - at[found]) / np.timedelta64(1, "D")


def _campaign_responses(known: Known) -> Floats:
    """Responses count for 90 days from the first version that tells of them; a later edit does not make them new."""
    rows = known.history.crm["campaign_members"]
    rows = rows[rows["has_responded"].eq(True) & ~rows["is_deleted"].eq(True)]
    accounts = pd.Index(known.snapshots.frame["account_id"].dropna().unique())
    told_at = _told_at(rows)
    grid, responded_at = known.snapshots.grid, utc_times(told_at.groupby(rows["id"]).transform("min"))
    start = grid.bucket(utc_times(told_at))
    end = np.minimum(grid.bucket(utc_times(rows["valid_to"])), grid.bucket(responded_at + np.timedelta64(90, "D")))
    counts = grid.sums(codes_of(rows["account_id"], accounts), start, end, len(accounts))
    return np.nan_to_num(known.at_key(counts, codes_of(known.snapshots.frame["account_id"], accounts)))


def _told_at(responses: pd.DataFrame) -> pd.Series:
    """From when each version tells of its response: the day after it came, or, where no day is given, its own stamp."""
    day_after = pd.to_datetime(responses["first_responded_date"], utc=True) + pd.Timedelta(days=1)
    return day_after.fillna(responses["stamped_at"]).clip(lower=responses["valid_from"])
