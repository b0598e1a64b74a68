"""What became of comparable deals: win rates from deals closed before the moment, shrunk towards the company's."""

import numpy as np

from salesinsight_assets.domain.features.known import Known
from salesinsight_assets.domain.history.grid import Floats, Ints

SIZE_BANDS = (10_000.0, 50_000.0, 200_000.0)
"""Amounts in the company's currency that part small, medium, large and very large deals."""


def history_features(known: Known) -> dict[str, Floats]:
    """The family's features by name, one value a snapshot; NaN where no closed deal tells."""
    company = company_win_rates(known)
    won = known.closed.frame["is_won"].to_numpy("float64")
    rates = {
        f"{label}_win_rate": _shrunk_rate(known, *known.codes(column), won, company)
        for label, column in (
            ("rep", "owner_id"),
            ("source", "lead_source"),
            ("industry", "industry"),
            ("product", "product"),
            ("region", "region"),
            ("type", "type"),
        )
    }
    account, closed_account, n_accounts = known.codes("account_id")
    owner, closed_owner, n_owners = known.codes("owner_id")
    wins = known.closed.sums(closed_account, n_accounts, won)
    return {
        "company_win_rate": known.company(company),
        **rates,
        "size_win_rate": _shrunk_rate(known, *size_codes(known), won, company),
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
    """The size band of snapshots and closed deals, -1 where the amount is missing."""

    def band(amount: Floats) -> Ints:
        return np.where(np.isnan(amount), -1, np.searchsorted(SIZE_BANDS, amount, side="right"))

    open_amount = known.snapshots.frame["company_amount"].to_numpy("float64")
    return band(open_amount), band(known.closed.frame["company_amount"].to_numpy("float64")), len(SIZE_BANDS) + 1


def shrunk_mean(total: Floats, count: Floats, towards: Floats, strength: float) -> Floats:
    """(total + strength x towards) / (count + strength); NaN where there is nothing to count."""
    return np.where(count > 0, (total + strength * towards) / (count + strength), np.nan)


def _shrunk_rate(known: Known, keys: Ints, closed_keys: Ints, n_keys: int, won: Floats, company: Floats) -> Floats:
    wins, count = known.closed.sums(closed_keys, n_keys, won), known.closed.sums(closed_keys, n_keys)
    return known.at_key(shrunk_mean(wins, count, company, known.policy.shrinkage_deals), keys)


def _open_deals(known: Known, owner: Ints, n_owners: int) -> Floats:
    moments = len(known.snapshots.grid)
    place = np.where(owner >= 0, owner * moments + known.snapshots.moment, n_owners * moments)
    counts = np.bincount(place, minlength=n_owners * moments + 1)[:-1].reshape(n_owners, moments)
    return known.at_key(counts.astype("float64"), owner)
