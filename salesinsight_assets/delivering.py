"""Sending what waits in the outbox: claim, look once more, word, hand over, note what became of it.

Nothing here decides what a state means (domain.delivery.attempts) or what may be told (domain.delivery.recheck).
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Protocol

import pandas as pd

from salesinsight_assets.adapters.mail import MailDoor, mail_door, mail_message
from salesinsight_assets.adapters.slack import SlackDoor
from salesinsight_assets.adapters.warehouse.outbox import Claimed, Due, Outbox
from salesinsight_assets.domain.delivery.addresses import is_address
from salesinsight_assets.domain.delivery.attempts import (
    Attempt,
    DeliveryPolicy,
    Next,
    after_attempt,
    look_again_at,
    too_late,
)
from salesinsight_assets.domain.delivery.digest_html import digest_html
from salesinsight_assets.domain.delivery.payloads import EMAIL, SLACK, ToldDeal, told_deals, without
from salesinsight_assets.domain.delivery.recheck import DealNow, held_back
from salesinsight_assets.domain.delivery.slack_blocks import SlackButtons, alert_as_blocks
from salesinsight_assets.domain.delivery.texts import DigestLinks, mailed_text, slack_text
from salesinsight_assets.domain.feedback.answers import ToldAlert, button_value
from salesinsight_assets.domain.feedback.links import Links, digest_links
from salesinsight_assets.domain.feedback.policy import FeedbackPolicy
from salesinsight_assets.domain.reports.page_html import content_id
from salesinsight_assets.domain.reports.report import is_over, is_report, pictures_of
from salesinsight_assets.settings import MailSettings, SlackSettings

Look = Callable[[list[str], date], tuple[Mapping[str, DealNow], str]]
"""The deals of these Ids as they are now, told of a day, and where that was read."""


@dataclass
class Delivered:
    """What a run did: messages by channel and what became of them, why some were not sent, and where deals were read again."""

    outcomes: Counter[str] = field(default_factory=Counter[str])
    reasons: Counter[str] = field(default_factory=Counter[str])
    looked_at: str = "nothing to look at"


class _Door(Protocol):
    def send(self, message: Claimed) -> Attempt: ...


@dataclass(frozen=True)
class SendingRules:
    """What decides whether and when a message is sent.

    Attributes:
        policy: how often it is tried.
        day: the day that may be told; messages of earlier ones are cancelled.
        clock: the moment.
        look: the deals as they are now.
        asked: what reps asked not to be told of (see `domain.alerts.silences`).
        work_time: the first moment from one on at which a rep, by the Salesforce Id, may be written to.
    """

    policy: DeliveryPolicy
    day: date
    clock: Callable[[], datetime]
    look: Look
    asked: pd.DataFrame
    work_time: Callable[[str, datetime], datetime]


@dataclass(frozen=True)
class Wording:
    """What a message can lead to: our pages (None: there are none), and a deal's page in Salesforce."""

    links: Links | None
    feedback: FeedbackPolicy
    record_url: Callable[[str], str | None]

    def digest_links(self, message: Claimed, deals: Sequence[ToldDeal]) -> DigestLinks | None:
        """The links of a digest."""
        if self.links is None:
            return None
        digest = ToldAlert(message.message_key, message.as_of_date, message.owner_id)
        return digest_links(self.links, digest, deals, self.feedback, self.record_url)

    def buttons(self, message: Claimed, deal: ToldDeal, slack: SlackSettings) -> SlackButtons:
        """The buttons of a message in Slack; those that answer only where Slack's answers can be told from others'."""
        alert = ToldAlert(message.message_key, message.as_of_date, message.owner_id, deal.opportunity_id, deal.rule)
        value = button_value(alert) if slack.signing_secret else None
        return SlackButtons(value, self.feedback.snooze_days, self.record_url(deal.opportunity_id))


class _ByMail:
    def __init__(self, door: MailDoor, mail: MailSettings, clock: Callable[[], datetime], wording: Wording) -> None:
        self._door, self._mail, self._clock, self._wording = door, mail, clock, wording

    def send(self, message: Claimed) -> Attempt:
        held = message.payload
        if not is_address(message.recipient):
            return Attempt(
                "refused", f"the CRM's e-mail address of this owner cannot be written to: {message.recipient!r}"
            )
        (subject, text, html), links = self._words(message)
        made = mail_message(
            self._mail,
            message.message_key,
            message.recipient,
            subject,
            text,
            html,
            self._clock(),
            {content_id(name): png for name, png in pictures_of(held).items()},
            links and links.unsubscribe,
        )
        return self._door.send(made)

    def _words(self, message: Claimed) -> tuple[tuple[str, str, str], DigestLinks | None]:
        """Subject, text and HTML: a report's own, or those of a digest of the deals that are still to be told of."""
        held = message.payload
        if is_report(held):
            return (held["subject"], held["text"], held["html"]), None
        deals, note = told_deals(held), held.get("note")
        contents, links = [deal.content for deal in deals], self._wording.digest_links(message, deals)
        words = (held["subject"], mailed_text(contents, note, links), digest_html(contents, note, links))
        return words, links


