"""Drift: whether the open deals, and those that are new, still look like those of the weeks before.

One week's open deals are mostly those of the week before, so the new ones are compared on their own too: a change of what is
entered shows there at once. Figures that deals share (a rep's win rate) are as many as there are reps, however many
deals show them.
"""

from collections.abc import Iterator
from datetime import date
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from salesinsight_assets.domain.features import FEATURE_NAMES
from salesinsight_assets.domain.history.grid import Floats
from salesinsight_assets.domain.model.fallback import rule_based_scores
from salesinsight_assets.domain.model.win_model import WinModel
from salesinsight_assets.domain.monitoring.multiplicity import q_values
from salesinsight_assets.domain.monitoring.policy import MonitoringPolicy

SCORE = "win_probability"
CATEGORIES = ("stage_name", "lead_source", "industry", "product", "region", "type")
SHARED_BY = {
    "company_win_rate": None,
    "rep_win_rate": "owner_id",
    "source_win_rate": "lead_source",
    "industry_win_rate": "industry",
    "product_win_rate": "product",
    "region_win_rate": "region",
    "type_win_rate": "type",
    "size_win_rate": "size_win_rate",
    "rep_closed_deals": "owner_id",
    "rep_open_deals": "owner_id",
    "rep_cycle_ratio": "owner_id",
    "expected_cycle_days": "size_win_rate",
    "expected_stage_days": "stage_name",
    "rep_x_source_rate": "owner_id",
    "amount_x_rep_rate": "owner_id",
}
"""Features that many deals have in common, and what those deals have in common; None: all deals share it."""
DRIFT_COLUMNS = [
    "feature", "population", "n_deals", "n_usual_deals", "psi", "p_value", "q_value", "is_alarm", "finding",
]  # fmt: skip
_MISSING = "missing"
_BINS = 10
_LEAST_EXPECTED = 1
_NAMED_SHARE = 0.02


class Comparison(NamedTuple):
    """One figure now and before: population stability index, p-value of the two-sample test, and what is different."""

    psi: float
    p_value: float
    finding: str


def drift(snapshots: pd.DataFrame, day: date, policy: MonitoringPolicy) -> pd.DataFrame:
    """The open and the new deals of `day` against those of the weeks before.

    Args:
        snapshots: open deals of `day` and of the reference weeks, one row a deal and week: `as_of_date`, `opportunity_id`,
            `owner_id`, `age_days`, the categories, features and score.
        day: the day of the check.
        policy: windows and thresholds.

    Returns:
        `DRIFT_COLUMNS`, one row a figure and population (`open`, `new`); none where there are too few weeks or deals.
    """
    known = _without_defaults(snapshots)
    is_new = known["age_days"] < 7 * policy.new_weeks
    rows = [
        row
        for population, part in (("open", known), ("new", known[is_new]))
        for row in _rows(population, now_and_before(part, day, policy))
    ]
    columns = ["feature", "population", "n_deals", "n_usual_deals", *Comparison._fields]
    return _judged(pd.DataFrame(rows, columns=columns), policy)


def now_and_before(
    snapshots: pd.DataFrame, day: date, policy: MonitoringPolicy
) -> tuple[pd.DataFrame, pd.DataFrame] | None:
    """The deals of `day` and those of the weeks before; None where there are too few weeks or deals to compare."""
    is_now = snapshots["as_of_date"].eq(pd.Timestamp(day))
    now, before = snapshots[is_now], snapshots[~is_now]
    is_enough = min(len(now), before["opportunity_id"].nunique()) >= policy.least_deals
    return (now, before) if is_enough and before["as_of_date"].nunique() >= policy.least_reference_weeks else None


def with_score(snapshots: pd.DataFrame, model: WinModel | None) -> pd.DataFrame:
    """Snapshots with what one model (None: the rules) says of all weeks, so that a new model is no drift."""
    score = model.win_probability(snapshots) if model and len(snapshots) else rule_based_scores(snapshots)[0]
    return snapshots.assign(win_probability=score)


def _rows(population: str, parts: tuple[pd.DataFrame, pd.DataFrame] | None) -> Iterator[tuple[object, ...]]:
    if parts is None:
        return
    counts = len(parts[0]), parts[1]["opportunity_id"].nunique()
    for name in (*FEATURE_NAMES, SCORE):
        yield name, population, *counts, *compared_numbers(*parts, name)
    for name in CATEGORIES:
        yield name, population, *counts, *compared_categories(*parts, name)


def _without_defaults(snapshots: pd.DataFrame) -> pd.DataFrame:
    """Snapshots in which a default is missing: it is no observation (see `defaults`)."""
    known, defaulted = (
        snapshots.reset_index(drop=True),
        snapshots["defaulted_features"].reset_index(drop=True).explode(),
    )
    for name, rows in defaulted.groupby(defaulted).groups.items():
        known.loc[rows, name] = np.nan
    return known


