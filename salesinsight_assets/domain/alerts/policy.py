"""The numbers of the alert rules and limits."""

from dataclasses import dataclass


@dataclass(frozen=True)
class AlertPolicy:
    """Thresholds, each as `product.md` words it; amounts in the company's currency, shares between 0 and 1.

    `likely_loss_below`, `likely_loss_amount`: win probability and amount of a likely loss. `slow_over`: share of the
    expected cycle beyond which a deal is slow. `drop_points`: fall of the win probability in seven days. `max_per_rep_per_day`
    is the cap; `riskiest_share` what is kept on a day with more alerts than that share of the open deals. An episode is
    told again after `repeat_after_days`, or when the win probability fell by `worse_points` since it was told.
    """

    likely_loss_below: float = 0.30
    likely_loss_amount: float = 50_000.0
    slow_over: float = 0.20
    drop_points: float = 0.15
    max_per_rep_per_day: int = 3
    riskiest_share: float = 0.20
    repeat_after_days: int = 7
    worse_points: float = 0.10
