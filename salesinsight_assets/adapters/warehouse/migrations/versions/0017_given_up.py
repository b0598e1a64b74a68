"""Incidents that nobody has repaired, and that are watched no longer."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "incidents",
        sa.Column("is_given_up", sa.Boolean(), nullable=False, server_default=sa.false()),
        schema="insight",
    )


def downgrade() -> None:
    op.drop_column("incidents", "is_given_up", schema="insight")
