"""The switch's API commands, with FreeSWITCH's answers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from ivr.clock import Clock
from ivr.lab.alarm import sleep_until
from ivr.lab.apps import schedule_transfer, seconds_until, start_recording
from ivr.lab.board import TICK_MS
from ivr.lab.bridge import bridge_legs
from ivr.lab.displace import USAGE as DISPLACE_USAGE
from ivr.lab.displace import displace
from ivr.lab.event import Event
from ivr.lab.leg import Leg
from ivr.lab.moving import transfer
from ivr.lab.show import show
from ivr.lab.stamps import cause_named
from ivr.lab.wire import ClientMessage

VERSION = "FreeSWITCH Version 1.10.12-release~64bit (lab switch)"

_NO_CHANNEL = "-ERR No such channel!\n"
_OK = "+OK\n"


class Exchange(Protocol):
    """What the commands need of the switch."""

    clock: Clock
    variables: dict[str, str]

    def find(self, uuid: str) -> Leg | None:
        """The leg of this id, if there is one."""

    def legs(self) -> list[Leg]:
        """All legs that are up."""

    def schedule(self, group: str, seconds: int, act: Callable[[], None]) -> int:
        """Do something later; the number of the task."""

    def unschedule(self, group: str) -> int:
        """Delete tasks by number or group; how many there were."""

    def originate(self, text: str) -> str:
        """Call somebody; the answer of ``originate``."""

    def fire_named(self, name: str, headers: list[tuple[str, str]], body: str | None) -> None:
        """Fire an event that belongs to no leg."""


Command = Callable[[Exchange, str], str]

COMMANDS: dict[str, Command] = {}
"""By name."""


def _command(name: str) -> Callable[[Command], Command]:
    def register(function: Command) -> Command:
        COMMANDS[name] = function
        return function

    return register


def run(exchange: Exchange, name: str, arg: str) -> str:
    """Run a command; an unknown one gets FreeSWITCH's text."""
    command = COMMANDS.get(name.lower())
    if command is None:
        return f"-ERR {name} Command not found!\n"
    return command(exchange, arg.strip())


@_command("uuid_record")
def uuid_record(exchange: Exchange, arg: str) -> str:
    """Start, stop, mask, unmask, pause, resume (docs/freeswitch.md 15)."""
    words = arg.split(" ")
    if len(words) < 3:
        usage = "<uuid> [start|stop|mask|unmask] <path> [<limit>] [<recording_vars>]"
        return f"-USAGE: {usage}\n"
    name, action, path = words[:3]
    leg = exchange.find(name)
    if leg is None:
        return "-ERR Cannot locate session!\n"
    if action == "start":
        limit = int(words[3]) if len(words) > 3 and words[3].isdigit() else 0
        sleep_until(exchange.clock, leg.tick_ms(after=True) + TICK_MS)
        started = not leg.down and start_recording(leg, path, limit)
        return "+OK Success\n" if started else "-ERR Cannot record session!\n"
    if action == "stop":
        if path == "all":
            for one in tuple(leg.recordings):
                leg.stop_recording(one)
        elif path in leg.recordings:
            leg.stop_recording(path)
        else:
            return "-ERR Cannot stop record session!\n"
        return "+OK Success\n"
    if action not in {"mask", "unmask", "pause", "resume"}:
        return uuid_record(exchange, "")
    if not leg.change_recording(path, action):
        return f"-ERR Cannot {action} recording session!\n"
    return "+OK Success\n"


@_command("uuid_break")
def uuid_break(exchange: Exchange, arg: str) -> str:
    """Stop what plays; with ``all`` also what is queued (docs/freeswitch.md 25)."""
    name, _, flags = arg.partition(" ")
    if not name:
        return "-USAGE: <uuid> [all]\n"
    leg = exchange.find(name)
    if leg is None:
        return _NO_CHANNEL
    for one in (leg, leg.peer if "both" in flags else None):
        if one is not None:
            if "all" in flags:
                one.inbox.clear()
            if one.get("current_application") != "bridge" or not one.bridged:
                one.break_asked = True
            one.attend(one.tick_ms(after=True))
    return _OK


@_command("uuid_setvar")
def uuid_setvar(exchange: Exchange, arg: str) -> str:
    """Set or, without a value, remove a variable."""
    words = arg.split(" ", 2)
    if len(words) < 2:
        return "-USAGE: <uuid> <var> [value]\n"
    leg = exchange.find(words[0])
    if leg is None:
        return _NO_CHANNEL
    leg.set(words[1], words[2] if len(words) > 2 else None)
    return _OK


