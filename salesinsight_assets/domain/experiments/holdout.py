"""The holdout: a share of the day's alerts keeps its place and is not sent, so that what alerts change can be seen.

A deal of an owner is always drawn the same way during one experiment, by a hash: whatever is run again draws the same.
"""

import hashlib
from dataclasses import dataclass

import numpy as np
import pandas as pd

from salesinsight_assets.domain.alerts.episodes import HELD_OUT, TO_SEND

ALERTED = "alerted"
"""The arm of the alerts that were drawn to be sent; that of the others is called as their status, `held_out`."""
BECAUSE = "held out to measure whether alerts help"


@dataclass(frozen=True)
class HoldoutPolicy:
    """`is_on`: the switch. `share` of the alerts is held out, none above `never_above_amount` in the company's currency.

    `experiment`: another name draws all deals anew, and the measurement begins at nothing; so does another share.

    Raises:
        ValueError: a share that is none, or that is more than half.
    """

    is_on: bool = True
    share: float = 0.20
    never_above_amount: float = 250_000.0
    experiment: str = "holdout-1"

    def __post_init__(self) -> None:
        """Refuse a share that would hold back most alerts, such as 20 for 20 %."""
        if not 0 < self.share <= 0.5:
            raise ValueError(f"share: expected more than 0 and 0.5 at most, got {self.share!r}")

    @property
    def label(self) -> str:
        """What the experiment is called where its deals are stored.

        >>> HoldoutPolicy().label
        'holdout-1, 20% held out'
        """
        return f"{self.experiment}, {100 * self.share:.6g}% held out"


def with_holdout(alerts: pd.DataFrame, policy: HoldoutPolicy) -> pd.DataFrame:
    """`alerts` with `experiment` and `arm`, and those that are drawn no longer `to_send` but `held_out`, with the reason.

    Drawn are alerts `to_send`, whatever their score rests on, after every limit: one that is held out keeps its place. A
    deal whose amount is not known may be a large one, and is told of; so is one without an owner.

    Args:
        alerts: see `daily_alerts`: `opportunity_id`, `owner_id`, `amount` (company currency), `status`, `suppressed_because`.
        policy: whom to draw.

    Returns:
        All rows in their order; `experiment` and `arm` (`alerted` or `held_out`) are None where nothing was drawn.
    """
    is_small = alerts["amount"].to_numpy("float64") <= policy.never_above_amount  # False where it is missing
    is_drawn = alerts["status"].eq(TO_SEND) & is_small & alerts["owner_id"].notna() & policy.is_on
    deals = zip(alerts["owner_id"], alerts["opportunity_id"], strict=True)
    is_below = np.array([place(policy.label, str(owner), deal) < policy.share for owner, deal in deals], dtype=bool)
    is_out = is_drawn & is_below
    arm = pd.Series(np.where(is_below, HELD_OUT, ALERTED), index=alerts.index, dtype=object)
    return alerts.assign(
        status=alerts["status"].mask(is_out, HELD_OUT),
        suppressed_because=alerts["suppressed_because"].astype(object).mask(is_out, BECAUSE),
        experiment=pd.Series(policy.label, index=alerts.index, dtype=object).where(is_drawn, None),
        arm=arm.where(is_drawn, None),
    )


def place(experiment: str, owner_id: str, opportunity_id: str) -> float:
    """Where a deal of an owner lies between 0 and 1: spread evenly, and each experiment as if drawn anew.

    >>> place("holdout-1", "005A", "006A") == place("holdout-1", "005A", "006A") != place("holdout-2", "005A", "006A")
    True
    """
    text = "\0".join((experiment, owner_id, opportunity_id))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) / 2**64
