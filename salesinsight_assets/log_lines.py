"""Log records as JSON, one line each, for whoever collects logs: of Dagster's runs, the dashboard and the watch.

What Dagster knows of a record hangs at it as `dagster_meta`; nothing here imports Dagster, for the dashboard does not know it.
"""

import json
import logging
import sys
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

PARTITION_TAG = "dagster/partition"
"""Dagster's own tag; a run of a range of partitions has none."""


class JsonLines(logging.Formatter):
    """A record as `time` (UTC, ISO 8601), `level`, `logger`, `message`; of a run also `run_id`, `job`, `partition`, `step`, `asset`, `event`.

    What a record does not have is left out; `error` is the traceback. Each is one line, whatever the message holds.

    >>> record = logging.LogRecord("salesinsight.watch", logging.INFO, "", 0, "all %s well", ("is",), None)
    >>> record.created = 0.0
    >>> JsonLines().format(record)
    '{"time": "1970-01-01T00:00:00+00:00", "level": "INFO", "logger": "salesinsight.watch", "message": "all is well"}'
    """

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        meta: Mapping[str, Any] = getattr(record, "dagster_meta", None) or {}
        told = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": meta.get("orig_message") or record.getMessage(),
            **_of_run(meta),
            "error": self.formatException(record.exc_info) if record.exc_info else _error_of(meta.get("dagster_event")),
        }
        return json.dumps({name: value for name, value in told.items() if value is not None}, default=str)


def _of_run(meta: Mapping[str, Any]) -> dict[str, str | None]:
    event = meta.get("dagster_event")
    key = event.asset_key if event else None
    return {
        "run_id": meta.get("run_id"),
        "job": meta.get("job_name"),
        "partition": (event and event.partition) or (meta.get("job_tags") or {}).get(PARTITION_TAG),
        "step": meta.get("step_key"),
        "asset": key.to_user_string() if key else None,
        "event": event.event_type_value if event else None,
    }


def _error_of(event: Any) -> str | None:
    error = getattr(event.event_specific_data, "error", None) if event else None
    return error.to_string() if error else None


def json_handler() -> logging.Handler:
    """A handler that writes such lines to stderr."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines())
    return handler


def log_in_json() -> None:
    """Let every logger of this process write such lines; warnings of Python too."""
    logging.basicConfig(level=logging.INFO, handlers=[json_handler()], force=True)
    logging.captureWarnings(capture=True)
