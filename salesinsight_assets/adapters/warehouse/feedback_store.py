"""What people answer, in the database. What an answer means is said elsewhere (domain.feedback)."""

from datetime import datetime
from typing import Any

import pandas as pd

from salesinsight_assets.adapters.warehouse.warehouse import Warehouse
from salesinsight_assets.domain.feedback.answers import WITHDRAWALS, Answer, Silence, ToldAlert, silence_of, verdict_of
from salesinsight_assets.domain.feedback.policy import FeedbackPolicy


class FeedbackStore:
    """The answers in one warehouse."""

    def __init__(self, warehouse: Warehouse) -> None:
        self._warehouse = warehouse

    def record(self, answer: Answer, alert: ToldAlert, at: datetime, channel: str, policy: FeedbackPolicy) -> None:
        """Everything that follows from an answer, in one transaction; given twice, it is one."""
        with self._warehouse.transaction() as sql:
            _store_verdict(sql, answer, alert, at, channel)
            silence = silence_of(answer, alert, at, policy)
            if silence is not None:
                _withdraw(sql, silence.kind, alert, at)  # the new one counts from now on
                _store_silence(sql, silence, alert)
            if answer in WITHDRAWALS:
                _withdraw_all(sql, answer, alert, at)

    def note(self, kind: str, alert: ToldAlert, at: datetime) -> None:
        """That a message was opened, or one of its links; by whom, or by what, is not known."""
        self._warehouse.execute(
            "INSERT INTO engagement.message_events (as_of_date, message_key, kind, happened_at, opportunity_id)"
            " VALUES ($1, $2, $3, $4, $5::text) ON CONFLICT DO NOTHING",
            (alert.as_of_date, alert.message_key, kind, at, alert.opportunity_id),
        )

    def silences(self, at: datetime) -> pd.DataFrame:
        """Silences that may hold at a moment; see `domain.feedback.asked`."""
        return self._warehouse.read(
            "SELECT kind, owner_id, opportunity_id, rule, channel, since, until, withdrawn_at FROM engagement.silences"
            " WHERE since <= $1 AND coalesce(until, 'infinity') > $1 AND coalesce(withdrawn_at, 'infinity') > $1"
            " ORDER BY since, kind, message_key",
            (at,),
        )

    def deal_name(self, alert: ToldAlert) -> str | None:
        """The name of the deal that was told of, as it was told; None where it is not known any more."""
        rows = self._warehouse.read(
            "SELECT name FROM insight.open_opportunities WHERE as_of_date = $1 AND opportunity_id = $2::text",
            (alert.as_of_date, alert.opportunity_id),
        )
        return None if rows.empty else str(rows["name"][0])


def _store_verdict(sql: Any, answer: Answer, alert: ToldAlert, at: datetime, channel: str) -> None:
    verdict = verdict_of(answer)
    if verdict is None or alert.opportunity_id is None:
        return
    sql.execute(
        "INSERT INTO engagement.verdicts (as_of_date, message_key, opportunity_id, owner_id, rule, verdict, given_at, channel)"
        " VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (message_key, opportunity_id) DO UPDATE SET"
        " verdict = excluded.verdict, given_at = excluded.given_at, channel = excluded.channel",
        (alert.as_of_date, alert.message_key, alert.opportunity_id, alert.owner_id, alert.rule, verdict, at, channel),
    )


def _store_silence(sql: Any, silence: Silence, alert: ToldAlert) -> None:
    until = silence.until and silence.until.isoformat()
    sql.execute(
        "INSERT INTO engagement.silences (as_of_date, message_key, kind, since, owner_id, opportunity_id, rule, channel, until)"
        " VALUES ($1, $2, $3, $4, $5, $6::text, $7::text, $8::text, $9::text::timestamptz) ON CONFLICT DO NOTHING",
        (alert.as_of_date, alert.message_key, silence.kind, silence.since, silence.owner_id, silence.opportunity_id,
         silence.rule, silence.channel, until),
    )  # fmt: skip


def _withdraw(sql: Any, kind: str, alert: ToldAlert, at: datetime) -> None:
    """End a running silence of the same kind on the same deal and rule."""
    sql.execute(
        "UPDATE engagement.silences SET withdrawn_at = $1 WHERE kind = $2 AND owner_id = $3 AND withdrawn_at IS NULL"
        " AND coalesce(opportunity_id, $4::text) IS NOT DISTINCT FROM $4::text"
        " AND coalesce(rule, $5::text) IS NOT DISTINCT FROM $5::text",
        (at, kind, alert.owner_id, alert.opportunity_id, alert.rule),
    )


def _withdraw_all(sql: Any, answer: Answer, alert: ToldAlert, at: datetime) -> None:
    """End all that keeps the deal, or all e-mails, from the rep."""
    is_mail = answer == "subscribe"
    sql.execute(
        "UPDATE engagement.silences SET withdrawn_at = $1 WHERE owner_id = $2 AND withdrawn_at IS NULL"
        " AND (channel = 'email') IS NOT DISTINCT FROM (CASE WHEN $3 THEN true END)"
        " AND ($3 OR opportunity_id = $4::text OR (opportunity_id IS NULL AND rule = $5::text))",
        (at, alert.owner_id, is_mail, alert.opportunity_id, alert.rule),
    )
