"""The data engineer is told of alarms of the weekly checks: once, in the ops channel, with what and why, and where to read on."""

from collections.abc import Generator

import dagster as dg
import pytest

from salesinsight_assets.alarms import ask_for_training, tell_of_defaults, tell_of_drift
from salesinsight_assets_tests.conftest import Platform
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
    ("sensor", "table", "where", "name", "entry"),
    [
        (tell_of_drift, "feature_drift", "feature = 'log_amount' AND population = 'open'", "log_amount, open", "drift"),
        (tell_of_defaults, "feature_defaults", "feature = 'amount_change'", "amount_change", "defaults"),
        (
            ask_for_training,
            "model_checks",
            "segment = 'all deals' AND weeks = 2",
            "all deals, all deals, 2",
            "predictions",
        ),
    ],
)
def test_an_alarm_of_a_weekly_check_is_told_once_and_again_when_it_is_over(
    watched_platform, slack, sensor, table, where, name, entry
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
    assert fields["text"].endswith(f"as of 2025-03-31\n• {name}: off\nWhat to do: docs/runbook.md#{entry}")
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
