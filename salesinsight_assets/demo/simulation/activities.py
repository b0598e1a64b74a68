"""What people do besides saving deals: calls, mails, meetings, campaign answers, corrected accounts.

How many activities a deal gets is decided in `days`, since it tells of the deal's outcome; the rest here tells nothing.
"""

import sqlite3
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt

from salesinsight_assets.demo.ids import salesforce_ids
from salesinsight_assets.demo.objects import CAMPAIGN_PREFIX
from salesinsight_assets.demo.simulation.catalogue import EVENT_SUBJECTS, TASK_SUBJECTS
from salesinsight_assets.demo.simulation.deals import OpenDeals
from salesinsight_assets.demo.simulation.dynamics import BoolArray, Happenings, IntArray
from salesinsight_assets.demo.simulation.journal import DayStamps, Journal, stamps
from salesinsight_assets.demo.simulation.roster import Accounts, Reps, objects

_PLANNED_SHARE = 0.12
_CAMPAIGN_COUNT = 24


class Activities:
    """Writes what people did into the journal."""

    def __init__(self, journal: Journal, reps: Reps, accounts: Accounts) -> None:
        self._journal = journal
        self._reps = reps
        self._accounts = accounts

    def on_deals(
        self, rng: np.random.Generator, day_stamps: DayStamps, deals: OpenDeals, happenings: Happenings
    ) -> None:
        """Calls, mails and meetings by the deals' owners."""
        places = np.arange(len(deals))
        self._tasks(rng, day_stamps, deals, np.repeat(places, happenings.tasks), happenings.closes)
        self._events(rng, day_stamps, deals, np.repeat(places, happenings.events))

    def _tasks(
        self, rng: np.random.Generator, day_stamps: DayStamps, deals: OpenDeals, about: IntArray, closes: BoolArray
    ) -> None:
        count, created_at = len(about), day_stamps.moments(len(about))
        is_planned = (rng.random(count) < _PLANNED_SHARE) & ~closes[about]
        due = day_stamps.day + np.where(is_planned, rng.choice([7, 14], count), 0)
        subtypes = rng.choice(list(TASK_SUBJECTS), count, p=[share for _, share in TASK_SUBJECTS.values()])
        self._journal.insert(
            "Task",
            self._journal.new_ids("Task", count),
            WhatId=deals.ids[about],
            OwnerId=self._reps.ids[deals.owner[about]],
            CreatedById=self._reps.ids[deals.owner[about]],
            Subject=objects(TASK_SUBJECTS[subtype][0] for subtype in subtypes),
            TaskSubtype=subtypes,
            Status=np.where(is_planned, "Not Started", "Completed"),
            Priority="Normal",
            ActivityDate=due,
            IsClosed=~is_planned,
            CompletedDateTime=_unless(is_planned, stamps(created_at)),
            CreatedDate=created_at,
            SystemModstamp=created_at,
            IsDeleted=False,
        )

    def _events(self, rng: np.random.Generator, day_stamps: DayStamps, deals: OpenDeals, about: IntArray) -> None:
        count, created_at = len(about), day_stamps.moments(len(about))
        # A meeting is entered up to a week ahead and starts on a full hour.
        start = (day_stamps.morning + rng.integers(0, 9, count).astype("timedelta64[h]")) + rng.choice(
            [0, 0, 0, 1, 7], count
        ).astype("timedelta64[D]")
        self._journal.insert(
            "Event",
            self._journal.new_ids("Event", count),
            WhatId=deals.ids[about],
            OwnerId=self._reps.ids[deals.owner[about]],
            CreatedById=self._reps.ids[deals.owner[about]],
            Subject=rng.choice(list(EVENT_SUBJECTS), count, p=list(EVENT_SUBJECTS.values())),
            EventSubtype="Event",
            StartDateTime=start,
            EndDateTime=start + np.timedelta64(1, "h"),
            ActivityDate=start.astype("datetime64[D]"),
            CreatedDate=created_at,
            SystemModstamp=created_at,
            IsDeleted=False,
        )

    def campaign_answers(self, rng: np.random.Generator, day_stamps: DayStamps, count: int) -> None:
        """Accounts reached by a campaign that day, some of which answered."""
        created_at, has_responded = day_stamps.moments(count), rng.random(count) < 0.35
        campaign_ids = salesforce_ids(CAMPAIGN_PREFIX, np.arange(1, _CAMPAIGN_COUNT + 1))
        self._journal.insert(
            "CampaignMember",
            self._journal.new_ids("CampaignMember", count),
            CampaignId=rng.choice(campaign_ids, count),
            AccountId=rng.choice(self._accounts.ids, count),
            Status=np.where(has_responded, "Responded", "Sent"),
            HasResponded=has_responded,
            FirstRespondedDate=_unless(~has_responded, np.full(count, str(day_stamps.day))),
            CreatedDate=created_at,
            SystemModstamp=created_at,
            IsDeleted=False,
        )

    def account_edits(self, rng: np.random.Generator, day_stamps: DayStamps, count: int) -> None:
        """Accounts whose head count was corrected that day."""
        places = rng.integers(0, len(self._accounts.ids), count)
        employees = rng.lognormal(5.0, 1.3, count).astype(np.int64) + 5
        self._journal.update(
            "Account",
            self._accounts.ids[places],
            NumberOfEmployees=employees,
            SystemModstamp=day_stamps.moments(count),
        )


def finish_tasks(connection: sqlite3.Connection, day: date) -> None:
    """Planned tasks are done on the afternoon they were due; one that came back from the recycle bin later, on that of `day`."""
    connection.execute(
        "UPDATE Task SET Status = 'Completed', IsClosed = 1, CompletedDateTime = done, SystemModstamp = done "
        "FROM (SELECT Id, iif(SystemModstamp > ActivityDate || :at, :day || :at, ActivityDate || :at) AS done FROM Task "
        "WHERE Status = 'Not Started' AND ActivityDate <= :day AND IsDeleted = 0) AS due WHERE Task.Id = due.Id",
        {"at": "T15:00:00.000+0000", "day": day.isoformat()},
    )


def _unless(mask: BoolArray, values: npt.NDArray[Any]) -> npt.NDArray[np.object_]:
    kept = values.astype(object)
    kept[mask] = None
    return kept
