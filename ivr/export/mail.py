"""Handing a mail to the mail server, by one connection, never without encryption (R15).

Three things can come of it besides success, and they are told apart with care, because a mail
that is sent twice, or is thought to be sent, is a disclosure or a broken promise:

- :class:`LaterError`: it was not taken, and trying again can help;
- :class:`GivenUpError`: the server does not want it, and never will;
- :class:`UnknownError`: all of it was sent, and the server's answer did not come. It may have been
  delivered.

Whatever is wrong with the server as such (its certificate, its login, no STARTTLS) puts mails off
and raises an alarm: it is no fault of the mail, and mending it sends them all.
"""

from __future__ import annotations

import contextlib
import ipaddress
import re
import smtplib
import socket
import ssl
from pathlib import Path

from ivr.config.mistakes import printable
from ivr.config.settings_retention import MailSettings
from ivr.errors import IvrError
from ivr.export.letter import megabytes

_LONGEST = 300


class MailError(IvrError):
    """A mail was not handed over, or it is not known whether it was."""


class LaterError(MailError):
    """The server did not take it now."""

    retry = True

    def __init__(self, why: str, *, alarm: bool = False) -> None:
        super().__init__(why)
        self.alarm = alarm
        """Somebody has to mend something before any mail can be sent."""


class GivenUpError(MailError):
    """The server refuses this mail for good."""


class UnknownError(MailError):
    """It may have been delivered: the connection ended after all of it was sent."""


def send(settings: MailSettings, address: str, message: bytes) -> str:
    """Hand the whole mail to the server; what the server said.

    Blocks, at most ``settings.timeout_s`` for each step. Raises LaterError, GivenUpError or
    UnknownError.
    """
    server = _connected(settings)
    try:
        _encrypted(server, settings)
        _logged_in(server, settings)
        return _handed_over(server, settings, address, message)
    finally:
        # It has the mail or refused it: what becomes of the connection does not matter.
        with contextlib.suppress(OSError, smtplib.SMTPException):
            if server.sock is not None:
                server.sock.settimeout(min(5.0, settings.timeout_s))
            server.quit()
        server.close()


def tls_context(ca_file: Path | None) -> ssl.SSLContext:
    """Certificates of this host's and of ``ca_file``; the name in them is checked.

    Raises LaterError where the file cannot be used.
    """
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_file is not None:
        try:
            context.load_verify_locations(ca_file)
        except (OSError, ssl.SSLError) as error:
            raise LaterError(
                f"{ca_file}: no certificates can be read from it ({_text(error)}); nothing is sent",
                alarm=True,
            ) from error
    return context


def _connected(settings: MailSettings) -> smtplib.SMTP:
    where = f"{settings.host}:{settings.port}"
    name = socket.gethostname()
    name = name if re.fullmatch(r"[A-Za-z0-9.-]+", name) else "localhost"
    if settings.security == "none" and not _is_loopback(settings.host):
        raise LaterError(f"{where}: not on this host, and no encryption is configured", alarm=True)
    try:
        if settings.security == "tls":
            return smtplib.SMTP_SSL(
                settings.host,
                settings.port,
                local_hostname=name,
                timeout=settings.timeout_s,
                context=tls_context(settings.ca_file),
            )
        return smtplib.SMTP(
            settings.host, settings.port, local_hostname=name, timeout=settings.timeout_s
        )
    except ssl.SSLError as error:
        raise _untrusted(where, error) from error
    except smtplib.SMTPConnectError as error:
        raise LaterError(f"{where}: {_said(error)}") from error
    except (OSError, smtplib.SMTPException) as error:
        raise LaterError(f"{where}: no connection ({_text(error)})") from error


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _encrypted(server: smtplib.SMTP, settings: MailSettings) -> None:
    where = f"{settings.host}:{settings.port}"
    try:
        server.ehlo_or_helo_if_needed()
        if settings.security != "starttls":
            return
        if not server.has_extn("starttls"):
            raise LaterError(
                f"{where}: the server offers no STARTTLS, and nothing is sent without encryption\n"
                "  see what answers there, or set security: tls with port 465",
                alarm=True,
            )
        server.starttls(context=tls_context(settings.ca_file))
        server.ehlo_or_helo_if_needed()
    except ssl.SSLError as error:
        raise _untrusted(where, error) from error
    except smtplib.SMTPResponseException as error:
        raise LaterError(f"{where}: {_said(error)}") from error
    except (OSError, smtplib.SMTPException) as error:
        raise LaterError(f"{where}: the connection failed ({_text(error)})") from error


