"""The experiment as the company knows it: who is told, who acts on it or would have, and what came of each deal."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd

from salesinsight_assets_tests.alerted_nights.company import Crm, QuietCompany
from salesinsight_assets_tests.alerted_nights.reps import Reps
from salesinsight_assets_tests.alerted_nights.truth import WINDOW, Drawn, acted_by_itself, true_lift


@dataclass
class Look:
    """The lift at one look, beside the truth."""

    day: date
    n: int
    truth: float
    low: float
    high: float
    finding: str

    @property
    def holds(self) -> bool:
        """Whether the truth lies in the interval."""
        return self.low <= self.truth <= self.high


@dataclass
class _Reaction:
    """What a rep does, or would do, on a deal on a day; `drawn` where it is the deal's first alert of the experiment."""

    day: date
    cause: date
    owner_id: str
    opportunity_id: str
    is_done: bool
    drawn: Drawn | None


class Experiment:
    """`drawn` are the deals of the experiment by Id, `looks` the lift every week, `taken_up` the tasks that alerts have led to."""

    def __init__(self, company: QuietCompany, reps: Reps) -> None:
        self.drawn: dict[str, Drawn] = {}
        self.looks: list[Look] = []
        self.taken_up: dict[str, date] = {}
        self._company, self._reps = company, reps
        self._reactions: list[_Reaction] = []
        self._heard: set[tuple[str, str]] = set()

    def note(self, day: date, sent_at: datetime, row: Mapping[str, Any], crm: Crm, is_told: bool) -> None:
        """An alert that was to be sent of `day`, or held out; `is_told`: it arrived, or would have.

        `row` is one of `rep_alerts`; `sent_at` when the messages of the day began to arrive.
        """
        owner, deal = row["owner_id"], row["opportunity_id"]
        is_out, drawn = row["status"] == "held_out", None
        if isinstance(row["arm"], str) and deal not in self.drawn:
            drawn = Drawn(day, sent_at, owner, deal, is_out, is_told)
            self.drawn[deal] = drawn
        if not is_told or (owner, deal) in self._heard or not self._reps.takes_up(owner, deal):
            return
        if is_out and drawn is None:
            return
        if not is_out:
            self._heard.add((owner, deal))
        next_day = day + timedelta(days=2)
        while not crm.works_on(owner, next_day):
            next_day += timedelta(days=1)
        self._reactions.append(_Reaction(next_day, day, owner, deal, not is_out, drawn))

    def live_through(self, today: date, at: datetime) -> None:
        """Reps act, `at` that moment, on what they were told of the work day before; the seven days of some alerts are over."""
        crm = self._company.crm()
        for reaction in [one for one in self._reactions if one.day == today]:
            self._reactions.remove(reaction)
            if crm.is_open_deal_of(reaction.owner_id, reaction.opportunity_id) and crm.is_active(reaction.owner_id):
                self._act(reaction, at)
        over = [drawn for drawn in self.drawn.values() if drawn.known_on == today]
        if over:
            activities = pd.concat([self._company.rows("Task"), self._company.rows("Event")])
            history = self._company.rows("OpportunityHistory")
            for drawn in over:
                by_alerts = {task for task, cause in self.taken_up.items() if cause >= drawn.as_of}
                drawn.without = acted_by_itself(drawn, activities, history, by_alerts)

    def _act(self, reaction: _Reaction, at: datetime) -> None:
        """The rep logs a call, if there was an alert; what would have been done is noted in any case."""
        if reaction.drawn and at <= reaction.drawn.sent_at + WINDOW:
            reaction.drawn.would_act = True
        if not reaction.is_done:
            return
        about = {"WhatId": reaction.opportunity_id, "OwnerId": reaction.owner_id, "CreatedById": reaction.owner_id}
        call = {"Subject": "Call", "TaskSubtype": "Call", "Status": "Completed", "Priority": "Normal", "IsClosed": True}
        dated = {"ActivityDate": at.date().isoformat()}
        self.taken_up[self._company.insert("Task", {**about, **call, **dated}, at)] = reaction.cause

    def wrong_outcomes(self, day: date, rows: pd.DataFrame) -> Iterator[str]:
        """Where the outcomes of the alerts whose seven days end on `day` are not what the company knows; `rows` as stored."""
        found = {(row.opportunity_id, row.alert_date.date()): row for row in rows.dropna(subset="arm").itertuples()}
        for drawn in (one for one in self.drawn.values() if one.known_on == day):
            row = found.get((drawn.opportunity_id, drawn.as_of))
            if row is None or (row.is_acted_on, row.arm == "held_out") != (drawn.seen, drawn.is_out):
                told = "no outcome" if row is None else f"acted on: {row.is_acted_on} ({row.action}), {row.arm}"
                yield f"outcome of {drawn}: {told}"

    def look(self, day: date, row: Mapping[str, Any]) -> tuple[Look, list[str]]:
        """The lift as of `day`, found as `row` of `alert_lift`, beside the truth of the same deals; and what is miscounted."""
        wrong: list[str] = []
        known = [drawn for drawn in self.drawn.values() if drawn.known_on <= day]
        found = Look(day, len(known), true_lift(known), row["low"], row["high"], row["finding"])
        for is_out, name in ((False, "alerted"), (True, "held_out")):
            arm = [drawn.seen for drawn in known if drawn.is_out == is_out]
            n, rate = row[f"n_{name}"], row[f"{name}_rate"]
            if (len(arm), sum(arm)) != (n, round(rate * n) if n else 0):
                wrong.append(f"lift of {day}: {sum(arm)} of {len(arm)} {name} acted on, found {rate} of {n}")
        self.looks.append(found)
        return found, wrong
