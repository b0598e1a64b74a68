"""Whom a day may be told to, and when: what reps asked for, and their work time.

Asked by the steps that alert, queue and send. Whether a run may tell anyone at all is said by `sending`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import dagster as dg

from salesinsight_assets.domain.alerts.work_time import WorkTimePolicy, without_work_time, zone_of
from salesinsight_assets.metadata import partition_day
from salesinsight_assets.resources import CompanyResource
from salesinsight_assets.sending import is_at_any_hour, is_replay

if TYPE_CHECKING:
    import pandas as pd

    from salesinsight_assets.adapters.warehouse import Warehouse

_NO_WORK_TIME = timedelta(days=1)
"""After which it is looked again, where nobody works for days: by then the day is over."""


@dataclass(frozen=True)
class WorkTimes:
    """When each rep may be written to; without a policy at any time: a person asked for it, or nobody is written to at all."""

    zones: Mapping[str, ZoneInfo]
    company: ZoneInfo
    policy: WorkTimePolicy | None

    def next(self, owner_id: str, at: datetime) -> datetime:
        """The first moment from `at` on."""
        if self.policy is None:
            return at
        begins = self.policy.next_work_time(at, self.zones.get(owner_id, self.company))
        return begins or at + _NO_WORK_TIME

    def waits(self, owner_ids: Iterable[str], at: datetime) -> dict[str, datetime]:
        """Of these owners those who cannot be written to yet, and from when on they can."""
        begins = {owner: self.next(owner, at) for owner in owner_ids}
        return {owner: moment for owner, moment in begins.items() if moment > at}


def work_times(context: dg.AssetExecutionContext, store: "Warehouse", company: CompanyResource) -> WorkTimes:
    """The work times of all reps, by the time zones that the CRM names for them."""
    users = store.read("SELECT id, time_zone_sid_key FROM crm.users WHERE valid_to IS NULL AND NOT is_deleted")
    zones = {str(row["id"]): zone_of(row["time_zone_sid_key"], company.zone) for row in users.to_dict("records")}
    has_no_hours = is_at_any_hour(context) or is_replay(context, company)
    return WorkTimes(zones, company.zone, None if has_no_hours else company.policies.work_time)


def silences_of_day(context: dg.AssetExecutionContext, store: "Warehouse", company: CompanyResource) -> "pd.DataFrame":
    """What nobody is to be told of in the morning after the run's day (see `domain.alerts.silences`)."""
    import pandas as pd

    day, times = partition_day(context), work_times(context, store, company)
    asked = asked_at(store, company.told_at(day))
    if times.policy is None:
        return asked
    over_at = company.as_of(day + timedelta(days=1))
    idle = without_work_time(times.zones, company.told_at(day), over_at, times.policy)
    return pd.concat([asked, idle], ignore_index=True)


def asked_at(store: "Warehouse", at: datetime) -> "pd.DataFrame":
    """What reps asked not to be told of, as it holds at a moment."""
    from salesinsight_assets.adapters.warehouse.feedback_store import FeedbackStore
    from salesinsight_assets.domain.feedback.asked import asked_silences

    return asked_silences(FeedbackStore(store).silences(at), at)
