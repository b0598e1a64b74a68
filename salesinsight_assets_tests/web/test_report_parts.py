"""A stored report within a page: every word, table and picture of it, and nothing that does not belong to a report."""

import re
from html.parser import HTMLParser

from salesinsight_assets.domain.reports.page_html import as_html
from salesinsight_assets.domain.reports.pages import Section, Table
from salesinsight_assets.web.report_parts import report_parts

PNG = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (900).to_bytes(4, "big") + (300).to_bytes(4, "big")
SECTIONS = [
    Section("In short", ["Won < lost & open", "Two lines"], picture="moves"),
    Section("Deals", [], table=Table(("", "Amount"), [("Acme\nn = 3", "$5"), ("<b>Globex</b>", "–")], ("Amount",))),
    Section("Words", [], paragraphs=("Insights:\nfirst\nsecond",)),
]


class Words(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.feed(page)

    def handle_data(self, data: str) -> None:
        self.found += data.split()


def test_every_word_and_picture_of_a_report_is_kept() -> None:
    page = as_html("A report", SECTIONS, {"moves": PNG})
    body = re.sub(r"<!--.*?-->", "", page.split("</h1>")[1], flags=re.DOTALL)
    parts = report_parts(page)
    assert Words(parts).found == Words(body).found
    assert parts.count('<section class="panel">') == parts.count("</section>") == len(SECTIONS)
    assert re.findall(r'src="([^"]+)"', parts) == re.findall(r'src="([^"]+)"', page)
    assert parts.count("<tr>") == 3
    assert '<tr><td></td><th scope="col" class="number">Amount</th></tr>' in parts
    assert '<div class="sideways" tabindex="0" role="region" aria-label="Deals"><table>' in parts


def test_nothing_that_runs_or_leads_elsewhere_is_kept() -> None:
    bad = '<script src="https://x">alert(1)</script><a href="https://x">y</a><img src="https://x/p.png"><p onclick="x" style="y" class="head number">z</p>'
    parts = report_parts(f"<td><h1>t</h1><h2>one</h2>{bad}</td><h2>after</h2>")
    for part in ("<script", "https://", "onclick", "style=", "<a", "<img", "after", "head"):
        assert part not in parts
    assert '<p class="number">z</p>' in parts


def test_a_page_of_another_make_has_no_parts() -> None:
    assert report_parts("<p>only words</p>") == ""
