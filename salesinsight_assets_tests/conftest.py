"""What many tests stand on: a PostgreSQL of their own, a small made-up company with its Salesforce, and Dagster's jobs.

Everything listens on 127.0.0.1 or on a socket, and ends with the session; nothing of the machine's settings is used.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

FOREIGN_SETTINGS = ("SALESINSIGHT_", "SALESFORCE_", "DAGSTER_", "SLACK_", "SMTP_", "MAIL_FROM", "OIDC_", "PAGERDUTY_")
for _name in list(os.environ):  # before anything of ours is imported: partitions read the time zone then
    if _name.startswith(FOREIGN_SETTINGS):
        del os.environ[_name]

import dagster as dg
import psycopg2
import pytest
from psycopg2 import sql

from salesinsight_assets import metadata as asset_metadata
from salesinsight_assets.adapters.warehouse import Warehouse, embedded_postgres
from salesinsight_assets.adapters.warehouse.schema import database_url, upgrade
from salesinsight_assets.demo.company import DemoCompany
from salesinsight_assets.demo.salesforce_server import DemoSalesforce
from salesinsight_assets_tests.golden_files import OPTION, difference, rewrite

asset_metadata.RETRIES = asset_metadata.RETRIES._replace(
    delay=0
)  # before the assets take it: tests repeat a step at once

LAST_DAY = date(2025, 3, 31)
"""The last day that the small company has lived."""
MODEL_MONTH = date(2025, 2, 1)
MORNING_AFTER = datetime(2025, 4, 1, 2, 0, tzinfo=UTC)
SMALL_SIZE, SMALL_SIGNAL = 0.08, 2.5
"""A few dozen open deals, and a signal so strong that a model on so few deals passes the gate."""
SMALL_MODEL = """
[model]
trees = 40
least_won = 20
least_lost = 20

[monitoring]
least_reference_weeks = 1
least_deals = 10
least_decided = 1

[work_time]
quiet_from = "00:00"
quiet_until = "00:00"
"""
"""Settings under which the small company has enough deals to train a model on, and to compare one week with another.

Its people are written to at any hour, so that a test need not wait for the morning.
"""
A_WEEK_BEFORE = LAST_DAY - timedelta(weeks=2)
"""A day with which the weekly checks compare the last one; two weeks, so that no deal has a score of seven days ago."""
SENT_A_WEEK_AGO = datetime(2025, 3, 24, 5, 30, tzinfo=UTC)
"""As if the messages of that day had been sent so late: the seven days in which to act on them end on the last day."""
NOT_SENT = {"salesinsight/send": "false"}
"""For the reports of the night: managers have addresses in the CRM, and the outbox is to hold alerts alone."""
REPORTS = ("pipeline_health", "rep_performance", "model_check", "business_review")
SCORED = ("open_opportunities", "opportunity_features", "opportunity_scores")
QUIET: dict[str, Any] = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
JobResult = dg.ExecuteInProcessResult
WHEN_THE_TEST_SAYS = ("salesinsight_assets.resources.now", "salesinsight_assets.settings.now")


def pytest_addoption(parser: pytest.Parser) -> None:
    """`--rewrite-goldens` (see `make goldens`)."""
    parser.addoption(OPTION, action="store_true", help="write the golden files anew; a test whose file changed fails")


@pytest.fixture(autouse=True)
def _own_environment() -> Iterator[None]:
    """What a command exports for its children goes with the test that ran it in this process."""
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Iterator[Callable[[str, str], None]]:
    """A function that compares a text in full with the golden file of a name; a test that rewrote one fails and says so."""
    rewritten: list[str] = []

    def compared(name: str, text: str) -> None:
        found = difference(name, text)
        if found and request.config.getoption(OPTION):
            rewrite(name, text)
            rewritten.append(name)
        elif found:
            pytest.fail(found, pytrace=False)

    yield compared
    if rewritten:
        pytest.fail(f"written anew: {', '.join(rewritten)}; read git diff, then run without {OPTION}", pytrace=False)


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """A PostgreSQL server of this session, or of this worker; it may lose everything at a power cut."""
    with own_folder() as folder, embedded_postgres(folder) as url:
        execute(url, "ALTER SYSTEM SET fsync = off")
        execute(url, "SELECT pg_reload_conf()")
        yield url


@contextmanager
def own_folder() -> Iterator[Path]:
    """A folder outside of pytest's own.

    Started by root, PostgreSQL runs as another user and needs to enter its parents; every start of pytest forbids that
    for pytest's folders, also under the feet of a suite that is running.
    """
    with tempfile.TemporaryDirectory(prefix="salesinsight-tests-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@pytest.fixture
def work_folder() -> Iterator[Path]:
    """An empty folder in which a test may start PostgreSQL."""
    with own_folder() as folder:
        yield folder


@pytest.fixture(scope="session")
def template_database(postgres_url: str) -> str:
    """The name of a migrated, empty database to copy from."""
    _create_database(postgres_url, "template_of_tests")
    upgrade(database_url(postgres_url, "template_of_tests"))
    return "template_of_tests"


@pytest.fixture
def empty_database(postgres_url: str) -> Iterator[str]:
    """The URL of a database in which nothing was migrated yet."""
    with _database(postgres_url) as url:
        yield url


@pytest.fixture
def warehouse(postgres_url: str, template_database: str) -> Iterator[Warehouse]:
    """An empty, migrated warehouse of this test's own."""
    with _database(postgres_url, template_database) as url:
        store = Warehouse(url)
        yield store
        store.close()


