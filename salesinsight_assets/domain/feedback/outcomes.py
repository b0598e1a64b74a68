"""The outcome of each alert once its seven days are over: what was done, and what its owner said of it."""

from datetime import datetime

import pandas as pd

from salesinsight_assets.domain.alerts.episodes import TO_SEND
from salesinsight_assets.domain.feedback.acted_on import acted_on

HELPFUL = "helpful"
VERDICT_COLUMNS = ["message_key", "opportunity_id", "owner_id", "rule", "verdict", "given_at", "channel"]
OUTCOME_COLUMNS = ["alert_date", "opportunity_id", "rule", "owner_id", "amount", "win_probability", "experiment", "arm",
                   "was_told", "sent_at", "is_acted_on", "acted_at", "action", "verdict"]  # fmt: skip


def alert_outcomes(
    alerts: pd.DataFrame, done: pd.DataFrame, verdicts: pd.DataFrame, known_at: datetime
) -> pd.DataFrame:
    """OUTCOME_COLUMNS of the alerts that were drawn or told of, one row a deal and day.

    Args:
        alerts: alerts of past days, whatever became of them: `as_of_date`, `opportunity_id`, `rule`, `owner_id`, `amount`,
            `win_probability`, `experiment`, `arm`, `status`, `is_told`, `sent_at`. Their seven days are over.
        done: see `actions`.
        verdicts: VERDICT_COLUMNS.
        known_at: what is known: later verdicts and actions are not looked at.
    """
    was_told = alerts["status"].eq(TO_SEND) & alerts["is_told"].astype(bool)
    rows = alerts.assign(was_told=was_told)[was_told | alerts["arm"].notna()].reset_index(drop=True)
    rows = rows.rename(columns={"as_of_date": "alert_date"}).join(acted_on(rows, done, known_at))
    said = verdicts[verdicts["given_at"] <= pd.Timestamp(known_at)]
    return rows.assign(verdict=_verdicts_on(rows, said))[OUTCOME_COLUMNS]


def _verdicts_on(rows: pd.DataFrame, verdicts: pd.DataFrame) -> pd.Series:
    """What the owner said last of the deal and rule, after the messages were sent."""
    keys = ["opportunity_id", "owner_id", "rule"]
    told = rows.loc[rows["was_told"], [*keys, "sent_at"]].reset_index(names="place")
    both = told.merge(verdicts[[*keys, "verdict", "given_at"]].astype({"owner_id": object}), on=keys)
    both = both[both["given_at"] >= both["sent_at"]].sort_values("given_at", kind="stable")
    last = both.drop_duplicates("place", keep="last").set_index("place")["verdict"]
    return last.reindex(rows.index).astype(object).where(lambda found: found.notna(), None)
