"""Two companies on one Dagster: one night goes well while the other company's Salesforce, database and code server fail."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil
import psycopg2
import pytest
from dotenv import dotenv_values
from psycopg2 import sql

from salesinsight_assets.adapters.warehouse import Warehouse
from salesinsight_assets.cli.companies_check import findings
from salesinsight_assets.companies import Company
from salesinsight_assets.domain.crm.tables import CRM_TABLES
from salesinsight_assets_tests.conftest import LAST_DAY, SCORED, SMALL_MODEL, execute, own_folder
from salesinsight_assets_tests.end_to_end.conftest import COMMAND

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("companies"), pytest.mark.timeout(400)]
STAMPS_OF_A_RUN = ("synced_at", "cursor", "run_id", "scored_at", "queued_at")
COMPARED = (*SCORED, "prediction_ledger", "rep_alerts", "alert_days", "outbox")
WELL, FAILING = "acme", "globex"
ROLES = ("salesinsight_acme", "salesinsight_globex", "salesinsight_dagster")
ADMIN = "SALESINSIGHT_ADMIN_POSTGRES_URL"
NO_SALESFORCE = {
    "SALESFORCE_LOGIN_URL": "https://127.0.0.1:1",
    "SALESFORCE_CLIENT_ID": "of-globex",
    "SALESFORCE_CLIENT_SECRET": "hush-of-globex",
    "SALESFORCE_RETRY_BUDGET_SECONDS": "1",
}
LAUNCH = """mutation($params: ExecutionParams!) {launchRun(executionParams: $params)
 {__typename ... on LaunchRunSuccess {run {runId}} ... on PythonError {message} ... on RunConfigValidationInvalid {errors {message}}}}"""


class Deployment:
    """A folder with two companies, and `salesinsight companies start` on it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = _free_port()
        self.log = folder / "start.log"
        self.process: subprocess.Popen[bytes] | None = None

    def run(self, *arguments: object, **environment: str) -> tuple[int, str]:
        result = subprocess.run(
            [COMMAND, *map(str, arguments)],
            cwd=self.folder,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
        return result.returncode, result.stdout + result.stderr

    def settings_of(self, company: str) -> dict[str, str]:
        return {
            name: value or "" for name, value in dotenv_values(self.folder / "companies" / company / ".env").items()
        }

    def fill_in(self, company: str, settings: dict[str, str]) -> None:
        folder = self.folder / "companies" / company
        (folder / "salesinsight.toml").write_text(SMALL_MODEL)
        with (folder / ".env").open("a") as file:
            file.writelines(f"{name}={value}\n" for name, value in settings.items())

    def start(self) -> None:
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [COMMAND, "companies", "start", "--port", str(self.port)], cwd=self.folder, stdout=log, stderr=log
            )

    def ask(self, query: str, variables: dict[str, Any] | None = None) -> dict[str, Any]:
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}/graphql",
            json.dumps({"query": query, "variables": variables or {}}).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            content = json.load(answer)
        assert "errors" not in content, content
        return content["data"]

    def is_up(self) -> bool:
        assert self.process
        assert self.process.poll() is None, self.log.read_text()
        try:
            found = self.ask(
                "{workspaceOrError {... on Workspace {locationEntries {name locationOrLoadError {__typename}}}}}"
            )
        except OSError:
            return False
        loaded = {
            entry["name"]: (entry["locationOrLoadError"] or {}).get("__typename")
            for entry in found["workspaceOrError"]["locationEntries"]
        }
        return loaded == dict.fromkeys((WELL, FAILING), "RepositoryLocation")

    def launch(self, company: str, job: str, partition: str | None = None) -> str:
        """The Id of the run."""
        selector = {"repositoryLocationName": company, "repositoryName": "__repository__", "jobName": job}
        tags = [{"key": "salesinsight/company", "value": company}]
        tags += [{"key": "dagster/partition", "value": partition}] if partition else []
        params = {"selector": selector, "runConfigData": {}, "executionMetadata": {"tags": tags}}
        return self.ask(LAUNCH, {"params": params})["launchRun"]["run"]["runId"]

    def ended(self, run_id: str) -> str | None:
        """How a run ended; None while it goes on."""
        status = self.ask("query($id: ID!) {runOrError(runId: $id) {... on Run {status}}}", {"id": run_id})
        found = status["runOrError"]["status"]
        return found if found in ("SUCCESS", "FAILURE", "CANCELED") else None

    def processes(self) -> dict[str, psutil.Process]:
        """The services, by what they are."""
        marks = {
            "daemon": "dagster._daemon",
            "web server": "dagster_webserver",
            "supervisor": "salesinsight_assets.cli.services",
            WELL: f"--location-name {WELL}",
            FAILING: f"--location-name {FAILING}",
        }
        found = {}
        for process in psutil.Process(self.process.pid).children(recursive=True) if self.process else []:
            command = " ".join(process.cmdline()) if process.status() != psutil.STATUS_ZOMBIE else ""
            found.update({name: process for name, mark in marks.items() if mark in command.split("[{")[0]})
        return found

    def stop(self) -> None:
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(40)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


