"""How the sync of one object went, as people, Dagster and programs read it."""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

SyncStatus = Literal["complete", "incomplete", "failed", "skipped"]


@dataclass(frozen=True)
class ObjectResult:
    """How the sync of one object went; a table that is `incomplete` or `failed` is stale.

    `rows_read` counts a row again where a read had to start again; `rows_refilled` are stored rows whose new columns were
    filled. `crm_rows` is the CRM's own count at the start of the sync, None where it was not or could not be counted.
    `age_seconds` is how far the stored rows lie behind that start; None: there are none.
    """

    table: str
    salesforce_object: str
    status: SyncStatus
    rows_read: int = 0
    rows_inserted: int = 0
    rows_updated: int = 0
    rows_deleted: int = 0
    rows_refilled: int = 0
    crm_rows: int | None = None
    stored_rows: int | None = None
    cursor_before: datetime | None = None
    cursor_after: datetime | None = None
    missing_columns: tuple[str, ...] = ()
    new_columns: tuple[str, ...] = ()
    type_changes: dict[str, str] = field(default_factory=dict[str, str])
    is_compared: bool = False
    retries: int = 0
    api_calls: int = 0
    seconds: float = 0.0
    age_seconds: float | None = None
    error: str | None = None

    @property
    def is_stale(self) -> bool:
        """Whether the table is not what the CRM has."""
        return self.status in ("incomplete", "failed")

    def as_plain(self) -> dict[str, Any]:
        """The result as plain data, with what other programs ask for first: how many rows were written at all."""
        plain = asdict(self)
        plain["rows_upserted"] = self.rows_inserted + self.rows_updated
        times = {name: value.isoformat() for name, value in plain.items() if isinstance(value, datetime)}
        lists = {name: list(value) for name, value in plain.items() if isinstance(value, tuple)}
        return {**plain, **times, **lists}


class SyncWatch(Protocol):
    """Whoever looks on while a sync works. Told by one thread at a time."""

    def rows(self, table: str, read: int, expected: int | None) -> None:
        """So many rows of a table were read, of so many expected."""
        ...

    def done(self, result: ObjectResult) -> None:
        """An object is done."""
        ...


class Unwatched:
    """A watch that nobody keeps."""

    def rows(self, table: str, read: int, expected: int | None) -> None:
        """Nothing."""

    def done(self, result: ObjectResult) -> None:
        """Nothing."""
