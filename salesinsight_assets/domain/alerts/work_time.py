"""Work time: when a rep may be told of anything, in the rep's own time zone, and what follows for the alerts of a day."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import pandas as pd

from salesinsight_assets.domain.alerts.silences import silences

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
ANYWHERE = "*"
_LOOK_AHEAD_DAYS = 3
"""A message is over within two days: whoever has no work time until then is not told."""


@dataclass(frozen=True)
class WorkTimePolicy:
    """When people are written to, by the clock of each one's own time zone.

    `work_days` by their English names, `Mon` to `Sun`. Nobody is written to from `quiet_from` to `quiet_until` (HH:MM; two equal
    times: there are no quiet hours). `holidays` names for a time zone, or for `*`, the country whose public holidays are
    no work days, as ISO 3166 has it, with its part where there is one: `DE` or `DE-BE`. `days_off` are further days, such as
    2026-12-24.
    """

    work_days: tuple[str, ...] = ("Mon", "Tue", "Wed", "Thu", "Fri")
    quiet_from: str = "20:00"
    quiet_until: str = "05:30"
    holidays: Mapping[str, str] = field(default_factory=dict[str, str])
    days_off: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what is no day, no time and no country.

        Raises:
            ValueError: with the entry, what was expected, and what came.
        """
        for entry, value, is_good, expected in self._said():
            if not is_good:
                raise ValueError(f"{entry}: expected {expected}, got {value!r}")

    def _said(self) -> list[tuple[str, str, bool, str]]:
        return [
            *(("work_days", day, day in DAYS, f"days of {', '.join(DAYS)}") for day in self.work_days),
            *(
                (name, getattr(self, name), _is_time(getattr(self, name)), "HH:MM")
                for name in ("quiet_from", "quiet_until")
            ),
            *(("days_off", day, _is_date(day), "dates such as 2026-12-24") for day in self.days_off),
            *(
                ("holidays", land, _is_country(land), "countries such as DE or DE-BE")
                for land in self.holidays.values()
            ),
        ]

    def is_work_day(self, day: date, zone: ZoneInfo) -> bool:
        """Whether people in that time zone work on that day."""
        return self.no_work_because(day, zone) is None

    def no_work_because(self, day: date, zone: ZoneInfo) -> str | None:
        """Why nobody in that time zone works on that day; None: they do."""
        if DAYS[day.weekday()] not in self.work_days:
            return f"{day:%A} is no work day"
        if day.isoformat() in self.days_off:
            return f"{day} is a day off"
        country = self.holidays.get(zone.key) or self.holidays.get(ANYWHERE)
        holiday = _holidays(country, day.year).get(day) if country else None
        return f"{day} is a holiday: {holiday}" if holiday else None

    def next_work_time(self, at: datetime, zone: ZoneInfo) -> datetime | None:
        """The first moment from `at` on at which people in that time zone may be written to; None: not within three days."""
        local = at.astimezone(zone)
        for ahead in range(_LOOK_AHEAD_DAYS):
            day = local.date() + timedelta(days=ahead)
            if not self.is_work_day(day, zone):
                continue
            for begin, end in self._hours(day, zone):
                if at < end:
                    return max(at, begin)
        return None

    def _hours(self, day: date, zone: ZoneInfo) -> list[tuple[datetime, datetime]]:
        """What quiet hours leave of a day: begin and end of each part."""
        start, over = (datetime.combine(day + timedelta(days=n), time(), zone) for n in (0, 1))
        quiet_from, quiet_until = (datetime.combine(day, time.fromisoformat(text), zone) for text in
                                   (self.quiet_from, self.quiet_until))  # fmt: skip
        if quiet_from == quiet_until:
            return [(start, over)]
        if quiet_from > quiet_until:  # over midnight
            return [(quiet_until, quiet_from)]
        return [(start, quiet_from), (quiet_until, over)]


@cache
def _holidays(country: str, year: int) -> dict[date, str]:
    from holidays import country_holidays

    land, _, part = country.partition("-")
    return dict(country_holidays(land, subdiv=part or None, years=year, language="en_US"))


def _is_country(text: str) -> bool:
    try:
        return len(_holidays(text, 2000)) >= 0
    except NotImplementedError:
        return False


def _is_time(text: str) -> bool:
    return len(text) == len("HH:MM") and _parses(time, text)


def _is_date(text: str) -> bool:
    return _parses(date, text)


def _parses(kind: type[time] | type[date], text: str) -> bool:
    try:
        kind.fromisoformat(text)
    except ValueError:
        return False
    return True


def zone_of(name: object, company: ZoneInfo) -> ZoneInfo:
    """The time zone that the CRM names for a person; the company's where it names none that is known.

    >>> zone_of("Asia/Tokyo", ZoneInfo("UTC")).key, zone_of(None, ZoneInfo("UTC")).key
    ('Asia/Tokyo', 'UTC')
    """
    try:
        return ZoneInfo(name) if isinstance(name, str) and name else company
    except (ZoneInfoNotFoundError, ValueError):
        return company


def without_work_time(
    zones: Mapping[str, ZoneInfo], told_at: datetime, over_at: datetime, policy: WorkTimePolicy
) -> pd.DataFrame:
    """Owners who cannot be told of a day, as silences (see `alerts.silences`).

    Nor is one told whose work time begins on the same date as that for the next day's messages, such as in Tokyo on a Monday
    morning that is Sunday night for the company: the cap is a day's, by the rep's own calendar, and the next messages know more.

    Args:
        zones: the time zone of each owner.
        told_at: when the messages of the day are made, in the company's time zone.
        over_at: when the day is over, and the next one is told.
        policy: when people work.
    """
    found = {owner: _not_told_because(zone, told_at, over_at, policy) for owner, zone in zones.items()}
    return silences([{"owner_id": owner, "because": because} for owner, because in found.items() if because])


def _not_told_because(zone: ZoneInfo, told_at: datetime, over_at: datetime, policy: WorkTimePolicy) -> str | None:
    """Why people in that time zone are not told of a day; None: they are."""
    begins = policy.next_work_time(told_at, zone)
    if begins is None or begins >= over_at:
        day = told_at.astimezone(zone).date()
        return f"{policy.no_work_because(day, zone) or f'no work hours left on {day}'} in {zone.key}"
    next_begins = policy.next_work_time(told_at + timedelta(days=1), zone)
    day = begins.astimezone(zone).date()
    is_told_again = next_begins is not None and next_begins.astimezone(zone).date() == day
    return f"the next day's messages reach {zone.key} on {day} as well" if is_told_again else None
