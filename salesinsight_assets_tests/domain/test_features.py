"""Every feature equals a slow reference written from the docs, and does not depend on how many moments are asked."""

from functools import cache

import numpy as np
import pandas as pd
import pytest

from salesinsight_assets.domain.features import CATALOGUE, FEATURE_NAMES
from salesinsight_assets.domain.features.compute import features_as_of
from salesinsight_assets.domain.features.policy import FeaturePolicy
from salesinsight_assets.domain.history.grid import Grid
from salesinsight_assets.domain.history.snapshots import opportunity_history
from salesinsight_assets_tests.domain.happenings import LAST_STEP, lived, moment, random_events
from salesinsight_assets_tests.domain.reference import Reference, with_defaults

POLICY = FeaturePolicy(window_days=45, shrinkage_deals=3.0, prior_deals=2.0)
WEEKS = [*range(26, LAST_STEP, 28), LAST_STEP]
SEEDS = range(4)
SUMS_OF_DAYS = {
    "expected_cycle_days", "cycle_ratio", "velocity_index", "expected_stage_days", "stage_time_ratio", "rep_cycle_ratio",
    "amount_x_cycle", "pushes_x_age",
}  # fmt: skip
"""Features drawn from sums of fractional days, which a grid adds up in another order."""


@cache
def world(seed: int) -> dict[str, pd.DataFrame]:
    return lived(random_events(seed, 220, n_deals=7 if seed % 2 else 25)).rows()


@cache
def of_grid(seed: int) -> pd.DataFrame:
    return features_as_of(opportunity_history(world(seed)), Grid(map(moment, WEEKS)), POLICY)[1]


@cache
def one_by_one(seed: int) -> pd.DataFrame:
    history = opportunity_history(world(seed))
    parts = [features_as_of(history, Grid([moment(week)]), POLICY)[1] for week in WEEKS]
    return pd.concat(parts).sort_values(["as_of", "opportunity_id"], ignore_index=True)


@cache
def by_reference(seed: int) -> pd.DataFrame:
    rows = []
    for week in WEEKS:
        features = with_defaults(Reference(world(seed), moment(week), POLICY).features())
        rows += [{"as_of": moment(week), "opportunity_id": deal, **values} for deal, values in features.items()]
    return pd.DataFrame(rows).sort_values(["as_of", "opportunity_id"], ignore_index=True)


def sorted_by_moment(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.sort_values(["as_of", "opportunity_id"], ignore_index=True)


@pytest.mark.parametrize("seed", SEEDS)
def test_a_grid_of_weeks_gives_what_each_week_alone_gives(seed):
    grid, single = sorted_by_moment(of_grid(seed)), one_by_one(seed)
    assert grid["opportunity_id"].tolist() == single["opportunity_id"].tolist()
    assert grid["defaulted_features"].tolist() == single["defaulted_features"].tolist()
    for name in FEATURE_NAMES:
        if name in SUMS_OF_DAYS:
            np.testing.assert_allclose(grid[name], single[name], rtol=1e-9, err_msg=name)
        else:
            np.testing.assert_array_equal(grid[name], single[name], err_msg=name)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_open_deals_are_those_of_the_reference(seed):
    keys = ["as_of", "opportunity_id"]
    grid = sorted_by_moment(of_grid(seed))[keys]
    pd.testing.assert_frame_equal(grid, by_reference(seed)[keys], check_dtype=False)
    assert len(grid) > 30


@pytest.mark.parametrize(
    "name", [f.name for f in CATALOGUE if f.family != "interaction" and f.name != "velocity_index"]
)
def test_a_feature_equals_the_reference(name):
    for seed in SEEDS:
        grid, reference = sorted_by_moment(of_grid(seed)), by_reference(seed)
        np.testing.assert_allclose(
            grid[name], reference[name].astype(float), rtol=1e-9, atol=1e-9, err_msg=f"seed {seed}"
        )


@pytest.mark.parametrize("name", FEATURE_NAMES)
def test_a_feature_is_a_number_for_every_deal_and_tells_deals_apart(name):
    columns = [of_grid(seed)[name] for seed in SEEDS]
    assert all(column.dtype == "float64" and np.isfinite(column).all() for column in columns)
    assert pd.concat(columns).nunique() > 1
