"""Sixty nights of `salesinsight sync` against an org that fails, a third of them ended by kill -9. Run by `make soak`.

After each night what it said must be true of what is stored; after a last clean one every table must equal the CRM, and no
secret may lie in a database, a file or the output. SALESINSIGHT_SOAK_NIGHTS and SALESINSIGHT_SOAK_SEED change the run;
SALESINSIGHT_SOAK_LEAN=1 syncs without Dagster, which takes a third of the time.
"""

import sys
import tempfile
from contextlib import closing
from datetime import date
from pathlib import Path

import numpy as np

from salesinsight_assets.adapters.salesforce.refresh_tokens import FILE_NAME
from salesinsight_assets.adapters.warehouse import Warehouse, embedded_postgres
from salesinsight_assets.adapters.warehouse.schema import database_url, ensure_database, upgrade
from salesinsight_assets.cli.runtime import DAGSTER_DATABASE, WAREHOUSE_DATABASE
from salesinsight_assets.demo.company import DemoCompany
from salesinsight_assets.demo.salesforce_server import DemoSalesforce
from salesinsight_assets.settings import environment
from salesinsight_assets_tests.adapters.synced_org import SyncedOrg
from salesinsight_assets_tests.leaked_secrets import leaks_in_database, leaks_in_files, secrets_of
from salesinsight_assets_tests.soaked_org import SoakedOrg

FIRST_DAY = date(2026, 4, 30)
COMMAND = [str(Path(sys.executable).with_name("salesinsight")), "sync"]
LEAN_COMMAND = [sys.executable, "-W", "ignore", str(Path(__file__).with_name("lean_sync.py"))]


def main() -> None:
    """The nights, the last one, and the search for secrets."""
    nights = int(environment().get("SALESINSIGHT_SOAK_NIGHTS", "60"))
    seed = int(environment().get("SALESINSIGHT_SOAK_SEED", "7"))
    command = LEAN_COMMAND if environment().get("SALESINSIGHT_SOAK_LEAN") else COMMAND
    with tempfile.TemporaryDirectory(prefix="salesinsight-soak-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with embedded_postgres(folder / "server") as server_url:
            ensure_database(server_url, DAGSTER_DATABASE)
            warehouse = Warehouse(ensure_database(server_url, WAREHOUSE_DATABASE))
            upgrade(warehouse.url)
            with (
                closing(warehouse),
                DemoCompany.create(folder / "company.db", FIRST_DAY, years=0.3, size=0.08) as company,
                DemoSalesforce(company.path, folder / "org") as server,
                closing(SyncedOrg(company.path, company, server, warehouse)) as org,
            ):
                env = {"SALESINSIGHT_HOME": str(folder / "home"), "SALESINSIGHT_POSTGRES_URL": warehouse.url}
                _soak(SoakedOrg(org, command, folder / "home" / "said", env, seed), nights, seed)
                _search(folder / "home", server_url, secrets_of(server))


def _soak(soaked: SoakedOrg, nights: int, seed: int) -> None:
    """So many nights, of which a third is killed: one that ended sooner than the kill leaves it to the next."""
    to_kill = set(np.random.default_rng(seed).choice(np.arange(1, nights), nights // 3, replace=False).tolist())
    owed = 0
    for number in range(1, nights + 1):
        owed += number in to_kill
        try:
            night = soaked.night(kill=owed > 0)
        except AssertionError:
            print(soaked.nights[-1].told(), flush=True)
            raise
        owed -= night.is_killed
        print(night.told(), flush=True)
    last = soaked.clean_night()
    print(f"{last.told()}\n\n{sum(n.is_killed for n in soaked.nights)} of {nights} nights killed, "
          f"{sum(bool(n.stale) for n in soaked.nights)} said what was stale; after the last one every table equals the CRM")  # fmt: skip


def _search(home: Path, server_url: str, secrets: set[str]) -> None:
    leaks = list(leaks_in_files(home, secrets, may_hold=[FILE_NAME]))
    for database in (WAREHOUSE_DATABASE, DAGSTER_DATABASE):
        leaks += [f"{database}: {leak}" for leak in leaks_in_database(database_url(server_url, database), secrets)]
    assert not leaks, leaks
    print(f"none of {len(secrets)} secrets is in a database, a file or the output")


if __name__ == "__main__":
    main()
