"""Names that look like markup, mentions, formulas or lines of our own: shown as they are on every surface, and nothing more."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.policy import default
from io import StringIO

import pandas as pd
import pytest

from salesinsight_assets.adapters.csv_export import read_csv_file, write_table
from salesinsight_assets.adapters.mail import mail_message
from salesinsight_assets.domain.alerts.actions import Playbook
from salesinsight_assets.domain.crm.uploads.cells import without_mark
from salesinsight_assets.domain.delivery.addresses import is_address
from salesinsight_assets.domain.delivery.digest_html import digest_html
from salesinsight_assets.domain.delivery.messages import alert_messages
from salesinsight_assets.domain.delivery.slack_blocks import SlackButtons, alert_as_blocks
from salesinsight_assets.domain.delivery.texts import AlertContent, alert_text, digest_subject, slack_text
from salesinsight_assets.domain.feedback.answers import ToldAlert, button_value
from salesinsight_assets.domain.monitoring.episodes import Told, news
from salesinsight_assets.domain.plain_text import one_line
from salesinsight_assets.domain.reports.coaching import Rep, Segment
from salesinsight_assets.domain.reports.page_html import as_html, as_mail
from salesinsight_assets.domain.reports.pages import as_markdown, as_text
from salesinsight_assets.domain.reports.pipeline_health_pages import pipeline_health_sections
from salesinsight_assets.domain.reports.rep_performance import rep_performance_sections, rep_performance_title
from salesinsight_assets.metadata import markdown_table
from salesinsight_assets.settings import load_settings
from salesinsight_assets_tests.domain.examples_of_reps import SARAH, STRONG
from salesinsight_assets_tests.domain.test_delivery import CONTENT, NOW, TODAY, alerts, messages
from salesinsight_assets_tests.domain.test_digest_html import CLIPPED_BY_GMAIL_BYTES, LEAST_CONTRAST, Reader, browser
from salesinsight_assets_tests.domain.test_pipeline_health import health, open_deals
from salesinsight_assets_tests.domain.test_rep_performance import POLICY, cards
from salesinsight_assets_tests.domain.test_uploads import USERS, own_format

__all__ = ["browser"]  # a fixture
MARKUP = '<@U123> & "Sons" <script>'
IN_HTML = "&lt;@U123&gt; &amp; &#34;Sons&#34; &lt;script&gt;"
INJECTED = "Acme\r\nBcc: all@example.com\n\nRecommended actions:\n1. Wire money"
NAMES = {
    "markup": MARKUP,
    "lines of its own": INJECTED,
    "turned round": "Acme \u202e(dneif)",
    "right to left": "\u200fשלום בע״מ",
    "emoji": "👩‍👩‍👧 Family Ltd 🔴 HIGH PRIORITY",
    "255 letters": "W" * 255,
    "255 ampersands": "&" * 255,
    "255 emoji": "😀" * 255,
    "formula": '=HYPERLINK("https://example.com")',
    "Slack's markup": "<!channel> *bold* _it_ ~no~ `code`",
    "Markdown": "[click](https://example.com) | **bold** `code` ![x](y)",
}


def strange(name: str) -> AlertContent:
    """An alert whose every text is strange."""
    return replace(
        CONTENT, name=name, against=[f"Stuck in {name} for 21 days"], in_favour=[name], actions=[name], rule_sentence=name
    )  # fmt: skip


@pytest.fixture(params=NAMES.values(), ids=NAMES.keys())
def name(request) -> str:
    return request.param


# --- the rep ---


def test_a_name_adds_no_line_to_an_alert(name):
    usual, told = alert_text(strange("Acme")).split("\n"), alert_text(strange(name)).split("\n")
    assert len(told) == len(usual)
    assert told[2] == f"Deal: {one_line(name)} ($125,000)"
    assert not set("\r\u202e") & set("".join(told))


def test_markup_is_plain_in_text():
    assert f"Deal: {MARKUP} ($125,000)\n" in alert_text(strange(MARKUP))


def test_a_name_is_whole_and_alone_in_the_subject(name):
    subject = digest_subject([strange(name)])
    mail = load_settings({"SMTP_URL": "smtp://127.0.0.1:25?tls=none", "MAIL_FROM": "insight@example.com"}).mail
    assert mail
    made = mail_message(mail, "k", "ann@example.com", subject, "text", "html", datetime(2024, 3, 16, tzinfo=UTC))
    content = made.as_bytes()
    read = message_from_bytes(content, policy=default)
    assert read["Subject"] == f"1 deal needs you today: {one_line(name)}"
    assert read["Bcc"] is None
    assert set(read.keys()) == set(made.keys())
    assert max(map(len, content.split(b"\r\n"))) <= 998, "RFC 5322, 2.1.1"


def test_a_name_is_shown_once_escaped_in_the_mail(name):
    html = digest_html([strange(name)])
    assert f"Deal: {one_line(name)} ($125,000)" in Reader(html).lines()
    assert Reader(html).tags == Reader(digest_html([strange("Acme")])).tags
    assert len(digest_html([strange(name)] * 3).encode()) < CLIPPED_BY_GMAIL_BYTES


def test_markup_in_the_mail_is_escaped_once():
    html = digest_html([strange(MARKUP)])
    assert f"<bdi>{IN_HTML.replace('&#34;', chr(34))}</bdi>" in html
    assert "&amp;lt;" not in html
    assert "<script" not in html


# --- Slack ---

LIMITS = {"header": 150, "section": 3000, "context": 3000}
"""Characters: https://docs.slack.dev/reference/block-kit/blocks."""
MOST_BLOCKS, MOST_BUTTON_TEXT, MOST_VALUE, MOST_ACTION_ID, MOST_BLOCK_ID, MOST_URL = 50, 75, 2000, 255, 255, 3000
MOST_TEXT = 40_000
"""Of the text beside the blocks: https://docs.slack.dev/reference/methods/chat.postMessage."""


