"""Every text that people read, as a whole: from small fixed inputs through the public functions that render it."""

import ast
import json
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from salesinsight_assets.domain.delivery.digest_html import digest_html
from salesinsight_assets.domain.delivery.payloads import ToldDeal
from salesinsight_assets.domain.delivery.slack_blocks import SlackButtons, alert_as_blocks
from salesinsight_assets.domain.delivery.texts import (
    AlertContent,
    alert_text,
    digest_preview,
    digest_subject,
    mailed_text,
    rows_note,
    slack_text,
)
from salesinsight_assets.domain.experiments.lift import ACTED_ON, WON, Arm, Lift
from salesinsight_assets.domain.experiments.sequences import Interval
from salesinsight_assets.domain.feedback.answers import ToldAlert, button_value
from salesinsight_assets.domain.feedback.links import Links, digest_links
from salesinsight_assets.domain.feedback.policy import FeedbackPolicy
from salesinsight_assets.domain.monitoring.episodes import Told, news
from salesinsight_assets.domain.reports.business_review import business_review
from salesinsight_assets.domain.reports.business_review_pages import business_review_sections, business_review_title
from salesinsight_assets.domain.reports.coaching import Figures, Rep
from salesinsight_assets.domain.reports.coaching_actions import suggested_actions
from salesinsight_assets.domain.reports.coaching_policy import CoachingPlaybook, CoachingPolicy
from salesinsight_assets.domain.reports.coaching_texts import card_text
from salesinsight_assets.domain.reports.engagement import Engagement
from salesinsight_assets.domain.reports.model_check_pages import model_check_sections, model_check_title
from salesinsight_assets.domain.reports.page_html import as_html
from salesinsight_assets.domain.reports.pages import Section, as_markdown
from salesinsight_assets.domain.reports.pipeline_health_pages import pipeline_health_sections, pipeline_health_title
from salesinsight_assets.domain.reports.rep_performance import rep_performance_sections, rep_performance_title
from salesinsight_assets.domain.reports.replay_pages import replay_sections, replay_title
from salesinsight_assets.domain.reports.report import COMPANY, Report, mail_payload
from salesinsight_assets.domain.shares import share
from salesinsight_assets_tests.domain import test_model_check, test_pipeline_health, test_replay
from salesinsight_assets_tests.domain.examples_of_reps import LEVEL, SARAH
from salesinsight_assets_tests.domain.test_coaching_texts import TOP
from salesinsight_assets_tests.domain.test_delivery import CONTENT
from salesinsight_assets_tests.domain.test_rep_performance import AVERAGE, SILENT, cards
from salesinsight_assets_tests.golden_files import GOLDENS, HOW_TO_REWRITE, difference

TODAY = date(2024, 3, 15)
NOTE = rows_note(datetime(2024, 3, 14, 14, 0), is_upload=False)
PICTURE = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (900).to_bytes(4, "big") + (300).to_bytes(4, "big")
"""The head of a PNG, of which only the width is read."""
MEDIUM = replace(
    CONTENT,
    priority="MEDIUM",
    name="Globex GmbH - Rahmenvertrag Süd",
    amount=48_210.0,
    currency="EUR",
    win_probability=0.52,
    win_probability_7d_ago=0.52,
    risk_level="MEDIUM",
    against=["Close date pushed 3 times (usual: 0)"],
    in_favour=["Lead source Referral wins 48% (company: 39%)", "5 meetings in 30 days (usual: 2)"],
    rule_sentence="Sales cycle 45% longer than expected (87 days; 60 expected)",
    caveat="scored by rules, not by a model",
)
DAY_OF_DEALS = [CONTENT, MEDIUM]
POLICY, COACHING, PLAYBOOK = FeedbackPolicy(), CoachingPolicy(), CoachingPlaybook()


def told(content: AlertContent, place: int) -> ToldDeal:
    return ToldDeal(f"006{place}", "Proposal", [], content, "likely_loss" if place == 1 else "slow_deal")


LINKS = digest_links(
    Links("https://insight.example.com", "k" * 32, 60),
    ToldAlert("digest:2024-03-15:005A", TODAY, "005A"),
    [told(content, place) for place, content in enumerate(DAY_OF_DEALS, 1)],
    POLICY,
    lambda deal: f"https://example.my.salesforce.com/{deal}",
)
BUTTONS = SlackButtons(
    button_value(ToldAlert("slack:0061:likely_loss:2024-03-15", TODAY, "005A", "0061", "likely_loss")),
    POLICY.snooze_days,
    "https://example.my.salesforce.com/0061",
)


# --- the rep ---


def test_golden_alert(golden):
    golden("rep_alert.txt", alert_text(CONTENT))


def test_golden_digest_as_text(golden):
    head = f"Subject: {digest_subject(DAY_OF_DEALS)}\nPreview: {digest_preview(DAY_OF_DEALS)}\n\n"
    golden("digest.txt", head + mailed_text(DAY_OF_DEALS, NOTE, LINKS))


def test_golden_digest_as_html(golden):
    golden("digest.html", digest_html(DAY_OF_DEALS, NOTE, LINKS))


def test_golden_slack_message(golden):
    message = {
        "text": slack_text(CONTENT, NOTE, is_asked=False).split("\n"),
        "blocks": alert_as_blocks(CONTENT, NOTE, BUTTONS),
    }
    golden("slack_alert.json", json.dumps(message, ensure_ascii=False, indent=2))


# --- the manager ---


def card(figures: Figures, top=None) -> str:
    return card_text(figures, suggested_actions(figures, top, PLAYBOOK, COACHING), "USD", COACHING)


