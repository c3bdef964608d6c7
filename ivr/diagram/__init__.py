"""``ivr diagram``: the states of a call, drawn from the machine itself (R24).

Nothing here knows the machine's rules: :mod:`ivr.core.explore` asks it. What is laid
by hand is only where things stand in the picture (:mod:`ivr.diagram.layout`).
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache

from ivr.core.explore import Edge, explore
from ivr.core.policy import CallPolicy, Destination, Menu, Prompt, PromptFile, Queue, Spoken
from ivr.diagram.mermaid import mermaid, more
from ivr.diagram.svg import svg
from ivr.errors import UsageError

__all__ = ["FORMATS", "draw", "mermaid", "more_edges", "sample_edges", "svg"]

FORMATS = {"svg": svg, "mermaid": mermaid, "mermaid-more": more}
"""What :func:`draw` can write, by the name that the command line gives it: the ordinary call, or,
as ``more``, the ways that only some calls have."""


def draw(format: str) -> str:
    """The whole diagram as text, ending in a newline; takes a second or two.

    Raises UsageError where ``format`` is none of :data:`FORMATS`.
    """
    write = FORMATS.get(format)
    if write is None:
        raise UsageError(
            f"cannot draw a diagram as {format!r}: expected one of {', '.join(sorted(FORMATS))}"
        )
    return write(more_edges() if format.endswith("-more") else sample_edges())


@lru_cache(maxsize=1)
def sample_edges() -> tuple[Edge, ...]:
    """The edges of a call under every kind of policy: what a call is, whatever the team."""
    connecting = explore(_SAMPLE)
    refusing = explore(replace(_SAMPLE, without_recording="refuse"))
    return tuple(dict.fromkeys((*connecting, *refusing)))


@lru_cache(maxsize=1)
def more_edges() -> tuple[Edge, ...]:
    """The edges that lead where no edge of an ordinary call leads: a language is chosen, a caller
    waits in a queue or goes on to another destination, opts out in mid-call, or meets the exempt
    extension; in a call that staff make who is called is told first (R4, R8, R9, R10)."""
    found = (edge for policy in _MORE for edge in explore(policy))
    ordinary = {(edge.before, edge.after) for edge in sample_edges()}
    return tuple(
        dict.fromkeys(
            edge
            for edge in found
            if (edge.before, edge.after) not in ordinary
            and edge.event not in ("HungUp", "LinkLost")
        )
    )


def _prompt(name: str) -> Prompt:
    file = PromptFile(path=f"{name}.wav", rate=8000, length_ms=5000, sha256="0" * 64)
    return Prompt(name=name, version="1", language="en-GB", files={8000: file})


_SAMPLE = CallPolicy(
    team="sample",
    route="sample",
    language="en-GB",
    policy_version="1",
    config_version="1",
    announcement=_prompt("announcement"),
    reminder=_prompt("reminder"),
    goodbye=_prompt("goodbye"),
    busy=_prompt("busy"),
    no_answer=_prompt("no-answer"),
    unavailable=_prompt("unavailable"),
    opt_out_keys="*#*",
    return_key="1",
    inter_digit_ms=2000,
    confirm_ms=8000,
    reminders=1,
    destination="sample",
    dial_string="sample",
    ring_ms=25_000,
    longest_call_ms=3_600_000,
    without_recording="connect",
)
"""The keys are those that the picture names; one repeat of the reminder shows both ways out."""

_SPOKEN = Spoken(
    language="cy-GB",
    announcement=_SAMPLE.announcement,
    reminder=_SAMPLE.reminder,
    goodbye=_SAMPLE.goodbye,
    busy=_SAMPLE.busy,
    no_answer=_SAMPLE.no_answer,
    unavailable=_SAMPLE.unavailable,
    overflow=(_prompt("overflow"),),
)
_QUEUED = replace(
    _SAMPLE,
    dial_string="",
    queue=Queue("sample", 600_000),
    overflow=(Destination("another", "sample", 20_000, prompt=_prompt("overflow")),),
    menu=Menu(_prompt("languages"), {"2": _SPOKEN}, 5000),
)
_MIDCALL = replace(_SAMPLE, opt_out_connected="keep", exempt=frozenset({"1999"}))
_ANNOUNCED = replace(_SAMPLE, direction="outbound", announced=True)
_MORE = (_QUEUED, _MIDCALL, _ANNOUNCED)
"""One policy for each kind of call that is out of the ordinary."""
