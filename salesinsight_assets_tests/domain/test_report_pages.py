"""The frame of a report: text, page and mail say the same, in a form that mail programs take, and each mail has its key."""

import base64
import json
import re
from datetime import UTC, date, datetime

import pytest

from salesinsight_assets.domain.reports.due import due_after
from salesinsight_assets.domain.reports.page_html import as_html, as_mail, picture_width
from salesinsight_assets.domain.reports.pages import Section, Table, as_markdown, as_text
from salesinsight_assets.domain.reports.report import (
    COMPANY,
    Report,
    is_over,
    is_report,
    mail_payload,
    pictures_of,
    report_messages,
    report_rows,
)
from salesinsight_assets_tests.domain.test_digest_html import CLIPPED_BY_GMAIL_BYTES, Reader

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (900).to_bytes(4, "big") + (300).to_bytes(4, "big") + b"rest"
TABLE = Table(("Deal", "Amount"), [("Acme <b>\nAnn & Bob", "$5k"), ("Globex", "$120k")], ("Amount",))
SECTIONS = [Section("In short", ["3 deals <script>"], "movement", TABLE), Section("Nothing", [])]
PICTURES = {"movement": PNG}
NOTE = "Salesforce was not read this night."


def report(**changed) -> Report:
    values = {"name": "pipeline_health", "title": "Pipeline health", "audience": COMPANY, "as_of": date(2024, 3, 17)}
    return Report(**{**values, "sections": SECTIONS, "pictures": PICTURES, "figures": {"open": 3}, **changed})


def test_in_plain_text_a_table_is_aligned_and_a_remark_stands_below_its_row():
    assert as_text("T", SECTIONS).splitlines() == [
        "T", "", "In short", "  3 deals <script>", "  Deal      Amount", "  Acme <b>     $5k", "    Ann & Bob",
        "  Globex     $120k", "", "Nothing",
    ]  # fmt: skip


def test_in_plain_text_remarks_stand_below_their_cells_and_a_long_one_apart():
    table = Table(("Deal", "Now"), [("Acme\nAnn", "5\n1 to 9"), ("Hooli\nof a long remark", "7\n2 to 8")], ("Now",))
    assert as_text("T", [Section("S", [], table=table)]).splitlines()[3:] == [
        "  Deal      Now", "  Acme        5", "    Ann  1 to 9", "  Hooli       7", "         2 to 8",
        "    of a long remark",
    ]  # fmt: skip


def test_paragraphs_stand_as_they_are_and_their_titles_are_told_apart():
    section = Section("Card", [], paragraphs=["Rep: <i>Ann", "Actions:\n1. Pair"])
    assert as_text("T", [section]).splitlines()[2:] == ["Card", "", "  Rep: <i>Ann", "", "  Actions:", "  1. Pair"]
    page = as_html("T", [section], {})
    assert '<p class="line">Rep: &lt;i&gt;Ann</p>' in page
    assert '<p class="subtitle">Actions:</p>' in page


def test_a_percent_sign_stays_with_its_number():
    assert "95\u00a0% interval" in as_html("T", [Section("S", ["95 % interval"])], {})


def test_in_dark_a_picture_that_was_not_loaded_still_says_what_it_is():
    """Mail programs load no pictures at first, and its background is white in both modes."""
    (style,) = re.findall(r'<img class="picture"[^>]* style="([^"]*)"', as_mail("T", SECTIONS, PICTURES))
    assert "color: #566274" in style
    assert "background-color: #ffffff" in style


def test_in_markdown_a_table_is_one():
    text = as_markdown("T", [Section("S", [], table=Table(("A", "N"), [("x|y\nz", "1")], ("N",)))], {})
    assert "| A | N |\n| --- | ---: |\n| x\\|y<br>z | 1 |" in text


@pytest.mark.parametrize("form", [as_html, as_mail])
def test_page_and_mail_show_every_word_and_no_markup_of_others(form):
    page = form("T & T", SECTIONS, PICTURES, NOTE)
    seen = Reader(page)
    words = " ".join(seen.lines())
    for word in ("T & T", NOTE, "In short", "3 deals <script>", "Acme <b>", "Ann & Bob", "$120k", "Nothing"):
        assert word in words
    assert "script" not in seen.tags
    assert "b" not in seen.tags


def test_a_page_carries_its_pictures_and_a_mail_names_them():
    address = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"
    assert f'width="450" style="max-width: 450px" src="{address}"' in as_html("T", SECTIONS, PICTURES)
    mail = as_mail("T", SECTIONS, PICTURES)
    assert 'src="cid:movement@salesinsight"' in mail
    assert "data:" not in mail


def test_a_picture_is_as_wide_as_it_was_drawn_and_no_wider_than_the_mail():
    assert picture_width(PNG) == 450
    assert picture_width(PNG.replace((900).to_bytes(4, "big"), (4000).to_bytes(4, "big"))) == 560


def test_the_rules_of_a_mail_are_written_at_the_elements_but_for_the_dark_ones():
    mail = as_mail("T", SECTIONS, PICTURES)
    (value,) = re.findall(r'<td class="value number"[^>]*>\$5k', mail)
    assert "text-align: right" in value
    assert "prefers-color-scheme: dark" in mail
    assert len(mail.encode()) < CLIPPED_BY_GMAIL_BYTES


def test_each_recipient_gets_one_mail_under_a_key_of_their_own():
    queued_at = datetime(2024, 3, 18, 6, 30, tzinfo=UTC)
    rows = report_messages(report(), ["vp@example.com", "ceo@example.com", "vp@example.com"], queued_at)
    assert rows["message_key"].tolist() == [
        "report:pipeline_health:2024-03-17:company:vp@example.com",
        "report:pipeline_health:2024-03-17:company:ceo@example.com",
    ]
    assert set(rows["status"]) == {"pending"}
    held = json.loads(rows["payload"][0])
    assert is_report(held)
    assert (held["report"], held["audience"], held["subject"]) == ("pipeline_health", "company", "Pipeline health")
    assert pictures_of(held) == PICTURES
    assert "3 deals <script>" in held["text"]


def test_a_digest_is_no_report_and_has_no_pictures():
    assert not is_report({"subject": "3 deals", "deals": []})
    assert pictures_of({"subject": "3 deals"}) == {}


def test_a_report_says_of_what_its_rows_are():
    noted = report(note=NOTE)
    for said in (noted.text, noted.page, mail_payload(noted)["html"]):
        assert NOTE in said


def test_a_report_is_kept_with_its_words_page_and_figures():
    rows = report_rows([report(), report(audience="005A")])
    assert rows["audience"].tolist() == ["company", "005A"]
    assert json.loads(rows["figures"][0]) == {"open": 3}
    assert rows["page"].str.startswith("<!DOCTYPE html>").all()
    assert [report().file_name, report(audience="005A").file_name] == [
        "pipeline_health.html",
        "pipeline_health-005A.html",
    ]


def test_a_report_is_sent_for_a_week():
    assert [is_over(date(2024, 3, 17), date(2024, 3, day)) for day in (17, 23, 24)] == [False, False, True]


@pytest.mark.parametrize(
    ("day", "due"),
    [
        (date(2024, 3, 17), ["pipeline_health"]),
        (date(2024, 3, 19), ["rep_performance"]),
        (date(2024, 3, 22), ["model_check"]),
        (date(2024, 3, 14), ["business_review"]),
        (date(2024, 4, 14), ["pipeline_health", "business_review"]),
        (date(2024, 3, 18), []),
    ],
)
def test_which_reports_are_made_in_the_night_after_a_day(day, due):
    assert due_after(day) == due
