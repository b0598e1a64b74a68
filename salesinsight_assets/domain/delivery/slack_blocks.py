"""An alert as Slack's blocks. The text of the message stays beside them: it is what a notification and a screen reader tell.

Limits: https://docs.slack.dev/reference/block-kit/blocks: a header of 150 characters, a section of 3,000.
"""

from itertools import accumulate
from typing import Any

from salesinsight_assets.domain.delivery.texts import AlertContent, alert_blocks, slack_escaped

MOST_HEADER, MOST_SECTION = 150, 3000
_CUT = "…"


def alert_as_blocks(alert: AlertContent, note: str | None = None) -> list[dict[str, Any]]:
    """A header with the priority, then a section for each paragraph of the alert, its title in bold."""
    head, *paragraphs = alert_blocks(alert)
    blocks = [_header(head), *(_section(_with_bold_title(paragraph)) for paragraph in paragraphs)]
    return [_context(note), *blocks] if note else blocks


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
