"""A mail server on TLS with a login that does as a test says, and keeps what it has taken."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any

import trustme
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

TAKEN = "250 Message accepted for delivery"
LOST_BEFORE, LOST_AFTER = "lost before the message was taken", "lost after the message was taken"
SILENT = "no answer at all"
USER, PASSWORD = "insight", "s3cret/with:signs"


@dataclass
class ScriptedMail:
    """`mail`, `rcpt`, `may_send` and `data` are answered in their order, then taken for ever; `taken` are what a reader has.

    `may_send` is what is said to DATA itself, `data` to the message after it. A function among the latter is called at the instant at
    which the message is there and not yet answered; it gives the answer.
    """

    url: str = ""
    ca_file: str = ""
    mail: list[str] = field(default_factory=list)
    rcpt: list[str] = field(default_factory=list)
    may_send: list[str] = field(default_factory=list)
    data: list[str | Callable[[], str]] = field(default_factory=list)
    taken: list[EmailMessage] = field(default_factory=list)
    sessions: int = 0

    async def handle_EHLO(
        self, server: Any, session: Any, envelope: Any, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return responses

    async def handle_MAIL(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        envelope.mail_from = address
        return await _said(server, self.mail)

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        envelope.rcpt_tos.append(address)
        return await _said(server, self.rcpt)

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        answer = self.data.pop(0) if self.data else TAKEN
        if callable(answer):
            answer = answer()
        if answer.startswith("2") or answer == LOST_AFTER:
            self.taken.append(message_from_bytes(envelope.content, policy=default))
        return await _said(server, [answer])


async def _said(server: Any, answers: list[str]) -> str:
    """The next of the answers, or that all is well."""
    answer = answers.pop(0) if answers else "250 OK"
    if answer in (LOST_AFTER, LOST_BEFORE):
        server.transport.abort()
    if answer == SILENT:
        await asyncio.Event().wait()  # until the client hangs up
    return answer


class _Session(SMTP):
    async def smtp_DATA(self, arg: str | None) -> None:
        may_send = self.event_handler.may_send
        if may_send:
            await self.push(await _said(self, may_send))
        else:
            await super().smtp_DATA(arg)


class _Controller(Controller):
    def factory(self) -> SMTP:
        return _Session(self.handler, **self.SMTP_kwargs)


@contextmanager
def scripted_mail(folder: Path) -> Generator[ScriptedMail]:
    """The server on a port of 127.0.0.1, with a certificate of `ca_file`, while the context lasts."""
    authority, mail = trustme.CA(), ScriptedMail()
    mail.ca_file = str(folder / "mail-ca.pem")
    authority.cert_pem.write_to_path(mail.ca_file)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)

    def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        mail.sessions += 1
        is_right = isinstance(data, LoginPassword) and (data.login, data.password) == (USER.encode(), PASSWORD.encode())
        return AuthResult(success=is_right, handled=False)

    with socket.create_server(("127.0.0.1", 0)) as free:  # the controller knows no port of the system's choice
        port = free.getsockname()[1]
    controller = _Controller(
        mail,
        hostname="127.0.0.1",
        port=port,
        tls_context=context,
        require_starttls=True,
        auth_required=True,
        authenticator=authenticate,
    )
    controller.start()
    try:
        mail.url = f"smtp://{USER}:s3cret%2Fwith%3Asigns@127.0.0.1:{port}?tls=starttls"
        yield mail
    finally:
        controller.stop()