class _BySlack:
    def __init__(self, door: SlackDoor, slack: SlackSettings, wording: Wording) -> None:
        self._door, self._slack, self._wording = door, slack, wording

    def send(self, message: Claimed) -> Attempt:
        (deal,) = told_deals(message.payload)
        note, buttons = message.payload.get("note"), self._wording.buttons(message, deal, self._slack)
        text = slack_text(deal.content, note, is_asked=False)
        blocks = alert_as_blocks(deal.content, note, buttons)
        return self._door.send(message.message_key, message.recipient, text, blocks)


def deliver(
    outbox: Outbox, mail: MailSettings | None, slack: SlackSettings, rules: SendingRules, wording: Wording
) -> Delivered:
    """Send every message that is due, by the channels that are configured; those of days before are cancelled.

    A report is cancelled only after a week.
    """
    run = _Run(outbox, rules)
    outbox.release_abandoned(rules.clock())
    with ExitStack() as stack:
        if mail is not None:
            run.send_due(EMAIL, _ByMail(stack.enter_context(mail_door(mail)), mail, rules.clock, wording))
        if slack.bot_token is not None:
            door = SlackDoor(slack)
            run.find_unsettled(door)
            run.send_due(SLACK, _BySlack(door, slack, wording))
    return run.done


@dataclass(frozen=True)
class _Run:
    outbox: Outbox
    rules: SendingRules
    done: Delivered = field(default_factory=Delivered)

    def find_unsettled(self, door: SlackDoor) -> None:
        """Ask Slack of each message of which it is not known; one that did not arrive waits again."""
        for message in self.outbox.unsettled(SLACK, self.rules.clock()):
            found = door.find(message.message_key, message.recipient, message.claimed_at)
            if found.result == "unclear":
                again = look_again_at(message.claimed_at, self.rules.clock(), self.rules.policy)
                self.outbox.look_again(message.message_key, again)
                continue
            then = self._settled(message, found)
            self.done.outcomes[f"{SLACK} not known before, now {then.status}"] += 1

    def send_due(self, channel: str, door: _Door) -> None:
        """Try each message of a channel that nobody else has claimed."""
        for due in self.outbox.due(channel, self.rules.day, self.rules.clock()):
            if self._has_to_wait(due):
                self.done.outcomes[f"{channel} waiting for the rep's work time"] += 1
                continue
            message = self.outbox.claim(due.message_key, self.rules.clock())
            if message:
                self.done.outcomes[f"{channel} {self._sent(message, door)}"] += 1

    def _has_to_wait(self, due: Due) -> bool:
        """Whether the rep is not to be written to at this hour; the message is put off then."""
        now = self.rules.clock()
        begins = self.rules.work_time(due.owner_id, now)
        if begins > now:
            self.outbox.put_off(due.message_key, begins, "waits for the rep's work time")
        return begins > now

    def _sent(self, message: Claimed, door: _Door) -> str:
        """What became of a claimed message, in words."""
        if self._is_over(message):
            because = f"it tells of {message.as_of_date}, which is over"
            then = too_late(because, message.attempts, message.error)
            self.outbox.settle(message, then, self.rules.clock(), None)
            return self._in_words(then)
        checked = self._checked(message)
        if checked is None:
            return "cancelled"
        return self._in_words(self._settled(message, door.send(checked)))

    def _settled(self, message: Claimed, attempt: Attempt) -> Next:
        then = after_attempt(attempt, message.attempts, self.rules.clock(), self.rules.policy)
        self.outbox.settle(message, then, self.rules.clock(), attempt.reference)
        return then

    def _is_over(self, message: Claimed) -> bool:
        """Whether what it tells of is no longer told; of a report it is once the next one is near."""
        if is_report(message.payload):
            return is_over(message.as_of_date, self.rules.day)
        return message.as_of_date != self.rules.day

    def _checked(self, message: Claimed) -> Claimed | None:
        """The message without deals that must not be told of any more; None, and cancelled, where none is left."""
        if is_report(message.payload):
            return message
        deals = told_deals(message.payload)
        if not deals:
            return self._cancelled(message, "it was queued by an earlier version", {})
        now, self.done.looked_at = self.rules.look([deal.opportunity_id for deal in deals], message.as_of_date)
        left_out = held_back(message.channel, message.owner_id, deals, now, self.rules.asked)
        if not left_out:
            return message
        payload = without(message.payload, message.channel, left_out)
        if payload is None:
            return self._cancelled(message, "; ".join(sorted(set(left_out.values()))), left_out)
        self.done.reasons.update(left_out.values())
        self.outbox.reword(message.message_key, payload, left_out)
        return replace(message, payload=payload)

    def _cancelled(self, message: Claimed, because: str, left_out: Mapping[str, str]) -> None:
        self.done.reasons[because] += 1
        self.outbox.cancel(message.message_key, because, left_out)

    def _in_words(self, then: Next) -> str:
        """What became of a message; why is counted."""
        if then.error:
            self.done.reasons[then.error] += 1
        return {"pending": "tried again later", "unknown": "not known to have arrived"}.get(then.status, then.status)
