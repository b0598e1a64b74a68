"""The outbox in the database: which messages are due, who has claimed one, and what became of it.

Each step is a transaction of its own, so that a process that is killed leaves the message in the state it had told. What
belongs elsewhere: what a state means and what follows from an attempt (domain.delivery.attempts).
"""

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, NamedTuple

import pandas as pd

from salesinsight_assets.adapters.warehouse.warehouse import NO_REPORT, Warehouse
from salesinsight_assets.domain.delivery.attempts import CLAIM_LASTS, Next

_COLUMNS = "message_key, channel, owner_id, recipient, as_of_date, status, attempts, payload::text AS payload, claimed_at, error"
_WAITS_SINCE = (
    "CASE WHEN status = 'sending' THEN claimed_at"
    " ELSE coalesce(retry_at, claimed_at, CASE WHEN message_key LIKE 'report:%' THEN queued_at ELSE queued_at + $2::interval END) END"
)
"""A report waits from the moment it was queued: it comes after the night's messages were sent. Those are sent at once, so that
one that nobody has tried after a while was left behind by a process that is gone."""
_NOTE_SENT = (
    "UPDATE insight.alert_days AS d SET sent_at = coalesce(o.arrived_at, $2::text::timestamptz) FROM (SELECT day.as_of_date,"
    " min(coalesce(o.sent_at, o.claimed_at)) FILTER (WHERE o.status IN ('sent', 'unknown')) AS arrived_at, count(o.message_key) FILTER (WHERE o.status <> 'cancelled') AS n"
    f" FROM insight.alert_days AS day LEFT JOIN engagement.outbox AS o ON o.as_of_date = day.as_of_date AND {NO_REPORT}"
    " WHERE day.as_of_date <= $1::text::date AND day.queued_at IS NOT NULL AND day.sent_at IS NULL GROUP BY 1) AS o"
    " WHERE d.as_of_date = o.as_of_date AND (o.n = 0 AND d.as_of_date = $1::text::date OR o.arrived_at IS NOT NULL)"
)


class Due(NamedTuple):
    """A message that may be tried, and whom it is for."""

    message_key: str
    owner_id: str


@dataclass(frozen=True)
class Claimed:
    """A message that this process tries, as it stands in the outbox.

    `attempts` counts the present one, `error` is what became of the one before.
    """

    message_key: str
    channel: str
    owner_id: str
    recipient: str
    as_of_date: date
    attempts: int
    payload: Mapping[str, Any]
    claimed_at: datetime
    error: str | None = None


