"""One deal scored now: in the small company and in one of 100,000 deals, after what all deals share was prepared.

Aims: at most 50 ms of compute on top of its SQL, whatever the size of the company; memory that stays.
A fresh process scores open deals drawn at random, as the dashboard does; the wall time inside the driver is the SQL's, the
processor time outside of it the compute's: a busy machine does not lengthen that by much.
`SALESINSIGHT_BENCH_DEALS=1000000` takes another size.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

import psutil

from salesinsight_assets.adapters.dashboard.score_now import ScoreNow
from salesinsight_assets.adapters.warehouse import Warehouse
from salesinsight_assets.domain.history.grid import end_of_day
from salesinsight_assets.policies import Policies
from salesinsight_assets.settings import child_environment
from salesinsight_assets_tests.benchmarks.large_warehouse import fill_with_many_deals
from salesinsight_assets_tests.conftest import LAST_DAY, Platform
from salesinsight_assets_tests.web.conftest import BREAKFAST, dashboard_on

DEALS = int(os.environ.get("SALESINSIGHT_BENCH_DEALS", "100000"))
TRIES, WARM = 100, 5
MOST_COMPUTE_MS = 50
DRAWN = f"SELECT id FROM crm.opportunities WHERE valid_to IS NULL AND NOT is_closed AND NOT is_deleted ORDER BY md5(id) LIMIT {TRIES + WARM}"


def test_one_deal_of_the_small_company(platform_after_a_night: Platform) -> None:
    _tell("the small company", platform_after_a_night.warehouse)


def test_one_deal_of_very_many(platform_after_a_night: Platform) -> None:
    store = platform_after_a_night.warehouse
    fill_with_many_deals(store, DEALS, end_of_day(LAST_DAY, ZoneInfo("UTC")))
    _tell(f"{DEALS:,} deals", store)


def _tell(company: str, store: Warehouse) -> None:
    found = json.loads(_in_own_process(store.url))
    n_open = int(store.read(f"SELECT count(*) AS n FROM ({DRAWN.partition('ORDER')[0]}) AS o")["n"][0])
    print(
        f"\n{company} ({n_open:,} open): compute {found['compute']:.1f} ms (aim {MOST_COMPUTE_MS}), SQL {found['sql']:.1f} ms,"
        f" together {found['all'] / found['floor']:.0f} x a read by primary key ({found['floor']:.2f} ms); medians of {found['n']}"
        f"\n  prepared once a sync and hour, in {found['prepared']:.2f} s;"
        f" memory {found['mb'][0]:.0f} MB before, {found['mb'][1]:.0f} after the first score, {found['mb'][2]:.0f} after all"
    )
    with dashboard_on(store) as dashboard:
        browser, deals = dashboard.browser("engineer"), store.read(DRAWN)["id"].tolist()
        taken = [_ms(lambda deal=deal: _ask(browser, deal)) for deal in deals][WARM:]
        print(
            f"  the whole page, with what would change the score: {statistics.median(taken):.0f} ms; the slowest: {max(taken):.0f} ms"
        )


def _ask(browser: Any, deal: str) -> None:
    answer = browser.post(f"/deals/{deal}/score")
    assert answer.status_code == 200, answer.text


def _ms(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return 1000 * (time.perf_counter() - began)


def _in_own_process(url: str) -> str:
    """What `measured` gives, in a process that has done nothing else."""
    command = [sys.executable, "-W", "ignore", "-m", __name__, url]
    return subprocess.run(command, check=True, env=child_environment(), capture_output=True, text=True).stdout


# --- the process that scores ---


class TimedWarehouse(Warehouse):
    """A warehouse that adds up the time spent in its driver: on the clock, and of the processor."""

    seconds = processor_seconds = 0.0

    @contextmanager
    def timed(self) -> Generator[None]:
        began = time.perf_counter(), time.process_time()
        yield
        self.seconds += time.perf_counter() - began[0]
        self.processor_seconds += time.process_time() - began[1]

    @contextmanager
    def transaction(self) -> Generator[Any]:
        with ExitStack() as stack:
            with self.timed():
                cursor = stack.enter_context(super().transaction())
            yield _TimedCursor(cursor, self)
            with self.timed():
                stack.close()


class _TimedCursor:
    """A cursor whose every call is timed."""

    def __init__(self, cursor: Any, store: TimedWarehouse) -> None:
        self._cursor, self._store = cursor, store

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            with self._store.timed():
                return getattr(self._cursor, name)(*arguments, **named)

        return call


def measured(url: str) -> dict[str, Any]:
    """Medians in milliseconds of `compute`, `sql`, `all` and of `floor`, a read by primary key; `prepared` in seconds."""
    store = TimedWarehouse(url)
    deals: Sequence[str] = store.read(DRAWN)["id"].tolist()
    floor = statistics.median(
        _ms(lambda: store.read("SELECT * FROM engagement.visits WHERE email = 'x'")) for _ in range(50)
    )
    scoring, before = ScoreNow(store, ZoneInfo("UTC"), Policies()), _resident_mb()
    prepared = _ms(lambda: scoring.deals(BREAKFAST)) / 1000
    scoring.scored(deals[0], BREAKFAST)
    after_first = _resident_mb()
    taken = [_once(store, scoring, deal) for deal in deals][min(WARM, len(deals) // 2) :]
    sql, compute, everything = (statistics.median(column) for column in zip(*taken, strict=True))
    return {
        "compute": compute, "sql": sql, "all": everything, "floor": floor, "n": len(taken), "prepared": prepared,
        "mb": [before, after_first, _resident_mb()],
    }  # fmt: skip


def _once(store: TimedWarehouse, scoring: ScoreNow, deal: str) -> tuple[float, float, float]:
    """Milliseconds of the driver, of the processor outside of it, and of all."""
    before = store.seconds, time.process_time() - store.processor_seconds
    whole = _ms(lambda: scoring.scored(deal, BREAKFAST + timedelta(minutes=1)))
    return (
        1000 * (store.seconds - before[0]),
        1000 * (time.process_time() - store.processor_seconds - before[1]),
        whole,
    )


def _resident_mb() -> float:
    return psutil.Process().memory_info().rss / 1e6


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measured(sys.argv[1])))
