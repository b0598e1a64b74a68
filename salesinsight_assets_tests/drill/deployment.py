"""A whole deployment for the drill: PostgreSQL, Dagster's daemon with its code server, the watch from outside, and where pages go.

Everything is a process of its own, started and killed as in production; the nights are real runs, launched by the daemon.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import dagster as dg
import psutil
import psycopg2
import pytest
from dagster._core.execution.backfill import BulkActionStatus, PartitionBackfill
from dagster._core.run_coordinator import SubmitRunContext
from dagster._core.utils import make_new_backfill_id

from salesinsight_assets.adapters.warehouse import Warehouse, embedded_postgres
from salesinsight_assets.adapters.warehouse.dump import dump, restore
from salesinsight_assets.adapters.warehouse.schema import SCHEMAS, ensure_database
from salesinsight_assets.cli.recorded_runs import _origin
from salesinsight_assets.cli.runtime import dagster_environment
from salesinsight_assets.demo.company import DemoCompany
from salesinsight_assets.demo.salesforce_server import DemoSalesforce
from salesinsight_assets.installed import installed_file
from salesinsight_assets_tests.scripted_slack import ScriptedSlack

COMMAND = str(Path(sys.executable).with_name("salesinsight"))
PATIENT_SECONDS = 240
CONFIG = """
[model]
trees = 40
least_won = 20
least_lost = 20

[volume]
large_rise = 100.0

[schedule]
{schedule}

