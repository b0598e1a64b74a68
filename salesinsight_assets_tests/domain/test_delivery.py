"""Messages: word for word what a rep reads, one digest a day, a Slack message for each HIGH, under keys used once."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest

from salesinsight_assets.domain.alerts.actions import Playbook
from salesinsight_assets.domain.delivery.messages import MESSAGE_COLUMNS, alert_messages
from salesinsight_assets.domain.delivery.texts import (
    AlertContent,
    alert_text,
    digest_subject,
    digest_text,
    money,
    rows_note,
    slack_text,
)

TODAY, NOW = date(2024, 3, 15), datetime(2024, 3, 16, 5, 30, tzinfo=UTC)
HIGH_TEXT = """\
🔴 HIGH PRIORITY

Deal: Acme Corp - Enterprise License ($125,000)
Win Probability: 24% (was 45% last week) ⬇️
Risk Level: HIGH

Why this deal is at risk:
• Sales cycle 45% longer than expected
• Stuck in Proposal stage for 21 days
• No activity in last 14 days

Recommended actions:
1. Schedule executive alignment call this week
2. Send competitive comparison document
3. Propose pilot program to reduce risk

Potential revenue at risk: $125,000
Was this helpful?  👍  👎      Snooze 7 days"""
AGAINST = {
    "age": "Sales cycle 45% longer than expected",
    "time in stage": "Stuck in Proposal stage for 21 days",
    "last activity": "No activity in last 14 days",
}
CONTENT = AlertContent(
    priority="HIGH",
    name="Acme Corp - Enterprise License",
    amount=125_000.0,
    currency="USD",
    win_probability=0.24,
    win_probability_7d_ago=0.45,
    risk_level="HIGH",
    against=list(AGAINST.values()),
    in_favour=[],
    actions=[
        "Schedule executive alignment call this week",
        "Send competitive comparison document",
        "Propose pilot program to reduce risk",
    ],
)


def reason(fact: str, text: str, direction: str = "against") -> dict[str, object]:
    return {"text": text, "fact": fact, "direction": direction, "source": "model", "value": 1.0, "norm": 1.0}


def alerts(*rows: dict[str, object]) -> pd.DataFrame:
    """Alerts to word; what is not said of one is that of HIGH_TEXT."""
    usual = {
        "opportunity_id": "a", "rule": "likely_loss", "owner_id": "rep 1", "priority": "HIGH", "amount": 125_000.0,
        "win_probability": 0.24, "rank": 1, "episode_id": "a:likely_loss:2024-03-15", "as_of_date": pd.Timestamp(TODAY),
        "name": "Acme Corp - Enterprise License", "stage_name": "Proposal", "deal_amount": 125_000.0, "currency_iso_code": "USD",
        "win_probability_7d_ago": 0.45, "risk_level": "HIGH", "model_id": "win-1", "is_fallback": False, "age_days": 87.0,
        "expected_cycle_days": 60.0, "stage_position": 0.6, "reasons": json.dumps([reason(fact, text) for fact, text in AGAINST.items()]),
    }  # fmt: skip
    return pd.DataFrame([{**usual, **row} for row in rows], columns=list(usual))


REPS = pd.DataFrame(
    {
        "id": ["rep 1", "rep 2", "rep 3"],
        "name": ["Ann", "Bob", "Cy"],
        "email": ["ann@example.com", "bob@example.com", None],
    }
)


def messages(*rows: dict[str, object]) -> pd.DataFrame:
    return alert_messages(alerts(*rows), REPS, TODAY, NOW, Playbook())


def text_of(message: pd.Series) -> str:
    return json.loads(message["payload"])["text"]


# --- words ---


def test_a_high_alert_reads_word_for_word_as_the_product_says():
    assert alert_text(CONTENT) == HIGH_TEXT


def test_the_message_made_from_an_alert_reads_the_same():
    digest, slack = (row for _, row in messages({}).iterrows())
    assert text_of(digest) == HIGH_TEXT
    assert text_of(slack) == HIGH_TEXT
    assert json.loads(digest["payload"])["subject"] == "1 deal needs you today: Acme Corp - Enterprise License"


def test_a_note_on_the_rows_stands_above_the_digest_and_each_slack_message():
    note = rows_note(datetime(2024, 3, 14, 14, 0), is_upload=False)
    made = alert_messages(alerts({}, {"opportunity_id": "b"}), REPS, TODAY, NOW, Playbook(), note)
    assert list(made["channel"]) == ["email", "slack", "slack"]
    assert all(text_of(message).startswith(f"{note}\n\n🔴 HIGH PRIORITY\n") for _, message in made.iterrows())
    assert text_of(made.iloc[0]).count("ℹ️") == 1


def test_what_speaks_for_a_deal_and_the_rule_are_said_apart():
    content = replace(
        CONTENT, priority="MEDIUM", risk_level="MEDIUM", against=["Pushed twice", "B", "C", "D"],
        in_favour=["Strong source", "Active", "Third"], rule_sentence="Win probability fell from 45% to 24% in 7 days",
    )  # fmt: skip
    blocks = alert_text(content).split("\n\n")
    assert blocks[0] == "🟡 MEDIUM PRIORITY"
    assert blocks[2] == "Why this deal is at risk:\n• Pushed twice\n• B\n• C"
    assert blocks[3] == "Alert rule: Win probability fell from 45% to 24% in 7 days"
    assert blocks[4] == "What speaks for it:\n• Strong source\n• Active"


def test_without_reasons_there_is_no_empty_list():
    assert "Why this deal" not in alert_text(replace(CONTENT, against=[]))


@pytest.mark.parametrize(
    ("now", "before", "words"),
    [
        (0.24, 0.45, "24% (was 45% last week) ⬇️"),
        (0.45, 0.24, "45% (was 24% last week) ⬆️"),
        (0.241, 0.244, "24% (was 24% last week)"),
        (0.24, None, "24%"),
        (0.24, float("nan"), "24%"),
    ],
)
def test_the_win_probability_tells_last_weeks_where_it_is_known(now, before, words):
    lines = alert_text(replace(CONTENT, win_probability=now, win_probability_7d_ago=before)).splitlines()
    assert lines[3] == f"Win Probability: {words}"


def test_a_score_by_rules_is_labelled():
    made = messages({"model_id": "rules", "is_fallback": True})
    line = text_of(made.iloc[0]).splitlines()[3]
    assert line == "Win Probability: 24% (was 45% last week) ⬇️ · scored by rules, not by a model"


def test_a_base_rate_is_labelled_and_says_that_there_is_not_enough_signal():
    made = messages({"model_id": "base-rate-2024-03-01-0", "is_fallback": True, "win_probability_7d_ago": 0.24})
    line = text_of(made.iloc[0]).splitlines()[3]
    assert line == (
        "Win Probability: 24% (was 24% last week) · the base rate of its stage: not enough signal to tell deals apart"
    )


@pytest.mark.parametrize(
    ("amount", "currency", "words"),
    [
        (125_000.0, "USD", "$125,000"),
        (1_234_567.89, "EUR", "€1,234,568"),
        (99.5, "GBP", "£100"),
        (8_100.4, "CHF", "CHF 8,100"),
        (5.0, None, "5"),
        (0.0, "JPY", "¥0"),
        (float("nan"), "EUR", "amount unknown"),
    ],
)
def test_money_in_words(amount, currency, words):
    assert money(amount, currency) == words


def test_a_digest_of_several_deals_parts_them_by_a_line():
    other = replace(CONTENT, name="Globex")
    assert digest_text([CONTENT, other]) == f"{HIGH_TEXT}\n\n{'─' * 40}\n\n{alert_text(other)}"
    assert digest_subject([CONTENT, other]) == "2 deals need you today, first Acme Corp - Enterprise License"


def test_what_slack_reads_as_markup_is_escaped_there_and_only_there():
    name = '<@U123> & "Sons" <script>'
    digest, slack = (text_of(row) for _, row in messages({"name": name}).iterrows())
    assert 'Deal: &lt;@U123&gt; &amp; "Sons" &lt;script&gt; ($125,000)' in slack
    assert f"Deal: {name} ($125,000)" in digest
    assert slack_text(CONTENT) == HIGH_TEXT


def test_the_rule_is_not_said_where_a_reason_says_the_same():
    slow = {"rule": "slow_deal", "priority": "MEDIUM"}
    assert "Alert rule" not in text_of(messages(slow).iloc[0])
    other = json.dumps([reason("pushes", "Close date pushed 3 times (usual: 0)")])
    assert "Alert rule: Sales cycle 45% longer than expected (87 days; 60 expected)" in text_of(
        messages({**slow, "reasons": other}).iloc[0]
    )


# --- who gets what ---


def test_a_rep_gets_one_digest_and_slack_only_for_high():
    made = messages(
        {
            "opportunity_id": "b",
            "rank": 2,
            "priority": "MEDIUM",
            "rule": "slow_deal",
            "name": "Globex",
            "episode_id": "b:slow",
        },
        {"rank": 1},
        {
            "opportunity_id": "c",
            "rank": 3,
            "owner_id": "rep 2",
            "priority": "MEDIUM",
            "rule": "slow_deal",
            "episode_id": "c:slow",
        },
    )
    assert made[["message_key", "channel", "recipient"]].to_numpy().tolist() == [
        ["digest:2024-03-15:rep 1", "email", "ann@example.com"],
        ["slack:a:likely_loss:2024-03-15:2024-03-15", "slack", "ann@example.com"],
        ["digest:2024-03-15:rep 2", "email", "bob@example.com"],
    ]
    assert made["owner_id"].tolist() == ["rep 1", "rep 1", "rep 2"]
    assert made["opportunity_id"].fillna("").tolist() == ["", "a", ""]
    first = text_of(made.iloc[0])
    assert first.index("Acme Corp") < first.index("Globex")
    assert (made["status"] == "pending").all()
    assert made["error"].isna().all()
    assert list(made.columns) == MESSAGE_COLUMNS


def test_message_keys_are_unique_and_the_same_when_made_again():
    rows = [
        {"opportunity_id": f"deal {n}", "owner_id": f"rep {n % 3}", "rank": n, "episode_id": f"deal {n}:likely_loss"}
        for n in range(9)
    ]
    made = messages(*rows)
    assert made["message_key"].is_unique
    assert made["message_key"].tolist() == messages(*rows)["message_key"].tolist()
    assert len(made) == 3 + 9


def test_an_episode_told_again_a_week_later_has_a_new_key():
    later = messages({"as_of_date": pd.Timestamp(2024, 3, 22)})
    assert later["message_key"].tolist()[1] != messages({})["message_key"].tolist()[1]


@pytest.mark.parametrize("owner", ["rep 3", "nobody"])
def test_an_owner_without_an_address_is_a_failed_message_with_its_reason(owner):
    made = messages({"owner_id": owner})
    assert made["status"].tolist() == ["failed", "failed"]
    assert made["recipient"].isna().all()
    assert set(made["error"]) == {"the CRM has no e-mail address for this owner"}


def test_missing_numbers_and_currency_are_worded():
    text = text_of(
        messages({"deal_amount": np.nan, "currency_iso_code": None, "win_probability_7d_ago": np.nan}).iloc[0]
    )
    assert "Deal: Acme Corp - Enterprise License (amount unknown)\nWin Probability: 24%\n" in text


def test_no_alerts_make_no_messages():
    made = messages()
    assert len(made) == 0
    assert list(made.columns) == MESSAGE_COLUMNS
