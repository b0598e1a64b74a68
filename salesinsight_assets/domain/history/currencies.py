"""Rates into the company's currency: the dated one of a deal's close date, as it was known at the moment.

A close date that is still to come takes the rate of the day as of which we look. Where no dated rate is known, the rate of the
CurrencyType counts. A rate counts from the stamp of the version that holds it. An amount whose currency has no
rate is no amount in the company's currency: it is never taken 1:1, nor added to others.

An org without multi-currency has no currencies, and its amounts are as they are. So are those without a currency while only one
is known, and, while none is known, those in the currency of the oldest deal that names one.
"""

import numpy as np
import pandas as pd

from salesinsight_assets.domain.history.grid import Floats, Grid, Ints, Times, codes_of, latest_before, take, utc_times
from salesinsight_assets.domain.history.references import CrmRows

_NEVER = np.datetime64("9999-12-31", "us")


def company_rates(crm: CrmRows, currency: np.ndarray, close_date: Times, at: Times, day: Times) -> Floats:
    """Units of each `currency` for one unit of the company's currency, as known at each time `at`; NaN where unknown.

    Args:
        crm: versions of `currency_types`, `dated_conversion_rates` and `opportunities`.
        currency: ISO codes, missing where the deal names none.
        close_date: days, the ones whose rates are asked for; missing, or later than `day`: that of `day`.
        at: UTC times.
        day: the calendar day of each `at`.
    """
    codes, names = pd.factorize(currency)
    dated = _dated_rates(crm["dated_conversion_rates"], names, codes, at, np.fmin(close_date, day))
    undated = _undated_rates(crm["currency_types"], names, codes, at)
    rates = np.where(dated > 0, dated, np.where(undated > 0, undated, np.nan))
    return np.where(_is_unconverted(crm, currency, at), 1.0, rates)


def with_only_currency(crm: CrmRows, currency: np.ndarray, at: Times) -> np.ndarray:
    """`currency`, and where a deal names none the company's, while that is the only one known."""
    known = _known_since(crm)
    if known.empty:
        return currency
    first, second = _first_two(known)
    return np.where(pd.isna(currency) & (first <= at) & (at < second), known.index[0], currency)


def _is_unconverted(crm: CrmRows, currency: np.ndarray, at: Times) -> np.ndarray:
    """Whether each amount is as it is: see the module's text."""
    first, second = _first_two(_known_since(crm))
    is_unnamed = pd.isna(currency) & (at < second)
    if not (at < first).any():
        return is_unnamed
    return is_unnamed | ((at < first) & (currency == _oldest_currency(crm["opportunities"])))


def _known_since(crm: CrmRows) -> pd.Series:
    """From when on each currency is known, by its code, the first one first."""
    tables = (crm["currency_types"], crm["dated_conversion_rates"])
    rows = pd.concat([table[["iso_code", "valid_from"]] for table in tables], ignore_index=True)
    return rows.groupby("iso_code")["valid_from"].min().sort_values(kind="stable")


def _first_two(known_since: pd.Series) -> Times:
    """When the first and the second currency became known; a far day for one that never was."""
    return np.r_[utc_times(known_since)[:2], _NEVER, _NEVER][:2]


def _oldest_currency(opportunities: pd.DataFrame) -> str | None:
    """The currency of the oldest deal that names one."""
    named = opportunities.loc[opportunities["currency_iso_code"].notna(), ["currency_iso_code", "valid_from", "id"]]
    return None if named.empty else named.sort_values(["valid_from", "id"])["currency_iso_code"].iloc[0]


def _undated_rates(currency_types: pd.DataFrame, names: np.ndarray, codes: Ints, at: Times) -> Floats:
    """The rate of each CurrencyType as it stood at each time."""
    keys = codes_of(currency_types["iso_code"], pd.Index(names))
    found = latest_before(keys, utc_times(currency_types["valid_from"]), codes, at)
    return take(currency_types["conversion_rate"].to_numpy("float64"), found, np.nan)


def _dated_rates(dated: pd.DataFrame, names: np.ndarray, codes: Ints, at: Times, day: Times) -> Floats:
    """The dated rate of each `day` as it was known at each time; a loop over currencies, never over deals."""
    alive = dated[~dated["is_deleted"].eq(True)].sort_values("valid_from", kind="stable")
    rates = np.full(len(codes), np.nan)
    for code, name in enumerate(names):
        of_currency = alive[alive["iso_code"].eq(name)]
        if len(of_currency):
            asked = np.flatnonzero(codes == code)
            rates[asked] = _rates_in_force(of_currency, at[asked], day[asked])
    return rates


def _rates_in_force(rows: pd.DataFrame, at: Times, day: Times) -> Floats:
    """The rate of one currency that began last by each `day`, of those known at each time `at`.

    What is known changes only with a stamp, so that a table of start days x stamps answers every question. When a rate
    ends is told by the start of the next one.
    """
    known_from, known_to = utc_times(rows["valid_from"]), utc_times(rows["valid_to"])
    stamps = np.unique(np.r_[known_from, known_to[~np.isnat(known_to)]])
    used, stamp = np.unique(np.searchsorted(stamps, at, side="right") - 1, return_inverse=True)
    grid = Grid(pd.DatetimeIndex(stamps[np.maximum(used, 0)]).tz_localize("UTC"))
    starts, place = np.unique(rows["start_date"].to_numpy("datetime64[D]"), return_inverse=True)
    found = grid.latest(place, grid.bucket(known_from), grid.bucket(known_to), len(starts))
    began = np.maximum.accumulate(np.where(found >= 0, np.arange(len(starts))[:, None], -1), axis=0)
    last = np.searchsorted(starts, day, side="right") - 1
    is_known = (last >= 0) & (used[stamp] >= 0)
    in_force = np.where(is_known, began[last, stamp], -1)
    row = np.where(in_force >= 0, found[in_force, stamp], -1)
    return take(rows["conversion_rate"].to_numpy("float64"), row, np.nan)
