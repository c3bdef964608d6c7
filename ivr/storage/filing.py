"""Finish a batch of calls: read the audio back, write the records, make both visible (R22).

The order, for the whole batch, so that it costs two syncs of a folder and not two a call:

1. find each recording, all its parts, in whichever recording folder they lie
   (``ivr.storage.tape``), and read it back (``ivr.storage.readback``): copy what lies on another
   disk, set headers right, make pauses silent, hash; or destroy it, where its caller opted out and
   nothing may be kept (``ivr.storage.destroy``); write the record to ``tmp/``;
2. sync audio and records;
3. move the audio into ``new/``, sync ``new/``;
4. move the records into ``new/``, sync ``new/``;
5. remove what was copied; remove or set aside what is no recording.

What the disk refuses is an error of one call, and can be tried again. Anything else that is
raised is a fault of one call: that call is set aside with the reason, its audio stays where it
is, and the next start tries again. Neither stops the other calls of the batch.

Who sees ``new/<call>.json`` finds its audio whole, before and after any crash. Every step
may be done again from the start: what is in ``new/`` already is found there. All of it
blocks and runs in a thread.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import tzinfo
from pathlib import Path

from ivr.core.ending import opting_out
from ivr.core.entries import Arrived, Stamped
from ivr.core.fold import fold
from ivr.core.record import SCHEMA, CallRecord, Destroyed, ExemptRecord, FoundAudio, iso
from ivr.core.timeline import PAUSES, Span, timeline
from ivr.errors import DiskError
from ivr.storage.aside import Aside
from ivr.storage.atomic import (
    Disk,
    begin_writing_back,
    disk_error,
    sync_folder,
    write_durably,
    write_new,
)
from ivr.storage.destroy import Destroyer, is_doomed
from ivr.storage.doubt import UNKNOWN_PAUSES, doubted, told
from ivr.storage.encode import encoder
from ivr.storage.fault import describe
from ivr.storage.late import Late
from ivr.storage.places import Places
from ivr.storage.readback import ReadBack
from ivr.storage.tape import READ, Finder, Listing, Tape
from ivr.storage.whereabouts import other_folders, parts_of, paths_of

_to_json = encoder(CallRecord)
_exempt_to_json = encoder(ExemptRecord)


@dataclass(frozen=True, slots=True)
class Maker:
    """Who makes the records."""

    host: str
    engine_version: str
    zone: tzinfo
    """Of the times in records."""


@dataclass(frozen=True, slots=True)
class Filing:
    """A call that is over, to be finished."""

    call_id: str
    entries: tuple[Stamped, ...]
    missing: int = 0
    """How many more the journal had of it, which were lost."""
    aside: tuple[str, ...] = ()
    """What an earlier try set aside, as in :attr:`Filed.aside`."""
    shown: bool = False
    """An earlier try put the record into ``new/``, where it need not be any more: what is left of
    the call is to be cleared away."""
    copied: tuple[tuple[str, int], ...] = ()
    """Files that were copied for that record, and how long they were then."""
    exempt_on: str = ""
    """The day of a call that the exempt extension took part in from its beginning: no more than
    that is recorded of it (R8)."""

    @property
    def doubt(self) -> str:
        """Why the call may have been paused when nobody knows; empty where all is known."""
        if self.missing:
            many = "an entry" if self.missing == 1 else f"{self.missing} entries"
            are = "is" if self.missing == 1 else "are"
            what = f"{many} of the call {are} lost from the journal"
        elif any(isinstance(stamped.entry, Arrived) for stamped in self.entries):
            return ""
        elif self.entries:
            what = "the beginning of the call is not in the journal"
        else:
            what = "the call is not in the journal"
        unsure = f"{what}: {UNKNOWN_PAUSES}, and were not made silent"
        if opting_out(self.entries):
            return f"{unsure}; its caller opted out, and it may be that nothing was to be kept"
        return unsure


@dataclass(frozen=True, slots=True)
class Filed:
    """What became of it."""

    call_id: str
    record: CallRecord | None
    """As it was written; None where it could not be, where it was there already, and of an exempt
    call."""
    error: DiskError | None = None
    """Why the record is not in ``new/``, or what is left could not be cleared away; ``again`` can
    be tried."""
    fault: str = ""
    """A fault of the program's own, in one line, for which this call was set aside: trying it
    again now would fail again. Its audio is untouched and the journal keeps it open."""
    aside: tuple[str, ...] = ()
    """A line for each file of the call that was set aside, as it could not be used."""
    shown: bool = False
    """The record is in ``new/``, durably, or was: an error kept only what is left of the call from
    being cleared away."""
    again: Filing | None = None
    """What is left to be tried, after an error."""


def record_bytes(record: CallRecord | ExemptRecord) -> bytes:
    """The record as it lies in the spool: one line of ASCII JSON."""
    text = _exempt_to_json(record) if isinstance(record, ExemptRecord) else _to_json(record)
    return f"{text}\n".encode("ascii")


@dataclass(slots=True)
class _Open:
    """A filing under way."""

    filing: Filing
    aside: Aside
    tapes: list[Tape] = field(default_factory=list)
    """The recording's files, as far as they are there."""
    fds: list[int] = field(default_factory=list)
    """The record's own."""
    record: CallRecord | None = None
    error: DiskError | None = None
    fault: str = ""
    shown: bool = False
    """The record is in ``new/``, durably."""
    doomed: Destroyer | None = None
    """Nothing that was recorded of it may be kept."""

    @property
    def going(self) -> bool:
        """Nothing has gone wrong with it so far."""
        return self.error is None and not self.fault

    def outcome(self) -> Filed:
        """What became of it. What goes wrong in clearing away leaves a record all the same."""
        record = self.record if self.going or self.shown else None
        said, again = tuple(self.aside.said), None
        if self.error is not None:
            gone = [(tape.copied, tape.copied_bytes) for tape in self.tapes if tape.copied]
            copied = (*self.filing.copied, *gone) if self.shown else ()
            # What was set aside is told with the record, once.
            again = replace(
                self.filing, aside=() if self.shown else said, shown=self.shown, copied=copied
            )
        return Filed(self.filing.call_id, record, self.error, self.fault, said, self.shown, again)


