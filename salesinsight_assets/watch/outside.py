"""The watch from outside Dagster: it pages by itself where no sensor can look, because the database or the daemon is down.

What it knows lies in a file, for the database may be what is out; once the database answers, the incident is handed over to the
table, where the sensor resolves it when all that followed is well again.
"""

import json
import shutil
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime
from logging import Logger
from pathlib import Path
from typing import Any

import dagster as dg
import psycopg2
from sqlalchemy.exc import SQLAlchemyError

from salesinsight_assets.adapters.warehouse import Warehouse
from salesinsight_assets.adapters.warehouse.incident_store import Channel, IncidentStore, incident_id
from salesinsight_assets.adapters.warehouse.schema import without_password
from salesinsight_assets.domain.monitoring.incidents import Incident
from salesinsight_assets.domain.monitoring.outages import Outside, Seen, after
from salesinsight_assets.domain.monitoring.pages import DATABASE
from salesinsight_assets.paging import channels, places
from salesinsight_assets.policies import Policies
from salesinsight_assets.settings import Settings
from salesinsight_assets.shared_names import is_ours
from salesinsight_assets.watch.sensor import looked_at, watch_the_night

STATE_FILE = "watch.json"
_CONNECT_SECONDS = 5
_LEAST_BYTES = 32 * 1024 * 1024
"""Below this PostgreSQL can stop at any write: it makes files of 16 MiB for its log."""
_MOST_CHARACTERS = 600


@dataclass
class OutsideWatch:
    """A watch on one installation.

    `ended` are incidents that are over and not yet in the table, `told` the channels that took a page, by incident; these and what
    is out outlive the process.
    """

    settings: Settings
    policies: Policies
    postgres_url: str
    state: Outside
    ended: list[Incident] = field(default_factory=list[Incident])
    told: dict[str, list[Channel]] = field(default_factory=dict[str, "list[Channel]"])

    @classmethod
    def resumed(cls, settings: Settings, policies: Policies, postgres_url: str, at: datetime) -> "OutsideWatch":
        """A watch that begins now, with what an earlier one has left in the file."""
        kept = _read(settings.home / STATE_FILE)
        out = {key: _incident(values) for key, values in kept.get("out", {}).items()}
        ended = [_incident(values) for values in kept.get("ended", [])]
        silent_since = out[DATABASE].began_at if DATABASE in out else None
        return cls(settings, policies, postgres_url, Outside(at, silent_since, out=out), ended, kept.get("told", {}))

    def look(self, at: datetime, log: Logger) -> dict[str, Incident]:
        """Look once, and page what is new; returns what is out."""
        seen = _seen(self.settings, self.postgres_url, at)
        self.state = after(self.state, seen, self.policies.watch)
        self.ended += [incident for incident in self.state.out.values() if incident.over_at is not None]
        self._tell(log)
        try:
            if seen.database_error is None:
                self._hand_over(at)
        finally:
            self._keep()
        return self._out()

    def _out(self) -> dict[str, Incident]:
        return {key: incident for key, incident in self.state.out.items() if incident.over_at is None}

    def _tell(self, log: Logger) -> None:
        by = channels(self.settings, places(self.settings, self.policies.watch))
        for incident in [*self._out().values(), *self.ended]:
            known = self.told.setdefault(incident_id(incident), [])
            for channel, tell in by.items():
                if channel in known:
                    continue
                try:
                    tell(incident_id(incident), incident, "told")
                except Exception:
                    log.exception("%s took no page; it is tried again", channel)
                else:
                    known.append(channel)

    def _hand_over(self, at: datetime) -> None:
        with closing(Warehouse(self.postgres_url)) as warehouse:
            store = IncidentStore(warehouse)
            for incident in [*self._out().values(), *self.ended]:
                store.begin(incident, at, incident.began_at.astimezone(self.settings.zone).date())
                for channel in self.told.get(incident_id(incident), []):
                    store.note(incident_id(incident), channel, "told", at)
                if incident.over_at is not None:
                    store.end(incident.key, incident.over_at)
        self.ended.clear()

    def _keep(self) -> None:
        lasting = {incident_id(incident) for incident in [*self._out().values(), *self.ended]}
        self.told = {known: by for known, by in self.told.items() if known in lasting}
        content = {
            "out": {key: asdict(incident) for key, incident in self._out().items()},
            "ended": [asdict(incident) for incident in self.ended],
            "told": self.told,
        }
        file = self.settings.home / STATE_FILE
        new = file.with_suffix(".new")
        new.write_text(json.dumps(content, default=datetime.isoformat), encoding="utf-8")
        new.replace(file)


def _seen(settings: Settings, postgres_url: str, at: datetime) -> Seen:
    error, last_look = _database_error(postgres_url), None
    if error is None:
        try:
            last_look = _last_look()
        except (dg.DagsterError, SQLAlchemyError) as of_dagster:
            error = f"Dagster's database: {_one_line(of_dagster, postgres_url)}"
    disk = shutil.disk_usage(settings.home)
    is_full = disk.free < _LEAST_BYTES
    return Seen(at, error, last_look, disk.free / disk.total, str(settings.home), is_full)


def _read(file: Path) -> dict[str, Any]:
    return json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}


def _incident(values: dict[str, Any]) -> Incident:
    moments = {name: _moment(values[name]) for name in ("over_at", "resolved_at")}
    began_at = datetime.fromisoformat(values["began_at"])
    return replace(Incident(**values), began_at=began_at, details=tuple(values["details"]), **moments)


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _database_error(url: str) -> str | None:
    """What PostgreSQL says instead of letting us in."""
    try:
        psycopg2.connect(url, connect_timeout=_CONNECT_SECONDS).close()
    except psycopg2.Error as error:
        return _one_line(error, url)
    return None


def _one_line(error: Exception, url: str) -> str:
    return (without_password(error, url) or type(error).__name__)[:_MOST_CHARACTERS]


def _last_look() -> datetime | None:
    """When the sensor looked last, of all code locations the one that is behind."""
    with dg.DagsterInstance.get() as instance:
        states = instance.all_instigator_state()
    cursors = [
        getattr(state.instigator_data, "cursor", None)
        for state in states
        if state.instigator_name == watch_the_night.name
        and is_ours(state.origin.repository_origin.code_location_origin.location_name)
    ]
    looks = [looked_at(cursor) for cursor in cursors if cursor]
    return min(looks) if looks else None
