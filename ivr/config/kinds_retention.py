"""The kinds of text that the retention layer's settings are made of (R12, R15, R16, R20)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ivr.config.addresses import Host
from ivr.config.kinds import Kind, Known, wrong
from ivr.config.mistakes import did_you_mean, one_of, quoted
from ivr.core.access import Action
from ivr.core.schedule import PERIOD_PATTERN

_UNITS = {"d": "day", "w": "week", "m": "month", "y": "year"}
_WRITTEN_PERIOD = re.compile(
    r"\s*([0-9]{1,4})\s*(d|days?|w|wks?|weeks?|m|mo|mths?|months?|y|yrs?|years?|)\s*", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class PeriodText(Kind):
    """A length of time by the calendar: ``6 months``, ``2 years``, ``90 days``."""

    expected: str = 'a period such as "6 months", "2 years" or "90 days"'
    pattern: str | None = PERIOD_PATTERN

    def from_number(self, number: int) -> str:
        """See :class:`Kind`: retention is counted in months."""
        return _counted(max(number, 1), "month")

    def accept(self, text: str, known: Known) -> str:
        """See :class:`Kind`: also refuses "6 month", which a reader would stumble at."""
        Kind.accept(self, text, known)
        count, unit = text.split(" ")
        right = _counted(int(count), unit.removesuffix("s"))
        if text != right:
            raise wrong(f"expected {self.expected}, did you mean {quoted(right)}?")
        return text

    def hint(self, text: str) -> str:
        """See :class:`Kind`: units are shortened, weeks are days, "half a year" has no number."""
        found = _WRITTEN_PERIOD.fullmatch(text)
        if not found or not int(found[1]):
            return ""
        count, unit = int(found[1]), _UNITS[found[2][:1].lower() or "m"]
        if unit == "week":
            count, unit = count * 7, "day"
        better = _counted(count, unit)
        return f", did you mean {quoted(better)}?" if self.fits(better) else ""


def _counted(count: int, unit: str) -> str:
    return f"{count} {unit}{'' if count == 1 else 's'}"


@dataclass(frozen=True, slots=True)
class Recipient(Kind):
    """A public key of age's, to which recordings are encrypted."""

    expected: str = 'a public key of age\'s, "age1…" (age-keygen prints it)'
    pattern: str | None = "age1[02-9ac-hj-np-z]{58}"

    def accept(self, text: str, known: Known) -> str:
        """See :class:`Kind`: the key has a check sum, which a typing mistake does not fit."""
        Kind.accept(self, text, known)
        from pyrage import (  # type: ignore[import-untyped]  # it has no types
            RecipientError,
            x25519,
        )

        try:
            x25519.Recipient.from_str(text)
        except RecipientError:
            raise wrong(
                f"expected {self.expected}: its check sum does not fit, copy it once more"
            ) from None
        return text


SECRET_KEY = re.compile(r"AGE-SECRET-KEY-", re.IGNORECASE)
"""How age's secret keys begin."""

BACKENDS = ("sqlite", "postgresql", "postgresql+psycopg")
"""The databases that the index can be in, as its URL begins."""


@dataclass(frozen=True, slots=True)
class IndexUrl(Kind):
    """Where the index is, as SQLAlchemy writes it; never with a password."""

    expected: str = 'a URL such as "sqlite:///index.sqlite" or "postgresql://ivr@db.example/ivr"'
    pattern: str | None = r"(sqlite|postgresql(\+psycopg)?)://\S+"

    def hint(self, text: str) -> str:
        """See :class:`Kind`: libpq's own names, other drivers, and a file alone."""
        scheme, colon, rest = text.partition("://")
        if not colon:
            return f", did you mean {quoted(f'sqlite:///{text}')}?" if self._file(text) else ""
        if scheme in BACKENDS:
            return ""
        if scheme.startswith(("postgres", "psql", "pg")):
            return f", did you mean {quoted(f'postgresql://{rest}')}?" if self._bare(rest) else ""
        return did_you_mean(scheme, BACKENDS)

    def _file(self, text: str) -> bool:
        return re.fullmatch(r"[\w./-]+", text) is not None

    def _bare(self, rest: str) -> bool:
        """Whether it may be printed: it holds no password."""
        return bool(rest) and " " not in rest and ":" not in rest.partition("@")[0]

    def accept(self, text: str, known: Known) -> str:
        """See :class:`Kind`."""
        Kind.accept(self, text, known)
        from sqlalchemy.engine import make_url
        from sqlalchemy.exc import ArgumentError

        try:
            url = make_url(text)
        except (ArgumentError, ValueError):
            raise wrong(f"expected {self.expected}") from None
        if url.drivername == "sqlite" and url.host:
            raise wrong(
                f'expected {self.expected}, with three "/" before a path, and four before one from '
                "the root"
            )
        if url.drivername == "sqlite" and url.database in (None, "", ":memory:"):
            raise wrong(f"expected {self.expected}: a file, which is there after a restart")
        if url.drivername != "sqlite" and not url.database:
            raise wrong(f"expected {self.expected}: with the name of the database at its end")
        return text