class _Batch:
    """One run of the five steps."""

    def __init__(self, disk: Disk, places: Places, maker: Maker) -> None:
        self.disk = disk
        self.places = places
        self.maker = maker
        self._there: Listing | None = None

    def run(self, filings: Sequence[Filing]) -> tuple[Filed, ...]:
        """Carry the batch through; a call that fails does not stop the others."""
        calls = [
            _Open(each, Aside(self.disk, self.places, each.aside), shown=each.shown)
            for each in filings
        ]
        try:
            self._steps(calls)
        except Exception as fault:  # noqa: BLE001  # the root of the thread's work
            for call in calls:
                if call.going and (call.filing.shown or not call.shown):
                    call.fault = describe(fault)
        finally:
            for call in calls:
                self._close(call)
        for call in calls:
            if call.fault:
                self._set_aside(call)
        return tuple([call.outcome() for call in calls])

    def _steps(self, calls: Sequence[_Open]) -> None:
        self._each(calls, "read back the recording of", self._read)
        todo = [call for call in calls if call.fds]
        self._each(todo, "sync the recording or record of", self._sync)
        self._show(todo)

    def _each(self, calls: Sequence[_Open], what: str, step: Callable[[_Open], None]) -> None:
        for call in calls:
            if call.going:
                try:
                    step(call)
                except DiskError as error:
                    call.error = error
                except OSError as error:
                    call.error = disk_error(what, self.places.record(call.filing.call_id), error)
                except Exception as fault:  # noqa: BLE001  # the root of what is done for it
                    call.fault = describe(fault)

    def _close(self, call: _Open) -> None:
        for fd in _open_files(call):
            try:
                self.disk.close(fd)
            except OSError:
                continue  # what had to be on disk was synced, or has its error

    def _set_aside(self, call: _Open) -> None:
        """Say in ``aside/`` why this call has no record; its files stay where they are."""
        call_id = call.filing.call_id
        why = f"{call.fault}\n  its recording is untouched; the next start tries again\n"
        try:
            write_durably(
                self.places.set_aside(call_id),
                why.encode("ascii"),
                Path(self.places.scratch(call_id, "why")),
                self.disk,
            )
        except DiskError as error:
            call.fault = f"{call.fault}; and {str(error).splitlines()[0]}"

    def _no_more_aside(self, call: _Open) -> None:
        """Remove what an earlier start, which had no luck with this call, said of it."""
        why = self.places.set_aside(call.filing.call_id)
        if os.path.lexists(why):
            self.disk.unlink(str(why))

    def _read(self, call: _Open) -> None:
        call_id, entries, doubt = call.filing.call_id, call.filing.entries, call.filing.doubt
        if call.filing.exempt_on:
            self._write_exempt(call)
            return
        if self._there is None:
            self._there = Listing(self.places)  # once a batch: it holds all calls
        if is_doomed(self.places, call_id, entries):
            self._destroy(call, self._there)
            return
        self._there.must_wait(paths_of(entries), all_known=not doubt)
        folders = [*self._there.readable, *other_folders(entries, self.places)]
        finder = Finder(self.disk, self.places, call_id, folders)
        finder.tapes([*parts_of(entries), *self._there.parts(call_id)], call.tapes.append)
        back = ReadBack(self.disk, self.places, call_id, call.aside)
        if call.shown or os.path.lexists(self.places.record(call_id)):
            call.shown = True
            self._filed_before(call, back)
            return
        found = self._listen(call, back)
        maker = self.maker
        record = fold(call_id, maker.host, maker.engine_version, entries, maker.zone, found)
        doubts = [doubt, *back.doubts] if doubt else back.doubts
        record = told(record, [f"set aside: {line}" for line in call.aside.said])
        self._write(call, doubted(record, "; ".join(doubts)))

    def _write_exempt(self, call: _Open) -> None:
        """Another engine may have seen the same call, and written the same record."""
        call_id, maker = call.filing.call_id, self.maker
        if os.path.lexists(self.places.record(call_id)):
            call.shown = True
            return
        who = (maker.host, maker.engine_version)
        self._write(call, ExemptRecord(SCHEMA, call_id, True, call.filing.exempt_on, *who))

    def _write(self, call: _Open, record: CallRecord | ExemptRecord) -> None:
        if isinstance(record, CallRecord):
            call.record = record
        path = self.places.scratch(call.filing.call_id, "json")
        fd = write_new(self.disk, path, record_bytes(record))
        call.fds.append(fd)
        begin_writing_back(fd)

    def _destroy(self, call: _Open, there: Listing) -> None:
        """Destroy all audio of the call, and write its record only then."""
        call_id, entries, maker = call.filing.call_id, call.filing.entries, self.maker
        known = not call.filing.doubt
        call.doomed = Destroyer(self.disk, self.places, call_id, entries, there, all_known=known)
        gone = call.doomed.destroy(shown=call.shown)
        call.shown = call.shown or os.path.lexists(self.places.record(call_id))
        if call.shown:
            self._forget(call)
            return
        proof = Destroyed(iso(gone.at_ms, maker.zone), gone.parts, gone.bytes)
        who = (call_id, maker.host, maker.engine_version, entries, maker.zone)
        self._write(call, fold(*who, (), proof, gone.written_ms))

    def _forget(self, call: _Open) -> None:
        """The record is there, and nothing else is to remember the call."""
        self._no_more_aside(call)
        ReadBack(self.disk, self.places, call.filing.call_id, call.aside).forget(_all_parts(call))
        if call.doomed is not None:
            call.doomed.forget()

    def _listen(self, call: _Open, back: ReadBack) -> tuple[FoundAudio, ...]:
        """Read all parts back."""
        spans = _spans(call)
        for tape in call.tapes:
            for other in tape.others:
                self._no_part(call, back, tape, other, spans[tape.part])
            tape.found = back.listen(tape, spans[tape.part])
        return tuple(tape.found for tape in call.tapes if tape.found is not None)

    def _no_part(
        self, call: _Open, back: ReadBack, tape: Tape, other: Tape, spans: Sequence[Span]
    ) -> None:
        """Set aside a file whose part lies in another folder too.

        Before anything is moved: after a crash nobody could tell the one from the other.
        """
        why = f"part {tape.part} lies in two folders: {tape.source} is worth more, or the first"
        back.set_aside(other, spans, why)

    def _filed_before(self, call: _Open, back: ReadBack) -> None:
        """Before a crash, and the journal did not get to know; or by an earlier try."""
        self._forget(call)
        late = Late(self.disk, self.places, back, call.filing.copied)
        spans = _spans(call)
        for tape in call.tapes:
            late.settle(call.filing.call_id, tape, spans[tape.part])

    def _sync(self, call: _Open) -> None:
        for fd in [tape.fd for tape in call.tapes if tape.kept] + call.fds:
            self.disk.fsync(fd)

    def _show(self, calls: Sequence[_Open]) -> None:
        """Make audio, then records visible."""
        self._each(calls, "move the recording of", self._move_audio)
        whole = [call for call in calls if call.going]
        moved = any(call.record and call.record.recording.state == "kept" for call in whole)
        if moved and not self._folder(whole):
            return
        self._each(whole, "move the record of", self._move_record)
        shown = [call for call in whole if call.going]
        if shown and self._folder(shown):
            for call in shown:
                call.shown = True
            self._each(shown, "clear away what is no recording of", self._clear)
            self._each(shown, "sync the folder of the recording of", self._sync_cleared)

    def _folder(self, calls: Sequence[_Open]) -> bool:
        """Sync ``new/``; whether that went well."""
        try:
            sync_folder(self.disk, str(self.places.new))
        except OSError as error:
            for call in calls:
                call.error = disk_error("sync", self.places.new, error)
            return False
        return True

    def _move_audio(self, call: _Open) -> None:
        for tape in call.tapes:
            target = self.places.audio(call.filing.call_id, tape.part)
            if not tape.kept:
                continue
            if tape.source != target:
                _same_file(tape, tape.source)
                self.disk.rename(tape.source, target)
            _same_file(tape, target)  # it may have been swapped between the two as well

    def _move_record(self, call: _Open) -> None:
        call_id = call.filing.call_id
        self.disk.rename(self.places.scratch(call_id, "json"), self.places.record(call_id))

    def _clear(self, call: _Open) -> None:
        if call.record is None:
            return  # of an exempt call there is nothing else
        recording = call.record.recording
        self._forget(call)
        back = ReadBack(self.disk, self.places, call.filing.call_id, call.aside)
        for tape in call.tapes:
            if tape.copied:
                self._clear_copied(call, back, tape)
            if tape.kept:
                continue
            if recording.state == "none":
                self.disk.unlink(tape.source)
                continue
            reason = recording.reason or ("unreadable" if tape.trouble else "empty")
            detail = tape.trouble or "no audio in it"
            call.aside.put(tape.source, f"{reason}: {detail}\n")

    def _sync_cleared(self, call: _Open) -> None:
        """What was copied does not come back after a crash, as a recording that nobody knows."""
        for folder in {os.path.dirname(tape.copied) for tape in call.tapes if tape.copied}:
            sync_folder(self.disk, folder)

    def _clear_copied(self, call: _Open, back: ReadBack, tape: Tape) -> None:
        """Remove what was copied, unless somebody wrote to it since: then it goes aside, as
        silent as its copy (R7)."""
        try:
            grown = os.lstat(tape.copied).st_size != tape.copied_bytes
        except FileNotFoundError:
            return
        if not grown:
            self.disk.unlink(tape.copied)
            return
        fd = self.disk.open(tape.copied, READ, 0)
        more = Tape(tape.part, tape.copied, fd, fds=[fd], written_ns=tape.written_ns)
        tape.others.append(more)  # to be closed with it
        why = "it was written to after the call was over and copied"
        back.set_aside(more, _spans(call)[tape.part], why)


