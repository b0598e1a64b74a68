"""The first load of a large org, killed half way and taken up again; then a night with changes, there and in a small org.

The server and each sync are processes of their own. Run by `make load`; SALESINSIGHT_LOAD_DEALS sets the size (default
1,000,000 opportunities, with five times as many history and activity rows), SALESINSIGHT_LOAD_COMPANY a large company's file
that is kept, and used again where it is there.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from salesinsight_assets.adapters.warehouse import Warehouse, embedded_postgres
from salesinsight_assets.adapters.warehouse.schema import ensure_database, upgrade
from salesinsight_assets.demo.company import DemoCompany
from salesinsight_assets.demo.large_company import LargePlan, large_company
from salesinsight_assets.demo.objects import OBJECTS
from salesinsight_assets.demo.serve import served_apart
from salesinsight_assets.demo.storage import connect
from salesinsight_assets.domain.crm.tables import CRM_TABLES
from salesinsight_assets.settings import child_environment, environment

LAST_DAY = date(2026, 6, 30)
SMALL_DEALS, CHANGES = 10_000, 1_000
MOST_MIB = 1024
LOOK_SECONDS = 1.0
LEAN_SYNC = Path(__file__).with_name("lean_sync.py")
_COUNT_SQL = {
    name: f'SELECT count(*) FROM "{name}"' + (" WHERE NOT IsDeleted" if known.has("IsDeleted") else "")
    for name, known in OBJECTS.items()
}


@dataclass(frozen=True)
class LoadedOrg:
    """A company behind its server, and the warehouse it is read into."""

    company_file: Path
    warehouse: Warehouse
    settings: dict[str, str]

    def started(self) -> subprocess.Popen[str]:
        """A sync that has begun."""
        env = {**child_environment(), **self.settings, "SALESINSIGHT_POSTGRES_URL": self.warehouse.url}
        return subprocess.Popen([sys.executable, str(LEAN_SYNC)], stdout=subprocess.PIPE, text=True, env=env)

    def synced(self) -> dict[str, Any]:
        """What a whole sync told of itself."""
        with self.started() as process:
            told, _ = process.communicate()
        outcome = json.loads(told)
        assert process.returncode == 0, [(name, o["error"]) for name, o in outcome["objects"].items() if o["error"]]
        return outcome

    def stored(self) -> int:
        """Rows that are not deleted, of all tables."""
        counts = " UNION ALL ".join(
            f"SELECT count(*) AS n FROM crm.{table.name} WHERE valid_to IS NULL AND NOT coalesce(is_deleted, false)"
            for table in CRM_TABLES
        )
        return int(self.warehouse.read(f"SELECT sum(n)::bigint AS n FROM ({counts}) AS counts")["n"][0])

    def in_crm(self) -> int:
        """Rows that are not deleted in the CRM."""
        with closing(connect(self.company_file)) as sql:
            return sum(sql.execute(_COUNT_SQL[table.salesforce_object]).fetchone()[0] for table in CRM_TABLES)

    def change_deals(self, count: int) -> None:
        """New amounts, by hand, of deals all over the org."""
        with closing(connect(self.company_file)) as sql:
            deals = [row[0] for row in sql.execute("SELECT Id FROM Opportunity ORDER BY CreatedDate")]
        with DemoCompany.open(self.company_file) as company:
            for deal in deals[:: len(deals) // count][:count]:
                company.update("Opportunity", deal, {"Amount": 4711.0})


@contextmanager
def loaded_org(company_file: Path, folder: Path, server_url: str, database: str) -> Generator[LoadedOrg]:
    """The company's org and an empty warehouse for it."""
    warehouse = Warehouse(ensure_database(server_url, database))
    upgrade(warehouse.url)
    with served_apart(company_file, folder / database) as settings, closing(warehouse):
        yield LoadedOrg(company_file, warehouse, settings)


def main() -> None:
    """The large org, then the small one, then both side by side."""
    deals = int(environment().get("SALESINSIGHT_LOAD_DEALS", "1000000"))
    with tempfile.TemporaryDirectory(prefix="salesinsight-load-") as name, embedded_postgres(Path(name)) as server:
        folder = Path(name)
        large, small = _company_file(folder, deals), folder / "small.sqlite"
        large_company(small, LAST_DAY, _plan(SMALL_DEALS)).close()
        with loaded_org(large, folder, server, "large") as org:
            _interrupted_load(org)
            nights = {deals: _night_after(org)}
        with loaded_org(small, folder, server, "small") as org:
            org.synced()
            nights[SMALL_DEALS] = _night_after(org)
    print(f"\na night with {CHANGES:,} changed deals")
    for size, night in nights.items():
        print(
            f"  org of {size:>9,} deals: {_calls(night):>4} calls, {night['seconds']:6.1f} s, {night['peak_mib']:5.0f} MiB"
        )
    assert len({_calls(night) for night in nights.values()}) == 1


def _company_file(folder: Path, deals: int) -> Path:
    """A copy of the kept company, or a new one."""
    kept = environment().get("SALESINSIGHT_LOAD_COMPANY")
    path = folder / "large.sqlite"
    if kept and Path(kept).exists():
        shutil.copy(kept, path)
        return path
    started = time.perf_counter()
    large_company(path, LAST_DAY, _plan(deals)).close()
    print(f"a company of {deals:,} deals made in {time.perf_counter() - started:.0f} s")
    if kept:
        shutil.copy(path, kept)
    return path


def _plan(deals: int) -> LargePlan:
    return LargePlan(deals, 2 * deals, deals, deals * 3 // 2, deals // 2)


def _interrupted_load(org: LoadedOrg) -> None:
    """Killed once half of the rows are stored, then run to its end, from where it was."""
    total = org.in_crm()
    print(f"first load of {total:,} rows", flush=True)
    started = time.perf_counter()
    with org.started() as process:
        peak = 0.0
        while process.poll() is None and org.stored() < total / 2:
            peak = max(peak, _peak_mib(process))
            time.sleep(LOOK_SECONDS)
        process.kill()
    before, seconds = org.stored(), time.perf_counter() - started
    print(f"  killed after {seconds:.0f} s: {before:,} rows stored, peak {peak:.0f} MiB", flush=True)
    resumed = org.synced()
    read = _rows_read(resumed)
    print(f"  resumed: {read:,} rows read in {resumed['seconds']:.0f} s, peak {resumed['peak_mib']:.0f} MiB")
    print(f"  in all {(before + read) / (seconds + resumed['seconds']):,.0f} rows a second", flush=True)
    assert org.stored() == total
    assert max(peak, resumed["peak_mib"]) < MOST_MIB
    assert read < total - before / 2, "it started over"


def _night_after(org: LoadedOrg) -> dict[str, Any]:
    org.synced()  # what lies within the look-back of the first load is of its size
    org.change_deals(CHANGES)
    night = org.synced()
    assert org.stored() == org.in_crm()
    print(f"  a night with {CHANGES:,} changes: {_rows_read(night):,} rows read, {_calls(night)} calls", flush=True)
    return night


def _calls(outcome: dict[str, Any]) -> int:
    """What a server that answers at once is asked."""
    return sum(result["api_calls"] - result["retries"] for result in outcome["objects"].values())


def _rows_read(outcome: dict[str, Any]) -> int:
    return sum(result["rows_read"] for result in outcome["objects"].values())


def _peak_mib(process: subprocess.Popen[str]) -> float:
    """The most memory that the process ever held; 0 where it has ended."""
    try:
        status = Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    except OSError:
        return 0.0
    found = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    return int(found[0]) / 1024 if found else 0.0


if __name__ == "__main__":
    main()
