"""What a `salesinsight dev` that is killed leaves behind, and that the next one finds it."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from salesinsight_assets.cli.only_dev import OnlyDev, only_dev
from salesinsight_assets.cli.options import BadInputError

KILLED_AFTER_ITS_START = """
import os, signal, subprocess, sys, time
from pathlib import Path
from salesinsight_assets.cli.only_dev import only_dev
with only_dev(Path(sys.argv[1])) as dev:
    sleeper = dev.noted([sys.executable, "-c", "import time; time.sleep(60)"])
    child = subprocess.Popen(sleeper, start_new_session=True, stdout=subprocess.DEVNULL)
    time.sleep(float(sys.argv[2]))
    print(child.pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("seconds", [0, 0.05, 0.1, 0.2, 0.3, 1])
def test_a_launcher_killed_at_any_moment_leaves_no_session_that_the_next_one_does_not_end(
    tmp_path: Path, wait_for, seconds: float
) -> None:
    launched = subprocess.run(
        [sys.executable, "-c", KILLED_AFTER_ITS_START, str(tmp_path), str(seconds)],
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert launched.returncode == -signal.SIGKILL
    child = psutil.Process(int(launched.stdout)) if psutil.pid_exists(int(launched.stdout)) else None
    wait_for(lambda: child is None or not _alive(child) or "session" in _noted(tmp_path), 10)
    with only_dev(tmp_path):
        assert child is None or not _alive(child)
    assert list(tmp_path.iterdir()) == []


def test_the_session_is_noted_before_the_command_begins(tmp_path: Path) -> None:
    with only_dev(tmp_path) as dev:
        shows = [sys.executable, "-c", f"print(open({str(tmp_path / 'dev.json')!r}).read())"]
        child = subprocess.Popen(dev.noted(shows), start_new_session=True, stdout=subprocess.PIPE, text=True)
        output, _ = child.communicate(timeout=30)
        noted = json.loads(output)
        assert (noted["session"], noted["launcher"]) == (child.pid, os.getpid())
        with pytest.raises(BadInputError, match="expected no other `salesinsight dev`"), only_dev(tmp_path):
            pass


def test_a_command_whose_launcher_has_ended_does_not_begin(tmp_path: Path) -> None:
    dev = OnlyDev(tmp_path / "dev.json")
    dev._launcher["launcher_since"] = 0.0  # another process, under the same number
    started = subprocess.run(dev.noted([sys.executable, "-c", "print('here')"]), capture_output=True, check=True)
    assert started.stdout == b""


def _alive(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE


def _noted(home: Path) -> dict[str, float]:
    return json.loads((home / "dev.json").read_text())
