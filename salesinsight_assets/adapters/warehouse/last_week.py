"""What was recommended for deals in the week before a day, and what their people did in it."""

from datetime import date, datetime, timedelta

import pandas as pd

from salesinsight_assets.adapters.warehouse.warehouse import Warehouse
from salesinsight_assets.domain.delivery.messages import LastWeek

_WEEK = timedelta(days=7)
_RECOMMENDED = (
    "SELECT DISTINCT deal ->> 'opportunity_id' AS opportunity_id, action AS what FROM engagement.outbox,"
    " jsonb_array_elements(payload -> 'deals') AS deal, jsonb_array_elements_text(deal -> 'content' -> 'actions') AS action"
    " WHERE as_of_date >= $1 AND as_of_date < $2 AND status NOT IN ('failed', 'cancelled')"
)
_ACTIVITIES = (
    "SELECT DISTINCT what_id AS opportunity_id, what FROM ("
    "SELECT what_id, created_date, is_deleted, valid_to, 'activity' AS what FROM crm.tasks"
    " UNION ALL SELECT what_id, created_date, is_deleted, valid_to, unnest(ARRAY['activity', 'meeting']) FROM crm.events) AS made"
    " WHERE valid_to IS NULL AND NOT is_deleted AND what_id IS NOT NULL AND created_date > $1 AND created_date <= $2"
)
_CHANGES = (
    "SELECT opportunity_id, what FROM insight.open_opportunities AS now JOIN insight.open_opportunities AS before"
    " USING (opportunity_id), LATERAL (VALUES ('close date', now.close_date IS DISTINCT FROM before.close_date),"
    " ('next step', now.next_step IS DISTINCT FROM before.next_step), ('stage', now.stage_name IS DISTINCT FROM before.stage_name),"
    " ('amount', now.amount IS DISTINCT FROM before.amount)) AS changed (what, has_changed)"
    " WHERE before.as_of_date = $1 AND now.as_of_date = $2 AND has_changed"
)


def last_week(store: Warehouse, day: date, as_of: datetime) -> LastWeek:
    """The week up to `day`, whose end is `as_of`. Changes are those since the same weekday, where that day was worked on."""
    week_ago = day - _WEEK
    done = [store.read(_ACTIVITIES, (as_of - _WEEK, as_of)), store.read(_CHANGES, (week_ago, day))]
    return LastWeek(_by_deal(store.read(_RECOMMENDED, (week_ago, day))), _by_deal(pd.concat(done)))


def _by_deal(rows: pd.DataFrame) -> dict[str, set[str]]:
    return {str(deal): set(of_deal) for deal, of_deal in rows.groupby("opportunity_id")["what"]}
