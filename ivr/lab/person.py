"""A person at a telephone: does the steps of a script on a leg's far end."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from ivr.clock import Clock
from ivr.lab.alarm import Alarm
from ivr.lab.audio import DTMF_HZ, SILENCE, Tone
from ivr.lab.board import Enders
from ivr.lab.leg import Leg
from ivr.lab.script import (
    AfterPrompt,
    BlindTransfer,
    DuringPrompt,
    HangUp,
    Keys,
    Speak,
    Step,
    Wait,
    WhenConnected,
)


class Person:
    """Whoever is at the far end of a leg."""

    def __init__(
        self,
        clock: Clock,
        leg: Leg,
        hz: int,
        side: Enders,
        transfer: Callable[[Leg, str], None],
    ) -> None:
        self._clock = clock
        self._leg = leg
        self._side = side
        self._transfer = transfer
        self._alarm = Alarm(clock)
        self._counts = {"PLAYBACK_START": 0, "PLAYBACK_STOP": 0, "CHANNEL_BRIDGE": 0}
        self._seen = dict(self._counts)
        self._voice = Tone(hz)
        self._aloud = True
        leg.mouth.change(self._voice)
        leg.watchers.append(self._heard)

    def _heard(self, name: str, leg: Leg) -> None:
        if name in self._counts:
            self._counts[name] += 1
        if name in self._counts or name == "CHANNEL_HANGUP":
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
                if self._leg.peer is not None:
                    self._transfer(self._leg, to)
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

    def _press(self, step: Keys) -> None:
        for number, key in enumerate(step.keys):
            if number:
                self._wait(step.gap_ms)
            tones = DTMF_HZ.get(key)
            if tones is not None:
                self._leg.mouth.change(Tone(*tones))
            self._wait(step.press_ms)
            self._talk()
            self._leg.press(key, step.press_ms)

    def _talk(self) -> None:
        self._leg.mouth.change(self._voice if self._aloud else SILENCE)
