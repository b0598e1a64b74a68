"""A process that syncs, to be killed by a test at any moment."""

import json
import sys

from salesinsight_assets.adapters.salesforce import SalesforceClient
from salesinsight_assets.adapters.warehouse import Warehouse
from salesinsight_assets.adapters.warehouse.sync_store import SyncStore
from salesinsight_assets.domain.crm.sync import SyncPolicy, sync_tables
from salesinsight_assets.domain.crm.tables import OPPORTUNITIES, OPPORTUNITY_HISTORY, TASKS
from salesinsight_assets.settings import SalesforceSettings, load_settings
from salesinsight_assets_tests.adapters.synced_org import LOOKBACK

TABLES = (OPPORTUNITIES, OPPORTUNITY_HISTORY, TASKS)


def sync(database_url: str, settings: SalesforceSettings) -> None:
    """Sync `TABLES` in parts of 40 rows."""
    warehouse = Warehouse(database_url)
    client = SalesforceClient(settings, bulk_part_rows=20)
    sync_tables(client, SyncStore(warehouse), TABLES, LOOKBACK, SyncPolicy(rows_at_once=40))


if __name__ == "__main__":
    url, environment = json.loads(sys.argv[1])
    sync(url, load_settings(environment).salesforce)
