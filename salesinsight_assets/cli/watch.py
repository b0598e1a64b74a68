"""`salesinsight watch`: pages the data engineer where Dagster itself cannot, because the database or the daemon is down."""

import logging
import time
from typing import TYPE_CHECKING, NoReturn

import click

from salesinsight_assets.cli.runtime import dagster_environment, make_home, require_address
from salesinsight_assets.cli.service_log import ServiceLog
from salesinsight_assets.policies import load_policies, read_config
from salesinsight_assets.settings import export_environment, load_settings, now

if TYPE_CHECKING:
    from salesinsight_assets.watch.outside import OutsideWatch

_SECONDS_BETWEEN_LOOKS = 20
log = logging.getLogger("salesinsight.watch")


@click.command("watch")
@click.option("--once", is_flag=True, help="Look once; exit 1 where something is out.")
def command(once: bool) -> None:
    """Watch the database, Dagster's sensors and the disk from outside, until Ctrl-C. Run it beside Dagster, as a service of its own."""
    settings = load_settings()
    url = require_address(settings)
    make_home(settings.home)
    export_environment(dagster_environment(settings.home, url, settings.dagster_postgres_url))
    service = ServiceLog(settings)
    service.say("Watching the database, Dagster's sensors and the disk (Ctrl-C ends it)")
    if not once:
        watch_until_ended()
    out = _outside_watch().look(now(), log)
    service.say("; ".join(f"{key}: {' '.join(incident.details)}" for key, incident in out.items()) or "all is well")
    if out:
        raise SystemExit(1)


def watch_until_ended() -> NoReturn:
    """Look, and look again, as long as this process lives."""
    watch = _outside_watch()
    while True:
        _look(watch)
        time.sleep(_SECONDS_BETWEEN_LOOKS)


def _outside_watch() -> "OutsideWatch":
    """A watch on the installation that the environment names."""
    from salesinsight_assets.watch.outside import OutsideWatch

    settings = load_settings()
    policies = load_policies(read_config(settings.config_file))
    return OutsideWatch.resumed(settings, policies, str(settings.postgres_url), now())


def _look(watch: "OutsideWatch") -> None:
    """One look; a watch outlives whatever goes wrong in it."""
    try:
        watch.look(now(), log)
    except Exception:
        log.exception("this look did not end; the next one is in %s s", _SECONDS_BETWEEN_LOOKS)
