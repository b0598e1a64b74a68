"""The incidents in the database: which are open, and which have still to be told of, by channel."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Literal

import pandas as pd

from salesinsight_assets.adapters.warehouse.warehouse import Warehouse
from salesinsight_assets.domain.monitoring.incidents import Incident, Look

Channel = Literal["slack", "pagerduty"]
Moment = Literal["told", "ended"]
_INSERT = (
    "INSERT INTO insight.incidents (incident_id, night, incident_key, symptom, severity, partition, run_id, details, began_at,"
    " opened_at, over_at) VALUES ($1, $2, $3, $4, $5, $6::text, $7::text, string_to_array($8, E'\\x1f'), $9, $10,"
    " $11::text::timestamptz) ON CONFLICT DO NOTHING"
)
_LINE_END = "\x1f"
"""Between the lines of the details on their way: no text that people read holds it."""
_LATEST_NEWS = timedelta(days=1)
"""What could not be told for so long, and is over, is not told any more."""


class IncidentStore:
    """The incidents of one warehouse."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def open(self) -> list[Incident]:
        """Those that are not resolved."""
        rows = self._warehouse.read("SELECT * FROM insight.incidents WHERE resolved_at IS NULL ORDER BY opened_at")
        return [incident_of(row) for row in rows.to_dict("records")]

    def record(self, found: Look, at: datetime, night: date) -> None:
        """What a look found out, in one transaction."""
        with self._warehouse.transaction() as sql:
            for incident in found.superseded:
                _set(sql, incident, "superseded_at", at)
                _set(sql, incident, "resolved_at", at)
            for incident in [*found.over, *found.resolved]:
                _set(sql, incident, "over_at", incident.over_at or at)
            for incident in found.resolved:
                _resolve(sql, incident, at)
            for incident in found.opened:
                _insert(sql, incident, at, night)

    def begin(self, incident: Incident, at: datetime, night: date) -> None:
        """An incident that is open from now on; if it is already, nothing."""
        with self._warehouse.transaction() as sql:
            _insert(sql, incident, at, night)

    def end(self, key: str, at: datetime) -> None:
        """The cause of an open incident is gone."""
        self._warehouse.execute(
            "UPDATE insight.incidents SET over_at = $2 WHERE incident_key = $1 AND resolved_at IS NULL AND over_at IS NULL",
            (key, at),
        )

    def to_tell(self, channel: Channel, at: datetime) -> list[tuple[str, Incident]]:
        """Incidents, each with its id, that a channel was not told of; those that ended long before `at` are left."""
        return self._those(f"{channel}_told_at IS NULL AND coalesce(resolved_at > $1, true)", at)

    def to_end(self, channel: Channel, at: datetime) -> list[tuple[str, Incident]]:
        """Resolved incidents that a channel was told of, but not how they ended; PagerDuty keeps open what nobody has repaired."""
        where = f"{channel}_told_at IS NOT NULL AND {channel}_ended_at IS NULL AND resolved_at > $1"
        # in Slack the graver page that took its place has been told
        more = "superseded_at IS NULL" if channel == "slack" else "NOT is_given_up"
        return self._those(f"{where} AND {more}", at)

    def note(self, incident_id: str, channel: Channel, moment: Moment, at: datetime) -> None:
        """A channel took the page, or the word that all is well."""
        self._warehouse.execute(
            f"UPDATE insight.incidents SET {channel}_{moment}_at = $2 WHERE incident_id = $1", (incident_id, at)
        )

    def _those(self, where: str, at: datetime) -> list[tuple[str, Incident]]:
        rows = self._warehouse.read(
            f"SELECT * FROM insight.incidents WHERE {where} ORDER BY opened_at, incident_id", (at - _LATEST_NEWS,)
        )
        return [(str(row["incident_id"]), incident_of(row)) for row in rows.to_dict("records")]


def incident_id(incident: Incident) -> str:
    """The id of a page: its key and when it began.

    >>> from datetime import UTC
    >>> incident_id(Incident("crm_tables", "late", datetime(2025, 4, 1, 2, tzinfo=UTC)))
    'crm_tables late 2025-04-01T02:00:00+00:00'
    """
    return f"{incident.key} {incident.symptom} {incident.began_at.isoformat()}"


def _insert(sql: Any, incident: Incident, at: datetime, night: date) -> None:
    over_at = incident.over_at and incident.over_at.isoformat()
    sql.execute(
        _INSERT,
        (incident_id(incident), night, incident.key, incident.symptom, incident.severity, incident.partition, incident.run_id,
         _LINE_END.join(incident.details), incident.began_at, at, over_at),
    )  # fmt: skip


def _set(sql: Any, incident: Incident, column: str, at: datetime) -> None:
    sql.execute(
        f"UPDATE insight.incidents SET {column} = $2 WHERE incident_key = $1 AND resolved_at IS NULL",
        (incident.key, at),
    )


def _resolve(sql: Any, incident: Incident, at: datetime) -> None:
    sql.execute(
        "UPDATE insight.incidents SET resolved_at = $2, is_given_up = $3 WHERE incident_key = $1 AND resolved_at IS NULL",
        (incident.key, at, incident.is_given_up),
    )


def incident_of(row: Mapping[Any, Any]) -> Incident:
    """The incident of a row of the table."""
    return Incident(
        row["incident_key"],
        row["symptom"],
        _moment(row["began_at"]),
        _text_or_none(row["partition"]),
        _text_or_none(row["run_id"]),
        tuple(line for line in row["details"] if line),
        row["severity"],
        _moment_or_none(row["over_at"]),
        _moment_or_none(row["resolved_at"]),
        row["is_given_up"],
    )


def _moment(value: Any) -> datetime:
    return value.to_pydatetime()


def _text_or_none(value: Any) -> str | None:
    return None if pd.isna(value) else str(value)  # a column without any text is one of numbers to pandas


def _moment_or_none(value: Any) -> datetime | None:
    return None if pd.isna(value) else value.to_pydatetime()
