"""A company in which little happens by itself, with reps in several time zones, and its CRM as it is at a moment."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from salesinsight_assets.demo.company import DemoCompany
from salesinsight_assets.demo.simulation.days import CompanyPlan
from salesinsight_assets.demo.simulation.roster import REP_TITLE
from salesinsight_assets.demo.simulation.strengths import Pace

QUIET = Pace(
    tasks=(0.04, 0.045, 0.05, 0.06, 0.07),
    events=(0.006, 0.012, 0.015, 0.015, 0.02),
    push_when_far=0.004,
    push_when_near=0.06,
)
"""A third of the usual activity: in a usual company nearly every deal is acted on within a week, alert or not."""
ZONES = ("Europe/Berlin", "America/New_York", "Europe/Berlin", "Asia/Tokyo")
HOLIDAYS = {
    "Europe/Berlin": {"2025-04-18", "2025-04-21", "2025-05-01", "2025-05-29", "2025-06-09", "2025-10-03"},
    "America/New_York": {"2025-05-26", "2025-06-19", "2025-07-04", "2025-09-01", "2025-10-13"},
}
"""The public holidays of Germany and the United States from April to October 2025, by hand."""
DAY_OFF = "2025-04-09"
QUIET_FROM, QUIET_UNTIL = time(20), time(5, 30)
WORK_TIME = f"""
[work_time]
days_off = ["{DAY_OFF}"]

[work_time.holidays]
"Europe/Berlin" = "DE"
"America/New_York" = "US"
"""
"""What salesinsight.toml says of the same."""


class QuietCompany(DemoCompany):
    """The demo's company at a third of its activity."""

    def _plan(self) -> CompanyPlan:
        return replace(super()._plan(), pace=QUIET)

    def spread_reps(self) -> None:
        """Give the reps their time zones."""
        for place, rep in enumerate(self.crm().active_reps):
            self.update("User", rep, {"TimeZoneSidKey": ZONES[place % len(ZONES)]})

    def crm(self) -> "Crm":
        """Deals and users as they are at this moment."""
        return Crm(
            self._records("Opportunity", "Name", "OwnerId", "StageName", "IsClosed", "IsDeleted"),
            self._records("User", "Email", "IsActive", "TimeZoneSidKey", "Title"),
        )

    def _records(self, object_name: str, *fields: str) -> dict[str, dict[str, Any]]:
        """Some fields of all records, by Id."""
        rows = self._connection.execute(f'SELECT Id, {", ".join(fields)} FROM "{object_name}" ORDER BY rowid')
        return {key: dict(zip(fields, values, strict=True)) for key, *values in rows}


@dataclass(frozen=True)
class Crm:
    """Rows by Id, in Salesforce's own names."""

    deals: Mapping[str, Mapping[str, Any]]
    users: Mapping[str, Mapping[str, Any]]

    @property
    def active_reps(self) -> list[str]:
        """The Ids of the reps who work here."""
        return [key for key, user in self.users.items() if user["Title"] == REP_TITLE and user["IsActive"]]

    def is_active(self, user_id: str) -> bool:
        """Whether that user may log in."""
        return bool(self.users[user_id]["IsActive"])

    def is_open_deal_of(self, owner_id: str, deal_id: str) -> bool:
        """Whether the deal is open and the owner's."""
        deal = self.deals[deal_id]
        return not deal["IsClosed"] and not deal["IsDeleted"] and deal["OwnerId"] == owner_id

    def local(self, owner_id: str, at: datetime) -> datetime:
        """A moment by the user's own clock."""
        return at.astimezone(ZoneInfo(self.users[owner_id]["TimeZoneSidKey"]))

    def works_on(self, owner_id: str, day: date) -> bool:
        """Whether that is a work day where the user lives."""
        zone = self.users[owner_id]["TimeZoneSidKey"]
        return day.weekday() < 5 and day.isoformat() not in {DAY_OFF, *HOLIDAYS.get(zone, ())}

    def works_at(self, owner_id: str, at: datetime) -> bool:
        """Whether the user may be written to at a moment."""
        local = self.local(owner_id, at)
        return self.works_on(owner_id, local.date()) and QUIET_UNTIL <= local.time() < QUIET_FROM
