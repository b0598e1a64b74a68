"""How old what is shown is, and what every page says of it."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

OLDEST_ROWS = timedelta(hours=24)
"""Nobody is told anything of rows that are older."""
_A_NIGHT = timedelta(hours=2)
"""After the time of its last step, a night is over, or late."""
Level = Literal["amber", "red"]


@dataclass(frozen=True)
class Freshness:
    """Of which day the shown scores are (None: there are none yet), who gave them in which run, and of which moment the CRM's rows."""

    day: date | None
    model_id: str | None = None
    is_fallback: bool = False
    rows_of: datetime | None = None
    is_upload: bool = False
    run_id: str | None = None


@dataclass(frozen=True)
class Banner:
    """What stands above every page."""

    level: Level
    text: str


def banner(found: Freshness, at: datetime, zone: ZoneInfo, night_ends: time) -> Banner | None:
    """What is said at a moment of the age of what is shown; None: it is fresh, or there is nothing yet.

    `night_ends` is when the last step of a night is due, by the company's clock.

    >>> at, zone = datetime(2024, 3, 16, 12, tzinfo=ZoneInfo("UTC")), ZoneInfo("UTC")
    >>> banner(Freshness(date(2024, 3, 13), rows_of=at), at, zone, time(5)).text
    'These numbers are of Wed 13 March: no night has been worked out since. Salesforce was read at 12:00 on Sat 16 March.'
    >>> banner(Freshness(date(2024, 3, 13), rows_of=at - timedelta(days=2)), at, zone, time(5)).text
    'Alerts are withheld: Salesforce was last read at 12:00 on Thu 14 March, more than 24 hours ago. These numbers are of Wed 13 March.'
    """
    if found.day is None or found.rows_of is None:
        return None
    origin = "The last upload is of" if found.is_upload else "Salesforce was last read at"
    read = f"{found.rows_of.astimezone(zone):%H:%M} on {_day(found.rows_of.astimezone(zone).date())}"
    numbers = f"These numbers are of {_day(found.day)}"
    if at - found.rows_of > OLDEST_ROWS:
        return Banner("red", f"Alerts are withheld: {_small(origin)} {read}, more than 24 hours ago. {numbers}.")
    if found.day < _day_due(at, zone, night_ends):
        then = origin.replace("last read", "read") if not found.is_upload else origin
        return Banner("amber", f"{numbers}: no night has been worked out since. {then} {read}.")
    return None


def _small(text: str) -> str:
    return text if text.startswith("Salesforce") else text[0].lower() + text[1:]


def _day(day: date) -> str:
    return f"{day:%a} {day.day} {day:%B}"


def _day_due(at: datetime, zone: ZoneInfo, night_ends: time) -> date:
    """The latest day whose night is over by now, if all went well."""
    local = at.astimezone(zone)
    is_over = local - _A_NIGHT >= datetime.combine(local.date(), night_ends, zone)
    return local.date() - timedelta(days=1 if is_over else 2)
