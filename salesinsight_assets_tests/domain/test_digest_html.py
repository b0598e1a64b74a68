"""The digest's HTML half: the words of the plain half and no others, whatever a deal is called, in a form that mail survives."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from jinja2 import UndefinedError

from salesinsight_assets.domain.delivery import texts
from salesinsight_assets.domain.delivery.digest_html import digest_html
from salesinsight_assets.domain.delivery.texts import BY_RULES, AlertContent, digest_text, feedback_line
from salesinsight_assets_tests.domain.test_delivery import CONTENT

CLIPPED_BY_GMAIL_BYTES = 102 * 1024
LINE_TAGS = {"p", "h2", "h3", "li", "div", "td", "title"}
NOTE = "ℹ️ Salesforce was not read this night. What follows is as of Thu 14 March, 14:00."
HIGH = replace(CONTENT, actions=CONTENT.actions[:2])
MEDIUM = replace(
    HIGH,
    priority="MEDIUM",
    name="Globex",
    amount=8_100.4,
    currency="EUR",
    win_probability=0.52,
    risk_level="MEDIUM",
    against=["Pushed twice", "B", "C", "D"],
    in_favour=["Strong source", "Active", "Third"],
    rule_sentence="Sales cycle 45% longer than expected (87 days; 60 expected)",
)
MARKUP = '<@U123> & "Sons" <script>'
WORST = replace(MEDIUM, name="Lieferkettendigitalisierung" * 12, against=[MARKUP * 10] * 3, in_favour=[MARKUP * 10] * 2)
VARIANTS = {
    "high": HIGH,
    "medium, with strengths and a rule": MEDIUM,
    "no reasons": replace(HIGH, against=[]),
    "no amount": replace(HIGH, amount=float("nan"), currency=None),
    "no probability of last week": replace(HIGH, win_probability_7d_ago=None),
    "a missing number as that of last week": replace(HIGH, win_probability_7d_ago=float("nan")),
    "the probability of last week": replace(HIGH, win_probability_7d_ago=0.24),
    "caveat": replace(HIGH, caveat=BY_RULES),
    "caveat alone beside the chance": replace(HIGH, win_probability_7d_ago=None, caveat=BY_RULES),
    "markup in a name": replace(HIGH, name=MARKUP),
    "markup everywhere": replace(MEDIUM, against=[MARKUP], in_favour=[MARKUP], actions=[MARKUP], rule_sentence=MARKUP),
}


class Reader(HTMLParser):
    """What a person sees: a line for each paragraph, heading and item, and apart from it what is hidden or in the head."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.texts: dict[str, list[str]] = {"head": [], "hidden": [], "seen": []}
        self._place = "head"
        self._numbers: list[int | None] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag in LINE_TAGS:
            self._new_line()
        if tag == "body":
            self._place = "seen"
        if tag == "div" and "display: none" in (dict(attrs).get("style") or ""):
            self._place = "hidden"
        if tag in {"ul", "ol"}:
            self._numbers.append(0 if tag == "ol" else None)
        if tag == "li":
            self._start_item()

    def _start_item(self):
        number = self._numbers[-1]
        if number is not None:
            self._numbers[-1] = number = number + 1
        self.texts[self._place].append("• " if number is None else f"{number}. ")

    def handle_endtag(self, tag):
        if tag in LINE_TAGS:
            self._new_line()
        if tag == "div" and self._place == "hidden":
            self._place = "seen"
        if tag in {"ul", "ol"}:
            self._numbers.pop()

    def handle_data(self, data):
        if self.tags[-1:] != ["style"]:
            self.texts[self._place].append(data.replace("\n", " "))

    def _new_line(self):
        self.texts[self._place].append("\n")

    def lines(self, place: str = "seen") -> list[str]:
        normalised = (" ".join(line.split()) for line in "".join(self.texts[place]).split("\n"))
        return [line for line in normalised if line]


def lines_seen(*alerts: AlertContent, note: str | None = None) -> list[str]:
    return Reader(digest_html(alerts, note)).lines()


