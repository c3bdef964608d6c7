"""FreeSWITCH's messages into the call's events. Pure.

Past this file there are no headers and no event names; ``ivr.esl.wording`` is the other way.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from ivr.config.render import AGAIN_PREFIX, CALLED_VARIABLE, HAD_VARIABLE
from ivr.config.render.xml import BACK_VARIABLE, FOR_VARIABLE
from ivr.core import events
from ivr.core.events import Event, Party
from ivr.core.policy import Prompt
from ivr.core.timeline import first_path
from ivr.errors import WireError
from ivr.esl.wire import Message

_KEY_RATE = 8000
"""Keys' durations are in samples at this rate, whatever the channel's."""
_KEYS = frozenset("0123456789*#ABCD")

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


FEATURE = b"Ivr-Feature"
"""Header of the event that an agent's feature code brings (docs/freeswitch.md 14c)."""


ENGINE_VARIABLE = "ivr_engine"
"""On the A leg: which engine had it last, where there are several."""
ENGINE_HEADER = f"variable_{ENGINE_VARIABLE}".encode()
EXEMPT = "ivr_exempt"
"""Variable of a leg that is the exempt extension's, or connected to it (R8)."""
EXEMPT_HEADER = f"variable_{EXEMPT}".encode()
EXEMPT_TOLD = b"Ivr-Exempt"
"""Header of the event by which the rendered dialplan tells of a call with the exempt extension."""
EXEMPT_CALL = "call"
EXEMPT_MET = "met"
PAUSERS = ("agent", "page", "engineer", "payment-line", "hold", "digits", "opt-out")
"""Who may be remembered to have paused."""

BESIDE = b"Bridge-B-Unique-ID"
"""Header of CHANNEL_BRIDGE that has the leg which was named second."""


class Legs(NamedTuple):
    """Channels of one call by who is at them; empty where nobody is yet."""

    call: str
    """The A leg: the call's id."""
    customer: str
    """Whose voice is recorded and whose keys are kept out: the A leg, or, in a call that staff
    make, the B leg (R10)."""
    agent: str
    engine: str = ""
    """Where this engine takes calls, as FreeSWITCH reaches it."""


@dataclass(frozen=True, slots=True)
class Offer:
    """A call as FreeSWITCH hands it over."""

    call_id: str
    """The A leg's id, checked: it becomes a file's name (R23)."""
    caller: str
    caller_name: str
    number: str
    """That was called, whatever extension of the dialplan hands the call over."""
    switch: str
    """FreeSWITCH's Core-UUID."""
    again: bool
    """An engine had it before, and is gone (R22)."""
    transferred: bool
    """People talk on it, an engine has it or had it, and one of them transferred it to a route."""
    engine: str
    """Which engine had it last; empty where none had."""
    route: str
    """The route that the dialplan found for it; empty where it names none."""
    returned: bool
    """It comes back from the exempt extension: what was recorded before has a record of its own,
    and nobody learns where it was (R8)."""
    beside: str
    """The A leg's id, where this is the leg of a called person who is to hear the announcement
    before the two are connected (R10)."""
    rate: int
    """Samples a second that the channel reads."""
    moved: bool
    """FreeSWITCH's dialplan went on with it, as the dead man has it do, before it was answered."""
    exempt: bool
    """The exempt extension takes part in it: no engine's (R8)."""


def offer(reply: Message) -> Offer:
    """Read the answer to ``connect`` (docs/freeswitch.md 1).

    Raises:
        WireError: it is not CHANNEL_DATA, or the channel's id is not one.
    """
    call_id = reply.head("Unique-ID") or ""
    if not _UUID.fullmatch(call_id):
        raise WireError(
            f"the answer to connect names the channel {call_id[:60]!r}, expected a UUID;"
            " is it FreeSWITCH that connects to this port?"
        )
    number = reply.head("Caller-Destination-Number") or ""
    again = number.startswith(AGAIN_PREFIX)
    called = reply.head(f"variable_{CALLED_VARIABLE}") or ""
    moved = not again and called not in ("", number)
    if again:
        number = called
    return Offer(
        call_id=call_id,
        caller=reply.head("Caller-Caller-ID-Number") or "",
        caller_name=reply.head("Caller-Caller-ID-Name") or "",
        number=number,
        switch=reply.head("Core-UUID") or "",
        again=again,
        transferred=(reply.head(f"variable_{HAD_VARIABLE}") or "").startswith(AGAIN_PREFIX),
        engine=reply.head(f"variable_{ENGINE_VARIABLE}") or "",
        route=reply.head("variable_ivr_route") or "",
        returned=reply.head(f"variable_{BACK_VARIABLE}") == "true",
        beside=_leg(reply.head(f"variable_{FOR_VARIABLE}") or ""),
        rate=_number(reply.head("Channel-Read-Codec-Rate")) or 8000,
        moved=moved,
        exempt=reply.head(f"variable_{EXEMPT}") == "true",
    )