@dataclass(frozen=True, slots=True)
class Mailbox(Kind):
    """An e-mail address, without a name."""

    expected: str = 'an e-mail address such as "recordings@council.example"'
    pattern: str | None = (
        r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
        r"@[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)+"
    )

    def hint(self, text: str) -> str:
        """See :class:`Kind`: the address out of ``Name <address>``."""
        found = re.fullmatch(r".*<([^<>\s]+)>\s*", text)
        return f", did you mean {quoted(found[1])}?" if found and self.fits(found[1]) else ""


@dataclass(frozen=True, slots=True)
class ArchivePlace(Kind):
    """A folder, or a bucket of S3-compatible object storage."""

    expected: str = 'a folder, or "s3://bucket/prefix"'

    def accept(self, text: str, known: Known) -> str:
        """See :class:`Kind`."""
        Kind.accept(self, text, known)
        scheme, colon, rest = text.partition("://")
        if not colon:
            return text
        if scheme != "s3":
            near = f", did you mean {quoted(f's3://{rest}')}?" if scheme.lower() == "s3" else ""
            raise wrong(f"expected {self.expected}{near}")
        if not _BUCKET.fullmatch(rest):
            raise wrong(
                f"expected {self.expected}: a bucket of a-z, 0-9, . and - (3 to 63), and a prefix "
                "of letters, digits and . _ / -"
            )
        return text


_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9](/[A-Za-z0-9._/-]*)?")


@dataclass(frozen=True, slots=True)
class Endpoint(Kind):
    """Where object storage answers; in the clear on this host only."""

    expected: str = '"https://…" (http:// on this host only)'
    pattern: str | None = r"https?://[^/\s?#@]+/?"

    def accept(self, text: str, known: Known) -> str:
        """See :class:`Kind`."""
        Kind.accept(self, text, known)
        scheme, _, rest = text.partition("://")
        host = re.sub(r":[0-9]{1,5}$", "", rest.rstrip("/"))
        if not Host().fits(host.strip("[]")) or (scheme == "http" and not is_loopback(host)):
            raise wrong(f"expected {self.expected}")
        return text


def is_loopback(host: str) -> bool:
    """Whether what is sent there stays on this host."""
    bare = host.strip("[]").casefold()
    return bare in ("localhost", "::1") or re.fullmatch(r"127(\.[0-9]{1,3}){3}", bare) is not None


@dataclass(frozen=True, slots=True)
class ActionName(Kind):
    """What a role may."""

    expected: str = f"one of {', '.join(Action)}"
    pattern: str | None = "|".join(Action)

    def hint(self, text: str) -> str:
        """See :class:`Kind`."""
        words = re.sub("[^a-z]+", "-", text.lower()).strip("-")
        turned = "-".join(reversed(words.split("-")))
        return did_you_mean(turned if turned in tuple(Action) else words, Action)


@dataclass(frozen=True, slots=True)
class User(Kind):
    """A user of the operating system, or the holder of a token."""

    expected: str = 'a user of the operating system, or "token:<name>"'
    pattern: str | None = r"(token:)?[A-Za-z0-9_][A-Za-z0-9_.@\\-]{0,127}"


@dataclass(frozen=True, slots=True)
class GroupName(Kind):
    """A group of the operating system."""

    expected: str = "a group of the operating system"
    pattern: str | None = r"[A-Za-z0-9_][A-Za-z0-9_.@\\ -]{0,127}"


MARKS = ("abuse", "card-digits")
"""What records may be marked with (docs/spool.md)."""


@dataclass(frozen=True, slots=True)
class MarkName(Kind):
    """A mark that the engine puts on calls."""

    expected: str = "a mark of the engine's"
    pattern: str | None = "|".join(MARKS)

    def accept(self, text: str, known: Known) -> str:
        """See :class:`Kind`."""
        del known
        if text not in MARKS:
            raise wrong(f"expected {one_of(MARKS)}{did_you_mean(text, MARKS)}")
        return text
