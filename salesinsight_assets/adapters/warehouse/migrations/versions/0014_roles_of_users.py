"""The roles of the CRM's users: who is above whom."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None
Timestamp = postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.create_table(
        "user_roles",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text()),
        sa.Column("parent_role_id", sa.Text()),
        sa.Column("system_modstamp", Timestamp),
        sa.Column("is_deleted", sa.Boolean()),
        sa.Column("valid_from", Timestamp, nullable=False),
        sa.Column("valid_to", Timestamp),
        sa.Column("stamped_at", Timestamp, nullable=False),
        sa.Column("synced_at", Timestamp, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", "valid_from"),
        schema="crm",
    )
    op.create_index(
        "user_roles_current",
        "user_roles",
        ["id"],
        unique=True,
        schema="crm",
        postgresql_where=sa.text("valid_to IS NULL"),
    )


def downgrade() -> None:
    op.drop_table("user_roles", schema="crm")