@_command("uuid_setvar_multi")
def uuid_setvar_multi(exchange: Exchange, arg: str) -> str:
    """``uuid a=b;c=d``."""
    usage = "-USAGE: <uuid> <var>=<value>;<var>=<value>...\n"
    name, _, pairs = arg.partition(" ")
    if not pairs:
        return usage
    leg = exchange.find(name)
    if leg is None:
        return _NO_CHANNEL + usage
    for item in pairs.split(";"):
        key, _, value = item.partition("=")
        leg.set(key, value)
    return _OK


@_command("uuid_getvar")
def uuid_getvar(exchange: Exchange, arg: str) -> str:
    """A variable, or what is known of who calls whom; ``_undef_`` where there is neither."""
    words = arg.split()
    if len(words) < 2:
        return "-USAGE: <uuid> <var>\n"
    leg = exchange.find(words[0])
    if leg is None:
        return _NO_CHANNEL
    profile = {
        "direction": "outbound" if leg.outbound else "inbound",
        "destination_number": leg.party.dialled,
        "caller_id_number": leg.party.number,
    }
    return leg.get(words[1]) or profile.get(words[1]) or "_undef_"


@_command("uuid_exists")
def uuid_exists(exchange: Exchange, arg: str) -> str:
    """``true`` or ``false``, without a line's end."""
    return "true" if exchange.find(arg) is not None else "false"


@_command("uuid_dump")
def uuid_dump(exchange: Exchange, arg: str) -> str:
    """All that an event of the leg would hold, as lines or as JSON."""
    words = arg.split()
    if not words:
        return "-USAGE: <uuid> [format]\n"
    leg = exchange.find(words[0])
    if leg is None:
        return _NO_CHANNEL
    event: Event = leg.event("CHANNEL_DATA")
    if len(words) > 1 and words[1] == "json":
        return event.json().partition(b"\n\n")[2].decode("utf-8", "surrogateescape")
    return event.text().decode("utf-8", "surrogateescape")


@_command("uuid_kill")
def uuid_kill(exchange: Exchange, arg: str) -> str:
    """Hang up."""
    words = arg.split()
    if not words:
        return "-USAGE: <uuid> [cause]\n"
    leg = exchange.find(words[0])
    if leg is None:
        return _NO_CHANNEL
    leg.hang_up(cause_named(words[1]) if len(words) > 1 else "NORMAL_CLEARING")
    return _OK


@_command("uuid_park")
def uuid_park(exchange: Exchange, arg: str) -> str:
    """Park."""
    if not arg:
        return "-USAGE: <uuid>\n"
    leg = exchange.find(arg)
    if leg is None:
        return _NO_CHANNEL
    transfer(leg, "park", "inline", leg.party.context)
    return _OK


@_command("uuid_transfer")
def uuid_transfer(exchange: Exchange, arg: str) -> str:
    """``uuid [-bleg|-both] number [dialplan] [context]``."""
    words = arg.split()
    if not 2 <= len(words) <= 5:
        return "-USAGE: <uuid> [-bleg|-both] <dest-exten> [<dialplan>] [<context>]\n"
    leg = exchange.find(words[0])
    if leg is None:
        return _NO_CHANNEL
    flag = words.pop(1) if words[1].startswith("-") else ""
    if len(words) < 2:
        return "-ERR\n"
    target = [*words[1:], *["XML", leg.party.context][len(words) - 2 :]]
    moved = [leg]
    if leg.peer is not None and flag == "-both":
        moved = [leg.peer, leg]
    elif leg.peer is not None and flag == "-bleg":
        moved = [leg.peer]
    number, dialplan, context = target[:3]
    for one in moved:
        transfer(one, number, dialplan, context)
    return _OK


@_command("uuid_bridge")
def uuid_bridge(exchange: Exchange, arg: str) -> str:
    """Join two legs (docs/freeswitch.md 10a)."""
    words = arg.split()
    if len(words) < 2:
        return "-USAGE: <uuid> <other_uuid>\n"
    leg, other = exchange.find(words[0]), exchange.find(words[1])
    if leg is None or other is None or leg is other or leg.down or other.down:
        return "-ERR Invalid uuid\n"
    bridge_legs(leg, other)
    return f"+OK {other.uuid}\n"


@_command("uuid_broadcast")
def uuid_broadcast(exchange: Exchange, arg: str) -> str:
    """Play to a leg, or to it and the one it is bridged to; ``app::arg`` runs an application."""
    words = arg.split()
    if len(words) < 2:
        return "-USAGE: <uuid> <path> [aleg|bleg|holdb|both]\n"
    leg = exchange.find(words[0])
    if leg is None:
        return "-ERR invalid uuid\n"
    app, gap, rest = words[1].partition("::")
    if not gap:
        app, rest = "playback", words[1]
    message = ClientMessage(
        "sendmsg",
        {"call-command": "execute", "execute-app-name": app, "execute-app-arg": rest},
    )
    where = words[2] if len(words) > 2 else "aleg"
    if where in {"aleg", "both", "holdb"}:
        leg.send(message)
    if where in {"bleg", "both"} and leg.peer is not None:
        leg.peer.send(message)
    return "+OK Message sent\n"


