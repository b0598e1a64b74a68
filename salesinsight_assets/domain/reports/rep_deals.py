"""The closed deals of each rep as known at a moment, with what was known of each deal when it was made.

What a rep did with a deal afterwards is no attribute of it: amount, source and the like are those that were entered first.
What belongs elsewhere: what follows from the deals (`expected_wins`, `coaching`).
"""

from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from salesinsight_assets.domain.features.closed_deals import closed_deals
from salesinsight_assets.domain.features.policy import FeaturePolicy
from salesinsight_assets.domain.history.currencies import company_rates
from salesinsight_assets.domain.history.grid import Floats, Grid, days_of, take, utc_times
from salesinsight_assets.domain.history.references import reference_at
from salesinsight_assets.domain.history.snapshots import History
from salesinsight_assets.domain.model.examples import outcomes_by
from salesinsight_assets.domain.reports.coaching_policy import CoachingPolicy

ENTERPRISE, MID_MARKET, SMALL = "Enterprise", "Mid-market", "Small"
ATTRIBUTES = ("lead_source", "product", "region", "type")
REP_DEAL_COLUMNS = ["opportunity_id", "owner_id", "is_won", "is_recent", "amount", "size", "industry", *ATTRIBUTES]


def rep_deals(history: History, as_of: datetime, policy: CoachingPolicy) -> pd.DataFrame:
    """The deals closed in the window up to `as_of`, one row each, with the rep who owned it when it closed.

    Returns:
        `REP_DEAL_COLUMNS`: `is_recent` for the last days of the window, `amount` in the company's currency (missing:
        unknown), `size` its band (None: unknown), and the attributes as they were entered first.
    """
    closed = closed_deals(history, Grid([as_of]), FeaturePolicy(window_days=policy.window_days))
    frame = closed.frame[(closed.start == 0) & (closed.end > 0)]
    code = frame["opportunity"].to_numpy()
    decided_at = outcomes_by(history, as_of)[1][code]
    first, amount = _first_entered(history, as_of).iloc[code], _first_amounts(history, as_of)[code]
    return pd.DataFrame(
        {
            "opportunity_id": history.ids[code],
            "owner_id": frame["owner_id"].to_numpy(object),
            "is_won": frame["is_won"].to_numpy(bool),
            "is_recent": decided_at > _moment(as_of - timedelta(days=policy.recent_days)),
            "amount": amount,
            "size": size_bands(amount, policy),
            **{name: first[name].to_numpy(object) for name in ("industry", *ATTRIBUTES)},
        }
    )


def size_bands(amount: Floats, policy: CoachingPolicy) -> np.ndarray:
    """Enterprise, Mid-market or Small, None where the amount is missing."""
    bands = np.array([SMALL, MID_MARKET, ENTERPRISE], dtype=object)
    place = np.searchsorted([policy.mid_market_amount, policy.enterprise_amount], amount, side="right")
    return take(bands, np.where(np.isnan(amount), -1, place), None)


def people(history: History, ids: pd.Series, as_of: datetime) -> pd.DataFrame:
    """`name`, `manager_id` and `is_active` of users as of a moment, in the order of `ids`, which is the index."""
    at = np.full(len(ids), _moment(as_of))
    found = reference_at(history.crm["users"], ids, at, ["name", "manager_id", "is_active"])
    return pd.DataFrame(found, index=pd.Index(ids, name="owner_id"))


def company_currency(history: History, as_of: datetime) -> str | None:
    """The code of the currency that amounts are compared in; None where the CRM names none."""
    rows = history.crm["currency_types"]
    known = rows[rows["is_corporate"].eq(True) & (utc_times(rows["valid_from"]) <= _moment(as_of))]
    return None if known.empty else str(known.sort_values("valid_from", kind="stable")["iso_code"].iloc[-1])


def _moment(as_of: datetime) -> np.datetime64:
    return utc_times(pd.Series([as_of]))[0]


def _first_entered(history: History, as_of: datetime) -> pd.DataFrame:
    """The first value of each attribute that was entered by `as_of`, and of the account its first industry, by code."""
    versions, accounts = history.versions, history.crm["accounts"]
    known = versions[utc_times(versions["valid_from"]) <= _moment(as_of)]
    first = known.groupby("opportunity")[["account_id", *ATTRIBUTES]].first().reindex(range(len(history.ids)))
    named = accounts[utc_times(accounts["valid_from"]) <= _moment(as_of)].sort_values("valid_from", kind="stable")
    return first.assign(industry=first["account_id"].map(named.groupby("id")["industry"].first()))


def _first_amounts(history: History, as_of: datetime) -> Floats:
    """The first amount above zero that was entered by `as_of`, at the rate of that day, by code; missing where there is none."""
    states = history.states[history.states["amount"].gt(0) & (history.states["opportunity"] >= 0)]
    states = states[utc_times(states["changed_at"]) <= _moment(as_of)].drop_duplicates("opportunity")
    day, at = days_of(states["changed_at"].dt.tz_localize(None)), np.full(len(states), _moment(as_of))
    rates = company_rates(history.crm, states["currency_iso_code"].to_numpy(object), day, at, day)
    found = np.full(len(history.ids), np.nan)
    found[states["opportunity"]] = states["amount"].to_numpy("float64") / rates
    return found
