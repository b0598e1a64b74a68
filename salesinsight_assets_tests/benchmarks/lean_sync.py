"""One sync without Dagster in a process of its own, from the environment's settings: `python lean_sync.py [--json FILE]`.

Prints, or writes, a line of JSON: the result of each object, the seconds, and the most memory the process ever held. What
`load_first` measures and what the short soak kills.
"""

import argparse
import json
import resource
import sys
import time
from datetime import timedelta
from pathlib import Path

from salesinsight_assets.adapters.salesforce import SalesforceCallError, SalesforceClient
from salesinsight_assets.adapters.warehouse import Warehouse
from salesinsight_assets.adapters.warehouse.sync_store import SyncStore
from salesinsight_assets.domain.crm.sync import ObjectResult, sync_tables, unread
from salesinsight_assets.domain.crm.tables import CRM_TABLES
from salesinsight_assets.settings import load_settings, now


def results() -> list[ObjectResult]:
    """One sync of all tables; where Salesforce cannot be reached at all, every object with that error."""
    settings = load_settings()
    store = SyncStore(Warehouse(settings.postgres_url or ""))
    lookback = timedelta(seconds=settings.salesforce.lookback_seconds)
    try:
        with SalesforceClient(settings.salesforce) as client:
            return sync_tables(client, store, CRM_TABLES, lookback)
    except SalesforceCallError as error:
        return unread(store, CRM_TABLES, f"Salesforce cannot be read: {error}", now())


def main() -> int:
    """Exit code 0 only where every object is complete."""
    parser = argparse.ArgumentParser(description="One sync without Dagster.")
    parser.add_argument("--json", type=Path, help="where the results are written, else to stdout")
    given = parser.parse_args()
    started = time.perf_counter()
    told = results()
    outcome = {
        "success": not any(result.is_stale for result in told),
        "objects": {result.table: result.as_plain() for result in told},
        "seconds": time.perf_counter() - started,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    (given.json.write_text if given.json else sys.stdout.write)(json.dumps(outcome) + "\n")
    return 0 if outcome["success"] else 1


if __name__ == "__main__":
    sys.exit(main())
