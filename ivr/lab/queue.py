"""What the queues of the switch are: written in tests, or read from FreeSWITCH's XML."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree as ET


@dataclass(frozen=True, slots=True)
class QueueAgent:
    """A telephone that callers of a queue are given to."""

    name: str
    contact: str
    """A dial string of one telephone, with its variables."""
    busy_delay_s: int = 5
    no_answer_delay_s: int = 5
    reject_delay_s: int = 5
    """Until it is tried again."""

    @classmethod
    def at(cls, number: str, ring_s: int = 30) -> QueueAgent:
        """The telephone of an extension."""
        return cls(number, f"[leg_timeout={ring_s}]user/{number}")


@dataclass(frozen=True, slots=True)
class LabQueue:
    """A queue of callers."""

    name: str
    agents: tuple[QueueAgent, ...] = ()
    """In order."""
    strategy: str = "ring-all"
    """``ring-all``, ``sequentially-by-agent-order`` or ``round-robin``."""
    music: str = "local_stream://moh"
    announce: str = ""
    """What waiting callers are told again and again."""
    announce_s: int = 0
    longest_s: int = 0
    """How long a caller waits at most; 0 is without end."""
    longest_alone_s: int = 0
    """The same where no agent is logged in."""
    keeps_place: bool = True
    """``time-base-score=system``: who has been in the call for longest comes first."""


def read_queues(text: str) -> tuple[LabQueue, ...]:
    """The queues of XML such as ``ivr dialplan render --queues`` writes."""
    root = ET.fromstring(text)  # noqa: S314 - the engine's own text
    agents = {one.get("name", ""): _agent(one) for one in root.iter("agent")}
    tiers: dict[str, list[tuple[int, int, str]]] = {}
    for one in root.iter("tier"):
        place = int(one.get("level", "1")), int(one.get("position", "1")), one.get("agent", "")
        tiers.setdefault(one.get("queue", ""), []).append(place)
    found = []
    for queue in root.iter("queue"):
        name = queue.get("name", "")
        members = (agent for _, _, agent in sorted(tiers.get(name, [])))
        found.append(_queue(queue, tuple(agents[one] for one in members if one in agents)))
    return tuple(found)


def _agent(element: ET.Element) -> QueueAgent:
    delays = (
        int(element.get(f"{kind}-delay-time", "0")) for kind in ("busy", "no-answer", "reject")
    )
    return QueueAgent(element.get("name", ""), element.get("contact", ""), *delays)


def _queue(element: ET.Element, agents: tuple[QueueAgent, ...]) -> LabQueue:
    params = {one.get("name", ""): one.get("value", "") for one in element.iter("param")}
    return LabQueue(
        element.get("name", ""),
        agents,
        params.get("strategy", "ring-all"),
        params.get("moh-sound", ""),
        params.get("announce-sound", ""),
        int(params.get("announce-frequency", "0")),
        int(params.get("max-wait-time", "0")),
        int(params.get("max-wait-time-with-no-agent", "0")),
        params.get("time-base-score") == "system",
    )
