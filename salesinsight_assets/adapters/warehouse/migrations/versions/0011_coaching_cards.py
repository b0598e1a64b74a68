"""Coaching cards: what is said of each rep on a day."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "coaching_cards",
        sa.Column("as_of_date", sa.Date(), nullable=False),
        sa.Column("owner_id", sa.Text(), nullable=False),
        sa.Column("owner_name", sa.Text(), nullable=False),
        sa.Column("manager_id", sa.Text()),
        sa.Column("is_opportunity", sa.Boolean(), nullable=False),
        sa.Column("n_closed", sa.BigInteger(), nullable=False),
        sa.Column("win_rate", sa.Double()),
        sa.Column("low", sa.Double()),
        sa.Column("high", sa.Double()),
        sa.Column("team_win_rate", sa.Double()),
        sa.Column("compared_with", sa.Text()),
        sa.Column("adjusted_difference", sa.Double()),
        sa.Column("adjusted_low", sa.Double()),
        sa.Column("adjusted_high", sa.Double()),
        sa.Column("open_deals", sa.BigInteger()),
        sa.Column("deals_at_risk", sa.BigInteger()),
        sa.Column("amount_at_risk", sa.Double()),
        sa.Column("card", sa.Text(), nullable=False),
        sa.Column("figures", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("as_of_date", "owner_id"),
        schema="insight",
    )


def downgrade() -> None:
    op.drop_table("coaching_cards", schema="insight")
