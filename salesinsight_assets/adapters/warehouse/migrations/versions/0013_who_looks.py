"""Who is signed in to the dashboard, what lets people and programs in, what they did; and deals found by their Id."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None
Timestamp = postgresql.TIMESTAMP(timezone=True)
NEW_TABLES = ("sessions", "sign_in_links", "api_tokens", "visits", "audit_log")
DEAL_INDEXES = ("prediction_ledger", "rep_alerts", "alert_outcomes")


def upgrade() -> None:
    op.create_table(
        "sessions",
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text()),
        sa.Column("signed_in_by", sa.Text(), nullable=False),
        sa.Column("signed_in_at", Timestamp, nullable=False),
        sa.Column("expires_at", Timestamp, nullable=False),
        sa.PrimaryKeyConstraint("token_hash"),
        schema="engagement",
    )
    op.create_table(
        "sign_in_links",
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("asked_at", Timestamp, nullable=False),
        sa.Column("expires_at", Timestamp, nullable=False),
        sa.Column("used_at", Timestamp),
        sa.PrimaryKeyConstraint("token_hash"),
        schema="engagement",
    )
    op.create_table(
        "api_tokens",
        sa.Column("token_id", sa.Text(), nullable=False),
        sa.Column("token_hash", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("scopes", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", Timestamp, nullable=False),
        sa.Column("expires_at", Timestamp, nullable=False),
        sa.Column("last_used_at", Timestamp),
        sa.Column("revoked_at", Timestamp),
        sa.PrimaryKeyConstraint("token_id"),
        sa.UniqueConstraint("token_hash"),
        schema="engagement",
    )
    op.create_table(
        "visits",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("user_id", sa.Text()),
        sa.PrimaryKeyConstraint("day", "email"),
        schema="engagement",
    )
    op.create_table(
        "audit_log",
        sa.Column("entry", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("happened_at", Timestamp, nullable=False),
        sa.Column("event", sa.Text(), nullable=False),
        sa.Column("email", sa.Text()),
        sa.Column("about", sa.Text()),
        sa.Column("address", sa.Text()),
        sa.PrimaryKeyConstraint("entry"),
        schema="engagement",
    )
    for table in DEAL_INDEXES:
        op.create_index(f"{table}_deal", table, ["opportunity_id"], schema="insight")


def downgrade() -> None:
    for table in DEAL_INDEXES:
        op.drop_index(f"{table}_deal", table, schema="insight")
    for table in NEW_TABLES:
        op.drop_table(table, schema="engagement")
