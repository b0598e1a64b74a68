"""E-mail by SMTP: one message, one attempt, and what became of it. When to try again is decided elsewhere (domain.delivery).

The server's replies are read command by command, because it matters what was said before the message was handed over: until
then nothing was taken, and after it a lost answer leaves open whether it was.
"""

import hashlib
import smtplib
import ssl
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from salesinsight_assets.domain.delivery.attempts import Attempt
from salesinsight_assets.settings import MailSettings

_POLICY = SMTP.clone(max_line_length=900, cte_type="7bit")
"""Long addresses in headers stay whole (RFC 5322 allows 998); bodies go through servers that know no 8BITMIME."""
_OK, _GO_ON, _NOT_TAKEN, _PERMANENT = 250, 354, 400, 500
_TAKEN = 2
"""The first digit of a reply that takes the message over, whatever the others say (RFC 5321, 4.2.1)."""


def mail_message(
    mail: MailSettings,
    key: str,
    recipient: str,
    subject: str,
    text: str,
    html: str,
    at: datetime,
    pictures: Mapping[str, bytes] | None = None,
    unsubscribe: str | None = None,
) -> EmailMessage:
    """A message with a plain and an HTML part of equal worth. Its Message-ID follows from `key`: sent twice, it is one.

    `pictures` are PNGs by the Content-ID under which `html` shows them. `unsubscribe` is an address at which a POST
    unsubscribes at once (RFC 8058): mail programs show a button for it.
    """
    message = EmailMessage(policy=_POLICY)
    message["Subject"] = " ".join(subject.split())
    message["From"] = mail.sender
    message["To"] = recipient
    message["Date"] = format_datetime(at)
    message["Message-ID"] = message_id(mail, key)
    if unsubscribe:
        message["List-Unsubscribe"] = f"<{unsubscribe}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834: no holiday replies
    message.set_content(text)
    message.add_alternative(html, subtype="html")
    _add_pictures(message, pictures or {})
    return message


def _add_pictures(message: EmailMessage, pictures: Mapping[str, bytes]) -> None:
    """Beside the HTML, as parts of it (multipart/related, RFC 2387)."""
    html = message.get_body(("html",))
    for content_id, png in pictures.items():
        name = f"{content_id.partition('@')[0]}.png"
        html.add_related(png, "image", "png", cid=f"<{content_id}>", filename=name, disposition="inline")  # type: ignore[union-attr]


def message_id(mail: MailSettings, key: str) -> str:
    """The Message-ID of the message with this key in the outbox."""
    return f"<{hashlib.sha256(key.encode()).hexdigest()[:32]}@{mail.domain}>"


class MailDoor:
    """An SMTP server, logged in to for as long as it is open; it connects at the first message."""

    def __init__(self, mail: MailSettings) -> None:
        self._mail = mail
        self._smtp: smtplib.SMTP | None = None

    def send(self, message: EmailMessage) -> Attempt:
        """Hand one message over."""
        try:
            smtp = self._ready()
        except smtplib.SMTPAuthenticationError as refusal:
            return Attempt(
                "busy", f"the mail server refused the login: {_reply(refusal.smtp_code, refusal.smtp_error)}"
            )
        except (OSError, smtplib.SMTPException) as error:
            return Attempt("busy", f"the mail server could not be reached: {_said(error)}")
        try:
            return _handed_over(smtp, self._mail, message)
        finally:
            if smtp.sock is None:
                self._smtp = None

    def close(self) -> None:
        """Say goodbye, if there is a connection."""
        if self._smtp is not None:
            try:
                self._smtp.quit()
            except (OSError, smtplib.SMTPException):
                self._smtp.close()
            self._smtp = None

    def _ready(self) -> smtplib.SMTP:
        """The connection, after a RSET that shows that it still stands."""
        if self._smtp is not None:
            try:
                self._smtp.rset()
            except (OSError, smtplib.SMTPException):
                self._smtp.close()
                self._smtp = None
        if self._smtp is None:
            self._smtp = _connected(self._mail)
        return self._smtp


@contextmanager
def mail_door(mail: MailSettings) -> Generator[MailDoor]:
    """A door that is closed at the end."""
    door = MailDoor(mail)
    try:
        yield door
    finally:
        door.close()


def _connected(mail: MailSettings) -> smtplib.SMTP:
    """A connection with TLS and login as the settings say."""
    if mail.tls == "tls":
        smtp: smtplib.SMTP = smtplib.SMTP_SSL(
            mail.host, mail.port, timeout=mail.timeout_seconds, context=ssl.create_default_context()
        )
    else:
        smtp = smtplib.SMTP(mail.host, mail.port, timeout=mail.timeout_seconds)
    try:
        if mail.tls == "starttls":
            smtp.starttls(context=ssl.create_default_context())
        smtp.ehlo_or_helo_if_needed()
        if mail.user is not None:
            smtp.login(mail.user, mail.password or "")
    except BaseException:
        smtp.close()
        raise
    return smtp


def _handed_over(smtp: smtplib.SMTP, mail: MailSettings, message: EmailMessage) -> Attempt:
    recipient = str(message["To"])
    try:
        for said, reply in (
            (f"the sender {mail.address}", smtp.mail(mail.address)),
            (f"the recipient {recipient}", smtp.rcpt(recipient)),
        ):
            if reply[0] not in (_OK, 251):
                return _refusal(f"the mail server refused {said}", *reply)
        code, answer = smtp.docmd("DATA")
        if code != _GO_ON:
            return _refusal("the mail server refused the message", code, answer)
    except (OSError, smtplib.SMTPException) as error:
        smtp.close()
        return Attempt("busy", f"the connection to the mail server was lost: {_said(error)}")
    return _after_data(smtp, message)


def _after_data(smtp: smtplib.SMTP, message: EmailMessage) -> Attempt:
    """From here on the server may have taken the message, whether its answer arrives or not."""
    try:
        smtp.send(_dotted(message.as_bytes()))
        code, answer = smtp.getreply()
    except (OSError, smtplib.SMTPException) as error:
        smtp.close()
        return Attempt("unclear", f"the connection was lost before the mail server had answered: {_said(error)}")
    if code // 100 == _TAKEN:
        return Attempt("taken", reference=str(message["Message-ID"]))
    if code < _NOT_TAKEN:  # or no number at all: smtplib gives -1
        return Attempt("unclear", f"the mail server's answer says neither yes nor no: {_reply(code, answer)}")
    return _refusal("the mail server refused the message", code, answer)


def _dotted(content: bytes) -> bytes:
    """The content as DATA wants it (RFC 5321, 4.5.2): a dot at the start of a line doubled, a single one at the end."""
    body = b"\r\n".join(b"." + line if line.startswith(b".") else line for line in content.split(b"\r\n"))
    return body + (b"" if body.endswith(b"\r\n") else b"\r\n") + b".\r\n"


def _refusal(what: str, code: int, answer: bytes) -> Attempt:
    return Attempt("refused" if code >= _PERMANENT else "busy", f"{what}: {_reply(code, answer)}")


def _reply(code: int, answer: bytes | str) -> str:
    text = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return f"{code} {' '.join(text.split())}"


def _said(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
