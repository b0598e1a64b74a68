"""Both outcomes of every deal of the experiment: acted on within seven days without an alert, and with one.

A deal counts by its first alert, in the arm that it was drawn for, as the lift has it. Without an alert there is what happens in the
company by itself; with one, what the rep's rule adds, where the message would have been sent and the deal is still the rep's.
"""

import hashlib
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd

from salesinsight_assets.domain.experiments.sequences import ALPHA, Flags, log_evidence

WINDOW = timedelta(days=7)
_STAMP = "%Y-%m-%dT%H:%M:%S.000+0000"
_LIMIT = float(np.log(1 / ALPHA))


@dataclass
class Drawn:
    """A deal's first alert of the experiment; `would_be_told`: the last look would have passed, whichever arm it is in."""

    as_of: date
    sent_at: datetime
    owner_id: str
    opportunity_id: str
    is_out: bool
    would_be_told: bool
    would_act: bool = False
    without: bool = False

    @property
    def with_(self) -> bool:
        """Acted on, had it been alerted."""
        return self.without or self.would_act

    @property
    def seen(self) -> bool:
        """What the CRM shows."""
        return self.without if self.is_out else self.with_

    @property
    def known_on(self) -> date:
        """The day on which its seven days end."""
        return (self.sent_at + WINDOW).date()


def is_held_out(experiment: str, owner_id: str, opportunity_id: str, share: float) -> bool:
    """The draw, as docs/decisions/0009 has it: a hash of experiment, owner and deal."""
    digest = hashlib.sha256("\0".join((experiment, owner_id, opportunity_id)).encode()).digest()
    return int.from_bytes(digest[:8]) / 2**64 < share


def acted_by_itself(drawn: Drawn, activities: pd.DataFrame, history: pd.DataFrame, by_alerts: Collection[str]) -> bool:
    """Whether the owner did anything on the deal within the seven days that no alert of these days has led to.

    Args:
        drawn: the alert.
        activities: tasks and events of the CRM: `Id`, `WhatId`, `OwnerId`, `CreatedDate`, `IsDeleted`.
        history: the CRM's OpportunityHistory.
        by_alerts: the Ids of the activities that alerts have led to.
    """
    after, until = (moment.strftime(_STAMP) for moment in (drawn.sent_at, drawn.sent_at + WINDOW))
    mine = activities[(activities["WhatId"] == drawn.opportunity_id) & (activities["OwnerId"] == drawn.owner_id)]
    mine = mine[~mine["IsDeleted"].astype(bool) & ~mine["Id"].isin(list(by_alerts))]
    if mine["CreatedDate"].between(after, until, inclusive="right").any():
        return True
    states = history[history["OpportunityId"] == drawn.opportunity_id].sort_values(["CreatedDate", "Id"])
    values = states[["StageName", "Amount", "CloseDate"]]
    is_changed = (values != values.shift()).any(axis=1) & (np.arange(len(states)) > 0)
    is_own = (states["CreatedById"] == drawn.owner_id) & states["CreatedDate"].between(after, until, inclusive="right")
    return bool((is_changed & is_own).any())


@dataclass(frozen=True)
class Redraws:
    """Of many draws of the holdout the share whose interval held the truth at every look, and that ever knew the lift."""

    n: int
    covered: float
    known: float


def true_lift(deals: Sequence[Drawn]) -> float:
    """The mean of what alerts change; 0 of no deal."""
    return float(np.mean([deal.with_ - deal.without for deal in deals])) if deals else 0.0


def redraws(deals: Sequence[Drawn], looks: Sequence[date], share: float, n: int) -> Redraws:
    """The same deals under `n` other experiments of other names, looked at on the days `looks`."""
    ordered = sorted(deals, key=lambda deal: (deal.sent_at, deal.opportunity_id))
    is_out = np.array(
        [
            [is_held_out(f"redraw-{number}", deal.owner_id, deal.opportunity_id, share) for deal in ordered]
            for number in range(n)
        ],
        dtype=bool,
    )
    without, with_ = (np.array([getattr(deal, name) for deal in ordered], dtype=bool) for name in ("without", "with_"))
    ends = sorted({sum(deal.known_on <= look for deal in ordered) for look in looks} - {0})
    return redrawn(is_out, without, with_, ends, share)


def redrawn(is_out: Flags, without: Flags, with_: Flags, ends: Sequence[int], share: float) -> Redraws:
    """See `redraws`: a row of `is_out` a draw, both outcomes of each deal, and after how many deals it is looked."""
    is_success = np.where(is_out, without, with_)
    difference = with_.astype(float) - without
    is_missed, is_known = (np.zeros(len(is_out), dtype=bool) for _ in range(2))
    for end in ends:
        against_truth = log_evidence(is_out[:, :end], is_success[:, :end], float(difference[:end].mean()), share)
        is_missed |= against_truth[:, -1] >= _LIMIT
    against_nothing = log_evidence(is_out, is_success, 0.0, share)
    for end in ends:
        is_known |= against_nothing[:, end - 1] >= _LIMIT
    return Redraws(len(is_out), float(1 - is_missed.mean()), float(is_known.mean()))
