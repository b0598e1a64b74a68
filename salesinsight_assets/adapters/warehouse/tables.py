"""The warehouse's tables: `crm` from the CRM contract, `insight` from the stages, `engagement` for what people get.

A change here needs a migration beside it; a test compares the two.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import JSONB, TIMESTAMP

from salesinsight_assets.domain.crm.tables import CRM_TABLES, OPPORTUNITIES, CrmTable
from salesinsight_assets.domain.derived_tables import DERIVED_TABLES, DerivedTable, ValueType

Timestamp = TIMESTAMP(timezone=True)
SQL_TYPES: dict[ValueType, sa.types.TypeEngine[Any]] = {
    "text": sa.Text(),
    "number": sa.Double(),
    "integer": sa.BigInteger(),
    "boolean": sa.Boolean(),
    "date": sa.Date(),
    "timestamp": Timestamp,
    "json": JSONB(),
    "texts": sa.ARRAY(sa.Text),
}
VERSION_COLUMNS = ("valid_from", "valid_to", "stamped_at")
metadata = sa.MetaData()


def _crm_table(table: CrmTable) -> sa.Table:
    """A CRM table with its versions (see `merge`); the current one has no `valid_to`."""
    columns = [sa.Column(c.name, SQL_TYPES[c.type], primary_key=c.name == "id") for c in table.columns]
    if "is_deleted" not in table.column_names:
        columns.append(sa.Column("is_deleted", sa.Boolean))
    return sa.Table(
        table.name,
        metadata,
        *columns,
        sa.Column("valid_from", Timestamp, primary_key=True),
        sa.Column("valid_to", Timestamp),
        sa.Column("stamped_at", Timestamp, nullable=False),
        sa.Column("synced_at", Timestamp, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Index(f"{table.name}_current", "id", unique=True, postgresql_where=sa.text("valid_to IS NULL")),
        *_parent_index(table),
        *_synced_index(table),
        schema="crm",
    )


def _parent_index(table: CrmTable) -> list[sa.Index]:
    parents = [c for c in ("opportunity_id", "what_id") if c in table.column_names]
    return [sa.Index(f"{table.name}_{parent}", parent) for parent in parents]


def _synced_index(table: CrmTable) -> list[sa.Index]:
    """For the question which deals the latest syncs touched."""
    return [sa.Index(f"{table.name}_synced", "synced_at")] if table.name == OPPORTUNITIES.name else []


CRM = {table.name: _crm_table(table) for table in CRM_TABLES}

sync_cursors = sa.Table(
    "sync_cursors",
    metadata,
    sa.Column("table_name", sa.Text, primary_key=True),
    sa.Column("cursor", Timestamp),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("synced_at", Timestamp, nullable=False),
    sa.Column("deletes_cursor", Timestamp),
    sa.Column("reconciled_at", Timestamp),
    sa.Column("salesforce_object", sa.Text),
    sa.Column("fields", JSONB),
    schema="crm",
)


def _derived_table(table: DerivedTable) -> sa.Table:
    columns = [
        sa.Column(
            c.name,
            SQL_TYPES[c.type],
            primary_key=c.is_key,
            nullable=not c.is_required,
            index=c.name == table.day_column and not c.is_key,
        )
        for c in table.columns
    ]
    return sa.Table(table.name, metadata, *columns, *_deal_index(table), *_open_index(table), schema=table.schema)


def _deal_index(table: DerivedTable) -> list[sa.Index]:
    """For the page of one deal, in tables of all days."""
    by_deal = ("prediction_ledger", "rep_alerts", "alert_outcomes")
    return [sa.Index(f"{table.name}_deal", "opportunity_id")] if table.name in by_deal else []


def _open_index(table: DerivedTable) -> list[sa.Index]:
    """An incident is open once."""
    is_open = sa.text("resolved_at IS NULL")
    return (
        [sa.Index("incidents_open", "incident_key", unique=True, postgresql_where=is_open)]
        if table.name == "incidents"
        else []
    )


def _private(name: str, *columns: sa.Column[Any] | sa.Index) -> sa.Table:
    """A table of the dashboard's that nobody exports: what is in it lets people in."""
    return sa.Table(name, metadata, *columns, schema="engagement", info={IS_PRIVATE: True})


IS_PRIVATE = "is_private"
sessions = _private(
    "sessions",
    sa.Column("token_hash", sa.Text, primary_key=True),
    sa.Column("email", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("user_id", sa.Text),
    sa.Column("signed_in_by", sa.Text, nullable=False),
    sa.Column("signed_in_at", Timestamp, nullable=False),
    sa.Column("expires_at", Timestamp, nullable=False),
)
sign_in_links = _private(
    "sign_in_links",
    sa.Column("token_hash", sa.Text, primary_key=True),
    sa.Column("email", sa.Text, nullable=False),
    sa.Column("asked_at", Timestamp, nullable=False),
    sa.Column("expires_at", Timestamp, nullable=False),
    sa.Column("used_at", Timestamp),
)
api_tokens = _private(
    "api_tokens",
    sa.Column("token_id", sa.Text, primary_key=True),
    sa.Column("token_hash", sa.Text, nullable=False, unique=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("email", sa.Text, nullable=False),
    sa.Column("scopes", sa.ARRAY(sa.Text), nullable=False),
    sa.Column("created_at", Timestamp, nullable=False),
    sa.Column("expires_at", Timestamp, nullable=False),
    sa.Column("last_used_at", Timestamp),
    sa.Column("revoked_at", Timestamp),
)
visits = _private(
    "visits",
    sa.Column("day", sa.Date, primary_key=True),
    sa.Column("email", sa.Text, primary_key=True),
    sa.Column("user_id", sa.Text),
)
audit_log = sa.Table(
    "audit_log",
    metadata,
    sa.Column("entry", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("happened_at", Timestamp, nullable=False),
    sa.Column("event", sa.Text, nullable=False),
    sa.Column("email", sa.Text),
    sa.Column("about", sa.Text),
    sa.Column("address", sa.Text),
    schema="engagement",
)

DERIVED = {table.name: _derived_table(table) for table in DERIVED_TABLES}
open_opportunities = DERIVED["open_opportunities"]
opportunity_features = DERIVED["opportunity_features"]
training_examples = DERIVED["training_examples"]
models = DERIVED["models"]
model_decisions = DERIVED["model_decisions"]
model_comparison = DERIVED["model_comparison"]
model_calibration = DERIVED["model_calibration"]
prediction_ledger = DERIVED["prediction_ledger"]
scoring_runs = DERIVED["scoring_runs"]
rep_alerts = DERIVED["rep_alerts"]
alert_days = DERIVED["alert_days"]
outbox = DERIVED["outbox"]

DAY_COLUMNS = {**{table.name: table.day_column for table in DERIVED_TABLES}, "opportunity_scores": "as_of_date"}
"""The column that holds the day (or the month) of a derived table's partition; `opportunity_scores` is the view of each
day's latest run, made by the migrations."""
