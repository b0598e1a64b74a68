"""The numbers behind the features."""

from dataclasses import dataclass


@dataclass(frozen=True)
class FeaturePolicy:
    """Numbers behind the features.

    `window_days`: how long a closed deal counts. `shrinkage_deals`: how many average deals a rate of one rep, source or
    industry is mixed with. `prior_win_rate`, `prior_deals`: what the company's own rate starts from; `prior_cycle_days`
    and `prior_stage_days` likewise.
    """

    window_days: int = 365
    shrinkage_deals: float = 20.0
    prior_win_rate: float = 0.3
    prior_deals: float = 4.0
    prior_cycle_days: float = 60.0
    prior_stage_days: float = 14.0
