"""Speed: age against the cycle of won deals, time in the stage against what won deals took, progress made."""

import numpy as np
import pandas as pd

from salesinsight_assets.domain.features.known import Facts, Known
from salesinsight_assets.domain.features.win_rates import shrunk_mean, size_codes
from salesinsight_assets.domain.history.grid import Floats, Ints, codes_of, utc_times


def velocity_facts(known: Known) -> dict[str, Floats]:
    """What `velocity_features` needs, one value a snapshot; NaN where unknown."""
    company = company_cycle_days(known)
    expected = known.at_key(expected_cycle_days(known), size_codes(known)[0])
    owner, closed_owner, n_owners = known.codes("owner_id")
    stages = codes_of(known.history.states["stage"], pd.Index(known.history.stages["stage_name"]))
    expected_in_stage = known.at_key(expected_stage_days(known), stages[known.snapshots.state])
    changed_at = utc_times(known.history.states["changed_at"])[known.snapshots.state]
    rep_cycle = known.at_key(_mean_cycle(known, closed_owner, n_owners, company), owner)
    return {
        "expected_cycle_days": np.where(np.isnan(expected), known.company(company), expected),
        "days_in_stage": known.days_since(known.snapshots.frame["entered_stage_at"]),
        "expected_stage_days": np.where(np.isnan(expected_in_stage), known.policy.prior_stage_days, expected_in_stage),
        "stage_change_count": known.state("stage_change_count"),
        "rep_cycle_ratio": rep_cycle / known.company(company),
        "days_since_last_change": (known.moments - changed_at) / np.timedelta64(1, "D"),
    }


def velocity_features(facts: Facts) -> dict[str, Floats]:
    """The family's features by name, one value a snapshot; NaN where unknown."""
    told = ("expected_cycle_days", "days_in_stage", "expected_stage_days", "rep_cycle_ratio", "days_since_last_change")
    cycle_ratio = facts["age_days"] / facts["expected_cycle_days"]
    return {
        **{name: facts[name] for name in told},
        "cycle_ratio": cycle_ratio,
        "velocity_index": (facts["stage_position"] + 0.1) / (cycle_ratio + 0.1),
        "stage_time_ratio": facts["days_in_stage"] / facts["expected_stage_days"],
        "stage_changes_30_days": 30 * facts["stage_change_count"] / (facts["age_days"] + 7),
    }


def expected_cycle_days(known: Known) -> Floats:
    """Mean days to win a deal of each size as of each moment; NaN where none was won."""
    _, closed_size, n_sizes = size_codes(known)
    return _mean_cycle(known, closed_size, n_sizes, company_cycle_days(known))


def company_cycle_days(known: Known) -> Floats:
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


def expected_stage_days(known: Known) -> Floats:
    """Mean days that deals won in the last year spent in each stage of the dictionary, started from the prior."""
    policy, grid = known.policy, known.snapshots.grid
    stages = pd.Index(known.history.stages["stage_name"])
    visits = _stage_visits_of_won_deals(known)
    stage, closing = codes_of(visits["previous_stage"], stages), visits["closing"].to_numpy()
    start, end = known.closed.start[closing], known.closed.end[closing]
    total = grid.sums(stage, start, end, len(stages), visits["previous_stage_days"].to_numpy("float64"))
    count = grid.sums(stage, start, end, len(stages))
    return (total + policy.prior_deals * policy.prior_stage_days) / (count + policy.prior_deals)


def _stage_visits_of_won_deals(known: Known) -> pd.DataFrame:
    """A row for each stage that a won deal had left when it closed, and `closing`, the row of that closure."""
    columns = ["opportunity", "changed_at", "previous_stage", "previous_stage_days"]
    visits = known.history.states.loc[known.history.states["previous_stage"].notna(), columns]
    closed = known.closed.frame
    won = closed.loc[closed["is_won"], ["opportunity", "known_at"]].assign(closing=np.flatnonzero(closed["is_won"]))
    pairs = visits.merge(won, on="opportunity")
    return pairs[pairs["changed_at"] <= pairs["known_at"]]
