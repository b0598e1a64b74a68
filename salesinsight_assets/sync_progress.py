"""How far the sync of this process is, for the command line that runs it and shows a bar."""

import threading

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
