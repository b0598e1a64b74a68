"""What became of comparable deals: win rates from deals closed before the moment, shrunk towards the company's."""

import numpy as np

from salesinsight_assets.domain.features.known import Known
from salesinsight_assets.domain.history.grid import Floats, Ints

SIZE_BANDS = (10_000.0, 50_000.0, 200_000.0)
"""Amounts in the company's currency that part small, medium, large and very large deals."""
_RATES_BY = {
    "rep": "owner_id",
    "source": "lead_source",
    "industry": "industry",
    "product": "product",
    "region": "region",
    "type": "type",
}


def history_features(known: Known) -> dict[str, Floats]:
    """The family's features by name, one value a snapshot; NaN where no closed deal tells."""
    company = company_win_rates(known)
    rates = {f"{label}_win_rate": _rate_of_same(known, column, company) for label, column in _RATES_BY.items()}
    won = known.closed.frame["is_won"].to_numpy("float64")
    account, closed_account, n_accounts = known.codes("account_id")
    owner, closed_owner, n_owners = known.codes("owner_id")
    wins = known.closed.sums(closed_account, n_accounts, won)
    return {
        "company_win_rate": known.company(company),
        **rates,
        "size_win_rate": known.at_key(size_win_rates(known, company), size_codes(known)[0]),
        "account_wins": known.at_key(wins, account),
        "rep_closed_deals": known.at_key(known.closed.sums(closed_owner, n_owners), owner),
        "rep_open_deals": _open_deals(known, owner, n_owners),
    }


def company_win_rates(known: Known) -> Floats:
    """The company's win rate as of each moment of the grid, started from the policy's prior."""
    policy = known.policy
    everyone = np.zeros(len(known.closed.frame), dtype=np.int64)
    won = known.closed.sums(everyone, 1, known.closed.frame["is_won"].to_numpy("float64"))[0]
    count = known.closed.sums(everyone, 1)[0]
    return (won + policy.prior_deals * policy.prior_win_rate) / (count + policy.prior_deals)


def size_codes(known: Known) -> tuple[Ints, Ints, int]:
    """The size band of snapshots and closed deals, and how many bands there are."""
    opened, closed = known.snapshots.frame["company_amount"], known.closed.frame["company_amount"]
    return size_bands(opened.to_numpy("float64")), size_bands(closed.to_numpy("float64")), len(SIZE_BANDS) + 1


def size_bands(company_amount: Floats) -> Ints:
    """The size band of each amount in the company's currency, -1 where it is missing."""
    return np.where(np.isnan(company_amount), -1, np.searchsorted(SIZE_BANDS, company_amount, side="right"))


def size_win_rates(known: Known, company: Floats) -> Floats:
    """The win rate of deals of each size as of each moment; NaN where none was closed."""
    return _shrunk_rates(known, *size_codes(known)[1:], company)


def shrunk_mean(total: Floats, count: Floats, towards: Floats, strength: float) -> Floats:
    """(total + strength x towards) / (count + strength); NaN where there is nothing to count."""
    return np.where(count > 0, (total + strength * towards) / (count + strength), np.nan)


def _rate_of_same(known: Known, column: str, company: Floats) -> Floats:
    """The win rate of the deals that have the same value as each snapshot in a column."""
    keys, closed_keys, n_keys = known.codes(column)
    return known.at_key(_shrunk_rates(known, closed_keys, n_keys, company), keys)


def _shrunk_rates(known: Known, closed_keys: Ints, n_keys: int, company: Floats) -> Floats:
    won = known.closed.frame["is_won"].to_numpy("float64")
    wins, count = known.closed.sums(closed_keys, n_keys, won), known.closed.sums(closed_keys, n_keys)
    return shrunk_mean(wins, count, company, known.policy.shrinkage_deals)


def _open_deals(known: Known, owner: Ints, n_owners: int) -> Floats:
    moments = len(known.snapshots.grid)
    place = np.where(owner >= 0, owner * moments + known.snapshots.moment, n_owners * moments)
    counts = np.bincount(place, minlength=n_owners * moments + 1)[:-1].reshape(n_owners, moments)
    return known.at_key(counts.astype("float64"), owner)
