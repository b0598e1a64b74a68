"""The lift of alerts: what was done, and what was won, of deals that were to be told of, against those held out.

By intention to treat: a deal counts in the arm that it was drawn for, at its first alert, whatever became of the message. What the
last look before sending leaves out stays in, since nobody looks at those held out; so does an owner without an address.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from salesinsight_assets.domain.alerts.episodes import HELD_OUT
from salesinsight_assets.domain.experiments.sequences import Flags, Interval, difference_interval
from salesinsight_assets.domain.shares import about

ACTED_ON, WON = "acted on", "won"
_MOST_DEALS = 100_000
_IN_WORDS = {ACTED_ON: "acted on", WON: "won of those decided"}


@dataclass(frozen=True)
class Arm:
    """`part` of `n` deals."""

    part: int
    n: int

    @property
    def rate(self) -> float | None:
        """The share; None of no deal."""
        return self.part / self.n if self.n else None


@dataclass(frozen=True)
class Lift:
    """The share of a measure among alerted deals less that among those held out, in `interval` with 95 % at every look."""

    measure: str
    alerted: Arm
    held_out: Arm
    interval: Interval

    @property
    def difference(self) -> float | None:
        """Above zero, alerts help; None while one of the arms is empty."""
        if self.alerted.rate is None or self.held_out.rate is None:
            return None
        return self.alerted.rate - self.held_out.rate

    @property
    def is_known(self) -> bool:
        """Whether the arms are told apart."""
        return self.interval.low > 0 or self.interval.high < 0

    @property
    def more_needed(self) -> int | None:
        """About how many more deals would tell them apart, if the difference stays; None: they are, or nobody can say.

        The interval narrows with the square root of the number of deals, a little slower.
        """
        if self.is_known or not self.difference:
            return None
        reach = self.difference - self.interval.low if self.difference > 0 else self.interval.high - self.difference
        n = self.alerted.n + self.held_out.n
        needed = n * (reach / self.difference) ** 2
        return int(np.ceil(needed)) - n if needed <= _MOST_DEALS else None

    @property
    def figures(self) -> dict[str, object]:
        """The result as a row of a table."""
        return {
            "measure": self.measure,
            "n_alerted": self.alerted.n,
            "n_held_out": self.held_out.n,
            "alerted_rate": self.alerted.rate,
            "held_out_rate": self.held_out.rate,
            "difference": self.difference,
            "low": self.interval.low,
            "high": self.interval.high,
            "more_needed": self.more_needed,
            "finding": self.sentence,
        }

    @property
    def sentence(self) -> str:
        """The result in words."""
        if self.difference is None:
            return f"{_told(self.alerted, 'alerts')}; {_told(self.held_out, 'held out')}: not yet known"
        low, high = _points(self.interval.low), _points(self.interval.high)
        return (
            f"{_told(self.alerted, 'alerts', _IN_WORDS[self.measure])}; {_told(self.held_out, 'held out')};"
            f" difference {_points(self.difference)} pp, 95 % interval {low} to {high} pp at every look: {self._verdict}"
        )

    @property
    def _verdict(self) -> str:
        if self.is_known:
            return f"{_IN_WORDS[self.measure]} {'more' if self.interval.low > 0 else 'less'} often with alerts"
        more = self.more_needed
        if more is None:
            return "not yet known"
        return f"not yet known; about {about(more)} more deals would tell, if the difference stays"


def lifts(outcomes: pd.DataFrame, decided: pd.DataFrame, experiment: str, share: float) -> list[Lift]:
    """The lift on what was acted on within seven days, and on what was won.

    Args:
        outcomes: see `alert_outcomes`, of all days until the look.
        decided: the deals decided by then: `opportunity_id`, `is_won`, `decided_on`.
        experiment: the label of the experiment.
        share: with which probability its deals were held out.
    """
    first = first_alerts(outcomes, experiment)
    won = first.merge(decided, on="opportunity_id").sort_values(["decided_on", "opportunity_id"], kind="stable")
    return [_lift(ACTED_ON, first, "is_acted_on", share), _lift(WON, won, "is_won", share)]


def first_alerts(outcomes: pd.DataFrame, experiment: str) -> pd.DataFrame:
    """Of each deal of an experiment its first alert, in the order in which they were sent."""
    drawn = outcomes[outcomes["experiment"] == experiment]
    return drawn.sort_values(["sent_at", "opportunity_id"], kind="stable").drop_duplicates("opportunity_id")


def _lift(measure: str, deals: pd.DataFrame, column: str, share: float) -> Lift:
    is_out = deals["arm"].eq(HELD_OUT).to_numpy(bool)
    is_success = deals[column].to_numpy(bool)
    interval = difference_interval(is_out, is_success, share)
    return Lift(measure, _arm(is_success[~is_out]), _arm(is_success[is_out]), interval)


def _arm(is_success: Flags) -> Arm:
    return Arm(int(is_success.sum()), len(is_success))


def _told(arm: Arm, name: str, measure: str = "") -> str:
    rate = "none" if arm.rate is None else f"{arm.rate:.0%}{f' {measure}' if measure else ''}"
    return f"{name}: {rate} (n = {arm.n:,})"


def _points(share: float) -> str:
    return f"{100 * share:+.0f}"
