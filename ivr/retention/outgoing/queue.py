"""The queue of mails: waits, sends, and knows what became of each (R15).

A mail is made when it is asked for, and lies in the queue's folder until it was sent or given up.
Before the server is asked, that it is being sent is durable in the index. So whoever is killed
finds it so at the next start, and it becomes ``unknown``: told, audited, and sent again only if a
person says so. Its Message-ID stays the same, so that a doubled one can be recognised.

What becomes of a mail is written into the index and the audit trail in one transaction; its file
goes after that. Files that belong to nothing go at the next start.

**Destruction (R14):** with its recording a mail goes, in whatever state. One that the server is
being given at that very moment cannot be called back: it is neither tried again nor is its
address written anywhere, and the audit trail says that it was on its way.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from re import sub
from typing import Literal, Protocol
from uuid import uuid4

import structlog

from ivr.config.settings_retention import MailSettings
from ivr.errors import DiskError, IvrError, UsageError
from ivr.export import mail as mailing
from ivr.export.address import checked_address
from ivr.export.encode import MIME_TYPES, SUFFIXES
from ivr.export.letter import Attachment, Letter, build, check_size
from ivr.export.templates import Templates
from ivr.retention.index.database import Database
from ivr.retention.model import SERVICE, Entry
from ivr.retention.outgoing.files import Files
from ivr.retention.outgoing.model import Copy, Mails, MailState, Outgoing
from ivr.retention.outgoing.rows import Rows
from ivr.storage.atomic import REAL, Disk
from ivr.storage.names import checked_call_id

log = structlog.get_logger(__name__)

FIRST_WAIT_MS = 60_000
LONGEST_WAIT_MS = 3_600_000
"""Between two tries: the first wait, doubled each time up to the longest."""
_MIME = {SUFFIXES[each]: MIME_TYPES[each] for each in SUFFIXES} | {".zip": "application/zip"}

Send = Callable[[MailSettings, str, bytes], str]


class Writes(Protocol):
    """The audit trail."""

    def append(self, entries: Sequence[Entry]) -> list[int]:
        """Durable when it returns."""


class Queue:
    """Safe to share between threads; one thread at a time sends."""

    def __init__(
        self,
        database: Database,
        folder: Path,
        settings: MailSettings,
        templates: Templates,
        trail: Writes,
        clock: Callable[[], int],
        *,
        send: Send = mailing.send,
        disk: Disk = REAL,
    ) -> None:
        """``clock`` is milliseconds since 1970. Makes the folder. Raises DiskError."""
        self._database = database
        self._rows = Rows(database)
        self._files = Files(folder, disk)
        self._settings = settings
        self._templates = templates
        self._trail = trail
        self._clock = clock
        self._send = send
        self._working = threading.Lock()
        self._alarm = False
        self._ended: list[tuple[Outgoing, _End]] = []
        """What became of mails and could not be written yet; only while this process lives."""
        self.woken = threading.Event()
        """Set when there is something to send."""

    @property
    def languages(self) -> tuple[str, ...]:
        """Those that there is a mail in: English first where there is one."""
        return tuple(sorted(self._templates.by_language, key=lambda each: (each[:2] != "en", each)))

    def start(self) -> None:
        """Once, before :meth:`work`: take up what another life left.

        Raises SetupError where another process sends already, StoreError and DiskError.
        """
        self._files.lock()
        for mail in self._rows.listing(state="sending"):
            told = "the service was stopped while it was sent: it may have been delivered"
            self._ended.append((mail, _End("unknown", told)))
        self._settle()
        self._files.remove_but(self._rows.files())

    def close(self) -> None:
        """Let another process send."""
        self._files.unlock()

    def put(self, copy: Copy) -> str:
        """Have a copy mailed; the id of its mail. Durable when it returns, or with the transaction
        that its thread is in. Where that is undone, a file stays until the next start.

        Raises UsageError for an address, a language or a size that cannot be sent, and where the
        recording is about to be destroyed; StoreError and DiskError.
        """
        checked_call_id(copy.call)
        mail = str(uuid4())
        now = self._clock()
        data = self._message(copy, mail, now)
        name = self._files.name(copy.call, mail)
        row = Outgoing(
            id=mail,
            call=copy.call,
            state="waiting",
            who=copy.who,
            address=checked_address(copy.address),
            language=copy.language,
            tries=0,
            next_ms=now,
            queued_ms=now,
            told="",
            file=name,
        )
        try:
            self._files.write(name, data)
            if not self._rows.add(row):
                raise UsageError(f"{copy.call} is being destroyed; no copy of it can be sent")
        except IvrError:
            # Nothing of the mail stays; the next start removes what cannot be removed here.
            with suppress(DiskError):
                self._files.remove([name])
            raise
        self.woken.set()
        return mail

    def _message(self, copy: Copy, mail: str, now: int) -> bytes:
        template = self._templates.of(copy.language)
        suffix = copy.file.suffix
        if suffix not in _MIME:
            raise UsageError(f"{copy.file.name}: expected one of {', '.join(sorted(_MIME))}")
        # Before it is read: a file that is far too large is not to fill the memory.
        check_size(copy.file.stat().st_size * 4 // 3, self._settings.largest)
        named = sub("[^A-Za-z0-9]+", "-", copy.reference).strip("-")[:60] or "copy"
        data = copy.file.read_bytes()
        letter = Letter(
            id=mail,
            sender=self._settings.sender,
            address=copy.address,
            reference=copy.reference,
            day=copy.day,
            team=copy.team,
            at_ms=now,
            attachment=Attachment(f"recording-{named}{suffix}", _MIME[suffix], data),
            protected=copy.protected,
        )
        return build(letter, template, self._settings.largest)

    def work(self) -> bool:
        """Try the one mail that is due first; whether there may be more to do at once.

        Blocks as long as the server takes. Raises StoreError and DiskError; what was sent is then
        known, and written as soon as that is possible.
        """
        with self._working:
            self.woken.clear()
            self._settle()
            now = self._clock()
            due = self._rows.due(now, now + LONGEST_WAIT_MS)
            if due is None:
                return False
            sending = self._rows.change(due, state="sending", tries=due.tries + 1)
            if sending is not None:
                self._ended.append((sending, self._tried(sending)))
                self._settle()
            return True

    def wait(self, longest_s: float) -> None:
        """Until something is to be sent, or so many seconds at most."""
        due = self._rows.next_ms()
        if due is not None:
            longest_s = min(longest_s, max(0.0, (due - self._clock()) / 1000))
        self.woken.wait(longest_s)

    def _tried(self, mail: Outgoing) -> _End:
        data = self._files.read(mail.file)
        if data is None:
            return _End("failed", "its file is missing from the queue's folder")
        try:
            told = self._send(self._settings, mail.address, data)
        except mailing.LaterError as error:
            self._noted(error)
            return self._later(mail, _line(error))
        except mailing.GivenUpError as error:
            self._alarm = False
            return _End("failed", _line(error))
        except mailing.UnknownError as error:
            return _End("unknown", _line(error))
        self._alarm = False
        return _End("sent", told)

    def _noted(self, error: mailing.LaterError) -> None:
        self._alarm = error.alarm
        if error.alarm:
            log.error("no mail can be sent", error=str(error))

    def _later(self, mail: Outgoing, told: str) -> _End:
        now = self._clock()
        until = mail.queued_ms + self._settings.give_up_ms
        if now >= until:
            return _End("failed", f"given up after {mail.tries} tries: {told}")
        # Capped before it is shifted: a mail may be tried very often.
        wait = min(LONGEST_WAIT_MS, FIRST_WAIT_MS << min(mail.tries - 1, 10))
        return _End("waiting", told, min(now + wait, until))

    def _settle(self) -> None:
        """Write down what became of mails, then let go of the files of those that are done."""
        while self._ended:
            mail, end = self._ended[0]
            self._book(mail, end)
            del self._ended[0]
            if end.state in ("sent", "failed"):
                self._files.remove([mail.file])

    def _book(self, mail: Outgoing, end: _End) -> None:
        values = {"state": end.state, "told": end.told, "next_ms": end.next_ms}
        if end.state in ("sent", "failed"):
            values["file"] = ""
        with self._database.writing():
            there = self._rows.change(mail, **values) is not None
            if not there and self._rows.get(mail.id):
                return  # it was written already, and the database said otherwise
            if end.state != "waiting":
                self._trail.append([_entry(mail, end, there)])
        told = {"mail": mail.id, "call": mail.call, "state": end.state, "tries": mail.tries}
        if end.state in ("failed", "unknown"):
            log.warning("a copy was not sent for certain", **told)
        else:
            log.info("mail", **told)

    def resend(self, mail: str, who: str) -> None:
        """Send one again of which it is not known whether it was delivered: a person decided that
        twice is better than never. Raises UsageError where it is in another state."""
        self._decided(mail, who, _End("waiting", "is sent again", self._clock()))
        self.woken.set()

    def dismiss(self, mail: str, who: str) -> None:
        """Let it be, as :meth:`resend`: its file goes."""
        self._decided(mail, who, _End("failed", "is not sent again"))

    def _decided(self, mail: str, who: str, end: _End) -> None:
        found = self._rows.get(mail)
        if found is None or found.state != "unknown":
            state = found.state if found else "not there"
            raise UsageError(f"mail {mail} is {state}, expected one that is unknown")
        values = {"state": end.state, "told": end.told, "next_ms": end.next_ms, "tries": 0}
        values |= {"file": ""} if end.state == "failed" else {"queued_ms": self._clock()}
        with self._database.writing():
            if self._rows.change(found, **values) is None:
                raise UsageError(f"mail {mail} is no more unknown; look again")
            entry = Entry("mail", who, "done", call=found.call, detail=f"{mail} {end.told}")
            self._trail.append([entry])
        if end.state == "failed":
            self._files.remove([found.file])

    def listing(self, call: str = "") -> list[Outgoing]:
        """All mails, or those with a copy of this call; the latest first."""
        return self._rows.listing(call)

    def standing(self) -> Mails:
        """How the queue stands."""
        by_state, oldest = self._rows.counts()
        return Mails(by_state, oldest, self._alarm)


class _End:
    """What became of one try."""

    __slots__ = ("next_ms", "state", "told")

    def __init__(self, state: MailState, told: str, next_ms: int = 0) -> None:
        self.state = state
        self.told = told
        self.next_ms = next_ms


_OUTCOME: dict[MailState, Literal["done", "failed"]] = {"sent": "done"}
_DETAIL: dict[MailState, str] = {
    "sent": "handed to the mail server",
    "failed": "given up",
    "unknown": "it is not known whether it was delivered",
}


def _entry(mail: Outgoing, end: _End, there: bool) -> Entry:
    """What the audit trail is told. What the server said may hold the address: with the address
    it is among the particulars, and of a recording that is destroyed there are none."""
    detail = f"{mail.id} {_DETAIL[end.state]}"
    if not there:
        detail += "; its recording was destroyed meanwhile"
    return Entry(
        "mail",
        SERVICE,
        _OUTCOME.get(end.state, "failed"),
        call=mail.call,
        detail=f"{detail}; asked for by {mail.who}",
        particulars={"address": mail.address, "answer": end.told} if there else None,
    )


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:500]
