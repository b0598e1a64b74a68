"""On which mornings a report is due. It is made in the night before, as of the day that has just ended."""

from datetime import date

from salesinsight_assets.domain.mornings import Mornings
from salesinsight_assets.domain.reports.policy import BUSINESS_REVIEW, MODEL_CHECK, PIPELINE_HEALTH, REP_PERFORMANCE

_MONDAY, _WEDNESDAY, _SATURDAY = 0, 2, 5

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
