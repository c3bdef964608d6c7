"""The API commands that touch what is heard and keyed on a leg."""

from __future__ import annotations

from ivr.lab.command import NO_CHANNEL, OK, Exchange, command
from ivr.lab.displace import USAGE as DISPLACE_USAGE
from ivr.lab.displace import displace
from ivr.lab.wire import ClientMessage


@command("uuid_break")
def uuid_break(exchange: Exchange, arg: str) -> str:
    """Stop what plays; with ``all`` also what is queued (docs/freeswitch.md 25)."""
    name, _, flags = arg.partition(" ")
    if not name:
        return "-USAGE: <uuid> [all]\n"
    leg = exchange.find(name)
    if leg is None:
        return NO_CHANNEL
    for one in (leg, leg.peer if "both" in flags else None):
        if one is not None:
            if "all" in flags:
                one.inbox.clear()
            if one.get("current_application") != "bridge" or not one.bridged:
                one.break_asked = True
            one.attend(one.tick_ms(after=True))
    return OK


@command("uuid_broadcast")
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


@command("uuid_displace")
def uuid_displace(exchange: Exchange, arg: str) -> str:
    """Mix something into what a leg hears, or end that."""
    words = arg.split()
    if len(words) < 3 or words[1] not in {"start", "stop"}:
        return DISPLACE_USAGE
    leg = exchange.find(words[0])
    return "-ERR Cannot locate session!\n" if leg is None else displace(leg, *words[1:3])


@command("uuid_send_dtmf")
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


@command("uuid_recv_dtmf")
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
