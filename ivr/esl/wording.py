"""The call's commands into FreeSWITCH's, and what its answers to them mean. Pure."""

from __future__ import annotations

from typing import assert_never

from ivr.config.render import NEXT_VARIABLE, again_extension
from ivr.config.render.xml import FOR_VARIABLE
from ivr.core import commands as do
from ivr.core import events
from ivr.core.commands import Tone
from ivr.core.events import Event
from ivr.core.policy import FeatureCodes
from ivr.esl.translate import BESIDE, ENGINE_VARIABLE, EXEMPT, FEATURE, Legs
from ivr.esl.wire import execute, line

ALL = "all"
"""In place of a path: whatever is recorded of a call (docs/freeswitch.md 15)."""

PAUSED_VARIABLE = "ivr_paused"
"""On the customer's leg while nothing of it may be kept: who paused, and since when by the
monotonic clock. A next engine masks what the last one had no time to write down (R22)."""

LINGER_S = 10
"""Seconds that FreeSWITCH keeps the socket after the hangup, so that RECORD_STOP comes
(docs/freeswitch.md 10b); longer than the call's machine waits for it."""

SUBSCRIBED = (
    "CHANNEL_EXECUTE_COMPLETE DTMF RECORD_START RECORD_STOP CHANNEL_BRIDGE CHANNEL_HANGUP_COMPLETE"
)
"""Each event costs the host 6 to 12 KB: these six tell all that the machine asks."""

