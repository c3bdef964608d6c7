"""Copies that leave: to the customer by e-mail (R15), and as evidence in a case (R16)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ivr.core.access import Action
from ivr.errors import SetupError, UsageError
from ivr.export.address import checked_address, same_address
from ivr.export.bundle import Evidence, make_bundle
from ivr.export.container import SUFFIX, seal
from ivr.export.encode import SUFFIXES, encode
from ivr.export.sounds import sounds_of
from ivr.retention.answers import Sent, Wish
from ivr.retention.archive.protocol import Archive
from ivr.retention.archive.reader import Reader
from ivr.retention.audit.read import Wanted
from ivr.retention.audit.trail import Trail
from ivr.retention.index.cases import Cases
from ivr.retention.index.database import Database
from ivr.retention.index.recordings import Recordings
from ivr.retention.model import Person, Recording
from ivr.retention.office.gate import Gate
from ivr.retention.office.looking import Sound
from ivr.retention.outgoing.model import Copy, Outgoing
from ivr.retention.outgoing.queue import Queue
from ivr.storage.doubt import UNKNOWN_PAUSES
from ivr.storage.names import call_and_part
from ivr.storage.record_schema import RecordModel, parse_record

CopyFormat = Literal["mp3", "opus", "wav"]


class Giving:
    """What gives recordings away. Each is decided and in the audit trail before it leaves."""

    def __init__(
        self,
        gate: Gate,
        database: Database,
        recordings: Recordings,
        archive: Archive,
        identity: Callable[[], bytes | None],
        queue: Queue | None,
        default: CopyFormat,
        making: Path,
        cases: Cases,
        trail: Trail,
        key: Ed25519PrivateKey | None,
        clock: Callable[[], int],
    ) -> None:
        """``making`` is a folder of the service's own for what is being encoded; ``queue`` is
        None where no mail is set up, ``key`` where nothing signs."""
        self._gate = gate
        self._database = database
        self._recordings = recordings
        self._archive = archive
        self._identity = identity
        self._queue = queue
        self._default = default
        self._making = making
        self._cases = cases
        self._trail = trail
        self._key = key
        self._clock = clock

    def send(self, person: Person, wish: Wish, identity: bytes | None = None) -> Sent:
        """Have a copy mailed to a customer (R15).

        Raises RefusedError; UsageError where the two addresses differ or are none, for a format,
        language or password that cannot be, where it is too large, and where its record does not
        know all its pauses, unless somebody has listened to all of it; StoreError where a pause in
        it is not silent: then nothing leaves.
        """
        with self._gate.looking_up(person, Action.SEND):
            recording = self._recordings.find(wish.call, self._gate.teams(person, Action.SEND))
        self._gate.may(person, Action.SEND, recording, case=wish.case, reason=wish.reason)
        queue = self._mails()
        if differs := same_address(wish.address, wish.again):
            raise UsageError(f"{differs}\n  nothing was sent: type the address twice, the same")
        address = checked_address(wish.address)
        form = _format(wish.format or self._default)
        with self._sounding(recording, identity) as (data, files, folder):
            record = parse_record(data, recording.record_name)
            if (doubt := _doubt(record)) and not wish.listened:
                raise UsageError(
                    f"{recording.call}: {doubt}\n"
                    "  nothing was sent: the customer may be heard in it saying card details\n"
                    f"  listen to all of it (ivr listen {recording.call[:8]}); where none are in"
                    " it, send it with --listened"
                )
            copy = folder / f"{recording.call}{SUFFIXES[form]}"
            made = encode(sounds_of(record, files), copy, form)
            if wish.password:
                container = copy.with_suffix(SUFFIX)
                seal([copy], wish.password, container)
                copy = container
            size = copy.stat().st_size
            with self._database.writing():
                mail = queue.put(
                    Copy(
                        recording.call,
                        person.user,
                        address,
                        wish.language or _language(record.language, queue.languages),
                        wish.reference or wish.case or recording.call[:8],
                        recording.day,
                        recording.team,
                        copy,
                        protected=bool(wish.password),
                    )
                )
                self._gate.write(
                    person,
                    Action.SEND,
                    "granted",
                    recording.call,
                    wish.case,
                    f"mail {mail}, {form}{', listened to all of it' if wish.listened else ''}",
                    {"address": address, "reason": wish.reason},
                )
        queue.woken.set()
        return Sent(mail, address, size, made.duration_ms)

    def mails(self, person: Person, call: str = "") -> list[Outgoing]:
        """Mails with copies, the latest first: of everybody where the person may send of every
        team, else their own. Raises RefusedError."""
        everybody = self._gate.everywhere(person, Action.SEND)
        full = self._recordings.find(call).call if call else ""
        found = self._mails().listing(full)
        seen = [each for each in found if everybody or each.who == person.user]
        self._gate.write(person, "mails", "granted", full, detail=f"{len(seen)} listed")
        return seen

    def decide_mail(self, person: Person, mail: str, *, again: bool) -> Outgoing:
        """Send a mail again of which it is not known whether it was delivered, or let it be; what
        it is then. Raises RefusedError; UsageError where there is none, or it is known."""
        queue = self._mails()
        with self._gate.looking_up(person, Action.SEND):
            found = next((each for each in queue.listing() if each.id.startswith(mail)), None)
            if found is None or not mail:
                raise UsageError(f"there is no mail {mail!r}; see which there are: ivr mails")
            recording = self._recordings.find(found.call)
        self._gate.may(person, Action.SEND, recording, reason="a mail of which nobody knows")
        (queue.resend if again else queue.dismiss)(found.id, person.user)
        return next(each for each in queue.listing(found.call) if each.id == found.id)

    def evidence(
        self,
        person: Person,
        call: str,
        case: str,
        *,
        reason: str = "",
        identity: bytes | None = None,
    ) -> Sound:
        """A sealed bundle of a recording for an open case that names it (R16).

        Raises RefusedError; UsageError where the case does not name the recording; SetupError
        where there is no key to sign with.
        """
        with self._gate.looking_up(person, Action.EVIDENCE):
            recording = self._recordings.find(call, self._gate.teams(person, Action.EVIDENCE))
        self._gate.may(person, Action.EVIDENCE, recording, case=case, reason=reason)
        if case not in {each.ref for each in self._cases.open_naming(recording.call)}:
            raise UsageError(
                f"{case or 'no case'}: evidence is for an open case that names the recording\n"
                f"  first: ivr case add {case or 'REF'} {recording.call}"
            )
        if self._key is None:
            raise SetupError(
                "there is no key to sign evidence with\n"
                "  make one (ivr audit key), and name it: retention.yaml, checkpoints, key"
            )
        audit = self._extract(recording.call, case)
        with self._sounding(recording, identity) as (record, files, folder):
            target = folder / f"evidence-{recording.call}{SUFFIX}"
            made = make_bundle(
                Evidence(recording.call, case, record, files, audit, person.user, self._clock()),
                target,
                self._key,
            )
            self._gate.to_recording(
                person,
                Action.EVIDENCE,
                recording,
                case=case,
                reason=reason,
                detail=f"bundle with SHA-256 {made.sha256}",
            )
            # Its name goes with the folder; what is open is there until it was sent.
            file = target.open("rb")
        return Sound(target.name, "application/zip", file)

    def _extract(self, call: str, case: str) -> list[str]:
        """What the trail says of the call, and of the case, as lines of JSON."""
        entries = {
            each.seq: each
            for wanted in (Wanted(call=call), Wanted(case=case))
            for each in self._trail.read(wanted=wanted)
        }
        return [
            json.dumps({**asdict(entries[seq]), "hash": entries[seq].hash.hex()})
            for seq in sorted(entries)
        ]

    def _mails(self) -> Queue:
        if self._queue is None:
            raise SetupError(
                "no mail is set up, so no copy can be sent\n"
                "  say which server takes them: retention.yaml, mail"
            )
        return self._queue

    @contextmanager
    def _sounding(
        self, recording: Recording, identity: bytes | None
    ) -> Iterator[tuple[bytes, Sequence[Path], Path]]:
        """The record as it was written, its audio as plaintext, and a folder for what is made of
        them; all of it is gone afterwards."""
        if not recording.parts:
            raise UsageError(
                f"{recording.call} has no audio (state {recording.state}): there is nothing to copy"
            )
        reader = Reader(self._archive, identity or self._identity())
        record = reader.record(recording)
        self._making.mkdir(mode=0o700, exist_ok=True)
        with ExitStack() as opened:
            files = [opened.enter_context(reader.wav(recording, part)) for part in recording.parts]
            folder = opened.enter_context(
                TemporaryDirectory(dir=self._making, prefix=f"{recording.call}.")
            )
            # Plaintext of what is sealed has no name on the disk; this is one all the same.
            paths = [Path(f"/proc/self/fd/{file.fileno()}") for file in files]
            yield record, paths, Path(folder)


def _doubt(record: RecordModel) -> str:
    """Why what was not to be recorded may be heard in it (R7); empty where all was proved."""
    sound = record.recording
    if UNKNOWN_PAUSES in sound.detail:
        return sound.detail
    named = [call_and_part(Path(part.path).stem) for part in sound.parts if part.path]
    there = {each[1] for each in named if each}
    for pause in sound.pauses:
        if pause.verdict == "unproved" and pause.part in there:
            return f"it could not be proved that the pause at {pause.at} is silent"
    return ""


def _language(spoken: str, known: Sequence[str]) -> str:
    """The language of the mail for a call: the call's, or one that is nearly it, or the first."""
    nearly = [each for each in known if each.partition("-")[0] == spoken.partition("-")[0]]
    return spoken if spoken in known else next(iter((*nearly, *known)), spoken)


def _format(text: str) -> CopyFormat:
    if text not in SUFFIXES or text == "flac":
        raise UsageError(f"{text!r} is no format of a copy: expected mp3, opus or wav")
    return text
