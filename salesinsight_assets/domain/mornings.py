"""Mornings on which something is due: every one, a weekday, or a day of the month."""

from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True)
class Mornings:
    """Every morning, the same weekday of every week (0: Monday), or the same day of every month."""

    said: str
    weekday: int | None = None
    day_of_month: int | None = None

    @property
    def cron_days(self) -> str:
        """The last three fields of a cron expression, in which 0 is Sunday.

        >>> Mornings("on Monday", weekday=0).cron_days, Mornings("on the 15th", day_of_month=15).cron_days
        ('* * 1', '15 * *')
        >>> EVERY_MORNING.cron_days
        '* * *'
        """
        if self.day_of_month is not None:
            return f"{self.day_of_month} * *"
        return "* * *" if self.weekday is None else f"* * {(self.weekday + 1) % 7}"

    def holds(self, morning: date) -> bool:
        """Whether a morning is one of them.

        >>> Mornings("on Monday", weekday=0).holds(date(2024, 3, 18)), EVERY_MORNING.holds(date(2024, 3, 18))
        (True, True)
        """
        if self.day_of_month is not None:
            return morning.day == self.day_of_month
        return self.weekday is None or morning.weekday() == self.weekday

    def follows(self, day: date) -> bool:
        """Whether the morning after `day` is one of them.

        >>> Mornings("on Monday", weekday=0).follows(date(2024, 3, 17))
        True
        """
        return self.holds(day + timedelta(days=1))


EVERY_MORNING = Mornings("every morning")