def lines_of_the_plain_half(*alerts: AlertContent, note: str | None = None) -> list[str]:
    lines = (" ".join(line.split()) for line in digest_text(alerts, note).splitlines() if line != feedback_line(7))
    return [line for line in lines if line.strip("─")]


# --- words ---


def test_a_high_alert_reads_word_for_word_as_the_product_says():
    assert lines_seen(HIGH) == [
        "🔴 HIGH PRIORITY",
        "Deal: Acme Corp - Enterprise License ($125,000)",
        "Win Probability: 24% (was 45% last week) ⬇️",
        "Risk Level: HIGH",
        "Why this deal is at risk:",
        "• Sales cycle 45% longer than expected",
        "• Stuck in Proposal stage for 21 days",
        "• No activity in last 14 days",
        "Recommended actions:",
        "1. Schedule executive alignment call this week",
        "2. Send competitive comparison document",
        "Potential revenue at risk: $125,000",
    ]


@pytest.mark.parametrize("alert", VARIANTS.values(), ids=VARIANTS.keys())
def test_both_halves_have_the_same_lines_in_the_same_order(alert):
    assert lines_seen(alert) == lines_of_the_plain_half(alert)


def test_both_halves_have_the_same_lines_for_all_deals_of_a_day():
    day = list(VARIANTS.values())
    assert lines_seen(*day, note=NOTE) == lines_of_the_plain_half(*day, note=NOTE)


def test_a_caveat_stands_beside_the_chance():
    assert "Win Probability: 24% (was 45% last week) ⬇️ · scored by rules, not by a model" in lines_seen(
        VARIANTS["caveat"]
    )


def test_without_reasons_there_is_no_empty_list():
    seen = lines_seen(VARIANTS["no reasons"])
    assert "Why this deal is at risk:" not in seen
    assert "What speaks for it:" not in seen
    assert Reader(digest_html([VARIANTS["no reasons"]])).tags.count("ul") == 0


def test_an_alert_without_amount_and_last_week_says_what_is_known():
    alert = replace(HIGH, amount=float("nan"), win_probability_7d_ago=None)
    seen = lines_seen(alert)
    assert seen[1:3] == ["Deal: Acme Corp - Enterprise License (amount unknown)", "Win Probability: 24%"]
    assert seen[-1] == "Potential revenue at risk: amount unknown"


def test_a_note_on_the_rows_stands_once_above_all_deals():
    seen = lines_seen(HIGH, MEDIUM, note=NOTE)
    assert seen[0] == NOTE
    assert seen.count(NOTE) == 1
    assert lines_seen(HIGH, MEDIUM) == seen[1:]


def test_an_inbox_shows_the_first_deals_chance_and_amount_behind_the_subject():
    reader = Reader(digest_html([HIGH, MEDIUM]))
    assert reader.lines("head") == ["2 deals need you today, first Acme Corp - Enterprise License"]
    (hidden,) = reader.lines("hidden")
    preview, *padding = hidden.split("\u034f")
    assert preview == "Win Probability: 24% · $125,000 · Acme Corp - Enterprise License"
    assert "".join(padding).strip("\u200c ") == ""


# --- what is in a deal is text ---


def test_a_name_that_looks_like_markup_is_shown_as_it_is():
    html = digest_html([VARIANTS["markup in a name"]])
    assert 'Deal: <@U123> & "Sons" <script> ($125,000)' in Reader(html).lines()
    assert '&lt;@U123&gt; &amp; "Sons" &lt;script&gt;' in html


@pytest.mark.parametrize("field", ["name", "risk_level", "rule_sentence", "caveat", "currency"])
def test_no_field_of_an_alert_can_bring_in_an_element(field):
    plain, hostile = (
        Reader(digest_html([replace(MEDIUM, **{field: text})])) for text in ("x", "<img src=x onerror=y>x")
    )
    assert hostile.tags == plain.tags


@pytest.mark.parametrize("field", ["against", "in_favour", "actions"])
def test_no_listed_line_can_bring_in_an_element(field):
    plain, hostile = (Reader(digest_html([replace(MEDIUM, **{field: [text]})])) for text in ("x", "</li><script>x"))
    assert hostile.tags == plain.tags


