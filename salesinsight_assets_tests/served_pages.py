"""A web application as real requests reach it: on a thread of its own, or as `salesinsight serve` starts it."""

import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import psutil
import requests
import uvicorn
from fastapi import FastAPI

from salesinsight_assets.adapters.warehouse import Warehouse


@contextmanager
def served(app: FastAPI, listening: socket.socket) -> Generator[None]:
    """`app` answers on a bound socket until the end of the context."""
    server = uvicorn.Server(uvicorn.Config(app, log_level="error"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


@contextmanager
def serving(store: Warehouse) -> Generator[tuple[str, psutil.Process]]:
    """`salesinsight serve` on a warehouse, in a home of its own and without Dagster; its address and its process."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with tempfile.TemporaryDirectory() as home:
        server = subprocess.Popen(
            [str(Path(sys.executable).with_name("salesinsight")), "serve", "--port", str(port)],
            env={**os.environ, "SALESINSIGHT_HOME": home, "SALESINSIGHT_POSTGRES_URL": store.url},
            cwd=home,
        )
        try:
            _wait_for(f"http://127.0.0.1:{port}/healthz", server)
            yield f"http://127.0.0.1:{port}", psutil.Process(server.pid)
        finally:
            server.terminate()
            server.wait()


def _wait_for(url: str, server: "subprocess.Popen[bytes]") -> None:
    """Raises RuntimeError where the server ends before it answers, or does not answer within two minutes."""
    for _ in range(240):
        if server.poll() is not None:
            break
        try:
            requests.get(url, timeout=5).raise_for_status()
        except requests.RequestException:
            time.sleep(0.5)
        else:
            return
    raise RuntimeError(f"{url} did not answer; the server's exit code is {server.poll()}")
