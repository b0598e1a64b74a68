"""Alerts to one person on Slack, by the real slack_sdk: each once, and what each way of failing is taken for."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from threading import Event

import pytest

from salesinsight_assets.adapters.slack import CLOCKS_DIFFER, SlackDoor
from salesinsight_assets.domain.delivery.attempts import Attempt
from salesinsight_assets.settings import SlackSettings
from salesinsight_assets_tests.scripted_slack import (
    LOST_AFTER,
    LOST_BEFORE,
    RESET_AFTER,
    RESET_BEFORE,
    ScriptedSlack,
    scripted_slack,
)

EVENING = datetime(2024, 3, 15, 20, tzinfo=UTC)
BLOCKS = [{"type": "section", "text": {"type": "mrkdwn", "text": "Deal: Acme"}}]


@pytest.fixture
def slack() -> Iterator[ScriptedSlack]:
    with scripted_slack() as server:
        yield server


@pytest.fixture
def door(slack) -> SlackDoor:
    return SlackDoor(SlackSettings("xoxb-1", slack.url))


def send(door: SlackDoor, key: str = "slack:a:2024-03-15", recipient: str = "ann@example.com"):
    return door.send(key, recipient, "Deal: Acme", BLOCKS)


def test_a_person_gets_one_direct_message_with_blocks_text_and_key(slack, door):
    slack.script = [(200, {}, {"ok": True, "ts": "17.5"})]
    attempt = send(door)
    assert (attempt.result, attempt.reference) == ("taken", "17.5")
    (message,) = slack.posted
    assert message["channel"] == "D-U-ann@example.com"
    assert (message["text"], message["blocks"]) == ("Deal: Acme", BLOCKS)
    assert message["metadata"]["event_payload"] == {"message_key": "slack:a:2024-03-15"}


def test_a_person_is_looked_up_once_for_several_messages(slack, door):
    for key in ("a", "b"):
        assert send(door, key).result == "taken"
    methods = [path.rpartition(".")[2] for path, _, _ in slack.calls]
    assert methods == ["lookupByEmail", "open", "postMessage", "postMessage"]


def error(name: str, status: int = 200):
    return (status, {"Retry-After": "0"}, {"ok": False, "error": name})


@pytest.mark.parametrize(
    ("script", "result", "said"),
    [
        ([error("user_disabled")], "refused", "Slack did not post the message: user_disabled"),
        ([error("msg_too_long")], "refused", "msg_too_long"),
        ([error("invalid_auth")], "busy", "invalid_auth"),
        ([error("ratelimited", 429)] * 3, "busy", "ratelimited"),
        ([error("internal_error")], "unclear", "does not know itself whether it posted the message: internal_error"),
        ([error("service_unavailable", 503)], "unclear", "service_unavailable"),
        ([LOST_BEFORE], "unclear", "lost before Slack had answered"),
        ([LOST_AFTER], "unclear", "lost before Slack had answered"),
        ([RESET_BEFORE], "unclear", "lost before Slack had answered"),
        ([RESET_AFTER], "unclear", "lost before Slack had answered"),
        ([error("channel_not_found")], "busy", "channel_not_found"),
        ([error("not_in_channel")], "busy", "not_in_channel"),
        ([(500, {}, b"")], "unclear", "does not know itself whether it posted the message"),
        ([(200, {}, b"<html>Welcome to the hotel's network</html>")], "unclear", "no answer of Slack's"),
        ([(404, {}, b"<html>no such page</html>")], "unclear", "no answer of Slack's"),
        ([(200, {}, b'{"ok": tr')], "unclear", "no answer of Slack's"),
        ([(200, {}, b"[]")], "unclear", "no answer of Slack's"),
        ([(200, {"Content-Length": "999"}, b'{"ok": true}')], "unclear", "lost before Slack had answered"),
        ([(429, {"Retry-After": "3600"}, {"ok": False, "error": "ratelimited"})], "busy", "ratelimited"),
    ],
)
def test_each_failure_is_taken_for_what_it_is_and_the_next_message_goes_through(slack, door, script, result, said):
    slack.script = list(script)
    attempt = send(door)
    assert attempt.result == result
    assert said in str(attempt.detail)
    assert send(door, "another").result == "taken"


@pytest.mark.parametrize("method", ["users.lookupByEmail", "conversations.open", "conversations.history"])
@pytest.mark.parametrize(
    "answer", [(200, {}, b"<html>"), (200, {}, b'{"ok": tr'), (200, {}, b"[]"), (200, {"Content-Length": "9"}, b"{}")]
)
def test_an_answer_that_is_not_slacks_to_a_question_is_no_answer(slack, door, method, answer):
    slack.scripts[method] = [answer] * 3
    if method == "conversations.history":
        assert door.find("key", "ann@example.com", EVENING).result == "unclear"
    else:
        assert send(door).result == "busy"
        assert slack.posted == []


def test_a_slack_that_does_not_answer_in_time_may_have_posted(slack):
    asleep = Event()
    slack.script = [lambda: LOST_AFTER if asleep.wait(10) else LOST_BEFORE]
    door = SlackDoor(replace(SlackSettings("xoxb-1", slack.url), timeout_seconds=0.2))
    attempt = send(door)
    asleep.set()
    assert attempt == Attempt("unclear", "the connection was lost before Slack had answered: timed out")


def test_a_clock_that_is_ahead_of_slacks_does_not_hide_what_arrived(slack, door):
    slack.clock = lambda: EVENING.timestamp() - 60
    slack.script = [LOST_AFTER]
    send(door, "arrived")
    assert door.find("arrived", "ann@example.com", EVENING).result == "taken"


def test_an_uncertain_post_is_not_repeated_by_itself(slack, door):
    slack.script = [LOST_AFTER]
    send(door)
    assert len(slack.posted) == 1


def test_a_rate_limit_is_waited_for(slack, door):
    slack.script = [error("ratelimited", 429)]
    assert send(door).result == "taken"
    assert len(slack.posted) == 1


def test_whether_an_uncertain_message_arrived_is_read_in_the_conversation(slack, door):
    slack.script = [LOST_AFTER, LOST_BEFORE]
    send(door, "arrived")
    send(door, "did not")
    assert door.find("arrived", "ann@example.com", EVENING).result == "taken"
    assert door.find("did not", "ann@example.com", EVENING).result == "busy"
    slack.scripts["conversations.history"] = [error("missing_scope")]
    found = door.find("arrived", "ann@example.com", EVENING)
    assert (found.result, found.detail) == (
        "unclear",
        "Slack could not be asked whether the message arrived: missing_scope",
    )


def test_a_long_conversation_is_read_to_its_end(slack, door):
    send(door, "old")
    first = {"ok": True, "messages": [], "response_metadata": {"next_cursor": "more"}}
    slack.scripts["conversations.history"] = [(200, {}, first)]
    assert door.find("old", "ann@example.com", EVENING).result == "taken"
    fields = [fields for path, _, fields in slack.calls if path.endswith("history")]
    assert [f.get("cursor") for f in fields] == [None, "more"]
    assert {f["oldest"] for f in fields} == {str((EVENING - CLOCKS_DIFFER).timestamp())}


def test_somebody_slack_does_not_know_is_refused_and_a_slack_that_is_away_is_not(slack, door):
    slack.strangers = {"nobody@example.com"}
    attempt = send(door, recipient="nobody@example.com")
    assert attempt.result == "refused"
    assert (
        attempt.detail == "Slack has nobody with the address nobody@example.com who can be written to: users_not_found"
    )
    away = SlackDoor(SlackSettings("xoxb-1", "http://127.0.0.1:1/api/"))
    assert send(away).result == "busy"
