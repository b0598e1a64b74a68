"""Dagster's default run launcher, which also notices that the process of a run is gone. Named in `dagster.yaml`.

Dagster's own code server notices it only while it can write to the database: after an outage of that, or where it was killed
itself, a run would stay *started* for ever and hold its place. Here the daemon looks at the process, whoever began it.
"""

import socket
from datetime import timedelta

import dagster as dg
import psutil
from dagster._core.launcher import DefaultRunLauncher
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus

HOST_TAG = "salesinsight/host"
"""Where the process of a run is; a process on another machine cannot be looked at, and counts as running."""
_CLOCK_TICK = timedelta(seconds=1)
"""The kernel's start time of a process is rounded."""


def this_host() -> str:
    """The name of this machine, or of this container."""
    return socket.gethostname()


class WatchedRunLauncher(DefaultRunLauncher):
    """Launches runs in the code location's server, and says of a started run whether its process is there."""

    @property
    def supports_check_run_worker_health(self) -> bool:
        """It does, so that run monitoring asks."""
        return True

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """RUNNING, or NOT_FOUND where the process has ended without saying so."""
        found = self._process(run)
        if found is None or run.tags.get(HOST_TAG, this_host()) != this_host():
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        number, told_at = found
        if _is_that_process(number, told_at):
            return CheckRunHealthResult(WorkerStatus.RUNNING, run_worker_id=str(number))
        return CheckRunHealthResult(
            WorkerStatus.NOT_FOUND, f"its process {number} has ended", run_worker_id=str(number)
        )

    def _process(self, run: dg.DagsterRun) -> tuple[int, float] | None:
        """The number of the run's process, and when it told it; None before it has."""
        for entry in self._instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT):
            event = entry.dagster_event
            told = event.engine_event_data.metadata.get("pid") if event else None
            number = "" if told is None else str(told.value)
            if number.isdigit():
                return int(number), entry.timestamp
        return None


def _is_that_process(number: int, told_at: float) -> bool:
    """Whether a process runs under a number since before it was told: another one may have the number by now."""
    try:
        process = psutil.Process(number)
        is_it = process.create_time() <= told_at + _CLOCK_TICK.total_seconds()
        return is_it and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
