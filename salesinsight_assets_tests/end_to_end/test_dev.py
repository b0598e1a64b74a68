"""`salesinsight dev` in a real browser after a night, and what Ctrl-C and a crash leave behind.

The pictures are kept in a folder whose path is printed (`pytest -s`).
"""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from salesinsight_assets.assets import STAGES

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("browser"), pytest.mark.timeout(500)]
NOT_OF_A_NIGHT = ("registry", "monitoring", "experiments", "reports")
"""Groups that a person or the week fills, not each night."""
CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
COMMAND = str(Path(sys.executable).with_name("salesinsight"))
NIGHT = "2017-12-31"
CHECKED = [
    "opportunities",
    "open_opportunities",
    "opportunity_features",
    "opportunity_scores",
    "rep_alerts",
    "messages",
]


class Installation:
    """A folder with one night of the second public data set, and `salesinsight dev` on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = _free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "dev.log"
        self.process: subprocess.Popen[bytes] | None = None

    def run(self, *arguments: object) -> tuple[int, str]:
        result = subprocess.run(
            [COMMAND, *map(str, arguments)], cwd=self.folder, capture_output=True, text=True, timeout=200, check=False
        )
        return result.returncode, result.stdout + result.stderr

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [COMMAND, "dev", "--port", str(self.port), "--pages-port", str(_free_port())],
                cwd=self.folder,
                stdout=log,
                stderr=log,
            )

    def is_up(self) -> bool:
        assert self.process
        assert self.process.poll() is None, self.log.read_text()
        try:
            with urllib.request.urlopen(f"{self.url}/server_info", timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def ask(self, query: str) -> dict[str, Any]:
        """An answer of the web server's GraphQL."""
        request = urllib.request.Request(
            f"{self.url}/graphql", json.dumps({"query": query}).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            content = json.load(answer)
        assert "errors" not in content, content
        return content["data"]

    def processes(self) -> list[psutil.Process]:
        """Whatever runs on this folder: Dagster's processes by their working directory, PostgreSQL by its own."""
        found = []
        for process in psutil.process_iter(["cwd", "status"]):
            is_here = str(process.info["cwd"] or "").startswith(str(self.folder))
            if is_here and process.info["status"] != psutil.STATUS_ZOMBIE:
                found.append(process)
        return found

    def stop(self) -> None:
        for process in self.processes():
            if process.pid != os.getpid():
                process.kill()
        if self.process:
            self.process.wait(30)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.fixture(scope="module")
def installation(public_data) -> Iterator[Installation]:
    with tempfile.TemporaryDirectory(prefix="salesinsight-tests-", ignore_cleanup_errors=True) as name:
        made = Installation(Path(name))
        (made.folder / "salesinsight.toml").write_text('[schedule]\nsync_again = "13:45"\n')
        maven = public_data / "maven"
        files = [maven / f"{file}.csv" for file in ("sales_pipeline", "accounts", "products", "sales_teams")]
        for arguments in (("import-csv", *files, "--mapping", "maven"), ("nightly", "--date", NIGHT)):
            code, output = made.run(*arguments)
            assert code == 0, output
        yield made
        made.stop()


@pytest.fixture
def running(installation: Installation, wait_for) -> Installation:
    if not installation.process or installation.process.poll() is not None:
        installation.start()
    wait_for(installation.is_up, 120)
    return installation


@pytest.fixture(scope="module")
def pictures() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="salesinsight-pictures-"))
    print(f"\npictures: {folder}")
    return folder


@pytest.fixture(scope="module")
def page() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        yield browser.new_page(viewport={"width": 1900, "height": 6400})
        browser.close()


@pytest.fixture
def look(running: Installation, pictures: Path, page) -> Callable[..., str]:
    """A function that opens a page, waits for some texts, keeps a picture and gives the page's text."""

    from playwright.sync_api import expect

    def opened(path: str, picture: str, *texts: str) -> str:
        page.goto(running.url + path)
        try:
            for text in texts:
                page.get_by_text(text, exact=False).first.wait_for(timeout=60_000)
            expect(page.get_by_text("Loading")).to_have_count(0, timeout=60_000)
        finally:
            page.screenshot(path=pictures / f"{picture}.png")
        return page.inner_text("body")

    return opened


def test_the_lineage_shows_every_group(look) -> None:
    look("/asset-groups", "lineage", "salesforce", *STAGES)


