"""The data engineer is told of failed runs and of alarms of the weekly checks: once, in the ops channel, with what and why."""

from collections.abc import Generator

import dagster as dg
import pytest
from slack_sdk.errors import SlackApiError

from salesinsight_assets.alarms import ask_for_training, tell_of_defaults, tell_of_drift, tell_of_failed_runs
from salesinsight_assets_tests.conftest import JobResult, Platform
from salesinsight_assets_tests.scripted_slack import ScriptedSlack, scripted_slack


@pytest.fixture
def slack() -> Generator[ScriptedSlack]:
    with scripted_slack() as server:
        yield server


@pytest.fixture
def told_platform(platform: Platform, slack: ScriptedSlack) -> Platform:
    platform.set_environment(
        {"SLACK_BOT_TOKEN": "xoxb-of-a-test", "SLACK_OPS_CHANNEL": "#data", "SLACK_API_URL": slack.url}
    )
    return platform


def tell(platform: Platform, result: JobResult) -> dg.SkipReason | None:
    """What the sensor does about a run that failed."""
    run = platform.instance.get_run_by_id(result.run_id)
    failure = next(e for e in result.all_events if e.event_type == dg.DagsterEventType.PIPELINE_FAILURE)
    assert run is not None
    context = dg.build_run_status_sensor_context("tell_of_failed_runs", failure, platform.instance, run)
    return tell_of_failed_runs(context.for_run_failure())


@pytest.mark.salesforce(23)
def test_rows_that_are_too_old_are_told_to_the_data_engineer(told_platform, slack) -> None:
    told_platform.set_environment({"SALESFORCE_CLIENT_ID": "a & b", "SALESFORCE_CLIENT_SECRET": "hush"})
    told_platform.set_environment(
        {"SALESFORCE_LOGIN_URL": "https://127.0.0.1:1", "SALESFORCE_RETRY_BUDGET_SECONDS": "1"}
    )
    result = told_platform.run("crm_sync")
    assert not result.success
    tell(told_platform, result)
    ((path, token, fields),) = slack.calls
    assert (path, token, fields["channel"]) == ("/api/chat.postMessage", "xoxb-of-a-test", "#data")
    first, error, consequence, where = fields["text"].split("\n")
    assert first == "🚨 crm_tables failed"
    assert error.startswith("Salesforce cannot be read: ")
    assert "no CRM rows are stored" in error
    assert consequence == "Until Salesforce is read again, nobody is alerted: repair the access, or import a CSV."
    assert where == f"Run {result.run_id.split('-')[0]} in Dagster's UI shows the rest."
    assert "hush" not in fields["text"]


def test_a_failed_step_of_a_day_names_the_day_and_stays_short_and_plain(told_platform, slack, monkeypatch) -> None:
    def failing(*_: object, **__: object) -> None:
        raise ValueError("<" + "x" * 5000)

    monkeypatch.setattr("salesinsight_assets.adapters.warehouse.Warehouse.crm_rows", failing)
    result = told_platform.run("night_without_sync", told_platform.last_day)
    assert not result.success
    tell(told_platform, result)
    ((_, _, fields),) = slack.calls
    assert "failed for 2025-03-31" in fields["text"].split("\n")[0]
    assert "&lt;xxx" in fields["text"]
    assert len(fields["text"]) < 2500
    assert "import a CSV" not in fields["text"]


def test_golden_message_of_a_failed_night(told_platform, slack, monkeypatch, golden) -> None:
    def failing(*_: object, **__: object) -> None:
        raise ValueError("expected <rows> & rates, got none; look at the sync")

    monkeypatch.setattr("salesinsight_assets.adapters.warehouse.Warehouse.crm_rows", failing)
    result = told_platform.run("night_without_sync", told_platform.last_day)
    tell(told_platform, result)
    ((_, _, fields),) = slack.calls
    golden("alarm_failed_run.txt", fields["text"].replace(result.run_id.split("-")[0], "0123abcd"))


def test_without_a_channel_nobody_is_told_and_the_sensor_says_what_to_set(platform, slack) -> None:
    platform.set_environment({"SLACK_BOT_TOKEN": "xoxb-of-a-test", "SLACK_API_URL": slack.url})
    skipped = tell(platform, platform.run("crm_sync"))
    assert isinstance(skipped, dg.SkipReason)
    assert "SLACK_OPS_CHANNEL" in str(skipped.skip_message)
    assert slack.calls == []


def test_a_slack_that_is_busy_is_asked_again_and_one_that_refuses_is_an_error(told_platform, slack) -> None:
    result = told_platform.run("crm_sync")
    slack.script = [(429, {"Retry-After": "0"}, {"ok": False, "error": "ratelimited"}), (503, {}, {"ok": False})]
    tell(told_platform, result)
    assert len(slack.calls) == 3
    slack.script = [(200, {}, {"ok": False, "error": "channel_not_found"})]
    with pytest.raises(SlackApiError, match="channel_not_found"):
        tell(told_platform, result)


