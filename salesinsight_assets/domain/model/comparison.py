"""Champion against challenger on the same deals: who was nearer to what became of them.

Both said their probability of every open deal each night, from the same features. A deal counts once, however many nights
it was open, and only when it is decided. The result is looked at every night, so its interval holds at all nights at once.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

_ALPHA = 0.05
_TUNED_FOR = 500
"""The number of deals at which the interval is about narrowest for its kind."""
_MOST_DEALS = 1_000_000


@dataclass(frozen=True)
class Comparison:
    """The champion's mean Brier score less the challenger's, over decided deals: above zero, the challenger is better.

    `low` and `high` bound it with 95 % at every number of deals at once; `deals_needed` is how many decided deals it would
    take to tell them apart, if the difference stays what it is (None: it is zero, or there are too few deals to say).
    """

    n_deals: int
    champion_brier: float
    challenger_brier: float
    gain: float
    low: float
    high: float
    deals_needed: int | None

    @property
    def sentence(self) -> str:
        """The result in words."""
        if not self.n_deals:
            return "no deal is decided yet that both had scored"
        told = (
            f"Brier {self.challenger_brier:.4f} against {self.champion_brier:.4f} on {self.n_deals} decided deals"
            f" (difference {self.gain:+.4f}, 95 % interval {self.low:+.4f} to {self.high:+.4f})"
        )
        if self.low > 0 or self.high < 0 or self.deals_needed is None:
            return told
        return f"{told}; about {max(self.deals_needed - self.n_deals, 1):,} more decided deals would tell"


def compare(pairs: pd.DataFrame) -> Comparison:
    """Compare two models.

    Args:
        pairs: one row a decided deal and night: `opportunity_id`, `champion` and `challenger` (P(won)), `is_won`.
    """
    outcome = pairs["is_won"].to_numpy("float64")
    scores = pd.DataFrame(
        {
            "champion": (pairs["champion"].to_numpy("float64") - outcome) ** 2,
            "challenger": (pairs["challenger"].to_numpy("float64") - outcome) ** 2,
        }
    )
    of_deals = scores.groupby(pairs["opportunity_id"].to_numpy()).mean()
    gains = (of_deals["champion"] - of_deals["challenger"]).to_numpy()
    n = len(gains)
    if n < 2:
        means = [float(of_deals[name].mean()) if n else float("nan") for name in ("champion", "challenger")]
        return Comparison(n, means[0], means[1], float(gains.mean()) if n else 0.0, -np.inf, np.inf, None)
    mean, spread = float(gains.mean()), float(gains.std(ddof=1))
    radius = spread * _radius(n)
    return Comparison(
        n_deals=n,
        champion_brier=float(of_deals["champion"].mean()),
        challenger_brier=float(of_deals["challenger"].mean()),
        gain=mean,
        low=mean - radius,
        high=mean + radius,
        deals_needed=_deals_needed(abs(mean), spread),
    )


def _radius(n: int) -> float:
    """Half the width of a confidence sequence for a mean, in standard deviations.

    The asymptotic one of Waudby-Smith et al. (2024, Annals of Statistics), Theorem 2.2; its parameter is chosen by their
    equation for the narrowest interval at `_TUNED_FOR`.
    """
    rho2 = (-2 * np.log(_ALPHA) + np.log(-2 * np.log(_ALPHA) + 1)) / _TUNED_FOR
    return float(np.sqrt(2 * (n * rho2 + 1) / (n**2 * rho2) * np.log(np.sqrt(n * rho2 + 1) / _ALPHA)))


def _deals_needed(difference: float, spread: float) -> int | None:
    """The least number of deals at which the interval of such a difference leaves zero out."""
    if difference == 0 or spread * _radius(_MOST_DEALS) >= difference:
        return None
    low, high = 2, _MOST_DEALS
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if spread * _radius(middle) < difference else (middle + 1, high)
    return low
