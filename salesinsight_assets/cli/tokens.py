"""`salesinsight tokens`: what lets programs call the API, made, listed and revoked by whoever looks after the platform."""

import contextlib
from collections.abc import Generator
from datetime import datetime

import click

from salesinsight_assets.adapters.dashboard.api_tokens import ApiToken, ApiTokens
from salesinsight_assets.adapters.dashboard.audit import AuditLog
from salesinsight_assets.adapters.dashboard.people import identity_of
from salesinsight_assets.adapters.dashboard.rows import Database
from salesinsight_assets.cli.jobs import say
from salesinsight_assets.cli.options import BadInputError
from salesinsight_assets.cli.runtime import running
from salesinsight_assets.domain.access.scopes import SCOPES, unknown_scopes
from salesinsight_assets.policies import Policies, load_policies, read_config
from salesinsight_assets.settings import now

_MOST_DAYS = 365
_SCOPES = "".join(f"\n\n{scope}: {meaning}." for scope, meaning in SCOPES.items())
BY_COMMAND = "by command"


@click.group("tokens")
def command() -> None:
    """Create, list and revoke the tokens that let programs call the API."""


@command.command("create", epilog=f"Scopes:{_SCOPES}")
@click.option("--name", required=True, help="What it is for, such as the program that gets it.")
@click.option("--email", required=True, help="The person it acts as: it sees what that person may see, at each call.")
@click.option("--scope", "scopes", multiple=True, required=True, help="What it is for; may be given several times.")
@click.option("--days", default=90, show_default=True, type=int, help="After how many days it expires.")
def create(name: str, email: str, scopes: tuple[str, ...], days: int) -> None:
    """Make a token, and say it this once: only its hash is stored."""
    _check(scopes, days)
    with _warehouse() as (database, policies):
        identity = identity_of(database, email, policies.access)
        if identity is None:
            raise BadInputError(
                f"--email: expected the address of one active user of the CRM, or one of [access] leaders or engineers, got"
                f" {email}; run `salesinsight sync`, or add it to salesinsight.toml"
            )
        token, made = ApiTokens(database).create(name, identity.email, sorted(set(scopes)), now(), days)
        AuditLog(database).note("created a token", now(), email=made.email, about=f"{_described(made)}, {BY_COMMAND}")
    click.echo(f"{_line(made, now())}\nKeep it, it is not shown again:", err=True)
    click.echo(token)


@command.command("list")
def show() -> None:
    """List every token there was, the newest first, without the tokens themselves."""
    with _warehouse() as (database, _):
        tokens = ApiTokens(database).all()
    for token in tokens:
        say(_line(token, now()))
    if not tokens:
        say("there is no token; `salesinsight tokens create` makes one")


@command.command("revoke")
@click.argument("token_id")
def revoke(token_id: str) -> None:
    """End the token with the Id TOKEN_ID, from now on."""
    with _warehouse() as (database, _):
        ended = ApiTokens(database).revoke(token_id, now())
        if ended is None:
            raise BadInputError(
                f"TOKEN_ID: expected the Id of a token, got {token_id!r}; `salesinsight tokens list` shows them"
            )
        AuditLog(database).note("revoked a token", now(), email=ended.email, about=f"{_described(ended)}, {BY_COMMAND}")
    say(_line(ended, now()))


def _check(scopes: tuple[str, ...], days: int) -> None:
    if unknown := unknown_scopes(scopes):
        raise BadInputError(f"--scope: expected one of {', '.join(SCOPES)}, got {unknown[0]!r}; correct it")
    if not 1 <= days <= _MOST_DAYS:
        raise BadInputError(f"--days: expected a number from 1 to {_MOST_DAYS}, got {days}; correct it")


@contextlib.contextmanager
def _warehouse() -> Generator[tuple[Database, Policies]]:
    with running() as runtime:
        database = Database(runtime.warehouse.url)
        try:
            yield database, load_policies(read_config(runtime.settings.config_file))
        finally:
            database.close()


def _described(token: ApiToken) -> str:
    return f"{token.label} for {', '.join(token.scopes)} until {token.expires_at:%Y-%m-%d}"


def _line(token: ApiToken, at: datetime) -> str:
    used = f"last used {token.last_used_at:%Y-%m-%d %H:%M} UTC" if token.last_used_at else "never used"
    ends = f"revoked {token.revoked_at:%Y-%m-%d}" if token.revoked_at else f"until {token.expires_at:%Y-%m-%d}"
    return (
        f"{token.token_id}  {token.state(at):<8} {token.name}, as {token.email}\n"
        f"    {' '.join(token.scopes)}; {ends}; {used}"
    )
