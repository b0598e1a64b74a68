"""One night of the demo company through Dagster against the same work in a plain script, imports in both. Aim: 3 times.

Both are whole processes on the same running PostgreSQL and the same Salesforce server; the model is trained already. Dagster's
time is that of `salesinsight nightly`, so it includes the command itself.
"""

import os
import statistics
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from unittest.mock import patch

from salesinsight_assets.cli.jobs import run_job
from salesinsight_assets.cli.night import train_where_due
from salesinsight_assets.cli.runtime import running
from salesinsight_assets.demo.company import DemoCompany
from salesinsight_assets.demo.salesforce_server import DemoSalesforce
from salesinsight_assets.settings import child_environment, export_environment

DAY = date(2026, 6, 30)
ROUNDS = 3


def test_a_night_through_dagster_against_a_plain_script(tmp_path: Path) -> None:
    company_file = tmp_path / "company.sqlite"
    DemoCompany.create(company_file, DAY).close()
    home = {"SALESINSIGHT_HOME": str(tmp_path / "home")}
    with patch.dict(os.environ, home), running() as runtime, DemoSalesforce(company_file, tmp_path) as server:
        export_environment(server.environment())
        assert run_job("crm_sync", "first load").success
        training = train_where_due(runtime.warehouse, DAY)
        assert training
        assert training.success
        plain = [sys.executable, "-W", "ignore", str(Path(__file__).with_name("plain_night.py")), str(DAY)]
        dagster = [str(Path(sys.executable).with_name("salesinsight")), "nightly", "--date", str(DAY), "--no-send"]
        pairs = [(seconds(plain), seconds(dagster)) for _ in range(ROUNDS + 1)][1:]
    by_plain, by_dagster = (statistics.median(column) for column in zip(*pairs, strict=True))
    print(f"\nplain script {by_plain:.1f} s, through Dagster {by_dagster:.1f} s (median of {ROUNDS})")
    print(f"ratio {statistics.median(d / p for p, d in pairs):.2f} (aim 3)")


def seconds(command: list[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True, env=child_environment(), stdout=subprocess.DEVNULL)
    return time.perf_counter() - started
