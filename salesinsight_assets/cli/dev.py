"""`salesinsight dev`: Dagster's UI and daemon on one command, with PostgreSQL and, after a demo, its Salesforce."""

import contextlib
import signal
import sys
import threading
from collections.abc import Generator
from pathlib import Path

import click

from salesinsight_assets.cli.child import run_until_told
from salesinsight_assets.cli.demo_company import company_file
from salesinsight_assets.cli.only_dev import OnlyDev, only_dev
from salesinsight_assets.cli.options import BadInputError
from salesinsight_assets.cli.ports import answers
from salesinsight_assets.cli.runtime import Runtime, running
from salesinsight_assets.cli.serve import DEFAULT_PORT, pages_served
from salesinsight_assets.cli.watch import watch_until_ended
from salesinsight_assets.demo.salesforce_server import DemoSalesforce
from salesinsight_assets.installed import installed_file
from salesinsight_assets.settings import child_environment, export_environment, load_settings, settings_folder

_HOST = "127.0.0.1"


@click.command("dev")
@click.option("--port", default=3000, show_default=True, help="Port of Dagster's UI, on 127.0.0.1.")
@click.option("--pages-port", default=DEFAULT_PORT, show_default=True, help="Port of the pages that messages link to.")
@click.option("--verbose", is_flag=True, help="Log the daemon's routine too: every half minute it looks at each step.")
def command(port: int, pages_port: int, verbose: bool) -> None:
    """Run the Dagster UI and daemon, and the pages that messages link to, until Ctrl-C."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell that starts us in the background ignores it
    if load_settings().company:
        raise BadInputError(
            "expected the only company, got one of several (SALESINSIGHT_COMPANY): its Dagster is the one of `salesinsight"
            " companies start`, its pages are served by `salesinsight serve`"
        )
    with running() as runtime, only_dev(runtime.settings.home) as dev, _demo_salesforce(runtime.settings.home):
        for option, wanted in (("--port", port), ("--pages-port", pages_port)):
            if answers(wanted):
                raise BadInputError(
                    f"{option}: expected a free port, got {wanted}, where something answers; choose another"
                )
        with pages_served(runtime, _HOST, pages_port):
            code = _started(runtime, dev, port, verbose)
    raise SystemExit(code)


def _started(runtime: Runtime, dev: OnlyDev, port: int, verbose: bool) -> int:
    click.echo("Dagster is starting, which takes some ten seconds (Ctrl-C ends everything) …")
    if runtime.settings.slack.ops_channel or runtime.settings.pagerduty:
        threading.Thread(target=watch_until_ended, daemon=True).start()
    arguments = dev.noted(_dagster(port, "info" if verbose else "warning"))
    environment = {**child_environment(), "SALESINSIGHT_FOLDER": str(settings_folder())}
    return run_until_told(arguments, runtime.dagster_home, environment, port, signal.SIGINT)


@contextlib.contextmanager
def _demo_salesforce(home: Path) -> Generator[None]:
    """The demo company's Salesforce, where there is one and no other Salesforce is configured."""
    if load_settings().salesforce.is_configured or not company_file(home).is_file():
        yield
        return
    with DemoSalesforce(company_file(home), home / "demo") as server:
        export_environment(server.environment())
        click.echo(f"the demo company's Salesforce: {server.login_url}")
        yield


def _dagster(port: int, log_level: str) -> list[str]:
    """`dagster dev`, without its advice to use `dg dev`: that one wants a project folder, which an installation is not."""
    quiet = ["-W", "ignore:Function `dev_command` is superseded"]
    return [sys.executable, *quiet, "-m", "dagster", "dev", "-w", str(installed_file("workspace.yaml")), "-h", _HOST,
            "-p", str(port), "--log-level", log_level]  # fmt: skip
