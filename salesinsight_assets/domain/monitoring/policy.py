"""The numbers behind the weekly checks."""

from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True)
class MonitoringPolicy:
    """Windows in weeks, shares between 0 and 1.

    Drift and defaults: a week against the `reference_weeks` before, of which `least_reference_weeks` must be there; a deal
    is new for `new_weeks`; below `least_deals` nothing is compared. A drift is an alarm from `large_psi` on, a jump of
    defaults from `default_jump` on.

    Outcomes: deals decided in the last `recent_weeks`, where a collapse shows at once, and in the last `lasting_weeks`,
    where a bias does; each by what was shown `lead_weeks` before; below `least_decided` deals nothing is judged. A win rate
    that is off by `tolerated_gap` is none, nor is an AUC that lies below its band by less than `auc_fall`.

    All of it only beyond chance: `false_alarm_rate` is the share of false ones among the alarms of a week, and
    `recent_false_alarm_rate` that of the recent outcomes, which are few.

    Of the expectations of each asset the newest `kept_results` results are kept for the Data Docs.
    """

    reference_weeks: int = 12
    least_reference_weeks: int = 4
    new_weeks: int = 2
    least_deals: int = 30
    large_psi: float = 0.2
    default_jump: float = 0.1
    recent_weeks: int = 2
    lasting_weeks: int = 12
    lead_weeks: int = 4
    least_decided: int = 10
    tolerated_gap: float = 0.03
    auc_fall: float = 0.05
    false_alarm_rate: float = 0.005
    recent_false_alarm_rate: float = 0.03
    kept_results: int = 14

    def days(self, day: date) -> list[date]:
        """The day of a check and the same weekday of the weeks before, that it is compared with."""
        return [day - timedelta(weeks=week) for week in range(self.reference_weeks + 1)]

    def first_shown(self, day: date) -> date:
        """The earliest day of which a prediction may count: four weeks are left for nights that were missed."""
        return day - timedelta(weeks=self.lasting_weeks + self.lead_weeks + 4)