class Outbox:
    """The messages of one warehouse."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def due(self, channel: str, day: date, at: datetime) -> list[Due]:
        """The messages of a channel, of a day or an earlier one, that may be tried now, the oldest first."""
        rows = self._warehouse.read(
            "SELECT message_key, owner_id FROM engagement.outbox WHERE channel = $1 AND status = 'pending' AND"
            " coalesce(retry_at, queued_at) <= $2 AND as_of_date <= $3 ORDER BY queued_at, message_key",
            (channel, at, day),
        )
        return [Due(str(row["message_key"]), str(row["owner_id"])) for row in rows.to_dict("records")]

    def put_off(self, key: str, until: datetime, because: str) -> None:
        """A message that waits is not tried before a moment."""
        self._warehouse.execute(
            "UPDATE engagement.outbox SET retry_at = $2, error = $3 WHERE message_key = $1 AND status = 'pending'",
            (key, until, because),
        )

    def waiting_since(self, day: date, channels: Collection[str], at: datetime) -> datetime | None:
        """The latest moment from which a message of a day waits for another look: its wait, or its claim, is over."""
        rows = self._warehouse.read(
            f"SELECT max(since) AS since FROM (SELECT status, channel, {_WAITS_SINCE} AS since FROM engagement.outbox"
            " WHERE as_of_date = $1 AND channel = ANY (string_to_array($5, ','))) AS o WHERE status = 'pending' AND since <= $3"
            " OR status = 'unknown' AND channel = 'slack' AND since <= $3 OR status = 'sending' AND since < $4",
            (day, CLAIM_LASTS, at, at - CLAIM_LASTS, ",".join(channels)),
        )
        return None if pd.isna(rows["since"][0]) else rows["since"][0].to_pydatetime()

    def claim(self, key: str, at: datetime) -> Claimed | None:
        """Take a pending message; None where another process was faster."""
        with self._warehouse.transaction() as sql:
            sql.execute(
                "UPDATE engagement.outbox SET status = 'sending', attempts = attempts + 1, claimed_at = $2"
                f" WHERE message_key = $1 AND status = 'pending' RETURNING {_COLUMNS}",
                (key, at),
            )
            rows = sql.fetch_arrow_table().to_pylist()
        return _claimed(rows[0]) if rows else None

    def unsettled(self, channel: str, at: datetime) -> list[Claimed]:
        """The messages of a channel of which it is not known whether they arrived, and which may be looked up now."""
        rows = self._warehouse.read(
            f"SELECT {_COLUMNS} FROM engagement.outbox WHERE channel = $1 AND status = 'unknown'"
            " AND coalesce(retry_at <= $2, true) ORDER BY message_key",
            (channel, at),
        )
        return [_claimed({str(name): value for name, value in row.items()}) for row in rows.to_dict("records")]

    def look_again(self, key: str, at: datetime) -> None:
        """A message of which it could not be asked whether it arrived is not looked up before a moment."""
        self._warehouse.execute(
            "UPDATE engagement.outbox SET retry_at = $2 WHERE message_key = $1 AND status = 'unknown'", (key, at)
        )

    def release_abandoned(self, at: datetime) -> None:
        """Claims of processes that are gone: whether their messages arrived is not known."""
        with self._warehouse.transaction() as sql:
            sql.execute(
                "UPDATE engagement.outbox SET status = 'unknown', retry_at = NULL, error = 'the process that sent it was ended'"
                " WHERE status = 'sending' AND claimed_at < $1",
                (at - CLAIM_LASTS,),
            )

    def reword(self, key: str, payload: Mapping[str, Any], left_out: Mapping[str, str]) -> None:
        """What a claimed message says after all, and the deals of its day that are not told of, each with the reason."""
        with self._warehouse.transaction() as sql:
            sql.execute(
                "UPDATE engagement.outbox SET payload = $2::jsonb WHERE message_key = $1 AND status = 'sending'",
                (key, json.dumps(payload, ensure_ascii=False)),
            )
            _suppress(sql, key, left_out)

    def cancel(self, key: str, because: str, left_out: Mapping[str, str]) -> None:
        """A claimed message is not sent, because none of its deals may be told of."""
        with self._warehouse.transaction() as sql:
            sql.execute(
                "UPDATE engagement.outbox SET status = 'cancelled', error = $2 WHERE message_key = $1 AND status = 'sending'",
                (key, because),
            )
            _suppress(sql, key, left_out)

    def settle(self, message: Claimed, then: Next, at: datetime, reference: str | None) -> None:
        """What became of a message that was being sent, or of which it was not known.

        Another process may have found out, or tried it again, since `message` was read: then what was found out before does not
        count, but for one thing: that it arrived, as long as it only waits to be tried again.
        """
        with self._warehouse.transaction() as sql:
            sql.execute(
                "UPDATE engagement.outbox SET status = $2, retry_at = $3::text::timestamptz, error = $4,"
                " reference = coalesce($5, reference), sent_at = CASE WHEN $2 = 'sent' THEN $6::text::timestamptz END"
                " WHERE message_key = $1 AND attempts = $7"
                " AND (status IN ('sending', 'unknown') OR status = 'pending' AND $2 = 'sent')",
                (
                    message.message_key,
                    then.status,
                    then.retry_at and then.retry_at.isoformat(),
                    then.error,
                    reference,
                    at.isoformat(),
                    message.attempts,
                ),
            )

    def note_sent(self, day: date, at: datetime) -> None:
        """When the messages of a day, and of those before, began to arrive.

        `at`, where none of the day's is sent: all its alerts were held out, or the last look left none. It counts for the
        experiment all the same, which compares by what was drawn: else only the alerts that hold would stand against all those
        held out. A day without it told nobody. Said once, of a day that was queued.
        """
        with self._warehouse.transaction() as sql:
            sql.execute(_NOTE_SENT, (day.isoformat(), at.isoformat()))

    def counts(self, day: date) -> dict[str, int]:
        """How many messages of a day are in which state."""
        rows = self._warehouse.read(
            "SELECT status, count(*) AS n FROM engagement.outbox WHERE as_of_date = $1 GROUP BY 1 ORDER BY 1", (day,)
        )
        return {str(row["status"]): int(row["n"]) for row in rows.to_dict("records")}

    def undelivered(self, after: date, until: date) -> dict[str, str]:
        """Why messages of these days failed for good, or are not known to have arrived, by what they are."""
        rows = self._warehouse.read(
            "SELECT as_of_date || ', ' || channel || ' for ' || coalesce(recipient, owner_id) || coalesce(' on ' || opportunity_id, '')"
            " || ', ' || status AS message, error FROM engagement.outbox WHERE as_of_date > $1 AND as_of_date <= $2"
            " AND status IN ('failed', 'unknown') ORDER BY 1",
            (after, until),
        )
        return {str(row["message"]): str(row["error"]) for row in rows.to_dict("records")}


def _claimed(row: Mapping[str, Any]) -> Claimed:
    kept = {
        name: row[name]
        for name in ("message_key", "channel", "owner_id", "recipient", "as_of_date", "attempts", "claimed_at", "error")
    }
    return Claimed(**kept, payload=json.loads(row["payload"]))


def _suppress(sql: Any, key: str, left_out: Mapping[str, str]) -> None:
    """The alerts of these deals were not told of: their owner may hear of them on another day.

    But for those that another message, on that deal alone, tells of all the same.
    """
    for deal, because in left_out.items():
        sql.execute(
            "UPDATE insight.rep_alerts AS a SET status = 'suppressed', suppressed_because = $3 FROM engagement.outbox AS o"
            " WHERE o.message_key = $1 AND a.as_of_date = o.as_of_date AND a.owner_id = o.owner_id"
            " AND a.opportunity_id = $2 AND a.status = 'to_send' AND NOT EXISTS (SELECT FROM engagement.outbox AS other"
            " WHERE other.as_of_date = a.as_of_date AND other.owner_id = a.owner_id AND other.opportunity_id = $2"
            " AND other.message_key <> $1 AND other.status NOT IN ('failed', 'cancelled'))",
            (key, deal, because),
        )
