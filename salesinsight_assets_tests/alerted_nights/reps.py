"""The rule by which the reps of the made-up company act, and what they answered, kept by the rep and not by the product.

Everything is drawn by a hash of what it is about, so that what a rep would have done with an alert that was held out is known.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import requests

from salesinsight_assets_tests.alerted_nights.accepted import Told, answers_in

LASTS = {"snooze": 7, "wrong": 30, "mute_deal": 90, "mute_rule": 30}
"""Days for which each answer is to be honoured, as the pages behind the links promise."""
IN_THE_MAIL = ("helpful", "not_helpful", "snooze")


@dataclass(frozen=True)
class RepRule:
    """Shares: of the deals that a rep is told of those taken up on the next work day, and of the alerts answered in each way.

    `again` is the share of deals told of before that are snoozed early in the morning, between the night and the send; `closed` and
    `reassigned` what happens then to deals that were drawn, whether they are to be told of or held out.
    """

    takes_up: float = 0.45
    answers: Mapping[str, float] = field(
        default_factory=lambda: {
            "snooze": 0.08, "wrong": 0.04, "mute_deal": 0.02, "mute_rule": 0.004, "helpful": 0.15, "not_helpful": 0.04,
        }
    )  # fmt: skip
    again: float = 0.2
    closed: float = 0.03
    reassigned: float = 0.03


def chance(*about: object) -> float:
    """A number between 0 and 1 that is always the same for the same things."""
    return int.from_bytes(hashlib.sha256("|".join(map(str, about)).encode()).digest()[:8]) / 2**64


@dataclass(frozen=True)
class Silence:
    """What a rep asked not to be told of, of any deal or under any rule where there is none."""

    owner_id: str
    opportunity_id: str | None
    rule: str | None
    since: datetime
    until: datetime

    def covers(self, owner_id: str, opportunity_id: str, rule: str, at: datetime) -> bool:
        """Whether an alert at a moment falls under it."""
        return (
            self.owner_id == owner_id
            and self.opportunity_id in (None, opportunity_id)
            and self.rule in (None, rule)
            and self.since <= at < self.until
        )


@dataclass
class Reps:
    """All reps: what they answered, and which deals they take up."""

    rule: RepRule = field(default_factory=RepRule)
    silences: list[Silence] = field(default_factory=list[Silence])
    answered: list[str] = field(default_factory=list[str])

    def takes_up(self, owner_id: str, opportunity_id: str) -> bool:
        """Whether the rep acts on the deal once told of it."""
        return chance("takes up", owner_id, opportunity_id) < self.rule.takes_up

    def answer(self, told: Told, at: datetime) -> None:
        """Answer a mail's alert, or not, by its links."""
        draw, so_far = chance("answers", told.as_of, told.owner_id, told.opportunity_id), 0.0
        for name, share in self.rule.answers.items():
            so_far += share
            if draw < so_far:
                self.give(name, told, at)
                return

    def give(self, name: str, told: Told, at: datetime) -> None:
        """One answer, by a POST to the mail's link; those that it does not offer stand on the page after "not helpful"."""
        address = told.links[name if name in IN_THE_MAIL else "not_helpful"]
        page = requests.post(address, timeout=30)
        page.raise_for_status()
        if name not in IN_THE_MAIL:
            host = address.partition("/answer/")[0]
            (path,) = [path for path, (answer, *_) in answers_in(page.text).items() if answer == name]
            requests.post(f"{host}{path}", timeout=30).raise_for_status()
        self.answered.append(name)
        if name in LASTS:
            deal = None if name == "mute_rule" else told.opportunity_id
            rule = told.rule if name in ("wrong", "mute_rule") else None
            self.silences.append(Silence(told.owner_id, deal, rule, at, at + timedelta(days=LASTS[name])))

    def asked_silence(self, owner_id: str, opportunity_id: str, rule: str, at: datetime) -> bool:
        """Whether the rep asked not to be told of it."""
        return any(silence.covers(owner_id, opportunity_id, rule, at) for silence in self.silences)