def _judged(rows: pd.DataFrame, policy: MonitoringPolicy) -> pd.DataFrame:
    """Rows with `q_value` and `is_alarm`: beyond chance, and large."""
    q_value = q_values(rows["p_value"])
    is_alarm = (q_value <= policy.false_alarm_rate) & (rows["psi"] >= policy.large_psi)
    return rows.assign(q_value=q_value, is_alarm=is_alarm)[DRIFT_COLUMNS]


def compared_numbers(now: pd.DataFrame, before: pd.DataFrame, name: str) -> Comparison:
    """A number by the deciles of the reference, and by Kolmogorov's and Smirnov's test."""
    from scipy.stats import ks_2samp, kstwobign

    values, usual = now[name].dropna(), before[name].dropna()
    if values.empty or usual.empty:
        return Comparison(0.0, 1.0, "no values")
    edges = np.unique(np.quantile(usual, np.arange(1, _BINS) / _BINS))
    counts = [np.bincount(np.searchsorted(edges, part), minlength=len(edges) + 1) for part in (values, usual)]
    distance = ks_2samp(values, usual, method="asymp")[0]
    cluster = SHARED_BY.get(name, "opportunity_id")
    n, m = (_size(part, rows, cluster) for part, rows in ((now, values.index), (before, usual.index)))
    finding = f"median {values.median():.4g}, usual {usual.median():.4g}"
    return Comparison(stability_index(*counts), float(kstwobign.sf(np.sqrt(n * m / (n + m)) * distance)), finding)


def compared_categories(now: pd.DataFrame, before: pd.DataFrame, name: str) -> Comparison:
    """A category by its shares, and by the chi-squared test; values that came or went are named."""
    from scipy.stats import chi2_contingency

    parts = [part[name].astype(object).fillna(_MISSING) for part in (now, before)]
    counts = pd.DataFrame(
        {side: part.value_counts() for side, part in zip(("now", "usual"), parts, strict=True)}
    ).fillna(0)
    shares = counts / counts.sum()
    sizes = np.array([effective_size(part["opportunity_id"]) for part in (now, before)])
    table = _without_rare(shares.to_numpy() * sizes)
    test: Any = chi2_contingency(table, correction=False) if len(table) > 1 else None
    psi = stability_index(counts["now"].to_numpy(), counts["usual"].to_numpy())
    return Comparison(psi, float(test.pvalue) if test else 1.0, _came_and_went(shares))


def stability_index(now: npt.NDArray[Any], usual: npt.NDArray[Any]) -> float:
    """Population stability index of two rows of counts; half a deal in each bin keeps empty ones finite.

    The sum of (a - b) ln(a / b) over the bins' shares; by convention below 0.1 is small and from 0.2 on large.

    >>> stability_index(np.array([50, 50]), np.array([500, 500]))
    0.0
    """
    a, b = ((counts + 0.5) / (counts.sum() + 0.5 * len(counts)) for counts in (now, usual))
    return float(((a - b) * np.log(a / b)).sum())


def effective_size(cluster: pd.Series) -> float:
    """How many independent rows these are worth, where those of one cluster say the same (Kish 1965).

    >>> effective_size(pd.Series(["a", "a", "b", "b"]))
    2.0
    """
    counts = cluster.value_counts(dropna=False).to_numpy("float64")
    return float(counts.sum() ** 2 / (counts**2).sum())


def _size(part: pd.DataFrame, rows: pd.Index, cluster: str | None) -> float:
    return effective_size(part.loc[rows, cluster]) if cluster else 1.0


def _without_rare(table: Floats) -> Floats:
    """Categories too rare for a chi-squared test put together (Koehler & Larntz 1980), (categories, 2)."""
    expected = table.sum(axis=1) * table[:, 0].sum() / table.sum()
    is_rare = expected < _LEAST_EXPECTED
    pooled = np.vstack([table[~is_rare], table[is_rare].sum(axis=0)])
    return pooled[pooled.sum(axis=1) > 0]


def _came_and_went(shares: pd.DataFrame) -> str:
    now, usual = shares["now"], shares["usual"]
    came, went = shares[(usual == 0) & (now >= _NAMED_SHARE)], shares[(now == 0) & (usual >= _NAMED_SHARE)]
    largest = str((now - usual).abs().idxmax())
    words = [f"{name} is new ({row.now:.0%})" for name, row in came.iterrows()]
    words += [f"{name} is gone (usual {row.usual:.0%})" for name, row in went.iterrows()]
    return "; ".join(words) or f"{largest} {now[largest]:.0%}, usual {usual[largest]:.0%}"
