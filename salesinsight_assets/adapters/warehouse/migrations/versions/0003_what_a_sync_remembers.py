"""What a sync remembers of each table, dated exchange rates, and into which account another was merged.

`deletes_cursor` is the moment up to which deletions are known, `reconciled_at` when all Ids were last compared,
`salesforce_object` and `fields` where each column was last read from and of which type it was.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

Timestamp = postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.create_table(
        "dated_conversion_rates",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("iso_code", sa.Text(), nullable=True),
        sa.Column("conversion_rate", sa.Double(), nullable=True),
        sa.Column("start_date", sa.Date(), nullable=True),
        sa.Column("next_start_date", sa.Date(), nullable=True),
        sa.Column("created_date", Timestamp, nullable=True),
        sa.Column("system_modstamp", Timestamp, nullable=True),
        sa.Column("is_deleted", sa.Boolean(), nullable=True),
        sa.Column("valid_from", Timestamp, nullable=False),
        sa.Column("valid_to", Timestamp, nullable=True),
        sa.Column("stamped_at", Timestamp, nullable=False),
        sa.Column("synced_at", Timestamp, nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", "valid_from"),
        schema="crm",
    )
    op.create_index(
        "dated_conversion_rates_current",
        "dated_conversion_rates",
        ["id"],
        unique=True,
        schema="crm",
        postgresql_where=sa.text("valid_to IS NULL"),
    )
    op.add_column("accounts", sa.Column("master_record_id", sa.Text()), schema="crm")
    op.add_column("sync_cursors", sa.Column("deletes_cursor", Timestamp), schema="crm")
    op.add_column("sync_cursors", sa.Column("reconciled_at", Timestamp), schema="crm")
    op.add_column("sync_cursors", sa.Column("salesforce_object", sa.Text()), schema="crm")
    op.add_column("sync_cursors", sa.Column("fields", postgresql.JSONB()), schema="crm")


def downgrade() -> None:
    op.drop_column("sync_cursors", "fields", schema="crm")
    op.drop_column("sync_cursors", "salesforce_object", schema="crm")
    op.drop_column("sync_cursors", "reconciled_at", schema="crm")
    op.drop_column("sync_cursors", "deletes_cursor", schema="crm")
    op.drop_column("accounts", "master_record_id", schema="crm")
    op.drop_table("dated_conversion_rates", schema="crm")
