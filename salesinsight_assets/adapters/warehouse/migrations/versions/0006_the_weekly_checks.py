"""The weekly checks: drift of features and scores, defaults, and predictions against outcomes."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "feature_drift",
        sa.Column("as_of_date", sa.Date(), nullable=False),
        sa.Column("feature", sa.Text(), nullable=False),
        sa.Column("population", sa.Text(), nullable=False),
        sa.Column("n_deals", sa.BigInteger(), nullable=False),
        sa.Column("n_usual_deals", sa.BigInteger(), nullable=False),
        sa.Column("psi", sa.Double(), nullable=False),
        sa.Column("p_value", sa.Double(), nullable=False),
        sa.Column("q_value", sa.Double(), nullable=False),
        sa.Column("is_alarm", sa.Boolean(), nullable=False),
        sa.Column("finding", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("as_of_date", "feature", "population"),
        schema="insight",
    )
    op.create_table(
        "feature_defaults",
        sa.Column("as_of_date", sa.Date(), nullable=False),
        sa.Column("feature", sa.Text(), nullable=False),
        sa.Column("n_deals", sa.BigInteger(), nullable=False),
        sa.Column("share_defaulted", sa.Double(), nullable=False),
        sa.Column("usual_share", sa.Double(), nullable=False),
        sa.Column("p_value", sa.Double(), nullable=False),
        sa.Column("q_value", sa.Double(), nullable=False),
        sa.Column("is_alarm", sa.Boolean(), nullable=False),
        sa.Column("finding", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("as_of_date", "feature"),
        schema="insight",
    )
    op.create_table(
        "model_checks",
        sa.Column("as_of_date", sa.Date(), nullable=False),
        sa.Column("weeks", sa.BigInteger(), nullable=False),
        sa.Column("dimension", sa.Text(), nullable=False),
        sa.Column("segment", sa.Text(), nullable=False),
        sa.Column("n_deals", sa.BigInteger(), nullable=False),
        sa.Column("expected_wins", sa.Double(), nullable=False),
        sa.Column("actual_wins", sa.BigInteger(), nullable=False),
        sa.Column("low", sa.Double(), nullable=False),
        sa.Column("high", sa.Double(), nullable=False),
        sa.Column("p_value", sa.Double(), nullable=False),
        sa.Column("q_value", sa.Double(), nullable=False),
        sa.Column("auc", sa.Double()),
        sa.Column("auc_low", sa.Double()),
        sa.Column("auc_high", sa.Double()),
        sa.Column("auc_floor", sa.Double()),
        sa.Column("ece", sa.Double()),
        sa.Column("ece_limit", sa.Double()),
        sa.Column("is_alarm", sa.Boolean(), nullable=False),
        sa.Column("finding", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("as_of_date", "weeks", "dimension", "segment"),
        schema="insight",
    )


def downgrade() -> None:
    for name in ("model_checks", "feature_defaults", "feature_drift"):
        op.drop_table(name, schema="insight")
