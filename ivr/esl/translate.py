"""FreeSWITCH's messages into the call's events, its commands into FreeSWITCH's. Pure.

Past this file there are no headers and no event names.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple, assert_never

from ivr.core import commands as do
from ivr.core import events
from ivr.core.commands import Tone
from ivr.core.events import Event, Party
from ivr.core.policy import FeatureCodes, Prompt
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
    "digits_dialed_filter": "^(.+)$",
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
  file, not in a buffer (16, 20);
- ``digits_dialed_filter``: no key that is pressed at any time of the call is in a variable,
  an event or a CDR (R6, 14b).
"""

_KEY_RATE = 8000
"""Keys' durations are in samples at this rate, whatever the channel's."""
_KEYS = frozenset("0123456789*#ABCD")

_PAIRS = ";".join(f"{name}={value}" for name, value in VARIABLES.items())
_RECORD_PAIRS = ";".join(
    f"{name}={value}"
    for name, value in VARIABLES.items()
    if name.startswith("RECORD_") or name == "enable_file_write_buffering"
)

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


FEATURE = b"Ivr-Feature"
"""Header of the event that an agent's feature code brings (docs/freeswitch.md 14c)."""


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
    heard, count = listening(call_id)
    lines = (line(f"linger {LINGER_S}"), heard, line(f"event plain {SUBSCRIBED}"))
    return b"".join(lines), count + 2


def listening(call_id: str, *, no_more: bool = False) -> tuple[bytes, int]:
    """Have events of this leg told, or no more, and how many replies that brings: those of its
    own, and those of another that is joined to it."""
    verb = "filter delete" if no_more else "filter"
    names = ("Unique-ID", BESIDE.decode())
    return b"".join(line(f"{verb} {name} {call_id}") for name in names), len(names)


WHO = ("direction", "destination_number", "caller_id_number")
"""What is asked of a leg to learn whose it is."""


def asked(leg: str, *variables: str) -> bytes:
    """Ask for variables of a channel; one reply each, ``_undef_`` where there is none."""
    return b"".join(line(f"api uuid_getvar {leg} {name}") for name in variables)


def is_leg(text: str) -> bool:
    """Whether this is the id of a channel: it becomes part of a command (R23)."""
    return _UUID.fullmatch(text) is not None


def keys_told(yes: bool) -> bytes:
    """Have, or no more have, the keys of a call told on its own socket; brings one reply."""
    return line("event plain DTMF" if yes else "nixevent DTMF")


