"""Episodes: a rule that holds for a deal day after day is one piece of news, not one a day.

An episode goes on while its rule held on the last day looked at. It is silent once told, until it gets worse, is resolved
and returns (a new episode), or a week has passed. Every rule that held for a deal on a day it was told counts as told. An
alert that was held out of the messages of its day silences as if it had been told, or the deal would come back each day.
"""

from datetime import date, timedelta

import pandas as pd

from salesinsight_assets.domain.alerts.policy import AlertPolicy

TO_SEND, SUPPRESSED, HELD_OUT = "to_send", "suppressed", "held_out"

EARLIER_DAYS = 60
"""How many days back alerts are read to find running episodes."""


def with_episodes(
    alerts: pd.DataFrame, earlier: pd.DataFrame, as_of: date, policy: AlertPolicy, last_day: date | None = None
) -> pd.DataFrame:
    """`alerts` with `episode_id` and `silent_because` (None where there is news).

    Args:
        alerts: today's rows, one a deal and rule, with `win_probability`.
        earlier: rows of the days before, with `as_of_date`, `episode_id`, `owner_id` and `is_told`: whether a message
            told that owner of it, or would have, had it not been held out.
        as_of: today.
        policy: when an episode is told again.
        last_day: the last day that was looked at, whether it had alerts or not; None: yesterday.
    """
    keys = ["opportunity_id", "rule"]
    earlier = earlier.assign(as_of_date=pd.to_datetime(earlier["as_of_date"]))
    before = pd.Timestamp(last_day or as_of - timedelta(days=1))
    running = earlier.loc[earlier["as_of_date"] == before, [*keys, "episode_id"]]
    found = alerts.merge(running, on=keys, how="left", validate="one_to_one")
    fresh = found["opportunity_id"] + ":" + found["rule"] + f":{as_of:%Y-%m-%d}"
    found["episode_id"] = found["episode_id"].astype(object).where(found["episode_id"].notna(), fresh)
    found = found.merge(_last_told(earlier), on=["episode_id", "owner_id"], how="left")  # a new owner was told nothing
    is_recent = found["told_on"] > pd.Timestamp(as_of - timedelta(days=policy.repeat_after_days))
    fall = found["told_probability"].astype("float64") - found["win_probability"]
    is_worse = fall.round(9) >= policy.worse_points  # 0.35 - 0.25 is a little less than 0.10
    told_on = found["told_on"].dt.strftime("%Y-%m-%d")
    because = ("told on " + told_on + " and no worse since").astype(object)
    found["silent_because"] = because.where(is_recent & ~is_worse, None)
    return found.drop(columns=["told_on", "told_probability"])


def as_if_sent(earlier: pd.DataFrame) -> pd.DataFrame:
    """`earlier` for a replay: on days for which no message was ever made, what was to be sent counts as told."""
    is_told = earlier["is_told"].where(
        earlier["has_messages"].astype(bool), earlier["status"].isin([TO_SEND, HELD_OUT])
    )
    return earlier.assign(is_told=is_told.astype(bool))


def _last_told(earlier: pd.DataFrame) -> pd.DataFrame:
    """When each owner was told last of an episode, by its rule or another one of the deal; the win probability then."""
    day = ["opportunity_id", "as_of_date"]
    told = earlier.merge(earlier.loc[earlier["is_told"].astype(bool), day].drop_duplicates(), on=day)
    told = told.sort_values("as_of_date", kind="stable").drop_duplicates(["episode_id", "owner_id"], keep="last")
    told = told.rename(columns={"as_of_date": "told_on", "win_probability": "told_probability"})
    return told[["episode_id", "owner_id", "told_on", "told_probability"]].astype({"owner_id": object})