def _leg(text: str) -> str:
    return text if is_leg(text) else ""


_WAITING = (["Waiting"], ["Trying"])


def place_of(call_id: str, listed: str) -> int:
    """Which place a caller has among those who wait in a queue, from 1, by FreeSWITCH's list of
    them, the best first; 0 where the caller is not among them (docs/freeswitch.md 92).

    A display name may hold anything, so a line is known by the channel's id in it, and the state is
    looked for from its end (R23).
    """
    waiting = [one for one in listed.splitlines() if one.split("|")[-2:-1] in _WAITING]
    places = (n for n, one in enumerate(waiting, 1) if f"|{call_id}|" in one)
    return next(places, 0)


def is_exempt(message: Message) -> bool:
    """Whether this is told of a leg in whose call the exempt extension takes part (R8)."""
    return message.last(EXEMPT_HEADER) == "true"


def is_leg(text: str) -> bool:
    """Whether this is the id of a channel: it becomes part of a command (R23)."""
    return _UUID.fullmatch(text) is not None


def engine_of(message: Message) -> str:
    """Which engine had the call last, by its leg's variables; empty where that is not told."""
    return message.last(ENGINE_HEADER) or ""


def remembered(text: str) -> tuple[str, int] | None:
    """Who paused and since when, by what the customer's leg remembers; None where it is not
    paused. What cannot be read was paused all the same, since nobody knows when."""
    if not text:
        return None
    by, _, since = text.partition("@")
    return (by if by in PAUSERS else "engineer"), _number(since)


def event_of(
    message: Message, at: int, legs: Legs, path: str, plays: Mapping[int, Prompt]
) -> Event | None:
    """What a message means for the call; None where it means nothing.

    ``path`` is that of the part that is recorded now, ``plays`` its prompts by serial.
    """
    match message.event_name:
        case "DTMF" if message.first(b"Unique-ID") == legs.customer:
            key = message.last(b"DTMF-Digit") or ""
            held_ms = _number(message.last(b"DTMF-Duration")) * 1000 // _KEY_RATE
            return events.KeyPressed(at, key, held_ms) if key in _KEYS else None
        case "CHANNEL_EXECUTE_COMPLETE":
            return _executed(message, at, plays)
        case "RECORD_START" if message.last(b"Record-File-Path") == path:
            return events.RecordingStarted(at)
        case "RECORD_STOP":
            return _recorded(message, at, path)
        case "CHANNEL_BRIDGE":
            return _bridged(message, at, legs.call)
        case "CHANNEL_UNBRIDGE" if legs.call in (
            message.first(b"Unique-ID"),
            message.first(BESIDE),
        ):
            return events.Unbridged(at)
        case "CHANNEL_HANGUP_COMPLETE" if message.first(b"Unique-ID") == legs.call:
            return _hung_up(message, at)
        case "CHANNEL_HANGUP_COMPLETE":
            leg = message.first(b"Unique-ID") or ""
            return events.OtherLeft(at, leg) if leg in (legs.customer, legs.agent) else None
        case _:
            return None


def _recorded(message: Message, at: int, current: str) -> Event | None:
    """A part of the call's recording has ended, though another may be under way since.

    Whatever else FreeSWITCH records of the call, such as ``<call>-in.wav``, is no part of it.
    """
    path = message.last(b"Record-File-Path") or ""
    # The folder may be another: the recording went on in the fallback.
    if first_path(path).rpartition("/")[2] != first_path(current).rpartition("/")[2]:
        return None
    cause = message.last(b"Record-Completion-Cause") or ""
    return events.RecordingStopped(at, cause, _number(message.last(b"variable_record_ms")), path)


