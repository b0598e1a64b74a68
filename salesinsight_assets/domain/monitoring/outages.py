"""What is seen from outside Dagster: whether the database answers, whether anyone looks, whether there is room on the disk."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from salesinsight_assets.domain.monitoring.incidents import Incident
from salesinsight_assets.domain.monitoring.pages import DATABASE, DISK, SENSORS
from salesinsight_assets.domain.monitoring.watch_policy import WatchPolicy


@dataclass(frozen=True)
class Seen:
    """One look from outside.

    `database_error` is None where the database answers; `looked_at` when Dagster's night watch last looked, None where it never
    did or cannot be asked; `free_share` is that of the disk, 0 to 1; it `is_full` where nothing can be written any more.
    """

    at: datetime
    database_error: str | None
    looked_at: datetime | None
    free_share: float
    home: str = ""
    is_full: bool = False


@dataclass(frozen=True)
class Outside:
    """What earlier looks have left: since when is watched, since when the database is silent or answers again, what is out.

    `last_at` is when there was a look before.
    """

    started_at: datetime
    silent_since: datetime | None = None
    answers_since: datetime | None = None
    out: Mapping[str, Incident] = field(default_factory=dict[str, Incident])
    last_at: datetime | None = None


def after(before: Outside, seen: Seen, policy: WatchPolicy) -> Outside:
    """What is known after a look: `out` holds the incidents that last, and those that have just ended, with their end."""
    if seen.is_full:
        return _on_a_full_disk(before, seen)
    silent_since = None if seen.database_error is None else before.silent_since or seen.at
    was_silent = before.silent_since is not None
    answers_since = seen.at if was_silent and silent_since is None else before.answers_since
    now = replace(before, silent_since=silent_since, answers_since=answers_since)
    found = {
        DATABASE: _database(now, seen, policy),
        SENSORS: _sensors(now, seen, policy),
        DISK: _disk(seen, policy),
    }
    return replace(now, out=dict(_kept(before.out, found, seen)), last_at=seen.at)


def _on_a_full_disk(before: Outside, seen: Seen) -> Outside:
    """Whatever cannot be written falls silent, so nothing else is told of: its time counts from when there is room again.

    A disk that was not full at the look before is so since then: what failed in between failed for this.
    """
    lasting = {key: incident for key, incident in before.out.items() if incident.over_at is None}
    out = lasting if DISK in lasting else {**lasting, DISK: _almost_full(seen, before.last_at or seen.at)}
    silent_since = before.silent_since if DATABASE in lasting else None
    return replace(before, silent_since=silent_since, answers_since=seen.at, out=out, last_at=seen.at)


def _kept(
    out: Mapping[str, Incident], found: Mapping[str, Incident | None], seen: Seen
) -> Iterator[tuple[str, Incident]]:
    for key, incident in found.items():
        earlier = out.get(key)
        lasting = earlier if earlier is not None and earlier.over_at is None else None
        is_unknown = key == SENSORS and seen.database_error is not None  # whether anyone looks cannot be asked
        if lasting is not None:
            kept = incident is not None or is_unknown
            yield key, lasting if kept else replace(lasting, over_at=seen.at)
        elif incident is not None and not is_unknown:
            yield key, incident


def _database(now: Outside, seen: Seen, policy: WatchPolicy) -> Incident | None:
    since = now.silent_since
    if since is None or seen.at - since < timedelta(seconds=policy.database_after_seconds):
        return None
    return Incident(DATABASE, "outage", since, details=(str(seen.database_error),))


def _sensors(now: Outside, seen: Seen, policy: WatchPolicy) -> Incident | None:
    """Nobody can look before there is a watch, nor while the database is silent: time counts from there on."""
    moments = [moment for moment in (seen.looked_at, now.answers_since, now.started_at) if moment is not None]
    since = max(moments)
    if seen.at - since < timedelta(seconds=policy.sensors_after_seconds):
        return None
    said = f"The last look was at {seen.looked_at:%Y-%m-%d %H:%M} UTC" if seen.looked_at else "It has never looked"
    return Incident(SENSORS, "outage", since, details=(said,))


def _disk(seen: Seen, policy: WatchPolicy) -> Incident | None:
    return _almost_full(seen, seen.at) if seen.free_share < policy.least_disk_share else None


def _almost_full(seen: Seen, since: datetime) -> Incident:
    return Incident(DISK, "outage", since, details=(f"{seen.free_share:.1%} of the disk of {seen.home} are free",))
