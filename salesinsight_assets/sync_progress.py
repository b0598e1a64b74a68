"""How far the sync of this process is, for the run's log, and for the command line that runs it and shows a bar."""

import logging
import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from salesinsight_assets.domain.crm.sync import ObjectResult

_TELL_EVERY_SECONDS = 60.0
_BAR_PARTS = 20
_lock = threading.Lock()
_rows: dict[str, tuple[int, int | None]] = {}


def note(table: str, read: int, expected: int | None) -> None:
    """So many rows of a table are read, of so many expected (None: nobody knows)."""
    with _lock:
        _rows[table] = (read, expected)


def done(table: str) -> None:
    """The table is read."""
    with _lock:
        _rows.pop(table, None)


def bar() -> str:
    """The tables that are being read, each with a bar; empty where none is.

    >>> note("tasks", 50_000, 200_000); bar(); done("tasks"); bar()
    'tasks █████░░░░░░░░░░░░░░░ 50,000 of 200,000 rows'
    ''
    """
    with _lock:
        reading = sorted(_rows.items())
    return ", ".join(_shown(table, read, expected) for table, (read, expected) in reading)


def _shown(table: str, read: int, expected: int | None) -> str:
    if not expected:
        return f"{table} {read:,} rows"
    full = round(_BAR_PARTS * min(read / expected, 1.0))
    return f"{table} {'█' * full}{'░' * (_BAR_PARTS - full)} {read:,} of {expected:,} rows"


class SyncTold:
    """Tells the run's log how far a sync is: each object at its end, a large one each minute."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._told_at: dict[str, float] = {}

    def rows(self, table: str, read: int, expected: int | None) -> None:
        """A line for what takes long."""
        note(table, read, expected)
        now = time.monotonic()
        if now - self._told_at.setdefault(table, now) >= _TELL_EVERY_SECONDS:
            self._told_at[table] = now
            self._log.info(
                "%s: %s of %s rows read", table, f"{read:,}", "unknown" if expected is None else f"{expected:,}"
            )

    def done(self, result: "ObjectResult") -> None:
        """A line for the object."""
        done(result.table)
        self._log.info(
            "%s: %s, %d rows read in %.1f s%s", result.salesforce_object, result.status, result.rows_read, result.seconds,
            f"; {result.error}" if result.error else "",
        )  # fmt: skip
