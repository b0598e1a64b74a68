"""Telling the data engineer: every page, and the word that all is well, to each channel that is configured, until it is taken."""

from collections.abc import Callable, Iterator
from datetime import datetime
from logging import Logger
from zoneinfo import ZoneInfo

from salesinsight_assets.adapters.warehouse.incident_store import Channel, IncidentStore, Moment
from salesinsight_assets.domain.delivery.texts import slack_escaped
from salesinsight_assets.domain.monitoring.incidents import Incident
from salesinsight_assets.domain.monitoring.pages import Places, end, page, summary
from salesinsight_assets.domain.monitoring.watch_policy import WatchPolicy
from salesinsight_assets.settings import PagerDutySettings, Settings, SlackSettings
from salesinsight_assets.shared_names import named

Told = Callable[[str, Incident, Moment], None]
NOBODY = "nobody is paged: set SLACK_BOT_TOKEN and SLACK_OPS_CHANNEL, or PAGERDUTY_ROUTING_KEY"


def places(settings: Settings, policy: WatchPolicy) -> Places:
    """Where a page says to look: the configured addresses, or the file of the runbook."""
    ours = f"{settings.links.base_url}/runbook" if settings.links else "docs/runbook.md"
    return Places(settings.dagster_url, policy.runbook_url or ours)


def channels(settings: Settings, where: Places) -> dict[Channel, Told]:
    """How each configured channel is told; none: nobody is."""
    found: dict[Channel, Told] = {}
    if has_ops_channel(settings.slack):
        found["slack"] = _slack(settings, where)
    if settings.pagerduty:
        found["pagerduty"] = _pagerduty(settings.pagerduty, settings.zone, where)
    return found


def tell_all(store: IncidentStore, by: dict[Channel, Told], at: datetime, log: Logger) -> None:
    """Everything that has not been told.

    A page is noted once it was taken: whoever is killed in between tells it twice, because a page that nobody gets is worse.
    What a channel does not take is logged and tried at the next look.
    """
    for channel, tell in by.items():
        for incident_id, incident, moment in _untold(store, channel, at):
            try:
                tell(incident_id, incident, moment)
            except Exception:
                log.exception("%s took no page; it is tried again", channel)
                break
            store.note(incident_id, channel, moment, at)


def _untold(store: IncidentStore, channel: Channel, at: datetime) -> Iterator[tuple[str, Incident, Moment]]:
    for incident_id, incident in store.to_tell(channel, at):
        yield incident_id, incident, "told"
    for incident_id, incident in store.to_end(channel, at):
        yield incident_id, incident, "ended"


def has_ops_channel(settings: SlackSettings) -> bool:
    """Whether the data engineer can be told in Slack."""
    return bool(settings.bot_token and settings.ops_channel)


def post_to_ops(settings: SlackSettings, text: str) -> None:
    """Post a text to the ops channel; see `adapters.slack.post` for errors."""
    from salesinsight_assets.adapters import slack

    slack.post(settings, str(settings.ops_channel), slack_escaped(named(text)))


def _slack(settings: Settings, where: Places) -> Told:
    def tell(_: str, incident: Incident, moment: Moment) -> None:
        post_to_ops(settings.slack, page(incident, where, settings.zone) if moment == "told" else end(incident))

    return tell


def _pagerduty(settings: PagerDutySettings, zone: ZoneInfo, where: Places) -> Told:
    from salesinsight_assets.adapters import pagerduty

    def tell(incident_id: str, incident: Incident, moment: Moment) -> None:
        details = {"page": page(incident, where, zone)}
        action = "trigger" if moment == "told" else "resolve"
        pagerduty.tell(settings, action, named(incident_id), incident.severity, named(summary(incident, zone)), details)

    return tell
