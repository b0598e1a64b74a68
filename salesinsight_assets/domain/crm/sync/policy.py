"""The numbers of a sync."""

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True)
class SyncPolicy:
    """How much at a time and how often.

    A large read is stored in parts of at most `rows_at_once`, so that an interrupted one goes on from its last part. Every
    `days_between_comparisons` all Ids are compared with the CRM's own. Where more than `most_missing_share` of the stored
    rows, and more than `most_missing_rows`, are missing at once there, nothing is marked as deleted.
    """

    rows_at_once: int = 250_000
    objects_at_once: int = 4
    days_between_comparisons: int = 7
    most_missing_share: float = 0.2
    most_missing_rows: int = 1000

    @property
    def comparison_interval(self) -> timedelta:
        """How long a comparison of all Ids holds."""
        return timedelta(days=self.days_between_comparisons)
