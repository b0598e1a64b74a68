"""An index by the sync that wrote a deal's version: each sync asks which deals were deleted or restored since the last one."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("opportunities_synced", "opportunities", ["synced_at"], schema="crm")


def downgrade() -> None:
    op.drop_index("opportunities_synced", "opportunities", schema="crm")