def _logged_in(server: smtplib.SMTP, settings: MailSettings) -> None:
    if not settings.user:
        return
    where = f"{settings.host}:{settings.port}"
    try:
        server.login(settings.user, settings.password)
    except smtplib.SMTPAuthenticationError as error:
        raise LaterError(
            f"{where}: the login of {settings.user} was refused ({_said(error)})\n"
            "  see user and password_file in retention.yaml",
            alarm=True,
        ) from error
    except smtplib.SMTPNotSupportedError as error:
        raise LaterError(f"{where}: the server takes no login ({_text(error)})", alarm=True) from (
            error
        )
    except smtplib.SMTPResponseException as error:
        raise LaterError(f"{where}: login: {_said(error)}") from error
    except (OSError, smtplib.SMTPException) as error:
        raise LaterError(f"{where}: the connection failed at the login ({_text(error)})") from error


def _handed_over(server: smtplib.SMTP, settings: MailSettings, address: str, message: bytes) -> str:
    _fits(server, settings, len(message))
    size = [f"SIZE={len(message)}"] if server.has_extn("size") else []
    sent = False
    try:
        _answered(server.mail(settings.sender, size), (250,), "the sender")
        _answered(server.rcpt(address), (250, 251), "the address")
        _answered(server.docmd("DATA"), (354,), "the mail")
        server.send(_dotted(message))
        # Until its last line was sent, no server delivers any of it.
        sent = True
        server.send(b".\r\n")
        answer = server.getreply()
        if not 200 <= answer[0] <= 299 and not 400 <= answer[0] <= 599:
            raise smtplib.SMTPException("its answer is none")
        return _answered(answer, (answer[0],) if answer[0] < 300 else (250,), "the mail")
    except (OSError, smtplib.SMTPException) as error:
        why = f"{settings.host}:{settings.port}: the connection failed ({_text(error)})"
        if sent:
            raise UnknownError(
                f"{why} after the mail was sent: it may have been delivered"
            ) from error
        raise LaterError(why) from error


def _fits(server: smtplib.SMTP, settings: MailSettings, size: int) -> None:
    told = server.esmtp_features.get("size", "").split(" ")[0]
    largest = int(told) if told.isdecimal() and len(told) < 16 else 0
    if largest and size > largest:
        raise GivenUpError(
            f"the mail has {megabytes(size)}, and {settings.host} takes {megabytes(largest)} at "
            "most\n  hand it over another way (ivr listen, ivr evidence), and set `largest` in "
            "retention.yaml to what the server takes"
        )


def _answered(answer: tuple[int, bytes], right: tuple[int, ...], what: str) -> str:
    code, told = answer
    text = _clean(told.decode("ascii", "backslashreplace"))
    if code in right:
        return f"{code} {text}"
    if 500 <= code <= 599:
        raise GivenUpError(f"the server refuses {what} ({code} {text})")
    raise LaterError(f"the server puts {what} off ({code} {text})")


def _dotted(message: bytes) -> bytes:
    """As it goes over the wire: every line ends with CR LF, and none is a dot alone."""
    lines = re.sub(rb"(?:\r\n|\n|\r(?!\n))", b"\r\n", message)
    lines = re.sub(rb"(?m)^\.", b"..", lines)
    return lines if lines.endswith(b"\r\n") else lines + b"\r\n"


def _untrusted(where: str, error: ssl.SSLError) -> LaterError:
    why = getattr(error, "verify_message", "") or error.reason or str(error)
    return LaterError(
        f"{where}: the server is not trusted ({_clean(str(why))}), and nothing is sent\n"
        "  its certificate must be in date, name this host, and be vouched for by ca_file or by "
        "this host's own",
        alarm=True,
    )


def _said(error: smtplib.SMTPResponseException) -> str:
    told = error.smtp_error
    text = told.decode("ascii", "backslashreplace") if isinstance(told, bytes) else str(told)
    return f"{error.smtp_code} {_clean(text)}"


def _text(error: Exception) -> str:
    if isinstance(error, OSError) and error.strerror:
        return _clean(str(error.strerror))
    return _clean(str(error)) or type(error).__name__


def _clean(text: str) -> str:
    """What a server said, on one line and not too long."""
    return printable(" ".join(text.split()))[:_LONGEST]
