"""How good probabilities are: AUC, Brier score, log loss and calibration, and whether they beat the base rate.

Snapshots of one deal share its outcome, so every interval is drawn by deal.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from salesinsight_assets.domain.history.grid import Floats

CALIBRATION_BINS = 10


@dataclass(frozen=True)
class Evaluation:
    """Figures on snapshots that the model had not seen; `ece` is the mean distance between said and happened.

    `brier_gain` is the base rate's Brier score less the model's, with its 95 % interval clustered by deal.
    """

    n_snapshots: int
    n_deals: int
    auc: float
    brier: float
    log_loss: float
    ece: float
    base_rate_brier: float
    brier_gain: float
    brier_gain_low: float
    brier_gain_high: float

    @property
    def beats_base_rate(self) -> bool:
        """Whether the whole interval of the gain lies above zero."""
        return self.brier_gain_low > 0


def evaluate(is_won: pd.Series, probability: Floats, deal: pd.Series, base_rate: Floats | float) -> Evaluation:
    """Judge `probability` of snapshots by their outcomes, beside `base_rate`; `deal` names the deal of each snapshot."""
    from sklearn.metrics import log_loss, roc_auc_score

    outcome = is_won.to_numpy("float64")
    squared, base_squared = (probability - outcome) ** 2, (base_rate - outcome) ** 2
    gain, low, high = _clustered_mean(base_squared - squared, deal)
    return Evaluation(
        n_snapshots=len(outcome),
        n_deals=int(deal.nunique()),
        auc=float(roc_auc_score(outcome, probability)),
        brier=float(squared.mean()),
        log_loss=float(log_loss(outcome, probability)),
        ece=expected_calibration_error(calibration_table(is_won, probability)),
        base_rate_brier=float(base_squared.mean()),
        brier_gain=gain,
        brier_gain_low=low,
        brier_gain_high=high,
    )


def calibration_table(is_won: pd.Series, probability: Floats) -> pd.DataFrame:
    """Said against happened: `bin_from`, `bin_to`, `n` snapshots, `predicted_rate`, `actual_rate`; empty bins left out."""
    place = np.minimum((probability * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    frame = pd.DataFrame({"bin": place, "predicted_rate": probability, "actual_rate": is_won.to_numpy("float64")})
    table = frame.groupby("bin").agg(
        n=("bin", "size"), predicted_rate=("predicted_rate", "mean"), actual_rate=("actual_rate", "mean")
    )
    table = table.reset_index()
    table.insert(0, "bin_from", table["bin"] / CALIBRATION_BINS)
    table.insert(1, "bin_to", (table["bin"] + 1) / CALIBRATION_BINS)
    return table.drop(columns="bin")


def expected_calibration_error(table: pd.DataFrame) -> float:
    """Mean distance between said and happened, weighted by the number of snapshots of each bin."""
    distance = (table["predicted_rate"] - table["actual_rate"]).abs()
    return float((distance * table["n"]).sum() / max(table["n"].sum(), 1))


def _clustered_mean(values: Floats, cluster: pd.Series) -> tuple[float, float, float]:
    """Mean with its 95 % interval, standard error clustered (Liang & Zeger 1986)."""
    mean = float(values.mean())
    sums = pd.Series(values - mean).groupby(cluster.to_numpy()).sum()
    error = float(np.sqrt((sums**2).sum())) / len(values)
    return mean, mean - 1.96 * error, mean + 1.96 * error
