"""One deal's score now, from the warehouse: what all deals share is worked out once a sync and hour, and kept in memory.

Rows change only by a sync, so an answer is as of the last preparation: never before the last sync, and an hour old at most.
"""

import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd

from salesinsight_assets.adapters.dashboard.rows import Rows
from salesinsight_assets.adapters.warehouse import Warehouse
from salesinsight_assets.adapters.warehouse.merge import ALIVE
from salesinsight_assets.adapters.warehouse.model_registry import ModelRegistry
from salesinsight_assets.domain.crm.rows import long_id
from salesinsight_assets.domain.features.changes import Changes
from salesinsight_assets.domain.history.references import CrmRows
from salesinsight_assets.domain.history.snapshots import opportunity_history
from salesinsight_assets.domain.history.standing import Standing, standing
from salesinsight_assets.domain.scores.open_deals import AS_IT_IS, OpenDeals, ScoredDeal, open_deals
from salesinsight_assets.policies import Policies

# xmin is the transaction that wrote a row last: it differs after every delivery, whatever the clock says
_STATE = (
    "SELECT (SELECT string_agg(table_name || xmin::text, ',' ORDER BY table_name) FROM crm.sync_cursors) AS synced,"
    " (SELECT string_agg(model_id || xmin::text, ',' ORDER BY model_id) FROM insight.model_decisions) AS decided"
)
_WEEK_AGO = "SELECT * FROM insight.opportunity_features WHERE as_of_date = $1::text::date AND opportunity_id = $2"
_WHICH = f"SELECT id, name FROM crm.opportunities AS t WHERE id = ANY(:ids) AND {ALIVE} AND {{visible}}"
_STANDING = {
    "opportunities": "SELECT * FROM crm.opportunities WHERE id IN ($1, $2) ORDER BY valid_from",
    "opportunity_history": "SELECT * FROM crm.opportunity_history WHERE opportunity_id IN ($1, $2)",
}


def visible_deal(rows: Rows, given: str) -> str | None:
    """The Id in 18 characters of a deal that the viewer may see; None where there is no such deal."""
    found = rows.row(_WHICH, ids=[given, long_id(given)])
    return None if found is None else str(found["id"])


def deal_standing(store: Warehouse, given: str, moment: datetime) -> tuple[str | None, Standing]:
    """The name of a deal and where it stood at a moment, by its Id in 15 or 18 characters."""
    rows: dict[str, pd.DataFrame] = {
        name: store.read(query, (given, long_id(given))) for name, query in _STANDING.items()
    }
    if rows["opportunities"].empty:
        return None, Standing("unknown")
    rows["opportunity_stages"] = store.read("SELECT * FROM crm.opportunity_stages")
    found = standing(opportunity_history(rows), rows["opportunities"]["id"].iloc[0], moment)
    return str(rows["opportunities"]["name"].iloc[-1]), found


def open_deals_at(store: Warehouse, moment: datetime, zone: ZoneInfo, policies: Policies) -> OpenDeals:
    """The deals open at a moment with what was known then, ready to be scored."""
    as_of = moment.astimezone(zone)
    crm: CrmRows = store.crm_rows(moment - timedelta(days=policies.features.window_days), moment)
    models = ModelRegistry(store).serving_models(as_of.date(), policies.promotion)
    return open_deals(opportunity_history(crm), as_of, policies.features, models, policies.risk)


def scored_deal(
    store: Warehouse, deals: OpenDeals, opportunity_id: str, variants: Sequence[Changes] = (AS_IT_IS,)
) -> tuple[list[ScoredDeal], str] | None:
    """The score of one deal under each of some changes, and who said so; None where it is not open.

    Raises:
        ValueError: a change that cannot be made.
    """
    place = deals.place(opportunity_id)
    if place is None:
        return None
    week_ago = store.read(_WEEK_AGO, ((deals.now.day - timedelta(days=7)).isoformat(), opportunity_id))
    return deals.scored(place, week_ago, variants)


class ScoreNow:
    """The open deals of the last sync; kept for an hour, until the next sync, or until another model is chosen."""

    def __init__(self, store: Warehouse, zone: ZoneInfo, policies: Policies) -> None:
        self._store, self._zone, self._policies = store, zone, policies
        self._lock = threading.Lock()
        self._kept: tuple[Any, OpenDeals] | None = None

    def deals(self, at: datetime) -> OpenDeals:
        """The open deals, prepared anew where something has changed; that takes seconds, and others wait for it."""
        with self._lock:
            state = (at.astimezone(self._zone).strftime("%Y-%m-%d %H"), *self._store.read(_STATE).iloc[0])
            if self._kept is None or self._kept[0] != state:
                self._kept = None  # two of them would take twice the memory
                self._kept = (state, open_deals_at(self._store, at, self._zone, self._policies))
            return self._kept[1]

    def scored(
        self, opportunity_id: str, at: datetime, variants: Sequence[Changes] = (AS_IT_IS,)
    ) -> tuple[list[ScoredDeal], str] | None:
        """See `scored_deal`."""
        return scored_deal(self._store, self.deals(at), opportunity_id, variants)
