"""The mail with which a copy goes to a customer, as the bytes that a mail server is given (R15).

It is made once, when it is asked for, and never again: whoever gets it twice sees from its
Message-ID that the two are one.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from ivr.config.mistakes import quoted
from ivr.errors import UsageError
from ivr.export.address import checked_address
from ivr.export.templates import Template

_LONGEST = 200
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class TooLargeError(UsageError):
    """The mail would be larger than may be sent; says both sizes and what else can be done."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that is sent."""

    name: str
    """As the customer sees it: letters, digits and ``. _ -``."""
    mime_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Letter:
    """What a mail says and carries."""

    id: str
    """Of the queue; becomes the Message-ID."""
    sender: str
    """The organisation's address."""
    address: str
    """The customer's."""
    reference: str
    """What the customer knows it by: a case, or the beginning of the call's id."""
    day: date
    """On which the call was."""
    team: str
    at_ms: int
    """Its date: milliseconds since 1970."""
    attachment: Attachment
    protected: bool = False
    """The attachment has a password."""


def build(letter: Letter, template: Template, largest: int) -> bytes:
    """The whole mail: ASCII, with CR LF at the ends of its lines.

    Raises UsageError where the address or another text cannot stand in a mail, TooLargeError
    where it has more bytes than ``largest``.
    """
    for what, text in (("reference", letter.reference), ("team", letter.team), ("id", letter.id)):
        if not text.isprintable() or len(text) > _LONGEST:
            raise UsageError(f"the {what} {quoted(text)} cannot stand in a mail: expected one line")
    if not _FILE_NAME.fullmatch(letter.attachment.name):
        raise UsageError(f"{quoted(letter.attachment.name)} is no name for a file in a mail")
    # What makes it larger is known before: the text's few lines, and a third for base64.
    check_size(len(letter.attachment.data) * 4 // 3, largest)
    message = EmailMessage(policy=SMTP)
    message["From"] = letter.sender
    message["To"] = checked_address(letter.address)
    message["Subject"] = _filled(letter, template, template.subject)
    message["Date"] = format_datetime(datetime.fromtimestamp(letter.at_ms / 1000, UTC))
    message["Message-ID"] = f"<{letter.id}@{letter.sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message["Content-Language"] = template.language
    text = _filled(letter, template, template.text)
    if letter.protected:
        text += "\n" + _filled(letter, template, template.protected)
    # Never 8bit: not every server on the way takes it.
    message.set_content(text, cte="quoted-printable")
    main, _, sub = letter.attachment.mime_type.partition("/")
    message.add_attachment(
        letter.attachment.data, maintype=main, subtype=sub, filename=letter.attachment.name
    )
    data = message.as_bytes()
    check_size(len(data), largest)
    return data


def check_size(size: int, largest: int) -> None:
    """That a mail of so many bytes may be sent. Raises TooLargeError."""
    if size > largest:
        raise TooLargeError(
            f"the mail would have {megabytes(size)}, and at most {megabytes(largest)} may be sent\n"
            "  send it as mp3 or opus, or hand it over another way: ivr listen writes it to a "
            "file, ivr evidence makes a bundle"
        )


def megabytes(size: int) -> str:
    """A size for people: ``12.3 MB``."""
    return f"{size / 1_000_000:.1f} MB"


def _filled(letter: Letter, template: Template, text: str) -> str:
    return template.filled(text, reference=letter.reference, day=letter.day, team=letter.team)