def _bridged(message: Message, at: int, call_id: str) -> Event | None:
    """Two legs are joined, and the A leg is one of them: the first, or, where somebody took the
    call from elsewhere, the second."""
    if message.first(b"Unique-ID") == call_id:
        other = message.first(b"Other-Leg-Unique-ID") or ""
        number = message.first(b"Other-Leg-Destination-Number") or ""
        called = True
    elif message.first(BESIDE) == call_id:
        other = message.first(b"Unique-ID") or ""
        called = message.first(b"Call-Direction") == "outbound"
        # Of a telephone that dialled, as to pick a call up, it is its own number.
        which = b"Caller-Destination-Number" if called else b"Caller-Caller-ID-Number"
        number = message.first(which) or ""
    else:
        return None
    other = other if _UUID.fullmatch(other) else ""
    return events.Bridged(at, other, number, took=not called)


def _executed(message: Message, at: int, plays: Mapping[int, Prompt]) -> Event | None:
    """An application is done; matched by the id it was given, never by its name (6)."""
    done = message.last(b"Application-UUID") or ""
    hung_up = message.first(b"Hangup-Cause") is not None
    if done == "answer":
        rate = _number(message.first(b"Channel-Read-Codec-Rate"))
        return None if hung_up else events.Answered(at, rate or 8000)
    if done == "bridge":
        cause = message.last(b"variable_originate_disposition") or ""
        transferred = False
        if cause in ("", "SUCCESS"):
            cause = message.last(b"variable_bridge_hangup_cause") or "NORMAL_CLEARING"
            # Not where nobody was reached: a call that was transferred to us has a history, too.
            transferred = message.last(b"variable_transfer_history") is not None
        return events.BridgeEnded(at, cause, transferred, hung_up)
    if done == QUEUE:
        return _left_queue(message, at, hung_up)
    if done.startswith("play-"):
        play = _number(done[5:])
        prompt = plays.get(play)
        if prompt is None:
            return None
        # A hangup in the middle of a prompt is "PLAYBACK ERROR", and the offset holds.
        heard_ms, response = _heard_ms(message), message.last(b"Application-Response")
        # One that was joined to another, and so interrupted, is an error too.
        interrupted = response == "PLAYBACK ERROR" and heard_ms > 0
        missing = response != "FILE PLAYED" and not (hung_up or interrupted)
        heard_ms = 0 if missing else heard_ms
        return events.PromptEnded(at, play, prompt, heard_ms, missing, hung_up)
    return None


QUEUE = "queue"


def plays_now(message: Message) -> str:
    """Which leg can be played something from here on, for it was taken out of a bridge; or
    :data:`QUEUE`, where a caller was taken out of one. Empty where it is told of neither."""
    if message.event_name == "CHANNEL_PARK":
        return message.first(b"Unique-ID") or ""
    done = message.event_name == "CHANNEL_EXECUTE_COMPLETE"
    return QUEUE if done and message.last(b"Application-UUID") == QUEUE else ""


_QUEUE_ENDS = {"TIMEOUT": "NO_ANSWER", "NO_AGENT_TIMEOUT": "NO_ANSWER"}


def _left_queue(message: Message, at: int, hung_up: bool) -> Event | None:
    """The queue let go of the caller; where an agent took the call, CHANNEL_BRIDGE follows, and
    this is not the end of anything."""
    if message.last(b"variable_cc_cause") == "answered" and not hung_up:
        return None
    reason = message.last(b"variable_cc_cancel_reason") or ""
    return events.BridgeEnded(at, _QUEUE_ENDS.get(reason, "NO_ROUTE_DESTINATION"), False, hung_up)


def _heard_ms(message: Message) -> int:
    """How much of a prompt was heard.

    Not ``playback_ms``, which counts what was read ahead of the caller's ear: 2,048 ms where
    700 were heard (docs/freeswitch.md 29). The offset counts samples at the channel's rate.
    """
    rate = _number(message.first(b"Channel-Read-Codec-Rate")) or 8000
    return _number(message.last(b"variable_playback_last_offset_pos")) * 1000 // rate


def _hung_up(message: Message, at: int) -> Event:
    told = message.last(b"variable_sip_hangup_disposition") or ""
    by = Party.CALLER if told.startswith("recv_") else Party.SWITCH
    cause = message.first(b"Hangup-Cause") or "NONE"
    return events.HungUp(at, by, cause, _number(message.last(b"variable_hangup_cause_q850")))


def _number(text: str | None) -> int:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else 0
