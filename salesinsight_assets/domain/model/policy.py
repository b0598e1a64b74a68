"""The numbers behind examples, training, the gate and the rule-based score."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class ExamplePolicy:
    """Which past weeks to learn from: `weeks` of them, the last one `settle_days` before training.

    By then most of the deals open in that week have been decided, so that the quickly decided ones do not dominate.
    """

    weeks: int = 52
    settle_days: int = 56

    def moments(self, trained_at: datetime) -> list[datetime]:
        """The moments of the snapshots, one a week, ascending."""
        last = trained_at - timedelta(days=self.settle_days)
        first = trained_at - timedelta(days=365)
        return sorted(m for m in (last - timedelta(weeks=n) for n in range(self.weeks)) if m >= first)


@dataclass(frozen=True)
class ModelPolicy:
    """Numbers behind training and the gate.

    `line_inverse_strength`: C of the line's penalty (see `fit_line`). `calibration_folds`: parts of the deals, each scored by
    a model that knows the others only, to calibrate on.
    `held_out_share`: share of the weeks, the last ones, for judgement. `least_won`, `least_lost`: decided deals below
    which there is no model. The trees are small because the data are: LightGBM's own defaults are
    clearly worse than the base rate on a few thousand deals.
    """

    trees: int = 300
    leaves: int = 7
    learning_rate: float = 0.05
    least_rows_in_leaf: int = 40
    l2: float = 10.0
    feature_share: float = 0.5
    line_inverse_strength: float = 0.01
    calibration_folds: int = 4
    held_out_share: float = 0.25
    least_won: int = 200
    least_lost: int = 200
    seed: int = 7


@dataclass(frozen=True)
class PromotionPolicy:
    """When a challenger takes over.

    It is compared with the champion once `least_resolved` deals are decided that both had scored. Where it is better, it is
    shown to `canary_share` of the reps for `canary_days`, and then to all.
    """

    least_resolved: int = 50
    canary_share: float = 0.1
    canary_days: int = 14


@dataclass(frozen=True)
class RulePolicy:
    """The rules' thresholds and their steps in log-odds."""

    slow_cycle_ratio: float = 1.2
    slow_step: float = -0.6
    quiet_days: float = 14.0
    quiet_step: float = -0.4
    pushes: float = 2.0
    pushes_step: float = -0.4
    late_stage: float = 0.7
    late_stage_step: float = 0.4
