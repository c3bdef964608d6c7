"""FreeSWITCH's messages into the call's events, its commands into FreeSWITCH's. Pure.

Past this file there are no headers and no event names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import assert_never

from ivr.core import commands as do
from ivr.core import events
from ivr.core.events import Event, Party
from ivr.core.policy import Prompt
from ivr.errors import WireError
from ivr.esl.wire import Message, execute, line

LINGER_S = 10
"""Seconds that FreeSWITCH keeps the socket after the hangup, so that RECORD_STOP comes
(docs/freeswitch.md 10b); longer than the call's machine waits for it."""

SUBSCRIBED = (
    "CHANNEL_EXECUTE_COMPLETE DTMF RECORD_START RECORD_STOP CHANNEL_BRIDGE CHANNEL_HANGUP_COMPLETE"
)
"""Each event costs the host 6 to 12 KB: these six tell all that the machine asks."""

VARIABLES = {
    "playback_terminators": "none",
    "socket_resume": "",
    "hangup_after_bridge": "true",
    "continue_on_fail": "true",
    "ignore_early_media": "true",
    "RECORD_STEREO": "true",
    "RECORD_BRIDGE_REQ": "true",
    "RECORD_MIN_SEC": "0",
    "RECORD_PRE_BUFFER_FRAMES": "0",
    "enable_file_write_buffering": "false",
}
"""What the engine sets on the A leg, and why:

- ``playback_terminators``: a caller's ``*`` would end the announcement (docs/freeswitch.md 11);
- ``socket_resume``: has done its work once connected, and would tear down a bridge (10b);
- ``hangup_after_bridge``: the caller is not left alone when the agent hangs up;
- ``continue_on_fail``, ``ignore_early_media``: the engine speaks of busy and no answer;
- ``RECORD_STEREO``, ``RECORD_MIN_SEC``: both legs, however short (18);
- ``RECORD_BRIDGE_REQ``: the recording is running and certain before the legs meet, and
  holds nothing from before they do (R5, 30);
- ``RECORD_PRE_BUFFER_FRAMES``, ``enable_file_write_buffering``: what was said is in the
  file, not in a buffer (16, 20).
"""

_KEYS = frozenset("0123456789*#ABCD")

_PAIRS = ";".join(f"{name}={value}" for name, value in VARIABLES.items())

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class Offer:
    """A call as FreeSWITCH hands it over."""

    call_id: str
    """The A leg's id, checked: it becomes a file's name (R23)."""
    caller: str
    caller_name: str
    number: str


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
    return Offer(
        call_id=call_id,
        caller=reply.head("Caller-Caller-ID-Number") or "",
        caller_name=reply.head("Caller-Caller-ID-Name") or "",
        number=reply.head("Caller-Destination-Number") or "",
    )


def opening(call_id: str) -> tuple[bytes, int]:
    """What is sent at once after ``connect``, and how many replies it brings.

    ``filter`` with an explicit ``event`` and not ``myevents``, which would keep RECORD_START
    and RECORD_STOP from us (docs/freeswitch.md 2).
    """
    lines = (f"linger {LINGER_S}", f"filter Unique-ID {call_id}", f"event plain {SUBSCRIBED}")
    return b"".join(line(text) for text in lines), len(lines)


def event_of(message: Message, at: int, path: str, plays: Mapping[int, Prompt]) -> Event | None:
    """What a message means for the call; None where it means nothing.

    ``path`` is the call's recording, ``plays`` its prompts by serial.
    """
    match message.event_name:
        case "DTMF":
            key = message.last(b"DTMF-Digit") or ""
            return events.KeyPressed(at, key) if key in _KEYS else None
        case "CHANNEL_EXECUTE_COMPLETE":
            return _executed(message, at, plays)
        case "RECORD_START" if message.last(b"Record-File-Path") == path:
            return events.RecordingStarted(at)
        case "RECORD_STOP" if message.last(b"Record-File-Path") == path:
            cause = message.last(b"Record-Completion-Cause") or ""
            return events.RecordingStopped(at, cause, _number(message.last(b"variable_record_ms")))
        case "CHANNEL_BRIDGE":
            return events.Bridged(
                at,
                message.first(b"Other-Leg-Unique-ID") or "",
                message.first(b"Other-Leg-Destination-Number") or "",
            )
        case "CHANNEL_HANGUP_COMPLETE":
            return _hung_up(message, at)
        case _:
            return None


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
    if done.startswith("play-"):
        play = _number(done[5:])
        prompt = plays.get(play)
        if prompt is None:
            return None
        # A hangup in the middle of a prompt is "PLAYBACK ERROR", and the offset holds.
        missing = message.last(b"Application-Response") != "FILE PLAYED" and not hung_up
        heard_ms = 0 if missing else _heard_ms(message)
        return events.PromptEnded(at, play, prompt, heard_ms, missing, hung_up)
    return None


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


# Commands.

SwitchCommand = (
    do.TakeOver
    | do.Answer
    | do.PlayPrompt
    | do.StopPrompts
    | do.StartRecording
    | do.StopRecording
    | do.Bridge
    | do.Hangup
)
"""The commands that FreeSWITCH carries out."""


def text_of(command: SwitchCommand, call_id: str, path: str) -> tuple[bytes, ...]:
    """The command on the wire, one item for each reply that comes back.

    Raises:
        WireError: the policy holds a control character (the configuration refuses those).
    """
    match command:
        case do.TakeOver():
            return (
                line(f"api uuid_setvar_multi {call_id} {_PAIRS}"),
                line(f"api sched_del {call_id}"),
            )
        case do.Answer():
            return (execute("answer", "", "answer"),)
        case do.PlayPrompt(play=play, prompt=prompt, rate=rate):
            return (execute("playback", prompt.file_for(rate).path, f"play-{play}"),)
        case do.StopPrompts():
            return (line(f"api uuid_break {call_id} all"),)
        case do.StartRecording():
            return (line(f"api uuid_record {call_id} start {path}"),)
        case do.StopRecording():
            return (line(f"api uuid_record {call_id} stop {path}"),)
        case do.Bridge(dial_string=dial_string, ring_ms=ring_ms, alternatives=alternatives):
            seconds = max(1, round(ring_ms / 1000))
            limits = f"{{originate_timeout={seconds * alternatives},leg_timeout={seconds}"
            own = dial_string.startswith("{")
            return (
                execute(
                    "bridge",
                    limits + ("," + dial_string[1:] if own else "}" + dial_string),
                    "bridge",
                ),
            )
        case do.Hangup(cause=cause):
            return (execute("hangup", cause, "hangup"),)
        case _:
            assert_never(command)


def refused(command: SwitchCommand, at: int, reply: str) -> Event | None:
    """What it means for the call that FreeSWITCH refused a command."""
    match command:
        case do.PlayPrompt(play=play, prompt=prompt):
            return events.PromptEnded(at, play, prompt, 0, missing=True)
        case do.StartRecording():
            return events.RecordingFailed(at, f"FreeSWITCH answered {reply}")
        case do.Bridge():
            return events.BridgeEnded(at, "REQUESTED_CHAN_UNAVAIL")
        case _:
            return None
