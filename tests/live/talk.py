"""One call, what its people do, and what there is of it: journal, record and audio."""

from __future__ import annotations

import json
import re
import wave
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import gevent
import numpy as np

from ivr.lab.script import CallScript
from tests.live.hearing import Heard
from tests.live.wait import until

if TYPE_CHECKING:
    from tests.live.house import Site

CALLER_HZ, AGENT_HZ, OTHER_HZ = 440, 880, 1200
"""The voices of tests/live/freeswitch.py."""
A_WHILE_MS = 1300
"""How long people talk, so that there is more than a pause's guard of it."""

_ROWS, _COLUMNS = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
_KEYS = "123A456B789C*0#D"


class Noted(NamedTuple):
    """An entry of the journal."""

    kind: str
    data: Mapping[str, Any]
    wall_ms: int
    mono_ms: int


class Talk:
    """A call, with the engine of a site between its people."""

    def __init__(self, site: Site, dialled: str, name: str = "", *, desk: bool = False) -> None:
        """``desk``: a member of staff calls, from a telephone in the house."""
        self.site = site
        script = CallScript(name=name or f"to {dialled}")
        self.placed = site.caller.place(script, dialled, desk=desk)
        self.said: dict[str, str] = {}
        """What engine and FreeSWITCH said of the call while it went on."""

    def __str__(self) -> str:
        a_leg = self.placed.a_leg
        kinds = [f"{one.kind} {one.mono_ms}" for one in self.site.journal.of(a_leg)]
        return f"{self.placed.script.name} ({a_leg}), {kinds}, {self.placed.events}"

    # What people do.

    def connected(self, times: int = 1) -> None:
        """Be joined with whom the call is for: the first one, or the next after a transfer."""
        leg = self.noted("Connected", times).data["other_leg"]
        # The test's own connection may hear of it later than the engine.
        until(lambda: self.placed.b_leg == leg, f"{self.a_leg} is joined with {leg}")

    def reached(self) -> None:
        """Be joined with somebody, whether an engine sees it or not."""
        until(lambda: bool(self.placed.b_leg), lambda: f"{self} is connected")

    def ends(self) -> None:
        """Be over, whether an engine sees it or not."""
        until(self.placed.over.is_set, lambda: f"{self} is over")

    def is_gone(self, telephone: str) -> None:
        """A telephone's leg is over, and what it heard is all there."""
        asked = f"uuid_exists {telephone}"
        until(lambda: self.api(asked) == "false", lambda: f"{telephone} is gone, of {self}")

    def talks(self, ms: int = A_WHILE_MS) -> None:
        """Talk, or be silent, for a while."""
        gevent.wait([self.placed.over], timeout=ms / 1000)

    def agent_keys(self, keys: str, ms: int = 120) -> None:
        """The agent, or whoever was called, presses keys of the telephone."""
        self.api(f"uuid_send_dtmf {self.placed.far_leg} {keys}@{ms}")

    def caller_keys(self, keys: str, ms: int = 80) -> None:
        """The caller presses keys, one after the other."""
        self.keys(self.placed.caller_leg, keys, ms)

    def keys(self, telephone: str, keys: str, ms: int = 80) -> None:
        for key in keys:
            self.api(f"uuid_send_dtmf {telephone} {key}@{ms}")
            gevent.wait([self.placed.over], timeout=(ms + 60) / 1000)

    def caller_plays(self, keys: str, ms: int = 100) -> None:
        """The caller's telephone sounds the tones of keys, as old ones do."""
        self.plays(self.placed.caller_leg, keys, ms)

    def plays(self, telephone: str, keys: str, ms: int = 100) -> None:
        pairs = ((_KEYS.index(key) // 4, _KEYS.index(key) % 4) for key in keys)
        tones = ";".join(f"%({ms},50,{_ROWS[row]},{_COLUMNS[column]})" for row, column in pairs)
        self.api(f"uuid_broadcast {telephone} tone_stream://{tones} aleg")

    def refers(self, number: str) -> None:
        """The agent's telephone sends the call elsewhere with a SIP REFER."""
        target = f"sip:{number}@127.0.0.1:{self.site.switch.sip}"
        assert self.api(f"uuid_deflect {self.placed.far_leg} {target}").startswith("+OK")

    def transferred(self, number: str) -> None:
        """Somebody in the house takes the call to another telephone."""
        assert self.api(f"uuid_transfer {self.a_leg} {number} XML public").startswith("+OK")

    def taken_to(self, number: str) -> None:
        """Somebody in the house calls a telephone, and joins it with the caller: FreeSWITCH is
        told that telephone's leg first."""
        leg = self._calls_up(number)
        assert self.api(f"uuid_bridge {leg} {self.a_leg}").startswith("+OK")

    def picked_up_by(self, extension: str, voice: str = "colleague", *, desk: bool = False) -> str:
        """A colleague's telephone takes the call from the agent's; its leg."""
        return self._calls_up(f"pickup-{self.a_leg}", f"{voice} XML public", extension, desk=desk)

    def handed_over_to(self, number: str, *, desk: bool = False) -> None:
        """The agent's telephone calls another one, and then joins that with the caller: a SIP
        REFER with Replaces."""
        telephone = self.placed.far_leg
        second = self._calls_up(number if desk else f"consult-{number}", desk=desk)
        self.talks(300)
        call_id, to, of = (
            self.api(f"uuid_getvar {second} {name}").strip()
            for name in ("sip_call_id", "sip_to_tag", "sip_from_tag")
        )
        replaced = f"{call_id.replace('@', '%40')}%3Bto-tag%3D{to}%3Bfrom-tag%3D{of}"
        target = f"<sip:{number}@127.0.0.1:{self.site.switch.sip}?Replaces={replaced}>"
        assert self.api(f"uuid_deflect {telephone} {target}").startswith("+OK")

    def _calls_up(
        self, number: str, then: str = "&park()", caller: str = "", *, desk: bool = False
    ) -> str:
        """Call a telephone of this FreeSWITCH from another; whose leg it is."""
        caller = caller or self.placed.number  # by which the far end is known (place.py)
        switch = self.site.switch
        target = f"sofia/lab/{number}@127.0.0.1:{switch.desk if desk else switch.sip}"
        said = self.api(f"originate {{origination_caller_id_number={caller}}}{target} {then}")
        assert said.startswith("+OK"), said
        return said.split()[1]

    def agent_holds(self) -> None:
        """The agent's telephone puts the call on hold, with a re-INVITE (docs/freeswitch.md 54)."""
        self.holds(self.placed.far_leg)

    def agent_is_back(self) -> None:
        """From hold."""
        self.is_back(self.placed.far_leg)

    def holds(self, telephone: str) -> None:
        assert self.api(f"uuid_hold {telephone}").startswith("+OK")

    def is_back(self, telephone: str) -> None:
        assert self.api(f"uuid_hold off {telephone}").startswith("+OK")

    def hang_up(self) -> None:
        """The caller does; then there is a record."""
        self.hang_up_unseen()
        self.recorded()

    def hang_up_unseen(self) -> None:
        """The caller does, and there may be no engine to see it."""
        self.api(f"uuid_kill {self.placed.caller_leg}")

    def recorded(self) -> None:
        """Be over, and have a record."""
        until(lambda: self._record.exists(), lambda: f"a record of {self}")

    def api(self, command: str) -> str:
        return self.site.caller.api(command)

    # What is heard and seen of it.

    def listen(self, telephone: str) -> Heard:
        """Keep what this telephone hears from here on: its left channel."""
        path = self.site.folder / f"heard-{telephone}.wav"
        self.api(f"uuid_setvar_multi {telephone} RECORD_STEREO=true;RECORD_MIN_SEC=0")
        said = self.api(f"uuid_record {telephone} start {path}")
        assert said.startswith("+OK"), f"{said} {telephone} {self}"
        return Heard(path)

    def look(self) -> None:
        """Keep all that FreeSWITCH knows of the legs now."""
        placed = self.placed
        for leg in (placed.a_leg, placed.b_leg, placed.far_leg, placed.caller_leg):
            dump = self.api(f"uuid_dump {leg}")
            assert leg in dump, dump
            self.said[f"uuid_dump of {leg}, {len(self.said)}"] = dump

    @property
    def a_leg(self) -> str:
        until(lambda: bool(self.placed.a_leg), f"FreeSWITCH has the call {self.placed.script.name}")
        return self.placed.a_leg

    def noted(self, kind: str, times: int = 1) -> Noted:
        """The entry of the journal of this kind, when it is there so many times."""
        a_leg = self.a_leg

        def there() -> list[Noted]:
            return [one for one in self.site.journal.of(a_leg) if one.kind == kind]

        until(lambda: len(there()) >= times, lambda: f"{kind} {times} times of {self}")
        return there()[times - 1]

    def count(self, kind: str) -> int:
        return sum(one.kind == kind for one in self.site.journal.of(self.a_leg))

    @property
    def _record(self) -> Path:
        return self.site.record(self.a_leg)

    @property
    def record(self) -> dict[str, Any]:
        record: dict[str, Any] = json.loads(self._record.read_text())
        return record

    @property
    def recording(self) -> dict[str, Any]:
        recording: dict[str, Any] = self.record["recording"]
        return recording

    @property
    def steps(self) -> list[str]:
        return [f"{step['what']} {step['detail']}".strip() for step in self.record["steps"]]

    def sound(self, part: int = 1) -> Sound:
        """The recording, or a part of it."""
        return Sound(self._record.parents[1] / self.recording["parts"][part - 1]["path"])


class Sound:
    """A stereo recording: the customer on the left, the agent on the right."""

    def __init__(self, path: Path) -> None:
        with wave.open(str(path)) as file:
            assert file.getnchannels() == 2
            self.rate = file.getframerate()
            data = file.readframes(file.getnframes())
        self._samples = np.frombuffer(data, "<i2").reshape(-1, 2)

    @property
    def ms(self) -> int:
        return int(len(self._samples) * 1000 // self.rate)

    def peak(self, begin_ms: int, end_ms: int) -> int:
        return int(np.abs(self._piece(begin_ms, end_ms)).max(initial=0))

    def voices(self, begin_ms: int, end_ms: int) -> tuple[int, int]:
        """The pitch on each side, in Hz: the loudest; 0 is silence."""
        piece = self._piece(begin_ms, end_ms)
        assert len(piece) >= self.rate // 5, f"only {len(piece)} samples from {begin_ms} ms on"
        left, right = (self._pitch(piece[:, side]) for side in (0, 1))
        return left, right

    def longest_gap_ms(self, side: int, hz: int) -> int:
        """The longest time for which a voice is not heard on a side, once it was and before it
        is for the last time."""
        return int(np.diff(self._heard(side, hz)).max(initial=1) - 1) * 20

    def heard_ms(self, side: int, hz: int) -> int:
        """For how long a voice is heard on a side, in all."""
        return len(self._heard(side, hz)) * 20

    def alone_ms(self, side: int, hz: int, other_hz: int) -> int:
        """For how long a voice is heard on a side while another is not on the other side."""
        return len(np.setdiff1d(self._heard(side, hz), self._heard(1 - side, other_hz))) * 20

    def begins_ms(self, side: int, hz: int) -> int:
        """When a voice is heard on a side for the first time."""
        return int(self._heard(side, hz)[0]) * 20

    def silences_ms(self) -> list[int]:
        """How long it is silent on both sides, each time, in all its samples."""
        quiet = np.concatenate([[0], ~self._samples.any(axis=1), [0]]).astype(int)
        begins, ends = (np.flatnonzero(np.diff(quiet) == one) for one in (1, -1))
        return [int(ms) for ms in (ends - begins) * 1000 // self.rate if ms >= 5]

    def _heard(self, side: int, hz: int) -> Any:
        """The frames of 20 ms in which it is."""
        frame = self.rate // 50
        samples = self._samples[: len(self._samples) // frame * frame, side] / 32768
        turns = np.exp(-2j * np.pi * hz * np.arange(frame) / self.rate) * 2 / frame
        return np.flatnonzero(np.abs(samples.reshape(-1, frame) @ turns) > 0.08)

    def _piece(self, begin_ms: int, end_ms: int) -> Any:
        piece = self._samples[begin_ms * self.rate // 1000 : end_ms * self.rate // 1000]
        return piece.astype("int32")

    def _pitch(self, samples: Any) -> int:
        if not samples.any():
            return 0
        power = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
        return int(round(int(power.argmax()) * self.rate / len(samples), -1))


class Journal:
    """What the engine's journal says, read on from where it was read to."""

    def __init__(self, *folders: Path) -> None:
        self._folders = folders
        self._read: dict[Path, int] = {}
        self._calls: dict[str, list[Noted]] = {}
        self._noted: set[tuple[str, int, int]] = set()

    def of(self, call_id: str) -> list[Noted]:
        paths = [path for folder in self._folders for path in folder.glob("*")]
        for path in sorted(paths, key=lambda path: path.name):
            at = self._read.get(path, 0)
            try:
                if path.stat().st_size <= at:
                    continue
                with path.open("rb") as file:
                    file.seek(at)
                    whole, end, _ = file.read().rpartition(b"\n")
            except FileNotFoundError:  # it was of calls that are over
                continue
            self._read[path] = at + len(whole) + len(end)
            for text in whole.splitlines():
                self._note(text)
        return self._calls.get(call_id, [])

    def count(self, call_id: str, kind: str) -> int:
        return sum(one.kind == kind for one in self.of(call_id))

    def of_channel(self, channel: str) -> list[str]:
        """The calls whose records have other names than their channel, this one."""
        self.of("")
        return [
            call
            for call, entries in self._calls.items()
            if entries[0].data.get("channel") == channel
        ]

    def _note(self, text: bytes) -> None:
        if re.match(rb'{"c":"', text):
            entry = json.loads(text)
            which = (entry["c"], entry["n"], entry["m"])
            if which in self._noted:  # an engine that starts writes it anew
                return
            self._noted.add(which)
            noted = Noted(entry["k"], entry["d"], entry["w"], entry["m"])
            self._calls.setdefault(entry["c"], []).append(noted)
