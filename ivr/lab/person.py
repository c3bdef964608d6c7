"""A person at a telephone: does the steps of a script on a leg's far end."""

from __future__ import annotations

from typing import assert_never

from ivr.clock import Clock
from ivr.lab.alarm import Alarm
from ivr.lab.audio import DTMF_HZ, SILENCE, Mix, Source, Tone
from ivr.lab.board import Enders
from ivr.lab.desk import Desk
from ivr.lab.leg import LOST, Leg
from ivr.lab.script import (
    AfterPrompt,
    AttendedTransfer,
    BlindTransfer,
    DuringPrompt,
    HangUp,
    Hold,
    KeyDown,
    Keys,
    KeyUp,
    Speak,
    Step,
    Tell,
    ThreeWay,
    Unhold,
    Wait,
    WaitFor,
    WhenConnected,
    WhenMasked,
    WhenUnmasked,
)

_MASKS = {
    "RECORD_MASK": True,
    "RECORD_VEIL": True,
    "RECORD_STOP": True,
    "RECORD_UNMASK": False,
    "RECORD_START": False,
}
"""Whether nothing of this leg is recorded after it."""


class Person:
    """Whoever is at the far end of a leg."""

    def __init__(
        self,
        clock: Clock,
        leg: Leg,
        hz: int,
        side: Enders,
        desk: Desk,
    ) -> None:
        self._clock = clock
        self._leg = leg
        self._side = side
        self._hz = hz
        self._desk = desk
        self._alarm = Alarm(clock)
        self._counts = {"PLAYBACK_START": 0, "PLAYBACK_STOP": 0, "CHANNEL_BRIDGE": 0}
        self._seen = dict(self._counts)
        self._masked = False
        self._voice: Source = Tone(hz)
        self._aloud = True
        self._pressed: tuple[str, int] | None = None
        """The key that is held, and since when."""
        leg.mouth.change(self._voice)
        leg.watchers.append(self._heard)

    def _heard(self, name: str, leg: Leg) -> None:
        if name in self._counts:
            self._counts[name] += 1
        self._masked = _MASKS.get(name, self._masked)
        if name in self._counts or name in _MASKS or name in {"CHANNEL_HANGUP", LOST}:
            self._alarm.ring()

    def act(self, steps: tuple[Step, ...]) -> None:
        """Do the steps, then nothing; ends early where the leg does."""
        for step in steps:
            if self._leg.down:
                return
            self._do(step)

    def _do(self, step: Step) -> None:
        match step:
            case Wait(ms):
                self._wait(ms)
            case Keys():
                self._press(step)
            case DuringPrompt(ms):
                self._until("PLAYBACK_START")
                self._wait(ms)
            case AfterPrompt(ms):
                self._until("PLAYBACK_STOP")
                self._wait(ms)
            case WhenConnected(ms):
                self._until("CHANNEL_BRIDGE")
                self._wait(ms)
            case Speak(aloud):
                self._aloud = aloud
                self._talk()
            case HangUp():
                self._leg.hang_up("NORMAL_CLEARING", by=self._side)
            case BlindTransfer(to):
                self._desk.blind_transfer(self._leg, to)
            case AttendedTransfer():
                self._transfer_attended(step)
            case ThreeWay():
                self._talk_to_both(step)
            case Hold():
                self._desk.hold(self._leg)
            case Unhold():
                self._desk.unhold(self._leg)
            case WaitFor(moment, ms):
                moment.watch(self._alarm.ring)
                while not self._leg.down and not moment.come:
                    self._alarm.wait(None)
                self._wait(ms)
            case WhenMasked(ms):
                self._until_masked(True)
                self._wait(ms)
            case WhenUnmasked(ms):
                self._until_masked(False)
                self._wait(ms)
            case Tell(moment):
                moment.now()
            case KeyDown(key):
                self._down(key)
            case KeyUp():
                self._up()
            case _:
                assert_never(step)

    def _wait(self, ms: int) -> None:
        end = self._clock.monotonic_ms() + ms
        while not self._leg.down and self._clock.monotonic_ms() < end:
            self._alarm.wait(end)

    def _until(self, name: str) -> None:
        while not self._leg.down and self._counts[name] <= self._seen[name]:
            self._alarm.wait(None)
        self._seen[name] += 1

    def _until_masked(self, masked: bool) -> None:
        while not self._leg.down and self._masked is not masked:
            self._alarm.wait(None)

    def _press(self, step: Keys) -> None:
        for number, key in enumerate(step.keys):
            if number:
                self._wait(step.gap_ms)
            self._down(key)
            self._wait(step.press_ms)
            self._up()

    def _down(self, key: str) -> None:
        self._pressed = (key, self._clock.monotonic_ms())
        tones = DTMF_HZ.get(key)
        if tones is not None:
            self._leg.mouth.change(Tone(*tones))

    def _up(self) -> None:
        held, self._pressed = self._pressed, None
        if held is not None:
            self._talk()
            self._leg.press(held[0], self._clock.monotonic_ms() - held[1])

    def _consult(self, to: str, ms: int) -> Leg:
        """Hold the other side and call a number; the leg of that call, joined or down."""
        self._desk.hold(self._leg)
        second = self._desk.dial(self._leg, to, self._hz)
        second.watchers.append(lambda name, _: self._alarm.ring())
        while not self._leg.down and not second.down and second.peer is None:
            self._alarm.wait(self._leg.tick_ms(after=True))
        self._wait(ms)
        return second

    def _transfer_attended(self, step: AttendedTransfer) -> None:
        second = self._consult(step.to, step.consult_ms)
        if not self._desk.join(self._leg, second):
            second.hang_up("NORMAL_CLEARING", by=self._side)
            self._desk.unhold(self._leg)

    def _talk_to_both(self, step: ThreeWay) -> None:
        second = self._consult(step.to, step.consult_ms)
        first, third = self._leg.peer, second.peer
        self._desk.unhold(self._leg)
        if first is None or third is None:
            second.hang_up("NORMAL_CLEARING", by=self._side)
            return

        def both_end(name: str, _leg: Leg) -> None:
            if name == "CHANNEL_HANGUP":
                second.hang_up("NORMAL_CLEARING", by=self._side)

        def one_is_left(name: str, _leg: Leg) -> None:
            if name == "CHANNEL_HANGUP":
                self._voice = Tone(self._hz)
                self._talk()

        self._leg.watchers.append(both_end)
        second.watchers.append(one_is_left)
        self._voice = Mix(Tone(self._hz), third.mouth)
        self._talk()
        second.mouth.change(Mix(Tone(self._hz), first.mouth))

    def _talk(self) -> None:
        self._leg.mouth.change(self._voice if self._aloud else SILENCE)
