"""Night after night of the product on a made-up company: synced, scored, alerted, sent by real servers, answered, judged.

The Salesforce server is the demo's, over TLS; the sync is the one of the `crm_tables` asset, called without Dagster; everything from
`open_opportunities` to `alert_lift` are the assets themselves, run by Dagster in this process without their table checks. With the
checks a night takes twice as long. The model is trained once. The clock is the platform's own, set.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import Any

import dagster as dg
import pandas as pd

from salesinsight_assets.adapters.salesforce import SalesforceClient
from salesinsight_assets.adapters.warehouse import Warehouse
from salesinsight_assets.adapters.warehouse.sync_store import SyncStore
from salesinsight_assets.domain.alerts.policy import AlertPolicy
from salesinsight_assets.domain.crm.sync import sync_tables
from salesinsight_assets.domain.crm.tables import CRM_TABLES
from salesinsight_assets.settings import clock_at, load_settings
from salesinsight_assets_tests.alerted_nights import invariants
from salesinsight_assets_tests.alerted_nights.accepted import EMAIL, Inboxes, Told
from salesinsight_assets_tests.alerted_nights.company import Crm, QuietCompany
from salesinsight_assets_tests.alerted_nights.experiment import Experiment, Look
from salesinsight_assets_tests.alerted_nights.reps import Reps, chance
from salesinsight_assets_tests.alerted_nights.steps import Steps, moment
from salesinsight_assets_tests.scripted_mail import LOST_AFTER, ScriptedMail

A_DAY = timedelta(days=1)
SYNC, SCORING, LOOKS, REACTIONS = time(2), time(5), time(6, 30), time(15)
"""Of the morning after, in UTC, the company's time zone; reactions in the afternoon."""
FIRST_SEND, SECOND_SEND, LAST_SEND = time(5, 30), time(10, 40), time(22, 15)
SENDS = {
    FIRST_SEND: (time(5, 20), time(7)),
    SECOND_SEND: (time(10, 30), time(10, 50)),
    LAST_SEND: (time(22, 10), time(22, 20)),
}
"""When messages are sent, each with when something happens just before and when they are answered.

The second is for those who slept at the first; at the last, after the company's day, the next one has begun in Tokyo.
"""
FRIDAY = 4
_SCORES = (
    "SELECT s.as_of_date, s.opportunity_id, s.win_probability, s.win_probability_7d_ago, s.amount, s.model_id, f.age_days,"
    " f.expected_cycle_days FROM insight.opportunity_scores AS s JOIN insight.opportunity_features AS f"
    " USING (as_of_date, opportunity_id)"
)


@dataclass
class _Morning:
    """What was drawn for a day's messages, and what is known of it as they are sent."""

    day: date
    drawn: pd.DataFrame
    would_be_told: dict[tuple[str, str], bool] = field(default_factory=dict[tuple[str, str], bool])
    told: list[Told] = field(default_factory=list[Told])
    sent_at: datetime | None = None
    is_hurt: bool = False


