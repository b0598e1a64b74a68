"""Signing in by a link of an e-mail, through a real mail server: who gets one, what it does, and what is refused."""

import re
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
import requests

from salesinsight_assets.domain.access.sign_in_link import SignInLink
from salesinsight_assets_tests.scripted_mail import TAKEN, ScriptedMail, scripted_mail
from salesinsight_assets_tests.web.conftest import Dashboard, dashboard_on
from salesinsight_assets_tests.web.small_office import (
    ACCESS,
    ENGINEER,
    HEAD,
    LEADER,
    LEFT,
    MANAGER,
    REP,
    add_people,
)

pytestmark = pytest.mark.slow


@dataclass
class Office:
    dashboard: Dashboard
    mail: ScriptedMail
    wait_for: Callable

    def ask(self, email: str, then: str = "/") -> requests.Response:
        return self.dashboard.stranger().post("/sign-in/mail", data={"email": email, "next": then})

    def link_for(self, email: str, then: str = "/") -> str:
        """The path of a link that was just mailed."""
        before = len(self.mail.taken)
        self.ask(email, then)
        self.wait_for(lambda: len(self.mail.taken) > before, 20)
        text = self.mail.taken[-1].get_body(("plain",)).get_content()
        (address,) = re.findall(r"https?://\S+", text)
        assert address.startswith(self.dashboard.url)
        return address.removeprefix(self.dashboard.url)

    def log(self, event: str) -> list[dict]:
        rows = self.dashboard.warehouse.exported("audit_log", None).to_dict("records")
        return [row for row in rows if row["event"] == event]

    def name_on_page(self, browser) -> str | None:
        found = re.search(r'<div class="who"><span><b>([^<]+)</b>', browser.get("/deals").text)
        return found and found[1]


@pytest.fixture
def office(warehouse, tmp_path, monkeypatch, wait_for) -> Iterator[Office]:
    add_people(warehouse)
    with scripted_mail(tmp_path) as mail:
        monkeypatch.setenv("SSL_CERT_FILE", mail.ca_file)
        settings = {"SMTP_URL": mail.url, "MAIL_FROM": "SalesInsight <insight@example.com>"}
        with dashboard_on(warehouse, ACCESS, **settings) as dashboard:
            yield Office(dashboard, mail, wait_for)