@contextmanager
def _database(server_url: str, template: str | None = None) -> Iterator[str]:
    """The URL of a database that is there while the context lasts, whoever is still connected at its end."""
    name = f"test_{uuid4().hex}"
    _create_database(server_url, name, template)
    try:
        yield database_url(server_url, name)
    finally:
        execute(server_url, sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def _create_database(server_url: str, name: str, template: str | None = None) -> None:
    statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
    if template:
        users = sql.SQL("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = {}")
        execute(server_url, users.format(sql.Literal(template)))  # one that is in use cannot be copied
        statement += sql.SQL(" TEMPLATE {} STRATEGY FILE_COPY").format(sql.Identifier(template))
    execute(server_url, statement)


def execute(url: str, statement: sql.Composable | str) -> None:
    """One statement outside any transaction."""
    connection = psycopg2.connect(url)
    connection.autocommit = True
    try:
        connection.cursor().execute(statement)
    finally:
        connection.close()


# --- a small company ---


@pytest.fixture(scope="session")
def small_company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of a small company that lived two years up to LAST_DAY; no test may change it."""
    path = tmp_path_factory.mktemp("company") / "company.sqlite"
    DemoCompany.create(path, LAST_DAY, size=SMALL_SIZE, signal=SMALL_SIGNAL).close()
    return path


@pytest.fixture(scope="session")
def salesforce(small_company: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoSalesforce]:
    """The small company's Salesforce over TLS, for tests that only read."""
    with DemoSalesforce(small_company, tmp_path_factory.mktemp("salesforce")) as server:
        yield server


@dataclass
class Org:
    """A company that a test may change, and its Salesforce."""

    company: DemoCompany
    server: DemoSalesforce


@pytest.fixture
def org(small_company: Path, tmp_path: Path) -> Iterator[Org]:
    """A copy of the small company with a Salesforce of its own."""
    path = tmp_path / "org" / "company.sqlite"
    path.parent.mkdir()
    shutil.copy(small_company, path)
    with DemoCompany.open(path) as company, DemoSalesforce(path, path.parent) as server:
        yield Org(company, server)


# --- the platform ---


@dataclass
class Platform:
    """Dagster's jobs on one warehouse, at a moment and with settings that the test chooses."""

    warehouse: Warehouse
    home: Path
    monkeypatch: pytest.MonkeyPatch
    instance: dg.DagsterInstance
    last_day: date = LAST_DAY
    model_month: date = MODEL_MONTH
    morning_after: datetime = MORNING_AFTER

    def set_time(self, moment: datetime) -> None:
        """Let the platform's clock stand at `moment`."""
        for name in WHEN_THE_TEST_SAYS:
            self.monkeypatch.setattr(name, lambda: moment)

    def connect(self, server: DemoSalesforce, **settings: str) -> None:
        """Point the platform at a Salesforce, with short patience unless `settings` say otherwise."""
        self.set_environment({"SALESFORCE_RETRY_BUDGET_SECONDS": "2", **server.environment(), **settings})

    def set_environment(self, values: Mapping[str, str]) -> None:
        """Environment variables of this test."""
        for name, value in values.items():
            self.monkeypatch.setenv(name, value)

    def configure(self, toml: str) -> None:
        """The content of salesinsight.toml."""
        path = self.home / "salesinsight.toml"
        path.write_text(toml, encoding="utf-8")
        self.set_environment({"SALESINSIGHT_CONFIG": str(path)})

    def run(
        self,
        job: str,
        partition: date | None = None,
        tags: Mapping[str, str] | None = None,
        csv: Mapping[str, Any] | None = None,
    ) -> JobResult:
        """A job in this process; failures are in the result."""
        from salesinsight_assets.definitions import defs
        from salesinsight_assets.resources import CompanyResource

        upload = {"ops": {"crm_tables": {"config": dict(csv)}}} if csv else {}
        return defs.resolve_job_def(job).execute_in_process(
            instance=self.instance,
            partition_key=partition.isoformat() if partition else None,
            tags=dict(tags or {}),
            run_config=QUIET | upload,
            resources={**(defs.resources or {}), "company": CompanyResource()},  # settings are read once a resource
            raise_on_error=False,
        )

    def run_well(self, job: str, partition: date | None = None, tags: Mapping[str, str] | None = None) -> JobResult:
        """A job that has to succeed."""
        result = self.run(job, partition, tags)
        assert result.success, errors(result)
        return result

    def materialize(
        self, *names: str, partition: date | None = None, tags: Mapping[str, str] | None = None
    ) -> JobResult:
        """Some assets without their checks, which take a second or two; it has to succeed."""
        from salesinsight_assets.definitions import defs
        from salesinsight_assets.resources import CompanyResource

        return dg.materialize(
            list(defs.assets or ()),
            selection=dg.AssetSelection.assets(*names),
            partition_key=partition.isoformat() if partition else None,
            tags=dict(tags or {}),
            resources={**(defs.resources or {}), "company": CompanyResource()},
            instance=self.instance,
            run_config=QUIET,
        )

    def tables(self) -> dict[str, str]:
        """Every table and view as text, rows sorted, without the time of the last look at the CRM; by full name."""
        return all_tables(self.warehouse)


def errors(result: JobResult) -> dict[str, str]:
    """The innermost message of each failed step."""
    found = {e.step_key: e.step_failure_data.error for e in result.all_events if e.is_step_failure}
    return {step: (error.cause or error).message for step, error in found.items()}


def all_tables(warehouse: Warehouse, without: Sequence[str] = ("synced_at", "cursor")) -> dict[str, str]:
    """Every table and view of the warehouse as CSV with sorted lines, by full name, but for the columns `without`."""
    names = warehouse.read(
        "SELECT table_schema || '.' || table_name AS name FROM information_schema.tables"
        " WHERE table_schema IN ('crm', 'insight', 'engagement') AND table_name <> 'alembic_version' ORDER BY 1"
    )["name"]
    return {name: _text(warehouse, name, without) for name in names}


def _text(warehouse: Warehouse, table: str, without: Sequence[str]) -> str:
    rows = warehouse.read(f"SELECT * FROM {table}").drop(columns=list(without), errors="ignore")
    head, *lines = rows.to_csv(index=False, lineterminator="\r").split("\r")
    return "\n".join([head, *sorted(lines)])


@contextmanager
def _platform(url: str) -> Iterator[Platform]:
    """The platform on a warehouse, on the morning after the small company's last day, without a Salesforce."""
    with own_folder() as home, pytest.MonkeyPatch.context() as patch, dg.DagsterInstance.ephemeral() as instance:
        made = Platform(Warehouse(url), home, patch, instance)
        made.set_environment({"SALESINSIGHT_POSTGRES_URL": url, "SALESINSIGHT_HOME": str(home)})
        made.configure(SMALL_MODEL)
        made.set_time(MORNING_AFTER)
        yield made
        made.warehouse.close()
        _give_up_connection(url)


def _give_up_connection(url: str) -> None:
    from salesinsight_assets import resources

    resources._warehouse(url).close()


@pytest.fixture(scope="session")
def trained_database(postgres_url: str, template_database: str, salesforce: DemoSalesforce) -> str:
    """The name of a database with the small company's CRM and the model of the month before its last day."""
    _create_database(postgres_url, "after_training", template_database)
    with _platform(database_url(postgres_url, "after_training")) as platform:
        platform.connect(salesforce)
        platform.run_well("crm_sync")
        platform.run_well("training", MODEL_MONTH)
    return "after_training"


@pytest.fixture(scope="session")
def night_database(postgres_url: str, trained_database: str) -> str:
    """The name of a database in which the night of the last day, the weekly checks and the reports were run as well."""
    _create_database(postgres_url, "after_a_night", trained_database)
    with _platform(database_url(postgres_url, "after_a_night")) as platform:
        platform.materialize(*SCORED, partition=A_WEEK_BEFORE)
        platform.run_well("night_without_sync", LAST_DAY)
        platform.materialize("rep_alerts", partition=A_WEEK_BEFORE)
        as_if_sent(platform.warehouse, A_WEEK_BEFORE, SENT_A_WEEK_AGO)
        platform.materialize("alert_outcomes", partition=LAST_DAY)
        platform.run_well("weekly_checks", LAST_DAY)
        platform.materialize("coaching_cards", *REPORTS, partition=LAST_DAY, tags=NOT_SENT)
    return "after_a_night"


def as_if_sent(warehouse: Warehouse, day: date, at: datetime) -> None:
    """Every owner with an alert to send on `day` got one digest, at that moment."""
    warehouse.execute(
        "INSERT INTO engagement.outbox (message_key, channel, owner_id, as_of_date, status, attempts, payload, queued_at, sent_at)"
        " SELECT DISTINCT 'digest:' || as_of_date || ':' || owner_id, 'email', owner_id, as_of_date, 'sent', 1, '{}'::jsonb,"
        " $2::text::timestamptz, $2::text::timestamptz FROM insight.rep_alerts"
        " WHERE as_of_date = $1::text::date AND status = 'to_send'",
        (day.isoformat(), at.isoformat()),
    )
    warehouse.execute(
        "UPDATE insight.alert_days SET queued_at = $2, sent_at = $2 WHERE as_of_date = $1",
        (day, at),
    )


@pytest.fixture
def platform(postgres_url: str, template_database: str) -> Iterator[Platform]:
    """The platform on an empty warehouse."""
    with _database(postgres_url, template_database) as url, _platform(url) as made:
        yield made


@pytest.fixture
def trained_platform(postgres_url: str, trained_database: str) -> Iterator[Platform]:
    """The platform after a sync and a training."""
    with _database(postgres_url, trained_database) as url, _platform(url) as made:
        yield made


@pytest.fixture
def platform_after_a_night(postgres_url: str, night_database: str) -> Iterator[Platform]:
    """The platform after a sync, a training and the night of the last day."""
    with _database(postgres_url, night_database) as url, _platform(url) as made:
        yield made


# --- for the walks through the product ---


@pytest.fixture(scope="session")
def public_data() -> Path:
    """The public data sets, which lie beside the repository and are not part of it."""
    folder = Path(__file__).parents[2] / "shared" / "data"
    if not folder.is_dir():
        pytest.skip(f"needs the public data sets in {folder}")
    return folder


@pytest.fixture
def new_database(postgres_url: str) -> Iterator[Callable[..., Warehouse]]:
    """A function that makes warehouses, each a copy of the database named."""
    with ExitStack() as stack:

        def made(template: str) -> Warehouse:
            store = Warehouse(stack.enter_context(_database(postgres_url, template)))
            stack.callback(store.close)
            return store

        yield made


@pytest.fixture(scope="session")
def kept_database(postgres_url: str) -> Callable[[str, str], str]:
    """A function that makes a database of that name, a copy of another one, for the whole session; returns its URL."""

    def made(name: str, template: str) -> str:
        _create_database(postgres_url, name, template)
        return database_url(postgres_url, name)

    return made


@pytest.fixture
def tables_of() -> Callable[..., dict[str, str]]:
    """See `all_tables`."""
    return all_tables


@pytest.fixture
def wait_for() -> Callable[[Callable[[], Any], float], Any]:
    """Asks until the answer is true; fails after `seconds`."""

    def waited(question: Callable[[], Any], seconds: float = 60) -> Any:
        deadline = time.monotonic() + seconds
        while not (answer := question()):
            if time.monotonic() > deadline:
                raise AssertionError(f"still not true after {seconds} s")
            time.sleep(0.1)
        return answer

    return waited
