"""Answers: what a rep can say to an alert, and what follows: a verdict that is counted, a silence that is honoured, or both.

A silence has an end; only who unsubscribes is left alone until asking for the e-mails again.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Literal, get_args

from salesinsight_assets.domain.feedback.policy import FeedbackPolicy

Verdict = Literal["helpful", "not_helpful", "wrong"]
Answer = Literal[
    "helpful", "not_helpful", "wrong", "snooze", "mute_deal", "mute_rule", "unsubscribe", "tell_me_again", "subscribe"
]
ANSWERS: tuple[Answer, ...] = get_args(Answer)
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
WITHDRAWALS: tuple[Answer, ...] = ("tell_me_again", "subscribe")
"""Answers that end what was asked for: the silences of a deal's rule and of the deal, or of all e-mails."""


@dataclass(frozen=True)
class ToldAlert:
    """The alert that an answer is about; `opportunity_id` and `rule` are None for a whole digest."""

    message_key: str
    as_of_date: date
    owner_id: str
    opportunity_id: str | None = None
    rule: str | None = None

    def as_fields(self) -> list[str | None]:
        """As plain values, for what is handed out and comes back."""
        return [self.message_key, self.as_of_date.isoformat(), self.owner_id, self.opportunity_id, self.rule]

    @property
    def rule_in_words(self) -> str:
        """The rule as people read it; empty for a whole digest."""
        return (self.rule or "").replace("_", " ")


def from_fields(fields: Sequence[Any]) -> ToldAlert:
    """The alert that `ToldAlert.as_fields` wrote.

    Raises:
        ValueError: something else came.
    """
    key, day, owner, deal, rule = fields
    return ToldAlert(key, date.fromisoformat(day), owner, deal, rule)


@dataclass(frozen=True)
class Silence:
    """What nobody is told of: the owner's alerts on that deal and under that rule (None: any), from `since` to `until`.

    `channel` where only that channel is silent; `until` is None where there is no end.
    """

    kind: Answer
    owner_id: str
    opportunity_id: str | None
    rule: str | None
    channel: str | None
    since: datetime
    until: datetime | None


def button_value(alert: ToldAlert) -> str:
    """The alert as a button in Slack hands it back."""
    return json.dumps(alert.as_fields())


def from_button(value: str) -> ToldAlert:
    """The alert that `button_value` wrote.

    Raises:
        ValueError: something else came.
    """
    return from_fields(json.loads(value))


def verdict_of(answer: Answer) -> Verdict | None:
    """What the answer says of the alert's worth; None: nothing."""
    return next((verdict for verdict in VERDICTS if verdict == answer), None)


def silence_of(answer: Answer, alert: ToldAlert, at: datetime, policy: FeedbackPolicy) -> Silence | None:
    """What the answer, given at `at`, asks to be silent; None: nothing."""
    if answer == "unsubscribe":
        return Silence(answer, alert.owner_id, None, None, "email", at, None)
    days = _days(policy).get(answer)
    if days is None:
        return None
    deal = None if answer == "mute_rule" else alert.opportunity_id
    rule = alert.rule if answer in ("mute_rule", "wrong") else None
    return Silence(answer, alert.owner_id, deal, rule, None, at, at + timedelta(days=days))


def _days(policy: FeedbackPolicy) -> dict[str, int]:
    return {
        "snooze": policy.snooze_days,
        "wrong": policy.wrong_days,
        "mute_deal": policy.mute_deal_days,
        "mute_rule": policy.mute_rule_days,
    }


def what_follows(answer: Answer, alert: ToldAlert, policy: FeedbackPolicy) -> str:
    """What the rep is told that the answer does."""
    rule = alert.rule_in_words
    return {
        "helpful": "Thank you. More such alerts are worth sending.",
        "not_helpful": "Thank you. A rule whose alerts nobody finds helpful is changed.",
        "wrong": f"Thank you. “{rule}” is not told of this deal for {policy.wrong_days} days.",
        "snooze": f"Nothing is told of this deal for {policy.snooze_days} days.",
        "mute_deal": f"Nothing is told of this deal for {policy.mute_deal_days} days.",
        "mute_rule": f"“{rule}” is not told of any of your deals for {policy.mute_rule_days} days.",
        "unsubscribe": "You get no more e-mails. Alerts of HIGH priority still reach you by Slack, where it is set up.",
        "tell_me_again": "You are told of this deal again.",
        "subscribe": "You get the e-mails again.",
    }[answer]
