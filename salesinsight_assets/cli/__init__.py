"""The command line: `salesinsight COMMAND`. Each command has a file of its own and is imported only when it is called."""

from importlib import import_module

import click

from salesinsight_assets.companies import enter_company
from salesinsight_assets.settings import SettingsError

COMMANDS = {
    "demo": ("demo", "Show the product on a made-up company behind a real Salesforce API."),
    "dev": ("dev", "Run the Dagster UI and daemon until Ctrl-C."),
    "serve": ("serve", "Serve the pages where people answer alerts."),
    "watch": ("watch", "Page the data engineer where the database or Dagster itself is down."),
    "sync": ("sync", "Read what changed in Salesforce."),
    "nightly": ("nightly", "Run the night of a day, from the CRM to the outbox."),
    "replay": ("replay", "Run past nights with what was known then, and judge their scores and alerts."),
    "import-csv": ("import_csv", "Load CSV files into the CRM tables, whole or not at all."),
    "score": ("score", "Score one open deal now, with reasons, as JSON."),
    "models": ("models", "List the models and who serves, or roll back."),
    "tokens": ("tokens", "Create, list and revoke the tokens of the API."),
    "export": ("export", "Write any table to a CSV or Parquet file."),
    "companies": ("companies", "Serve several companies by one Dagster: list, add, check, start."),
    "code-server": ("code_server", "Serve one company's code location to a Dagster that runs elsewhere."),
    "daemon": ("daemon", "Run Dagster's daemon as a service, on a PostgreSQL of yours."),
    "webserver": ("webserver", "Serve Dagster's UI as a service, on a PostgreSQL of yours."),
    "db": ("db", "Bring the database to the present schema, say where it stands, dump and restore it."),
}
"""Each command, the module here that holds it under the name `command`, and its line in the list."""


class LazyCommands(click.Group):
    """Commands imported on use, so that `salesinsight --help` does not load Dagster."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The commands in the order of COMMANDS."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's signature
        """The command of that name."""
        if cmd_name not in COMMANDS:
            return None
        return import_module(f"{__name__}.{COMMANDS[cmd_name][0]}").command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002 - likewise
        """The list of commands, without importing any."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.group(cls=LazyCommands)
@click.version_option(package_name="salesinsight")
@click.option(
    "--company", metavar="NAME", help="One company of several: with the settings of its folder, and no other."
)
def cli(company: str | None) -> None:
    """SalesInsight: which open deals are in trouble, why, and who can act."""
    if company:
        enter_company(company)


def main() -> None:
    """Entry point; a setting that cannot be used ends with one line and exit code 2."""
    try:
        cli()
    except SettingsError as error:
        raise SystemExit(_complain(error)) from None


def _complain(error: Exception) -> int:
    click.echo(f"salesinsight: {error}", err=True)
    return 2
