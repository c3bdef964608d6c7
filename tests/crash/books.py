"""The books: what people lived through, what the switch wrote, what the spool holds (R22).

:func:`balance` names everything in which the three do not agree. It is exact where it can be: a
part of a recording must be, byte for byte, what the switch wrote, but for what the record says was
paused; and that must be silence.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from ivr.errors import SpoolError
from ivr.storage.names import call_and_part
from ivr.storage.record_schema import PausedSpanModel, RecordModel, parse_record
from ivr.storage.segments import read
from tests.crash.people import AGENT_HZ, CALLER_HZ, SECRET_HZ, Dialogue
from tests.crash.switch import Span, Written, overlap
from tests.crash.tones import BLOCK_MS, RATE, SILENCE, blocks, holds

_HEADER, _FRAME = 44, 4
SLACK_MS = 120
"""How much less may be recorded than people heard of each other: packets of 20 ms, and what is
held back, at each end of a bridge."""
NOTED_MS = 1000
"""How long a slow disk on a busy host takes to have a call that was answered on it."""
EDGE_MS = 400
"""How far silence may reach beyond the mask: the guard, and what its place is uncertain by. Where
there was no engine for a while, that may add as much: what was asked for and not confirmed is
silent, and where a call was connected unseen its pauses lie somewhere."""

_LETTERS = {"c": CALLER_HZ, "a": AGENT_HZ, "s": SECRET_HZ}


class Books:
    """Of one spool, and all calls that there were."""

    def __init__(
        self,
        spool: Path,
        written: Sequence[Written],
        calls: Sequence[Dialogue],
        shown: Counter[str] | None = None,
        *,
        strict: bool = True,
        fallback: Path | None = None,
        may_miss_ms: int = 0,
        may_go_unrecorded: bool = False,
        forgotten: bool = False,
    ) -> None:
        """``shown`` is how often each file was moved into ``new/``, where that was watched.

        Not ``strict``: the disk may be slow, and engines die often. Nobody may know of a caller who
        hung up in the first moments, that an announcement was heard to its end a moment before, or
        that a call was connected which ends a moment after.

        ``may_miss_ms`` is how much of a call the disk may have kept from being recorded;
        ``may_go_unrecorded`` that it may have kept all of one from it, as the team's policy has it.
        ``forgotten``: what happened in calls may be lost with the journal, and nothing of their
        audio.
        """
        self.spool = spool
        self.written = written
        self.calls = calls
        self._shown = shown or Counter()
        self._strict = strict
        self._fallback = fallback
        self._may_miss_ms = may_miss_ms
        self._may_go_unrecorded = may_go_unrecorded
        self._forgotten = forgotten

    def balance(self) -> list[str]:
        """Everything that is wrong; nothing is as it should be."""
        records: dict[str, RecordModel] = {}
        wrong = list(self._records(records))
        wrong += self._left_over()
        wrong += self._audio(records)
        for call in self.calls:
            record = records.pop(call.call.uuid, None)
            wrong += [f"{call.label}: {what}" for what in self._call(call, record)]
        wrong += [f"{name}: a record of a call that was not made" for name in records]
        return wrong

    # Files.

    def _records(self, records: dict[str, RecordModel]) -> Iterator[str]:
        for path in sorted((self.spool / "new").iterdir()):
            if path.suffix != ".json":
                continue
            try:
                records[path.stem] = parse_record(path.read_bytes(), path.name)
            except SpoolError as error:
                yield str(error)
        for name, times in self._shown.items():
            if times != 1:
                yield f"{name}: written {times} times"

    def _left_over(self) -> Iterator[str]:
        tops = [self.spool, *([self._fallback] if self._fallback is not None else [])]
        for top in tops:
            for folder in ("recording", "tmp", "aside"):
                for path in sorted((top / folder).glob("*")):
                    of = path.with_name(path.name.removesuffix(".why"))
                    if folder == "aside" and _is_empty(of):
                        continue  # for want of room not even begun
                    yield f"{top.name}/{folder}/{path.name} is left over"
            for path in sorted(top.rglob("*.wav")):
                if holds(path.read_bytes()[_HEADER:], 0, SECRET_HZ):
                    yield f"{top.name}/{path.name}: what was said in a pause is in it"
        spare = None if self._fallback is None else self._fallback / "journal"
        reading = read(self.spool / "journal", spare)
        for call in reading.calls:
            if not call.finished:
                yield f"{call.call_id}: the journal has it open"
        for bad in reading.bad:
            if not bad.torn and not self._forgotten:
                yield f"{bad.segment}:{bad.line}: {bad.why}"

    def _audio(self, records: dict[str, RecordModel]) -> Iterator[str]:
        """Recordings written are recordings recorded, and the other way round."""
        told: dict[str, tuple[RecordModel, int]] = {}
        for call, record in records.items():
            for number, part in enumerate(record.recording.parts):
                name = part.path.rpartition("/")[2]
                told[name] = record, number
                if not (self.spool / part.path).exists():
                    yield f"{call}: {name} is missing"
        for path in sorted((self.spool / "new").glob("*.wav")):
            if path.name not in told:
                yield f"{path.name}: no record tells of it"
        kept = [one for one in self.written if one.copy is not None and one.samples()]
        for name, times in Counter(one.name for one in kept).items():
            if times > 1:
                yield f"{name}: recorded over {times - 1} times"
        for one in self.written:
            if one.gone:
                yield f"{one.name}: its file was taken away while the switch wrote it"
        for one in kept:
            if one.name not in told:
                yield f"{one.name}: {_ms(one.samples())} ms were recorded and no record has them"
                continue
            record, number = told.pop(one.name)
            yield from self._same(one, record, number)
        for name in told:
            yield f"{name}: the switch wrote no such recording"

    def _same(self, one: Written, record: RecordModel, number: int) -> Iterator[str]:
        part = record.recording.parts[number]
        path = self.spool / part.path
        if not path.exists():
            return
        data = path.read_bytes()
        if hashlib.sha256(data).hexdigest() != part.sha256:
            yield f"{one.name}: its hash is not the record's"
        if len(data) != part.size:
            yield f"{one.name}: {len(data)} bytes, its record says {part.size}"
        named = call_and_part(path.stem)
        assert named is not None
        expected = bytearray(one.samples())
        if (frames := len(expected) // _FRAME) != part.frames:
            yield f"{one.name}: the switch wrote {frames} frames, its record has {part.frames}"
        for pause in record.recording.pauses:
            if pause.part == named[1]:
                begin, end = _bytes_of(pause, part.offset_ms, len(expected))
                expected[begin:end] = bytes(end - begin)
                if any(data[_HEADER + begin : _HEADER + end]):
                    yield f"{one.name}: not silent from {pause.start_ms} to {pause.end_ms} ms"
                if pause.verdict not in ("verified", "repaired") and not self._forgotten:
                    yield f"{one.name}: a pause is {pause.verdict}: {record.recording.detail}"
        if data[_HEADER:] != bytes(expected):
            yield f"{one.name}: is not what the switch wrote"

    # Calls.

    def _call(self, call: Dialogue, record: RecordModel | None) -> Iterator[str]:
        yield from call.wrong
        if not call.call.done.ready():
            yield "has not come to its end"
            return
        outcome = call.call.done.get()
        if not outcome.lost and outcome.ended_by != call.ends:
            yield f"ended by {outcome.ended_by} ({outcome.cause}), expected by {call.ends}"
        parts = [one for one in self.written if one.call == call.call.uuid and one.copy]
        joined = _total(self._heard_each_other(call))
        if record is None:
            known = self._strict or joined or self._engine_lived(call)
            if known and not (call.unrecorded or self._forgotten):
                yield "has no record"
            return
        if self._forgotten:
            return
        if not parts and (call.unrecorded or self._may_go_unrecorded):
            return
        if outcome.lost and record.ended.reason != "switch-lost":
            ended = record.ended
            yield f"ended by {ended.by} ({ended.reason}), expected that FreeSWITCH was lost"
        recorded = sum(_ms(one.samples()) for one in parts)
        stopped = call.switch.heard[call.customer.leg.uuid].stopped
        paused_without = overlap(stopped, call.pausing)
        # What FreeSWITCH connected by itself is recorded from when an engine is there.
        least = joined - SLACK_MS - self._may_miss_ms
        if record.direction == "outbound":  # begins when an engine hears of the connection
            least -= self._absent_in(call)
        if recorded + paused_without < least and not call.unrecorded:
            yield f"{joined} ms together, only {recorded} ms recorded"
        told = record.announcement == "fully" or record.opt_out.returned
        if joined and not told and record.direction == "inbound" and self._strict:
            yield f"connected, and the announcement was heard {record.announcement}"
        unseen = record.ended.reason == "ended-unseen" or not self._strict
        if joined and not record.connected_at and not unseen:
            yield "its record does not say that it was connected"
        yield from self._voices(call, record, parts)

    def _heard_each_other(self, call: Dialogue) -> list[Span]:
        return call.switch.heard[call.call.uuid].bridged

    @staticmethod
    def _engine_lived(call: Dialogue) -> bool:
        """Whether the engine that answered the call lived for long enough to note it."""
        answered = call.leg.created_ms + (call.call.done.get().answered_ms or 0)
        deaths = [one.begin_ms - answered for one in call.switch.absent]
        return not any(-NOTED_MS < ms < NOTED_MS for ms in deaths)

    @staticmethod
    def _absent_in(call: Dialogue) -> int:
        """For how long there was no engine during the call."""
        begin = call.leg.created_ms
        end = begin + call.call.done.get().duration_ms
        spans = [(one.begin_ms, one.end_ms or end) for one in call.switch.absent]
        return sum(max(0, min(end, last) - max(begin, first)) for first, last in spans)

    def _voices(
        self, call: Dialogue, record: RecordModel, parts: Sequence[Written]
    ) -> Iterator[str]:
        """Silent no more than was asked for; and in it what was told in confidence."""
        silent = masked = 0
        edge_ms = EDGE_MS + self._absent_in(call) + self._may_miss_ms
        for one in parts:
            path = self.spool / "new" / one.name
            if not path.exists():
                continue
            heard = blocks(path.read_bytes()[_HEADER:], 0, _LETTERS)
            silent += heard.count(SILENCE) * BLOCK_MS
            # A part may begin and end in the guard of a pause.
            edge = _block(0, EDGE_MS) if record.recording.pauses else 0
            may_be = {*range(edge), *range(len(heard) - edge, len(heard))}
            for begin, end in one.masked:
                masked += _ms_of(end - begin)
                may_be.update(range(_block(begin, -edge_ms), _block(end, edge_ms) + 1))
            lost = [at for at, letter in enumerate(heard) if letter == SILENCE and at not in may_be]
            if lost:
                ms, begin = len(lost) * BLOCK_MS, lost[0] * BLOCK_MS
                yield f"{one.name}: {ms} ms are silent, from {begin} on, that were not masked"
        asked = _total(call.pausing) + (SLACK_MS + edge_ms - EDGE_MS) * len(call.pausing)
        if masked > asked:
            yield f"masked for {masked} ms, at most {asked} were asked for"
        told = [_total([span]) for span in call.secret]
        if told and not call.unrecorded and silent < sum(told) - self._may_miss_ms:
            yield f"{silent} ms are silent, {sum(told)} had to be"
        if len(told) > len(record.recording.pauses):
            yield f"{len(told)} pauses, its record has {len(record.recording.pauses)}"


def _bytes_of(pause: PausedSpanModel, offset_ms: int, most: int) -> tuple[int, int]:
    begin = max(0, (pause.start_ms - offset_ms) * RATE // 1000 * _FRAME)
    end = -(-(pause.end_ms - offset_ms) * RATE // 1000) * _FRAME
    return min(begin, most), min(end, most)


def _is_empty(path: Path) -> bool:
    return path.suffix == ".wav" and path.exists() and path.stat().st_size <= _HEADER


def _ms(samples: bytes) -> int:
    return _ms_of(len(samples))


def _ms_of(many: int) -> int:
    return many // _FRAME * 1000 // RATE


def _block(at: int, ms: int) -> int:
    return (_ms_of(at) + ms) // BLOCK_MS


def _total(spans: Iterable[Span]) -> int:
    return sum(span.end_ms - span.begin_ms for span in spans if span.end_ms is not None)
