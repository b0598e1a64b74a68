"""E-mail through a real server on TLS: what arrives, and what each way of failing is taken for."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from salesinsight_assets.adapters.mail import MailDoor, mail_door, mail_message, message_id
from salesinsight_assets.domain.delivery.addresses import is_address
from salesinsight_assets.domain.delivery.attempts import Attempt
from salesinsight_assets.settings import MailSettings, load_settings
from salesinsight_assets_tests.scripted_mail import LOST_AFTER, LOST_BEFORE, SILENT, ScriptedMail, scripted_mail

AT = datetime(2024, 3, 16, 5, 30, tzinfo=UTC)
LONG = "https://insight.example.com/unsubscribe?" + "x" * 300


@pytest.fixture
def server(tmp_path, monkeypatch) -> Iterator[ScriptedMail]:
    with scripted_mail(tmp_path) as mail:
        monkeypatch.setenv("SSL_CERT_FILE", mail.ca_file)
        yield mail


def settings(server: ScriptedMail) -> MailSettings:
    mail = load_settings({"SMTP_URL": server.url, "MAIL_FROM": "SalesInsight <insight@example.com>"}).mail
    assert mail
    return mail


@pytest.fixture
def door(server) -> Iterator[MailDoor]:
    with mail_door(replace(settings(server), timeout_seconds=0.5)) as opened:
        yield opened


def send(
    door: MailDoor, server: ScriptedMail, key: str = "digest:2024-03-15:005A", subject: str = "3 deals"
) -> Attempt:
    html = "<p>Ünïcode &amp; 🔴</p>\n.\n"
    return door.send(mail_message(settings(server), key, "ann@example.com", subject, "Ünïcode & 🔴\n.\n..", html, AT))


def test_a_message_arrives_in_both_parts_with_its_own_id(server, door):
    attempt = send(door, server, subject="1 deal needs you today: Acme\n & Sons 🔴")
    (message,) = server.taken
    assert attempt == Attempt("taken", reference=message_id(settings(server), "digest:2024-03-15:005A"))
    assert message["Message-ID"] == attempt.reference
    assert message["Subject"] == "1 deal needs you today: Acme & Sons 🔴"
    assert (message["To"], message["From"]) == ("ann@example.com", "SalesInsight <insight@example.com>")
    assert message["Date"].datetime == AT
    assert message["Auto-Submitted"] == "auto-generated"
    text, html = (message.get_body((kind,)) for kind in ("plain", "html"))
    assert text
    assert html
    assert text.get_content().replace("\r\n", "\n") == "Ünïcode & 🔴\n.\n..\n"
    assert html.get_content().replace("\r\n", "\n") == "<p>Ünïcode &amp; 🔴</p>\n.\n"


def test_pictures_travel_beside_the_html_that_names_them_and_the_text_stays_an_alternative(server, door):
    html, png = '<p>42 deals <img src="cid:movement@salesinsight"></p>', b"\x89PNG\r\n\x1a\n" + bytes(range(256))
    key, pictures = (
        "report:pipeline_health:2024-03-17:company:a",
        {"movement@salesinsight": png, "outlook@salesinsight": b"2"},
    )
    message = mail_message(settings(server), key, "vp@example.com", "s", "42 deals", html, AT, pictures)
    assert door.send(message).result == "taken"
    (taken,) = server.taken
    assert taken.get_content_type() == "multipart/alternative"
    text, related = taken.iter_parts()
    assert (text.get_content_type(), related.get_content_type()) == ("text/plain", "multipart/related")
    page, first, second = related.iter_parts()
    assert page.get_content_type() == "text/html"
    assert "cid:movement@salesinsight" in page.get_content()
    assert (first["Content-ID"], first.get_content_disposition()) == ("<movement@salesinsight>", "inline")
    assert (first.get_content_type(), first.get_filename(), first.get_content()) == ("image/png", "movement.png", png)
    assert second.get_content() == b"2"


def test_the_same_key_gives_the_same_id_and_another_key_another(server):
    mail = settings(server)
    assert message_id(mail, "a") == message_id(mail, "a") != message_id(mail, "b")
    assert message_id(mail, "a").endswith("@example.com>")


def test_several_messages_take_one_login(server, door):
    assert [send(door, server, key).result for key in ("a", "b", "c")] == ["taken"] * 3
    assert (server.sessions, len(server.taken)) == (1, 3)


@pytest.mark.parametrize(
    ("script", "result", "detail"),
    [
        (
            {"rcpt": ["550 5.1.1 no such user"]},
            "refused",
            "refused the recipient ann@example.com: 550 5.1.1 no such user",
        ),
        ({"rcpt": ["450 4.2.1 greylisted"]}, "busy", "refused the recipient ann@example.com: 450 4.2.1 greylisted"),
        ({"rcpt": [LOST_BEFORE]}, "busy", "the connection to the mail server was lost"),
        (
            {"mail": ["550 5.7.1 who are you"]},
            "refused",
            "refused the sender insight@example.com: 550 5.7.1 who are you",
        ),
        ({"mail": ["421 4.3.2 closing"]}, "busy", "refused the sender insight@example.com: 421 4.3.2 closing"),
        ({"mail": [LOST_BEFORE]}, "busy", "the connection to the mail server was lost"),
        ({"may_send": ["554 5.5.1 no"]}, "refused", "the mail server refused the message: 554 5.5.1 no"),
        ({"may_send": ["451 4.3.0 later"]}, "busy", "the mail server refused the message: 451 4.3.0 later"),
        ({"may_send": [LOST_BEFORE]}, "busy", "the connection to the mail server was lost"),
        ({"may_send": [SILENT]}, "busy", "the mail server was lost: Connection unexpectedly closed: The read"),
        ({"data": ["554 5.7.1 spam"]}, "refused", "the mail server refused the message: 554 5.7.1 spam"),
        ({"data": ["452 4.3.1 full"]}, "busy", "the mail server refused the message: 452 4.3.1 full"),
        ({"data": [LOST_AFTER]}, "unclear", "lost before the mail server had answered"),
        ({"data": [LOST_BEFORE]}, "unclear", "lost before the mail server had answered"),
        (
            {"data": [SILENT]},
            "unclear",
            "lost before the mail server had answered: Connection unexpectedly closed: The read",
        ),
        ({"data": ["251 2.1.5 taken, and forwarded"]}, "taken", "None"),
        ({"data": ["thanks!"]}, "unclear", "the mail server's answer says neither yes nor no: -1"),
        ({"data": ["354 go on"]}, "unclear", "the mail server's answer says neither yes nor no: 354 go on"),
    ],
)
def test_each_failure_is_taken_for_what_it_is_and_the_next_message_goes_through(server, door, script, result, detail):
    for name, answers in script.items():
        getattr(server, name).extend(answers)
    attempt = send(door, server, "a")
    assert attempt.result == result
    assert detail in str(attempt.detail)
    assert send(door, server, "b").result == "taken"


def test_a_server_that_is_away_a_wrong_password_and_a_foreign_certificate_can_be_tried_again(server, monkeypatch):
    mail = settings(server)
    for changed, said in (
        ({"port": 1}, "could not be reached"),
        ({"password": "wrong"}, "refused the login: 535"),
        ({"host": "localhost"}, "could not be reached: [SSL: CERTIFICATE_VERIFY_FAILED]"),
    ):
        with mail_door(MailSettings(**{**vars(mail), **changed})) as door:
            attempt = send(door, server)
        assert attempt.result == "busy"
        assert said in str(attempt.detail)
        assert "wrong" not in str(attempt.detail)
    assert server.taken == []


def test_a_server_that_went_away_between_two_messages_is_connected_to_again(server, door):
    assert send(door, server, "a").result == "taken"
    assert door._smtp
    assert door._smtp.sock
    door._smtp.sock.shutdown(socket.SHUT_RDWR)
    assert send(door, server, "b").result == "taken"
    assert server.sessions == 2


def test_a_long_header_stays_whole(server, door):
    message = mail_message(settings(server), "a", "ann@example.com", "s", "t", "<p>t</p>", AT)
    message["List-Unsubscribe"] = f"<{LONG}>"
    door.send(message)
    assert server.taken[0]["List-Unsubscribe"] == f"<{LONG}>"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ann@example.com", True),
        ("ann.o'neil+x@mail.example.com", True),
        ("ann", False),
        ("Ann <ann@example.com>", False),
        ("ann@example.com, bob@example.com", False),
        ("ann@example.com\r\nBcc: bob@example.com", False),
        ("änn@example.com", False),
        ("", False),
    ],
)
def test_only_one_plain_address_is_written_to(text, expected):
    assert is_address(text) is expected
