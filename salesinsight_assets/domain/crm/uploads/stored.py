"""What is stored when an upload comes: it decides what a stage may be called, and what a later upload changes."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from salesinsight_assets.domain.crm.tables import crm_table

REVISED_TABLES = ("opportunities", "accounts", "users", "opportunity_stages")
"""The tables whose current rows an upload is compared with."""


@dataclass(frozen=True)
class StoredRows:
    """What is stored already.

    Attributes:
        current: the current rows of REVISED_TABLES by table name; a table may be left out.
        stages: every name that the stages ever had.
        stages_in_use: every name that a stored deal or its history has.
    """

    current: Mapping[str, pd.DataFrame] = field(default_factory=dict[str, pd.DataFrame])
    stages: frozenset[str] = frozenset()
    stages_in_use: frozenset[str] = frozenset()

    def rows(self, table: str) -> pd.DataFrame:
        """The current rows of a table, empty where there are none."""
        return self.current.get(table, pd.DataFrame(columns=crm_table(table).column_names))

    @property
    def told_until(self) -> pd.Timestamp | None:
        """The moment up to which the stored rows tell: the latest stamp of a deal or a stage."""
        stamps = [
            pd.to_datetime(self.rows(t)["system_modstamp"], utc=True) for t in ("opportunities", "opportunity_stages")
        ]
        latest = pd.concat(stamps).max()
        return None if pd.isna(latest) else latest


NOTHING_STORED = StoredRows()