def test_a_note_cannot_bring_in_an_element():
    assert Reader(digest_html([HIGH], "<b>note</b>")).tags == Reader(digest_html([HIGH], "note")).tags


def test_a_word_that_the_template_misses_is_an_error_and_not_a_blank(monkeypatch):
    monkeypatch.delattr(texts, "RECOMMENDED_ACTIONS")
    with pytest.raises(UndefinedError, match="RECOMMENDED_ACTIONS"):
        digest_html([HIGH])


# --- what mail programs ask for ---


def test_three_long_alerts_are_not_clipped_by_gmail():
    assert len(digest_html([WORST, WORST, WORST], NOTE).encode()) < CLIPPED_BY_GMAIL_BYTES


def test_nothing_is_loaded_from_elsewhere_and_nothing_runs():
    html = digest_html([HIGH, MEDIUM, VARIANTS["markup in a name"]], NOTE)
    assert not re.search(r"https?://|//\w|url\(|@import", html)
    reader = Reader(html)
    assert not {"script", "img", "link", "iframe", "form"} & set(reader.tags)
    assert not {name for name, _ in reader.attributes if name in {"src", "href", "background"} or name.startswith("on")}


def test_every_table_is_for_layout_and_the_language_is_said():
    reader = Reader(digest_html([HIGH, MEDIUM]))
    assert reader.tags.count("table") == reader.attributes.count(("role", "presentation"))
    assert ("lang", "en") in reader.attributes


def test_styles_stand_at_their_elements_and_dark_mode_stays_in_the_head():
    html = digest_html([HIGH])
    head, body = html.split("<body", 1)
    assert "@media (prefers-color-scheme: dark)" in head
    assert "[data-ogsc] .deal" in head
    assert '<meta name="color-scheme" content="light dark">' in head
    assert re.search(r'<strong class="chance" style="[^"]*font-size: 40px', body)
    assert not re.search(r"display: (flex|grid)", html)


def test_outlook_gets_a_fixed_width_and_colours_as_attributes():
    html = digest_html([HIGH, MEDIUM])
    assert re.search(r'<!--\[if mso\]><table role="presentation" width="600".*?<!\[endif\]-->', html)
    assert [value for name, value in Reader(html).attributes if name == "bgcolor"] == [
        "#f1f4f8", "#f1f4f8", "#f1f4f8", "#dc2626", "#ffffff", "#d97706", "#ffffff",
    ]  # fmt: skip


# --- in a browser ---

LEAST_CONTRAST = """() => {
    const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
    const light = ([r, g, b]) => [r, g, b].map(part => part / 255)
        .map(part => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
        .reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0);
    const behind = element => {
        const colour = numbers(getComputedStyle(element).backgroundColor);
        return colour[3] === 0 ? behind(element.parentElement) : colour;
    };
    const contrast = element => {
        const [low, high] = [numbers(getComputedStyle(element).color), behind(element)].map(light).sort((a, b) => a - b);
        return (high + 0.05) / (low + 0.05);
    };
    return Math.min(...[...document.querySelectorAll("p, h2, h3, li, span, strong")].map(contrast));
}"""


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        yield started
        started.close()


@pytest.mark.slow
@pytest.mark.parametrize(("scheme", "panel"), [("light", "rgb(255, 255, 255)"), ("dark", "rgb(26, 32, 40)")])
def test_a_phone_shows_it_whole_and_readable_in_both_modes(browser, scheme, panel):
    page = browser.new_page(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    page.set_content(digest_html([HIGH, WORST, VARIANTS["caveat"]], NOTE))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert page.evaluate("getComputedStyle(document.querySelector('.panel')).backgroundColor") == panel
    assert page.evaluate(LEAST_CONTRAST) >= 4.5
    for element in ("li", ".beside", ".risk", ".revenue"):
        assert page.locator(element).first.evaluate("element => getComputedStyle(element).fontSize") == "16px"
