"""Speed: age against the cycle of won deals, time in the stage against what won deals took, progress made."""

import numpy as np
import pandas as pd

from salesinsight_assets.domain.features.known import Known
from salesinsight_assets.domain.features.win_rates import shrunk_mean, size_codes
from salesinsight_assets.domain.history.grid import Floats, Ints, codes_of, utc_times


def velocity_features(known: Known) -> dict[str, Floats]:
    """The family's features by name, one value a snapshot; NaN where unknown."""
    age = known.days_since(known.snapshots.frame["created_date"])
    company = _company_cycle(known)
    size, closed_size, n_sizes = size_codes(known)
    owner, closed_owner, n_owners = known.codes("owner_id")
    expected = known.at_key(_mean_cycle(known, closed_size, n_sizes, company), size)
    expected = np.where(np.isnan(expected), known.company(company), expected)
    in_stage = known.days_since(known.snapshots.frame["entered_stage_at"])
    expected_in_stage = _expected_stage_days(known)
    changed_at = utc_times(known.history.states["changed_at"])[known.snapshots.state]
    rep_cycle = known.at_key(_mean_cycle(known, closed_owner, n_owners, company), owner)
    return {
        "expected_cycle_days": expected,
        "cycle_ratio": age / expected,
        "velocity_index": (known.stage_position() + 0.1) / (age / expected + 0.1),
        "days_in_stage": in_stage,
        "expected_stage_days": expected_in_stage,
        "stage_time_ratio": in_stage / expected_in_stage,
        "stage_changes_30_days": 30 * known.state("stage_change_count") / (age + 7),
        "rep_cycle_ratio": rep_cycle / known.company(company),
        "days_since_last_change": (known.moments - changed_at) / np.timedelta64(1, "D"),
    }


def _company_cycle(known: Known) -> Floats:
    """Mean days to win as of each moment, started from the policy's prior."""
    total, count = _won_cycles(known, np.zeros(len(known.closed.frame), dtype=np.int64), 1)
    policy = known.policy
    return ((total + policy.prior_deals * policy.prior_cycle_days) / (count + policy.prior_deals))[0]


def _mean_cycle(known: Known, closed_keys: Ints, n_keys: int, company: Floats) -> Floats:
    total, count = _won_cycles(known, closed_keys, n_keys)
    return shrunk_mean(total, count, company, known.policy.shrinkage_deals)


def _won_cycles(known: Known, closed_keys: Ints, n_keys: int) -> tuple[Floats, Floats]:
    """Sum of days to win and number of won deals by key, as of each moment."""
    won = known.closed.frame["is_won"].to_numpy(bool)
    keys = np.where(won, closed_keys, -1)
    return known.closed.sums(keys, n_keys, known.closed.frame["cycle_days"].to_numpy()), known.closed.sums(keys, n_keys)


def _expected_stage_days(known: Known) -> Floats:
    """Mean days that deals won in the last year spent in the stage each snapshot is in, started from the prior."""
    policy, grid = known.policy, known.snapshots.grid
    stages = pd.Index(known.history.stages["stage_name"])
    visits = _stage_visits_of_won_deals(known)
    stage, closing = codes_of(visits["previous_stage"], stages), visits["closing"].to_numpy()
    start, end = known.closed.start[closing], known.closed.end[closing]
    total = grid.sums(stage, start, end, len(stages), visits["previous_stage_days"].to_numpy("float64"))
    count = grid.sums(stage, start, end, len(stages))
    mean = (total + policy.prior_deals * policy.prior_stage_days) / (count + policy.prior_deals)
    expected = known.at_key(mean, codes_of(known.history.states["stage"], stages)[known.snapshots.state])
    return np.where(np.isnan(expected), policy.prior_stage_days, expected)


def _stage_visits_of_won_deals(known: Known) -> pd.DataFrame:
    """A row for each stage that a won deal had left when it closed, and `closing`, the row of that closure."""
    columns = ["opportunity", "changed_at", "previous_stage", "previous_stage_days"]
    visits = known.history.states.loc[known.history.states["previous_stage"].notna(), columns]
    closed = known.closed.frame
    won = closed.loc[closed["is_won"], ["opportunity", "known_at"]].assign(closing=np.flatnonzero(closed["is_won"]))
    pairs = visits.merge(won, on="opportunity")
    return pairs[pairs["changed_at"] <= pairs["known_at"]]
