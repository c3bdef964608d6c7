"""A real SMTP server for the tests, on port 0, that does as it is told."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from ivr.config.settings_retention import MailSettings

HOST = "127.0.0.1"
USER, PASSWORD = "recordings", "correct horse"  # of the server below
SENDER = "recordings@council.example"


@dataclass
class Office:
    """What it was sent, and what it answers."""

    mail: str = "250 OK"
    rcpt: str = "250 OK"
    data: str = "250 taken as 42"
    drops: str = ""
    """``data``: the connection ends after the mail was sent, without an answer."""
    port: int = 0
    got: list[Envelope] = field(default_factory=list)
    logins: list[bool] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any
    ) -> str:
        if self.mail.startswith("250"):
            envelope.mail_from = address
            envelope.mail_options.extend(options)
        return self.mail

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: Any
    ) -> str:
        if self.rcpt.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.rcpt

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if self.data.startswith("250"):
            self.got.append(envelope)
            self.encrypted.append(server.transport.get_extra_info("ssl_object") is not None)
        if self.drops == "data":
            server.transport.abort()
        return self.data

    def settings(self, **more: Any) -> MailSettings:
        """Of a client that may talk to it."""
        given: dict[str, Any] = {
            "host": HOST,
            "port": self.port,
            "security": "starttls",
            "user": "",
            "password": "",
            "sender": SENDER,
            "timeout_s": 10.0,
            "largest": 1_000_000,
            "give_up_ms": 48 * 3_600_000,
            "ca_file": None,
            "templates": Path("deploy/mail"),
            "format": "mp3",
        }
        return MailSettings(**(given | more))


class _Listening(Controller):
    """A controller of aiosmtpd on a port that is free."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()


@contextmanager
def open_office(
    certificate: Path | None,
    *,
    implicit: bool = False,
    starttls: bool = True,
    login: bool = False,
    size: int = 33_554_432,
) -> Iterator[Office]:
    """An SMTP server for the time of a test."""
    office = Office()
    context = None
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)

    def authenticate(
        server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        right = isinstance(data, LoginPassword) and (data.login, data.password) == (
            USER.encode(),
            PASSWORD.encode(),
        )
        office.logins.append(right)
        return AuthResult(success=right, handled=False)

    controller = _Listening(
        office,
        hostname=HOST,
        port=0,
        ssl_context=context if implicit else None,
        tls_context=context if starttls and not implicit else None,
        authenticator=authenticate,
        auth_required=login,
        auth_require_tls=not implicit and starttls,
        data_size_limit=size,
    )
    controller.start()
    office.port = controller.port
    try:
        yield office
    finally:
        controller.stop()
