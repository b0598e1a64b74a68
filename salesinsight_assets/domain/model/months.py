"""Which month's model goes with which day: trained on the 1st, or once more later, it scores the days from then on."""

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


def known_until(month: date, named: str | None, newest: date) -> date:
    """The last day that the training of `month` knows: the month's own, or a later one that was `named`, up to `newest`.

    Raises:
        ValueError: a name that is no such day.

    >>> known_until(date(2024, 2, 1), None, date(2024, 3, 20)).isoformat()
    '2024-02-29'
    >>> known_until(date(2024, 2, 1), "2024-03-15", date(2024, 3, 20)).isoformat()
    '2024-03-15'
    """
    last = training_day(month) - timedelta(days=1)
    try:
        found = date.fromisoformat(named) if named is not None else last
    except ValueError:
        found = date.min
    if not last <= found <= max(last, newest):
        raise ValueError(f"expected a day from {last} to {max(last, newest)}, got {named!r}")
    return found
