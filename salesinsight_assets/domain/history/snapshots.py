"""The opportunities open as of each moment, with their state then.

`History` is what the CRM knows about opportunities over time; `snapshots` reads it as of every moment of a grid in one
vectorised step. A field value counts from the history row that set it; where no history row tells, from the version.
A version is *witnessed* from its stamp on; what a first load found is only taken for true before.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from salesinsight_assets.domain.history.currencies import company_rates, with_only_currency
from salesinsight_assets.domain.history.grid import Grid, Ints, Times, codes_of, days_of, latest_before, take, utc_times
from salesinsight_assets.domain.history.references import CrmRows, reference_at
from salesinsight_assets.domain.history.stages import stage_dictionary
from salesinsight_assets.domain.history.states import opportunity_states


@dataclass(frozen=True)
class History:
    """Opportunities over time, prepared for as-of reads.

    `ids` gives every opportunity its code; `states` and `versions` carry that code in their column `opportunity`.
    """

    crm: CrmRows
    ids: pd.Index
    states: pd.DataFrame
    versions: pd.DataFrame
    stages: pd.DataFrame


@dataclass(frozen=True)
class Snapshots:
    """One row an open opportunity and moment, ordered by opportunity, then moment.

    `opportunity` is the code in the history, `moment` the index in the grid, `state` the row of the state then,
    `is_witnessed` whether the version was; `frame` holds the columns that people read (see `snapshots`).
    """

    grid: Grid
    opportunity: Ints
    moment: Ints
    state: Ints
    is_witnessed: np.ndarray
    frame: pd.DataFrame

    def __len__(self) -> int:
        return len(self.opportunity)


def opportunity_history(crm: CrmRows) -> History:
    """The history of every opportunity in `crm`, whatever moments will be asked for."""
    stages = stage_dictionary(crm["opportunity_stages"])
    versions = crm["opportunities"].sort_values(["valid_from", "id"], kind="stable", ignore_index=True)
    states = opportunity_states(versions, crm["opportunity_history"], stages)
    ids = pd.Index(versions["id"].unique(), name="opportunity_id")
    states["opportunity"] = codes_of(states["opportunity_id"], ids)
    return History(crm, ids, states, versions.assign(opportunity=codes_of(versions["id"], ids)), stages)


def snapshots(history: History, grid: Grid) -> Snapshots:
    """Every opportunity open as of each moment of `grid`.

    Returns:
        Snapshots whose `frame` has `as_of` (UTC), `opportunity_id`, `name`, `account_id`, `account_name`, `owner_id`,
        `owner_name`, `stage_name`, `entered_stage_at`, `amount` (own currency), `currency_iso_code` (missing: unknown, or
        an org without currencies), `company_amount` (missing: no rate is known, see `currencies`), `close_date`, `lead_source`, `industry`, `product`, `region`, `type`, `next_step`,
        `created_date`.
    """
    version_at = _version_at(history, grid)
    state_at = _state_at(history, grid)
    is_gone = take(history.versions["is_deleted"].eq(True).to_numpy(), version_at, True)
    is_closed = take(history.states["is_closed"].to_numpy(bool), state_at, True)
    opportunity, moment = np.nonzero(~is_gone & ~is_closed)
    version, state = version_at[opportunity, moment], state_at[opportunity, moment]
    is_witnessed = utc_times(history.versions["stamped_at"])[version] <= grid.moments[moment]
    frame = _frame(history, grid, opportunity, moment, version, state)
    frame["next_step"] = frame["next_step"].where(is_witnessed, None)
    return Snapshots(grid, opportunity, moment, state, is_witnessed, frame)


def _version_at(history: History, grid: Grid) -> Ints:
    versions = history.versions
    start, end = grid.bucket(utc_times(versions["valid_from"])), grid.bucket(utc_times(versions["valid_to"]))
    return grid.latest(versions["opportunity"].to_numpy(), start, end, len(history.ids))


def _state_at(history: History, grid: Grid) -> Ints:
    states = history.states
    start = grid.bucket(utc_times(states["changed_at"]))
    return grid.latest(states["opportunity"].to_numpy(), start, None, len(history.ids))


def _frame(history: History, grid: Grid, opportunity: Ints, moment: Ints, version: Ints, state: Ints) -> pd.DataFrame:
    states, versions, at = history.states.iloc[state], history.versions.iloc[version], grid.moments[moment]
    owner = owners_at(history, opportunity, at, version)
    accounts = reference_at(history.crm["accounts"], versions["account_id"], at, ["name", "industry"])
    users = reference_at(history.crm["users"], pd.Series(owner, dtype=object), at, ["name"])
    currency = currencies_at(history, state, at, version)
    amount, close_date = states["amount"].to_numpy("float64"), days_of(states["close_date"])
    rates = company_rates(history.crm, currency, close_date, at, grid.days[moment])
    columns = {
        "as_of": pd.to_datetime(at, utc=True),
        "opportunity_id": history.ids[opportunity],
        "name": versions["name"].to_numpy(object),
        "account_id": versions["account_id"].to_numpy(object),
        "account_name": accounts["name"],
        "owner_id": owner,
        "owner_name": users["name"],
        "stage_name": _stage_names(history, states, versions, at),
        "entered_stage_at": pd.to_datetime(utc_times(states["entered_stage_at"]), utc=True),
        "amount": amount,
        "currency_iso_code": with_only_currency(history.crm, currency, at),
        "company_amount": amount / rates,
        "close_date": states["close_date"].to_numpy(),
        "lead_source": versions["lead_source"].to_numpy(object),
        "industry": accounts["industry"],
        **{name: versions[name].to_numpy(object) for name in ("product", "region", "type", "next_step")},
        "created_date": pd.to_datetime(utc_times(versions["created_date"]), utc=True),
    }
    return pd.DataFrame(columns)


def _stage_names(history: History, states: pd.DataFrame, versions: pd.DataFrame, at: Times) -> np.ndarray:
    """The name of each state's stage, or the one that a version witnessed by then has for it: it may have been renamed."""
    names = history.stages.set_index("stage_name")["stage"]
    of_state, of_version = states["stage_name"].to_numpy(object), versions["stage_name"].to_numpy(object)
    is_same = versions["stage_name"].map(names).to_numpy(object) == states["stage"].to_numpy(object)
    return np.where(is_same & (utc_times(versions["stamped_at"]) <= at), of_version, of_state)


