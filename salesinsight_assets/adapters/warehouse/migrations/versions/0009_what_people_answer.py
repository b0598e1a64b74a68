"""What people answer to messages: verdicts, silences they asked for, and what mail programs tell of opens and clicks."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

TIME = postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.create_table(
        "verdicts",
        sa.Column("as_of_date", sa.Date(), nullable=False, index=True),
        sa.Column("message_key", sa.Text(), primary_key=True),
        sa.Column("opportunity_id", sa.Text(), primary_key=True),
        sa.Column("owner_id", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("given_at", TIME, nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        schema="engagement",
    )
    op.create_table(
        "silences",
        sa.Column("as_of_date", sa.Date(), nullable=False, index=True),
        sa.Column("message_key", sa.Text(), primary_key=True),
        sa.Column("kind", sa.Text(), primary_key=True),
        sa.Column("since", TIME, primary_key=True),
        sa.Column("owner_id", sa.Text(), nullable=False),
        sa.Column("opportunity_id", sa.Text()),
        sa.Column("rule", sa.Text()),
        sa.Column("channel", sa.Text()),
        sa.Column("until", TIME),
        sa.Column("withdrawn_at", TIME),
        schema="engagement",
    )
    op.create_table(
        "message_events",
        sa.Column("as_of_date", sa.Date(), nullable=False, index=True),
        sa.Column("message_key", sa.Text(), primary_key=True),
        sa.Column("kind", sa.Text(), primary_key=True),
        sa.Column("happened_at", TIME, primary_key=True),
        sa.Column("opportunity_id", sa.Text()),
        schema="engagement",
    )


def downgrade() -> None:
    for name in ("message_events", "silences", "verdicts"):
        op.drop_table(name, schema="engagement")