def test_golden_coaching_cards(golden):
    golden("coaching_card.txt", card(SARAH, TOP))
    golden("coaching_card_level.txt", card(LEVEL))
    golden("coaching_card_silent.txt", card(Figures(Rep("rep 2", "Nadia Patel", "manager"), 14)))


# --- the reports ---


def report(name: str, title: str, sections: list[Section]) -> Report:
    pictures = {section.picture: PICTURE for section in sections if section.picture}
    return Report(name, title, COMPANY, TODAY, sections, pictures, note=NOTE if name == "pipeline_health" else None)


def pipeline_health() -> Report:
    names = {"a": "Acme Corp - Enterprise License", "b": "Globex GmbH - Rahmenvertrag Süd"}
    deals = test_pipeline_health.open_deals("a", "b")
    deals = deals.assign(name=deals["opportunity_id"].map(names), owner_name=["Sarah Johnson", "Ann Lee"])
    found = test_pipeline_health.health(now=deals)
    return report("pipeline_health", pipeline_health_title(found), pipeline_health_sections(found))


def rep_performance() -> Report:
    sections = rep_performance_sections(cards(AVERAGE, SARAH, SILENT), "USD", COACHING)
    return report("rep_performance", rep_performance_title("Dana Lee", date(2025, 3, 31)), sections)


def model_check() -> Report:
    found = test_model_check.check(checks=(test_model_check.CHECK, test_model_check.WEB))
    return report("model_check", model_check_title(found), model_check_sections(found))


ENGAGEMENT = Engagement(
    dashboard=share(21, 24),
    opened=share(130, 210),
    acted_on=share(150, 400),
    lifts={lift.measure: lift.figures for lift in (
        Lift(ACTED_ON, Arm(150, 400), Arm(22, 100), Interval(0.02, 0.29)),
        Lift(WON, Arm(60, 180), Arm(13, 44), Interval(-0.2, 0.27)),
    )},
)  # fmt: skip


def review() -> Report:
    random = np.random.default_rng(5)
    chance = random.random(400)
    became = pd.DataFrame(
        {
            "win_probability": chance,
            "is_won": random.random(400) < chance,
            "decided_on": pd.Timestamp("2024-04-01") + pd.to_timedelta(np.arange(400) % 60, unit="D"),
        }
    )
    decided = pd.DataFrame(
        {
            "is_won": np.arange(2400) % 10 < 3,
            "decided_on": pd.Timestamp("2024-02-01") + pd.to_timedelta(np.arange(2400) // 20, unit="D"),
            "cycle_days": 100.0 + np.arange(2400) % 7,
        }
    )
    found = business_review(
        date(2024, 6, 14), became, decided, date(2024, 2, 1), date(2024, 3, 1), engagement=ENGAGEMENT
    )
    return report("business_review", business_review_title(found), business_review_sections(found))


def replay() -> Report:
    found = test_replay.report_of(test_replay.OPEN_DEALS, test_replay.SOME_ALERTS, test_replay.DECIDED)
    return report("replay", replay_title(found), replay_sections(found))


REPORTS = {made.name: made for made in (pipeline_health(), rep_performance(), model_check(), review(), replay())}


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("pipeline_health", "pipeline_health.txt"),
        ("rep_performance", "rep_performance.txt"),
        ("model_check", "model_check.txt"),
        ("business_review", "business_review.txt"),
        ("replay", "replay.txt"),
    ],
)
def test_golden_reports_as_text(golden, name, file):
    golden(file, REPORTS[name].text)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("pipeline_health", "pipeline_health_mail.html"),
        ("rep_performance", "rep_performance_mail.html"),
        ("model_check", "model_check_mail.html"),
        ("business_review", "business_review_mail.html"),
    ],
)
def test_golden_reports_as_mails(golden, name, file):
    golden(file, mail_payload(REPORTS[name])["html"])


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("pipeline_health", "pipeline_health_page.html"),
        ("rep_performance", "rep_performance_page.html"),
        ("model_check", "model_check_page.html"),
        ("business_review", "business_review_page.html"),
    ],
)
def test_golden_reports_as_pages(golden, name, file):
    golden(file, REPORTS[name].page)


def test_golden_replay_as_a_page_and_as_dagster_shows_it(golden):
    made = REPORTS["replay"]
    golden("replay_page.html", as_html(made.title, made.sections, made.pictures))
    golden("replay.md", as_markdown(made.title, made.sections, made.pictures))


def test_golden_report_as_dagster_shows_it(golden):
    made = REPORTS["pipeline_health"]
    golden("pipeline_health.md", as_markdown(made.title, made.sections, made.pictures))


# --- the data engineer ---


def test_golden_alarm_and_its_end(golden):
    title = "Deals differ from those of the weeks before, as of 2024-03-15"
    began = news(Told(), {"age_days, new": "median 90, usual 40", "log_amount, open": "median 9, usual 11"}, title)
    over = news(Told("2024-03-08", frozenset({"age_days, new"})), {}, title)
    assert began
    assert over
    golden("alarm.txt", f"{began}\n\n{over}")


# --- the files ---


def test_every_golden_file_is_compared_by_a_test():
    sources = [ast.parse(path.read_text(encoding="utf-8")) for path in Path(__file__).parents[1].rglob("test_*.py")]
    named = {node.value for tree in sources for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert {path.name for path in GOLDENS.iterdir()} <= named


def test_a_text_that_changed_is_shown_line_by_line_with_what_to_do():
    told = difference("rep_alert.txt", alert_text(replace(CONTENT, name="Globex")))
    assert told
    assert HOW_TO_REWRITE in told
    assert "-Deal: Acme Corp - Enterprise License ($125,000)\n+Deal: Globex ($125,000)\n" in told
    assert "there is no goldens/nothing.txt yet" in (difference("nothing.txt", "") or "")
