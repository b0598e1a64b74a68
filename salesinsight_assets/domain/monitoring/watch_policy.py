"""The numbers behind the night watch: from when on something is late or slow, and how long a repair may take."""

from dataclasses import dataclass


@dataclass(frozen=True)
class WatchPolicy:
    """When the data engineer is told.

    An asset is late `late_after_minutes` after its step's time. A step is slow once it takes more than `slow_factor` times the
    median of its last `usual_runs` runs (at least `least_runs` of them), and `slow_least_minutes` more. What was late because of
    something that is over has `catch_up_minutes` to come, else it is told of by itself. A failed run that nobody repairs is given
    up after `failures_last_hours`. `settle_seconds` are given to whoever finds the cause, so that the cause is told and not what
    it did.

    The watcher outside Dagster (`salesinsight watch`) tells once the database does not answer for `database_after_seconds`, once
    Dagster's sensors have not looked for `sensors_after_seconds`, and below `least_disk_share` of free disk space.

    `runbook_url` is where docs/runbook.md is read; empty: the dashboard's own page.
    """

    late_after_minutes: int = 55
    slow_factor: float = 2.0
    usual_runs: int = 30
    least_runs: int = 7
    slow_least_minutes: float = 3.0
    catch_up_minutes: int = 120
    failures_last_hours: int = 48
    settle_seconds: int = 60
    database_after_seconds: int = 60
    sensors_after_seconds: int = 300
    least_disk_share: float = 0.05
    runbook_url: str = ""

    def __post_init__(self) -> None:
        if not 1 <= self.late_after_minutes <= 24 * 60:
            raise ValueError(f"late_after_minutes: expected 1 to 1440, got {self.late_after_minutes}")
        if not self.slow_factor > 1:
            raise ValueError(f"slow_factor: expected more than 1, got {self.slow_factor}")
        if not 0 <= self.least_disk_share < 1:
            raise ValueError(f"least_disk_share: expected 0 to 1, got {self.least_disk_share}")
