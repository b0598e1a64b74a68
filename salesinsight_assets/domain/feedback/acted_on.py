"""Acted on: whether the owner did something on the deal within seven days after the messages of the day were sent.

Something is an activity, or a change of the stage, the amount or the close date. Who did it: of a change the user whom the
CRM names; where it names nobody, as after a CSV upload, the owner. Of an activity its own owner, since Salesforce's tasks and
events are read without the user who created them: a task that a manager assigns to the rep counts as the rep's.
"""

from datetime import datetime, timedelta

import pandas as pd

WINDOW = timedelta(days=7)
ACTIVITY = "activity"
CHANGES = {"stage_name": "stage", "amount": "amount", "close_date": "close date"}
"""The columns of an opportunity's history whose change is an action, and what it is called; of several the first counts."""
_ACTION_COLUMNS = ["opportunity_id", "actor_id", "action", "at"]
_FOUND = ["is_acted_on", "acted_at", "action"]


def actions(activities: pd.DataFrame, history: pd.DataFrame) -> pd.DataFrame:
    """What was done on deals: `opportunity_id`, `actor_id` (None: the CRM does not say), `action`, `at` (UTC).

    Args:
        activities: tasks and events: `opportunity_id`, `owner_id`, `created_date`.
        history: full states of the deals from their first one on: `id`, `opportunity_id`, `stage_name`, `amount`,
            `close_date`, `created_by_id`, `created_date`.
    """
    names = {"owner_id": "actor_id", "created_by_id": "actor_id", "created_date": "at"}
    done = activities.rename(columns=names).assign(action=ACTIVITY)
    return pd.concat([done[_ACTION_COLUMNS], _changes(history).rename(columns=names)[_ACTION_COLUMNS]])


def _changes(history: pd.DataFrame) -> pd.DataFrame:
    """The states that differ from the one before in what counts, with what differs as `action`."""
    ordered = history.sort_values(["opportunity_id", "created_date", "id"], kind="stable", ignore_index=True)
    is_first = ~ordered["opportunity_id"].duplicated()
    action = pd.Series(None, index=ordered.index, dtype=object)
    for column, name in CHANGES.items():
        values, before = ordered[column], ordered[column].shift()
        differs = ~is_first & ~(values.eq(before) | (values.isna() & before.isna()))
        action = action.mask(differs.astype(bool) & action.isna(), name)
    return ordered.assign(action=action)[action.notna()]


def acted_on(alerts: pd.DataFrame, done: pd.DataFrame, known_at: datetime) -> pd.DataFrame:
    """What became of alerts, as far as it is known at a moment.

    Args:
        alerts: `opportunity_id`, `owner_id`, `sent_at`; of one that was held out, when the others of its day were sent.
        done: see `actions`; what happened later than `known_at` is not looked at.
        known_at: the moment.

    Returns:
        A row an alert, in their order: `is_acted_on` (True, False; None while the seven days are not over), `acted_at` and
        `action` of the first thing done (missing where there is none).
    """
    places = alerts[["opportunity_id", "owner_id", "sent_at"]].reset_index(drop=True).reset_index(names="place")
    both = places.merge(done, on="opportunity_id")
    is_owner = both["actor_id"].isna() | both["actor_id"].eq(both["owner_id"])
    is_within = (both["at"] > both["sent_at"]) & (both["at"] <= both["sent_at"] + WINDOW)
    first = both[is_owner & is_within].sort_values("at", kind="stable").drop_duplicates("place").set_index("place")
    is_over = (places["sent_at"] + WINDOW <= pd.Timestamp(known_at)).to_numpy(bool)
    found = first.reindex(places.index).rename(columns={"at": "acted_at"})
    found["is_acted_on"] = found["acted_at"].notna().astype(object)
    return found[_FOUND].where(pd.Series(is_over), None).set_axis(alerts.index)