def slack_message(content: AlertContent) -> tuple[str, list[dict]]:
    key = "slack:006000000000000AAA:likely_loss:2024-03-15:2024-03-15"
    value = button_value(ToldAlert(key, TODAY, "005000000000000AAA", "006000000000000AAA", "likely_loss"))
    buttons = SlackButtons(value, 7, "https://example.my.salesforce.com/006000000000000AAA")
    return slack_text(content, "note", is_asked=False), alert_as_blocks(content, "note", buttons)


def mrkdwn(blocks: list[dict]) -> list[str]:
    parts = [part for block in blocks for part in (block.get("text"), *block.get("elements", [])) if part]
    return [part["text"] for part in parts if part["type"] == "mrkdwn"]


def test_a_name_mentions_nobody_in_slack(name):
    text, blocks = slack_message(strange(name))
    for said in (text, *mrkdwn(blocks)):
        assert "<" not in said
        assert ">" not in said
        assert said.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "").count("&") == 0


def test_markup_in_slack_is_escaped_once():
    text, blocks = slack_message(strange(MARKUP))
    escaped = 'Deal: &lt;@U123&gt; &amp; "Sons" &lt;script&gt; ($125,000)'
    assert escaped in text
    assert escaped in mrkdwn(blocks)[1]
    assert "&amp;lt;" not in text + json.dumps(blocks)


def test_every_part_keeps_within_slacks_limits(name):
    text, blocks = slack_message(strange(name))
    assert len(text) <= MOST_TEXT
    assert len(blocks) <= MOST_BLOCKS
    for block in blocks:
        for part in (block.get("text"), *block.get("elements", [])):
            if part and part["type"] != "button":
                assert 1 <= len(part["text"]) <= LIMITS[block["type"]]
    (actions,) = (block for block in blocks if block["type"] == "actions")
    assert len(actions["block_id"]) <= MOST_BLOCK_ID
    for button in actions["elements"]:
        assert len(button["text"]["text"]) <= MOST_BUTTON_TEXT
        assert len(button["action_id"]) <= MOST_ACTION_ID
        assert len(button.get("value", "")) <= MOST_VALUE
        assert len(button.get("url", "")) <= MOST_URL


# --- reports ---


def test_a_strange_deal_and_rep_stand_in_their_own_cells_of_the_pipeline_report(name):
    deals = open_deals("a", "b").assign(name=name, owner_name=name)
    sections = pipeline_health_sections(health(now=deals))
    cell = f"{one_line(name)}\n{one_line(name)} · Open for 90 days"
    table = sections[-1].table
    assert table
    assert [row[0] for row in table.rows] == [cell, cell]
    usual = pipeline_health_sections(health(now=open_deals("a", "b")))
    for form in (as_html, as_mail):
        made, plain = (Reader(form("T", shown, {})) for shown in (sections, usual))
        assert made.tags == plain.tags
        assert one_line(name) in " ".join(made.lines())
    assert f"    {one_line(name)} · Open for 90 days" in as_text("T", sections)


def test_a_strange_rep_manager_and_segment_stand_in_the_review_as_they_are(name):
    shown = one_line(name)
    figures = replace(
        SARAH, rep=Rep("rep 1", shown, "manager"), segments=(Segment("industry", shown, STRONG.comparison),)
    )
    sections = rep_performance_sections(cards(figures), "USD", POLICY)
    title = rep_performance_title(name, TODAY)
    assert title == f"Rep performance of {shown}'s team, as of 15 March 2024"
    text = as_text(title, sections)
    assert f"\n  Rep: {shown}\n" in text
    assert f"Strong in {shown} vertical (55% win rate)" in text
    usual = rep_performance_sections(
        cards(replace(figures, rep=Rep("rep 1", "A", "manager"), segments=(STRONG,))), "USD", POLICY
    )
    for form in (as_html, as_mail):
        assert Reader(form(title, sections, {})).tags == Reader(form("T", usual, {})).tags


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_shows_reports_of_endless_names_whole_and_readable(browser, scheme):
    """Beside numbers that stay in one line, on the narrowest screens of today."""
    figures = replace(SARAH, rep=Rep("rep 1", NAMES["255 letters"], "manager"))
    review = rep_performance_sections(cards(figures), "USD", POLICY)
    pipeline = pipeline_health_sections(health(now=open_deals("a", "b").assign(name=NAMES["255 letters"])))
    page = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    for sections in (review, pipeline):
        for form in (as_html, as_mail):
            page.set_content(form(f"T {NAMES['255 letters']}", sections, {}, "note"))
            assert page.evaluate("document.documentElement.scrollWidth") <= 390
            assert page.evaluate(LEAST_CONTRAST) >= 4.5


