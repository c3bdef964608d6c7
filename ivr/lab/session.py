"""What the session of a leg does: applications, messages to it, keys, parking, tasks."""

from __future__ import annotations

import re
import uuid as uuids
from collections.abc import Callable
from dataclasses import dataclass

from ivr.lab.board import Key
from ivr.lab.leg import Leg
from ivr.lab.portrait import look_up
from ivr.lab.stamps import cause_named
from ivr.lab.wire import ClientMessage

Application = Callable[[Leg, str], None]
"""Does its work on the leg's session and returns when it is over."""

APPLICATIONS: dict[str, Application] = {}
"""By name; filled by the modules that define them."""


def application(name: str) -> Callable[[Application], Application]:
    """Register an application under a name."""

    def register(function: Application) -> Application:
        APPLICATIONS[name] = function
        return function

    return register


@dataclass(frozen=True, slots=True)
class Action:
    """One line of an extension of the dialplan."""

    app: str
    arg: str = ""
    inline: bool = False
    """Whether it is done while the dialplan is still looked through."""


def execute(leg: Leg, app: str, arg: str, app_uuid: str | None = None) -> bool:
    """Run an application with the events around it; False where there is no such thing."""
    if leg.down:
        return False
    function = APPLICATIONS.get(app)
    if function is None:
        leg.switch.log("ERR", f"Invalid Application {app}")
        leg.hang_up("DESTINATION_OUT_OF_ORDER")
        return False
    arg = expand(leg, arg)
    leg.set("current_application_response", None)
    leg.set("current_application_data", arg)
    leg.set("current_application", app)
    leg.last_app = (app, arg)
    leg.app_log.append(leg.last_app)
    leg.switch.log("DEBUG", f"{leg.uuid} EXECUTE [depth=0] {leg.channel} {app}({arg})")
    name = app_uuid or str(uuids.uuid4())
    around = [("Application", app)]
    if arg:
        around.append(("Application-Data", arg))
    leg.fire("CHANNEL_EXECUTE", *around, ("Application-UUID", name))
    function(leg, arg)
    response = leg.get("current_application_response") or "_none_"
    leg.fire(
        "CHANNEL_EXECUTE_COMPLETE",
        *around,
        ("Application-Response", response),
        ("Application-UUID", name),
    )
    return True


def expand(leg: Leg, text: str) -> str:
    """Put variables in for ``${name}``."""
    return re.sub(r"\$\{([^}]+)\}", lambda match: look_up(leg, match[1]), text)


def run_messages(leg: Leg) -> int:
    """Do what ``sendmsg`` asked for and is due; the milliseconds that it took."""
    began = leg.clock.monotonic_ms()
    while leg.inbox and not leg.leaving and not leg.locked:
        due, message = leg.inbox[0]
        if due > leg.clock.monotonic_ms():
            leg.attend(due)
            break
        leg.inbox.popleft()
        _perform(leg, message)
    return leg.clock.monotonic_ms() - began


def _perform(leg: Leg, message: ClientMessage) -> None:
    command = message.header("call-command")
    if command == "hangup":
        leg.hang_up(cause_named(message.header("hangup-cause") or "NORMAL_CLEARING"))
    elif command == "execute":
        _perform_execute(leg, message)
    else:
        leg.switch.log("ERR", "Invalid Command!")


def _perform_execute(leg: Leg, message: ClientMessage) -> None:
    app = message.header("execute-app-name")
    if not app:
        return
    arg = message.header("execute-app-arg") or ""
    if not arg and (message.header("content-type") or "").lower() == "text/plain":
        arg = message.body
    loops = message.header("loops") or "1"
    most = int(loops) if loops.lstrip("-").isdigit() else 1
    leg.locked = message.header("event-lock") == "true"
    turn, ran = 1, 0
    while turn <= most or most < 0:
        began = leg.clock.monotonic_ms()
        leg.set("current_loop", str(turn))
        leg.set("total_loops", loops)
        found = execute(leg, app, arg, message.header("event-uuid"))
        ran = leg.clock.monotonic_ms() - began
        if not found or leg.leaving or ran < 500:
            break
        turn += 1
    leg.set("current_loop", None)
    leg.set("total_loops", None)
    leg.locked = False
    if leg.inbox:
        leg.attend(leg.inbox[0][0])


def run_keys(leg: Leg, on_key: Callable[[Key], None] = lambda _: None) -> None:
    """Take the keys that were pressed and fire their events."""
    while (key := leg.take_key()) is not None:
        on_key(key)


def park(leg: Leg, stays: Callable[[], bool] = lambda: True) -> None:
    """Do nothing but what the leg is told to, while ``stays()``.

    ``park_timeout=seconds[:cause]``, read once, ends the leg after so long; where something plays
    then, when that is over (docs/freeswitch.md 79).
    """
    seconds, _, cause = leg.get("park_timeout").partition(":")
    end = leg.clock.monotonic_ms() + int(seconds) * 1000 if seconds.isdigit() else None
    leg.set("park_timeout", None)
    leg.fire("CHANNEL_PARK")
    while not leg.leaving and stays():
        run_messages(leg)
        if leg.leaving or not stays():
            break
        run_keys(leg)
        if end is not None and leg.clock.monotonic_ms() >= end:
            leg.hang_up(cause_named(cause))
            break
        leg.wait(end)
    leg.fire("CHANNEL_UNPARK")


def idle(leg: Leg, until_ms: int) -> None:
    """Let time pass on the session; keys and messages are looked at."""
    while not leg.leaving and not leg.break_asked:
        until_ms += run_messages(leg)
        run_keys(leg)
        if leg.leaving or leg.clock.monotonic_ms() >= until_ms:
            return
        leg.wait(until_ms)
    leg.break_asked = False


def run_actions(leg: Leg, actions: tuple[Action, ...]) -> None:
    """Run an extension: one application after the other."""
    for action in actions:
        if leg.leaving:
            return
        execute(leg, action.app, action.arg)


def live(leg: Leg, task: Callable[[Leg], None]) -> None:
    """The life of a leg's session: a task, those it is sent to after, and the end."""
    leg.next_task = task
    while leg.next_task is not None and not leg.down:
        todo, leg.next_task = leg.next_task, None
        leg.break_asked = False
        todo(leg)
    if not leg.down:
        leg.hang_up("NORMAL_CLEARING")
    due = leg.tick_ms()
    while leg.clock.monotonic_ms() < due:
        leg.wait(due)
    leg.finish()
