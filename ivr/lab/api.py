"""The switch's API commands, with FreeSWITCH's answers."""

from __future__ import annotations

import re

from ivr.lab import api_audio
from ivr.lab.alarm import sleep_until
from ivr.lab.apps import schedule_transfer, seconds_by, seconds_until, start_recording
from ivr.lab.board import TICK_MS
from ivr.lab.command import COMMANDS, NO_CHANNEL, OK, Exchange, command, run
from ivr.lab.event import Event
from ivr.lab.holding import end_hold, hold
from ivr.lab.joining import bridge_legs
from ivr.lab.moving import transfer
from ivr.lab.portrait import look_up
from ivr.lab.show import show
from ivr.lab.stamps import cause_named

__all__ = ["COMMANDS", "VERSION", "run"]

VERSION = "FreeSWITCH Version 1.10.12-release~64bit (lab switch)"

_AUDIO = api_audio
"""Its commands register themselves when it is imported."""


def heartbeat(sessions: int, seconds: int) -> list[tuple[str, str]]:
    """What HEARTBEAT says, which comes every so many seconds."""
    return [
        ("Event-Info", "System Ready"),
        ("FreeSWITCH-Version", VERSION),
        ("Session-Count", str(sessions)),
        ("Max-Sessions", "1000"),
        ("Heartbeat-Interval", str(seconds)),
    ]


@command("uuid_record")
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


@command("expand")
def expand(exchange: Exchange, arg: str) -> str:
    """A command, once the commands within it have been put in for ``${name(arguments)}``, the
    innermost first (docs/freeswitch.md 83)."""
    inner = re.compile(r"\$\{(\w+)\(([^${}]*)\)\}")
    while (found := inner.search(arg)) is not None:
        put = run(exchange, found[1], found[2]).strip()
        arg = f"{arg[: found.start()]}{put}{arg[found.end() :]}"
    name, _, rest = arg.partition(" ")
    return run(exchange, name, rest)


@command("cond")
def cond(_exchange: Exchange, arg: str) -> str:
    """``a == b ? then : otherwise``."""
    asked, _, answers = arg.partition(" ? ")
    one, _, other = asked.partition(" == ")
    then, _, otherwise = answers.partition(" : ")
    return then if one == other else otherwise


@command("uuid_setvar")
def uuid_setvar(exchange: Exchange, arg: str) -> str:
    """Set or, without a value, remove a variable."""
    words = arg.split(" ", 2)
    if len(words) < 2:
        return "-USAGE: <uuid> <var> [value]\n"
    leg = exchange.find(words[0])
    if leg is None:
        return NO_CHANNEL
    leg.set(words[1], words[2] if len(words) > 2 else None)
    return OK


@command("uuid_setvar_multi")
def uuid_setvar_multi(exchange: Exchange, arg: str) -> str:
    """``uuid a=b;c=d``."""
    usage = "-USAGE: <uuid> <var>=<value>;<var>=<value>...\n"
    name, _, pairs = arg.partition(" ")
    if not pairs:
        return usage
    leg = exchange.find(name)
    if leg is None:
        return NO_CHANNEL + usage
    for item in pairs.split(";"):
        key, _, value = item.partition("=")
        leg.set(key, value)
    return OK


@command("uuid_getvar")
def uuid_getvar(exchange: Exchange, arg: str) -> str:
    """A variable of the leg, what is known of who calls whom, a variable of the switch, or
    ``_undef_``."""
    words = arg.split()
    if len(words) < 2:
        return "-USAGE: <uuid> <var>\n"
    leg = exchange.find(words[0])
    if leg is None:
        return NO_CHANNEL
    return look_up(leg, words[1]) or "_undef_"


@command("uuid_exists")
def uuid_exists(exchange: Exchange, arg: str) -> str:
    """``true`` or ``false``, without a line's end."""
    return "true" if exchange.find(arg) is not None else "false"


@command("uuid_dump")
def uuid_dump(exchange: Exchange, arg: str) -> str:
    """All that an event of the leg would hold, as lines or as JSON."""
    words = arg.split()
    if not words:
        return "-USAGE: <uuid> [format]\n"
    leg = exchange.find(words[0])
    if leg is None:
        return NO_CHANNEL
    event: Event = leg.event("CHANNEL_DATA")
    if len(words) > 1 and words[1] == "json":
        return event.json().partition(b"\n\n")[2].decode("utf-8", "surrogateescape")
    return event.text().decode("utf-8", "surrogateescape")


@command("uuid_buglist")
def uuid_buglist(exchange: Exchange, arg: str) -> str:
    """Which recordings hang on a leg, masked or not (docs/freeswitch.md 59)."""
    leg = exchange.find(arg)
    if leg is None:
        return "-ERR no reply\n"
    bugs = (
        f" <media-bug>\n  <function>session_record</function>\n  <target>{path}</target>\n"
        "  <thread-locked>0</thread-locked>\n </media-bug>\n"
        for path in leg.recordings
    )
    return "<media-bugs>\n" + "".join(bugs) + "</media-bugs>\n"


@command("eval")
def evaluate(exchange: Exchange, arg: str) -> str:
    """``uuid:<leg> text``: the text with the headers that an event of the leg would have put in
    for ``${name}``; the switch's variables where no leg is named (docs/freeswitch.md 54)."""
    text, event = arg, None
    if arg.lower().startswith("uuid:") and " " in arg:
        name, _, text = arg[5:].partition(" ")
        leg = exchange.find(name)
        event = leg.event("CHANNEL_DATA") if leg is not None else None

    def value(match: re.Match[str]) -> str:
        found = event.get(match[1]) if event is not None else None
        return found if isinstance(found, str) else exchange.variables.get(match[1], "")

    return re.sub(r"\$\{([^}]+)\}", value, text)


