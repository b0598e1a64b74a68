"""Dagster as a child of the command that started it."""

import signal
import subprocess
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from salesinsight_assets.cli.ports import say_when_up


def run_until_told(
    arguments: Sequence[str], folder: Path, environment: Mapping[str, str], port: int, end: signal.Signals
) -> int:
    """Run a child that ends with us: TERM and Ctrl-C reach it as the signal `end`, and we wait for it; its exit code."""
    child = subprocess.Popen(arguments, cwd=folder, env=environment, start_new_session=True)  # noqa: S603
    signal.signal(signal.SIGTERM, lambda *_: child.send_signal(end))
    threading.Thread(target=say_when_up, args=(child, port), daemon=True).start()
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:
            child.send_signal(end)
