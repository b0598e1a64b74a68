"""Proposals: a rule whose alerts owners do not find helpful could tell of fewer deals. Only proposed, never applied by itself."""

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from salesinsight_assets.domain.alerts.policy import AlertPolicy
from salesinsight_assets.domain.feedback.rates import RULE, RatePolicy
from salesinsight_assets.domain.history.grid import Floats


@dataclass(frozen=True)
class _Threshold:
    """The entry of `[alerts]` that a rule goes by, the number of an alert that is compared with it, and which side is told."""

    entry: str
    value: Callable[[pd.DataFrame], pd.Series]
    is_below: bool = False


_THRESHOLDS = {
    "likely_loss": _Threshold("likely_loss_below", lambda alerts: alerts["win_probability"], is_below=True),
    "slow_deal": _Threshold("slow_over", lambda alerts: alerts["age_days"] / alerts["expected_cycle_days"] - 1),
    "sudden_drop": _Threshold(
        "drop_points", lambda alerts: alerts["win_probability_7d_ago"] - alerts["win_probability"]
    ),
}


@dataclass(frozen=True)
class Proposal:
    """For one rule the entry of `[alerts]`, its value now, and one that would have left out `left_out` of its `n_alerts`."""

    rule: str
    entry: str
    now: float
    proposed: float
    left_out: int
    n_alerts: int
    because: str

    @property
    def sentence(self) -> str:
        """The proposal in words."""
        return (
            f"{self.because}; proposed: {self.entry} {self.now:.2f} -> {self.proposed:.2f}, which would have left out"
            f" {self.left_out} of its {self.n_alerts} alerts"
        )


def proposals(rates: pd.DataFrame, told: pd.DataFrame, now: AlertPolicy, policy: RatePolicy) -> dict[str, Proposal]:
    """By rule, for those that are not helpful beyond chance.

    Args:
        rates: see `alert_rates`.
        told: the alerts behind them, with `rule`, `win_probability`, `win_probability_7d_ago`, `age_days`,
            `expected_cycle_days` as they were on their day.
        now: the present thresholds.
        policy: which rules are not helpful.
    """
    of_rules = rates[rates["dimension"].eq(RULE) & rates["segment"].isin(list(_THRESHOLDS))]
    is_judged = of_rules["verdicts"] >= policy.least_verdicts
    is_useless = of_rules["helpful_high"].astype("float64") < policy.helpful_below
    found = {
        str(row["segment"]): _proposal(row, told[told["rule"] == row["segment"]], now)
        for row in of_rules[is_judged & is_useless].to_dict("records")
    }
    return {rule: proposal for rule, proposal in found.items() if proposal is not None}


def _proposal(row: Mapping[Hashable, Any], told: pd.DataFrame, now: AlertPolicy) -> Proposal | None:
    """The threshold, to two digits, that leaves out about half of a rule's alerts; None where none is narrower."""
    rule = str(row["segment"])
    threshold = _THRESHOLDS[rule]
    values = threshold.value(told).dropna().to_numpy("float64")
    if not len(values):
        return None
    present, proposed = float(getattr(now, threshold.entry)), round(float(np.median(values)), 2)
    is_narrower = proposed < present if threshold.is_below else proposed > present
    left_out = int(_is_left_out(values, proposed, threshold.is_below).sum())
    if not is_narrower or not left_out:
        return None
    because = (
        f"{rule}: {row['helpful']} of {row['verdicts']} verdicts call it helpful"
        f" ({row['helpful_rate']:.0%}, 95 % interval {row['helpful_low']:.0%} to {row['helpful_high']:.0%})"
    )
    return Proposal(rule, threshold.entry, present, proposed, left_out, len(values), because)


def _is_left_out(values: Floats, proposed: float, is_below: bool) -> np.ndarray:
    return values >= proposed if is_below else values <= proposed
