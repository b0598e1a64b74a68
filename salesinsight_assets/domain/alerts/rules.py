"""The rules: each a name, a priority, a condition over all open deals, and the sentence that states it.

Every condition takes a frame with `win_probability`, `win_probability_7d_ago`, `amount` (company currency), `age_days`
and `expected_cycle_days`, and gives one boolean a row.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from salesinsight_assets.domain.alerts.policy import AlertPolicy

HIGH, MEDIUM = "HIGH", "MEDIUM"


@dataclass(frozen=True)
class AlertRule:
    """One rule.

    `fact` is the reason it coincides with, if any (see features), so that no fact is told twice. One that `needs_signal`
    is silent where a deal's win probability is only the base rate of its stage.
    """

    name: str
    priority: str
    condition: Callable[[pd.DataFrame, AlertPolicy], np.ndarray]
    sentence: Callable[["pd.Series[float]"], str | None]
    fact: str | None = None
    needs_signal: bool = False


def likely_loss(deals: pd.DataFrame, policy: AlertPolicy) -> np.ndarray:
    """Win probability below 30 % on more than $50,000."""
    is_unlikely = deals["win_probability"] < policy.likely_loss_below
    return (is_unlikely & (deals["amount"] > policy.likely_loss_amount)).to_numpy(bool)


def slow_deal(deals: pd.DataFrame, policy: AlertPolicy) -> np.ndarray:
    """Older than the expected cycle by more than 20 %."""
    return (deals["age_days"] > deals["expected_cycle_days"] * (1 + policy.slow_over)).to_numpy(bool)


def sudden_drop(deals: pd.DataFrame, policy: AlertPolicy) -> np.ndarray:
    """Win probability fell by more than 15 percentage points in seven days."""
    fall = deals["win_probability_7d_ago"] - deals["win_probability"]
    return (fall.round(9) > policy.drop_points).to_numpy(bool)  # 0.45 - 0.30 is a little more than 0.15


def _slow_sentence(deal: "pd.Series[float]") -> str:
    over = deal["age_days"] / deal["expected_cycle_days"] - 1
    return (
        f"Sales cycle {over:.0%} longer than expected"
        f" ({deal['age_days']:.0f} days; {deal['expected_cycle_days']:.0f} expected)"
    )


def _drop_sentence(deal: "pd.Series[float]") -> str:
    return f"Win probability fell from {deal['win_probability_7d_ago']:.0%} to {deal['win_probability']:.0%} in 7 days"


RULES: tuple[AlertRule, ...] = (
    AlertRule("likely_loss", HIGH, likely_loss, lambda _: None, needs_signal=True),  # the head states both numbers
    AlertRule("sudden_drop", MEDIUM, sudden_drop, _drop_sentence, needs_signal=True),
    AlertRule("slow_deal", MEDIUM, slow_deal, _slow_sentence, fact="age"),
)
"""In order of precedence: a deal under several rules is told under the first."""


def rule_called(name: str) -> AlertRule:
    """The rule of that name; KeyError if there is none."""
    return {rule.name: rule for rule in RULES}[name]
