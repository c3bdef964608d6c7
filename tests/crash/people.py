"""The people of a story: who calls, who answers, and what they do when nothing happens (R22).

They are told nothing of engines. An agent who keyed a code and sees no effect keys it again; a
caller does what prompts ask for. So a story comes to its end whenever its engine was killed, as a
call does.

Voices are tones of whole hundreds of hertz: each stretch of 10 ms of one of them is one of a few
strings of bytes, so what is in a recording is read off exactly (:mod:`tests.crash.tones`).
"""

from __future__ import annotations

import os
from collections.abc import Callable

import gevent

from ivr.clock import Clock
from ivr.core.commands import Tone
from ivr.esl.wording import _TONES
from ivr.lab import LabCall, audio
from ivr.lab.alarm import Alarm
from ivr.lab.board import Enders
from ivr.lab.leg import Leg
from ivr.lab.person import Person
from ivr.lab.script import AttendedTransfer, BlindTransfer, HangUp, Hold, Keys, Step, Unhold, Wait
from tests.crash.switch import Span, TruthfulSwitch

CALLER_HZ, AGENT_HZ, SECRET_HZ = 500, 800, 1000

_SAID = {what: tone for tone, what in _TONES.items()}

PATIENCE_MS = 2_500
"""How long an agent waits for a code to have its effect."""
TRIES = 4
UNMASK_MS = 3_000
"""How long a recording may stay masked after a hold: there may be no engine to hear of its end."""


class Someone:
    """Whoever is at a telephone."""

    def __init__(self, switch: TruthfulSwitch, leg: Leg, hz: int, side: Enders) -> None:
        self.clock: Clock = switch.clock
        self.leg = leg
        self._hz = hz
        self._person = Person(switch.clock, leg, hz, side, switch._desk)
        self._alarm = Alarm(switch.clock)
        leg.watchers.append(self.look)

    def look(self, _name: str, _leg: Leg) -> None:
        """Something happened: look whether it is what is waited for."""
        self._alarm.ring()

    def until(self, reached: Callable[[], bool], most_ms: int = 60_000) -> bool:
        """Wait for something, at most so long, and while the call lasts; whether it came."""
        end = self.clock.monotonic_ms() + most_ms
        while not reached():
            if self.leg.down or self.clock.monotonic_ms() >= end:
                return False
            self._alarm.wait(end)
        return True

    def wait(self, ms: int) -> None:
        """Let time pass."""
        end = self.clock.monotonic_ms() + ms
        self.until(lambda: self.clock.monotonic_ms() >= end, ms)

    def press(self, keys: str) -> None:
        """Press keys."""
        self.act(Keys(keys, gap_ms=60, press_ms=80))

    def act(self, *steps: Step) -> None:
        """Do as in a script."""
        self._person.act(steps)

    def speak(self, hz: int | None = None) -> None:
        """Speak at another pitch from here on, or at one's own."""
        self.leg.mouth.change(audio.Tone(hz or self._hz))

    @property
    def tone(self) -> Tone | None:
        """What the last tone said that was played to this telephone."""
        said = [_SAID[one.what] for one in self.leg.heard if one.what in _SAID]
        return said[-1] if said else None

    @property
    def connected(self) -> bool:
        """Somebody is at the other end."""
        return self.leg.peer is not None


