"""The reports of each day, and their mails on the way into the outbox."""

from datetime import date, datetime

import pandas as pd

from salesinsight_assets.adapters.warehouse import tables
from salesinsight_assets.adapters.warehouse.warehouse import Warehouse, fresh_rows
from salesinsight_assets.domain.derived_tables import REPORTS


def replace_reports(store: Warehouse, day: date, name: str, rows: pd.DataFrame, made_at: datetime) -> None:
    """The reports of one name of a day, instead of those before; one that says the same keeps the time when it was made.

    `rows` are the report's `audience`, `title`, `text`, `page` and `figures` (JSON).
    """
    known = store.read(
        "SELECT audience, title, page, made_at FROM insight.reports WHERE as_of_date = $1::text::date AND report = $2",
        (day.isoformat(), name),
    )
    before = rows.merge(known, on=["audience", "title", "page"], how="left")["made_at"]
    made = before.fillna(pd.Timestamp(made_at)).set_axis(rows.index)
    store.replace_partition(REPORTS, {"as_of_date": day, "report": name}, rows.assign(made_at=made))


def queue_reports(store: Warehouse, messages: pd.DataFrame) -> int:
    """Put the mails of a report into the outbox, each key once; returns how many are newly waiting to be sent.

    One that was never tried says what the report says now.
    """
    columns = ", ".join(column.name for column in tables.outbox.columns)
    with store.transaction() as sql, fresh_rows(sql, tables.outbox, messages):
        sql.execute(
            f"WITH written AS (INSERT INTO engagement.outbox AS o ({columns}) SELECT {columns} FROM fresh"
            " ON CONFLICT (message_key) DO UPDATE SET payload = excluded.payload"
            " WHERE o.status = 'pending' AND o.attempts = 0 AND o.payload <> excluded.payload"
            " RETURNING xmax = 0 AS is_new) SELECT count(*) FILTER (WHERE is_new) FROM written"
        )
        return int(sql.fetchone()[0])


def mail_states(store: Warehouse, day: date, name: str) -> dict[str, int]:
    """How many mails of a report are in which state."""
    rows = store.read(
        "SELECT status, count(*) AS n FROM engagement.outbox WHERE as_of_date = $1::text::date"
        " AND starts_with(message_key, $2) GROUP BY 1 ORDER BY 1",
        (day.isoformat(), f"report:{name}:"),
    )
    return {str(row["status"]): int(row["n"]) for row in rows.to_dict("records")}
