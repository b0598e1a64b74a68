"""Every feature of the catalogue for a year of weekly snapshots, against what one would write first.

The loop goes over the weeks and groups the rows known by then; it gives five columns where the catalogue has all its
features, and the five must be equal. Aim: 7 times faster at a million deals, a peak below 2 GB, growth at most linear.
`SALESINSIGHT_BENCH_DEALS=1000000 make bench` measures the million.
"""

import os
import resource
import subprocess
import sys
import time

import numpy as np
import pandas as pd

from salesinsight_assets.domain.features import FEATURE_NAMES
from salesinsight_assets.domain.features.compute import features_as_of
from salesinsight_assets.domain.features.policy import FeaturePolicy
from salesinsight_assets.domain.history.grid import Grid
from salesinsight_assets.domain.history.snapshots import CrmRows, opportunity_history
from salesinsight_assets.settings import child_environment
from salesinsight_assets_tests.benchmarks.many_deals import MOMENTS, many_deals

SIZES = [10_000, int(os.environ.get("SALESINSIGHT_BENCH_DEALS", "100000"))]
COMPARED = ["rep_closed_deals", "rep_open_deals", "days_in_stage", "activities_14_days", "days_since_last_activity"]
DAY = np.timedelta64(1, "D")


def test_features_against_a_loop_over_the_weeks() -> None:
    figures = [_in_own_process(size) for size in SIZES]
    for size, (ours, loop, rows, peak) in zip(SIZES, figures, strict=True):
        print(
            f"\n{size:,} deals, {rows:,.0f} snapshots x {len(FEATURE_NAMES)} features {ours:.2f} s; the loop"
            f" {loop:.2f} s for {len(COMPARED)} of them, ratio {loop / ours:.2f} (aim 7); peak {peak:.2f} GB (aim 2)"
        )
    (small, *_), (large, *_) = figures
    print(f"\n{SIZES[1] / SIZES[0]:.0f} times the deals take {large / small:.1f} times as long (aim: no more)")


def _in_own_process(size: int) -> tuple[float, ...]:
    """Seconds of ours and of the loop, snapshots, and the peak in GB, which only a fresh process can tell."""
    command = [sys.executable, "-W", "ignore", "-m", __name__, str(size)]
    output = subprocess.run(command, check=True, env=child_environment(), capture_output=True, text=True).stdout
    return tuple(float(part) for part in output.split())


def measured(size: int) -> tuple[float, ...]:
    """See `_in_own_process`; the peak is that of the whole process, its rows and imports included."""
    crm = many_deals(size)
    started = time.perf_counter()
    _, features = features_as_of(opportunity_history(crm), Grid(MOMENTS), FeaturePolicy())
    ours = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    started = time.perf_counter()
    found = pd.concat([_week(crm, pd.Timestamp(moment)) for moment in MOMENTS], ignore_index=True)
    loop = time.perf_counter() - started
    keys = ["as_of", "opportunity_id"]
    both = features.merge(found, on=keys, suffixes=("", "_loop"), validate="one_to_one")
    assert len(both) == len(features) == len(found)
    for name in COMPARED:
        told = both[f"{name}_loop"].notna()  # where nothing is known, ours has the default
        np.testing.assert_allclose(both.loc[told, name], both.loc[told, f"{name}_loop"], atol=1e-6)
    return ours, loop, float(len(features)), peak


def _week(crm: CrmRows, moment: pd.Timestamp) -> pd.DataFrame:
    """Five columns of the deals open at one moment, by filters and groupbys."""
    history = crm["opportunity_history"]
    known = history[history["created_date"] <= moment].sort_values("created_date")
    last = known.groupby("opportunity_id")[["stage_name", "created_date"]].last()
    deals = crm["opportunities"].set_index("id").join(last.add_suffix("_then"), how="inner")
    is_closed = deals["stage_name_then"].isin(["Won", "Lost"])
    is_recent = deals["created_date_then"] > moment - pd.Timedelta(days=365)
    closed, opened = deals[is_closed & is_recent], deals[~is_closed]
    tasks = crm["tasks"]
    recorded = tasks[tasks["created_date"] <= moment]
    lately = recorded[recorded["created_date"] > moment - pd.Timedelta(days=14)]
    return pd.DataFrame(
        {
            "as_of": moment,
            "opportunity_id": opened.index,
            "rep_closed_deals": opened["owner_id"].map(closed.groupby("owner_id").size()).fillna(0).to_numpy(),
            "rep_open_deals": opened["owner_id"].map(opened.groupby("owner_id").size()).to_numpy(),
            "days_in_stage": ((moment - opened["created_date_then"]) / DAY).to_numpy(),
            "activities_14_days": opened.index.map(lately.groupby("what_id").size()).fillna(0),
            "days_since_last_activity": (moment - opened.index.map(recorded.groupby("what_id")["created_date"].max()))
            / DAY,
        }
    )


if __name__ == "__main__":
    print(*measured(int(sys.argv[1])))
