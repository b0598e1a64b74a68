"""`salesinsight companies`: several companies on one Dagster, each with a folder, a database and a code server of its own."""

import contextlib
import secrets
import signal
from collections.abc import Generator, Sequence
from pathlib import Path

import click

from salesinsight_assets.adapters.warehouse.embedded import embedded_postgres
from salesinsight_assets.adapters.warehouse.roles import create_private_database
from salesinsight_assets.adapters.warehouse.schema import ensure_database
from salesinsight_assets.adapters.warehouse.warehouse import sqlalchemy_url
from salesinsight_assets.cli.child import run_until_told
from salesinsight_assets.cli.companies_check import findings
from salesinsight_assets.cli.deployment import code_server, dagster_services, write_dagster_home
from salesinsight_assets.cli.only_dev import only_dev
from salesinsight_assets.cli.options import BadInputError
from salesinsight_assets.cli.ports import answers
from salesinsight_assets.cli.runtime import DAGSTER_DATABASE, WAREHOUSE_DATABASE, make_home
from salesinsight_assets.cli.services import supervising
from salesinsight_assets.companies import (
    DAGSTER_URL,
    Company,
    all_companies,
    companies_folder,
    company_name,
)
from salesinsight_assets.settings import Settings, bare_environment, environment, load_settings, postgres_url

ADMIN_URL = "SALESINSIGHT_ADMIN_POSTGRES_URL"


@click.group("companies")
def command() -> None:
    """Serve several companies by one Dagster: list, add, check, start."""


@command.command("list")
def show() -> None:
    """List the companies, each with its folder."""
    companies = _some_companies()
    for company in companies:
        settings = company.settings
        reads = settings.salesforce.login_url if settings.salesforce.is_configured else "no Salesforce: CSV files"
        database = "a PostgreSQL of its own" if settings.postgres_url else "an embedded PostgreSQL"
        click.echo(f"{company.name:20} {company.folder}  {reads}; {database}; {settings.timezone}")


@command.command("check")
def check() -> None:
    """Say of each company whether it can run, and whether it is kept apart from the others; exit 1 if not."""
    found = findings(_some_companies(), load_settings().dagster_postgres_url)
    for finding in found:
        click.echo(f"{finding.company:20} {'ok' if finding.is_good else 'NOT'}  {finding.text}")
    if not all(finding.is_good for finding in found):
        raise SystemExit(1)


@command.command("add")
@click.argument("name")
def add(name: str) -> None:
    """Make the folder of the company NAME, and its role and database where an administrator's address is given."""
    folder = companies_folder() / company_name(name)
    if folder.exists():
        raise BadInputError(f"NAME: expected a new company, got {name}, which has {folder}; choose another")
    admin = postgres_url(environment(), ADMIN_URL)
    lines = [f"SALESINSIGHT_COMPANY={name}", *(_databases(admin, name) if admin else [])]
    folder.mkdir(parents=True, mode=0o700)
    _write_private(folder / ".env", [*lines, *_TO_FILL_IN])
    click.echo(f"{folder / '.env'} is the company's: set its Salesforce and its channels there, then `companies check`")


_TO_FILL_IN = ["# SALESINSIGHT_TIMEZONE=Europe/Berlin", "# SALESFORCE_LOGIN_URL=https://yourcompany.my.salesforce.com",
               "# SALESFORCE_CLIENT_ID=", "# SALESFORCE_CLIENT_SECRET="]  # fmt: skip


def _databases(admin: str, name: str) -> list[str]:
    """The company's own database, and the first time that of Dagster, as lines of its `.env`."""
    shared = load_settings().dagster_postgres_url
    if shared is None:
        shared = create_private_database(admin, "salesinsight_dagster", secrets.token_hex(24))
        _append_private(Path(".env"), f"{DAGSTER_URL}={shared}")
        click.echo(f"{Path('.env').absolute()} has the address of the Dagster that the companies share")
    own = create_private_database(admin, f"salesinsight_{name}", secrets.token_hex(24))
    return [f"SALESINSIGHT_POSTGRES_URL={own}", f"{DAGSTER_URL}={shared}"]


def _write_private(path: Path, lines: Sequence[str]) -> None:
    path.touch(mode=0o600)
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def _append_private(path: Path, line: str) -> None:
    before = path.read_text(encoding="utf-8") if path.is_file() else ""
    _write_private(path, [*before.splitlines(), line])
    path.chmod(0o600)


@command.command("start")
@click.option("--host", default="127.0.0.1", show_default=True, help="Where Dagster's UI listens.")
@click.option("--port", default=3000, show_default=True, help="Port of Dagster's UI.")
@click.option("--verbose", is_flag=True, help="Log the daemon's routine too.")
def start(host: str, port: int, verbose: bool) -> None:
    """Run a code server for each company, Dagster's daemon and its UI, until Ctrl-C; what ends is started again."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell that starts us in the background ignores it
    settings, companies = load_settings(), _some_companies()
    make_home(settings.home)
    with only_dev(settings.home) as dev, _embedded(companies, settings) as (dagster_url, urls):
        if answers(port):
            raise BadInputError(f"--port: expected a free port, got {port}, where something answers; choose another")
        home = write_dagster_home(settings.home, companies)
        for company in companies:
            company.socket.unlink(missing_ok=True)  # of one that was killed
        servers = [code_server(company, urls.get(company.name)) for company in companies]
        shared = {DAGSTER_URL: sqlalchemy_url(dagster_url), "DAGSTER_DISABLE_TELEMETRY": "1"}
        services = [*servers, *dagster_services(home, host, port, "info" if verbose else "warning", companies)]
        click.echo(
            f"Dagster is starting for {', '.join(company.name for company in companies)} (Ctrl-C ends everything) …"
        )
        environment = {**bare_environment(), **shared}
        code = run_until_told(dev.noted(supervising(services)), home, environment, port, signal.SIGTERM)
    raise SystemExit(code)


@contextlib.contextmanager
def _embedded(companies: Sequence[Company], settings: Settings) -> Generator[tuple[str, dict[str, str]]]:
    """Dagster's database, and by company those that are embedded: each a server of its own, while the context lasts."""
    with contextlib.ExitStack() as stack:
        url = settings.dagster_postgres_url
        if url is None:
            url = ensure_database(stack.enter_context(embedded_postgres(settings.home)), DAGSTER_DATABASE)
        own = {company.name: company.settings for company in companies}
        servers = {
            name: stack.enter_context(embedded_postgres(settings.home))
            for name, settings in own.items()
            if settings.postgres_url is None
        }
        yield url, {name: ensure_database(server, WAREHOUSE_DATABASE) for name, server in servers.items()}


def _some_companies() -> list[Company]:
    companies = all_companies()
    if not companies:
        raise BadInputError(
            f"SALESINSIGHT_COMPANIES: expected a folder for each company, got none in {companies_folder()}; run"
            " `salesinsight companies add NAME`"
        )
    return companies
