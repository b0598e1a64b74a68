"""A few nights of the soak, by a lean script instead of the command; `make soak` runs sixty of the real thing."""

import sys
from contextlib import closing
from datetime import date
from pathlib import Path

import pytest

from salesinsight_assets.adapters.salesforce.refresh_tokens import FILE_NAME
from salesinsight_assets.adapters.warehouse import Warehouse
from salesinsight_assets.demo.company import DemoCompany
from salesinsight_assets.demo.salesforce_server import DemoSalesforce
from salesinsight_assets_tests.adapters.synced_org import SyncedOrg
from salesinsight_assets_tests.leaked_secrets import leaks_in_database, leaks_in_files, secrets_of
from salesinsight_assets_tests.soaked_org import SoakedOrg

LEAN_SYNC = Path(__file__).parents[1] / "benchmarks" / "lean_sync.py"
KILLED_NIGHTS = (2, 4)


@pytest.mark.salesforce(14, 39)
def test_after_bad_nights_and_kills_one_clean_sync_makes_all_equal(tmp_path: Path, warehouse: Warehouse) -> None:
    path, home = tmp_path / "company.db", tmp_path / "home"
    env = {"SALESINSIGHT_HOME": str(home), "SALESINSIGHT_POSTGRES_URL": warehouse.url}
    command = [sys.executable, "-W", "ignore", str(LEAN_SYNC)]
    with (
        DemoCompany.create(path, date(2025, 6, 1), years=0.2, size=0.05) as company,
        DemoSalesforce(path, tmp_path / "org") as server,
        closing(SyncedOrg(path, company, server, warehouse)) as org,
    ):
        soaked = SoakedOrg(org, command, home / "said", env, seed=3)
        for number in range(1, 6):
            soaked.night(kill=number in KILLED_NIGHTS)
        soaked.clean_night()
        for night in soaked.nights:
            print(night.told())
        assert any(night.is_killed for night in soaked.nights)
        assert any(night.faults for night in soaked.nights)
        secrets = secrets_of(server)
    assert len(secrets) > len(soaked.nights)
    assert not list(leaks_in_database(warehouse.url, secrets))
    assert not list(leaks_in_files(home, secrets, may_hold=[FILE_NAME]))
