"""When an upload comes, and of which day its files tell."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pandas as pd

from salesinsight_assets.domain.crm.uploads.raw import Refusal, UploadRefusedError


@dataclass(frozen=True)
class UploadDay:
    """The day that the files tell of (None: the last one they mention), the current moment, the company's time zone.

    Raises:
        UploadRefusedError: a day that has not begun yet.
    """

    as_of: date | None
    now: datetime
    zone: ZoneInfo

    def __post_init__(self) -> None:
        if self.as_of and self.as_of > self.today:
            until = f"a day up to {self.today}, today"
            raise UploadRefusedError([Refusal("--as-of", None, None, until, str(self.as_of), "correct the option")])

    @property
    def today(self) -> date:
        """The company's current day."""
        return self.now.astimezone(self.zone).date()

    @property
    def last_day(self) -> pd.Timestamp:
        """The last day that the files may mention."""
        return pd.Timestamp(self.as_of or self.today)

    @property
    def last_day_words(self) -> str:
        """The last day as a refusal names it."""
        return f"{self.last_day:%Y-%m-%d}, {'the as-of day' if self.as_of else 'today'}"

    @property
    def last_moment(self) -> datetime:
        """The last moment that the files may mention: now, or the end of the as-of day."""
        if self.as_of is None:
            return self.now
        next_day = datetime.combine(self.as_of + timedelta(days=1), time(), tzinfo=self.zone)
        return min(self.now, next_day.astimezone(UTC) - timedelta(microseconds=1))

    def beginnings(self, days: pd.Series) -> pd.Series:
        """The beginning of each day in the company's time zone, in UTC."""
        return days.dt.tz_localize(self.zone, nonexistent="shift_forward", ambiguous=True).dt.tz_convert("UTC")

    def day_of(self, moment: pd.Timestamp) -> pd.Timestamp:
        """The day of a moment in the company's time zone."""
        return moment.tz_convert(self.zone).normalize().tz_localize(None)

    def beginning(self, day: pd.Timestamp) -> pd.Timestamp:
        """The beginning of one day."""
        return self.beginnings(pd.Series([day]))[0]
