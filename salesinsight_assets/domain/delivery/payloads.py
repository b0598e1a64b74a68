"""What a queued message holds: what it tells of each deal, so that it can be worded again without those it must not tell of.

The words stand beside it, for whoever reads the outbox.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import isnan
from typing import Any

from salesinsight_assets.domain.delivery.texts import AlertContent, digest_subject, digest_text, slack_text

EMAIL, SLACK = "email", "slack"
Payload = dict[str, Any]


@dataclass(frozen=True)
class ToldDeal:
    """A deal that a message tells of: in which stage, by which facts, in which words, under which rule."""

    opportunity_id: str
    stage_name: str | None
    facts: Sequence[str]
    content: AlertContent
    rule: str


def payload(channel: str, deals: Sequence[ToldDeal], note: str | None) -> Payload:
    """The payload of a message on `deals`, at least one; a Slack message is on one."""
    contents = [deal.content for deal in deals]
    words = (
        {"subject": digest_subject(contents), "text": digest_text(contents, note)}
        if channel == EMAIL
        else {"text": slack_text(contents[0], note)}
    )
    return {**words, "note": note, "deals": [_plain(deal) for deal in deals]}


def told_deals(stored: Mapping[str, Any]) -> list[ToldDeal]:
    """The deals of a payload; none in one that was queued by a version that did not store them with their rules."""
    return [
        ToldDeal(deal["opportunity_id"], deal["stage_name"], deal["facts"], _content(deal["content"]), deal["rule"])
        for deal in stored.get("deals", [])
        if "rule" in deal
    ]


def without(stored: Mapping[str, Any], channel: str, left_out: Collection[str]) -> Payload | None:
    """The payload without some of its deals, worded anew; None where none is left."""
    kept = [deal for deal in told_deals(stored) if deal.opportunity_id not in left_out]
    return payload(channel, kept, stored.get("note")) if kept else None


def _plain(deal: ToldDeal) -> dict[str, Any]:
    """The deal as JSON has it, which knows no NaN."""
    plain = asdict(deal)
    content = {
        name: None if isinstance(value, float) and isnan(value) else value for name, value in plain["content"].items()
    }
    return {**plain, "facts": list(deal.facts), "content": content}


def _content(plain: Mapping[str, Any]) -> AlertContent:
    known: dict[str, Any] = dict(plain)
    known["amount"] = float("nan") if known["amount"] is None else known["amount"]
    return AlertContent(**known)
