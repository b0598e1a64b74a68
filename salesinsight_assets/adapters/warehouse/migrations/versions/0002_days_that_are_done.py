"""Days that are done, whom a message is for, and models that stay.

A marker for each day whose alerts, and each run whose scores, are complete; owner and deal of each message; when a model
was trained.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

LATEST_SCORES_VIEW = """
CREATE OR REPLACE VIEW insight.opportunity_scores AS
SELECT ledger.* FROM insight.prediction_ledger AS ledger
JOIN (
    SELECT DISTINCT ON (as_of_date) as_of_date, run_id FROM {runs}
    ORDER BY as_of_date, scored_at DESC, run_id
) AS latest USING (as_of_date, run_id)
"""
Timestamp = postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.create_table(
        "alert_days",
        sa.Column("as_of_date", sa.Date(), nullable=False),
        sa.Column("open_deals", sa.BigInteger(), nullable=False),
        sa.Column("to_send", sa.BigInteger(), nullable=False),
        sa.Column("suppressed", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("as_of_date"),
        schema="insight",
    )
    op.execute(
        "INSERT INTO insight.alert_days SELECT as_of_date, count(DISTINCT opportunity_id),"
        " count(*) FILTER (WHERE status = 'to_send'), count(*) FILTER (WHERE status = 'suppressed')"
        " FROM insight.rep_alerts GROUP BY as_of_date"
    )
    op.create_table(
        "scoring_runs",
        sa.Column("as_of_date", sa.Date(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("model_id", sa.Text(), nullable=False),
        sa.Column("is_fallback", sa.Boolean(), nullable=False),
        sa.Column("open_deals", sa.BigInteger(), nullable=False),
        sa.Column("scored_at", Timestamp, nullable=False),
        sa.PrimaryKeyConstraint("as_of_date", "run_id"),
        schema="insight",
    )
    op.execute(
        "INSERT INTO insight.scoring_runs SELECT as_of_date, run_id, min(model_id), bool_or(is_fallback), count(*),"
        " max(scored_at) FROM insight.prediction_ledger GROUP BY as_of_date, run_id"
    )
    op.execute(LATEST_SCORES_VIEW.format(runs="insight.scoring_runs"))
    op.add_column("models", sa.Column("trained_at", Timestamp), schema="insight")
    op.execute("UPDATE insight.models SET trained_at = trained_on")
    op.alter_column("models", "trained_at", nullable=False, schema="insight")
    op.add_column("outbox", sa.Column("owner_id", sa.Text()), schema="engagement")
    op.add_column("outbox", sa.Column("opportunity_id", sa.Text()), schema="engagement")
    # digest:DAY:OWNER, and slack:DEAL:RULE:DAY:DAY, whose owner is that of the day's alert
    op.execute("UPDATE engagement.outbox SET owner_id = substr(message_key, 19) WHERE channel = 'email'")
    op.execute(
        "UPDATE engagement.outbox AS o SET opportunity_id = a.opportunity_id, owner_id = a.owner_id"
        " FROM insight.rep_alerts AS a WHERE o.channel = 'slack' AND a.as_of_date = o.as_of_date"
        " AND o.message_key = concat_ws(':', 'slack', a.episode_id, a.as_of_date)"
    )
    op.execute("UPDATE engagement.outbox SET owner_id = 'unknown' WHERE owner_id IS NULL")
    op.alter_column("outbox", "owner_id", nullable=False, schema="engagement")


def downgrade() -> None:
    op.drop_column("outbox", "opportunity_id", schema="engagement")
    op.drop_column("outbox", "owner_id", schema="engagement")
    op.drop_column("models", "trained_at", schema="insight")
    op.execute(LATEST_SCORES_VIEW.format(runs="insight.prediction_ledger"))
    op.drop_table("scoring_runs", schema="insight")
    op.drop_table("alert_days", schema="insight")
