"""Messages that wait for another attempt: what sends them once their time has come, between the nights."""

import dagster as dg

from salesinsight_assets.sending import NO_CHANNEL

_SECONDS_BETWEEN_LOOKS = 60


@dg.sensor(
    name="send_what_waits",
    job_name="deliver",
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=_SECONDS_BETWEEN_LOOKS,
    description="Messages of the day that were not taken are tried again once their wait is over.",
)
def send_what_waits(_: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """One run for each moment from which messages are due."""
    from salesinsight_assets.adapters.warehouse.outbox import Outbox
    from salesinsight_assets.domain.delivery.payloads import EMAIL, SLACK
    from salesinsight_assets.resources import CompanyResource, WarehouseResource

    company = CompanyResource()
    settings = company.settings
    is_open = {EMAIL: settings.mail is not None, SLACK: settings.slack.bot_token is not None}
    channels = [channel for channel in is_open if is_open[channel]]
    if not channels:
        return dg.SkipReason(NO_CHANNEL)
    day = company.last_complete_day()
    since = Outbox(WarehouseResource().open()).waiting_since(day, channels, company.now())
    if since is None:
        return dg.SkipReason(f"no message of {day} is due")
    key = f"messages of {day} due since {since.isoformat()}"
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=key, partition_key=day.isoformat())])


SENSORS = [send_what_waits]
