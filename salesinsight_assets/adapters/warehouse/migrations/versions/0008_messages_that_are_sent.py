"""Messages that are sent: when one was claimed, when it is tried again, and what the provider calls it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

COLUMNS = {
    "claimed_at": postgresql.TIMESTAMP(timezone=True),
    "retry_at": postgresql.TIMESTAMP(timezone=True),
    "reference": sa.Text(),
}


def upgrade() -> None:
    for name, kind in COLUMNS.items():
        op.add_column("outbox", sa.Column(name, kind), schema="engagement")


def downgrade() -> None:
    for name in COLUMNS:
        op.drop_column("outbox", name, schema="engagement")
