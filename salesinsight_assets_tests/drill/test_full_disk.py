"""The drill on a disk that runs full in mid-night: a small disk of its own, filled until nothing can be written any more."""

import os
import subprocess
import tempfile
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager
from itertools import repeat
from pathlib import Path

import dagster as dg
import pytest

from salesinsight_assets.adapters.warehouse.schema import database_url
from salesinsight_assets.sending import SEND_TAG
from salesinsight_assets_tests.conftest import LAST_DAY
from salesinsight_assets_tests.drill.deployment import Deployment, until

pytestmark = [
    pytest.mark.slow,
    pytest.mark.drill_whole,
    pytest.mark.xdist_group("drill"),
    pytest.mark.timeout(1800),
]
DISK_SIZE = "1500m"
FEATURES = "insight.opportunity_features"
FULL_SECONDS = 30
"""What was under way has run aground by then."""


@pytest.fixture
def small_disk() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="salesinsight-disk-"))
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK_SIZE}", "tmpfs", str(folder)]
    result = subprocess.run(mount, capture_output=True, text=True, check=False)
    if result.returncode:
        folder.rmdir()
        pytest.skip(f"no disk may be mounted here, it takes root: {result.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "--lazy", str(folder)], check=True)
    folder.rmdir()


@pytest.fixture
def deployment(small_disk, slack, salesforce_now, postgres_url, trained_database) -> Iterator[Deployment]:
    slack.posted.clear()
    made = Deployment(small_disk, slack, salesforce_now.environment(), settle_seconds=60)
    try:
        made.fill_from(database_url(postgres_url, trained_database))
        made.start("daemon", "watch")
        yield made
    finally:
        made.stop()


@contextmanager
def full(disk: Path) -> Generator[None]:
    """Not a byte more can be written to a disk while the context lasts."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left on device"):
        file.writelines(repeat(bytes(1024 * 1024)))
    assert os.statvfs(disk).f_bavail == 0
    try:
        yield
    finally:
        ballast.unlink()


def test_a_disk_that_runs_full_in_mid_night_is_paged_once_and_the_night_is_made_once_there_is_room(
    deployment, small_disk
) -> None:
    with ExitStack() as waiting:
        waiting.enter_context(deployment.no_writes_to(FEATURES))
        run = deployment.launch("night", LAST_DAY.isoformat(), {SEND_TAG: "true"})
        until(lambda: deployment.is_waiting(FEATURES), what="features are written")
        with full(small_disk):
            waiting.close()
            until(lambda: deployment.pages, what="the disk is paged")
            time.sleep(FULL_SECONDS)
            assert len(deployment.pages) == 1

    def repaired() -> bool:
        deployment.keep_postgres()
        deployment.keep_daemon()
        return dg.DagsterRunStatus.SUCCESS in (deployment.status(run), deployment.retried(run))

    until(repaired, 600, what="the night is made")
    deployment.wait_until_all_is_well()
    page, end = deployment.pages
    assert page.startswith("🚨 The disk is almost full (since "), page
    assert end.startswith("✅ The disk is almost full: all is well again")
    rows = deployment.warehouse().read(f"SELECT * FROM {FEATURES} WHERE as_of_date = $1", (LAST_DAY,))
    assert not rows.empty
