"""Months and quarters of the calendar, of which a report speaks."""

from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True)
class Period:
    """The days from `first` to `last`, both included."""

    name: str
    first: date
    last: date

    @property
    def before(self) -> "Period":
        """The period of the same kind that ended before this one began."""
        day = self.first - timedelta(days=1)
        return month_of(day) if (self.last - self.first).days < 31 else quarter_of(day)


def month_of(day: date) -> Period:
    """The month of a day.

    >>> month_of(date(2024, 2, 10))
    Period(name='February', first=datetime.date(2024, 2, 1), last=datetime.date(2024, 2, 29))
    """
    return Period(f"{day:%B}", day.replace(day=1), _end_of_month(day))


def quarter_of(day: date) -> Period:
    """The quarter of a day; a company's own fiscal year is not known.

    >>> quarter_of(date(2024, 11, 3)).name, quarter_of(date(2024, 1, 3)).before.name
    ('Q4 2024', 'Q4 2023')
    """
    first = day.replace(month=3 * ((day.month - 1) // 3) + 1, day=1)
    return Period(f"Q{(day.month + 2) // 3} {day.year}", first, _end_of_month(first.replace(month=first.month + 2)))


def _end_of_month(day: date) -> date:
    return (day.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
