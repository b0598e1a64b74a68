"""What the weekly checks read: open deals of several days, what was shown of deals, and the rows of checks before."""

import json
from collections.abc import Sequence
from datetime import date
from typing import Any

import pandas as pd

from salesinsight_assets.adapters.warehouse.warehouse import Warehouse


def open_deals_on(store: Warehouse, days: Sequence[date]) -> pd.DataFrame:
    """Features and categories of the deals open on each of `days`, as they were stored in those nights."""
    listed = ", ".join(f"${place}" for place in range(1, len(days) + 1))
    return store.read(
        "SELECT f.*, o.owner_id, o.stage_name, o.lead_source, o.industry, o.product, o.region, o.type"
        " FROM insight.opportunity_features AS f JOIN insight.open_opportunities AS o USING (as_of_date, opportunity_id)"
        f" WHERE f.as_of_date IN ({listed}) ORDER BY f.as_of_date, f.opportunity_id",
        tuple(days),
    )


def shown_by_models(store: Warehouse, first: date, last: date) -> pd.DataFrame:
    """What models said of each deal on each day of a range, with the segments that the deal was in; the rules promise nothing."""
    return store.read(
        "SELECT s.as_of_date, s.opportunity_id, s.win_probability, o.lead_source, o.industry, o.product, o.region"
        " FROM insight.opportunity_scores AS s JOIN insight.open_opportunities AS o USING (as_of_date, opportunity_id)"
        " WHERE s.as_of_date BETWEEN $1 AND $2 AND NOT s.is_fallback ORDER BY s.as_of_date, s.opportunity_id",
        (first, last),
    )


def model_metrics(store: Warehouse, model_id: str | None) -> dict[str, Any]:
    """How good a model was on weeks it had not seen; empty where there is none."""
    rows = store.read("SELECT metrics::text AS metrics FROM insight.models WHERE model_id = $1", (model_id or "",))
    return {} if rows.empty else json.loads(rows["metrics"][0])


def checks_of_all_deals(store: Warehouse, weeks: int, last: date) -> pd.DataFrame:
    """The rows of all deals, over a window of so many weeks, of the checks up to `last`, oldest first."""
    return store.read(
        "SELECT * FROM insight.model_checks WHERE segment = 'all deals' AND weeks = $1 AND as_of_date <= $2::text::date"
        " AND as_of_date > $2::text::date - 366 ORDER BY as_of_date",
        (weeks, last.isoformat()),
    )


def latest_findings(store: Warehouse, table: str) -> pd.DataFrame:
    """The rows of the latest check in `feature_drift`, `feature_defaults` or `model_checks`."""
    return store.read(f"SELECT * FROM insight.{table} WHERE as_of_date = (SELECT max(as_of_date) FROM insight.{table})")
