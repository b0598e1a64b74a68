"""The numbers behind the checks of volume."""

import re
from dataclasses import dataclass
from datetime import date, timedelta


@dataclass(frozen=True)
class VolumePolicy:
    """Windows in weeks, shares between 0 and 1.

    A day, and the seven days up to it, against the same weekday of the `reference_weeks` before, of which `least_weeks` must be
    known. What differs is an alarm only where it is large: `least_rows` rows or deals, a fall by `large_fall` of what is usual,
    a rise by `large_rise` of it; open deals that moved by `large_move` within a week; a share that is `large_gap` off. Of an owner
    with at least `least_activities` a week, a fall by `owner_fall`, while the owner still did `owner_at_work` of the usual work
    on deals: an owner who did nothing else either is away.

    All of it only beyond chance: `false_alarm_rate` is the share of false ones among a day's alarms of a kind. `holidays`, as
    `2026-12-28` or, each year, `12-25`, are neither judged nor compared with.
    """

    reference_weeks: int = 12
    least_weeks: int = 4
    least_rows: int = 10
    large_fall: float = 0.3
    large_rise: float = 1.0
    large_move: float = 0.25
    large_gap: float = 0.05
    least_activities: int = 10
    owner_fall: float = 0.8
    owner_at_work: float = 0.5
    false_alarm_rate: float = 0.005
    holidays: tuple[str, ...] = ()

    def days(self, day: date) -> list[date]:
        """The days that are looked at, oldest first: those of the weeks before, and the seven up to `day`."""
        n = 7 * (self.reference_weeks + 1)
        return [day - timedelta(days=ago) for ago in range(n - 1, -1, -1)]

    def __post_init__(self) -> None:
        """Raises ValueError where a holiday is no day."""
        for entry in self.holidays:
            if not re.fullmatch(r"(\d{4}-)?(0\d|1[0-2])-([0-2]\d|3[01])", entry):
                raise ValueError(f"holidays: expected days such as 2026-12-28 or 12-25, got {entry!r}")

    def is_holiday(self, day: date) -> bool:
        """Whether a day is one of the holidays.

        >>> VolumePolicy(holidays=("12-25",)).is_holiday(date(2026, 12, 25))
        True
        """
        return f"{day:%Y-%m-%d}" in self.holidays or f"{day:%m-%d}" in self.holidays
