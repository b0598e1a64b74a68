"""Processes that are kept running until we are told to end: the services of `salesinsight companies start`.

One that ends is said to have ended, and started again after a while; the others go on. Started as a process of its own, which has
none of the companies' secrets: each service reads what it needs from its own folder.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import click

from salesinsight_assets.settings import child_environment

AGAIN_SECONDS = 5.0
_WAIT_SECONDS, _END_SECONDS, _LOOK_SECONDS = 30.0, 20.0, 0.2


@dataclass(frozen=True)
class Service:
    """A command in its folder, with variables beside those that all have; it waits for some files, though not for ever."""

    name: str
    command: list[str]
    folder: str
    variables: dict[str, str] = field(default_factory=dict[str, str])
    waits_for: list[str] = field(default_factory=list[str])


def supervising(services: Sequence[Service]) -> list[str]:
    """The command that keeps services running."""
    return [sys.executable, "-m", __name__, json.dumps([asdict(service) for service in services])]


class _Kept:
    """A service that runs, or that is to run again at `due`."""

    def __init__(self, service: Service) -> None:
        self.service = service
        self.due = 0.0
        self.waits_until = time.monotonic() + _WAIT_SECONDS
        self.process: subprocess.Popen[bytes] | None = None

    def look(self) -> None:
        """Start it where it does not run and its time has come."""
        if self.process is None and self._may_start():
            environment = {**child_environment(), **self.service.variables}
            self.process = subprocess.Popen(self.service.command, cwd=self.service.folder, env=environment)  # noqa: S603
        elif self.process is not None and self.process.poll() is not None:
            click.echo(
                f"{self.service.name} ended with exit code {self.process.returncode}; it is started again", err=True
            )
            self.process, self.due = None, time.monotonic() + AGAIN_SECONDS

    def _may_start(self) -> bool:
        now = time.monotonic()
        is_awaited = now < self.waits_until and not all(Path(file).exists() for file in self.service.waits_for)
        return now >= self.due and not is_awaited

    def end(self, how: signal.Signals) -> None:
        """Send it a signal, where it runs."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(how)


def _keep(services: Sequence[Service]) -> None:
    """Until a signal comes, or whoever started us is gone."""
    is_told = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: is_told.set())
    launcher, kept = os.getppid(), [_Kept(service) for service in services]
    while not is_told.is_set() and os.getppid() == launcher:
        for one in kept:
            one.look()
        is_told.wait(_LOOK_SECONDS)
    _end(kept)


def _end(kept: Sequence[_Kept]) -> None:
    for one in kept:
        one.end(signal.SIGTERM)
    deadline = time.monotonic() + _END_SECONDS
    for one in kept:
        if one.process is not None:
            try:
                one.process.wait(max(deadline - time.monotonic(), 0.0))
            except subprocess.TimeoutExpired:
                one.end(signal.SIGKILL)


def _services(text: str) -> list[Service]:
    plain: list[dict[str, Any]] = json.loads(text)
    return [Service(**service) for service in plain]


if __name__ == "__main__":
    _keep(_services(sys.argv[1]))