def event_of(
    message: Message, at: int, legs: Legs, path: str, plays: Mapping[int, Prompt]
) -> Event | None:
    """What a message means for the call; None where it means nothing.

    ``path`` is the call's recording, ``plays`` its prompts by serial.
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
        case "RECORD_STOP" if message.last(b"Record-File-Path") == path:
            cause = message.last(b"Record-Completion-Cause") or ""
            return events.RecordingStopped(at, cause, _number(message.last(b"variable_record_ms")))
        case "CHANNEL_BRIDGE":
            return _bridged(message, at, legs.call)
        case "CHANNEL_HANGUP_COMPLETE" if message.first(b"Unique-ID") == legs.call:
            return _hung_up(message, at)
        case _:
            return None


def _bridged(message: Message, at: int, call_id: str) -> Event | None:
    """Two legs are joined, and the A leg is one of them: the first, or, where somebody took the
    call from elsewhere, the second."""
    if message.first(b"Unique-ID") == call_id:
        other = message.first(b"Other-Leg-Unique-ID") or ""
        number = message.first(b"Other-Leg-Destination-Number") or ""
    elif message.first(BESIDE) == call_id:
        other = message.first(b"Unique-ID") or ""
        called = message.first(b"Call-Direction") == "outbound"
        # Of a telephone that dialled, as to pick a call up, it is its own number.
        which = b"Caller-Destination-Number" if called else b"Caller-Caller-ID-Number"
        number = message.first(which) or ""
    else:
        return None
    return events.Bridged(at, other if _UUID.fullmatch(other) else "", number)


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
    | do.ListenToAgent
    | do.HideKeys
    | do.ShowKeys
    | do.Mask
    | do.Unmask
    | do.TellAgent
    | do.Hangup
)
"""The commands that FreeSWITCH carries out."""


def text_of(command: SwitchCommand, legs: Legs, path: str) -> tuple[bytes, ...]:
    """The command on the wire, one item for each reply that comes back; none where the leg that
    it is for is not there.

    Raises:
        WireError: the policy holds a control character (the configuration refuses those).
    """
    match command:
        case do.TakeOver():
            return (
                line(f"api uuid_setvar_multi {legs.call} {_PAIRS}"),
                line(f"api sched_del {legs.call}"),
            )
        case do.Answer():
            return (execute("answer", "", "answer"),)
        case do.PlayPrompt(play=play, prompt=prompt, rate=rate):
            return (execute("playback", prompt.file_for(rate).path, f"play-{play}"),)
        case do.StopPrompts():
            return (line(f"api uuid_break {legs.call} all"),)
        case do.StartRecording():
            start = line(f"api uuid_record {legs.customer} start {path}")
            return (start,) if legs.customer == legs.call else (*_ready(legs.customer), start)
        case do.StopRecording():
            return _if(legs.customer, f"api uuid_record {legs.customer} stop {path}")
        case do.Mask():
            return _if(legs.customer, f"api uuid_record {legs.customer} mask {path}")
        case do.Unmask():
            return _if(legs.customer, f"api uuid_record {legs.customer} unmask {path}")
        case do.HideKeys(relayed=relayed):
            return (*_sensitive(legs.customer, not relayed), *_sensitive(legs.agent, not relayed))
        case do.ShowKeys():
            staff = () if legs.agent != legs.call else _sensitive(legs.agent, False)
            return (*_sensitive(legs.customer, False), *staff)
        case do.TellAgent(tone=tone):
            # Mixed in: with uuid_broadcast nobody would hear the agent meanwhile (46).
            return _if(legs.agent, f"api uuid_displace {legs.agent} start {_TONES[tone]} 0 m")
        case do.ListenToAgent(codes=codes):
            return tuple(
                execute("bind_digit_action", action, "listen", channel=legs.agent)
                for action in _digit_actions(codes)
                if legs.agent
            )
        case do.Bridge():
            return (execute("bridge", _dial_string(command), "bridge"),)
        case do.Hangup(cause=cause):
            return (execute("hangup", cause, "hangup"),)
        case _:
            assert_never(command)


def _if(leg: str, text: str) -> tuple[bytes, ...]:
    return (line(text),) if leg else ()


def _sensitive(leg: str, yes: bool) -> tuple[bytes, ...]:
    """Keys of this leg stay inside FreeSWITCH, or are let through and kept nowhere."""
    value = "true" if yes else "false"
    pairs = f"sensitive_dtmf={value};digits_dialed_filter={VARIABLES['digits_dialed_filter']}"
    return _if(leg, f"api uuid_setvar_multi {leg} {pairs}")


def _ready(leg: str) -> tuple[bytes, ...]:
    """A leg that is to be recorded and is not the A leg: its variables, and its RECORD_START."""
    return (
        line(f"filter Unique-ID {leg}"),
        line(f"api uuid_setvar_multi {leg} {_RECORD_PAIRS}"),
    )


def _digit_actions(codes: FeatureCodes) -> list[str]:
    bound = (("pause", codes.pause), ("resume", codes.resume), ("abuse", codes.abuse))
    name = FEATURE.decode()
    return [f"ivr,{code},exec[i]:event,{name}={feature}" for feature, code in bound if code]


def _dial_string(command: do.Bridge) -> str:
    """The dial string with the variables of the leg that answers.

    An agent's keys are sensitive all the time: what is typed while a card number is read out
    leaves no trace either.
    """
    seconds = max(1, round(command.ring_ms / 1000))
    variables = [
        f"originate_timeout={seconds * command.alternatives}",
        f"leg_timeout={seconds}",
        f"digits_dialed_filter={VARIABLES['digits_dialed_filter']}",
    ]
    if command.codes is not None:
        variables.append("sensitive_dtmf=true")
        for number, action in enumerate(_digit_actions(command.codes), 1):
            variables.append(f"execute_on_answer_{number}='bind_digit_action {action}'")
    own = command.dial_string.startswith("{")
    rest = f",{command.dial_string[1:]}" if own else f"}}{command.dial_string}"
    return f"{{{','.join(variables)}{rest}"


_TONES = {
    Tone.PAUSED: "tone_stream://%(150,50,500);%(150,0,400)",
    Tone.RESUMED: "tone_stream://%(150,50,400);%(150,0,500)",
    Tone.STILL_PAUSED: "tone_stream://%(120,120,500);%(120,120,500);%(120,0,500)",
    Tone.MARKED: "tone_stream://%(300,0,600)",
    Tone.NOT_DONE: "tone_stream://%(400,100,200);%(400,0,200)",
}
"""What the agent hears: down is paused, up is resumed, twice low is not done."""


def answered(command: SwitchCommand, at: int, ok: bool) -> Event | None:
    """What FreeSWITCH's answer to what a pause needs means; None for other commands."""
    match command:
        case do.HideKeys():
            return events.KeysHidden(at, ok)
        case do.ShowKeys():
            return events.KeysShown(at, ok)
        case do.Mask():
            return events.Masked(at, ok)
        case do.Unmask():
            return events.Unmasked(at, ok)
        case _:
            return None


def refused(command: SwitchCommand, at: int, reply: str) -> Event | None:
    """What it means for the call that FreeSWITCH refused a command."""
    match command:
        case do.PlayPrompt(play=play, prompt=prompt):
            return events.PromptEnded(at, play, prompt, 0, missing=True)
        case do.StartRecording():
            return events.RecordingFailed(at, f"FreeSWITCH answered {reply}")
        case do.StopRecording():
            # It is not being recorded on this leg (docs/freeswitch.md 38): no RECORD_STOP follows.
            return events.RecordingStopped(at, "not-recorded", 0)
        case do.Bridge():
            return events.BridgeEnded(at, "REQUESTED_CHAN_UNAVAIL")
        case _:
            return None
