"""The applications of the dialplan, but ``playback`` and ``bridge``."""

from __future__ import annotations

import re

from ivr.clock import Clock
from ivr.lab import moving
from ivr.lab.digits import DigitAction
from ivr.lab.leg import Leg
from ivr.lab.record import Recording, RecordingOptions
from ivr.lab.session import Action, application, execute, idle, park, run_actions, run_messages
from ivr.lab.stamps import cause_named

FLUSH_MS = 200
"""How often a recording without write buffering reaches the disk."""

_BUFFERED_FLUSH_MS = 1000

EXPORTED = "export_vars"
"""The variable that names what ``export`` set."""

SOCKET_WAIT_S = 25
"""How long an engine may take to say ``connect`` (docs/freeswitch.md 10b)."""


@application("answer")
def answer(leg: Leg, arg: str) -> None:
    """Answer the call."""
    leg.answer()


@application("pre_answer")
def pre_answer(leg: Leg, arg: str) -> None:
    """Let audio flow before the answer."""
    leg.early_media()


@application("set")
def set_variable(leg: Leg, arg: str) -> None:
    """``name=value``; without a value the variable goes."""
    name, _, value = arg.partition("=")
    leg.set(name.strip(), value.strip())


@application("export")
def export(leg: Leg, arg: str) -> None:
    """Set here (not with ``nolocal:``) and on every leg that this one calls."""
    name, _, value = arg.partition("=")
    leg.set(name.strip(), value.strip())
    exported = [one for one in leg.get(EXPORTED).split(",") if one and one != name.strip()]
    leg.set(EXPORTED, ",".join([*exported, name.strip()]))


@application("unset")
def unset(leg: Leg, arg: str) -> None:
    """Remove a variable."""
    leg.set(arg.strip(), None)


@application("multiset")
def multiset(leg: Leg, arg: str) -> None:
    """``name=value name=value``, or with ``^^:`` and another separator in front."""
    separator = " "
    if arg.startswith("^^") and len(arg) > 2:
        separator, arg = arg[2], arg[3:]
    for item in arg.split(separator):
        if item:
            set_variable(leg, item)


@application("multiunset")
def multiunset(leg: Leg, arg: str) -> None:
    """``name name``, or with ``^^:`` and another separator in front: remove variables."""
    text, separator = arg.strip('"'), " "
    if text.startswith("^^") and len(text) > 2:
        separator, text = text[2], text[3:]
    for name in text.split(separator):
        leg.set(name.strip(), None)


@application("execute_extension")
def execute_extension(leg: Leg, arg: str) -> None:
    """``number [dialplan] [context]``: do what stands there, then go on here. Nothing is done where
    there is no such extension."""
    words = arg.split()
    if not words:
        return
    context = words[2] if len(words) > 2 else leg.party.context
    if words[1:2] == ["inline"]:
        run_inline(leg, words[0])
    else:
        run_actions(leg, leg.switch.actions_for(leg, words[0], context) or ())


@application("hangup")
def hangup(leg: Leg, arg: str) -> None:
    """End the call with a cause."""
    leg.hang_up(cause_named(arg or "NORMAL_CLEARING"))


@application("respond")
def respond(leg: Leg, arg: str) -> None:
    """Refuse an unanswered call with a SIP status."""
    causes = {"486": "USER_BUSY", "404": "UNALLOCATED_NUMBER", "603": "CALL_REJECTED"}
    leg.hang_up(causes.get(arg.split()[0] if arg else "", "NORMAL_CLEARING"))


@application("park")
def park_leg(leg: Leg, arg: str) -> None:
    """Stay, and do what one is told; the end of the outbound socket ends it, too."""
    leg.controlled = True
    park(leg, lambda: leg.controlled)


@application("sleep")
def sleep(leg: Leg, arg: str) -> None:
    """Let so many milliseconds pass."""
    idle(leg, leg.clock.monotonic_ms() + (int(arg) if arg.isdigit() else 0))


@application("log")
def log(leg: Leg, arg: str) -> None:
    """``LEVEL text`` into the switch's log."""
    level, _, text = arg.partition(" ")
    leg.switch.log(level.upper(), text)


@application("event")
def event(leg: Leg, arg: str) -> None:
    """Fire CHANNEL_APPLICATION with ``Name=value,Name=value`` as headers."""
    pairs = [item.partition("=") for item in arg.split(",") if "=" in item]
    leg.fire("CHANNEL_APPLICATION", *((name.strip(), value) for name, _, value in pairs))


@application("transfer")
def transfer(leg: Leg, arg: str) -> None:
    """``number [dialplan] [context]``: go on there."""
    words = [*arg.split(), "XML", leg.party.context]
    if arg:
        number, dialplan, context = words[:3]
        moving.transfer(leg, number, dialplan, context)


@application("sched_transfer")
def sched_transfer(leg: Leg, arg: str) -> None:
    """``+seconds number [dialplan] [context]``: the dead man's switch (docs/freeswitch.md 9)."""
    words = arg.split()
    if len(words) >= 2:
        schedule_transfer(leg, words[0], [*words[1:], "XML", leg.party.context])


def schedule_transfer(leg: Leg, when: str, target: list[str]) -> None:
    """Send a leg elsewhere after ``+seconds`` unless the task is deleted before."""

    def send() -> None:
        if not leg.down:
            number, dialplan, context = [*target, "XML", leg.party.context][:3]
            moving.transfer(leg, number, dialplan, context)

    leg.switch.schedule(leg.uuid, seconds_until(leg, when), send)