# --- the weekly checks ---


@pytest.fixture
def watched_platform(platform_after_a_night: Platform, slack: ScriptedSlack) -> Platform:
    platform_after_a_night.set_environment(
        {"SLACK_BOT_TOKEN": "xoxb-of-a-test", "SLACK_OPS_CHANNEL": "#data", "SLACK_API_URL": slack.url}
    )
    return platform_after_a_night


class Sensor:
    """A sensor that looks again and again, with the memory that it keeps between its looks."""

    def __init__(self, sensor: dg.SensorDefinition, platform: Platform) -> None:
        self.sensor, self.platform, self.cursor = sensor, platform, None

    def looks(self) -> list[dg.RunRequest]:
        context = dg.build_sensor_context(self.platform.instance, cursor=self.cursor)
        result = self.sensor(context)
        if isinstance(result, dg.SkipReason):
            return []
        self.cursor = result.cursor
        return list(result.run_requests or [])


def set_alarm(platform: Platform, table: str, where: str, is_alarm: bool = True) -> None:
    platform.warehouse.execute(f"UPDATE insight.{table} SET is_alarm = {is_alarm}, finding = 'off' WHERE {where}")


@pytest.mark.parametrize(
    ("sensor", "table", "where", "name"),
    [
        (tell_of_drift, "feature_drift", "feature = 'log_amount' AND population = 'open'", "log_amount, open"),
        (tell_of_defaults, "feature_defaults", "feature = 'amount_change'", "amount_change"),
        (ask_for_training, "model_checks", "segment = 'all deals' AND weeks = 2", "all deals, all deals, 2"),
    ],
)
def test_an_alarm_of_a_weekly_check_is_told_once_and_again_when_it_is_over(
    watched_platform, slack, sensor, table, where, name
) -> None:
    looking = Sensor(sensor, watched_platform)
    set_alarm(watched_platform, table, "true", is_alarm=False)
    looking.looks()
    assert slack.calls == []
    set_alarm(watched_platform, table, where)
    looking.looks()
    looking.looks()
    ((_, _, fields),) = slack.calls
    assert fields["channel"] == "#data"
    assert fields["text"].startswith("⚠️ ")
    assert fields["text"].endswith(f"as of 2025-03-31\n• {name}: off")
    set_alarm(watched_platform, table, "true", is_alarm=False)
    looking.looks()
    looking.looks()
    assert len(slack.calls) == 2
    assert slack.calls[1][2]["text"].endswith("all is well again")


def test_predictions_that_do_not_come_true_ask_for_the_training_of_the_latest_month_once_a_week(
    watched_platform,
) -> None:
    looking = Sensor(ask_for_training, watched_platform)
    set_alarm(watched_platform, "model_checks", "true", is_alarm=False)
    assert looking.looks() == []
    set_alarm(watched_platform, "model_checks", "segment = 'all deals'")
    (first,), (second,) = looking.looks(), looking.looks()
    assert first.partition_key == "2025-03-01"
    assert first.tags == {"salesinsight/known_until": "2025-03-31"}
    assert first.run_key == second.run_key == "training after the check of 2025-03-31"


def test_a_training_is_asked_for_where_nobody_can_be_told(platform_after_a_night) -> None:
    looking = Sensor(ask_for_training, platform_after_a_night)
    set_alarm(platform_after_a_night, "model_checks", "segment = 'all deals'")
    assert len(looking.looks()) == 1


def test_what_slack_did_not_take_is_told_at_the_next_look_and_the_training_asked_for_at_once(
    watched_platform, slack
) -> None:
    looking = Sensor(ask_for_training, watched_platform)
    set_alarm(watched_platform, "model_checks", "true", is_alarm=False)
    set_alarm(watched_platform, "model_checks", "segment = 'all deals'")
    slack.script = [(200, {}, {"ok": False, "error": "channel_not_found"})]
    assert len(looking.looks()) == 1
    looking.looks()
    assert len(slack.calls) == 2
    looking.looks()
    assert len(slack.calls) == 2


def test_drift_alone_asks_for_no_training(watched_platform) -> None:
    set_alarm(watched_platform, "feature_drift", "feature = 'log_amount'")
    assert Sensor(tell_of_drift, watched_platform).looks() == []


def test_before_the_first_check_a_sensor_says_so(told_platform) -> None:
    skipped = tell_of_drift(dg.build_sensor_context(told_platform.instance))
    assert isinstance(skipped, dg.SkipReason)
    assert "no rows yet" in str(skipped.skip_message)
