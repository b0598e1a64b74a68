"""The embedded PostgreSQL: started by the first, stopped by the last, also after a crash."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psutil
import psycopg2
import pytest

from salesinsight_assets.adapters.warehouse import embedded_postgres
from salesinsight_assets.adapters.warehouse.embedded import POSTGRES_FOLDER

HOLD_OPEN = """
import sys
from pathlib import Path
from salesinsight_assets.adapters.warehouse import embedded_postgres
with embedded_postgres(Path(sys.argv[1])) as url:
    print(url, flush=True)
    sys.stdin.read()
"""


def answer(url: str, question: str = "SELECT 1") -> Any:
    connection = psycopg2.connect(url)
    try:
        cursor = connection.cursor()
        cursor.execute(question)
        return cursor.fetchone()[0]
    finally:
        connection.close()


def server_of(home: Path) -> psutil.Process | None:
    """The server that runs on the home's data, if any."""
    pid_file = home / POSTGRES_FOLDER / "postmaster.pid"
    if not pid_file.exists():
        return None
    pid = int(pid_file.read_text().split()[0])
    return psutil.Process(pid) if psutil.pid_exists(pid) else None


def test_it_runs_while_the_context_lasts_and_keeps_its_data(work_folder: Path) -> None:
    with embedded_postgres(work_folder) as url:
        connection = psycopg2.connect(url)
        connection.cursor().execute("CREATE TABLE kept (a int)")
        connection.commit()
        connection.close()
        assert answer(url, "SHOW max_connections") == "300"
        assert answer(url, "SHOW listen_addresses") == ""
    assert server_of(work_folder) is None
    with embedded_postgres(work_folder) as url:
        assert answer(url, "SELECT count(*) FROM kept") == 0
    assert server_of(work_folder) is None


def test_the_last_of_two_processes_stops_it(work_folder: Path) -> None:
    other = _holding_open(work_folder)
    with embedded_postgres(work_folder) as url:
        assert url == other.url
    assert answer(other.url) == 1
    other.close()
    assert server_of(work_folder) is None


@pytest.mark.parametrize("victim", ["user", "server", "both"])
def test_it_starts_again_after_a_crash(
    work_folder: Path, victim: str, wait_for: Callable[[Callable[[], Any]], Any]
) -> None:
    other = _holding_open(work_folder)
    server = server_of(work_folder)
    assert server is not None
    if victim != "server":
        other.process.kill()
        other.process.wait()
    if victim != "user":
        server.send_signal(signal.SIGKILL)
        wait_for(lambda: not server.is_running() or server.status() == psutil.STATUS_ZOMBIE)
    with embedded_postgres(work_folder) as url:
        assert answer(url) == 1
        other.close()
        assert answer(url) == 1
    wait_for(lambda: server_of(work_folder) is None)


@pytest.mark.parametrize("left_over", ["1", ""], ids=["another process", "nothing"])
def test_what_a_killed_server_left_behind_does_not_keep_it_from_starting(work_folder: Path, left_over: str) -> None:
    """In a container the number of the killed server soon belongs to another process."""
    with embedded_postgres(work_folder):
        pid_file = work_folder / POSTGRES_FOLDER / "postmaster.pid"
        lines = pid_file.read_text().splitlines()
    pid_file.write_text("\n".join([left_over, *lines[1:]]) if left_over else "")
    with embedded_postgres(work_folder) as url:
        assert answer(url) == 1


def test_a_list_of_users_that_was_cut_off_is_begun_anew(work_folder: Path) -> None:
    with embedded_postgres(work_folder):
        pass
    users = work_folder / POSTGRES_FOLDER / ".handle_pids.json"
    users.write_text("[12")
    with ExitStack() as stack:
        with pytest.warns(UserWarning, match="cut off"):
            url = stack.enter_context(embedded_postgres(work_folder))
        assert answer(url) == 1
        assert json.loads(users.read_text()) == [os.getpid()]
    assert server_of(work_folder) is None


class _holding_open:  # noqa: N801 - read as a verb
    """Another process that uses the server until it is closed."""

    def __init__(self, home: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLD_OPEN, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout
        self.url = self.process.stdout.readline().strip()
        assert self.url.startswith("postgresql://")

    def close(self) -> None:
        self.process.communicate(timeout=60)
