"""The first tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

LATEST_SCORES_VIEW = """
CREATE VIEW insight.opportunity_scores AS
SELECT ledger.* FROM insight.prediction_ledger AS ledger
JOIN (
    SELECT DISTINCT ON (as_of_date) as_of_date, run_id FROM insight.prediction_ledger
    ORDER BY as_of_date, scored_at DESC, run_id
) AS latest USING (as_of_date, run_id)
"""


def upgrade() -> None:
    op.create_table(
        "accounts",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("industry", sa.Text(), nullable=True),
        sa.Column("type", sa.Text(), nullable=True),
        sa.Column("billing_country", sa.Text(), nullable=True),
        sa.Column("number_of_employees", sa.BigInteger(), nullable=True),
        sa.Column("annual_revenue", sa.Double(), nullable=True),
        sa.Column("parent_id", sa.Text(), nullable=True),
        sa.Column("owner_id", sa.Text(), nullable=True),
        sa.Column("created_date", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("system_modstamp", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("is_deleted", sa.Boolean(), nullable=True),
        sa.Column("valid_from", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("valid_to", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("stamped_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("synced_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", "valid_from"),
        schema="crm",
    )
    op.create_index(
        "accounts_current", "accounts", ["id"], unique=True, schema="crm", postgresql_where=sa.text("valid_to IS NULL")
    )
    op.create_table(
        "campaign_members",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("campaign_id", sa.Text(), nullable=True),
        sa.Column("account_id", sa.Text(), nullable=True),
        sa.Column("contact_id", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("has_responded", sa.Boolean(), nullable=True),
        sa.Column("first_responded_date", sa.Date(), nullable=True),
        sa.Column("created_date", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("system_modstamp", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("is_deleted", sa.Boolean(), nullable=True),
        sa.Column("valid_from", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("valid_to", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("stamped_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("synced_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", "valid_from"),
        schema="crm",
    )
    op.create_index(
        "campaign_members_current",
        "campaign_members",
        ["id"],
        unique=True,
        schema="crm",
        postgresql_where=sa.text("valid_to IS NULL"),
    )
    op.create_table(
        "competitors",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("opportunity_id", sa.Text(), nullable=True),
        sa.Column("competitor_name", sa.Text(), nullable=True),
        sa.Column("strengths", sa.Text(), nullable=True),
        sa.Column("weaknesses", sa.Text(), nullable=True),
        sa.Column("created_date", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("system_modstamp", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("is_deleted", sa.Boolean(), nullable=True),
        sa.Column("valid_from", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("valid_to", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("stamped_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("synced_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", "valid_from"),
        schema="crm",
    )
    op.create_index(
        "competitors_current",
        "competitors",
        ["id"],
        unique=True,
        schema="crm",
        postgresql_where=sa.text("valid_to IS NULL"),
    )
    op.create_index("competitors_opportunity_id", "competitors", ["opportunity_id"], unique=False, schema="crm")
    op.create_table(
        "currency_types",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("iso_code", sa.Text(), nullable=True),
        sa.Column("conversion_rate", sa.Double(), nullable=True),
        sa.Column("is_corporate", sa.Boolean(), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=True),
        sa.Column("created_date", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("system_modstamp", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("is_deleted", sa.Boolean(), nullable=True),
        sa.Column("valid_from", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("valid_to", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("stamped_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("synced_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", "valid_from"),
        schema="crm",
    )
    op.create_index(
        "currency_types_current",
        "currency_types",
        ["id"],
        unique=True,
        schema="crm",
        postgresql_where=sa.text("valid_to IS NULL"),
    )
    op.create_table(
        "events",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("what_id", sa.Text(), nullable=True),
        sa.Column("who_id", sa.Text(), nullable=True),
        sa.Column("owner_id", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("event_subtype", sa.Text(), nullable=True),
        sa.Column("start_date_time", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("end_date_time", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("activity_date", sa.Date(), nullable=True),
        sa.Column("created_date", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("system_modstamp", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("is_deleted", sa.Boolean(), nullable=True),
        sa.Column("valid_from", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("valid_to", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("stamped_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("synced_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", "valid_from"),
        schema="crm",
    )
    op.create_index(
        "events_current", "events", ["id"], unique=True, schema="crm", postgresql_where=sa.text("valid_to IS NULL")
    )
    op.create_index("events_what_id", "events", ["what_id"], unique=False, schema="crm")
    op.create_table(
        "opportunities",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("account_id", sa.Text(), nullable=True),
        sa.Column("owner_id", sa.Text(), nullable=True),
        sa.Column("stage_name", sa.Text(), nullable=True),
        sa.Column("amount", sa.Double(), nullable=True),
        sa.Column("currency_iso_code", sa.Text(), nullable=True),
        sa.Column("close_date", sa.Date(), nullable=True),
        sa.Column("probability", sa.Double(), nullable=True),
        sa.Column("type", sa.Text(), nullable=True),
        sa.Column("lead_source", sa.Text(), nullable=True),
        sa.Column("product", sa.Text(), nullable=True),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("next_step", sa.Text(), nullable=True),
        sa.Column("is_closed", sa.Boolean(), nullable=True),
        sa.Column("is_won", sa.Boolean(), nullable=True),
        sa.Column("last_modified_date", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("created_date", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("system_modstamp", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("is_deleted", sa.Boolean(), nullable=True),
        sa.Column("valid_from", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("valid_to", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("stamped_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("synced_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", "valid_from"),
        schema="crm",
    )
    op.create_index(
        "opportunities_current",
        "opportunities",
        ["id"],
        unique=True,
        schema="crm",
        postgresql_where=sa.text("valid_to IS NULL"),
    )
    op.create_table(
        "opportunity_field_history",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("opportunity_id", sa.Text(), nullable=True),
        sa.Column("field", sa.Text(), nullable=True),
        sa.Column("data_type", sa.Text(), nullable=True),
        sa.Column("old_value", sa.Text(), nullable=True),
        sa.Column("new_value", sa.Text(), nullable=True),
        sa.Column("created_by_id", sa.Text(), nullable=True),
        sa.Column("created_date", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("is_deleted", sa.Boolean(), nullable=True),
        sa.Column("valid_from", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("valid_to", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("stamped_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("synced_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", "valid_from"),
        schema="crm",
    )
    op.create_index(
        "opportunity_field_history_current",
        "opportunity_field_history",
        ["id"],
        unique=True,
        schema="crm",
        postgresql_where=sa.text("valid_to IS NULL"),
    )
    op.create_index(
        "opportunity_field_history_opportunity_id",
        "opportunity_field_history",
        ["opportunity_id"],
        unique=False,
        schema="crm",
    )
    op.create_table(
        "opportunity_history",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("opportunity_id", sa.Text(), nullable=True),
        sa.Column("stage_name", sa.Text(), nullable=True),
        sa.Column("amount", sa.Double(), nullable=True),
        sa.Column("currency_iso_code", sa.Text(), nullable=True),
        sa.Column("close_date", sa.Date(), nullable=True),
        sa.Column("probability", sa.Double(), nullable=True),
        sa.Column("created_by_id", sa.Text(), nullable=True),
        sa.Column("created_date", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("system_modstamp", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("is_deleted", sa.Boolean(), nullable=True),
        sa.Column("valid_from", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("valid_to", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("stamped_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("synced_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", "valid_from"),
        schema="crm",
    )
    op.create_index(
        "opportunity_history_current",
        "opportunity_history",
        ["id"],
        unique=True,
        schema="crm",
        postgresql_where=sa.text("valid_to IS NULL"),
    )
    op.create_index(
        "opportunity_history_opportunity_id", "opportunity_history", ["opportunity_id"], unique=False, schema="crm"
    )
    op.create_table(
        "opportunity_stages",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("master_label", sa.Text(), nullable=True),
        sa.Column("api_name", sa.Text(), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=True),
        sa.Column("is_closed", sa.Boolean(), nullable=True),
        sa.Column("is_won", sa.Boolean(), nullable=True),
        sa.Column("sort_order", sa.BigInteger(), nullable=True),
        sa.Column("default_probability", sa.Double(), nullable=True),
        sa.Column("created_date", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("system_modstamp", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("is_deleted", sa.Boolean(), nullable=True),
        sa.Column("valid_from", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("valid_to", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("stamped_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("synced_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", "valid_from"),
        schema="crm",
    )
    op.create_index(
        "opportunity_stages_current",
        "opportunity_stages",
        ["id"],
        unique=True,
        schema="crm",
        postgresql_where=sa.text("valid_to IS NULL"),
    )
    op.create_table(
        "sync_cursors",
        sa.Column("table_name", sa.Text(), nullable=False),
        sa.Column("cursor", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("synced_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("table_name"),
        schema="crm",
    )
    op.create_table(
        "tasks",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("what_id", sa.Text(), nullable=True),
        sa.Column("who_id", sa.Text(), nullable=True),
        sa.Column("owner_id", sa.Text(), nullable=True),
        sa.Column("subject", sa.Text(), nullable=True),
        sa.Column("task_subtype", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), nullable=True),
        sa.Column("priority", sa.Text(), nullable=True),
        sa.Column("activity_date", sa.Date(), nullable=True),
        sa.Column("is_closed", sa.Boolean(), nullable=True),
        sa.Column("completed_date_time", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("created_date", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("system_modstamp", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("is_deleted", sa.Boolean(), nullable=True),
        sa.Column("valid_from", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("valid_to", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("stamped_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("synced_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", "valid_from"),
        schema="crm",
    )
    op.create_index(
        "tasks_current", "tasks", ["id"], unique=True, schema="crm", postgresql_where=sa.text("valid_to IS NULL")
    )
    op.create_index("tasks_what_id", "tasks", ["what_id"], unique=False, schema="crm")
    op.create_table(
        "users",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("email", sa.Text(), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=True),
        sa.Column("manager_id", sa.Text(), nullable=True),
        sa.Column("user_role_id", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=True),
        sa.Column("time_zone_sid_key", sa.Text(), nullable=True),
        sa.Column("created_date", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("system_modstamp", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("is_deleted", sa.Boolean(), nullable=True),
        sa.Column("valid_from", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("valid_to", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("stamped_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("synced_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", "valid_from"),
        schema="crm",
    )
    op.create_index(
        "users_current", "users", ["id"], unique=True, schema="crm", postgresql_where=sa.text("valid_to IS NULL")
    )
    op.create_table(
        "outbox",
        sa.Column("message_key", sa.Text(), nullable=False),
        sa.Column("channel", sa.Text(), nullable=False),
        sa.Column("recipient", sa.Text(), nullable=True),
        sa.Column("as_of_date", sa.Date(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("attempts", sa.BigInteger(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("queued_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("sent_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("message_key"),
        schema="engagement",
    )
    op.create_index(
        op.f("ix_engagement_outbox_as_of_date"), "outbox", ["as_of_date"], unique=False, schema="engagement"
    )
    op.create_table(
        "model_calibration",
        sa.Column("model_month", sa.Date(), nullable=False),
        sa.Column("bin_from", sa.Double(), nullable=False),
        sa.Column("bin_to", sa.Double(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.Column("predicted_rate", sa.Double(), nullable=False),
        sa.Column("actual_rate", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("model_month", "bin_from"),
        schema="insight",
    )
    op.create_table(
        "models",
        sa.Column("model_id", sa.Text(), nullable=False),
        sa.Column("model_month", sa.Date(), nullable=False),
        sa.Column("trained_on", sa.Date(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("metrics", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("feature_names", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("artifact", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("model_id"),
        schema="insight",
    )
    op.create_index(op.f("ix_insight_models_model_month"), "models", ["model_month"], unique=False, schema="insight")
    op.create_table(
        "open_opportunities",
        sa.Column("as_of_date", sa.Date(), nullable=False),
        sa.Column("opportunity_id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=True),
        sa.Column("account_id", sa.Text(), nullable=True),
        sa.Column("account_name", sa.Text(), nullable=True),
        sa.Column("owner_id", sa.Text(), nullable=True),
        sa.Column("owner_name", sa.Text(), nullable=True),
        sa.Column("stage_name", sa.Text(), nullable=True),
        sa.Column("entered_stage_at", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.Column("amount", sa.Double(), nullable=True),
        sa.Column("currency_iso_code", sa.Text(), nullable=True),
        sa.Column("company_amount", sa.Double(), nullable=True),
        sa.Column("close_date", sa.Date(), nullable=True),
        sa.Column("lead_source", sa.Text(), nullable=True),
        sa.Column("industry", sa.Text(), nullable=True),
        sa.Column("product", sa.Text(), nullable=True),
        sa.Column("region", sa.Text(), nullable=True),
        sa.Column("type", sa.Text(), nullable=True),
        sa.Column("next_step", sa.Text(), nullable=True),
        sa.Column("created_date", postgresql.TIMESTAMP(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("as_of_date", "opportunity_id"),
        schema="insight",
    )
    op.create_table(
        "opportunity_features",
        sa.Column("as_of_date", sa.Date(), nullable=False),
        sa.Column("opportunity_id", sa.Text(), nullable=False),
        sa.Column("log_amount", sa.Double(), nullable=False),
        sa.Column("age_days", sa.Double(), nullable=False),
        sa.Column("stage_position", sa.Double(), nullable=False),
        sa.Column("stage_probability", sa.Double(), nullable=False),
        sa.Column("days_to_close_date", sa.Double(), nullable=False),
        sa.Column("is_overdue", sa.Double(), nullable=False),
        sa.Column("close_date_pushes", sa.Double(), nullable=False),
        sa.Column("pushed_days", sa.Double(), nullable=False),
        sa.Column("amount_change", sa.Double(), nullable=False),
        sa.Column("stage_regressions", sa.Double(), nullable=False),
        sa.Column("efficiency", sa.Double(), nullable=False),
        sa.Column("competitor_count", sa.Double(), nullable=False),
        sa.Column("has_next_step", sa.Double(), nullable=False),
        sa.Column("company_win_rate", sa.Double(), nullable=False),
        sa.Column("rep_win_rate", sa.Double(), nullable=False),
        sa.Column("source_win_rate", sa.Double(), nullable=False),
        sa.Column("industry_win_rate", sa.Double(), nullable=False),
        sa.Column("product_win_rate", sa.Double(), nullable=False),
        sa.Column("region_win_rate", sa.Double(), nullable=False),
        sa.Column("size_win_rate", sa.Double(), nullable=False),
        sa.Column("account_wins", sa.Double(), nullable=False),
        sa.Column("rep_closed_deals", sa.Double(), nullable=False),
        sa.Column("rep_open_deals", sa.Double(), nullable=False),
        sa.Column("expected_cycle_days", sa.Double(), nullable=False),
        sa.Column("cycle_ratio", sa.Double(), nullable=False),
        sa.Column("velocity_index", sa.Double(), nullable=False),
        sa.Column("days_in_stage", sa.Double(), nullable=False),
        sa.Column("expected_stage_days", sa.Double(), nullable=False),
        sa.Column("stage_time_ratio", sa.Double(), nullable=False),
        sa.Column("stage_changes_30_days", sa.Double(), nullable=False),
        sa.Column("rep_cycle_ratio", sa.Double(), nullable=False),
        sa.Column("days_since_last_change", sa.Double(), nullable=False),
        sa.Column("days_since_last_activity", sa.Double(), nullable=False),
        sa.Column("activities_14_days", sa.Double(), nullable=False),
        sa.Column("activities_30_days", sa.Double(), nullable=False),
        sa.Column("meetings_30_days", sa.Double(), nullable=False),
        sa.Column("activities_per_week", sa.Double(), nullable=False),
        sa.Column("activity_trend", sa.Double(), nullable=False),
        sa.Column("campaign_responses", sa.Double(), nullable=False),
        sa.Column("amount_x_cycle", sa.Double(), nullable=False),
        sa.Column("rep_x_source_rate", sa.Double(), nullable=False),
        sa.Column("amount_x_rep_rate", sa.Double(), nullable=False),
        sa.Column("stage_x_activity", sa.Double(), nullable=False),
        sa.Column("pushes_x_age", sa.Double(), nullable=False),
        sa.Column("defaulted_features", sa.ARRAY(sa.Text()), nullable=False),
        sa.PrimaryKeyConstraint("as_of_date", "opportunity_id"),
        schema="insight",
    )
    op.create_table(
        "prediction_ledger",
        sa.Column("as_of_date", sa.Date(), nullable=False),
        sa.Column("opportunity_id", sa.Text(), nullable=False),
        sa.Column("model_id", sa.Text(), nullable=False),
        sa.Column("run_id", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.Text(), nullable=True),
        sa.Column("amount", sa.Double(), nullable=True),
        sa.Column("win_probability", sa.Double(), nullable=False),
        sa.Column("win_probability_7d_ago", sa.Double(), nullable=True),
        sa.Column("risk_level", sa.Text(), nullable=False),
        sa.Column("reasons", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("is_fallback", sa.Boolean(), nullable=False),
        sa.Column("scored_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("as_of_date", "opportunity_id", "model_id", "run_id"),
        schema="insight",
    )
    op.create_table(
        "rep_alerts",
        sa.Column("as_of_date", sa.Date(), nullable=False),
        sa.Column("opportunity_id", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("owner_id", sa.Text(), nullable=True),
        sa.Column("priority", sa.Text(), nullable=False),
        sa.Column("amount", sa.Double(), nullable=True),
        sa.Column("win_probability", sa.Double(), nullable=False),
        sa.Column("rank", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("suppressed_because", sa.Text(), nullable=True),
        sa.Column("episode_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("as_of_date", "opportunity_id", "rule"),
        schema="insight",
    )
    op.create_table(
        "training_examples",
        sa.Column("model_month", sa.Date(), nullable=False),
        sa.Column("as_of_date", sa.Date(), nullable=False),
        sa.Column("opportunity_id", sa.Text(), nullable=False),
        sa.Column("is_won", sa.Boolean(), nullable=False),
        sa.Column("decided_at", postgresql.TIMESTAMP(timezone=True), nullable=False),
        sa.Column("weight", sa.Double(), nullable=False),
        sa.Column("log_amount", sa.Double(), nullable=False),
        sa.Column("age_days", sa.Double(), nullable=False),
        sa.Column("stage_position", sa.Double(), nullable=False),
        sa.Column("stage_probability", sa.Double(), nullable=False),
        sa.Column("days_to_close_date", sa.Double(), nullable=False),
        sa.Column("is_overdue", sa.Double(), nullable=False),
        sa.Column("close_date_pushes", sa.Double(), nullable=False),
        sa.Column("pushed_days", sa.Double(), nullable=False),
        sa.Column("amount_change", sa.Double(), nullable=False),
        sa.Column("stage_regressions", sa.Double(), nullable=False),
        sa.Column("efficiency", sa.Double(), nullable=False),
        sa.Column("competitor_count", sa.Double(), nullable=False),
        sa.Column("has_next_step", sa.Double(), nullable=False),
        sa.Column("company_win_rate", sa.Double(), nullable=False),
        sa.Column("rep_win_rate", sa.Double(), nullable=False),
        sa.Column("source_win_rate", sa.Double(), nullable=False),
        sa.Column("industry_win_rate", sa.Double(), nullable=False),
        sa.Column("product_win_rate", sa.Double(), nullable=False),
        sa.Column("region_win_rate", sa.Double(), nullable=False),
        sa.Column("size_win_rate", sa.Double(), nullable=False),
        sa.Column("account_wins", sa.Double(), nullable=False),
        sa.Column("rep_closed_deals", sa.Double(), nullable=False),
        sa.Column("rep_open_deals", sa.Double(), nullable=False),
        sa.Column("expected_cycle_days", sa.Double(), nullable=False),
        sa.Column("cycle_ratio", sa.Double(), nullable=False),
        sa.Column("velocity_index", sa.Double(), nullable=False),
        sa.Column("days_in_stage", sa.Double(), nullable=False),
        sa.Column("expected_stage_days", sa.Double(), nullable=False),
        sa.Column("stage_time_ratio", sa.Double(), nullable=False),
        sa.Column("stage_changes_30_days", sa.Double(), nullable=False),
        sa.Column("rep_cycle_ratio", sa.Double(), nullable=False),
        sa.Column("days_since_last_change", sa.Double(), nullable=False),
        sa.Column("days_since_last_activity", sa.Double(), nullable=False),
        sa.Column("activities_14_days", sa.Double(), nullable=False),
        sa.Column("activities_30_days", sa.Double(), nullable=False),
        sa.Column("meetings_30_days", sa.Double(), nullable=False),
        sa.Column("activities_per_week", sa.Double(), nullable=False),
        sa.Column("activity_trend", sa.Double(), nullable=False),
        sa.Column("campaign_responses", sa.Double(), nullable=False),
        sa.Column("amount_x_cycle", sa.Double(), nullable=False),
        sa.Column("rep_x_source_rate", sa.Double(), nullable=False),
        sa.Column("amount_x_rep_rate", sa.Double(), nullable=False),
        sa.Column("stage_x_activity", sa.Double(), nullable=False),
        sa.Column("pushes_x_age", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("model_month", "as_of_date", "opportunity_id"),
        schema="insight",
    )

    op.execute(LATEST_SCORES_VIEW)


def downgrade() -> None:
    op.execute("DROP VIEW insight.opportunity_scores")
    op.drop_table("training_examples", schema="insight")
    op.drop_table("rep_alerts", schema="insight")
    op.drop_table("prediction_ledger", schema="insight")
    op.drop_table("opportunity_features", schema="insight")
    op.drop_table("open_opportunities", schema="insight")
    op.drop_index(op.f("ix_insight_models_model_month"), table_name="models", schema="insight")
    op.drop_table("models", schema="insight")
    op.drop_table("model_calibration", schema="insight")
    op.drop_index(op.f("ix_engagement_outbox_as_of_date"), table_name="outbox", schema="engagement")
    op.drop_table("outbox", schema="engagement")
    op.drop_index("users_current", table_name="users", schema="crm", postgresql_where=sa.text("valid_to IS NULL"))
    op.drop_table("users", schema="crm")
    op.drop_index("tasks_what_id", table_name="tasks", schema="crm")
    op.drop_index("tasks_current", table_name="tasks", schema="crm", postgresql_where=sa.text("valid_to IS NULL"))
    op.drop_table("tasks", schema="crm")
    op.drop_table("sync_cursors", schema="crm")
    op.drop_index(
        "opportunity_stages_current",
        table_name="opportunity_stages",
        schema="crm",
        postgresql_where=sa.text("valid_to IS NULL"),
    )
    op.drop_table("opportunity_stages", schema="crm")
    op.drop_index("opportunity_history_opportunity_id", table_name="opportunity_history", schema="crm")
    op.drop_index(
        "opportunity_history_current",
        table_name="opportunity_history",
        schema="crm",
        postgresql_where=sa.text("valid_to IS NULL"),
    )
    op.drop_table("opportunity_history", schema="crm")
    op.drop_index("opportunity_field_history_opportunity_id", table_name="opportunity_field_history", schema="crm")
    op.drop_index(
        "opportunity_field_history_current",
        table_name="opportunity_field_history",
        schema="crm",
        postgresql_where=sa.text("valid_to IS NULL"),
    )
    op.drop_table("opportunity_field_history", schema="crm")
    op.drop_index(
        "opportunities_current", table_name="opportunities", schema="crm", postgresql_where=sa.text("valid_to IS NULL")
    )
    op.drop_table("opportunities", schema="crm")
    op.drop_index("events_what_id", table_name="events", schema="crm")
    op.drop_index("events_current", table_name="events", schema="crm", postgresql_where=sa.text("valid_to IS NULL"))
    op.drop_table("events", schema="crm")
    op.drop_index(
        "currency_types_current",
        table_name="currency_types",
        schema="crm",
        postgresql_where=sa.text("valid_to IS NULL"),
    )
    op.drop_table("currency_types", schema="crm")
    op.drop_index("competitors_opportunity_id", table_name="competitors", schema="crm")
    op.drop_index(
        "competitors_current", table_name="competitors", schema="crm", postgresql_where=sa.text("valid_to IS NULL")
    )
    op.drop_table("competitors", schema="crm")
    op.drop_index(
        "campaign_members_current",
        table_name="campaign_members",
        schema="crm",
        postgresql_where=sa.text("valid_to IS NULL"),
    )
    op.drop_table("campaign_members", schema="crm")
    op.drop_index("accounts_current", table_name="accounts", schema="crm", postgresql_where=sa.text("valid_to IS NULL"))
    op.drop_table("accounts", schema="crm")
