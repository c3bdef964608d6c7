"""FreeSWITCH's own queues: ``callcenter.conf.xml`` for ``mod_callcenter`` (R9).

FreeSWITCH reads it when the module is loaded, or a queue of it by ``callcenter_config queue reload
NAME``. Callers wait there without an engine, too. Places are kept by the time of the whole call
(``time-base-score``), so that who was taken out to be told something comes back to the same place.
"""

from __future__ import annotations

from collections.abc import Iterable
from xml.etree import ElementTree as ET

from ivr.config.addresses import with_variables
from ivr.config.render.xml import DIGITS
from ivr.config.settings import CallQueue, Configuration

_STRATEGIES = {
    "at-once": "ring-all",
    "in-order": "sequentially-by-agent-order",
    "round": "round-robin",
}
_AGENT = {
    "type": "callback",
    "status": "Available",
    "max-no-answer": "0",  # never put on a break by FreeSWITCH
    "wrap-up-time": "0",
    "reject-delay-time": "5",
    "busy-delay-time": "5",
    "no-answer-delay-time": "5",
}
"""Seconds until a telephone is tried again that was busy or was not answered."""


def render_queues(config: Configuration) -> str:
    """The queues of destinations.yaml as XML text."""
    root = ET.Element(
        "configuration", name="callcenter.conf", description=f"ivr configuration {config.version}"
    )
    settings = ET.SubElement(root, "settings")
    for what in ("agents", "tiers"):  # who is a member no more is one no more
        _param(settings, f"truncate-{what}-on-load", "true")
    queues = ET.SubElement(root, "queues")
    for queue in config.queues:
        _queue(ET.SubElement(queues, "queue", name=queue.name), queue)
    agents, tiers = ET.SubElement(root, "agents"), ET.SubElement(root, "tiers")
    for dial, ring_ms in _members(config.queues).items():
        variables = (
            f"leg_timeout={-(-ring_ms // 1000)}",
            "sensitive_dtmf=true",  # what an agent types leaves no trace
            "=".join(DIGITS),
            "outbound_redirect_fatal=true",  # no telephone sends callers on past the dialplan (R8)
        )
        contact = with_variables(dial, ",".join(variables))
        ET.SubElement(agents, "agent", {"name": _name(dial), "contact": contact, **_AGENT})
    for queue in config.queues:
        for n, dial in enumerate(queue.members, 1):
            place = {"queue": queue.name, "level": "1", "position": str(n)}
            ET.SubElement(tiers, "tier", {"agent": _name(dial), **place})
    ET.indent(root)
    return ET.tostring(root, encoding="unicode") + "\n"


def _queue(holder: ET.Element, queue: CallQueue) -> None:
    _param(holder, "strategy", _STRATEGIES[queue.strategy])
    _param(holder, "moh-sound", queue.music)
    if queue.announcement is not None:
        _param(holder, "announce-sound", queue.announcement.files[8000].path)
        _param(holder, "announce-frequency", str(queue.every_s))
    _param(holder, "time-base-score", "system")
    _param(holder, "max-wait-time", str(-(-queue.longest_ms // 1000)))
    _param(holder, "max-wait-time-with-no-agent", "0")  # agents may come
    _param(holder, "tier-rules-apply", "false")
    # By the caller's number only: two who withhold theirs would be taken for one.
    _param(holder, "abandoned-resume-allowed", "false")
    _param(holder, "discard-abandoned-after", "60")


def _members(queues: Iterable[CallQueue]) -> dict[str, int]:
    """Every telephone once, with how long it rings."""
    return {dial: queue.ring_ms for queue in queues for dial in queue.members}


def _name(dial: str) -> str:
    """What FreeSWITCH calls a member; names in its commands have no spaces."""
    return "".join(dial.split())


def _param(holder: ET.Element, name: str, value: str) -> None:
    ET.SubElement(holder, "param", name=name, value=value)
