"""What the data engineer is told of at once: a run that failed, into the channel SLACK_OPS_CHANNEL."""

from collections.abc import Sequence

import dagster as dg

from salesinsight_assets.settings import load_settings

_MOST_CHARACTERS = 600
"""Of one error: the run's page shows the rest."""
_OUR_OWN = "dagster._core.definitions.events.Failure: "
"""Before a message that is written for people."""
_NOT_CONFIGURED = "nobody was told: set SLACK_BOT_TOKEN and SLACK_OPS_CHANNEL to be told of failed runs"


@dg.run_failure_sensor(
    name="tell_of_failed_runs",
    default_status=dg.DefaultSensorStatus.RUNNING,
    minimum_interval_seconds=30,
    description="Tells the data engineer of every run that failed, in Slack's channel SLACK_OPS_CHANNEL.",
)
def tell_of_failed_runs(context: dg.RunFailureSensorContext) -> dg.SkipReason | None:
    """One message a failed run."""
    from salesinsight_assets.adapters import slack

    settings = load_settings().slack
    if not (settings.bot_token and settings.ops_channel):
        return dg.SkipReason(_NOT_CONFIGURED)
    slack.post(settings, settings.ops_channel, slack.escaped(failure_text(context)))
    return None


def failure_text(context: dg.RunFailureSensorContext) -> str:
    """What failed, for which day, why, and where to look."""
    run = context.dagster_run
    steps = {event.step_key or "": _error(event) for event in context.get_step_failure_events()}
    what = ", ".join(steps) or run.job_name
    day = run.tags.get("dagster/partition")
    return "\n".join(
        [
            f"🚨 {what} failed{f' for {day}' if day else ''}",
            *(steps.values() or [context.failure_event.message or "no message"]),
            *_consequence(list(steps)),
            f"Run {run.run_id.split('-')[0]} in Dagster's UI shows the rest.",
        ]
    )


def _error(event: dg.DagsterEvent) -> str:
    error = event.step_failure_data.error
    if error is None:
        return event.message or "no message"
    message = " ".join((error.cause or error).message.split()).removeprefix(_OUR_OWN)
    return message if len(message) <= _MOST_CHARACTERS else f"{message[:_MOST_CHARACTERS]} …"


def _consequence(steps: Sequence[str]) -> list[str]:
    if "crm_tables" not in steps:
        return []
    return ["Until Salesforce is read again, nobody is alerted: repair the access, or import a CSV."]
