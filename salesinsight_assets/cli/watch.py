"""`salesinsight watch`: pages the data engineer where Dagster itself cannot, because the database or the daemon is down."""

import logging
import time
from typing import TYPE_CHECKING

import click

from salesinsight_assets.cli.jobs import say
from salesinsight_assets.cli.options import BadInputError
from salesinsight_assets.cli.runtime import dagster_environment
from salesinsight_assets.policies import load_policies, read_config
from salesinsight_assets.settings import export_environment, load_settings, now

if TYPE_CHECKING:
    from salesinsight_assets.domain.monitoring.incidents import Incident
    from salesinsight_assets.watch.outside import OutsideWatch

SECONDS_BETWEEN_LOOKS = 20
log = logging.getLogger("salesinsight.watch")


@click.command("watch")
@click.option("--once", is_flag=True, help="Look once; exit 1 where something is out.")
def command(once: bool) -> None:
    """Watch the database, Dagster's sensors and the disk from outside, until Ctrl-C. Run it beside Dagster, as a service of its own."""
    settings = load_settings()
    if settings.postgres_url is None:
        raise BadInputError(
            "SALESINSIGHT_POSTGRES_URL: expected the address of a PostgreSQL, got nothing; set it (under `salesinsight dev`, which"
            " runs its own, that command watches)"
        )
    settings.home.mkdir(parents=True, exist_ok=True)
    export_environment(dagster_environment(settings.home, settings.postgres_url))
    if _watch(once):
        raise SystemExit(1)


def _watch(once: bool) -> bool:
    """Look, and look again; whether something is out at the end."""
    watch = outside_watch()
    say("Watching the database, Dagster's sensors and the disk (Ctrl-C ends it)")
    while not once:
        look(watch)
        time.sleep(SECONDS_BETWEEN_LOOKS)
    out = look(watch)
    say("; ".join(f"{key}: {' '.join(incident.details)}" for key, incident in out.items()) or "all is well")
    return bool(out)


def outside_watch() -> "OutsideWatch":
    """A watch on the installation that the environment names."""
    from salesinsight_assets.watch.outside import OutsideWatch

    settings = load_settings()
    policies = load_policies(read_config(settings.config_file))
    return OutsideWatch.resumed(settings, policies, str(settings.postgres_url), now())


def look(watch: "OutsideWatch") -> "dict[str, Incident]":
    """One look; a watch outlives whatever goes wrong in it."""
    try:
        return watch.look(now(), log)
    except Exception:
        log.exception("this look did not end; the next one is in %s s", SECONDS_BETWEEN_LOOKS)
        return {}
