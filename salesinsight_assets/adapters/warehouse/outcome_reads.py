"""What the outcomes of alerts are read from: the alerts of past days, what was done on their deals, and what was said of them."""

from datetime import date, datetime

import pandas as pd

from salesinsight_assets.adapters.warehouse.warehouse import Warehouse
from salesinsight_assets.domain.feedback.outcomes import VERDICT_COLUMNS

_DEALS = (
    "SELECT a.opportunity_id FROM insight.rep_alerts AS a JOIN insight.alert_days AS d USING (as_of_date)"
    " WHERE d.sent_at > $1 AND d.sent_at <= $2"
)
_ACTIVITIES = " UNION ALL ".join(
    f"SELECT what_id AS opportunity_id, owner_id, created_date FROM crm.{table} WHERE created_date > $1 AND"
    " created_date <= $3 AND valid_from <= $3 AND (valid_to IS NULL OR valid_to > $3) AND NOT coalesce(is_deleted, false)"
    f" AND what_id IN ({_DEALS})"
    for table in ("tasks", "events")
)
_HISTORY = (
    "SELECT id, opportunity_id, stage_name, amount, close_date, created_by_id, created_date FROM crm.opportunity_history"
    f" WHERE created_date <= $3 AND valid_from <= created_date AND opportunity_id IN ({_DEALS})"
)
_OUTCOMES = "SELECT * FROM insight.alert_outcomes WHERE as_of_date BETWEEN $1 AND $2 ORDER BY sent_at, opportunity_id"
_TOLD = (
    "SELECT r.rule, r.win_probability, s.win_probability_7d_ago, f.age_days, f.expected_cycle_days"
    " FROM insight.alert_outcomes AS r"
    " JOIN insight.opportunity_scores AS s ON (s.as_of_date, s.opportunity_id) = (r.alert_date, r.opportunity_id)"
    " JOIN insight.opportunity_features AS f ON (f.as_of_date, f.opportunity_id) = (r.alert_date, r.opportunity_id)"
    " WHERE r.as_of_date BETWEEN $1 AND $2 AND r.was_told"
)
_WITHOUT_OUTCOME = (
    "SELECT count(*) AS n FROM insight.rep_alerts AS a JOIN insight.alert_days AS d USING (as_of_date)"
    " WHERE a.arm IS NOT NULL AND d.sent_at <= $1 AND NOT EXISTS (SELECT FROM insight.alert_outcomes AS o"
    " WHERE (o.alert_date, o.opportunity_id) = (a.as_of_date, a.opportunity_id))"
)


def alerts_sent_between(store: Warehouse, after: datetime, until: datetime) -> pd.DataFrame:
    """The alerts of the days whose messages were sent later than `after`, until `until`, with `is_told` and `sent_at`."""
    days = store.read(
        "SELECT as_of_date, sent_at FROM insight.alert_days WHERE sent_at > $1 AND sent_at <= $2 ORDER BY 1",
        (after, until),
    )
    sent = {day.date(): at for day, at in zip(days["as_of_date"], days["sent_at"], strict=True)}
    parts = [store.alerts_between(day, day).assign(sent_at=at) for day, at in sent.items()]
    nothing = store.alerts_between(date.max, date.max).assign(sent_at=days["sent_at"][:0])
    return pd.concat(parts, ignore_index=True) if parts else nothing


def activities_on(store: Warehouse, after: datetime, until: datetime, known_at: datetime) -> pd.DataFrame:
    """The tasks and events on the deals of those alerts, made later than `after`, as they were at the moment `known_at`."""
    return store.read(_ACTIVITIES, (after, until, known_at))


def states_of(store: Warehouse, after: datetime, until: datetime, known_at: datetime) -> pd.DataFrame:
    """The history of the deals of those alerts, until `known_at`."""
    return store.read(_HISTORY, (after, until, known_at))


def verdicts_until(store: Warehouse, known_at: datetime) -> pd.DataFrame:
    """What owners said of alerts until a moment."""
    return store.read(f"SELECT {', '.join(VERDICT_COLUMNS)} FROM engagement.verdicts WHERE given_at <= $1", (known_at,))


def outcomes_between(store: Warehouse, first: date, last: date) -> pd.DataFrame:
    """The outcomes that became known on the days from `first` to `last`, the messages sent first come first."""
    return store.read(_OUTCOMES, (first, last))


def numbers_told_between(store: Warehouse, first: date, last: date) -> pd.DataFrame:
    """The numbers that the rules went by, of the alerts told of whose outcomes became known on those days."""
    return store.read(_TOLD, (first, last))


def alerts_without_outcome(store: Warehouse, sent_until: datetime) -> int:
    """How many alerts of the experiments, sent until a moment, have no outcome because the asset was not run on a day."""
    return int(store.read(_WITHOUT_OUTCOME, (sent_until,))["n"][0])
