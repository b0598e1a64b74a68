"""How fresh what is shown is: of which day, by whom it was scored, and of which moment the CRM's rows are."""

import adbc_driver_manager
from sqlalchemy.exc import SQLAlchemyError

from salesinsight_assets.adapters.dashboard.rows import Database
from salesinsight_assets.adapters.warehouse.warehouse import COMPANY_CURRENCY, Warehouse
from salesinsight_assets.domain.monitoring.freshness import Freshness

UNREACHABLE = (SQLAlchemyError, adbc_driver_manager.Error)
"""What is raised where the database does not answer."""
_LATEST = "SELECT as_of_date, run_id, model_id, is_fallback FROM insight.scoring_runs ORDER BY as_of_date DESC, scored_at DESC LIMIT 1"


def freshness(database: Database, warehouse: Warehouse) -> Freshness:
    """Of the latest day with scores."""
    latest, origin = database.row(_LATEST), warehouse.crm_origin()
    rows_of, is_upload = (origin.told_until, origin.source != "salesforce") if origin else (None, False)
    if latest is None:
        return Freshness(None, rows_of=rows_of, is_upload=is_upload)
    return Freshness(
        latest["as_of_date"], latest["model_id"], latest["is_fallback"], rows_of, is_upload, latest["run_id"]
    )


def company_currency(database: Database) -> str | None:
    """The company's currency; None where the org has one only, and does not name it."""
    row = database.row(COMPANY_CURRENCY)
    return row["iso_code"] if row else None
