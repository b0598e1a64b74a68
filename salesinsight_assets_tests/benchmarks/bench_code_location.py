"""How much longer the code location takes to load than Dagster itself. Aim: at most 1.3 times."""

import statistics
import subprocess
import sys
import time

RUNS = 7


def seconds(code: str) -> float:
    subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)  # warms the caches
    taken = []
    for _ in range(RUNS):
        started = time.perf_counter()
        subprocess.run([sys.executable, "-W", "ignore", "-c", code], check=True)
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def test_loading_the_code_location() -> None:
    dagster, location = seconds("import dagster"), seconds("import salesinsight_assets.definitions")
    print(f"\nimport dagster {dagster:.2f} s, load the code location {location:.2f} s")
    print(f"ratio {location / dagster:.2f} (aim 1.3)")
