"""A report as it is kept, shown and mailed: one for the company, or one for each manager.

What belongs elsewhere: what a report says (`pipeline_health_pages` and its like), and how it looks (`pages`, `page_html`).
"""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

import pandas as pd

from salesinsight_assets.domain.delivery.messages import MESSAGE_COLUMNS
from salesinsight_assets.domain.delivery.payloads import EMAIL, Payload
from salesinsight_assets.domain.reports.page_html import as_html, as_mail
from salesinsight_assets.domain.reports.pages import Pictures, Section, as_text

COMPANY = "company"
KIND = "report"
LASTS_DAYS = 7
"""A report that could not be sent is sent until so many days after its own: then the next one of its kind is near."""
REPORT_COLUMNS = ["audience", "title", "text", "page", "figures"]


@dataclass(frozen=True)
class Report:
    """What one audience reads: COMPANY, or the Salesforce Id of a manager.

    Attributes:
        name: which report, such as `pipeline_health`.
        title: what stands above it, and in the subject of the mail.
        audience: for whom.
        as_of: the day at whose end this was known.
        sections: its words.
        pictures: PNGs by the names that the sections give.
        figures: the numbers to follow from report to report, as JSON has them.
        note: what readers must know of the rows behind it.
    """

    name: str
    title: str
    audience: str
    as_of: date
    sections: Sequence[Section]
    pictures: Pictures = field(default_factory=dict[str, bytes])
    figures: Mapping[str, Any] = field(default_factory=dict[str, Any])
    note: str | None = None

    @property
    def text(self) -> str:
        """For a terminal, and for those whose mail program shows no HTML."""
        return as_text(f"{self.title}\n{self.note}" if self.note else self.title, self.sections)

    @property
    def page(self) -> str:
        """A page of HTML that needs nothing else."""
        return as_html(self.title, self.sections, self.pictures, self.note)

    @property
    def file_name(self) -> str:
        """Of its page."""
        return f"{self.name}.html" if self.audience == COMPANY else f"{self.name}-{self.audience}.html"


def report_rows(reports: Sequence[Report]) -> pd.DataFrame:
    """REPORT_COLUMNS, one row a report."""
    rows = [
        {
            "audience": report.audience,
            "title": report.title,
            "text": report.text,
            "page": report.page,
            "figures": _json(report.figures),
        }
        for report in reports
    ]
    return pd.DataFrame(rows, columns=REPORT_COLUMNS)


def report_messages(report: Report, recipients: Sequence[str], queued_at: datetime) -> pd.DataFrame:
    """One mail a recipient, MESSAGE_COLUMNS, under a key that is used once."""
    held = _json(mail_payload(report))
    rows: list[dict[str, Any]] = [
        {
            "message_key": f"{KIND}:{report.name}:{report.as_of}:{report.audience}:{recipient}",
            "channel": EMAIL,
            "owner_id": report.audience,
            "recipient": recipient,
            "as_of_date": report.as_of,
            "status": "pending",
            "attempts": 0,
            "payload": held,
            "queued_at": queued_at,
        }
        for recipient in dict.fromkeys(recipients)
    ]
    frame = pd.DataFrame(rows, columns=MESSAGE_COLUMNS)
    return frame.astype(dict.fromkeys(("sent_at", "claimed_at", "retry_at"), "datetime64[us, UTC]"))


def mail_payload(report: Report) -> Payload:
    """What a mail of the report holds."""
    return {
        "kind": KIND,
        "report": report.name,
        "audience": report.audience,
        "subject": report.title,
        "text": report.text,
        "html": as_mail(report.title, report.sections, report.pictures, report.note),
        "pictures": {name: base64.b64encode(png).decode("ascii") for name, png in report.pictures.items()},
    }


def is_report(stored: Mapping[str, Any]) -> bool:
    """Whether a payload is that of a report; a digest's names no kind."""
    return stored.get("kind") == KIND


def pictures_of(stored: Mapping[str, Any]) -> dict[str, bytes]:
    """The pictures of a payload, none in a digest's."""
    return {name: base64.b64decode(text) for name, text in stored.get("pictures", {}).items()}


def is_over(as_of: date, day: date) -> bool:
    """Whether a report of the day `as_of` is no longer sent by the night of `day`.

    >>> is_over(date(2024, 3, 10), date(2024, 3, 16)), is_over(date(2024, 3, 10), date(2024, 3, 17))
    (False, True)
    """
    return (day - as_of).days >= LASTS_DAYS


def _json(held: Mapping[str, Any]) -> str:
    return json.dumps(held, ensure_ascii=False, allow_nan=False, default=str)
