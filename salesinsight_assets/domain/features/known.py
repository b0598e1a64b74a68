"""What every theme of features starts from: the snapshots, the history behind them, the closed deals as of then."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from salesinsight_assets.domain.features.closed_deals import ClosedDeals
from salesinsight_assets.domain.features.policy import FeaturePolicy
from salesinsight_assets.domain.history.grid import Floats, Ints, Times, codes_of, utc_times
from salesinsight_assets.domain.history.snapshots import History, Snapshots
from salesinsight_assets.domain.history.stages import stage_positions

Facts = Mapping[str, Floats]
"""What is known of each snapshot, by name, before anything is worked out of it; NaN where unknown."""


@dataclass(frozen=True)
class Known:
    """The knowledge that features may use; `column(name)` of the snapshots, one value a snapshot row."""

    history: History
    snapshots: Snapshots
    closed: ClosedDeals
    policy: FeaturePolicy

    def state(self, name: str) -> Floats:
        """A numeric column of each snapshot's state."""
        return self.history.states[name].to_numpy("float64")[self.snapshots.state]

    def days_since(self, column: pd.Series) -> Floats:
        """Days from a timestamp column of the snapshots to their moment."""
        return (self.moments - utc_times(column)) / np.timedelta64(1, "D")

    def stage_position(self) -> Floats:
        """The place of each snapshot's stage among the open stages known then, 0 first, 1 last."""
        history = self.history
        codes = codes_of(history.states["stage_name"], pd.Index(history.stages["stage_name"]))
        table = stage_positions(history.stages, history.states, self.snapshots.grid)
        return self.at_key(table, codes[self.snapshots.state])

    @property
    def moments(self) -> Times:
        """The moment of each snapshot, UTC datetime64[us]."""
        return self.snapshots.grid.moments[self.snapshots.moment]

    @property
    def days(self) -> Times:
        """The calendar day of each snapshot's moment."""
        return self.snapshots.grid.days[self.snapshots.moment]

    def codes(self, column: str) -> tuple[Ints, Ints, int]:
        """A shared code for a column's values in snapshots and closed deals, -1 for missing, and the count of codes."""
        open_values, closed_values = self.snapshots.frame[column], self.closed.frame[column]
        both = pd.concat([open_values.astype(object), closed_values.astype(object)], ignore_index=True)
        codes, distinct = pd.factorize(both)
        return codes[: len(open_values)], codes[len(open_values) :], len(distinct)

    def at_key(self, table: Floats, keys: Ints) -> Floats:
        """Each snapshot's value from a (key, moment) table; NaN where it has no key."""
        if not len(table):
            return np.full(len(keys), np.nan)
        return np.where(keys >= 0, table[keys, self.snapshots.moment], np.nan)

    def company(self, row: Floats) -> Floats:
        """Each snapshot's value from a row of one value a moment."""
        return row[self.snapshots.moment]