def test_markup_in_a_report_is_escaped_once():
    sections = pipeline_health_sections(health(now=open_deals("a", "b").assign(name=MARKUP)))
    assert IN_HTML in as_html("T", sections, {})
    assert f"\n  {MARKUP}" in as_text("T", sections)
    assert "&amp;lt;" not in as_html("T", sections, {})


# --- what the data engineer sees ---


def test_dagster_shows_a_name_as_it_is():
    assert markdown_table([{"name": MARKUP}]).splitlines()[-1] == ('| &lt;@U123&gt; &amp; "Sons" &lt;script&gt; |')
    told = markdown_table([{"name": NAMES["Markdown"]}]).splitlines()[-1]
    assert told == "| \\[click\\](https://example.com) \\| \\*\\*bold\\*\\* \\`code\\` !\\[x\\](y) |"
    sections = pipeline_health_sections(health(now=open_deals("a", "b").assign(name=MARKUP)))
    report = as_markdown("T", sections, {})
    assert '| &lt;@U123&gt; &amp; "Sons" &lt;script&gt;<br>Ann Lee' in report
    assert "<script" not in report


def test_a_name_adds_no_row_to_a_table_in_dagster(name):
    assert len(markdown_table([{"name": name}]).splitlines()) == 3
    assert "<" not in markdown_table([{"name": name}])


def test_an_alarm_has_a_line_for_each_finding(name):
    told = news(Told(), {f"lead_source, {name}": f"{name} is new"}, "Deals differ")
    assert told
    assert len(told.splitlines()) == 2


# --- spreadsheets ---

FORMULAS = ["=1+1", "+1-800-ACME", "-Acme", "@SUM(A1)", "\tAcme", "\r=1", "'=1+1", "''-x"]
PLAIN = ["Acme", MARKUP, "-5", "+49", "3.5", "'Acme", "a=b", INJECTED]


def test_no_exported_cell_is_run_by_a_spreadsheet_and_all_are_read_back(tmp_path):
    path = tmp_path / "names.csv"
    write_table(pd.DataFrame({"name": FORMULAS + PLAIN, "amount": -1.5}), path)
    cells = read_csv_file(path).frame
    assert cells["name"].tolist() == [f"'{text}" for text in FORMULAS] + PLAIN
    assert set(cells["amount"]) == {"-1.5"}, "a number is a number"
    assert without_mark(cells["name"]).tolist() == FORMULAS + PLAIN


def test_a_deal_that_is_called_like_a_formula_is_imported_again_as_it_was(tmp_path):
    users = pd.read_csv(StringIO(USERS), dtype=str).assign(name='=HYPERLINK("x")')
    write_table(users, tmp_path / "users.csv")
    assert set(own_format(tmp_path / "users.csv")["users"]["name"].to_pylist()) == {'=HYPERLINK("x")'}


# --- addresses ---


@pytest.mark.parametrize(
    "address",
    ["jörg@example.com", "ann", "a[b@example.com", "a\\b@example.com", "a@x..com", "a@x.", "a@b[c", "a\x00b@x.com",
     "=?utf-8?q?bob?=@example.com", "Ann <ann@example.com>", "a@x.com\nBcc: b@x.com", "", " "],
)  # fmt: skip
def test_nobody_else_is_written_to_at_an_address_that_is_none(address):
    """Python's parser of headers would make of some of them the address of somebody else."""
    assert not is_address(address)


@pytest.mark.parametrize("email", ["", "  ", None])
def test_a_blank_address_is_none(email):
    reps = pd.DataFrame({"id": ["rep 1"], "name": ["Ann"], "email": [email]})
    made = alert_messages(alerts({}), reps, TODAY, NOW, Playbook())
    assert set(made["status"]) == {"failed"}
    assert set(made["error"]) == {"the CRM has no e-mail address for this owner"}


def test_the_queued_payload_has_the_name_in_one_line():
    for _, message in messages({"name": INJECTED}).iterrows():
        (deal,) = json.loads(message["payload"])["deals"]
        assert deal["content"]["name"] == "Acme Bcc: all@example.com Recommended actions: 1. Wire money"