@pytest.mark.parametrize("group", ["salesforce", *STAGES])
def test_each_group_shows_its_assets_materialized_and_checked(look, group: str) -> None:
    from salesinsight_assets.definitions import defs

    specs = [spec for spec in defs.resolve_all_asset_specs() if spec.group_name == group]
    names = [spec.key.path[-1] for spec in specs]
    page = f"/locations/salesinsight/asset-groups/{group}"
    lineage = look(f"{page}/lineage", f"lineage-{group}", *names).splitlines()
    if group not in ("salesforce", *NOT_OF_A_NIGHT):  # which is outside of Dagster
        events = [lineage[place + 1] for place, line in enumerate(lineage) if line == "Latest event"]
        assert len(events) == len(names)
        assert all(event.endswith("ago") for event in events), events
    checks = defs.resolve_asset_graph().asset_check_keys
    for spec in specs if group not in NOT_OF_A_NIGHT else []:
        name = spec.key.path[-1]
        count = sum(check.asset_key == spec.key for check in checks)
        shown = lineage[lineage.index("Asset checks", lineage.index(name)) + 1]
        assert shown == (f"{count} / {count} Passed" if count else "–"), name
    assert "Failed" not in look(f"{page}/list", f"list-{group}", *names)


@pytest.mark.parametrize("asset", CHECKED)
def test_after_a_night_the_checks_of_every_step_have_passed(look, asset: str) -> None:
    lines = look(f"/assets/{asset}?view=checks", f"checks-{asset}", "Succeeded", "Evaluation result").splitlines()
    assert not {"Failed", "Not executed", "Warning"} & set(lines)


@pytest.mark.parametrize("asset", ["win_probability_model", "opportunity_scores"])
def test_a_materialization_shows_its_figures(look, asset: str) -> None:
    assert "Failed" not in look(f"/assets/{asset}?view=events", f"events-{asset}", "materialized in run").splitlines()


def test_a_night_by_hand_shows_under_its_job_and_on_the_overview(look, running: Installation) -> None:
    ours = (
        '{repositoryLocationName: "salesinsight", repositoryName: "__repository__", pipelineName: "night_without_sync"}'
    )
    answer = running.ask(
        f"{{pipelineOrError(params: {ours}) {{... on Pipeline {{runs {{runId repositoryOrigin"
        " {repositoryLocationName}}}}}"
    )
    (run,) = answer["pipelineOrError"]["runs"]
    assert run["repositoryOrigin"] == {"repositoryLocationName": "salesinsight"}
    short = run["runId"][:8]
    look("/locations/salesinsight/jobs/night_without_sync/runs", "job-night", short)
    look("/overview/timeline", "overview", "crm_sync", "night_without_sync", "training")


def test_it_reads_the_settings_of_the_folder_that_it_was_started_in(running: Installation) -> None:
    selector = (
        '{repositoryLocationName: "salesinsight", repositoryName: "__repository__", scheduleName: "sync_the_crm"}'
    )
    answer = running.ask(f"{{scheduleOrError(scheduleSelector: {selector}) {{... on Schedule {{cronSchedule}}}}}}")
    assert "45 13 * * *" in answer["scheduleOrError"]["cronSchedule"]


def test_a_broken_upload_is_seen_as_a_failed_check_on_the_assets_page(look, running: Installation) -> None:
    bad = running.folder / "users.csv"
    bad.write_text("id,name,created_date,system_modstamp\n1,Ann,yesterday,2024-01-01T00:00:00Z\n")
    code, output = running.run("import-csv", bad)
    assert (code, "line 2, column created_date" in output) == (2, True)
    text = look(
        "/assets/opportunities?view=checks&checkDetail=upload_accepted", "refused-upload", "Failed", "yesterday"
    )
    assert "a time with its zone such as" in text


def test_a_second_one_on_the_same_home_is_refused(running: Installation) -> None:
    assert running.process
    code, output = running.run("dev", "--port", str(_free_port()))
    assert code == 2
    assert f"expected no other `salesinsight dev` on {running.folder}/.salesinsight, got process" in output
    assert running.is_up()


def test_ctrl_c_ends_everything(running: Installation, wait_for: Callable[..., Any]) -> None:
    assert running.process
    running.process.send_signal(signal.SIGINT)
    running.process.wait(30)
    wait_for(lambda: not running.processes(), 10)
    log = running.log.read_text()
    assert f"Dagster: {running.url}" in log
    assert [line for line in log.splitlines() if re.search("INFO|Supersession|Traceback", line)] == []


def test_after_a_crash_of_the_launcher_the_next_one_takes_over(
    running: Installation, wait_for: Callable[..., Any]
) -> None:
    """Two daemons would start every schedule twice."""
    before = [process for process in running.processes() if "dagster" in " ".join(process.cmdline())]
    assert running.process
    running.process.kill()
    running.process.wait()
    running.start()
    wait_for(lambda: not any(process.is_running() for process in before), 120)
    wait_for(running.is_up, 120)
