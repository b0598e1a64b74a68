"""One `salesinsight dev` a home: two would start every schedule twice. What a killed one left behind is ended first.

Dagster's processes run in a session of their own and outlive a launcher that is killed; a file in the home says which
session that is. The first process of the session writes it there itself, before it becomes Dagster: a launcher that is
killed at any moment leaves no session that nobody knows of.
"""

import contextlib
import json
import os
import signal
import sys
import time
from collections.abc import Generator, Mapping, Sequence
from pathlib import Path

import psutil

from salesinsight_assets.cli.options import BadInputError

_FILE = "dev.json"
_END_SECONDS, _LOOK_SECONDS = 15, 0.1


class OnlyDev:
    """The `salesinsight dev` of this process."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._launcher = {"launcher": os.getpid(), "launcher_since": psutil.Process().create_time()}
        _write(file, self._launcher)

    def noted(self, command: Sequence[str]) -> list[str]:
        """`command` to be started in a session of its own, which is noted before the command begins."""
        return [sys.executable, "-m", __name__, str(self._file), json.dumps(self._launcher), *command]


def _note_and_become(file: Path, launcher: Mapping[str, float], command: Sequence[str]) -> None:
    """Note this process's session, and become `command`; end where the launcher has ended by then."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    _write(file, {**launcher, "session": os.getpid(), "session_since": psutil.Process().create_time()})
    if _runs(launcher, "launcher"):
        os.execv(command[0], list(command))  # noqa: S606 - our own interpreter with arguments of our own


def _write(file: Path, content: Mapping[str, float]) -> None:
    """The whole file or none of it."""
    new = file.with_suffix(f".{os.getpid()}")
    new.write_text(json.dumps(dict(content)), encoding="utf-8")
    new.replace(file)


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
    file.unlink(missing_ok=True)


def _read(file: Path) -> dict[str, float]:
    """What an earlier one noted, nothing where it ended well."""
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, json.JSONDecodeError):
        return {}


def _noted_process(noted: Mapping[str, float], who: str) -> psutil.Process | None:
    """The noted process, dead or alive, and not another one under its number."""
    try:
        process = psutil.Process(int(noted[who]))
        return process if process.create_time() == noted[f"{who}_since"] else None
    except (KeyError, psutil.NoSuchProcess):
        return None


def _runs(noted: Mapping[str, float], who: str) -> bool:
    process = _noted_process(noted, who)
    return process is not None and _is_alive(process)


def _session(noted: Mapping[str, float]) -> list[psutil.Process]:
    """The processes of the noted session; its number is not given away while any of them is alive."""
    leader = int(noted.get("session", 0))
    if not leader or (psutil.pid_exists(leader) and _noted_process(noted, "session") is None):
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
    for process in _still_running(processes):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()
    _still_running(processes)


def _still_running(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Those that have not ended in time. In a container nobody may reap the dead: they count as ended."""
    deadline = time.monotonic() + _END_SECONDS
    while (running := [process for process in processes if _is_alive(process)]) and time.monotonic() < deadline:
        time.sleep(_LOOK_SECONDS)
    return running


def _is_alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


if __name__ == "__main__":
    _note_and_become(Path(sys.argv[1]), json.loads(sys.argv[2]), sys.argv[3:])