def test_a_link_signs_in_once_and_leads_where_one_wanted_to_go(office) -> None:
    path = office.link_for(REP, "/deals?risk=HIGH")
    browser = office.dashboard.stranger()
    for _ in range(3):  # as mail scanners do
        assert "Rita" not in (shown := browser.get(path)).text
        assert shown.status_code == 200
        assert f"<b>{REP}</b>" in shown.text
        assert shown.headers["Referrer-Policy"] == "no-referrer"
    assert office.name_on_page(browser) is None
    answer = browser.post(path, allow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/deals?risk=HIGH")
    assert office.name_on_page(browser) == "Rita Rep"
    (entry,) = office.log("signed in")
    assert (entry["email"], entry["about"]) == (REP, "link by e-mail")
    again = office.dashboard.stranger()
    assert (again.get(path).status_code, again.post(path).status_code) == (410, 410)
    assert office.name_on_page(again) is None
    assert office.log("refused")[0]["about"] == "link by e-mail: not ours, used or too old"


def test_the_mail_says_the_same_in_both_parts_and_no_more_than_it_must(office) -> None:
    office.link_for(REP.upper())
    (message,) = office.mail.taken
    assert (message["To"], message["Subject"], message["Auto-Submitted"]) == (
        REP, "Sign in to SalesInsight", "auto-generated",
    )  # fmt: skip
    assert message["From"] == "SalesInsight <insight@example.com>"
    text, html = (message.get_body((kind,)).get_content() for kind in ("plain", "html"))
    (address,) = re.findall(r"https?://\S+", text)
    assert html.count(f'href="{address}"') == 2
    for said in (f"It signs in {REP}. It works once, within 15 minutes.", "leave this message alone"):
        assert said in " ".join(text.split())
        assert said in html


def test_every_address_gets_the_same_answer_and_only_those_who_may_a_mail(office) -> None:
    known = (REP, MANAGER, HEAD, LEADER, ENGINEER)
    unknown = ("stranger@example.com", LEFT, "twin@example.com", "engineer@localhost")
    answers = {email: office.ask(email) for email in (*known, *unknown)}
    texts = {answer.text.replace(email, "…") for email, answer in answers.items()}
    assert len(texts) == 1
    assert {answer.status_code for answer in answers.values()} == {200}
    office.wait_for(lambda: len(office.log("sign-in link")) + len(office.log("refused")) == len(answers), 30)
    assert sorted(message["To"] for message in office.mail.taken) == sorted(known)
    assert {entry["email"] for entry in office.log("refused")} == set(unknown)


def test_who_is_named_in_salesinsight_toml_gets_in_with_that_role(office) -> None:
    for email, role in ((LEADER, "Sales leadership"), (ENGINEER, "Data engineer")):
        browser = office.dashboard.stranger()
        browser.post(office.link_for(email))
        assert role in browser.get("/deals").text


def test_an_old_link_a_forged_one_and_one_of_another_key_are_refused(office) -> None:
    path = office.link_for(REP)
    token = office.dashboard.warehouse.read("SELECT token_hash FROM engagement.sign_in_links")["token_hash"][0]
    assert token not in path
    forged = (
        path[:-2] + ("A" if path[-2] != "A" else "B") + path[-1],  # of the last letter two bits say nothing
        f"/sign-in/link/{SignInLink('guessed').signed('k' * 32)}",
        f"/sign-in/link/{SignInLink('guessed').signed('another key of 32 characters....')}",
        "/sign-in/link/nonsense",
    )
    for wrong in forged:
        browser = office.dashboard.stranger()
        assert (browser.get(wrong).status_code, browser.post(wrong).status_code) == (410, 410), wrong
        assert office.name_on_page(browser) is None
    office.dashboard.now += timedelta(minutes=15)
    browser = office.dashboard.stranger()
    assert (browser.get(path).status_code, browser.post(path).status_code) == (410, 410)
    assert office.name_on_page(browser) is None


def test_a_used_link_ends_the_others_of_that_address_and_of_nobody_else(office) -> None:
    first, second, other = office.link_for(REP), office.link_for(REP), office.link_for(MANAGER)
    assert office.dashboard.stranger().post(second, allow_redirects=False).status_code == 303
    assert office.dashboard.stranger().post(first).status_code == 410
    assert office.dashboard.stranger().post(other, allow_redirects=False).status_code == 303


def test_who_has_left_since_is_not_let_in_by_the_link(office) -> None:
    path = office.link_for(REP)
    office.dashboard.warehouse.execute("UPDATE crm.users SET is_active = false WHERE id = '005REP'")
    browser = office.dashboard.stranger()
    assert browser.post(path).status_code == 410
    assert office.name_on_page(browser) is None


def test_a_link_leads_to_our_pages_only(office) -> None:
    for elsewhere in ("https://evil.example", "//evil.example", "/" + "x" * 501):
        path = office.link_for(REP, elsewhere)
        assert office.dashboard.stranger().post(path, allow_redirects=False).headers["location"] == "/"


def test_a_link_is_not_used_from_a_page_of_elsewhere(office) -> None:
    path = office.link_for(REP)
    assert office.dashboard.stranger().post(path, headers={"Sec-Fetch-Site": "cross-site"}).status_code == 403
    assert office.dashboard.stranger().post(path, allow_redirects=False).status_code == 303


def test_one_address_gets_six_links_an_hour_and_is_told_when_to_come_again(office) -> None:
    for email in (REP, "stranger@example.com"):
        assert [office.ask(email).status_code for _ in range(7)] == [200] * 6 + [429]
        refused = office.ask(email.title())
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "600")
        assert "Try again in 10 minutes." in refused.text
    assert office.ask(MANAGER).status_code == 200
    office.dashboard.now += timedelta(minutes=10)
    assert [office.ask(REP).status_code for _ in range(2)] == [200, 429]


def test_a_slow_mail_server_is_waited_for_by_nobody(office) -> None:
    may_answer = threading.Event()
    office.mail.data = [lambda: TAKEN if may_answer.wait(60) else ""]
    browser = office.dashboard.stranger()
    for email in (REP, MANAGER, HEAD, LEADER, ENGINEER):
        assert browser.post("/sign-in/mail", data={"email": email}).status_code == 200
        assert browser.get("/healthz").status_code == 200
    assert office.mail.taken == []
    may_answer.set()
    office.wait_for(lambda: len(office.mail.taken) == 5, 20)


def test_a_mail_that_is_not_taken_is_in_the_log_of_who_signs_in(office) -> None:
    office.mail.rcpt = ["550 5.1.1 no such user"]
    office.ask(REP)
    (entry,) = office.wait_for(lambda: office.log("sign-in link"), 20)
    assert entry["about"] == f"not sent, the mail server refused the recipient {REP}: 550 5.1.1 no such user"


def test_what_is_no_address_is_told_so(office) -> None:
    for text in ("", "ann", "a@b@c", "Ann <ann@example.com>", "=?utf-8?q?x?=@example.com", "a@" + "b" * 254):
        assert office.ask(text).status_code == 422, text


def test_links_are_offered_only_where_they_can_be_sent(office, empty_dashboard) -> None:
    assert "Send me a link" in office.dashboard.stranger().get("/sign-in").text
    assert "Send me a link" not in empty_dashboard.stranger().get("/sign-in").text
    assert empty_dashboard.stranger().post("/sign-in/mail", data={"email": REP}).status_code == 404
    assert empty_dashboard.stranger().get("/sign-in/link/x").status_code == 404
