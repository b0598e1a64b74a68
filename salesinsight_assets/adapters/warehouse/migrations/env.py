"""Alembic's entry point: runs the migrations on the connection that `upgrade` hands over."""

from alembic import context

from salesinsight_assets.adapters.warehouse.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    include_schemas=True,
    version_table_schema="insight",
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
