"""How long what is stored is kept. What a past day was made of, and what was shown to whom, is kept for ever by design.

So it is with the CRM's versions, features, the shown predictions of the ledger, alerts, messages, answers, models and reports: without one
of them a replay or an audit trail would end.
"""

from dataclasses import dataclass, fields
from datetime import date, datetime, timedelta

LEAST_DAYS = 365
"""Of what measurements look back on: less would change their results."""
_MEASURED = ("shadow_score_days", "message_event_days", "visit_days", "audit_days")
KEPT_FOR_EVER = 0


@dataclass(frozen=True)
class RetentionPolicy:
    """Days after which something is removed; 0 keeps it for ever.

    `sign_in_days` after a session or a sign-in link is over; `run_days` after a run of Dagster ended, but for those that hold the newest
    materialization of any partition; `file_days` after the day that files of messages and reports tell of, which are copies.

    Kept for ever unless asked for otherwise, and at least a year: `shadow_score_days`, what a challenger said unseen;
    `message_event_days`, opened mails and links; `visit_days`, who looked at the dashboard on a day; `audit_days`, the audit log.

    Raises:
        ValueError: a number that is none of days, or less than a year for what measurements look back on.
    """

    sign_in_days: int = 30
    run_days: int = 400
    file_days: int = 400
    shadow_score_days: int = KEPT_FOR_EVER
    message_event_days: int = KEPT_FOR_EVER
    visit_days: int = KEPT_FOR_EVER
    audit_days: int = KEPT_FOR_EVER

    def __post_init__(self) -> None:
        """Refuse what would remove more than is meant."""
        for entry in fields(self):
            days = getattr(self, entry.name)
            least = LEAST_DAYS if entry.name in _MEASURED else 1
            if days != int(days) or (days != KEPT_FOR_EVER and days < least):
                raise ValueError(f"{entry.name}: expected {least} days or more, or 0 to keep it for ever, got {days!r}")

    def ends_before(self, entry: str, now: datetime) -> datetime | None:
        """What is older than this moment is removed; None: nothing is."""
        days = getattr(self, entry)
        return None if days == KEPT_FOR_EVER else now - timedelta(days=days)

    def last_day(self, entry: str, today: date) -> date | None:
        """The same as the last day that is removed."""
        days = getattr(self, entry)
        return None if days == KEPT_FOR_EVER else today - timedelta(days=days)