@pytest.fixture(scope="module")
def deployment(postgres_url, salesforce) -> Iterator[Deployment]:
    with own_folder() as folder:
        made = Deployment(folder)
        for company, settings in ((WELL, salesforce.environment()), (FAILING, NO_SALESFORCE)):
            code, output = made.run("companies", "add", company, **{ADMIN: postgres_url})
            assert code == 0, output
            made.fill_in(company, settings)
        made.start()
        yield made
        made.stop()
        for name in ROLES:
            execute(postgres_url, sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        for name in ROLES:
            execute(postgres_url, sql.SQL("DROP ROLE IF EXISTS {}").format(sql.Identifier(name)))


@pytest.fixture
def running(deployment: Deployment, wait_for) -> Deployment:
    wait_for(deployment.is_up, 120)
    return deployment


@pytest.fixture(scope="module")
def nights(deployment: Deployment, postgres_url) -> dict[str, tuple[str, str]]:
    """How the runs of both companies ended, and their Ids: nights side by side, then a database that refuses its own role."""
    _wait(deployment.is_up, 120)
    well = deployment.launch(WELL, "night", LAST_DAY.isoformat())
    without_salesforce = deployment.launch(FAILING, "night", LAST_DAY.isoformat())
    first = _wait(lambda: deployment.ended(without_salesforce), 120)
    execute(postgres_url, "ALTER DATABASE salesinsight_globex ALLOW_CONNECTIONS false")
    try:
        refused = deployment.launch(FAILING, "crm_sync")
        second = _wait(lambda: deployment.ended(refused), 120)
    finally:
        execute(postgres_url, "ALTER DATABASE salesinsight_globex ALLOW_CONNECTIONS true")
    return {
        "well": (_wait(lambda: deployment.ended(well), 120), well),
        "without Salesforce": (first, without_salesforce),
        "refused by its database": (second, refused),
    }


def _wait(question: Callable[[], Any], seconds: float) -> Any:
    deadline = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < deadline, f"still not true after {seconds} s"
        time.sleep(0.3)
    return answer


def test_one_companys_failures_leave_the_others_night_alone(nights) -> None:
    assert {name: how for name, (how, _) in nights.items()} == {
        "well": "SUCCESS",
        "without Salesforce": "FAILURE",
        "refused by its database": "FAILURE",
    }


def test_the_night_beside_another_company_writes_what_it_writes_alone(
    deployment: Deployment, nights, platform, salesforce, tables_of
) -> None:
    platform.connect(salesforce)
    platform.set_time(datetime.now(UTC))
    platform.materialize(*(table.name for table in CRM_TABLES), *SCORED, "rep_alerts", "messages", partition=LAST_DAY)
    alone = tables_of(platform.warehouse, STAMPS_OF_A_RUN)
    beside = Warehouse(deployment.settings_of(WELL)["SALESINSIGHT_POSTGRES_URL"])
    found = tables_of(beside, STAMPS_OF_A_RUN)
    beside.close()
    assert found.keys() == alone.keys()
    for name in alone:
        if name.startswith("crm.") or name.partition(".")[2] in COMPARED:
            assert found[name] == alone[name], name
    assert alone["insight.opportunity_scores"].count("\n") > 10
    assert alone["insight.rep_alerts"].count("\n") > 1


def test_the_failed_company_has_no_row_and_no_asset(deployment: Deployment, nights) -> None:
    store = Warehouse(deployment.settings_of(FAILING)["SALESINSIGHT_POSTGRES_URL"])
    assert store.crm_status()["row_count"].sum() == 0
    store.close()
    assets = deployment.ask(
        "{assetsOrError {... on AssetConnection {nodes {key {path} assetMaterializations(limit: 1) {runId}}}}}"
    )
    made = [node["key"]["path"] for node in assets["assetsOrError"]["nodes"] if node["assetMaterializations"]]
    assert [WELL, "opportunity_scores"] in made
    assert {path[0] for path in made} == {WELL}


@pytest.mark.parametrize(("company", "other"), [(WELL, FAILING), (FAILING, WELL)])
def test_no_company_can_enter_the_database_of_the_other(deployment: Deployment, company: str, other: str) -> None:
    own, its = (deployment.settings_of(name)["SALESINSIGHT_POSTGRES_URL"] for name in (company, other))
    psycopg2.connect(own).close()
    with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
        psycopg2.connect(own.replace(f"/salesinsight_{company}?", f"/salesinsight_{other}?")).close()
    with pytest.raises(psycopg2.OperationalError, match="permission denied for database"):
        psycopg2.connect(
            deployment.settings_of(company)["SALESINSIGHT_DAGSTER_POSTGRES_URL"].replace(
                "/salesinsight_dagster?", f"/salesinsight_{other}?"
            )
        ).close()
    assert its != own


def test_the_check_finds_them_apart_and_says_so_once_they_are_not(deployment: Deployment, nights, postgres_url) -> None:
    companies = [Company(name, deployment.folder / "companies" / name) for name in (WELL, FAILING)]
    shared = deployment.settings_of(WELL)["SALESINSIGHT_DAGSTER_POSTGRES_URL"]
    texts = [finding.text for finding in findings(companies, shared) if finding.is_good]
    assert sum("is kept out of" in text for text in texts) == 2
    assert all(finding.is_good for finding in findings(companies, shared))
    execute(postgres_url, "GRANT CONNECT ON DATABASE salesinsight_globex TO salesinsight_acme, salesinsight_dagster")
    wrong = {(f.company, f.text) for f in findings(companies, shared) if not f.is_good}
    execute(postgres_url, "REVOKE CONNECT ON DATABASE salesinsight_globex FROM salesinsight_acme, salesinsight_dagster")
    assert wrong == {
        (WELL, "may enter salesinsight_globex, the database of globex"),
        (FAILING, "the role of the shared Dagster may enter salesinsight_globex: revoke CONNECT"),
    }


def test_the_secrets_of_a_company_are_in_no_other_process(running: Deployment) -> None:
    shared = running.settings_of(WELL)["SALESINSIGHT_DAGSTER_POSTGRES_URL"]
    processes = running.processes()
    assert set(processes) == {"daemon", "web server", "supervisor", WELL, FAILING}
    for company in (WELL, FAILING):
        settings = running.settings_of(company)
        secret = [value for name, value in settings.items() if "SECRET" in name or "POSTGRES_URL" in name]
        assert len(secret) == 3
        for name, process in processes.items():
            seen = Path(f"/proc/{process.pid}/environ").read_text() + " ".join(process.cmdline())
            found = [value for value in secret if value in seen and value != shared]
            assert name == company or not found, name
    assert f"SALESINSIGHT_COMPANY={WELL}" in Path(f"/proc/{processes[WELL].pid}/environ").read_text()


def test_a_command_for_one_company_has_its_settings_alone(running: Deployment) -> None:
    code, output = running.run(
        "--company", FAILING, "sync", SALESFORCE_CLIENT_ID="of-the-shell", SALESFORCE_LOGIN_URL="https://127.0.0.1:2"
    )
    assert code == 1
    assert "127.0.0.1:1" in output or "127.0.0.1', port=1" in output, output
    filters = {"filter": {"tags": [{"key": ".dagster/repository", "value": f"__repository__@{FAILING}"}]}}
    runs = running.ask(
        "query($filter: RunsFilter) {runsOrError(filter: $filter) {... on Runs {results {jobName}}}}", filters
    )
    assert "crm_sync" in [run["jobName"] for run in runs["runsOrError"]["results"]]


def test_a_code_server_that_is_killed_comes_back_while_the_other_works(running: Deployment, wait_for) -> None:
    killed = running.processes()[FAILING]
    killed.kill()
    run = running.launch(WELL, "deliver", LAST_DAY.isoformat())
    assert wait_for(lambda: running.ended(run), 120) == "SUCCESS"
    wait_for(lambda: FAILING in running.processes(), 60)
    assert running.processes()[FAILING].pid != killed.pid
    assert "globex's code server ended with exit code -9; it is started again" in running.log.read_text()


def test_ctrl_c_ends_everything(running: Deployment, wait_for) -> None:
    before = list(running.processes().values())
    running.stop()
    wait_for(lambda: not any(process.is_running() for process in before), 10)
