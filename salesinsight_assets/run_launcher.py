"""Dagster's default run launcher, which also notices that the process of a run is gone. Named in `dagster.yaml`.

Dagster's own code server notices it only while it can write to the database: after an outage of that, or where it was killed
itself, a run would stay *started* for ever and hold its place. Here the daemon looks at the process, whoever began it; where
the code server is on another machine, or in a container of its own, the daemon asks that server.
"""

import json
import socket
from datetime import timedelta

import dagster as dg
import psutil
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher import DefaultRunLauncher
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult
from dagster._serdes import deserialize_value

HOST_TAG = "salesinsight/host"
"""Where the process of a run is; a process on another machine cannot be looked at, and counts as running."""
_CLOCK_TICK = timedelta(seconds=1)
"""The kernel's start time of a process is rounded."""
_HERE = ("localhost", "127.0.0.1", "::1")
_ASK_SECONDS = 10


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
        if _has_server_elsewhere(run):
            return self._as_its_server_says(run)
        found = self._process(run)
        if found is None or run.tags.get(HOST_TAG, this_host()) != this_host():
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        number, told_at = found
        if _is_that_process(number, told_at):
            return CheckRunHealthResult(WorkerStatus.RUNNING, run_worker_id=str(number))
        return CheckRunHealthResult(
            WorkerStatus.NOT_FOUND, f"its process {number} has ended", run_worker_id=str(number)
        )

    def _as_its_server_says(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        """NOT_FOUND where the code server that took the run has it no longer; a server that does not answer tells nothing."""
        client = self._get_grpc_client_for_termination(run.run_id)
        if client is None:  # it has ended meanwhile
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        try:
            told = client.can_cancel_execution(CanCancelExecutionRequest(run_id=run.run_id), timeout=_ASK_SECONDS)
        except DagsterUserCodeUnreachableError:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        if deserialize_value(told, CanCancelExecutionResult).can_cancel:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(WorkerStatus.NOT_FOUND, f"the code server on {client.host} has no such run")

    def _process(self, run: dg.DagsterRun) -> tuple[int, float] | None:
        """The number of the run's process, and when it told it; None before it has."""
        for entry in self._instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT):
            event = entry.dagster_event
            told = event.engine_event_data.metadata.get("pid") if event else None
            number = "" if told is None else str(told.value)
            if number.isdigit():
                return int(number), entry.timestamp
        return None


def _has_server_elsewhere(run: dg.DagsterRun) -> bool:
    """Whether the run was given to a code server on another machine: the number of its process means nothing here."""
    told = json.loads(run.tags.get(GRPC_INFO_TAG, "{}"))
    return "port" in told and told["host"] not in (*_HERE, this_host())


def _is_that_process(number: int, told_at: float) -> bool:
    """Whether a process runs under a number since before it was told: another one may have the number by now."""
    try:
        process = psutil.Process(number)
        is_it = process.create_time() <= told_at + _CLOCK_TICK.total_seconds()
        return is_it and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
