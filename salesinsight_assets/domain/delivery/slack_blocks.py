"""An alert as Slack's blocks. The text of the message stays beside them: it is what a notification and a screen reader tell.

Limits: https://docs.slack.dev/reference/block-kit/blocks: a header of 150 characters, a section of 3,000.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from salesinsight_assets.domain.delivery.texts import (
    OPEN_IN_SALESFORCE,
    AlertContent,
    alert_blocks,
    slack_escaped,
    snooze,
)

MOST_HEADER, MOST_SECTION = 150, 3000
ACTION_PREFIX, BUTTONS_BLOCK = "salesinsight_", "salesinsight_buttons"
_CUT = "…"


def alert_as_blocks(
    alert: AlertContent, note: str | None = None, buttons: "SlackButtons | None" = None
) -> list[dict[str, Any]]:
    """A header with the priority, then a section for each paragraph of the alert, its title in bold, and the buttons."""
    head, *paragraphs = alert_blocks(alert)
    blocks = [_header(head), *(_section(_with_bold_title(paragraph)) for paragraph in paragraphs)]
    return [*([_context(note)] if note else []), *blocks, *(buttons.as_blocks() if buttons else [])]


@dataclass(frozen=True)
class SlackButtons:
    """The buttons under an alert.

    Attributes:
        value: what Slack hands back when one of them is clicked; None: answers cannot be taken, and are not asked for.
        snooze_days: how long a snooze lasts.
        salesforce: where the deal is in Salesforce; None: not known.
    """

    value: str | None
    snooze_days: int
    salesforce: str | None = None

    def as_blocks(self) -> list[dict[str, Any]]:
        """One block of actions; none without a button."""
        named = {"helpful": "Helpful", "not_helpful": "Not helpful", "snooze": snooze(self.snooze_days)}
        buttons = [
            _button(f"{ACTION_PREFIX}{answer}", text, value=self.value) for answer, text in named.items() if self.value
        ]
        if self.salesforce:
            buttons.append(_button(f"{ACTION_PREFIX}salesforce", OPEN_IN_SALESFORCE, url=self.salesforce))
        return [{"type": "actions", "block_id": BUTTONS_BLOCK, "elements": buttons}] if buttons else []


def answered_blocks(blocks: Sequence[Mapping[str, Any]], said: str) -> list[dict[str, Any]]:
    """The blocks of an alert after its reader has answered: what was said in place of the buttons, but for the link."""
    kept: list[dict[str, Any]] = []
    for block in blocks:
        if block.get("block_id") != BUTTONS_BLOCK:
            kept.append(dict(block))
            continue
        kept.append(_context(said))
        links = [button for button in block["elements"] if "url" in button]
        kept += [{**block, "elements": links}] if links else []
    return kept


def _button(action: str, text: str, **more: str | None) -> dict[str, Any]:
    return {"type": "button", "action_id": action, "text": {"type": "plain_text", "text": text}, **more}


def _header(text: str) -> dict[str, Any]:
    return {"type": "header", "text": {"type": "plain_text", "text": _cut(text, MOST_HEADER), "emoji": True}}


def _section(text: str) -> dict[str, Any]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}}


def _context(text: str) -> dict[str, Any]:
    return {"type": "context", "elements": [{"type": "mrkdwn", "text": _escaped_and_cut(text), "verbatim": True}]}


def _with_bold_title(paragraph: str) -> str:
    """The first line in bold where it is the title of a list."""
    title, _, lines = paragraph.partition("\n")
    return _escaped_and_cut(paragraph) if not title.endswith(":") else f"*{title}*\n{_escaped_and_cut(lines)}"


def _escaped_and_cut(text: str) -> str:
    """At most a section's length once escaped; an escape is never cut in two."""
    room, safe = MOST_SECTION - 100, [_safe(character) for character in text]  # the title takes its part
    if sum(map(len, safe)) <= room:
        return "".join(safe)
    ends = accumulate(map(len, safe))
    kept = sum(end <= room - len(_CUT) for end in ends)
    return "".join(safe[:kept]) + _CUT


def _safe(character: str) -> str:
    """The character so that it marks nothing: escaped, or a zero-width space before a star, underscore, tilde or backtick."""
    return f"\u200b{character}" if character in "*_~`" else slack_escaped(character)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - len(_CUT)] + _CUT
