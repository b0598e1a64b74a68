"""By when an asset has to be there, and which assets are late.

An asset's *own* day counts: one that was materialized just now for a day of last month, by a backfill, is as late as before.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from salesinsight_assets.domain.mornings import EVERY_MORNING, Mornings

_LATEST = time(23, 59)
"""A deadline does not lie beyond the day in whose night its step begins."""
_LONGEST_DAYS = 62
"""Between two mornings of any rule lie fewer."""


@dataclass(frozen=True)
class Deadline:
    """A step that begins at `starts` on some mornings, and has to have ended so many minutes later, by the company's clock."""

    starts: time
    minutes: int
    mornings: Mornings = EVERY_MORNING

    @property
    def due(self) -> time:
        """The time of day by which it has ended.

        >>> Deadline(time(2, 0), 45).due.isoformat(), Deadline(time(23, 30), 45).due.isoformat()
        ('02:45:00', '23:59:00')
        """
        ends = datetime.combine(date.min, self.starts) + timedelta(minutes=self.minutes)
        return ends.time() if ends.date() == date.min else _LATEST

    @property
    def cron(self) -> str:
        """The deadline as a cron expression.

        >>> Deadline(time(6, 30), 60, Mornings("on Monday", weekday=0)).cron
        '30 7 * * 1'
        """
        return f"{self.due.minute} {self.due.hour} {self.mornings.cron_days}"

    @property
    def since_midnight(self) -> timedelta:
        """How long before its deadline the day's work may have been done: from midnight on."""
        return timedelta(hours=self.due.hour, minutes=self.due.minute)

    def starts_at(self, morning: date, zone: ZoneInfo) -> datetime:
        """The moment at which the step begins on a morning."""
        return moment(morning, self.starts, zone)

    def due_at(self, morning: date, zone: ZoneInfo) -> datetime:
        """The moment by which it has ended: as long after its start as on any other day, also where the clock jumps between them.

        >>> Deadline(time(2, 0), 60).due_at(date(2024, 3, 31), ZoneInfo("Europe/Berlin")).isoformat()
        '2024-03-31T02:00:00+00:00'
        """
        minutes = (self.due.hour - self.starts.hour) * 60 + self.due.minute - self.starts.minute
        return self.starts_at(morning, zone) + timedelta(minutes=minutes)

    def last_passed(self, at: datetime, zone: ZoneInfo) -> date:
        """The latest morning whose deadline has passed at a moment."""
        today = at.astimezone(zone).date()
        return next(
            morning
            for morning in (today - timedelta(days=back) for back in range(_LONGEST_DAYS))
            if self.mornings.holds(morning) and self.due_at(morning, zone) <= at
        )


def moment(morning: date, at: time, zone: ZoneInfo) -> datetime:
    """A time of day as the moment, in UTC, at which Dagster's schedules take it.

    One that comes twice in autumn is the second of the two; one that the clock leaves out in spring is as long after the jump as
    it would have been before it (Dagster begins at the jump).

    >>> zone = ZoneInfo("Europe/Berlin")
    >>> [f"{moment(day, time(2, 0), zone):%H:%M}" for day in (date(2024, 3, 31), date(2024, 4, 1), date(2024, 10, 27))]
    ['01:00', '00:00', '01:00']
    """
    later = datetime.combine(morning, at, zone).replace(fold=1).astimezone(UTC)
    is_left_out = later.astimezone(zone).time() != at
    return datetime.combine(morning, at, zone).astimezone(UTC) if is_left_out else later


@dataclass(frozen=True)
class Expected:
    """An asset whose deadline has passed: the partition that is due (None: it has none) and when that was made last."""

    asset: str
    step: str
    morning_began_at: datetime
    starts_at: datetime
    due_at: datetime
    partition: str | None = None
    made_at: datetime | None = None


def late_assets(expected: Iterable[Expected], watched_since: datetime) -> list[Expected]:
    """Those that are not there, but for deadlines of a time at which nobody watched yet: of these nothing was expected.

    What has no partitions has to be of the morning itself: from midnight on, because the night may have been run by hand.
    """
    return [found for found in expected if found.due_at >= watched_since and not _is_there(found)]


def _is_there(found: Expected) -> bool:
    if found.made_at is None:
        return False
    return found.partition is not None or found.made_at >= found.morning_began_at
