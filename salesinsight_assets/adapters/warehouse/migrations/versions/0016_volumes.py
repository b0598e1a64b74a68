"""Volumes of sources, of the pipeline and of owners, day by day, beside what was usual."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "volume_checks",
        sa.Column("as_of_date", sa.Date(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("measure", sa.Text(), nullable=False),
        sa.Column("days", sa.BigInteger(), nullable=False),
        sa.Column("value", sa.Double()),
        sa.Column("usual", sa.Double()),
        sa.Column("low", sa.Double()),
        sa.Column("high", sa.Double()),
        sa.Column("p_value", sa.Double()),
        sa.Column("q_value", sa.Double()),
        sa.Column("is_alarm", sa.Boolean(), nullable=False),
        sa.Column("finding", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("as_of_date", "kind", "subject", "measure", "days"),
        schema="insight",
    )


def downgrade() -> None:
    op.drop_table("volume_checks", schema="insight")
