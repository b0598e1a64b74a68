"""Which month's model goes with which day: trained on the 1st, it scores the days from then on."""

from datetime import date, timedelta


def month_before(day: date) -> date:
    """The first day of the month before the one of `day`: the month that the model of that day knows the end of.

    >>> month_before(date(2024, 3, 1)).isoformat()
    '2024-02-01'
    """
    return (day.replace(day=1) - timedelta(days=1)).replace(day=1)


def training_day(month: date) -> date:
    """The 1st after `month`: the day on which its model is trained.

    >>> training_day(date(2023, 12, 1)).isoformat()
    '2024-01-01'
    """
    return (month.replace(day=28) + timedelta(days=4)).replace(day=1)
