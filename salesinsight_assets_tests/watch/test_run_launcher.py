"""A run whose process is gone is noticed, whoever began it, and one whose process is there is left alone."""

import json
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager

import dagster as dg
import pytest
from dagster._core.events import EngineEventData
from dagster._core.launcher.base import WorkerStatus
from dagster._core.storage.tags import GRPC_INFO_TAG
from dagster._grpc.client import DagsterGrpcClient

from salesinsight_assets.run_launcher import HOST_TAG, WatchedRunLauncher, this_host


@pytest.fixture
def instance() -> Generator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def process() -> Generator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"]) as child:
        yield child
        child.kill()


def health(instance: dg.DagsterInstance, number: int | None, **tags: str) -> WorkerStatus:
    """What is said of a run whose process told its number."""
    launcher = WatchedRunLauncher()
    launcher.register_instance(instance)
    run = dg.DagsterRun("night", tags={HOST_TAG: this_host(), **tags})
    instance.add_run(run)
    if number is not None:
        instance.report_engine_event("Started process for run", run, EngineEventData.in_process(number))
    return launcher.check_run_worker_health(run).status


def test_dagster_asks_this_launcher() -> None:
    assert WatchedRunLauncher().supports_check_run_worker_health


def test_a_run_is_well_while_its_process_is_there(instance, process) -> None:
    assert health(instance, process.pid) == WorkerStatus.RUNNING


def test_a_process_that_was_killed_is_noticed_also_before_anyone_has_reaped_it(instance, process) -> None:
    process.kill()
    while process.poll() is None and not _is_zombie(process.pid):
        pass
    assert health(instance, process.pid) == WorkerStatus.NOT_FOUND


def _is_zombie(number: int) -> bool:
    import psutil

    return psutil.Process(number).status() == psutil.STATUS_ZOMBIE


def test_a_process_that_has_the_number_since_later_is_another_one(instance, process, monkeypatch) -> None:
    import psutil

    began = psutil.Process(process.pid).create_time()
    monkeypatch.setattr("time.time", lambda: began - 3600)
    assert health(instance, process.pid) == WorkerStatus.NOT_FOUND


def test_a_run_that_has_told_no_process_yet_or_is_elsewhere_counts_as_running(instance) -> None:
    assert health(instance, None) == WorkerStatus.RUNNING
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert health(instance, gone.pid) == WorkerStatus.NOT_FOUND
    assert health(instance, gone.pid, **{HOST_TAG: "another-machine"}) == WorkerStatus.RUNNING


@contextmanager
def code_server(answers: bool) -> Generator[int]:
    """The port of a real code server which has no run, or one where nothing answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    if not answers:
        yield port
        return
    arguments = [sys.executable, "-m", "dagster", "api", "grpc", "--module-name", "json", "--lazy-load-user-code"]
    with subprocess.Popen([*arguments, "--host", "127.0.0.1", "--port", str(port)]) as child:
        client = DagsterGrpcClient(port=port, host="127.0.0.1")
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                client.ping("")
                break
            except dg.DagsterError:
                time.sleep(0.2)
        try:
            yield port
        finally:
            child.kill()


@pytest.mark.parametrize(("answers", "expected"), [(True, WorkerStatus.NOT_FOUND), (False, WorkerStatus.RUNNING)])
def test_of_a_run_on_another_machine_its_code_server_is_asked(
    instance, process, monkeypatch, answers, expected
) -> None:
    """The number of its process is another one's here, dead or alive."""
    monkeypatch.setattr("salesinsight_assets.run_launcher._HERE", ())
    with code_server(answers) as port:
        told = {GRPC_INFO_TAG: json.dumps({"host": "127.0.0.1", "port": port})}
        assert health(instance, process.pid, **told) == expected
