"""Sending what waits in the outbox: claim, look once more, word, hand over, note what became of it.

Nothing here decides what a state means (domain.delivery.attempts) or what may be told (domain.delivery.recheck).
"""

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Protocol

from salesinsight_assets.adapters.mail import MailDoor, mail_door, mail_message
from salesinsight_assets.adapters.slack import SlackDoor
from salesinsight_assets.adapters.warehouse.outbox import Claimed, Outbox
from salesinsight_assets.domain.delivery.addresses import is_address
from salesinsight_assets.domain.delivery.attempts import Attempt, DeliveryPolicy, Next, after_attempt
from salesinsight_assets.domain.delivery.digest_html import digest_html
from salesinsight_assets.domain.delivery.payloads import EMAIL, SLACK, told_deals, without
from salesinsight_assets.domain.delivery.recheck import DealNow, held_back
from salesinsight_assets.domain.delivery.slack_blocks import alert_as_blocks
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


class _ByMail:
    def __init__(self, door: MailDoor, mail: MailSettings, clock: Callable[[], datetime]) -> None:
        self._door, self._mail, self._clock = door, mail, clock

    def send(self, message: Claimed) -> Attempt:
        held = message.payload
        if not is_address(message.recipient):
            return Attempt(
                "refused", f"the CRM's e-mail address of this owner cannot be written to: {message.recipient!r}"
            )
        words: tuple[str, str] = held["subject"], held["text"]
        pictures = {content_id(name): png for name, png in pictures_of(held).items()}
        return self._door.send(
            mail_message(
                self._mail, message.message_key, message.recipient, *words, _html(held), self._clock(), pictures
            )
        )


def _html(held: Mapping[str, Any]) -> str:
    """A report's own, and a digest of the deals that are still to be told of."""
    return held["html"] if is_report(held) else digest_html([d.content for d in told_deals(held)], held.get("note"))


class _BySlack:
    def __init__(self, door: SlackDoor) -> None:
        self._door = door

    def send(self, message: Claimed) -> Attempt:
        (deal,) = told_deals(message.payload)
        blocks = alert_as_blocks(deal.content, message.payload.get("note"))
        return self._door.send(message.message_key, message.recipient, message.payload["text"], blocks)


def deliver(
    outbox: Outbox,
    mail: MailSettings | None,
    slack: SlackSettings,
    policy: DeliveryPolicy,
    day: date,
    clock: Callable[[], datetime],
    look: Look,
) -> Delivered:
    """Send every message that is due, by the channels that are configured.

    Those of days before `day` are cancelled, a report only after a week.
    """
    run = _Run(outbox, policy, day, clock, look)
    outbox.release_abandoned(clock())
    with ExitStack() as stack:
        if mail is not None:
            run.send_due(EMAIL, _ByMail(stack.enter_context(mail_door(mail)), mail, clock))
        if slack.bot_token is not None:
            door = SlackDoor(slack)
            run.find_unsettled(door)
            run.send_due(SLACK, _BySlack(door))
    return run.done


@dataclass(frozen=True)
class _Run:
    outbox: Outbox
    policy: DeliveryPolicy
    day: date
    clock: Callable[[], datetime]
    look: Look
    done: Delivered = field(default_factory=Delivered)

    def find_unsettled(self, door: SlackDoor) -> None:
        """Ask Slack of each message of which it is not known; one that did not arrive waits again."""
        for message in self.outbox.unsettled(SLACK):
            found = door.find(message.message_key, message.recipient, message.claimed_at)
            if found.result != "unclear":
                then = self._settled(message, found)
                self.done.outcomes[f"{SLACK} not known before, now {then.status}"] += 1

    def send_due(self, channel: str, door: _Door) -> None:
        """Try each message of a channel that nobody else has claimed."""
        for key in self.outbox.due(channel, self.day, self.clock()):
            message = self.outbox.claim(key, self.clock())
            if message:
                self.done.outcomes[f"{channel} {self._sent(message, door)}"] += 1

    def _sent(self, message: Claimed, door: _Door) -> str:
        """What became of a claimed message, in words."""
        checked = self._checked(message)
        if checked is None:
            return "cancelled"
        then = self._settled(message, door.send(checked))
        if then.error:
            self.done.reasons[then.error] += 1
        return _in_words(then)

    def _settled(self, message: Claimed, attempt: Attempt) -> Next:
        then = after_attempt(attempt, message.attempts, self.clock(), self.policy)
        self.outbox.settle(message.message_key, then, self.clock(), attempt.reference)
        return then

    def _checked(self, message: Claimed) -> Claimed | None:
        """The message without deals that must not be told of any more; None, and cancelled, where none is left."""
        if is_report(message.payload):
            return self._report(message)
        deals = told_deals(message.payload)
        if not deals:
            return self._cancelled(message, "it was queued by an earlier version", {})
        if message.as_of_date != self.day:
            return self._cancelled(message, f"it tells of {message.as_of_date}, which is over", {})
        now, self.done.looked_at = self.look([deal.opportunity_id for deal in deals], message.as_of_date)
        left_out = held_back(message.owner_id, deals, now)
        if not left_out:
            return message
        payload = without(message.payload, message.channel, left_out)
        if payload is None:
            return self._cancelled(message, "; ".join(sorted(set(left_out.values()))), left_out)
        self.done.reasons.update(left_out.values())
        self.outbox.reword(message.message_key, payload, left_out)
        return replace(message, payload=payload)

    def _report(self, message: Claimed) -> Claimed | None:
        """The report, which tells of no single deal; None, and cancelled, once the next one is near."""
        if is_over(message.as_of_date, self.day):
            return self._cancelled(message, f"it tells of {message.as_of_date}, which is over", {})
        return message

    def _cancelled(self, message: Claimed, because: str, left_out: Mapping[str, str]) -> None:
        self.done.reasons[because] += 1
        self.outbox.cancel(message.message_key, because, left_out)


def _in_words(then: Next) -> str:
    return {"pending": "tried again later", "unknown": "not known to have arrived"}.get(then.status, then.status)
