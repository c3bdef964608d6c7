"""``playback``: what a leg hears, for how long, and how it ends (docs/freeswitch.md 24, 25)."""

from __future__ import annotations

import os
import re
import wave
from collections.abc import Callable
from dataclasses import dataclass

from ivr.lab.audio import SILENCE, Cadence, Clip, Line, Source, Tone, load_wav
from ivr.lab.board import TICK_MS, Heard, Key
from ivr.lab.leg import Leg
from ivr.lab.session import application, run_messages

_READ_AHEAD = 16_384
"""Samples FreeSWITCH reads of a file at once; ``playback_ms`` counts them, heard or not."""


@dataclass(slots=True)
class _Sound:
    """Something to play."""

    samples: int | None
    """Length at the leg's rate; None is without end."""
    source: Source
    begun: Clip | Cadence | None = None
    """The source again, where it has a beginning that an interruption moves."""


def _open(leg: Leg, name: str) -> _Sound | None:
    """Open what ``playback`` was given; None where it is not there."""
    now = leg.clock.monotonic_ms()
    if name.startswith("silence_stream://"):
        ms = int(re.match(r"-?\d*", name[17:])[0] or 0)  # type: ignore[index] # matches nothing too
        return _Sound(None if ms < 0 else ms * leg.rate // 1000, SILENCE)
    if name.startswith("local_stream://"):
        return _Sound(None, SILENCE)
    if name.startswith("tone_stream://"):
        return _tones(leg, name[14:])
    try:
        data = load_wav(name, os.stat(name).st_mtime_ns, leg.rate)
    except (OSError, wave.Error, EOFError, ValueError):
        return None
    clip = Clip(data, leg.rate, now)
    return _Sound(len(data), clip, clip)


def _tones(leg: Leg, spec: str) -> _Sound | None:
    """``%(on,off,hz[,hz])``, several with ``;`` between, and ``loops=N`` at the end."""
    parts = tuple(
        (int(on), int(off), tuple(int(one) for one in hz.split(",")))
        for on, off, hz in re.findall(r"%\((\d{1,6}),(\d{1,6}),(\d{1,5}(?:,\d{1,5})*)\)", spec)
    )
    round_ms = sum(on + off for on, off, _ in parts)
    if not round_ms:
        return None
    wanted = re.search(r"loops=(-?\d+)", spec)
    loops = int(wanted[1]) if wanted is not None else 1
    length = None if loops < 0 else round_ms * max(1, loops) * leg.rate // 1000
    if len(parts) == 1 and not parts[0][1]:
        return _Sound(length, Tone(*parts[0][2]))
    tones = Cadence(parts, leg.clock.monotonic_ms())
    return _Sound(length, tones, tones)


@application("playback")
def playback(leg: Leg, arg: str) -> None:
    """Play a file to the leg until its end, a terminator key, a break or a hangup."""
    hear(leg, arg, leg.get("playback_terminators") or "*")


def hear(
    leg: Leg, arg: str, terminators: str = "none", over: Callable[[], bool] = lambda: False
) -> bool:
    """Play a file until its end, one of these keys, a break, a hangup, or until it is ``over()``;
    False where there is no such file."""
    sound = _open(leg, arg)
    if sound is None:
        leg.set("current_application_response", "FILE NOT FOUND")
        return False
    leg.early_media()
    leg.break_asked = False
    leg.set("playback_terminator_used", None)
    kind = [("Playback-File-Type", "tone_stream")] if arg.startswith("tone_stream:") else []
    leg.fire("PLAYBACK_START", *kind, ("Playback-File-Path", arg))
    heard_before = leg.ear.source
    leg.ear.change(sound.source)
    told = Heard(arg, leg.clock.monotonic_ms())
    leg.heard.append(told)
    status, response, told.ms = _listen(leg, sound, terminators, over)
    leg.ear.change(heard_before if not isinstance(heard_before, Line) or leg.bridged else SILENCE)
    _report(leg, sound, told.ms)
    leg.fire("PLAYBACK_STOP", *kind, ("Playback-File-Path", arg), ("Playback-Status", status))
    leg.set("current_application_response", response)
    return True


def _listen(
    leg: Leg, sound: _Sound, terminators: str, over: Callable[[], bool]
) -> tuple[str, str, int]:
    """Wait while it plays: Playback-Status, Application-Response, milliseconds heard."""
    began = leg.clock.monotonic_ms()
    length = None if sound.samples is None else _packets_ms(sound.samples, leg.rate)
    stopped_by: list[Key] = []
    partner = leg.peer

    def on_key(key: Key) -> None:
        leg.switch.log("DEBUG", f"{leg.uuid} Digit {key.digit}")
        if terminators == "any" or key.digit in terminators.replace("none", ""):
            stopped_by.append(key)

    while True:
        heard = leg.clock.monotonic_ms() - began
        if leg.leaving:
            return "done", "PLAYBACK ERROR", heard
        if leg.break_asked or (partner is not None and (partner.down or partner.moved)):
            leg.break_asked = False
            return "break", "FILE PLAYED", heard
        away = run_messages(leg)
        if away:
            began += away
            if sound.begun is not None:
                sound.begun.start_ms += away
            leg.ear.change(sound.source)
        if leg.down or over():
            return "done", "FILE PLAYED", heard
        if leg.leaving:
            continue
        while not stopped_by and (key := leg.take_key()) is not None:
            on_key(key)
        if stopped_by:
            leg.set("playback_terminator_used", stopped_by[0].digit)
            leg.attend()
            return "break", "FILE PLAYED", heard
        if length is not None and heard >= length:
            return "done", "FILE PLAYED", heard
        leg.wait(None if length is None else began + length)


def length_ms(leg: Leg, name: str) -> int | None:
    """How long it would play; None where it is not there, or has no end."""
    sound = _open(leg, name)
    return None if sound is None or sound.samples is None else _packets_ms(sound.samples, leg.rate)


def _packets_ms(samples: int, rate: int) -> int:
    ms = -(-samples * 1000 // rate)
    return -(-ms // TICK_MS) * TICK_MS


def _report(leg: Leg, sound: _Sound, heard_ms: int) -> None:
    """Set what FreeSWITCH says of a playback: heard, and read ahead of it."""
    whole = sound.samples if sound.samples is not None else heard_ms * leg.rate // 1000
    heard = min(whole, heard_ms // TICK_MS * TICK_MS * leg.rate // 1000)
    read = min(whole, (heard // _READ_AHEAD + 1) * _READ_AHEAD)
    leg.set("playback_last_offset_pos", str(heard))
    leg.set("playback_seconds", str(read // leg.rate))
    leg.set("playback_ms", str(read * 1000 // leg.rate))
    leg.set("playback_samples", str(read))