def _spans(call: _Open) -> dict[int, list[Span]]:
    """The pauses in each part; only a call that was paused has a time line to look at."""
    entries = call.filing.entries
    spans: dict[int, list[Span]] = {tape.part: [] for tape in call.tapes}
    if any(isinstance(stamped.entry, PAUSES) for stamped in entries):
        written_ms = max((tape.written_ms for tape in call.tapes), default=0)
        for span in timeline(entries, spans, written_ms).spans:
            if span.part in spans:
                spans[span.part].append(span)
    return spans


def _same_file(tape: Tape, path: str) -> None:
    """That what lies there is the file that was read: another member of the spool's group may
    put another one in its place (R23). Raises DiskError; the next try reads what lies there."""
    if not os.path.samestat(os.lstat(path), os.fstat(tape.fd)):
        raise DiskError(
            f"{path}: another file was put in its place since its pauses were proved\n"
            "  expected only FreeSWITCH to write there: see who else may; it is tried again"
        )


def _open_files(call: _Open) -> list[int]:
    tapes = [each for tape in call.tapes for each in (tape, *tape.others)]
    return [fd for tape in tapes for fd in tape.fds] + call.fds


def _all_parts(call: _Open) -> set[int]:
    """Every part that was ever read back."""
    return {1, *parts_of(call.filing.entries), *(tape.part for tape in call.tapes)}


def file_batch(
    disk: Disk, places: Places, maker: Maker, filings: Sequence[Filing]
) -> tuple[Filed, ...]:
    """Finish these calls; one result a call, in their order. Errors and faults are in them."""
    return _Batch(disk, places, maker).run(filings)
