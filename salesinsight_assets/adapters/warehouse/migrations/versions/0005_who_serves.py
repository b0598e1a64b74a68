"""Which model is shown from which day on, how champion and challenger compare, and predictions that nobody sees.

A model that was shown so far counts from its training day on, as it did.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

Timestamp = postgresql.TIMESTAMP(timezone=True)
SHOWN_SCORES_VIEW = """
CREATE OR REPLACE VIEW insight.opportunity_scores AS
SELECT ledger.* FROM insight.prediction_ledger AS ledger
JOIN (
    SELECT DISTINCT ON (as_of_date) as_of_date, run_id FROM insight.scoring_runs
    ORDER BY as_of_date, scored_at DESC, run_id
) AS latest USING (as_of_date, run_id)
"""


def upgrade() -> None:
    op.create_table(
        "model_decisions",
        sa.Column("effective_on", sa.Date(), nullable=False),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("model_id", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("decided_at", Timestamp, nullable=False),
        sa.PrimaryKeyConstraint("effective_on", "decided_by", "role"),
        schema="insight",
    )
    op.create_table(
        "model_comparison",
        sa.Column("as_of_date", sa.Date(), nullable=False),
        sa.Column("champion_id", sa.Text(), nullable=True),
        sa.Column("challenger_id", sa.Text(), nullable=True),
        sa.Column("deals", sa.BigInteger(), nullable=False),
        sa.Column("champion_brier", sa.Double(), nullable=True),
        sa.Column("challenger_brier", sa.Double(), nullable=True),
        sa.Column("gain", sa.Double(), nullable=True),
        sa.Column("gain_low", sa.Double(), nullable=True),
        sa.Column("gain_high", sa.Double(), nullable=True),
        sa.Column("deals_needed", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("as_of_date"),
        schema="insight",
    )
    op.execute(
        "INSERT INTO insight.model_decisions SELECT DISTINCT ON (trained_on) trained_on, 'training', 'champion', model_id,"
        " coalesce(reason, 'it had passed the gate'), trained_at FROM insight.models"
        " WHERE status IN ('champion', 'retired') ORDER BY trained_on, trained_at DESC"
    )
    op.add_column(
        "prediction_ledger",
        sa.Column("is_shown", sa.Boolean(), nullable=False, server_default=sa.true()),
        schema="insight",
    )
    op.alter_column("prediction_ledger", "is_shown", server_default=None, schema="insight")
    op.execute(f"{SHOWN_SCORES_VIEW} WHERE is_shown")


def downgrade() -> None:
    op.execute("DELETE FROM insight.prediction_ledger WHERE NOT is_shown")
    op.execute("DROP VIEW insight.opportunity_scores")
    op.drop_column("prediction_ledger", "is_shown", schema="insight")
    op.execute(SHOWN_SCORES_VIEW)
    op.drop_table("model_comparison", schema="insight")
    op.drop_table("model_decisions", schema="insight")
