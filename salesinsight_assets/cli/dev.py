"""`salesinsight dev`: Dagster's UI and daemon on one command, with PostgreSQL and, after a demo, its Salesforce."""

import contextlib
import signal
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import click

from salesinsight_assets.cli.demo_company import company_file
from salesinsight_assets.cli.only_dev import OnlyDev, only_dev
from salesinsight_assets.cli.runtime import installed_file, running
from salesinsight_assets.demo.salesforce_server import DemoSalesforce
from salesinsight_assets.settings import child_environment, export_environment, load_settings


@click.command("dev")
@click.option("--port", default=3000, show_default=True, help="Port of Dagster's UI, on 127.0.0.1.")
def command(port: int) -> None:
    """Run the Dagster UI and daemon until Ctrl-C."""
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell that starts us in the background ignores it
    with running() as runtime, only_dev(runtime.settings.home) as dev, _demo_salesforce(runtime.settings.home):
        click.echo(f"Dagster: http://127.0.0.1:{port}  (Ctrl-C ends everything)")
        code = _run_dagster(port, runtime.dagster_home, dev)
    raise SystemExit(code)


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


def _run_dagster(port: int, dagster_home: Path, dev: OnlyDev) -> int:
    """`dagster dev` as a child that ends with us: TERM and Ctrl-C reach it, and we wait for it."""
    child = subprocess.Popen(  # noqa: S603 - our own interpreter with arguments of our own
        [sys.executable, "-m", "dagster", "dev", "-w", str(installed_file("workspace.yaml")), "-h", "127.0.0.1",
         "-p", str(port)],
        cwd=dagster_home,
        env=child_environment(),
        start_new_session=True,
    )  # fmt: skip
    dev.note_session(child.pid)
    signal.signal(signal.SIGTERM, lambda *_: child.send_signal(signal.SIGINT))
    while True:
        try:
            return child.wait()
        except KeyboardInterrupt:
            child.send_signal(signal.SIGINT)
