"""`salesinsight db`: the warehouse's schema, and dumps of all that is stored."""

import click

from salesinsight_assets.adapters.warehouse import schema
from salesinsight_assets.cli import dumps, prune
from salesinsight_assets.cli.runtime import running


@click.group("db")
def command() -> None:
    """Bring the database to the present schema, say where it stands, dump it, restore it, prune it."""


command.add_command(dumps.dump)
command.add_command(dumps.restore)
command.add_command(prune.prune)


@command.command("upgrade")
def upgrade() -> None:
    """Apply the migrations that the database lacks."""
    with running() as runtime:
        click.echo(_sentence(runtime.warehouse.url))


@command.command("status")
def status() -> None:
    """Say which revision the database has; exit 1 if it is not the present one."""
    with running(migrate=False) as runtime:
        click.echo(_sentence(runtime.warehouse.url))
        is_current = schema.status(runtime.warehouse.url).is_current
    if not is_current:
        raise SystemExit(1)


def _sentence(url: str) -> str:
    found = schema.status(url)
    if found.is_current:
        return f"the database is at revision {found.revision}, the present one"
    if found.is_later:
        return f"the database is at revision {found.revision}, which a later SalesInsight made, {found.expected} is expected; install it"
    return f"the database is at revision {found.revision}, {found.expected} is expected; run `salesinsight db upgrade`"