def seconds_until(leg: Leg, when: str) -> int:
    """``+N`` is in N seconds, ``N`` is a date in seconds since 1970."""
    return seconds_by(leg.clock, when)


def seconds_by(clock: Clock, when: str) -> int:
    """As :func:`seconds_until`, where there is no leg."""
    digits = when.lstrip("+")
    number = int(digits) if digits.isdigit() else 0
    return number if when.startswith("+") else max(0, number - clock.wall_ms() // 1000)


@application("sched_cancel")
def sched_cancel(leg: Leg, arg: str) -> None:
    """Delete what is scheduled for this leg, or for the group that is named."""
    leg.switch.unschedule(arg or leg.uuid)


@application("sched_hangup")
def sched_hangup(leg: Leg, arg: str) -> None:
    """``+seconds [cause]``."""
    words = arg.split()
    if words:
        cause = cause_named(words[1]) if len(words) > 1 else "ALLOTTED_TIMEOUT"
        leg.switch.schedule(leg.uuid, seconds_until(leg, words[0]), lambda: leg.hang_up(cause))


@application("record_session")
def record_session(leg: Leg, arg: str) -> None:
    """``path [+limit]``."""
    path, _, limit = arg.partition(" +")
    start_recording(leg, path.strip(), int(limit) if limit.isdigit() else 0)


@application("stop_record_session")
def stop_record_session(leg: Leg, arg: str) -> None:
    """A path, or ``all``."""
    for path in tuple(leg.recordings) if arg == "all" else (arg,):
        if path in leg.recordings:
            leg.stop_recording(path)


@application("record_session_mask")
def record_session_mask(leg: Leg, arg: str) -> None:
    """Write zeros from now on."""
    leg.change_recording(arg, "mask", "RECORD_VEIL")


@application("record_session_unmask")
def record_session_unmask(leg: Leg, arg: str) -> None:
    """Write what is heard again."""
    leg.change_recording(arg, "unmask")


def start_recording(leg: Leg, path: str, limit: int = 0) -> bool:
    """Begin to record; True also where that path is being recorded (docs/freeswitch.md 22a)."""
    if path in leg.recordings:
        if leg.true("RECORD_TOGGLE_ON_REPEAT"):
            leg.stop_recording(path)
        return True
    if not path.endswith((".wav", ".WAV")):
        return False
    seconds = leg.get("RECORD_MIN_SEC")
    buffering = leg.get("enable_file_write_buffering").lower()
    options = RecordingOptions(
        stereo=leg.true("RECORD_STEREO"),
        bridge_only=leg.true("RECORD_BRIDGE_REQ"),
        buffered=buffering not in {"false", "no", "off", "0"},
        min_seconds=int(seconds) if seconds.isdigit() else 0,
        limit_seconds=limit,
    )
    try:
        recording = Recording(
            path,
            leg.rate,
            (leg.mouth, leg.ear),
            lambda: leg.bridged,
            lambda: leg.held,
            leg.clock.monotonic_ms(),
            options,
            room=leg.switch.room_for,
        )
    except OSError as error:
        leg.switch.log("ERR", f"Error opening {path}: {error}")
        leg.set("record_completion_cause", "uri-failure")
        return False
    leg.recordings[path] = recording
    leg.fire("RECORD_START", ("Record-File-Path", path))
    _keep_writing(leg, recording)
    return True


def _keep_writing(leg: Leg, recording: Recording) -> None:
    def turn() -> None:
        if leg.recordings.get(recording.path) is not recording:
            return
        recording.flush()
        if recording.over_limit:
            leg.stop_recording(recording.path)
        else:
            leg.clock.after(period, turn)

    period = _BUFFERED_FLUSH_MS if recording.options.buffered else FLUSH_MS
    leg.clock.after(period, turn)


@application("bind_digit_action")
def bind_digit_action(leg: Leg, arg: str) -> None:
    """``realm,keys,exec[i]:application,argument``; a comma ends it (docs/freeswitch.md 14c)."""
    words = arg.split(",")
    if len(words) < 3 or not words[2].startswith("exec"):
        return
    app = words[2].partition(":")[2]
    argument = words[3] if len(words) > 3 else ""

    def act() -> None:
        leg.set("last_matching_digits", words[1])
        execute(leg, app, argument)

    leg.actions.bind(DigitAction(words[1].removeprefix("~"), act))


@application("clear_digit_action")
def clear_digit_action(leg: Leg, arg: str) -> None:
    """Forget the bound sequences."""
    leg.actions.clear()


@application("digit_action_set_realm")
def digit_action_set_realm(leg: Leg, arg: str) -> None:
    """All realms are one in this switch."""


@application("socket")
def socket(leg: Leg, arg: str) -> None:
    """Hand the call to an engine; returns at once where none listens (docs/freeswitch.md 8)."""
    listener = leg.switch.connect(leg, arg)
    if listener is None:
        return
    if leg.listener is not None and leg.listener.running:
        leg.former.append(leg.listener)
    leg.listener = listener

    def in_control() -> bool:
        if listener.connected:
            return leg.controlled
        return listener.running or not leg.true("socket_resume")

    park(leg, in_control)
    leg.reset = False
    run_messages(leg)  # what was queued when the connection was lost is done all the same


def run_inline(leg: Leg, text: str) -> None:
    """``app:arg,app2:arg2``: a dialplan on one line."""
    actions = []
    for item in re.findall(r"(?:'[^']*'|[^,'])+", text):
        app, _, arg = item.partition(":")
        actions.append(Action(app.strip(), arg.strip("'")))
    run_actions(leg, tuple(actions))
