"""Whether alerts help: who was held out, when a day's messages were sent, and what became of its alerts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

Timestamp = postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    for name in ("experiment", "arm"):
        op.add_column("rep_alerts", sa.Column(name, sa.Text()), schema="insight")
    op.add_column(
        "alert_days", sa.Column("held_out", sa.BigInteger(), nullable=False, server_default="0"), schema="insight"
    )
    op.alter_column("alert_days", "held_out", server_default=None, schema="insight")
    for name in ("queued_at", "sent_at"):
        op.add_column("alert_days", sa.Column(name, Timestamp), schema="insight")
    op.execute(
        "UPDATE insight.alert_days AS d SET queued_at = o.queued_at, sent_at = o.sent_at FROM (SELECT as_of_date,"
        " min(queued_at) AS queued_at, min(sent_at) AS sent_at FROM engagement.outbox GROUP BY as_of_date) AS o"
        " WHERE o.as_of_date = d.as_of_date"
    )
    op.create_table(
        "alert_outcomes",
        sa.Column("as_of_date", sa.Date(), nullable=False),
        sa.Column("alert_date", sa.Date(), nullable=False),
        sa.Column("opportunity_id", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.Text()),
        sa.Column("amount", sa.Double()),
        sa.Column("win_probability", sa.Double(), nullable=False),
        sa.Column("experiment", sa.Text()),
        sa.Column("arm", sa.Text()),
        sa.Column("was_told", sa.Boolean(), nullable=False),
        sa.Column("sent_at", Timestamp, nullable=False),
        sa.Column("is_acted_on", sa.Boolean(), nullable=False),
        sa.Column("acted_at", Timestamp),
        sa.Column("action", sa.Text()),
        sa.Column("verdict", sa.Text()),
        sa.PrimaryKeyConstraint("as_of_date", "alert_date", "opportunity_id"),
        schema="insight",
    )
    op.create_table(
        "alert_rates",
        sa.Column("as_of_date", sa.Date(), nullable=False),
        sa.Column("dimension", sa.Text(), nullable=False),
        sa.Column("segment", sa.Text(), nullable=False),
        sa.Column("n_deals", sa.BigInteger(), nullable=False),
        sa.Column("acted_on", sa.BigInteger(), nullable=False),
        sa.Column("acted_rate", sa.Double()),
        sa.Column("acted_low", sa.Double()),
        sa.Column("acted_high", sa.Double()),
        sa.Column("verdicts", sa.BigInteger(), nullable=False),
        sa.Column("helpful", sa.BigInteger(), nullable=False),
        sa.Column("helpful_rate", sa.Double()),
        sa.Column("helpful_low", sa.Double()),
        sa.Column("helpful_high", sa.Double()),
        sa.Column("proposal", sa.Text()),
        sa.PrimaryKeyConstraint("as_of_date", "dimension", "segment"),
        schema="insight",
    )
    op.create_table(
        "alert_lift",
        sa.Column("as_of_date", sa.Date(), nullable=False),
        sa.Column("measure", sa.Text(), nullable=False),
        sa.Column("experiment", sa.Text(), nullable=False),
        sa.Column("n_alerted", sa.BigInteger(), nullable=False),
        sa.Column("n_held_out", sa.BigInteger(), nullable=False),
        sa.Column("alerted_rate", sa.Double()),
        sa.Column("held_out_rate", sa.Double()),
        sa.Column("difference", sa.Double()),
        sa.Column("low", sa.Double(), nullable=False),
        sa.Column("high", sa.Double(), nullable=False),
        sa.Column("more_needed", sa.BigInteger()),
        sa.Column("finding", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("as_of_date", "measure"),
        schema="insight",
    )


def downgrade() -> None:
    for table in ("alert_lift", "alert_rates", "alert_outcomes"):
        op.drop_table(table, schema="insight")
    for name in ("sent_at", "queued_at", "held_out"):
        op.drop_column("alert_days", name, schema="insight")
    for name in ("arm", "experiment"):
        op.drop_column("rep_alerts", name, schema="insight")
