"""Signs of life while a command works: a spinner on a terminal, elsewhere a line now and then for what takes long.

They go to stderr, so that what a command says at its end can be read by a program.
"""

import os
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager, nullcontext

from rich.console import Console
from rich.status import Status

LOOK_SECONDS = 0.5
LONG_SECONDS = 5.0
"""A step that took this long is told when it has ended."""
SILENT_SECONDS = 10.0
"""The longest silence."""


class Progress:
    """What one piece of work is at. `status` is the spinner; without one, lines are written to `console`."""

    def __init__(self, title: str, console: Console, status: Status | None) -> None:
        self._title, self._console, self._status = title, console, status
        self._lock = threading.Lock()
        self._question: Callable[[], str | None] | None = None
        self._detail: Callable[[], str] = str
        self._what = ""
        self._since = self._told = time.monotonic()

    @contextmanager
    def asking(self, question: Callable[[], str | None], detail: Callable[[], str] = str) -> Generator[None]:
        """Ask `question` for the name of the step that runs, and `detail` how far it is, while the context lasts."""
        self._question, self._detail = question, detail
        try:
            yield
        finally:
            with self._lock:  # whom it asks may be gone after this
                self._question = None

    def look(self) -> None:
        """Ask, and tell what is worth telling."""
        with self._lock:
            what = self._question() if self._question else None
        if what and what != self._what:
            self.end_step()
            self._what, self._since = what, time.monotonic()
            self._told = self._since
        if self._status:
            self._status.update(self._text(self._detail()))
        if time.monotonic() - self._told >= SILENT_SECONDS:
            detail = self._detail()
            self._tell(f"{time.monotonic() - self._since:.0f} s so far{', ' if detail else ''}{detail}")

    def end_step(self) -> None:
        """Tell the step that has ended, if it was a long one."""
        seconds = time.monotonic() - self._since
        if seconds >= LONG_SECONDS:
            self._tell(f"{seconds:.0f} s")

    def _tell(self, how_long: str) -> None:
        self._told = time.monotonic()
        if not self._status:
            self._console.print(self._text(how_long), markup=False, soft_wrap=True)

    def _text(self, how_long: str) -> str:
        return f"{self._title}: " + ", ".join(part for part in (self._what, how_long) if part)


@contextmanager
def progress(title: str, console: Console | None = None) -> Generator[Progress]:
    """Show that the work named `title` goes on, while the context lasts."""
    with nullcontext(console) if console else _stderr() as place:
        if not place.is_terminal:
            with _looked_after(Progress(title, place, None)) as shown:
                yield shown
            return
        with place.status(title) as status, _looked_after(Progress(title, place, status)) as shown:
            yield shown


@contextmanager
def _stderr() -> Generator[Console]:
    """Stderr; a terminal by a way of its own, since Dagster turns the stream into a file while a step runs."""
    if not sys.stderr.isatty():
        yield Console(stderr=True, highlight=False)
        return
    with os.fdopen(os.dup(sys.stderr.fileno()), "w", encoding="utf-8") as terminal:
        yield Console(file=terminal, highlight=False)


@contextmanager
def _looked_after(shown: Progress) -> Generator[Progress]:
    done = threading.Event()

    def look_on() -> None:
        while not done.wait(LOOK_SECONDS):
            shown.look()

    watcher = threading.Thread(target=look_on, daemon=True)
    watcher.start()
    try:
        yield shown
    finally:
        done.set()
        watcher.join()
        shown.end_step()