class AlertedNights:
    """`company` under the product; `wrong` are the sentences of what must not be, `experiment` knows what alerts change.

    Salesforce, mail, Slack and pages are those that the environment names, `policy` is that of salesinsight.toml.
    """

    def __init__(
        self,
        company: QuietCompany,
        store: Warehouse,
        inboxes: Inboxes,
        mail: ScriptedMail,
        reps: Reps,
        policy: AlertPolicy,
        leave_on: tuple[int, ...] = (),
        has_model: bool = True,
    ) -> None:
        self.company, self.store, self.inboxes, self.reps = company, store, inboxes, reps
        self.wrong: list[str] = []
        self.experiment = Experiment(company, reps)
        self.counts: Counter[str] = Counter()
        self._mail, self._policy, self._leave_on, self._has_model = mail, policy, leave_on, has_model
        self._steps = Steps()
        self._left: dict[str, date] = {}
        self._at_night = company.crm()
        self._n_nights = 0

    # --- the night ---

    def night(self) -> None:
        """The night after the company's last day, the morning that follows, and the day after that."""
        day = self.company.last_day
        self._n_nights += 1
        self._sync(day + A_DAY)
        if self._n_nights == 1 and self._has_model:
            self._train(day)
        with clock_at(moment(day + A_DAY, SCORING)):
            self._steps.run("alert", day)
        morning = self._morning(day)
        self._tell(morning, FIRST_SEND)
        self.wrong += self.experiment.wrong_outcomes(day, self.store.partition("alert_outcomes", day))
        self._tell(morning, SECOND_SEND)
        if day.weekday() == FRIDAY:
            self.look(day)
        self._live(day + A_DAY)
        self._tell(morning, LAST_SEND)
        self._judge(morning)

    def _tell(self, morning: _Morning, send: time) -> None:
        """One send, with what happens before and after it."""
        before, after = SENDS[send]
        self._disturb(morning, send, before)
        self._answer(self._send(morning, send), moment(morning.day + A_DAY, after))

    def _sync(self, today: date) -> None:
        at = moment(today, SYNC)
        self.company.set_clock(at)
        settings = load_settings().salesforce
        with clock_at(at), SalesforceClient(settings) as client:
            told = sync_tables(client, SyncStore(self.store), CRM_TABLES, timedelta(seconds=settings.lookback_seconds))
        self.wrong += [f"sync of {today}: {result.table} is stale" for result in told if result.is_stale]
        self._at_night = self.company.crm()

    def _train(self, day: date) -> None:
        month = (day.replace(day=1) - A_DAY).replace(day=1)
        with clock_at(moment(day + A_DAY, time(2, 30))):
            self._steps.run("train", month)

    def _morning(self, day: date) -> _Morning:
        alerts = self.store.partition("rep_alerts", day)
        because = alerts.loc[alerts["status"] == "suppressed", "suppressed_because"]
        self.counts.update(alerts["status"])
        self.counts.update(f"suppressed: {why}" for why in because.str.replace(r"[\d-]{10}", "…", regex=True))
        drawn = alerts[alerts["status"].isin(["to_send", "held_out"])].reset_index(drop=True)
        return _Morning(day, drawn)

    # --- what happens between the night and the send ---

    def _waits_for(self, morning: _Morning, send: time, crm: Crm) -> list[dict[str, Any]]:
        """The alerts whose owners are written to at this send, because they did not work at an earlier one."""
        today, found = morning.day + A_DAY, list[dict[str, Any]]()
        for row in morning.drawn.to_dict("records"):
            at_work = [one for one in SENDS if crm.works_at(row["owner_id"], moment(today, one))]
            found += [row] if at_work[:1] == [send] else []
        return found

    def _disturb(self, morning: _Morning, send: time, at: time) -> None:
        """Deals are closed and handed over, others snoozed, a rep leaves: after the sync, before the send."""
        self.company.set_clock(moment(morning.day + A_DAY, at))
        crm = self.company.crm()
        for place, row in enumerate(self._waits_for(morning, send, crm)):
            owner, deal = row["owner_id"], row["opportunity_id"]
            draw = chance("dawn", morning.day, owner, deal)
            if not crm.is_open_deal_of(owner, deal):
                continue
            if draw < self.reps.rule.closed:
                self.company.update("Opportunity", deal, {"StageName": "Closed Lost"})
                self.counts["closed before the send"] += 1
            elif draw < self.reps.rule.closed + self.reps.rule.reassigned:
                self.company.update("Opportunity", deal, {"OwnerId": self._another(crm, owner, deal)})
                self.counts["reassigned before the send"] += 1
            elif chance("again", morning.day, owner, deal) < self.reps.rule.again:
                self._snooze_again(row, moment(morning.day + A_DAY, at) + timedelta(seconds=place))
        if send == FIRST_SEND:
            self._let_reps_leave(crm, morning.day + A_DAY)

    def _another(self, crm: Crm, owner: str, deal: str) -> str:
        others = [rep for rep in crm.active_reps if rep != owner]
        return others[int(chance("heir", deal, owner) * len(others))]

    def _snooze_again(self, row: Mapping[str, Any], at: datetime) -> None:
        """By the link of the last mail that told of the deal, if there is one."""
        mails = [
            told
            for told in self.inboxes.told
            if told.channel == EMAIL
            and (told.owner_id, told.opportunity_id) == (row["owner_id"], row["opportunity_id"])
        ]
        if mails and at - mails[-1].at < timedelta(days=60):
            with clock_at(at):
                self.reps.give("snooze", mails[-1], at)
            self.counts["snoozed before the send"] += 1

    def _let_reps_leave(self, crm: Crm, today: date) -> None:
        """On some nights a rep leaves; three days later the deals are handed over."""
        if self._n_nights in self._leave_on:
            leaver = crm.active_reps[self._n_nights % len(crm.active_reps)]
            self.company.update("User", leaver, {"IsActive": False})
            self._left[leaver] = today
        for leaver, left_on in self._left.items():
            for deal in crm.deals if today == left_on + 3 * A_DAY else ():
                if crm.is_open_deal_of(leaver, deal):
                    self.company.update("Opportunity", deal, {"OwnerId": self._another(crm, leaver, deal)})

    # --- the send ---

    def _send(self, morning: _Morning, send: time) -> list[Told]:
        """Deliver, at the second send only if the sensor asks for it; then judge what the servers accepted."""
        at = moment(morning.day + A_DAY, send)
        self.company.set_clock(at)
        crm = self.company.crm()
        for row in self._waits_for(morning, send, crm):
            key = (row["owner_id"], row["opportunity_id"])
            morning.would_be_told[key] = self._would_be_told(row, crm, at)
        if not self._is_due(at, send):
            return []
        self._hurt(morning, send)
        with clock_at(at):
            self._steps.run("send" if send == FIRST_SEND else "send_again", morning.day)
        self._mail.data = []
        new = self.inboxes.read(at)
        morning.told += new
        has_messages = (morning.drawn["status"] == "to_send").any()
        if morning.sent_at is None and (new or (len(morning.drawn) and not has_messages)):
            morning.sent_at = at
        for told in new:
            self.wrong += invariants.wrong_when_sent(told, crm, self.reps, morning.day)
        return new

    def _is_due(self, at: datetime, send: time) -> bool:
        from salesinsight_assets.resending import send_what_waits

        if send == FIRST_SEND:
            return True
        with clock_at(at), dg.DagsterInstance.ephemeral() as instance:
            return isinstance(send_what_waits(dg.build_sensor_context(instance)), dg.SensorResult)

    def _hurt(self, morning: _Morning, send: time) -> None:
        """On some mornings the mail server is busy for one message, or its answer gets lost after it has taken one."""
        draw = chance("fault", morning.day)
        fault = {"451 4.3.0 try again later": draw < 0.1, LOST_AFTER: draw > 0.93}
        self._mail.data = [answer for answer, holds in fault.items() if holds and send == FIRST_SEND]
        morning.is_hurt |= bool(self._mail.data)

    def _would_be_told(self, row: Mapping[str, Any], crm: Crm, at: datetime) -> bool:
        """Whether nothing speaks against telling the owner of the deal at this moment."""
        owner, deal = row["owner_id"], row["opportunity_id"]
        is_asked = self.reps.asked_silence(owner, deal, row["rule"], at)
        has_moved = crm.deals[deal]["StageName"] != self._at_night.deals[deal]["StageName"]
        is_right = crm.is_open_deal_of(owner, deal) and crm.is_active(owner)
        return is_right and not has_moved and not is_asked

    # --- what comes of it ---

    def _answer(self, told: list[Told], at: datetime) -> None:
        """Each mail's deals are answered one after the other, as nobody clicks on two links at the same moment."""
        for place, one in enumerate(told):
            if one.channel == EMAIL:
                with clock_at(at + timedelta(seconds=place)):
                    self.reps.answer(one, at + timedelta(seconds=place))

    def _judge(self, morning: _Morning) -> None:
        """Whether all that was to be told of arrived, and who acts on it, or would."""
        arrived = {(told.owner_id, told.opportunity_id) for told in morning.told}
        to_send = morning.drawn[morning.drawn["status"] == "to_send"]
        expected = {key: morning.would_be_told.get(key, False) for key in zip(to_send["owner_id"], to_send["opportunity_id"], strict=True)}  # fmt: skip
        if not morning.is_hurt:
            self.wrong += invariants.not_told(morning.day, expected, morning.told)
        crm = self.company.crm()
        for row in morning.drawn.to_dict("records"):
            key = (row["owner_id"], row["opportunity_id"])
            is_told = key in arrived if row["status"] == "to_send" else morning.would_be_told.get(key, False)
            if morning.sent_at:
                self.experiment.note(morning.day, morning.sent_at, row, crm, is_told)

    def _live(self, today: date) -> None:
        """The day passes; reps act on what they were told of the work day before."""
        self.company.advance(today)
        self.experiment.live_through(today, moment(today, REACTIONS))

    def look(self, day: date) -> Look:
        """The lift of a day by the product, beside the truth of the same deals."""
        with clock_at(moment(day + A_DAY, LOOKS)):
            self._steps.run("lift", day)
        (row,) = self.store.partition("alert_lift", day).query("measure == 'acted on'").to_dict("records")
        look, wrong = self.experiment.look(day, row)
        self.wrong += wrong
        return look

    def judge_all(self, label: str, share: float) -> None:
        """What can be judged only of all nights together."""
        scores, told = self.store.read(_SCORES), self.inboxes.told
        self.wrong += invariants.too_many_a_day(told, self.company.crm())
        self.wrong += invariants.accepted_twice(self.inboxes.message_ids)
        self.wrong += invariants.told_twice_a_day(told)
        self.wrong += invariants.held_out_but_told(told, scores, label, share)
        self.wrong += invariants.episodes_repeated(told, scores, self._policy)
