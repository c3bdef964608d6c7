"""``callcenter``: callers wait for an agent, with music (docs/freeswitch.md, on queues).

Unlike FreeSWITCH's this one tells nothing by CUSTOM events, knows no keys that leave a queue, and
no levels of agents but their order.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from ivr.clock import Clock, Timer
from ivr.lab.board import TICK_MS
from ivr.lab.command import OK, Exchange, command
from ivr.lab.dialling import RING_SECONDS, parse_dial_string
from ivr.lab.displace import displace
from ivr.lab.joining import bridge_legs
from ivr.lab.leg import Leg
from ivr.lab.play import hear
from ivr.lab.queue import LabQueue, QueueAgent
from ivr.lab.session import application

ABANDONED_S = 60
"""How long who left is still listed."""
_NEXT_MS = 100
"""FreeSWITCH looks at its queues so often."""


@dataclass(eq=False, slots=True)
class _Member:
    """A caller who waits."""

    leg: Leg
    joined_us: int
    score_from_us: int
    """Since when its place counts."""
    reason: str = ""
    """Why it waits no longer."""
    offered: list[Leg] = field(default_factory=list)
    """The telephones that ring for it."""
    state: str = "Waiting"


@dataclass(eq=False, slots=True)
class _Room:
    """Who waits in a queue, and whose turn it is."""

    members: list[_Member] = field(default_factory=list)
    turn: int = 0


class Callcenter:
    """The queues of a switch, who waits in them, and which agents are free."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.queues: dict[str, LabQueue] = {}
        """By name; may be changed at any time."""
        self.away: set[str] = set()
        """Agents that are not ``Available``."""
        self._rooms: dict[str, _Room] = {}
        self._busy: set[str] = set()
        self._again_ms: dict[str, int] = {}
        """When an agent may be tried again."""

    def set_queues(self, *queues: LabQueue) -> None:
        """Have these queues, and no others."""
        self.queues = {queue.name: queue for queue in queues}

    def members(self, name: str) -> list[_Member]:
        """Who is listed in a queue, best place first."""
        listed = self._rooms.get(name, _Room()).members
        return sorted(listed, key=lambda one: one.score_from_us)

    def waits(self, leg: Leg, queue: LabQueue) -> str:
        """Have a leg wait; why it waits no longer, empty where an agent has it."""
        us = leg.wall_us()
        member = _Member(leg, us, leg.times.answered or us if queue.keeps_place else us)
        room = self._rooms.setdefault(queue.name, _Room())
        room.members.append(member)
        timers = list(self._limits(queue, member))
        self._announce(queue, member)
        self._clock.after(_NEXT_MS // 4, lambda: self.look(queue))
        while not leg.leaving and not member.reason:
            if not hear(leg, queue.music, over=lambda: bool(member.reason)):
                hear(leg, "silence_stream://-1", over=lambda: bool(member.reason))
        for timer in timers:
            timer.cancel()
        return self._left(room, member)

    def _limits(self, queue: LabQueue, member: _Member) -> list[Timer]:
        def end(reason: str) -> None:
            if member.state != "Answered":
                member.reason = reason
                member.leg.attend()

        found = []
        if queue.longest_s:
            found.append(self._clock.after(queue.longest_s * 1000, lambda: end("TIMEOUT")))
        if queue.longest_alone_s and all(one.name in self.away for one in queue.agents):
            ms = queue.longest_alone_s * 1000
            found.append(self._clock.after(ms, lambda: end("NO_AGENT_TIMEOUT")))
        return found

    def _announce(self, queue: LabQueue, member: _Member) -> None:
        def tell() -> None:
            if member.state in {"Waiting", "Trying"} and not member.leg.down:
                displace(member.leg, "start", queue.announce)
                self._announce(queue, member)

        if queue.announce and queue.announce_s:
            self._clock.after(queue.announce_s * 1000, tell)

    def _left(self, room: _Room, member: _Member) -> str:
        if member.state == "Answered":
            room.members.remove(member)
            return ""
        member.state = "Abandoned"
        for telephone in tuple(member.offered):
            telephone.hang_up("ORIGINATOR_CANCEL")
        self._clock.after(ABANDONED_S * 1000, lambda: room.members.remove(member))
        return member.reason or "BREAK_OUT"

    def look(self, queue: LabQueue) -> None:
        """Give waiting callers to free agents."""
        room = self._rooms.setdefault(queue.name, _Room())
        for member in self.members(queue.name):
            if member.state != "Waiting" or member.reason or member.leg.leaving:
                continue
            agents = self._free(queue)
            if not agents:
                return
            member.state = "Trying"
            if queue.strategy == "round-robin":
                turns = (*queue.agents[room.turn :], *queue.agents[: room.turn])
                agents = [one for one in turns if one in agents]
            for agent in agents if queue.strategy == "ring-all" else agents[:1]:
                room.turn = (queue.agents.index(agent) + 1) % len(queue.agents)
                self._offer(queue, member, agent)

    def _free(self, queue: LabQueue) -> list[QueueAgent]:
        now = self._clock.monotonic_ms()
        return [
            one
            for one in queue.agents
            if one.name not in self._busy
            and one.name not in self.away
            and self._again_ms.get(one.name, 0) <= now
        ]

    def _offer(self, queue: LabQueue, member: _Member, agent: QueueAgent) -> None:
        """Let an agent's telephone ring for a caller."""
        dial = parse_dial_string(agent.contact)[0][0]
        self._busy.add(agent.name)
        other = member.leg.switch.call(member.leg, dial)
        other.set("cc_side", "agent")
        other.set("cc_queue", queue.name)
        other.set("cc_member_session_uuid", member.leg.uuid)
        member.offered.append(other)
        seconds = dial.get("leg_timeout")
        limit = int(seconds) if seconds.isdigit() else RING_SECONDS

        def too_long() -> None:
            if not other.answered:
                other.hang_up("ALLOTTED_TIMEOUT")

        def heard(name: str, _: Leg) -> None:
            if name == "CHANNEL_ANSWER":
                self._clock.after(TICK_MS, lambda: self._take(queue, member, agent, other))
            elif name == "CHANNEL_HANGUP":
                self._hung_up(queue, member, agent, other)

        other.watchers.append(heard)
        self._clock.after(limit * 1000, too_long)

    def _take(self, queue: LabQueue, member: _Member, agent: QueueAgent, other: Leg) -> None:
        """An agent has answered: the first one has the caller."""
        leg = member.leg
        if other.down:
            return
        if member.state != "Trying" or member.reason or leg.leaving:
            other.hang_up("ORIGINATOR_CANCEL")
            return
        member.state = "Answered"
        for one in tuple(member.offered):
            if one is not other:
                one.hang_up("ORIGINATOR_CANCEL")
        leg.set("cc_cause", "answered")
        leg.set("cc_agent", agent.name)
        leg.set("cc_agent_uuid", other.uuid)
        leg.set("cc_agent_bridged", "true")
        bridge_legs(leg, other)

    def _hung_up(self, queue: LabQueue, member: _Member, agent: QueueAgent, other: Leg) -> None:
        """An agent's telephone is free again, or was not answered."""
        member.offered.remove(other)
        self._busy.discard(agent.name)
        delays = {"USER_BUSY": agent.busy_delay_s, "CALL_REJECTED": agent.reject_delay_s}
        wait_ms = _NEXT_MS
        if not other.answered and other.hangup_cause != "ORIGINATOR_CANCEL":
            wait_ms = 1000 * delays.get(other.hangup_cause, agent.no_answer_delay_s)
            self._again_ms[agent.name] = self._clock.monotonic_ms() + wait_ms
        if member.state == "Trying" and not member.offered:
            member.state = "Waiting"
        for one in self.queues.values():
            if agent in one.agents:
                self._clock.after(_NEXT_MS, partial(self.look, one))
                self._clock.after(max(_NEXT_MS, wait_ms), partial(self.look, one))


@application("callcenter")
def callcenter(leg: Leg, arg: str) -> None:
    """``queue``: wait in it until an agent has the call, or the wait is over."""
    centre: Callcenter = leg.switch.callcenter
    queue = centre.queues.get(arg.split()[0] if arg else "")
    if queue is None:
        leg.wait(leg.tick_ms(after=True))
        return
    leg.answer()
    leg.set("cc_side", "member")
    leg.set("cc_queue", queue.name)
    reason = centre.waits(leg, queue)
    leg.set("current_application_response", None)
    if reason:
        leg.set("cc_cause", "cancel")
        leg.set("cc_cancel_reason", reason)


_HEAD = (
    "queue|instance_id|uuid|session_uuid|cid_number|cid_name|system_epoch|joined_epoch|"
    "rejoined_epoch|bridge_epoch|abandoned_epoch|base_score|skill_score|serving_agent|"
    "serving_system|state|score\n"
)


@command("callcenter_config")
def callcenter_config(exchange: Exchange, arg: str) -> str:
    """``queue list members NAME``, ``queue count members NAME``, ``queue load NAME`` and the like,
    ``agent set status NAME STATUS``."""
    centre: Callcenter = exchange.callcenter
    words = arg.split(maxsplit=4)
    match words:
        case ["queue", "list", "members", name]:
            return _HEAD + "".join(_row(exchange, name, one) for one in centre.members(name)) + OK
        case ["queue", "count", "members", name]:
            return f"{len(centre.members(name))}\n"
        case ["queue", "load" | "reload" | "unload", _]:
            return OK
        case ["agent", "set", "status", name, status]:
            (centre.away.discard if "Available" in status else centre.away.add)(name)
            for queue in centre.queues.values():
                centre.look(queue)
            return OK
        case _:
            return "-ERR Invalid!\n"


def _row(exchange: Exchange, name: str, member: _Member) -> str:
    leg, now = member.leg, exchange.clock.wall_ms() // 1000
    joined = member.joined_us // 1_000_000
    base = joined - member.score_from_us // 1_000_000
    there = member.state != "Abandoned"
    fields = (
        name,
        "single_box",
        f"m{leg.uuid}",
        leg.uuid if there else "",
        leg.party.number,
        leg.party.name,
        str(joined),
        str(joined),
        "0",
        "0",
        "0" if there else str(now),
        str(base),
        "0",
        "",
        "",
        member.state,
        str(base + now - joined),
    )
    return "|".join(fields) + "\n"
