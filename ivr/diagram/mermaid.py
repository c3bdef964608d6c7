"""The diagram of a call as Mermaid's ``stateDiagram-v2``, which many pages draw by themselves."""

from __future__ import annotations

from collections.abc import Iterable

from ivr.core.explore import Edge
from ivr.core.state import Phase
from ivr.diagram.arrows import OPTING_OUT, Arrow, Extra, Place, arrows, notes

CHOICES = (Extra.INTENT, Extra.WITHOUT)


def more(edges: Iterable[Edge]) -> str:
    """The same, of the ways that only some calls have."""
    return mermaid(edges, "mermaid-more")


def mermaid(edges: Iterable[Edge], format: str = "mermaid") -> str:
    """The same arrows as the picture has; the same edges always give the same text."""
    edges = tuple(edges)
    drawn = arrows(edges)
    places = dict.fromkeys(place for a in drawn for place in (a.source, a.target))
    lines = [f"%% Drawn from ivr/core/call.py by: ivr diagram --format {format}"]
    lines += [f"%% {note}" for note in notes(edges)]
    lines.append("stateDiagram-v2")
    inside = [arrow for arrow in drawn if {arrow.source, arrow.target} <= set(OPTING_OUT)]
    for place in places:
        if place in CHOICES:
            lines.append(f"    state {_name(place)} <<choice>>")
        elif not (inside and place in (Extra.OPTING_OUT, *OPTING_OUT)):
            lines.append(f'    state "{place.value}" as {_name(place)}')
    if inside:
        lines.append(f'    state "{Extra.OPTING_OUT.value}" as {_name(Extra.OPTING_OUT)} {{')
        lines += [f'        state "{phase.value}" as {_name(phase)}' for phase in OPTING_OUT]
        lines += [f"        {_arrow(arrow)}" for arrow in inside]
        lines.append("    }")
    lines.append(f"    [*] --> {_name(Phase.NEW)}")
    lines += [f"    {_arrow(arrow)}" for arrow in drawn if arrow not in inside]
    lines.append(f"    {_name(Phase.DONE)} --> [*]")
    return "\n".join(lines) + "\n"


def _name(place: Place) -> str:
    """A name that Mermaid takes for a state and never for one of its own words."""
    return f"p_{place.name.lower()}"


def _arrow(arrow: Arrow) -> str:
    words = ", ".join(arrow.words)
    if arrow.source in CHOICES:
        # A choice is drawn without its name: the question goes with the answer.
        words = f"{arrow.source.value} {words}"
    return f"{_name(arrow.source)} --> {_name(arrow.target)} : {_text(words)}"


def _text(words: str) -> str:
    """Words without what Mermaid reads as its own: a colon, a semicolon, a hash."""
    return words.replace(";", ",").replace(":", ",").replace("#", "#35;")
