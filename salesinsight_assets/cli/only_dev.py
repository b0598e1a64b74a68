"""One `salesinsight dev` a home: two would start every schedule twice. What a killed one left behind is ended first.

Dagster's processes run in a session of their own and outlive a launcher that is killed; a file in the home says which
session that is.
"""

import contextlib
import json
import os
import signal
from collections.abc import Generator
from pathlib import Path

import psutil

from salesinsight_assets.cli.options import BadInputError

_FILE = "dev.json"
_END_SECONDS = 15


class OnlyDev:
    """The `salesinsight dev` of this process: notes which session Dagster's processes run in."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._note({})

    def note_session(self, leader: int) -> None:
        """Dagster's processes run in the session of the process `leader`."""
        self._note({"session": leader, "session_since": psutil.Process(leader).create_time()})

    def _note(self, session: dict[str, float]) -> None:
        own = {"launcher": os.getpid(), "launcher_since": psutil.Process().create_time()}
        self._file.write_text(json.dumps(own | session), encoding="utf-8")


@contextlib.contextmanager
def only_dev(home: Path) -> Generator[OnlyDev]:
    """Be the only `salesinsight dev` on `home` while the context lasts; ends what a killed one left behind.

    Raises:
        BadInputError: another one runs.
    """
    file = home / _FILE
    earlier = _read(file)
    if _runs(earlier, "launcher"):
        raise BadInputError(
            f"expected no other `salesinsight dev` on {home}, got process {earlier['launcher']:.0f}; end it with"
            " Ctrl-C, or set another SALESINSIGHT_HOME"
        )
    _end(_session(earlier))
    yield OnlyDev(file)
    file.unlink()


def _read(file: Path) -> dict[str, float]:
    """What an earlier one noted, nothing where it ended well or while it wrote."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}


def _runs(noted: dict[str, float], who: str) -> bool:
    """Whether the noted process is alive, and not another one under its number."""
    try:
        process = psutil.Process(int(noted[who]))
        return process.create_time() == noted[f"{who}_since"] and process.status() != psutil.STATUS_ZOMBIE
    except (KeyError, psutil.NoSuchProcess):
        return False


def _session(noted: dict[str, float]) -> list[psutil.Process]:
    """The processes of the noted session; its number is not given away while any of them is alive."""
    leader = int(noted.get("session", 0))
    if not leader or (psutil.pid_exists(leader) and not _runs(noted, "session")):
        return []
    return [process for process in psutil.process_iter() if _session_of(process) == leader]


def _session_of(process: psutil.Process) -> int | None:
    try:
        return os.getsid(process.pid)
    except OSError:  # it has ended, or is another user's
        return None


def _end(processes: list[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.send_signal(signal.SIGINT)
    _, stubborn = psutil.wait_procs(processes, timeout=_END_SECONDS)
    for process in stubborn:
        process.kill()
    psutil.wait_procs(stubborn, timeout=_END_SECONDS)
