"""Friday's check: what was said of deals that are decided by now, beside what became of them.

A deal counts once, with what was shown some weeks before its decision. How many were won is held against how many had to be,
of all deals and of each segment, in the last weeks and over a quarter: a source that stops to win shows in days, a model
that says too much in months.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, timedelta
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from salesinsight_assets.domain.history.grid import Floats
from salesinsight_assets.domain.model.evaluation import CALIBRATION_BINS, expected_calibration_error
from salesinsight_assets.domain.monitoring.multiplicity import q_values
from salesinsight_assets.domain.monitoring.policy import MonitoringPolicy

DIMENSIONS = ("lead_source", "industry", "product", "region")
OVERALL = "all deals"
CHECK_COLUMNS = [
    "weeks", "dimension", "segment", "n_deals", "expected_wins", "actual_wins", "low", "high", "p_value", "q_value",
    "auc", "auc_low", "auc_high", "auc_floor", "ece", "ece_limit", "is_alarm", "finding",
]  # fmt: skip


_MISSING = "missing"
_INTERVAL = 0.99
_Z_OF_INTERVAL = 2.576
_MOST_EXACT = 2000
_DRAWS, _SEED = 500, 7


class Quality(NamedTuple):
    """How well predictions tell won from lost and how true they are, each beside the end of its band."""

    auc: float = np.nan
    auc_low: float = np.nan
    auc_high: float = np.nan
    auc_floor: float = np.nan
    ece: float = np.nan
    ece_limit: float = np.nan


def shown_before_decision(predictions: pd.DataFrame, outcomes: pd.DataFrame, policy: MonitoringPolicy) -> pd.DataFrame:
    """One row a decided deal: the prediction shown `lead_weeks` before the decision, or the first one where that is later.

    Args:
        predictions: `as_of_date`, `opportunity_id`, `win_probability` and the dimensions, as they were shown.
        outcomes: `opportunity_id`, `is_won`, `decided_on`.
        policy: `lead_weeks`.

    Returns:
        The columns of both, one row a deal that was shown before it was decided.
    """
    rows = predictions.merge(outcomes, on="opportunity_id").sort_values("as_of_date", kind="stable")
    rows = rows[rows["as_of_date"] < rows["decided_on"]]
    is_early = rows["as_of_date"] <= rows["decided_on"] - pd.Timedelta(weeks=policy.lead_weeks)
    early = rows[is_early].drop_duplicates("opportunity_id", keep="last")
    late = rows[~rows["opportunity_id"].isin(early["opportunity_id"])].drop_duplicates("opportunity_id", keep="first")
    return pd.concat([early, late]).sort_values("opportunity_id", ignore_index=True)


def model_checks(
    decided: pd.DataFrame, day: date, metrics: Mapping[str, Any], policy: MonitoringPolicy
) -> pd.DataFrame:
    """Actual against expected wins of the deals decided up to `day`, overall and by segment.

    Args:
        decided: see `shown_before_decision`.
        day: the day of the check.
        metrics: the figures of the model in use on weeks it had not seen (`auc`, `n_deals`, `base_rate`, `ece`); they are its band.
        policy: windows and thresholds.

    Returns:
        `CHECK_COLUMNS`, one row a window, dimension and segment; none of fewer than `least_decided` deals.
    """
    recent = _rows(decided, day, policy.recent_weeks, metrics, policy)
    lasting = _rows(decided, day, policy.lasting_weeks, metrics, policy)
    return pd.concat(
        [
            _judged(recent, policy.recent_false_alarm_rate, policy),
            _judged(lasting, policy.false_alarm_rate, policy),
        ],
        ignore_index=True,
    )


def _rows(
    decided: pd.DataFrame, day: date, weeks: int, metrics: Mapping[str, Any], policy: MonitoringPolicy
) -> Iterator[tuple[object, ...]]:
    since = pd.Timestamp(day - timedelta(weeks=weeks))
    part = decided[(decided["decided_on"] > since) & (decided["decided_on"] <= pd.Timestamp(day))]
    for dimension, segment, deals in _segments(part):
        if len(deals) >= policy.least_decided:
            is_judged = dimension == OVERALL and weeks == policy.lasting_weeks
            yield (
                weeks,
                dimension,
                segment,
                *_wins(deals, policy.tolerated_gap),
                *(_quality(deals, metrics) if is_judged else Quality()),
            )


def _segments(deals: pd.DataFrame) -> Iterator[tuple[str, str, pd.DataFrame]]:
    yield OVERALL, OVERALL, deals
    for dimension in DIMENSIONS:
        for segment, part in deals.groupby(deals[dimension].astype(object).fillna(_MISSING)):
            yield dimension, str(segment), part


def _wins(deals: pd.DataFrame, tolerated: float) -> tuple[int, float, int, float, float, float]:
    """Deals, expected and actual wins, the interval that chance leaves them, and how unlikely they are.

    Interval and p-value are of a model that is off by as much as is tolerated, to the side of what happened.
    """
    probability, won = deals["win_probability"].to_numpy("float64"), int(deals["is_won"].sum())
    fewer = wins_by_chance(np.maximum(probability - tolerated, 0))
    more = wins_by_chance(np.minimum(probability + tolerated, 1))
    low, high = np.searchsorted(fewer, (1 - _INTERVAL) / 2), np.searchsorted(more, (1 + _INTERVAL) / 2)
    at_least = 1 - more[won - 1] if won else 1.0
    return len(deals), float(probability.sum()), won, float(low), float(high), min(1.0, 2 * fewer[won], 2 * at_least)


def wins_by_chance(probability: Floats) -> Floats:
    """The chance of at most 0, 1, … n wins, were each probability true; deals are independent (Poisson's binomial).

    >>> wins_by_chance(np.array([0.5, 0.5])).tolist()
    [0.25, 0.75, 1.0]
    """
    from scipy.stats import norm, poisson_binom

    wins = np.arange(len(probability) + 1)
    if len(probability) <= _MOST_EXACT:
        return poisson_binom(probability).cdf(wins)
    deviation = np.sqrt((probability * (1 - probability)).sum())
    return norm.cdf((wins + 0.5 - probability.sum()) / deviation)


def _quality(deals: pd.DataFrame, metrics: Mapping[str, Any]) -> Quality:
    """AUC and calibration error beside their bands: what the model had on weeks it had not seen, and what chance adds."""
    from sklearn.metrics import roc_auc_score

    probability, is_won = deals["win_probability"].to_numpy("float64"), deals["is_won"]
    won = int(is_won.sum())
    if won in (0, len(deals)):
        return Quality()
    auc = float(roc_auc_score(is_won.astype(bool), probability))
    error = _Z_OF_INTERVAL * auc_error(auc, won, len(deals) - won)
    return Quality(
        auc,
        max(auc - error, 0.0),
        min(auc + error, 1.0),
        _auc_floor(metrics),
        expected_calibration_error(is_won, probability),
        float(metrics.get("ece", np.nan)) + _ece_by_chance(probability),
    )


def auc_error(auc: float, won: int, lost: int) -> float:
    """Standard error of an AUC of `won` and `lost` deals (Hanley & McNeil 1982).

    >>> round(auc_error(0.7, 50, 100), 3)
    0.047
    """
    q_won, q_lost = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = auc * (1 - auc) + (won - 1) * (q_won - auc**2) + (lost - 1) * (q_lost - auc**2)
    return float(np.sqrt(variance / (won * lost)))


def _auc_floor(metrics: Mapping[str, Any]) -> float:
    """The lower end of the interval of the model's AUC on weeks it had not seen."""
    if not {"auc", "n_deals", "base_rate"} <= set(metrics):
        return np.nan
    won = max(1, round(metrics["n_deals"] * metrics["base_rate"]))
    return float(metrics["auc"]) - _Z_OF_INTERVAL * auc_error(metrics["auc"], won, max(1, metrics["n_deals"] - won))


def _ece_by_chance(probability: Floats) -> float:
    """A calibration error that true probabilities exceed once in a hundred times, by simulation."""
    random = np.random.default_rng(_SEED)
    gaps = (random.random((_DRAWS, len(probability))) < probability) - probability
    place = np.minimum((probability * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    bins = place[:, None] == np.arange(CALIBRATION_BINS)
    errors = np.abs(gaps @ bins.astype("float64")).sum(axis=1) / len(probability)
    return float(np.quantile(errors, _INTERVAL))


def _judged(rows: Iterable[tuple[object, ...]], false_alarm_rate: float, policy: MonitoringPolicy) -> pd.DataFrame:
    """A window's rows with q-values and alarms: more or fewer wins than chance explains, or a figure out of its band."""
    checks = pd.DataFrame(rows, columns=[c for c in CHECK_COLUMNS if c not in ("q_value", "is_alarm", "finding")])
    q_value = q_values(checks["p_value"])
    is_off = q_value <= false_alarm_rate
    is_blind = (checks["auc_high"] < checks["auc_floor"]) & (checks["auc"] < checks["auc_floor"] - policy.auc_fall)
    is_untrue = checks["ece"] > checks["ece_limit"]
    found = checks.assign(q_value=q_value, is_alarm=is_off | is_blind | is_untrue)
    return found.assign(finding=[_finding(row) for row in found.itertuples()])[CHECK_COLUMNS]


def _finding(row: Any) -> str:
    words = (
        f"{row.actual_wins} of {row.n_deals} were won, {row.expected_wins:.1f} were expected (by chance {row.low:.0f} to"
        f" {row.high:.0f})"
    )
    if np.isnan(row.auc):
        return words
    return (
        f"{words}; AUC {row.auc:.2f} ({row.auc_low:.2f} to {row.auc_high:.2f}; its band begins at {row.auc_floor:.2f});"
        f" calibration error {row.ece:.3f} (its band ends at {row.ece_limit:.3f})"
    )
