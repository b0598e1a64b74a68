"""Feedback: what an answer means, links that only their maker can have made, silences that end."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pytest

from salesinsight_assets.domain.alerts.silences import silences, silent_because
from salesinsight_assets.domain.delivery.payloads import ToldDeal
from salesinsight_assets.domain.delivery.slack_blocks import (
    BUTTONS_BLOCK,
    SlackButtons,
    alert_as_blocks,
    answered_blocks,
)
from salesinsight_assets.domain.delivery.texts import mailed_text
from salesinsight_assets.domain.feedback.answers import (
    ANSWERS,
    ToldAlert,
    button_value,
    from_button,
    silence_of,
    verdict_of,
    what_follows,
)
from salesinsight_assets.domain.feedback.asked import asked_silences
from salesinsight_assets.domain.feedback.links import LinkError, Links, digest_links
from salesinsight_assets.domain.feedback.policy import FeedbackPolicy
from salesinsight_assets_tests.domain.test_delivery import CONTENT, HIGH_TEXT

TODAY, NOW = date(2024, 3, 15), datetime(2024, 3, 16, 9, 0, tzinfo=UTC)
ALERT = ToldAlert("digest:2024-03-15:005A", TODAY, "005A", "006B", "likely_loss")
DIGEST = ToldAlert("digest:2024-03-15:005A", TODAY, "005A")
POLICY = FeedbackPolicy()
LINKS = Links("https://insight.example.com", "k" * 32, 60)
STORED = ["kind", "owner_id", "opportunity_id", "rule", "channel", "since", "until", "withdrawn_at"]


def test_verdicts_are_counted_and_the_rest_is_asked_for():
    assert {answer: verdict_of(answer) for answer in ANSWERS if verdict_of(answer)} == {
        "helpful": "helpful", "not_helpful": "not_helpful", "wrong": "wrong",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "deal", "rule", "channel", "days"),
    [
        ("snooze", "006B", None, None, 7),
        ("wrong", "006B", "likely_loss", None, 30),
        ("mute_deal", "006B", None, None, 90),
        ("mute_rule", None, "likely_loss", None, 30),
        ("unsubscribe", None, None, "email", None),
    ],
)
def test_what_is_silent_and_for_how_long(answer, deal, rule, channel, days):
    found = silence_of(answer, ALERT, NOW, POLICY)
    assert (found.owner_id, found.opportunity_id, found.rule, found.channel) == ("005A", deal, rule, channel)
    assert found.until == (days and NOW + timedelta(days=days))


def test_helpful_asks_for_no_silence():
    assert [answer for answer in ANSWERS if silence_of(answer, ALERT, NOW, POLICY) is None] == [
        "helpful", "not_helpful", "tell_me_again", "subscribe",
    ]  # fmt: skip


def test_every_answer_is_confirmed_in_words():
    assert all(what_follows(answer, ALERT, POLICY) for answer in ANSWERS)
    assert what_follows("mute_rule", ALERT, POLICY) == "“likely loss” is not told of any of your deals for 30 days."


@pytest.mark.parametrize("answer", ANSWERS)
def test_a_link_says_what_was_signed(answer):
    token = LINKS.token(answer, ALERT)
    assert LINKS.read(token, TODAY) == (answer, ALERT)
    assert LINKS.read(LINKS.token("unsubscribe", DIGEST), TODAY) == ("unsubscribe", DIGEST)


def test_a_link_that_was_changed_or_signed_by_another_key_is_refused():
    token = LINKS.token("helpful", ALERT)
    others = [token[:-1] + ("A" if token[-1] != "A" else "B"), token[:20], "", "x.y", "é" * 20, token + "x",
              replace(LINKS, secret_key="l" * 32).token("helpful", ALERT)]  # fmt: skip
    for other in others:
        with pytest.raises(LinkError, match="not complete"):
            LINKS.read(other, TODAY)


def test_a_link_works_until_its_days_are_over():
    token = LINKS.token("helpful", ALERT)
    assert LINKS.read(token, TODAY + timedelta(days=60))
    with pytest.raises(LinkError, match="is of 15 March 2024 and no longer works"):
        LINKS.read(token, TODAY + timedelta(days=61))


def test_the_mailed_text_reads_as_the_product_says_with_the_addresses_below():
    deals = [ToldDeal("006B", "Proposal", [], CONTENT, "likely_loss")]
    links = digest_links(LINKS, DIGEST, deals, POLICY, lambda deal: f"https://acme.my.salesforce.com/{deal}")
    text = mailed_text([CONTENT], None, links)
    assert text.startswith(HIGH_TEXT + "\n👍 https://insight.example.com/answer/")
    up, down, snooze, salesforce = text.split(HIGH_TEXT + "\n")[1].split("\n\n")[0].splitlines()
    for line, answer in ((up, "helpful"), (down, "not_helpful"), (snooze, "snooze")):
        assert LINKS.read(line.rpartition("/")[2], TODAY) == (answer, ALERT)
    assert snooze.startswith("Snooze 7 days: ")
    assert salesforce == "Open in Salesforce: https://acme.my.salesforce.com/006B"
    assert text.splitlines()[-1] == f"Unsubscribe from these e-mails: {links.unsubscribe}"


def test_without_links_nothing_is_asked():
    assert mailed_text([CONTENT], "ℹ️ note", None) == "ℹ️ note\n\n" + HIGH_TEXT.rpartition("\n")[0]


def stored(**row: object) -> pd.DataFrame:
    usual = {
        "kind": "snooze",
        "owner_id": "005A",
        "opportunity_id": "006B",
        "since": NOW,
        "until": NOW + timedelta(days=7),
    }
    frame = pd.DataFrame([{**dict.fromkeys(STORED), **usual, **row}])
    return frame.assign(**{name: pd.to_datetime(frame[name], utc=True) for name in ("since", "until", "withdrawn_at")})


@pytest.mark.parametrize(
    ("row", "moment", "holds"),
    [
        ({}, NOW, True),
        ({}, NOW - timedelta(seconds=1), False),
        ({}, NOW + timedelta(days=7), False),
        ({"until": None}, NOW + timedelta(days=999), True),
        ({"withdrawn_at": NOW + timedelta(days=1)}, NOW + timedelta(hours=23), True),
        ({"withdrawn_at": NOW + timedelta(days=1)}, NOW + timedelta(days=1), False),
    ],
)
def test_a_silence_holds_from_its_beginning_to_its_end(row, moment, holds):
    assert len(asked_silences(stored(**row), moment)) == holds


def test_the_reason_says_who_asked_and_until_when():
    assert asked_silences(stored(), NOW)["because"].tolist() == ["snoozed by the rep on 2024-03-16, until 2024-03-23"]
    forever = stored(kind="unsubscribe", opportunity_id=None, channel="email", until=None)
    found = asked_silences(forever, NOW)
    assert found["because"].tolist() == ["unsubscribed from e-mails by the rep on 2024-03-16"]
    assert found["spares_high"].tolist() == [True]


def test_an_alert_is_silent_for_the_first_reason_that_fits():
    rows = [
        ("005A", "006B", "slow_deal", "MEDIUM"),
        ("005A", "006C", "likely_loss", "HIGH"),
        ("005Z", "006B", "slow_deal", "MEDIUM"),
    ]
    alerts = pd.DataFrame(rows, columns=["owner_id", "opportunity_id", "rule", "priority"])
    asked = silences(
        [
            {"owner_id": "005A", "opportunity_id": "006B", "because": "first"},
            {"owner_id": "005A", "rule": "slow_deal", "because": "second"},
            {"owner_id": "005A", "spares_high": True, "because": "third"},
        ]
    )
    assert silent_because(alerts, asked).tolist() == ["first", None, None]
    assert silent_because(alerts, asked.iloc[1:]).tolist() == ["second", None, None]
    assert silent_because(alerts, asked.iloc[2:]).tolist() == ["third", None, None]
    assert silent_because(alerts, silences([])).tolist() == [None, None, None]


# --- Slack's buttons ---


def test_the_buttons_stand_last_and_hand_back_what_they_are_about():
    buttons = SlackButtons(button_value(ALERT), 7, "https://acme.my.salesforce.com/006B")
    *_, last = alert_as_blocks(CONTENT, None, buttons)
    assert [element["text"]["text"] for element in last["elements"]] == [
        "Helpful", "Not helpful", "Snooze 7 days", "Open in Salesforce",
    ]  # fmt: skip
    assert {from_button(element["value"]) for element in last["elements"] if "value" in element} == {ALERT}
    assert len({element["action_id"] for element in last["elements"]}) == 4
    for element in last["elements"]:  # https://docs.slack.dev/reference/block-kit/block-elements/button-element
        assert len(element["text"]["text"]) <= 75
        assert len(element.get("value", "")) <= 2000
        assert len(element.get("url", "")) <= 3000


def test_without_a_way_to_answer_there_are_no_buttons():
    assert alert_as_blocks(CONTENT, None, SlackButtons(None, 7)) == alert_as_blocks(CONTENT)


def test_an_answered_message_keeps_all_but_the_buttons_that_asked():
    blocks = alert_as_blocks(CONTENT, None, SlackButtons(button_value(ALERT), 7, "https://acme.my.salesforce.com/006B"))
    after = answered_blocks(blocks, "Nothing is told of this deal for 7 days.")
    assert after[: len(blocks) - 1] == blocks[:-1]
    said, links = after[len(blocks) - 1 :]
    assert said["elements"][0]["text"] == "Nothing is told of this deal for 7 days."
    assert [button["text"]["text"] for button in links["elements"]] == ["Open in Salesforce"]
    assert links["block_id"] == BUTTONS_BLOCK