def owners_at(history: History, opportunity: Ints, at: Times, version: Ints) -> np.ndarray:
    """The owner of each opportunity at its time `at`; `version` is the index of the version valid then.

    Of the last owner change by then and a version that was witnessed by then the later one tells; with neither, the old
    value of the first owner change after it; with none, the owner of the version at hand.
    """
    changes = history.crm["opportunity_field_history"]
    is_owner = changes["field"].eq("Owner") & changes["data_type"].fillna("EntityId").eq("EntityId")
    changes = changes[is_owner].sort_values(["created_date", "id"], kind="stable", ignore_index=True)
    code = codes_of(changes["opportunity_id"], history.ids)
    last_change = latest_before(code, utc_times(changes["created_date"]), opportunity, at)
    changed_to = take(changes["new_value"].to_numpy(object), last_change, None)
    of_version = history.versions["owner_id"].to_numpy(object)[version]
    changed_at = take(utc_times(changes["created_date"]), last_change, np.datetime64("NaT"))
    before_change = take(
        changes["old_value"].to_numpy(object), _first_of_each(code, len(history.ids))[opportunity], None
    )
    unstamped = np.where(pd.isna(before_change), of_version, before_change)
    told = np.where(last_change >= 0, changed_to, unstamped)
    return np.where(_is_witnessed_after(history, version, changed_at, at), of_version, told)


def currencies_at(history: History, state: Ints, at: Times, version: Ints) -> np.ndarray:
    """The currency of each state's amount: of the state and a version that was witnessed by then the later one tells."""
    of_version = history.versions["currency_iso_code"].to_numpy(object)[version]
    of_state = history.states["currency_iso_code"].to_numpy(object)[state]
    is_later = _is_witnessed_after(history, version, utc_times(history.states["changed_at"])[state], at)
    return np.where(is_later | pd.isna(of_state), of_version, of_state)


def _is_witnessed_after(history: History, version: Ints, times: Times, at: Times) -> np.ndarray:
    """Whether each version was witnessed by `at`, and not before its time (missing: whenever)."""
    stamped_at = utc_times(history.versions["stamped_at"])[version]
    return (stamped_at <= at) & ~(stamped_at < times)


def _first_of_each(codes: Ints, n_codes: int) -> Ints:
    """Index of the first row of each code, -1 where there is none."""
    first = np.full(n_codes, -1)
    valid = np.flatnonzero(codes >= 0)[::-1]
    first[codes[valid]] = valid
    return first


def versions_at(history: History, opportunity: Ints, at: Times) -> Ints:
    """Index of the version of each opportunity at its time `at`, -1 where it did not exist yet."""
    versions = history.versions
    return latest_before(versions["opportunity"].to_numpy(), utc_times(versions["valid_from"]), opportunity, at)