TERMINATORS = "playback_terminators"
"""Of every leg that hears a prompt and whose keys count, the called person's too."""
VARIABLES = {
    TERMINATORS: "none",
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

_PAIRS = ";".join(f"{name}={value}" for name, value in VARIABLES.items())
_RECORD_PAIRS = ";".join(
    f"{name}={value}"
    for name, value in VARIABLES.items()
    if name.startswith("RECORD_") or name in ("enable_file_write_buffering", TERMINATORS)
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


def asked_since(leg: str) -> bytes:
    """Ask since when a channel hears another one: microseconds by the wall clock; one reply."""
    return line(f"api eval uuid:{leg} ${{Caller-Channel-Bridged-Time}}")


_HAD = "ivr_had_"
"""Variables of FreeSWITCH's own, one for each call that an engine took over: another one may ask
after it when the call is gone, and its own variables with it (docs/freeswitch.md 78)."""


def taken_over(call_id: str, engine: str) -> bytes:
    """Have FreeSWITCH remember which engine makes the record of a call; one reply."""
    return line(f"api global_setvar {_HAD}{call_id}={engine}")


def asked_who_took_over(call_id: str) -> bytes:
    """Ask which engine does; one reply, refused where none took it over."""
    return line(f"api global_getvar {_HAD}{call_id}")


def forgotten(call_id: str) -> bytes:
    """Have it remembered no longer; one reply."""
    return line(f"api global_setvar {_HAD}{call_id}=")


def asked_whether_held(leg: str) -> bytes:
    """Ask for the state of a channel, such as ``HELD``; one reply (docs/freeswitch.md 54)."""
    return line(f"api eval uuid:{leg} ${{Channel-Call-State}}")


def keys_told(yes: bool) -> bytes:
    """Have, or no more have, the keys of a call told on its own socket; brings one reply."""
    return line("event plain DTMF" if yes else "nixevent DTMF")


SwitchCommand = (
    do.TakeOver
    | do.Answer
    | do.PlayPrompt
    | do.StopPrompts
    | do.StartRecording
    | do.StopRecording
    | do.Bridge
    | do.ListenToAgent
    | do.Enqueue
    | do.LeaveQueue
    | do.Part
    | do.PlayMusic
    | do.Join
    | do.EndOther
    | do.HideKeys
    | do.RememberPause
    | do.ShowKeys
    | do.Mask
    | do.Unmask
    | do.TellAgent
    | do.Hangup
)
"""The commands that FreeSWITCH carries out."""


def text_of(command: SwitchCommand, legs: Legs) -> tuple[bytes, ...]:
    """The command on the wire, one item for each reply that comes back; none where the leg that
    it is for is not there.

    Raises:
        WireError: the policy holds a control character (the configuration refuses those).
    """
    match command:
        case do.TakeOver(route=route, engine=engine):
            mine = f"{NEXT_VARIABLE}={again_extension(route)};{ENGINE_VARIABLE}={engine}"
            return (
                line(f"api uuid_setvar_multi {legs.call} {_PAIRS};{mine}"),
                line(f"api sched_del {legs.call}"),
            )
        case do.Answer():
            return (execute("answer", "", "answer"),)
        case do.PlayPrompt(play=play, prompt=prompt, rate=rate, to_customer=to_customer):
            leg = legs.customer if to_customer else ""
            return (execute("playback", prompt.file_for(rate).path, f"play-{play}", channel=leg),)
        case do.StopPrompts(to_customer=to_customer):
            return _if(legs.customer if to_customer else legs.call, "api uuid_break {} all")
        case do.StartRecording():
            return _start(command, legs)
        case do.StopRecording(path=path):
            return _if(legs.customer, f"api uuid_record {{}} stop {path}")
        case do.Mask(path=path):
            return _if(legs.customer, f"api uuid_record {{}} mask {path}")
        case do.Unmask(path=path, only_with=other):
            return _unmask(legs, path, other)
        case do.HideKeys(by=by, since=since, relayed=relayed):
            return (
                *_sensitive(legs.customer, not relayed, f"{by}@{since}"),
                *_sensitive(legs.agent, not relayed),
            )
        case do.RememberPause(by=by, since=since):
            return _if(legs.customer, f"api uuid_setvar {{}} {PAUSED_VARIABLE} {by}@{since}")
        case do.ShowKeys():
            staff = () if legs.agent != legs.call else _sensitive(legs.agent, False)
            return (*_sensitive(legs.customer, False, ""), *staff)
        case do.TellAgent(tone=Tone.LEFT):
            # The agent waits, and hears music; this takes its place. Behind uuid_broadcast it
            # would wait for the music's end (docs/freeswitch.md 95).
            return _if(legs.agent, f"api uuid_displace {{}} start {_TONES[Tone.LEFT]} 0")
        case do.TellAgent(tone=tone):
            # Mixed in: with uuid_broadcast nobody would hear the agent meanwhile (46).
            return _if(legs.agent, f"api uuid_displace {{}} start {_TONES[tone]} 0 m")
        case do.ListenToAgent(codes=codes):
            return tuple(
                execute("bind_digit_action", action, "listen", channel=legs.agent)
                for action in _digit_actions(codes)
                if legs.agent
            )
        case do.Bridge():
            return (execute("bridge", _dial_string(command, legs), "bridge"),)
        case do.Enqueue(queue=queue):
            forget = line(f"api uuid_setvar_multi {legs.call} cc_cause=;cc_cancel_reason=")
            return (forget, execute("callcenter", queue, "queue"))
        case do.LeaveQueue():
            return (line(f"api uuid_transfer {legs.call} park inline"),)
        case do.Part(other_leg=other, limit_s=limit_s):
            return (
                # Of its end, and of the two being parted.
                heard_leg(other),
                line("event plain CHANNEL_UNBRIDGE CHANNEL_PARK"),
                line(f"api uuid_transfer {legs.call} -both {_waiting(other, limit_s)} inline"),
            )
        case do.PlayMusic(music=music):
            # In a call that staff make, who waits is at the A leg.
            return _if(legs.agent, f"api uuid_broadcast {{}} {music} aleg")
        case do.Join(other_leg=other):
            return (line(f"api uuid_bridge {legs.call} {other}"),)
        case do.EndOther(other_leg=other):
            return _if(other, "api uuid_kill {}")
        case do.Hangup(cause=cause):
            # With its id: a call whose own socket is gone is ended over the engine's line.
            return (execute("hangup", cause, "hangup", channel=legs.call),)
        case _:
            assert_never(command)


def _if(leg: str, text: str) -> tuple[bytes, ...]:
    """The command with the leg in its place, where there is such a leg."""
    return (line(text.format(leg)),) if leg else ()


VEIL = "execute_on_post_bridge_ivr"
"""On the recorded leg: what that leg does itself when it is parted from another, before it can hear
a third (docs/freeswitch.md 80)."""


def _start(command: do.StartRecording, legs: Legs) -> tuple[bytes, ...]:
    leg, path = legs.customer, command.path
    ready = () if leg == legs.call else _ready(leg)
    veil = (line(f"api uuid_setvar {leg} {VEIL} record_session_mask {path}"),)
    start = line(f"api uuid_record {leg} start {path}")
    mask = (line(f"api uuid_record {leg} mask {path}"),)
    return (
        *ready,
        *(veil if command.veiled else ()),
        start,
        *(mask if command.unheard else ()),
    )


def _unmask(legs: Legs, path: str, other: str) -> tuple[bytes, ...]:
    leg = legs.customer
    if not other or not leg:
        return _if(leg, f"api uuid_record {{}} unmask {path}")
    if leg != legs.call:
        other = legs.call  # it is the customer's leg that is recorded
    joined = f"${{uuid_getvar({leg} bridge_to)}}"
    which = f"${{cond({joined} == {other} ? {leg} : none)}}"
    return (line(f"api expand uuid_record {which} unmask {path}"),)


def heard_leg(leg: str) -> bytes:
    """Have the call's own socket tell of another leg too; one reply."""
    return line(f"filter Unique-ID {leg}")


def _waiting(other_leg: str, limit_s: int) -> str:
    """What a parted leg does: it waits, and where the engine is gone it takes the other one
    (docs/freeswitch.md 79)."""
    return f"'set:park_timeout={limit_s},park,intercept:{other_leg}'"


def _sensitive(leg: str, yes: bool, paused: str | None = None) -> tuple[bytes, ...]:
    """Keys of this leg stay inside FreeSWITCH, or are let through and kept nowhere; and whether
    the call is paused."""
    value = "true" if yes else "false"
    pairs = f"sensitive_dtmf={value};digits_dialed_filter={VARIABLES['digits_dialed_filter']}"
    if paused is not None:
        pairs = f"{pairs};{PAUSED_VARIABLE}={paused}"
    return _if(leg, f"api uuid_setvar_multi {{}} {pairs}")


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


def _dial_string(command: do.Bridge, legs: Legs) -> str:
    """The dial string with the variables of the leg that answers.

    An agent's keys are sensitive all the time: what is typed while a card number is read out
    leaves no trace either.
    """
    seconds = max(1, round(command.ring_ms / 1000))
    told_s = -(-command.announced_ms // 1000)
    variables = [
        f"originate_timeout={seconds * command.alternatives + told_s}",
        f"leg_timeout={seconds}",
        f"digits_dialed_filter={VARIABLES['digits_dialed_filter']}",
    ]
    if command.codes is not None:
        variables.append("sensitive_dtmf=true")
        for number, action in enumerate(_digit_actions(command.codes), 1):
            variables.append(f"execute_on_answer_{number}='bind_digit_action {action}'")
    if command.stays:
        variables.append("outbound_redirect_fatal=true")
    if command.unveils:
        # Heard from the first word on where this telephone answers, and never where another one
        # takes the call (docs/freeswitch.md 80).
        unmask = f"uuid_record {legs.call} unmask {command.unveils}"
        variables.append(f"api_on_answer_ivr='{unmask}'")
    if told_s:
        variables += [
            f"{TERMINATORS}={VARIABLES[TERMINATORS]}",
            "group_confirm_key=exec",
            f"group_confirm_file='socket {legs.engine} async full'",
            "group_confirm_cancel_timeout=1",
            f"{FOR_VARIABLE}={legs.call}",
        ]
    own = command.dial_string.startswith("{")
    rest = f",{command.dial_string[1:]}" if own else f"}}{command.dial_string}"
    return f"{{{','.join(variables)}{rest}"


_TONES = {
    Tone.PAUSED: "tone_stream://%(150,50,500);%(150,0,400)",
    Tone.RESUMED: "tone_stream://%(150,50,400);%(150,0,500)",
    Tone.STILL_PAUSED: "tone_stream://%(120,120,500);%(120,120,500);%(120,0,500)",
    Tone.MARKED: "tone_stream://%(300,0,600)",
    Tone.STAYED: "tone_stream://%(120,60,400);%(120,60,500);%(200,0,600)",
    Tone.LEFT: "tone_stream://%(200,80,500);%(200,80,400);%(400,0,300)",
    Tone.NOT_DONE: "tone_stream://%(400,100,200);%(400,0,200)",
}
"""What the agent hears: down is paused, up is resumed, twice low is not done."""


_THIRD = "eavesdrop"
"""What FreeSWITCH lists among what hangs on a leg through which somebody else is heard."""


def asked_place(queue: str) -> bytes:
    """Ask who waits in a queue; one reply (docs/freeswitch.md 92)."""
    return line(f"api callcenter_config queue list members {queue}")


def asked_about(leg: str) -> tuple[bytes, int]:
    """Ask whether a leg is the exempt extension's, and what hangs on it; how many replies that
    brings (docs/freeswitch.md 87)."""
    return asked(leg, EXEMPT) + line(f"api uuid_buglist {leg}"), 2


def made_sure(at: int, reply: str) -> Event | None:
    """What one of the two answers to :func:`asked_about` means for the call; None for nothing."""
    if reply == "true":
        return events.Exempt(at)
    listed = reply != "_undef_" and not is_overheard(reply)
    return events.StillJoined(at) if listed else None


def is_overheard(listed: str) -> bool:
    """Whether somebody else is heard through a leg, by what hangs on it."""
    return _THIRD in listed


def may_be_refused(command: SwitchCommand) -> bool:
    """Whether a refusal is nothing to warn of: nothing may be recorded of a call that was handed
    back, or that FreeSWITCH's dialplan took to the exempt extension; and whoever was to be heard
    may have been joined to another one meanwhile."""
    match command:
        case do.StopRecording(path=path):
            return path == ALL
        case do.Unmask(only_with=leg):
            return leg != ""
        case _:
            return False


def answered(command: SwitchCommand, at: int, ok: bool) -> Event | None:
    """What FreeSWITCH's answer to what a pause needs means; None for other commands."""
    match command:
        case do.HideKeys() | do.RememberPause():
            return events.KeysHidden(at, ok)
        case do.ShowKeys():
            return events.KeysShown(at, ok)
        case do.Mask(path=path):
            return events.Masked(at, ok, path)
        case do.Unmask(path=path):
            return events.Unmasked(at, ok, path)
        case _:
            return None


def refused(command: SwitchCommand, at: int, reply: str) -> Event | None:
    """What it means for the call that FreeSWITCH refused a command."""
    match command:
        case do.PlayPrompt(play=play, prompt=prompt):
            return events.PromptEnded(at, play, prompt, 0, missing=True)
        case do.StartRecording(path=path):
            return events.RecordingFailed(at, f"FreeSWITCH answered {reply}", path)
        case do.StopRecording(path=path):
            # It is not being recorded on this leg (docs/freeswitch.md 38): no RECORD_STOP follows.
            return events.RecordingStopped(at, events.NOT_RECORDED, 0, path)
        case do.Bridge() | do.Enqueue():
            return events.BridgeEnded(at, "REQUESTED_CHAN_UNAVAIL")
        case do.Join():
            return events.JoinFailed(at)
        case _:
            return None
