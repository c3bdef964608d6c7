"""One leg of a call: its state, its variables, its audio, and the events that show them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from ivr.lab import headers, portrait
from ivr.lab.alarm import Alarm
from ivr.lab.audio import Line
from ivr.lab.board import TICK_MS, Enders, Heard, Key, Party, Switchboard, Times
from ivr.lab.digits import DigitActions
from ivr.lab.event import Event, Value
from ivr.lab.holding import end_hold
from ivr.lab.record import Recording
from ivr.lab.stamps import final_variables
from ivr.lab.wire import ClientMessage

if TYPE_CHECKING:
    from ivr.lab.listener import Listener


LOST = "LOST"
"""What watchers are told where a leg is lost with its switch; no event of FreeSWITCH's."""


class Leg:
    """A channel of the switch."""

    def __init__(
        self,
        switch: Switchboard,
        uuid: str,
        party: Party,
        session: int,
        *,
        outbound: bool = False,
        rate: int = 8000,
        other: Leg | None = None,
    ) -> None:
        self.switch = switch
        self.clock = switch.clock
        self.uuid = uuid
        self.party = party
        self.session = session
        self.outbound = outbound
        self.rate = rate
        self.channel = (
            f"sofia/lab/{party.dialled}@{party.address}:5080"
            if outbound
            else f"sofia/lab/{party.number}@{party.address}"
        )
        """The channel's name."""
        self.variables: dict[str, Value] = {}
        self.created_ms = self.clock.monotonic_ms()
        self.times = Times(self.wall_us(), self.wall_us())
        self.state, self.state_number, self.callstate = "CS_EXECUTE", 4, "RINGING"
        if outbound:
            self.state, self.state_number, self.callstate = "CS_CONSUME_MEDIA", 7, "DOWN"
        self.dialplan = "XML"
        self.rdnis = ""
        """The number that was dialled before a transfer."""
        self.transfer_source = ""
        self.profiles = 1
        self.hangup_cause = ""
        self.lost = False
        """Whether the switch died under it."""
        self.ended_by: Enders = "switch"
        self.callee = ""
        self.peer: Leg | None = None
        """The leg this one is bridged to at this moment."""
        self.other = other
        """The last leg this one had to do with: its profile is in the events."""
        self.bridged = False
        self.held = False
        """Whether its telephone holds the other side."""
        self.controlled = False
        """Whether it stays parked: the end of an outbound socket takes that away."""
        self.reset = False
        """Whether what it does is cut short, for the dialplan to go on."""
        self.moved = False
        """Whether it was taken out of its bridge, to something else."""
        self.confirming = False
        """Whether it is told something first when it is answered, and joined after that."""
        self.passed_on = False
        """Whether the telephone at the other side sent it to another number."""
        self.mouth = Line(self.clock.monotonic_ms)
        """What comes from this leg's telephone."""
        self.ear = Line(self.clock.monotonic_ms)
        """What is sent to this leg's telephone."""
        self.recordings: dict[str, Recording] = {}
        self.listener: Listener | None = None
        """The outbound socket that drives this leg."""
        self.former: list[Listener] = []
        """Those that drove it before, and may stand yet: who comes to a second ``socket``."""
        self.inbox: deque[tuple[int, ClientMessage]] = deque()
        self.locked = False
        self.break_asked = False
        self.keys: deque[Key] = deque()
        self.digits = ""
        self.pressed = ""
        """Every key that its telephone pressed while it was up, hidden or not. FreeSWITCH keeps no
        such thing: tests prove by it that there was something to hide."""
        self.heard_keys = ""
        """The keys that were relayed to this telephone."""
        self.heard: list[Heard] = []
        """What was played to this telephone, in order, heard to the end or not."""
        self.displaced: dict[str, Heard] = {}
        """What is mixed into what it hears now, by path."""
        self.actions = DigitActions(self.clock)
        self.next_task: Callable[[Leg], None] | None = None
        self.last_app: tuple[str, str] | None = None
        self.app_log: list[tuple[str, str]] = []
        """Every application that ran, with its argument: CDRs hold them."""
        self.watchers: list[Callable[[str, Leg], None]] = []
        """Told of every event of this leg by name, whoever else listens."""
        self._destroyed = False
        self._alarm = Alarm(self.clock)
        self._attend_ms: int | None = None
        table = headers.CALLED if outbound else headers.INVITED
        for name, value in headers.fill(table, portrait.fields(self)):
            self.set(name, value)
        for name, value in (party.headers or {}).items():
            self.set(f"sip_h_{name}", value)

    # -- what it is -------------------------------------------------------------------------

    @property
    def answered(self) -> bool:
        """Whether it was answered."""
        return self.times.answered > 0

    @property
    def down(self) -> bool:
        """Whether it was hung up, or lost with its switch."""
        return self.lost or bool(self.hangup_cause)

    @property
    def leaving(self) -> bool:
        """Whether what it does now must end: hung up, sent elsewhere, or cut short."""
        return self.down or self.reset or self.next_task is not None

    def wall_us(self) -> int:
        """The switch's date in microseconds."""
        return self.clock.wall_ms() * 1000

    def set(self, name: str, value: Value | None) -> None:
        """Set a channel variable; None or nothing removes it."""
        if value:
            self.variables[name] = value
        else:
            self.variables.pop(name, None)

    def get(self, name: str) -> str:
        """A channel variable, or nothing."""
        value = self.variables.get(name, "")
        return value if isinstance(value, str) else "ARRAY::" + "|:".join(value)

    def true(self, name: str) -> bool:
        """Whether a channel variable says yes."""
        return self.get(name).lower() in {"true", "yes", "on", "enabled", "t", "1"}

    # -- events -----------------------------------------------------------------------------

    def fire(
        self,
        name: str,
        *after: tuple[str, str],
        before: Iterable[tuple[str, str]] = (),
        variables: bool = True,
    ) -> None:
        """Fire an event of this leg: core, channel and profile headers, then variables."""
        if self.lost:
            return
        self.tell(name)
        if self.switch.wants(name):
            self.switch.fire(self.event(name, *after, before=before, variables=variables))

    def event(
        self,
        name: str,
        *after: tuple[str, str],
        before: Iterable[tuple[str, str]] = (),
        variables: bool = True,
    ) -> Event:
        """Build an event of this leg."""
        return portrait.event_of(self, name, after, before, variables=variables)

    def tell(self, name: str) -> None:
        """Let the watchers know of something that FreeSWITCH fires no event of this leg for."""
        for watch in tuple(self.watchers):
            watch(name, self)

    def profile(self, prefix: str) -> list[tuple[str, str]]:
        """This leg's caller profile under a prefix."""
        return portrait.profile(self, prefix)

    # -- waiting ----------------------------------------------------------------------------

    def tick_ms(self, *, after: bool = False) -> int:
        """When the session looks up next: now where it is just doing so, unless ``after``."""
        now = self.clock.monotonic_ms()
        past = (now - self.created_ms) % TICK_MS
        if past == 0 and not after:
            return now
        return now + TICK_MS - past

    def attend(self, at_ms: int | None = None) -> None:
        """Have the session look up at its next tick, or at ``at_ms``."""
        due = self.tick_ms() if at_ms is None else at_ms
        if self._attend_ms is None or due < self._attend_ms:
            self._attend_ms = due
            self._alarm.ring()

    def wait(self, until_ms: int | None = None) -> None:
        """The session waits until there is something to look at, at most until a moment."""
        while True:
            now = self.clock.monotonic_ms()
            times = [ms for ms in (until_ms, self._attend_ms) if ms is not None]
            due = min(times) if times else None
            if due is not None and due <= now:
                if self._attend_ms is not None and self._attend_ms <= now:
                    self._attend_ms = None
                return
            self._alarm.wait(due)

    # -- what is done to it -----------------------------------------------------------------

    def send(self, message: ClientMessage) -> None:
        """Queue a ``sendmsg``: it is looked at when the session next looks up."""
        due = self.tick_ms(after=True)
        self.inbox.append((due, message))
        self.attend(due)

    def go(self, task: Callable[[Leg], None]) -> None:
        """Take the leg away from what it does, to something else."""
        self.next_task = task
        self.moved = True
        if self.peer is not None:
            self.peer.attend(self.peer.tick_ms(after=True))
        self.attend(self.tick_ms(after=True))

    def press(self, digit: str, ms: int, source: str = "RTP") -> None:
        """A key of this leg's telephone was released (docs/freeswitch.md 12 to 14).

        ``source`` is ``APP`` for a key that was put onto the leg by command; such a key does
        not reach its feature codes (docs/freeswitch.md 39).
        """
        if self.down:
            return
        self.pressed += digit
        key = Key(digit, ms * 8, self.true("sensitive_dtmf"), source)
        if not key.sensitive:
            self.switch.log("INFO", f"{self.uuid} RECV DTMF {digit}:{key.duration}")
        if self.actions.bound and source != "APP":
            self.actions.feed(key, self._let_through)
        else:
            self._let_through([key])

    def _let_through(self, keys: Iterable[Key]) -> None:
        self.keys.extend(keys)
        self.attend()

    def take_key(self) -> Key | None:
        """The next key, its event fired; None where there is none."""
        if not self.keys:
            return None
        key = self.keys.popleft()
        if not key.sensitive:
            self.digits += key.digit
            self.fire(
                "DTMF",
                ("DTMF-Digit", key.digit),
                ("DTMF-Duration", str(key.duration)),
                ("DTMF-Source", key.source),
                variables=False,
            )
        return key

    def hang_up(self, cause: str, by: Enders = "switch") -> None:
        """End the leg; ``by`` says whose telephone did it, or that the switch does."""
        if self.down:
            return
        end_hold(self)
        self.hangup_cause, self.ended_by, self.state_number = cause, by, 10
        if by != "switch":
            for name, value in headers.fill(headers.HUNG_UP_BY_PEER, portrait.fields(self)):
                self.set(name, value)
        if self.bridged and not self.outbound:
            self.set("last_bridge_role", "originator")
        self.fire("CHANNEL_HANGUP")
        if by != "switch":
            self.set("sip_hangup_disposition", "recv_bye")
        due = self.tick_ms()
        for one in self.former:
            one.channel_down()
        if self.listener is not None and (
            due > self.clock.monotonic_ms() or not self.listener.lingers
        ):
            self.listener.channel_down()
        self.attend(due)

    def answer(self) -> None:
        """Answer the leg, or hear that it was answered."""
        if self.answered or self.down:
            return
        self.early_media()
        self.times.answered = self.wall_us()
        if self.outbound:
            for name, value in headers.fill(headers.CALLED_ANSWERED, portrait.fields(self)):
                self.set(name, value)
            self.set("endpoint_disposition", None)
        self.fire("CHANNEL_ANSWER")
        self.callstate = "ACTIVE"
        self.set("endpoint_disposition", "ANSWER")
        if not self.outbound:
            self.clock.after(TICK_MS // 2, self._acknowledged)

    def early_media(self) -> None:
        """Let audio flow although the leg may not be answered yet."""
        if self.times.media:
            return
        self.times.media = self.wall_us()
        if not self.outbound:
            self.callstate = "EARLY"
        for name, value in headers.fill(headers.ANSWERED, portrait.fields(self)):
            self.set(name, value)
        if not self.outbound:
            self.fire("CHANNEL_PROGRESS_MEDIA")

    def _acknowledged(self) -> None:
        for name, value in headers.fill(headers.ACKNOWLEDGED, portrait.fields(self)):
            self.set(name, value)

    def finish(self) -> None:
        """The session is over: stop recordings, report, forget."""
        if self.lost:
            return
        self.state, self.times.hangup = "CS_HANGUP", self.wall_us()
        for path in tuple(self.recordings):
            self.stop_recording(path)
        if self.ended_by == "switch" and self.answered:
            self.set("sip_hangup_disposition", "send_bye")
        for name, value in final_variables(self).items():
            self.set(name, value)
        self.state, self.state_number, self.callstate = "CS_REPORTING", 11, "HANGUP"
        self.fire("CHANNEL_HANGUP_COMPLETE", before=[("Hangup-Cause", self.hangup_cause)])
        self.switch.report(self)
        self.mouth.about_to_change()
        self.switch.remove(self)
        if self.listener is not None:
            self.listener.channel_down()
        if self.listener is None or not self.listener.running:
            self.destroy()

    def vanish(self) -> None:
        """The switch dies: no events, and recordings stay as they are on the disk."""
        for recording in self.recordings.values():
            recording.abandon()
        self.recordings.clear()
        self.lost = True
        self.tell(LOST)

    def destroy(self) -> None:
        """The last event; a connection that lingers keeps the leg from it."""
        if not self._destroyed:
            self._destroyed = True
            self.fire("CHANNEL_DESTROY")

    def change_recording(self, path: str, action: str, told: str = "") -> bool:
        """``mask``, ``unmask``, ``pause`` or ``resume``; False where that path is not recorded.

        FreeSWITCH fires no event for it (docs/freeswitch.md 22a); watchers hear of it, under the
        name ``told`` where another one asked than a client.
        """
        recording = self.recordings.get(path)
        if recording is None:
            return False
        getattr(recording, action)()
        self.tell(told or f"RECORD_{action.upper()}")
        return True

    def stop_recording(self, path: str) -> None:
        """Stop one recording and report it."""
        recording = self.recordings.pop(path)
        result = recording.stop(hung_up=self.down)
        self.set("RECORD_DISCARDED", "true" if result.discarded else None)
        self.set("record_file_size", str(result.samples * 2 + 44))
        self.set("record_samples", str(result.samples))
        self.set("record_seconds", str(result.samples // result.rate))
        self.set("record_ms", str(result.samples * 1000 // result.rate))
        self.set("record_completion_cause", result.cause)
        self.fire(
            "RECORD_STOP",
            ("Record-File-Path", path),
            ("Record-Completion-Cause", result.cause),
        )
