"""Calls of which something may not be kept, and engines that die at every step of them: a caller
who opts out in mid-call, and one who is sent to the exempt extension (R4, R8, R22)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest

from ivr.config.load import load
from ivr.config.settings import Configuration
from ivr.lab.dialplan import Extension
from ivr.storage.record_schema import RecordModel, parse_record
from ivr.storage.segments import read
from tests.crash.people import SECRET_HZ, Dialogue, Someone
from tests.crash.place import SITES, Place, dialplan_of, write_site
from tests.crash.story import listen
from tests.crash.telling import deaths, told
from tests.crash.tones import holds
from tests.engine.site import NUMBER

EXEMPT = "1999"
POLICY = f'exempt:\n  - extension: "{EXEMPT}"\n    dial: "sofia/lab/{EXEMPT}"\n'
CHUNKS = 6
"""Of which one is told: what dies at each step is told of at length elsewhere."""

pytestmark = pytest.mark.usefixtures("mortals")


@cache
def _private() -> Configuration:
    folder = SITES[0] / "private"
    folder.mkdir()
    file = write_site(folder, 1)
    policy = folder / "dialplan/policy.yaml"
    reminders = "    reminders: 2\n"
    text = policy.read_text().replace(reminders, f"{reminders}    connected: destroy\n")
    policy.write_text(text + POLICY)
    return load(file)


@cache
def _dialplan() -> tuple[Extension, ...]:
    return dialplan_of(_private(), 1)


class Private(Place):
    """A place with an exempt extension, whose callers may have destroyed what was recorded."""

    @staticmethod
    def configured() -> Configuration:
        return _private()

    @staticmethod
    def dialplan() -> Sequence[Extension]:
        return _dialplan()

    def _shown(self, path: str) -> None:
        super()._shown(path)
        if path.endswith(".json") and Path(path).parent == self.spool / "new":
            data = Path(path).read_bytes()
            if b'"exempt":true' not in data and (
                parse_record(data, path).recording.state == "destroyed"
            ):
                left = list(self.spool.rglob(f"{Path(path).stem}*.wav"))
                self.wrong += [f"{one} is there beside its record" for one in left]

    def books(self) -> list[str]:
        """What is wrong."""
        return [*self.wrong, *self._files(), *self._calls()]

    def _files(self) -> Iterator[str]:
        for path in sorted(self.spool.rglob("*")):
            data = path.read_bytes() if path.is_file() else b""
            if path.suffix != ".wav":
                if f'"{EXEMPT}"'.encode() in data:
                    yield f"{path} names the exempt extension"
            elif any(holds(data[44:], channel, SECRET_HZ) for channel in (0, 1)):
                yield f"{path}: what nobody may keep is in it"
        for folder in ("recording", "tmp", "aside"):
            for path in (self.spool / folder).glob("*"):
                yield f"{folder}/{path.name} is left over"
        for call in read(self.spool / "journal").calls:
            if not call.finished:
                yield f"{call.call_id}: the journal has it open"
        for name, times in self.shown.items():
            if times != 1:
                yield f"{name}: written {times} times"

    def _calls(self) -> Iterator[str]:
        for call in self.callers.calls:
            if not call.call.done.ready():
                yield f"{call.label}: has not come to its end"
                continue
            path = self.spool / f"new/{call.leg.uuid}.json"
            if path.exists():
                record = parse_record(path.read_bytes(), path.name)
                for what in _as_lived(call, record, self.spool):
                    yield f"{call.label}: {what}"
            elif not _went_without(call):
                yield f"{call.label}: has no record"


def _went_without(call: Dialogue) -> bool:
    """The dialplan connected it, for want of an engine; the exempt extension's forgets that."""
    return ("set", "ivr_unrecorded=true") in call.leg.app_log


def _as_lived(call: Dialogue, record: RecordModel, spool: Path) -> Iterator[str]:
    audio = list(spool.rglob(f"{call.leg.uuid}*.wav"))
    destroyed = record.recording.state == "destroyed"
    if destroyed == bool(audio) and record.recording.state in ("destroyed", "kept"):
        yield f"{record.recording.state}, and there are {len(audio)} recordings"
    if call.label == "opts out":
        reminded = any("reminder" in one.what for one in call.leg.heard)
        if reminded and not record.opt_out.confirmed:
            yield "heard the reminder and did not come back, and its record does not say so"
        if record.opt_out.confirmed and not destroyed:
            yield f"opted out, and its recording is {record.recording.state}"
    elif not _went_without(call):
        if record.ended.reason not in ("exempt", "ended-unseen"):
            yield f"ended by {record.ended.by} ({record.ended.reason})"
        if len(record.legs) > 1:
            yield f"its record has {len(record.legs)} legs"


def tell(place: Place) -> None:
    """One opts out; one is sent to the exempt extension; one is handed over to it."""
    callers, clock = place.callers, place.clock
    callers.answering = {"desk": _agent, EXEMPT: _exempt}
    callers.place("opts out", NUMBER, _opts_out)

    def later(label: str) -> None:
        if not callers.switch.dead:
            callers.place(label, NUMBER, listen)

    clock.after(300, lambda: later("sent"))
    clock.after(600, lambda: later("handed over"))


def _agent(call: Dialogue, me: Someone) -> None:
    me.wait(500)
    if call.label == "sent":
        call.transfer(me, EXEMPT)
    elif call.label == "handed over":
        call.hand_over(me, EXEMPT, 300)


def _exempt(call: Dialogue, me: Someone) -> None:
    me.speak(SECRET_HZ)
    me.wait(1_500)
    call.hang_up(me)


def _opts_out(call: Dialogue) -> None:
    me = call.caller
    if not me.until(lambda: me.connected):
        return
    me.wait(300)
    me.press("*#*")
    reminded = me.until(lambda: any("reminder" in one.what for one in call.leg.heard), 1_500)
    if reminded:
        me.speak(SECRET_HZ)
    me.wait(6_000)
    call.hang_up(me)


def test_nobody_dies(tmp_path: Path) -> None:
    """The story itself, and that it takes the steps that it is told for."""
    one = told(tmp_path, tell, where=Private)
    assert list(one.wrong) == []
    taken = [step.name for step in one.steps]
    for each in ("unlink recording/", "rename tmp/"):
        assert any(name.startswith(each) for name in taken), each
    for each in ("uuid_transfer", "uuid_record"):
        assert any(each in name for name in taken), each


def test_killed_at_steps_of_it(tmp_path: Path) -> None:
    """What was to be destroyed never lies beside its record; nobody at the exempt extension is
    heard; and each call has its record."""
    steps = told(tmp_path, tell, where=Private).steps
    # An exempt call's record has another name each time.
    again = {step.name for step in told(tmp_path, tell, where=Private).steps}
    every = deaths([step for step in steps if step.name in again])
    assert len(every) > 100
    unbalanced = {}
    for death in every[::CHUNKS]:
        one = told(tmp_path, tell, [death], where=Private)
        assert one.lives[0].dead, f"{death}: never came to it"
        if one.wrong:
            unbalanced[str(death)] = one.wrong
    assert unbalanced == {}
