"""Slack's blocks: the words of the alert, within the limits that Slack sets, and nothing that a name could mark up."""

from dataclasses import replace

from salesinsight_assets.domain.delivery.slack_blocks import MOST_HEADER, MOST_SECTION, alert_as_blocks
from salesinsight_assets_tests.domain.test_delivery import CONTENT

STRANGE = '<@U123> & "Sons" <script> *bold* _it_ ~no~ `code`'


def texts(blocks) -> list[str]:
    return [block["text"]["text"] if "text" in block else block["elements"][0]["text"] for block in blocks]


def test_an_alert_is_told_whole_and_its_titles_are_bold():
    head, deal, why, actions, at_risk = texts(alert_as_blocks(CONTENT))
    assert head == "🔴 HIGH PRIORITY"
    assert deal == (
        "Deal: Acme Corp - Enterprise License ($125,000)\nWin Probability: 24% (was 45% last week) ⬇️\nRisk Level: HIGH"
    )
    assert why == (
        "*Why this deal is at risk:*\n• Sales cycle 45% longer than expected\n• Stuck in Proposal stage for 21 days\n"
        "• No activity in last 14 days"
    )
    assert actions.startswith("*Recommended actions:*\n1. Schedule executive alignment call this week\n2. ")
    assert at_risk == "Potential revenue at risk: $125,000"


def test_a_note_on_the_rows_stands_first():
    first, second, *_ = alert_as_blocks(CONTENT, "ℹ️ As of yesterday")
    assert (first["type"], texts([first])) == ("context", ["ℹ️ As of yesterday"])
    assert second["type"] == "header"


def test_a_name_mentions_nobody_and_marks_nothing():
    (_, deal, *_) = texts(alert_as_blocks(replace(CONTENT, name=STRANGE)))
    assert '&lt;@U123&gt; &amp; "Sons" &lt;script&gt;' in deal
    for marked in ("*bold*", "_it_", "~no~", "`code`"):
        assert marked not in deal
    assert deal.replace("\u200b", "").count("*bold*") == 1


def test_no_block_is_longer_than_slack_takes():
    long = "&*" * 3000
    blocks = alert_as_blocks(replace(CONTENT, name=long, against=[long] * 3, priority="HIGH"), long)
    assert len(blocks) <= 50
    for block, text in zip(blocks, texts(blocks), strict=True):
        assert len(text) <= (MOST_HEADER if block["type"] == "header" else MOST_SECTION)
        assert text.count("&") == text.count("&amp;"), "an escape was cut in two"
    assert any(text.endswith("…") for text in texts(blocks))
