"""Two more features: the win rate of deals of the same type, and the activities since the start; deals in the calibration.

Days that were computed before keep their rows: the activities follow exactly from the rate per week and the age; the type's
win rate was not known, and takes its default, counted as such.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLES = ("opportunity_features", "training_examples")


def upgrade() -> None:
    for table in TABLES:
        op.add_column(table, sa.Column("type_win_rate", sa.Double()), schema="insight")
        op.add_column(table, sa.Column("activity_count", sa.Double()), schema="insight")
        op.execute(
            f"UPDATE insight.{table} SET type_win_rate = company_win_rate, "
            "activity_count = round((activities_per_week * (1 + age_days / 7))::numeric)"
        )
        op.alter_column(table, "type_win_rate", nullable=False, schema="insight")
        op.alter_column(table, "activity_count", nullable=False, schema="insight")
    op.execute(
        "UPDATE insight.opportunity_features SET defaulted_features = array_append(defaulted_features, 'type_win_rate')"
    )
    op.add_column("model_calibration", sa.Column("deals", sa.BigInteger()), schema="insight")


def downgrade() -> None:
    op.drop_column("model_calibration", "deals", schema="insight")
    op.execute(
        "UPDATE insight.opportunity_features SET defaulted_features = array_remove(defaulted_features, 'type_win_rate')"
    )
    for table in TABLES:
        op.drop_column(table, "activity_count", schema="insight")
        op.drop_column(table, "type_win_rate", schema="insight")
