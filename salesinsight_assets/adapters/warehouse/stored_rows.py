"""What an upload has to know of the rows that are stored already."""

from salesinsight_assets.adapters.warehouse.warehouse import Warehouse
from salesinsight_assets.domain.crm.uploads.stored import REVISED_TABLES, StoredRows


def stored_rows(warehouse: Warehouse) -> StoredRows:
    """The current rows that an upload is compared with, and the names of the stages."""
    return StoredRows(
        current={name: warehouse.read(f"SELECT * FROM crm.{name} WHERE valid_to IS NULL") for name in REVISED_TABLES},
        stages=_names(warehouse, "SELECT DISTINCT coalesce(api_name, master_label) FROM crm.opportunity_stages"),
        stages_in_use=_names(
            warehouse, "SELECT stage_name FROM crm.opportunities UNION SELECT stage_name FROM crm.opportunity_history"
        ),
    )


def _names(warehouse: Warehouse, query: str) -> frozenset[str]:
    return frozenset(warehouse.read(query).iloc[:, 0].dropna())
