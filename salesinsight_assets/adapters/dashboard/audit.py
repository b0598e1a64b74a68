"""Who signed in, took rows along or changed something, and when somebody looked at all."""

from datetime import date, datetime

from salesinsight_assets.adapters.dashboard.rows import Database


class AuditLog:
    """Entries are added, and never changed."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(
        self, event: str, at: datetime, *, email: str | None, about: str | None = None, address: str | None = None
    ) -> None:
        """Something that happened: `event` such as `signed in`, by whom, about what, from which network address."""
        self._database.write(
            "INSERT INTO engagement.audit_log (happened_at, event, email, about, address)"
            " VALUES (:at, :event, :email, :about, :address)",
            at=at,
            event=event,
            email=email,
            about=about,
            address=address,
        )

    def note_visit(self, day: date, email: str, user_id: str | None) -> None:
        """That somebody looked at the dashboard on a day; once a day is enough."""
        self._database.write(
            "INSERT INTO engagement.visits (day, email, user_id) VALUES (:day, :email, :user_id) ON CONFLICT DO NOTHING",
            day=day,
            email=email,
            user_id=user_id,
        )
