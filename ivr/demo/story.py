"""What happens to a call, in words and as a time line, from what the lab switch tells of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from ivr.core.policy import CallPolicy, FeatureCodes
from ivr.lab.board import Enders
from ivr.lab.call import Happening


class Span(StrEnum):
    """What a stretch of a call is."""

    ANNOUNCEMENT = "announcement"
    REMINDER = "reminder"
    DECIDING = "waits for a key"
    MESSAGE = "last message"
    RINGING = "rings"
    CONNECTED = "connected"
    RECORDED = "connected, recorded"
    PAUSED = "connected, recording paused"


@dataclass(slots=True)
class Segment:
    """A stretch of a call; milliseconds since the call began."""

    span: Span
    begin_ms: int
    end_ms: int | None = None
    """None while it goes on."""


@dataclass(frozen=True, slots=True)
class Line:
    """One step in words."""

    at_ms: int
    """Since the call began."""
    text: str


_ROLES = ("announcement", "reminder", "goodbye", "busy", "no_answer", "unavailable")
_HEARD: Mapping[str, tuple[Span, str]] = {
    "announcement": (Span.ANNOUNCEMENT, "hears the announcement"),
    "reminder": (Span.REMINDER, "hears the reminder"),
    "goodbye": (Span.MESSAGE, "hears the goodbye"),
    "busy": (Span.MESSAGE, "hears: line is busy"),
    "no_answer": (Span.MESSAGE, "hears: no answer"),
    "unavailable": (Span.MESSAGE, "hears: unavailable"),
    "": (Span.MESSAGE, "hears a message"),
}
_RINGS = "the telephone rings"
_ENDED = {
    "caller": "the caller hangs up",
    "agent": "the agent hangs up",
    "engine": "the call is ended",
}


_BURST_MS = 500
"""Keys that follow each other faster belong together."""


class Story:
    """One call as it is told. ``state`` and ``segments`` show where it is."""

    def __init__(self, policy: CallPolicy | None) -> None:
        self.state = ""
        """What is happening, in words that fit 22 columns."""
        self.segments: list[Segment] = []
        self.keys: list[tuple[int, str]] = []
        """Keys that the caller pressed before the connection, and when."""
        self.hidden: list[int] = []
        """When the caller pressed a key after it: which is nobody's business (R6)."""
        self.ended_ms: int | None = None
        """When the caller's telephone was put down or the call was ended."""
        self._roles: dict[str, str] = {}
        for role in _ROLES if policy is not None else ():
            for file in getattr(policy, role).files.values():
                self._roles[file.path] = role
        self._return_key = policy.return_key if policy is not None else ""
        self._role = ""
        codes = policy.pausing.codes if policy is not None else FeatureCodes("", "", "")
        self._pause_code, self._resume_code = codes.pause, codes.resume
        self._recording = self._connected = self._told_to_end = False
        self._talks = ""
        """Whom the caller talks to, in words."""
        self._told_keys = 0
        """Hidden keys that were told of."""

    def burst(self, number: int) -> tuple[int, str]:
        """The keys pressed in one go up to the one of this number: when, and which."""
        first = number
        while first > 0 and self.keys[first][0] - self.keys[first - 1][0] < _BURST_MS:
            first -= 1
        return self.keys[first][0], "".join(key for _at, key in self.keys[first : number + 1])

    @property
    def paused(self) -> bool:
        """Whether the recording is paused."""
        return self._span is Span.PAUSED

    @property
    def last_hidden(self) -> int:
        """How many hidden keys were pressed in one go, the last of them included."""
        count = 0
        while count < len(self.hidden) and (
            count == 0 or self.hidden[-count] - self.hidden[-count - 1] < _BURST_MS
        ):
            count += 1
        return count

    def keyed(self, at_ms: int, keys: int) -> Line | None:
        """Note that many more hidden keys; a line once they are all pressed.

        To be called again and again: it takes time to know that no further key comes.
        """
        self.hidden += [at_ms] * keys
        count = len(self.hidden) - self._told_keys
        if not count or (self.ended_ms is None and at_ms - self.hidden[-1] < _BURST_MS):
            return None
        self._told_keys = len(self.hidden)
        return Line(at_ms, f"presses {count} {'key' if count == 1 else 'keys'}, not shown")

    def take(
        self,
        one: Happening,
        key: str = "",
        agent: str = "",
        by: Enders = "switch",
        code: str = "",
    ) -> Line | None:
        """Go on with what happened; the step in words, where it is worth a line.

        ``key`` is the key of a ``DTMF``, ``agent`` the number that was reached, ``by`` whose
        telephone ended the caller's leg, ``code`` what the agent pressed until now.
        """
        if one.side == "destination":
            return self._destination(one)
        match one.event:
            case "CHANNEL_EXECUTE" if one.detail == "hangup":
                self._told_to_end = True
            case "PLAYBACK_START":
                self._role = self._roles.get(one.detail, "")
                span, words = _HEARD[self._role]
                return self._turn(one.at_ms, span, words)
            case "PLAYBACK_STOP" if self._role == "reminder" and self.ended_ms is None:
                self._turn(one.at_ms, Span.DECIDING, f"may press {self._return_key} to return")
            case "PLAYBACK_STOP":
                self._close(one.at_ms)
            case "DTMF" if self._connected:
                return self.keyed(one.at_ms, 1)
            case "DTMF":
                self.keys.append((one.at_ms, key))
                return Line(one.at_ms, f"presses {key}")
            case "RECORD_START":
                self._recording = True
                if self._connected:
                    return self._turn(one.at_ms, Span.RECORDED, "is recorded")
            case "CHANNEL_BRIDGE":
                self._connected = True
                self._talks = f"talks to {agent}"
                if self._recording:
                    return self._turn(one.at_ms, Span.RECORDED, f"{self._talks}, recorded")
                return self._turn(one.at_ms, Span.CONNECTED, self._talks)
            # Before and after the two talk it is masked, too, for it is not known who comes (R8).
            case "RECORD_MASK" if self._connected:
                return self._pause(one.at_ms, code)
            case "RECORD_UNMASK" if self._span is Span.PAUSED:
                return self._resume(one.at_ms, code)
            case "CHANNEL_HANGUP":
                return self._end(one.at_ms, by)
        return None

    def _pause(self, at_ms: int, code: str) -> Line:
        self._turn(at_ms, Span.PAUSED, "recording is paused")
        return Line(at_ms, _by_code(code, self._pause_code) + self.state)

    def _resume(self, at_ms: int, code: str) -> Line:
        self._turn(at_ms, Span.RECORDED, f"{self._talks}, recorded")
        return Line(at_ms, _by_code(code, self._resume_code) + "recording goes on")

    def _destination(self, one: Happening) -> Line | None:
        match one.event:
            case "CHANNEL_CREATE" if self._span is not Span.RINGING and not self._connected:
                self._turn(one.at_ms, Span.RINGING, "is being connected")
            case "CHANNEL_PROGRESS" if self.state != _RINGS and not self._connected:
                self.state = _RINGS
                return Line(one.at_ms, _RINGS)
        return None

    @property
    def _span(self) -> Span | None:
        """What goes on now."""
        if self.segments and self.segments[-1].end_ms is None:
            return self.segments[-1].span
        return None

    def _turn(self, at_ms: int, span: Span, words: str) -> Line:
        self._close(at_ms)
        self.segments.append(Segment(span, at_ms))
        self.state = words
        return Line(at_ms, words)

    def _close(self, at_ms: int) -> None:
        if self._span is not None:
            self.segments[-1].end_ms = at_ms

    def _end(self, at_ms: int, by: Enders) -> Line:
        self._close(at_ms)
        self.ended_ms = at_ms
        agent = self._connected and not self._told_to_end
        self.state = _ENDED["caller" if by == "caller" else "agent" if agent else "engine"]
        return Line(at_ms, self.state)


def _by_code(pressed: str, code: str) -> str:
    """What comes before a step, where the agent's keys end with a code of the team's."""
    return f"the agent presses {code}: " if code and pressed.endswith(code) else ""
