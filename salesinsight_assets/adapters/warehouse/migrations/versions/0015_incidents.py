"""What the data engineer was paged for, and when it was well again."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

TIME = postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.create_table(
        "incidents",
        sa.Column("incident_id", sa.Text(), primary_key=True),
        sa.Column("night", sa.Date(), nullable=False, index=True),
        sa.Column("incident_key", sa.Text(), nullable=False),
        sa.Column("symptom", sa.Text(), nullable=False),
        sa.Column("severity", sa.Text(), nullable=False),
        sa.Column("partition", sa.Text()),
        sa.Column("run_id", sa.Text()),
        sa.Column("details", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("began_at", TIME, nullable=False),
        sa.Column("opened_at", TIME, nullable=False),
        sa.Column("over_at", TIME),
        sa.Column("resolved_at", TIME),
        sa.Column("superseded_at", TIME),
        sa.Column("slack_told_at", TIME),
        sa.Column("slack_ended_at", TIME),
        sa.Column("pagerduty_told_at", TIME),
        sa.Column("pagerduty_ended_at", TIME),
        schema="insight",
    )
    op.create_index(
        "incidents_open",
        "incidents",
        ["incident_key"],
        unique=True,
        schema="insight",
        postgresql_where=sa.text("resolved_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_table("incidents", schema="insight")