@command("uuid_hold")
def uuid_hold(exchange: Exchange, arg: str) -> str:
    """``[off] uuid``: as if its telephone held the other side, without music."""
    words = arg.split()
    leg = exchange.find(words[-1]) if words else None
    if leg is None:
        return "-ERR Operation failed\n" if words else "-USAGE: [off|toggle] <uuid> [<display>]\n"
    if words[0] == "off":
        end_hold(leg)
    else:
        hold(leg)
    return "+OK Success\n"


@command("uuid_kill")
def uuid_kill(exchange: Exchange, arg: str) -> str:
    """Hang up."""
    words = arg.split()
    if not words:
        return "-USAGE: <uuid> [cause]\n"
    leg = exchange.find(words[0])
    if leg is None:
        return NO_CHANNEL
    leg.hang_up(cause_named(words[1]) if len(words) > 1 else "NORMAL_CLEARING")
    return OK


@command("uuid_park")
def uuid_park(exchange: Exchange, arg: str) -> str:
    """Park."""
    if not arg:
        return "-USAGE: <uuid>\n"
    leg = exchange.find(arg)
    if leg is None:
        return NO_CHANNEL
    transfer(leg, "park", "inline", leg.party.context)
    return OK


@command("uuid_transfer")
def uuid_transfer(exchange: Exchange, arg: str) -> str:
    """``uuid [-bleg|-both] number [dialplan] [context]``."""
    words = _words(arg)
    if not 2 <= len(words) <= 5:
        return "-USAGE: <uuid> [-bleg|-both] <dest-exten> [<dialplan>] [<context>]\n"
    leg = exchange.find(words[0])
    if leg is None:
        return NO_CHANNEL
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
    return OK


def _words(text: str) -> list[str]:
    """Words parted by blanks; what stands in single quotes is one."""
    return [one.strip("'") for one in re.findall(r"'[^']*'|[^\s']+", text)]


@command("uuid_bridge")
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


@command("sched_transfer")
def sched_transfer(exchange: Exchange, arg: str) -> str:
    """``[+]time uuid number [dialplan] [context]``."""
    words = arg.split()
    if not 3 <= len(words) <= 5:
        usage = "[+]<time> <uuid> <extension> [<dialplan>] [<context>]"
        return f"-USAGE: {usage}\n"
    leg = exchange.find(words[1])
    if leg is None:
        return NO_CHANNEL
    schedule_transfer(leg, words[0], words[2:])
    return OK


@command("sched_hangup")
def sched_hangup(exchange: Exchange, arg: str) -> str:
    """``[+]time uuid [cause]``."""
    words = arg.split()
    if len(words) < 2:
        return "-USAGE: [+]<time> <uuid> [<cause>]\n"
    leg = exchange.find(words[1])
    if leg is None:
        return NO_CHANNEL
    cause = cause_named(words[2]) if len(words) > 2 else "ALLOTTED_TIMEOUT"
    seconds = seconds_until(leg, words[0])
    if seconds:
        exchange.schedule(leg.uuid, seconds, lambda: leg.hang_up(cause))
    else:
        leg.hang_up(cause)
    return OK


@command("sched_api")
def sched_api(exchange: Exchange, arg: str) -> str:
    """``[+]time group command``: run a command later, unless ``sched_del group`` comes before."""
    words = arg.split(" ", 2)
    if len(words) < 3:
        return "-ERR Invalid syntax. USAGE: [+@]<time> <group_name> <command_string>[&]\n"
    name, _, rest = words[2].partition(" ")
    when = seconds_by(exchange.clock, words[0])
    number = exchange.schedule(words[1], when, lambda: exchange.spawn(exchange.api, name, rest))
    return f"+OK Added: {number}\n"


@command("sched_del")
def sched_del(exchange: Exchange, arg: str) -> str:
    """Delete scheduled tasks by number or by group, which is the leg's id."""
    return f"+OK Deleted: {exchange.unschedule(arg)}\n"


@command("originate")
def originate(exchange: Exchange, arg: str) -> str:
    """Call somebody, then run an extension or ``&application(argument)``."""
    return exchange.originate(arg)


@command("show")
def _show(exchange: Exchange, arg: str) -> str:
    return show(exchange.legs(), arg)


@command("status")
def status(exchange: Exchange, arg: str) -> str:
    """That the switch is up, in words."""
    return f"UP 0 years, 0 days\n{VERSION} is ready\n{len(exchange.legs())} session(s)\n"


@command("version")
def version(exchange: Exchange, arg: str) -> str:
    """What this is."""
    return VERSION + "\n"


@command("reloadxml")
def reloadxml(exchange: Exchange, arg: str) -> str:
    """Nothing to read again."""
    exchange.fire_named("RELOADXML", [], None)
    return "+OK [Success]\n"


@command("global_getvar")
def global_getvar(exchange: Exchange, arg: str) -> str:
    """A variable of the switch, or all of them."""
    if arg:
        return exchange.variables.get(arg, "")
    return "".join(f"{key}={value}\n" for key, value in exchange.variables.items())


@command("global_setvar")
def global_setvar(exchange: Exchange, arg: str) -> str:
    """``name=value``."""
    name, gap, value = arg.partition("=")
    if not gap:
        return "-USAGE: <var>=<value> [=<value2>]\n"
    exchange.variables[name] = value
    return "+OK"


@command("echo")
def echo(exchange: Exchange, arg: str) -> str:
    """What was said."""
    return arg
