"""What the mail server and Slack have accepted: which deal, told to whom, under which rule, by which message.

Read from the messages themselves; nothing of the product's bookkeeping is used, only the key that signs its links.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from email.message import EmailMessage
from email.utils import parsedate_to_datetime
from typing import Any

from itsdangerous import URLSafeSerializer

from salesinsight_assets_tests.scripted_mail import ScriptedMail
from salesinsight_assets_tests.scripted_slack import ScriptedSlack

KEY = "k" * 32
EMAIL, SLACK = "email", "slack"
_SIGNED = URLSafeSerializer(KEY, salt="salesinsight feedback")
_ANSWER = re.compile(r"https?://[^/\s]+/answer/[\w.\-]+|/answer/[\w.\-]+")
_DEAL = re.compile(r"^Deal: (.*) \([^()]*\)$", re.MULTILINE)


@dataclass(frozen=True)
class Told:
    """One deal in one message that was accepted `at` a moment; `links` are those of its mail, by answer."""

    at: datetime
    channel: str
    recipient: str
    message_id: str
    as_of: date
    owner_id: str
    opportunity_id: str
    rule: str
    name: str
    links: Mapping[str, str] = field(default_factory=dict[str, str])


class Inboxes:
    """The messages that the two servers have accepted, read bit by bit; all that was `told`, and every message's id."""

    def __init__(self, mail: ScriptedMail, slack: ScriptedSlack) -> None:
        self._mail, self._slack = mail, slack
        self.told: list[Told] = []
        self.message_ids: list[str] = []
        self._n_mails = self._n_posts = 0

    def read(self, at: datetime) -> list[Told]:
        """What was accepted since the last look, `at` this moment."""
        mails, posts = self._mail.taken[self._n_mails :], self._slack.posted[self._n_posts :]
        self._n_mails, self._n_posts = len(self._mail.taken), len(self._slack.posted)
        self.message_ids += [str(mail["Message-ID"]) for mail in mails]
        self.message_ids += [post["metadata"]["event_payload"]["message_key"] for post in posts]
        new = [told for mail in mails for told in _of_mail(mail, at)]
        new += [_of_post(post, at) for post in posts]
        self.told += new
        return new


def _of_mail(mail: EmailMessage, at: datetime) -> list[Told]:
    assert parsedate_to_datetime(mail["Date"]) == at, "a mail bears the time at which it is sent"
    body = mail.get_body(("plain",))
    text = body.get_content().replace("\r\n", "\n") if body else ""
    told: dict[str, dict[str, str]] = {}
    fields: dict[str, Sequence[Any]] = {}
    for address, (answer, *about) in answers_in(text).items():
        told.setdefault(about[3], {})[answer] = address
        fields[about[3]] = about
    names = _DEAL.findall(text)
    assert len(names) == len(told), "every deal of a mail has its links"
    return [
        Told(at, EMAIL, mail["To"], str(mail["Message-ID"]), date.fromisoformat(day), owner, deal, rule, name, links)
        for name, (links, (_, day, owner, deal, rule)) in zip(
            names, zip(told.values(), fields.values(), strict=True), strict=True
        )
    ]


def _of_post(post: Mapping[str, Any], at: datetime) -> Told:
    key = post["metadata"]["event_payload"]["message_key"]
    blocks = json.loads(post["blocks"]) if isinstance(post["blocks"], str) else post["blocks"]
    values = {button["value"] for button in blocks[-1]["elements"] if "value" in button}
    ((_, day, owner, deal, rule),) = map(json.loads, values)
    (name,) = _DEAL.findall(post["text"])
    recipient = post["channel"].removeprefix("D-U-")
    return Told(at, SLACK, recipient, key, date.fromisoformat(day), owner, deal, rule, name)


def answers_in(text: str) -> dict[str, list[Any]]:
    """What the links in a text say, by address: the answer, then message, day, owner, deal and rule."""
    return {address: _SIGNED.loads(address.rpartition("/")[2]) for address in _ANSWER.findall(text)}