@_command("uuid_displace")
def uuid_displace(exchange: Exchange, arg: str) -> str:
    """Mix something into what a leg hears, or end that."""
    words = arg.split()
    if len(words) < 3 or words[1] not in {"start", "stop"}:
        return DISPLACE_USAGE
    leg = exchange.find(words[0])
    return "-ERR Cannot locate session!\n" if leg is None else displace(leg, *words[1:3])


@_command("uuid_send_dtmf")
def uuid_send_dtmf(exchange: Exchange, arg: str) -> str:
    """Send keys to the leg's telephone."""
    words = arg.split(" ", 1)
    if len(words) < 2:
        return "-USAGE: <uuid> <dtmf_data>\n"
    leg = exchange.find(words[0])
    if leg is None:
        return "-ERR Cannot locate session!\n"
    leg.heard_keys += words[1].split("@")[0]
    return f"+OK {leg.uuid} sent DTMF {words[1]}.\n"


@_command("uuid_recv_dtmf")
def uuid_recv_dtmf(exchange: Exchange, arg: str) -> str:
    """Have the leg hear keys as if its telephone had pressed them."""
    words = arg.split(" ", 1)
    if len(words) < 2:
        return "-USAGE: <uuid> <dtmf_data>\n"
    leg = exchange.find(words[0])
    if leg is None:
        return "-ERR Cannot locate session!\n"
    for digit in words[1].split("@")[0]:
        leg.press(digit, 250, "APP")
    return f"+OK {leg.uuid} received DTMF {words[1]}.\n"


@_command("sched_transfer")
def sched_transfer(exchange: Exchange, arg: str) -> str:
    """``[+]time uuid number [dialplan] [context]``."""
    words = arg.split()
    if not 3 <= len(words) <= 5:
        usage = "[+]<time> <uuid> <extension> [<dialplan>] [<context>]"
        return f"-USAGE: {usage}\n"
    leg = exchange.find(words[1])
    if leg is None:
        return _NO_CHANNEL
    schedule_transfer(leg, words[0], words[2:])
    return _OK


@_command("sched_hangup")
def sched_hangup(exchange: Exchange, arg: str) -> str:
    """``[+]time uuid [cause]``."""
    words = arg.split()
    if len(words) < 2:
        return "-USAGE: [+]<time> <uuid> [<cause>]\n"
    leg = exchange.find(words[1])
    if leg is None:
        return _NO_CHANNEL
    cause = cause_named(words[2]) if len(words) > 2 else "ALLOTTED_TIMEOUT"
    seconds = seconds_until(leg, words[0])
    if seconds:
        exchange.schedule(leg.uuid, seconds, lambda: leg.hang_up(cause))
    else:
        leg.hang_up(cause)
    return _OK


@_command("sched_del")
def sched_del(exchange: Exchange, arg: str) -> str:
    """Delete scheduled tasks by number or by group, which is the leg's id."""
    return f"+OK Deleted: {exchange.unschedule(arg)}\n"


@_command("originate")
def originate(exchange: Exchange, arg: str) -> str:
    """Call somebody, then run an extension or ``&application(argument)``."""
    return exchange.originate(arg)


@_command("show")
def _show(exchange: Exchange, arg: str) -> str:
    return show(exchange.legs(), arg)


@_command("status")
def status(exchange: Exchange, arg: str) -> str:
    """That the switch is up, in words."""
    return f"UP 0 years, 0 days\n{VERSION} is ready\n{len(exchange.legs())} session(s)\n"


@_command("version")
def version(exchange: Exchange, arg: str) -> str:
    """What this is."""
    return VERSION + "\n"


@_command("reloadxml")
def reloadxml(exchange: Exchange, arg: str) -> str:
    """Nothing to read again."""
    exchange.fire_named("RELOADXML", [], None)
    return "+OK [Success]\n"


@_command("global_getvar")
def global_getvar(exchange: Exchange, arg: str) -> str:
    """A variable of the switch, or all of them."""
    if arg:
        return exchange.variables.get(arg, "")
    return "".join(f"{key}={value}\n" for key, value in exchange.variables.items())


@_command("global_setvar")
def global_setvar(exchange: Exchange, arg: str) -> str:
    """``name=value``."""
    name, gap, value = arg.partition("=")
    if not gap:
        return "-USAGE: <var>=<value> [=<value2>]\n"
    exchange.variables[name] = value
    return "+OK"


@_command("echo")
def echo(exchange: Exchange, arg: str) -> str:
    """What was said."""
    return arg