[watch]
settle_seconds = {settle_seconds}
database_after_seconds = 5
sensors_after_seconds = 150
{watch}
"""
"""In the last week of the made-up company a rep left, whose deals changed hands: such a rise is told, but nothing is broken by it."""
STEPS = ("sync", "sync_again", "features", "scores", "alerts", "messages", "training", "monitoring", "feedback",
         "volume", "data_docs", "experiments", "pipeline_health", "rep_performance", "model_check", "business_review")  # fmt: skip


class Deployment:
    """One installation under `folder`; `pages` are the first lines of what was posted to the ops channel."""

    def __init__(
        self, folder: Path, slack: ScriptedSlack, environment: Mapping[str, str], settle_seconds: int = 10
    ) -> None:
        self.folder, self.slack = folder, slack
        self.home = folder / "home"
        self.home.mkdir()
        self._stack = ExitStack()
        self._given, self._settle_seconds = environment, settle_seconds
        self.url = self._start_postgres()
        self.children: dict[str, subprocess.Popen[bytes]] = {}
        self.configure()

    # --- what runs ---

    def _start_postgres(self) -> str:
        server = self._stack.enter_context(embedded_postgres(self.home))
        ensure_database(server, "dagster")
        return ensure_database(server, "salesinsight")

    def fill_from(self, url: str) -> None:
        """The warehouse of another database."""
        file = self.folder / "warehouse.dump"
        dump(url, SCHEMAS, file)
        restore(self.url, file)

    def configure(self, schedule: str = "", watch: str = "") -> None:
        """The times of the night; unless told otherwise none comes while the drill lasts."""
        times = schedule or "\n".join(f'{step} = "{self._far_away()}"' for step in STEPS)
        (self.folder / "salesinsight.toml").write_text(
            CONFIG.format(schedule=times, watch=watch, settle_seconds=self._settle_seconds)
        )

    @staticmethod
    def _far_away() -> str:
        return f"{datetime.now(UTC) - timedelta(hours=2):%H:%M}"

    @property
    def environment(self) -> dict[str, str]:
        """The variables of every process."""
        return {
            **os.environ,
            **dagster_environment(self.home, self.url),
            "SALESINSIGHT_CONFIG": str(self.folder / "salesinsight.toml"),
            "SLACK_BOT_TOKEN": "xoxb-of-a-drill",
            "SLACK_OPS_CHANNEL": "#data",
            "SLACK_API_URL": self.slack.url,
            **self._given,
        }

    def start(self, *names: str) -> None:
        """Start the daemon, or the watch."""
        commands = {
            "daemon": [sys.executable, "-m", "dagster._daemon", "run", "-w", str(installed_file("workspace.yaml"))],
            "watch": [COMMAND, "watch"],
        }
        for name in names:
            with (self.folder / f"{name}.log").open("ab") as log:
                self.children[name] = subprocess.Popen(
                    commands[name], cwd=self.home, env=self.environment, stdout=log, stderr=log, start_new_session=True
                )

    def keep_daemon(self) -> None:
        """As a service manager does: start it again where it has ended."""
        if self.children["daemon"].poll() is not None:
            self.start("daemon")

    def kill(self, name: str) -> None:
        """Kill -9 of a process alone: what it started lives on as an orphan."""
        self.children[name].send_signal(signal.SIGKILL)
        self.children[name].wait(30)

    def kill_postgres(self) -> None:
        """Kill -9 of the whole server."""
        kill_postgres(self.home)

    def start_postgres(self) -> None:
        """Start it again."""
        self._start_postgres()

    def keep_postgres(self) -> None:
        """As a service manager does: start it again where it has ended."""
        if not is_postgres_alive(self.home):
            self._start_postgres()

    def stop(self) -> None:
        """End everything."""
        for process in psutil.process_iter(["environ"]):
            if process.pid != os.getpid() and (process.info["environ"] or {}).get("SALESINSIGHT_HOME") == str(
                self.home
            ):
                process.kill()
        for child in self.children.values():
            child.wait(30)
        self._stack.close()

    # --- runs ---

    @contextmanager
    def instance(self) -> Iterator[dg.DagsterInstance]:
        """Dagster's instance of this deployment."""
        names = ("SALESINSIGHT_DAGSTER_POSTGRES_URL", "DAGSTER_HOME")
        with pytest.MonkeyPatch.context() as patch:
            for name in names:
                patch.setenv(name, self.environment[name])
            with dg.DagsterInstance.get() as found:
                yield found

    def launch(self, job: str, partition: str, tags: Mapping[str, str]) -> str:
        """Put a run into the daemon's queue, as a schedule does; its id."""
        from salesinsight_assets.definitions import defs

        tags = {"dagster/partition": partition, **tags}
        with self.instance() as instance:
            found = defs.resolve_job_def(job)
            run = instance.create_run_for_job(found, tags=tags, remote_job_origin=_origin(job))
            instance.run_coordinator.submit_run(SubmitRunContext(run, None))
        return run.run_id

    def backfill(self, assets: dg.AssetSelection, days: Sequence[str], tags: Mapping[str, str]) -> str:
        """Ask for the assets of some days, as *Materialize* of a range of days in the UI does; the backfill's id."""
        from salesinsight_assets.definitions import defs

        graph = defs.resolve_asset_graph()
        with self.instance() as instance:
            asked = PartitionBackfill.from_asset_partitions(
                asset_graph=graph,
                backfill_id=make_new_backfill_id(),
                tags=dict(tags),
                backfill_timestamp=time.time(),
                asset_selection=list(assets.resolve(graph)),
                partition_names=list(days),
                dynamic_partitions_store=instance,
                all_partitions=False,
                title=None,
                description=None,
                run_config=None,
            )
            instance.add_backfill(asked)
        return asked.backfill_id

    def runs(self, **tags: str) -> list[dg.DagsterRun]:
        """All runs with these tags, the newest first."""
        with self.instance() as instance:
            return list(instance.get_runs(dg.RunsFilter(tags=tags)))

    def backfill_status(self, backfill: str) -> BulkActionStatus:
        """How a backfill stands."""
        with self.instance() as instance:
            found = instance.get_backfill(backfill)
        assert found is not None
        return found.status

    def materialized(self, asset: str) -> list[str | None]:
        """The days of an asset as they were made, the newest first."""
        with self.instance() as instance:
            found = instance.fetch_materializations(dg.AssetKey(asset), limit=100)
        return [record.partition_key for record in found.records]

    def status(self, run_id: str) -> dg.DagsterRunStatus:
        """How a run stands."""
        with self.instance() as instance:
            run = instance.get_run_by_id(run_id)
        assert run is not None
        return run.status

    def retried(self, run_id: str) -> dg.DagsterRunStatus | None:
        """How the run stands that repeats another one; None while there is none."""
        again = self.runs(**{"dagster/parent_run_id": run_id})
        return again[0].status if again else None

    def process_of(self, run_id: str) -> psutil.Process:
        """The process that works on a run."""
        with self.instance() as instance:
            entries = instance.all_logs(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
        numbers = [e.dagster_event.engine_event_data.metadata.get("pid") for e in entries if e.dagster_event]
        return psutil.Process(int(next(str(number.value) for number in numbers if number is not None)))

    def failed_looks(self) -> list[str]:
        """What went wrong in looks of the night watch."""
        with self.instance() as instance:
            states = [s for s in instance.all_instigator_state() if s.instigator_name == "watch_the_night"]
            ticks = [t for s in states for t in instance.get_ticks(s.instigator_origin_id, s.selector_id, limit=50)]
        return [tick.error.to_string() for tick in ticks if tick.error is not None]

    # --- the database ---

    @contextmanager
    def no_writes_to(self, table: str) -> Iterator[None]:
        """The first write to a table waits until the context ends."""
        connection = psycopg2.connect(self.url)
        try:
            connection.cursor().execute(f"LOCK TABLE {table} IN SHARE MODE")
            yield
        finally:
            connection.close()

    def is_waiting(self, table: str) -> bool:
        """Whether somebody waits to write to a table."""
        connection = psycopg2.connect(self.url)
        try:
            cursor = connection.cursor()
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = %s::regclass", (table,))
            return cursor.fetchone()[0] > 0
        finally:
            connection.close()

    def warehouse(self) -> Warehouse:
        """The warehouse, on a connection of its own."""
        return Warehouse(self.url)

    # --- pages ---

    @property
    def pages(self) -> list[str]:
        """The first lines of the posts to the ops channel."""
        return [post["text"].split("\n")[0] for post in self.slack.posted if post["channel"] == "#data"]

    def is_well_again(self) -> bool:
        """Whether as many words of an end were posted as pages."""
        ends = sum(page.startswith("✅") for page in self.pages)
        return bool(self.pages) and ends * 2 == len(self.pages)

    def wait_until_all_is_well(self) -> None:
        """Until that was told; else says what was posted, and what is open."""
        try:
            until(self.is_well_again)
        except AssertionError as late:
            open_ones = self.warehouse().read("SELECT * FROM insight.incidents WHERE resolved_at IS NULL").T.to_string()
            raise AssertionError(f"not told that all is well; posted: {self.pages}; open: {open_ones}") from late


@contextmanager
def salesforce_of_today(company: Path, folder: Path) -> Iterator[DemoSalesforce]:
    """The Salesforce of a company in which nothing happened since its last day, so that what is read of it is of now."""
    path = folder / "company.sqlite"
    shutil.copy(company, path)
    with DemoCompany.open(path) as opened:
        opened.set_clock(datetime.now(UTC))
    with DemoSalesforce(path, folder) as server:
        yield server


def is_postgres_alive(home: Path) -> bool:
    """Whether the embedded server under a home runs."""
    file = home / "postgres" / "postmaster.pid"
    return file.exists() and psutil.pid_exists(int(file.read_text().split("\n")[0]))


def kill_postgres(home: Path) -> None:
    """Kill -9 of the whole embedded server under a home."""
    number = int((home / "postgres" / "postmaster.pid").read_text().split("\n")[0])
    postmaster = psutil.Process(number)
    processes = [postmaster, *postmaster.children(recursive=True)]
    for process in processes:
        process.kill()
    psutil.wait_procs(processes, timeout=10)


def until(question: Callable[[], Any], seconds: float = PATIENT_SECONDS, what: str = "") -> Any:
    """Ask until the answer is true."""
    deadline = time.monotonic() + seconds
    while not (answer := question()):
        if time.monotonic() > deadline:
            raise AssertionError(f"still not true after {seconds} s: {what}")
        time.sleep(0.2)
    return answer
