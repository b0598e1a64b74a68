"""Messages that wait for another attempt: what sends them once their time has come, between the nights."""

from typing import Any

import dagster as dg

from salesinsight_assets.settings import load_settings

_SECONDS_BETWEEN_LOOKS = 60
DELIVER = "deliver"
_WAITING = (
    "SELECT as_of_date, max(coalesce(retry_at, claimed_at)) AS since FROM engagement.outbox WHERE as_of_date = $1 AND"
    " (status = 'pending' AND retry_at <= $2 OR status = 'unknown' AND channel = 'slack'"
    " OR status = 'sending' AND claimed_at < $3) GROUP BY 1"
)


@dg.sensor(
    name="send_what_waits",
    job_name=DELIVER,
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=_SECONDS_BETWEEN_LOOKS,
    description="Messages of the day that were not taken are tried again once their wait is over.",
)
def send_what_waits(_: dg.SensorEvaluationContext) -> dg.SensorResult | dg.SkipReason:
    """One run for each moment from which messages are due."""
    from salesinsight_assets.domain.delivery.attempts import CLAIM_LASTS
    from salesinsight_assets.resources import CompanyResource, WarehouseResource

    settings, company = load_settings(), CompanyResource()
    if settings.mail is None and settings.slack.bot_token is None:
        return dg.SkipReason("neither SMTP_URL nor SLACK_BOT_TOKEN is set")
    day, now = company.last_complete_day(), company.now()
    rows: Any = WarehouseResource().open().read(_WAITING, (day, now, now - CLAIM_LASTS))
    if rows.empty:
        return dg.SkipReason(f"no message of {day} is due")
    key = f"messages of {day} due since {rows['since'][0].isoformat()}"
    return dg.SensorResult(run_requests=[dg.RunRequest(run_key=key, partition_key=day.isoformat())])


SENSORS = [send_what_waits]
