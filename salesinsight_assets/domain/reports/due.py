"""On which mornings a report is due. It is made in the night before, as of the day that has just ended."""

from dataclasses import dataclass
from datetime import date, timedelta

from salesinsight_assets.domain.reports.policy import BUSINESS_REVIEW, MODEL_CHECK, PIPELINE_HEALTH, REP_PERFORMANCE

_MONDAY, _WEDNESDAY, _SATURDAY = 0, 2, 5


@dataclass(frozen=True)
class Mornings:
    """The same weekday of every week (0: Monday), or the same day of every month."""

    said: str
    weekday: int | None = None
    day_of_month: int | None = None

    @property
    def cron_days(self) -> str:
        """The last three fields of a cron expression, in which 0 is Sunday.

        >>> Mornings("on Monday", weekday=0).cron_days, Mornings("on the 15th", day_of_month=15).cron_days
        ('* * 1', '15 * *')
        """
        return f"{self.day_of_month} * *" if self.weekday is None else f"* * {(self.weekday + 1) % 7}"

    def follows(self, day: date) -> bool:
        """Whether the morning after `day` is one of them.

        >>> Mornings("on Monday", weekday=0).follows(date(2024, 3, 17))
        True
        """
        morning = day + timedelta(days=1)
        return morning.day == self.day_of_month if self.weekday is None else morning.weekday() == self.weekday


DUE = {
    PIPELINE_HEALTH: Mornings("on Monday", _MONDAY),
    REP_PERFORMANCE: Mornings("on Wednesday", _WEDNESDAY),
    MODEL_CHECK: Mornings("in the night after Friday", _SATURDAY),
    BUSINESS_REVIEW: Mornings("on the 15th", day_of_month=15),
}


def due_after(day: date) -> list[str]:
    """The reports that are made in the night after `day`.

    >>> due_after(date(2024, 3, 14)), due_after(date(2024, 3, 15))
    (['business_review'], ['model_check'])
    """
    return [report for report, mornings in DUE.items() if mornings.follows(day)]
