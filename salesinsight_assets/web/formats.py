"""How pages write values: amounts, shares, days, moments. What is missing is a dash, never a zero."""

import math
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from salesinsight_assets.domain.delivery.texts import money

MISSING = "–"


def is_missing(value: Any) -> bool:
    """Whether there is nothing to write."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def percent(share: float | None) -> str:
    """A share in whole percent.

    >>> percent(0.244), percent(None)
    ('24%', '–')
    """
    return MISSING if share is None or is_missing(share) else f"{share:.0%}"


def points(change: float | None) -> str:
    """A change of a share in percentage points, with its sign.

    >>> points(-0.21), points(0.0), points(None)
    ('−21 pp', '±0 pp', '–')
    """
    if change is None or is_missing(change):
        return MISSING
    whole = round(change * 100)
    return f"{'+' if whole > 0 else '−' if whole < 0 else '±'}{abs(whole)} pp"


def amount(value: float | None, currency: str | None = None) -> str:
    """An amount with its currency, where that is known.

    >>> amount(125000.0, "USD"), amount(None)
    ('$125,000', '–')
    """
    return MISSING if value is None or is_missing(value) else money(float(value), currency)


def whole(value: float | None) -> str:
    """A number without decimals, thousands apart.

    >>> whole(1234.5), whole(None)
    ('1,234', '–')
    """
    return MISSING if value is None or is_missing(value) else f"{value:,.0f}"


def day_in_words(value: date | None) -> str:
    """A day with its year.

    >>> day_in_words(date(2024, 3, 1)), day_in_words(None)
    ('1 March 2024', '–')
    """
    return MISSING if value is None or is_missing(value) else f"{value.day} {value:%B %Y}"


def short_day(value: date | None) -> str:
    """A day of these weeks, where its year is not in doubt.

    >>> short_day(date(2024, 3, 1)), short_day(None)
    ('1 Mar', '–')
    """
    return MISSING if value is None or is_missing(value) else f"{value.day} {value:%b}"


def moment_in_words(value: datetime | None, zone: ZoneInfo) -> str:
    """A moment by the company's clock.

    >>> moment_in_words(datetime(2024, 3, 1, 12, 5, tzinfo=ZoneInfo("UTC")), ZoneInfo("Europe/Berlin"))
    '1 March 2024, 13:05'
    """
    if value is None:
        return MISSING
    local = value.astimezone(zone)
    return f"{day_in_words(local.date())}, {local:%H:%M}"


def label(name: str) -> str:
    """The name of a column as people read it.

    >>> label("days_in_stage"), label("")
    ('Days in stage', '')
    """
    words = name.replace("_", " ")
    return words[:1].upper() + words[1:]


FILTERS = {
    "label": label,
    "percent": percent,
    "points": points,
    "amount": amount,
    "whole": whole,
    "day": day_in_words,
    "short_day": short_day,
}
