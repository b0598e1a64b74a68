"""What a page says: what is wrong, since when, why, what follows from it, and where to look and to read what to do."""

from dataclasses import dataclass
from datetime import timedelta
from zoneinfo import ZoneInfo

from salesinsight_assets.domain.monitoring.incidents import Incident
from salesinsight_assets.domain.plain_text import one_line

DATABASE, SENSORS, DISK = "database", "sensors", "disk"
"""The keys of what is seen from outside Dagster."""
CRM_STEP = "crm_tables"
_OUTAGES = {
    DATABASE: "PostgreSQL does not answer",
    SENSORS: "Dagster does not look: its daemon, or the code location, is down",
    DISK: "The disk is almost full",
}
_MOST_LINES = 6
RUNBOOK_ENTRIES = (
    *(DATABASE, SENSORS, DISK),
    *("salesforce", "failed", "lost", "slow", "late"),
    *("drift", "defaults", "volume", "predictions", "messages"),
)
"""Every entry of docs/runbook.md that a page can point to: outages, what befalls a night, alarms of what was made."""


@dataclass(frozen=True)
class Places:
    """Where the data engineer looks: addresses without a slash at their end."""

    dagster_url: str
    runbook_url: str

    def entry(self, name: str) -> str:
        """The address of a runbook entry.

        >>> Places("https://dagster.example.com", "https://insight.example.com/runbook").entry("late")
        'https://insight.example.com/runbook#late'
        """
        return f"{self.runbook_url}#{name}"

    def run(self, run_id: str) -> str:
        """The page of a run."""
        return f"{self.dagster_url}/runs/{run_id}"


def runbook_entry(incident: Incident) -> str:
    """Which entry of the runbook is for an incident."""
    if incident.symptom == "outage":
        return incident.key
    return "salesforce" if incident.key == CRM_STEP and incident.symptom == "failed" else incident.symptom


def summary(incident: Incident, zone: ZoneInfo) -> str:
    """What is wrong, in one line.

    >>> from datetime import UTC, datetime
    >>> summary(Incident("rep_alerts", "late", datetime(2025, 4, 1, 5, 0, tzinfo=UTC), "2025-03-31"), ZoneInfo("UTC"))
    'rep_alerts of 2025-03-31 is late'
    """
    since = f"since {incident.began_at.astimezone(zone):%H:%M}"
    if incident.symptom == "outage":
        return f"{_OUTAGES[incident.key]} ({since})"
    what = f"{incident.key}{f' of {incident.partition}' if incident.partition else ''}"
    return {
        "failed": f"{what} failed",
        "lost": f"The process that worked on {what} was ended",
        "slow": f"{what} takes much longer than usual ({since})",
        "late": f"{what} is late",
    }[incident.symptom]


def page(incident: Incident, places: Places, zone: ZoneInfo) -> str:
    """The whole page, as plain text of a few lines."""
    sign = "🚨" if incident.severity == "critical" else "⚠️"
    lines = [f"{sign} {summary(incident, zone)}", *incident.details[:_MOST_LINES]]
    if incident.run_id:
        lines.append(f"Run {incident.run_id.split('-')[0]}: {places.run(incident.run_id)}")
    return "\n".join([*(one_line(line) for line in lines), f"What to do: {places.entry(runbook_entry(incident))}"])


def end(incident: Incident) -> str:
    """The word that an incident is resolved, or that nobody has repaired it.

    >>> from datetime import UTC, datetime
    >>> began = datetime(2025, 4, 1, 3, 0, tzinfo=UTC)
    >>> end(Incident("scores", "failed", began, resolved_at=began + timedelta(minutes=72)))
    '✅ scores: all is well again, after 1 h 12 min'
    >>> end(Incident("scores", "failed", began, "2025-03-31", resolved_at=began + timedelta(hours=48), is_given_up=True))
    '⚠️ scores of 2025-03-31: not repaired in 48 h 0 min, and watched no longer'
    """
    lasted = (incident.resolved_at or incident.began_at) - incident.began_at
    what = _OUTAGES[incident.key] if incident.symptom == "outage" else incident.key
    if incident.is_given_up:
        of = f" of {incident.partition}" if incident.partition else ""
        return one_line(f"⚠️ {what}{of}: not repaired in {_lasted(lasted)}, and watched no longer")
    return one_line(f"✅ {what}: all is well again, after {_lasted(lasted)}")


def _lasted(time: timedelta) -> str:
    minutes = max(round(time.total_seconds() / 60), 1)
    return f"{minutes // 60} h {minutes % 60} min" if minutes >= 60 else f"{minutes} min"