class Dialogue:
    """One call: its people, and what they know of it that a record must agree with."""

    def __init__(self, switch: TruthfulSwitch, call: LabCall, label: str) -> None:
        self.switch = switch
        self.call = call
        self.label = label
        self.caller = Someone(switch, call.leg, CALLER_HZ, "caller")
        self.secret: list[Span] = []
        """When the caller said what nobody may keep."""
        self.pausing: list[Span] = []
        """From when a pause was asked for until the recording heard again."""
        self.wrong: list[str] = []
        """What people were surprised by."""
        self.ends: Enders = "caller"
        """Whose telephone ends it, if nothing else does."""
        self.patience_ms = PATIENCE_MS
        self.tries = TRIES
        """How often an agent keys a code before giving up."""

        self.customer = self.caller
        """Who tells secrets, and whose leg is recorded."""

    @property
    def leg(self) -> Leg:
        """The leg that called."""
        return self.call.leg

    @property
    def unrecorded(self) -> bool:
        """FreeSWITCH connected the call by itself."""
        return self.leg.true("ivr_unrecorded")

    def tell_secret(self, ms: int) -> None:
        """The customer says it, while the agent listens."""
        self.secret.append(Span(self.switch.clock.monotonic_ms()))
        self.customer.speak(SECRET_HZ)
        self.customer.wait(ms)
        self.customer.speak()
        self.secret[-1].end_ms = self.switch.clock.monotonic_ms()

    def pause(self, agent: Someone, secret_ms: int = 400) -> None:
        """The agent pauses, the caller tells, the agent resumes."""
        now = self.switch.clock.monotonic_ms
        span = Span(now())
        self.pausing.append(span)
        if not self._insist(agent, "*7", Tone.PAUSED):
            self._note(agent, "the agent could not pause the recording")
            span.end_ms = now()
            return
        agent.wait(250)
        self.tell_secret(secret_ms)
        agent.wait(100)
        resumed = self._insist(agent, "*8", Tone.RESUMED)
        span.end_ms = now()
        if not resumed:
            self._note(agent, "the agent could not resume the recording")

    def _note(self, agent: Someone, surprise: str) -> None:
        if self.customer.leg.recordings and not agent.leg.down:
            self.wrong.append(surprise)

    def _insist(self, agent: Someone, keys: str, tone: Tone) -> bool:
        """Key a code until its tone is heard; whether it was."""
        for turn in range(self.tries):
            if agent.leg.down or (turn > 1 and self.unrecorded):
                break
            agent.press(keys)
            if agent.until(lambda: agent.tone is tone, self.patience_ms):
                return True
        return False

    def hold(self, agent: Someone, ms: int) -> None:
        """The agent puts the caller on hold for a while."""
        self._held(lambda: agent.act(Hold(), Wait(ms), Unhold()))

    def hand_over(self, agent: Someone, to: str, ms: int) -> None:
        """The agent puts the caller on hold, asks a colleague, and joins the two."""
        self._held(lambda: agent.act(AttendedTransfer(to, ms)))

    def _held(self, act: Callable[[], None]) -> None:
        now = self.switch.clock.monotonic_ms
        span = Span(now())
        self.pausing.append(span)
        act()
        span.end_ms = now()
        alive(lambda: self._let_unmask(span))

    def _let_unmask(self, span: Span) -> None:
        """There may be no engine just now to hear that the hold is over."""
        self.caller.until(lambda: not self.masked, UNMASK_MS)
        span.end_ms = self.switch.clock.monotonic_ms()

    @property
    def masked(self) -> bool:
        """Nothing is recorded of the caller now, and it was."""
        spans = self.switch.heard[self.customer.leg.uuid].masked
        return bool(spans) and spans[-1].end_ms is None

    def transfer(self, agent: Someone, to: str) -> None:
        """The agent sends the caller to another number."""
        agent.act(BlindTransfer(to))

    def listen(self, answers: dict[str, Callable[[], None]]) -> None:
        """The caller listens to prompts, and answers each as told, until somebody is there."""
        heard = 0
        caller = self.caller

        def news() -> bool:
            return caller.connected or len(self.leg.heard) > heard

        while caller.until(news) and not caller.connected:
            name = os.path.basename(self.leg.heard[-1].what).partition(".")[0]
            heard = len(self.leg.heard)
            answers.get(name, _nothing)()

    def hang_up(self, who: Someone) -> None:
        """End the call."""
        who.act(HangUp())


def _nothing() -> None:
    """Only listen."""


def alive(act: Callable[[], None]) -> None:
    """Have somebody act beside the others."""
    gevent.spawn(act)
