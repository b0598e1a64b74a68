"""The closed deals that rates and norms are drawn from, as known at each moment of a grid.

A closed deal counts from the moment its closing was stamped until a year later (`FeaturePolicy.window_days`), or until
it was reopened, and not while it lay deleted. Nothing here depends on the deal that a rate is computed for: that one is still open.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from salesinsight_assets.domain.features.policy import FeaturePolicy
from salesinsight_assets.domain.history.currencies import company_rates
from salesinsight_assets.domain.history.grid import (
    Floats,
    Grid,
    Ints,
    Times,
    days_of,
    first_after,
    latest_before,
    take,
    utc_times,
)
from salesinsight_assets.domain.history.references import reference_at
from salesinsight_assets.domain.history.snapshots import History, currencies_at, owners_at, versions_at


@dataclass(frozen=True)
class ClosedDeals:
    """Closed deals and the buckets `start` to `end` in which each is known and recent; one row an unbroken time of it."""

    grid: Grid
    frame: pd.DataFrame
    start: Ints
    end: Ints

    def sums(self, keys: Ints, n_keys: int, weights: Floats | None = None) -> Floats:
        """Sum of `weights` by key as of each moment, shape (n_keys, moments)."""
        return self.grid.sums(keys, self.start, self.end, n_keys, weights)


def closed_deals(history: History, grid: Grid, policy: FeaturePolicy) -> ClosedDeals:
    """Every closure in `history`, with what was known of the deal when it closed.

    The frame has `opportunity`, `is_won`, `known_at`, `owner_id`, `lead_source`, `industry`, `product`, `region`, `type`,
    `account_id`, `company_amount` (at the rate of the close date, by the UTC day of the closing at the latest) and `cycle_days`
    (creation to closing).
    """
    place, start = _closures(history)
    version = versions_at(history, *_of_states(history, place))
    exists = (version >= 0) & ~take(history.versions["is_deleted"].eq(True).to_numpy(), version, True)
    place, start, version = place[exists], start[exists], version[exists]
    states, (opportunity, at) = history.states.iloc[place], _of_states(history, place)
    currency = currencies_at(history, states.index.to_numpy(), at, version)
    closed_at = utc_times(states["entered_stage_at"])
    gone_at = np.fmin(utc_times(states["next_changed_at"]), _deleted_after(history, opportunity, start))
    expires_at = closed_at + np.timedelta64(policy.window_days, "D")
    end = np.minimum(grid.bucket(gone_at), grid.bucket(expires_at))
    rates = company_rates(history.crm, currency, days_of(states["close_date"]), at, at.astype("datetime64[D]"))
    return ClosedDeals(grid, _frame(history, states, opportunity, at, version, rates), grid.bucket(start), end)


def _closures(history: History) -> tuple[Ints, Times]:
    """The states in which deals were closed, and from when: since the state itself, and since a restoration in it."""
    opportunity, at = _of_states(history, np.arange(len(history.states)))
    restored, restored_at = _restorations(history)
    holding = latest_before(opportunity, at, restored, restored_at)
    is_later = (holding >= 0) & (restored_at > take(at, holding, np.datetime64("NaT")))
    known = np.flatnonzero(opportunity >= 0)
    place = np.concatenate([known, holding[is_later]])
    start = np.concatenate([at[known], restored_at[is_later]])
    is_closed = history.states["is_closed"].to_numpy(bool)[place]
    return place[is_closed], start[is_closed]


def _of_states(history: History, place: Ints) -> tuple[Ints, Times]:
    """Opportunity and time of states."""
    states = history.states
    return states["opportunity"].to_numpy()[place], utc_times(states["changed_at"])[place]


def _restorations(history: History) -> tuple[Ints, Times]:
    """Which opportunities were taken out of the recycle bin, and when."""
    versions = history.versions
    is_deleted = versions["is_deleted"].eq(True)
    was_deleted = is_deleted.groupby(versions["opportunity"]).shift(fill_value=False)
    back = versions[was_deleted & ~is_deleted]
    return back["opportunity"].to_numpy(), utc_times(back["valid_from"])


def _frame(
    history: History, states: pd.DataFrame, opportunity: Ints, at: Times, version: Ints, rates: Floats
) -> pd.DataFrame:
    versions = history.versions.iloc[version]
    accounts = reference_at(history.crm["accounts"], versions["account_id"], at, ["industry"])
    age = utc_times(states["entered_stage_at"]) - utc_times(versions["created_date"])
    return pd.DataFrame(
        {
            "opportunity": opportunity,
            "is_won": states["is_won"].to_numpy(bool),
            "known_at": pd.to_datetime(at, utc=True),
            "owner_id": owners_at(history, opportunity, at, version),
            "industry": accounts["industry"],
            **{c: versions[c].to_numpy(object) for c in ("lead_source", "product", "region", "type", "account_id")},
            # many companies set the amount of a lost deal to zero
            "company_amount": states["open_amount"].to_numpy("float64") / rates,
            "cycle_days": np.maximum(age / np.timedelta64(1, "D"), 0.0),
        }
    )


def _deleted_after(history: History, opportunity: Ints, at: Times) -> Times:
    """When each opportunity was first deleted after its time `at`, NaT where it was not."""
    deleted = history.versions[history.versions["is_deleted"].eq(True)]
    times = utc_times(deleted["valid_from"])
    found = first_after(deleted["opportunity"].to_numpy(), times, opportunity, at)
    return take(times, found, np.datetime64("NaT"))
