"""The picture of a call as SVG, written with nothing but strings.

Colours differ in lightness too and never say anything alone; every text is at least
11.5 units high, so the picture can be read at 900 pixels.
"""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from ivr.core.explore import Edge
from ivr.core.state import Phase
from ivr.diagram.arrows import Arrow, Extra, Place, arrows, entered_by_doing, notes
from ivr.diagram.layout import (
    HEIGHT,
    SPARE_WIDTH,
    WIDTH,
    Box,
    Kind,
    Label,
    Point,
    Route,
    boxes,
    pill,
    route,
    unplaced,
    unrouted,
)

TITLE = "A call, phase by phase"
LINE = 14
"""From one baseline of a label to the next."""
HOP = 7
"""Radius of the arc by which an arrow hops over another."""
_NOTES = HEIGHT - 133
"""Where the line above the notes is."""

_COLOURS: dict[Kind, tuple[str, str]] = {
    "call": ("#e6f2f1", "#0b5d57"),
    "opt-out": ("#f3ebfa", "#6a2c91"),
    "trouble": ("#fdeee6", "#a63a0a"),
    "choice": ("#fffbe0", "#6b5900"),
    "any": ("#ffffff", "#45525c"),
    "frame": ("#fbf8fd", "#6a2c91"),
}
"""What a box is filled with, and what it and its arrows are drawn with."""

_STYLE = """
text { font-family: Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif; fill: #1b2226; }
.title { font-size: 22px; font-weight: bold; }
.small { font-size: 12px; fill: #45525c; }
.name { font-size: 14.5px; font-weight: bold; text-anchor: middle; }
.does { font-size: 11.5px; text-anchor: middle; }
.label { font-size: 12px; paint-order: stroke; stroke: #fff; stroke-width: 4px;
  stroke-linejoin: round; }
.line { fill: none; stroke-width: 1.5; }
.main { stroke-width: 3; }
.dashed { stroke-dasharray: 5 4; }
"""


def svg(edges: Iterable[Edge]) -> str:
    """The picture of these edges; the same edges always give the same text."""
    edges = tuple(edges)
    drawn = arrows(edges)
    box = boxes(drawn)
    wide = WIDTH + (SPARE_WIDTH if unplaced(drawn) or unrouted(drawn) else 0)
    does = entered_by_doing(edges)
    here = {place for arrow in drawn for place in (arrow.source, arrow.target)}
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {HEIGHT}" '
        f'width="{wide}" height="{HEIGHT}" role="img" aria-labelledby="title desc">',
        f'<title id="title">{TITLE}</title>',
        f'<desc id="desc">{escape(_told(drawn))}</desc>',
        f"<style>{_STYLE}</style>",
        *_heads(),
        f'<rect width="{wide}" height="{HEIGHT}" fill="#fff"/>',
        f'<text x="24" y="42" class="title">{TITLE}</text>',
        '<text x="24" y="62" class="small">drawn from ivr/core/call.py by “ivr diagram”</text>',
        *_legend(),
        *_notes(notes(edges)),
    ]
    if Extra.OPTING_OUT in here:
        lines += _frame(box[Extra.OPTING_OUT])
    lines += [text for arrow in drawn for text in _line(route(arrow, box))]
    for place, at in box.items():
        if place in here and at.kind != "frame":
            lines += _box(place, at, does)
    lines += [text for arrow in drawn if arrow.source is Extra.ANY for text in _pill(pill(arrow))]
    lines += [text for arrow in drawn for text in _label(arrow, route(arrow, box).label)]
    lines.append("</svg>")
    return "\n".join(lines) + "\n"


def wrapped(words: Iterable[str], columns: int) -> tuple[str, ...]:
    """Words with commas between them, in lines of at most so many letters."""
    lines: list[str] = []
    *others, last = words
    for piece in " ".join((*(f"{word}," for word in others), last)).split():
        if lines and len(lines[-1]) + 1 + len(piece) <= columns:
            lines[-1] += f" {piece}"
        else:
            lines.append(piece)
    return tuple(lines)


def _told(drawn: Iterable[Arrow]) -> str:
    """The picture in words, for those who do not see it."""
    ways = (f"{a.source.value} to {a.target.value}: {', '.join(a.words)}" for a in drawn)
    return f"The phases of a call and what leads from one to the next. {'; '.join(ways)}."


def _heads() -> list[str]:
    lines = ["<defs>"]
    for kind, (_, colour) in _COLOURS.items():
        lines.append(
            f'<marker id="head-{kind}" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="9" '
            f'markerHeight="9" markerUnits="userSpaceOnUse" orient="auto">'
            f'<path d="M0 1L10 5L0 9z" fill="{colour}"/></marker>'
        )
    return [*lines, "</defs>"]


def _legend() -> list[str]:
    rows: list[tuple[Kind, str]] = [
        ("call", "the ordinary call (thick line)"),
        ("opt-out", "opting out"),
        ("trouble", "trouble, and the engine's hanging up"),
        ("choice", "what decides"),
        ("any", "whatever phase the call is in"),
    ]
    lines = ['<g aria-label="legend">']
    for at, (kind, means) in enumerate(rows):
        y = 92 + 24 * at
        shape = Box(40, y, 32, 16, kind)
        lines += [
            _shape(shape),
            f'<text x="66" y="{y + 4}" class="small">{escape(means)}</text>',
        ]
    return [*lines, "</g>"]


def _notes(told: Iterable[str]) -> list[str]:
    lines = [f'<line x1="24" y1="{_NOTES}" x2="{WIDTH - 24}" y2="{_NOTES}" stroke="#c3ccd2"/>']
    for at, note in enumerate(told):
        lines.append(
            f'<text x="24" y="{_NOTES + 22 + 18 * at}" class="small">{escape(note)}</text>'
        )
    return lines


def _frame(box: Box) -> list[str]:
    name = Extra.OPTING_OUT.value
    fill, stroke = _COLOURS[box.kind]
    return [
        f'<rect x="{_n(box.left)}" y="{_n(box.top)}" width="{_n(box.width)}" '
        f'height="{_n(box.height)}" rx="12" fill="{fill}" stroke="{stroke}" class="dashed"/>',
        f'<text x="{_n(box.right - 10)}" y="{_n(box.bottom - 8)}" class="small" '
        f'text-anchor="end">{name}</text>',
    ]


def _shape(box: Box) -> str:
    fill, stroke = _COLOURS[box.kind]
    paint = f'fill="{fill}" stroke="{stroke}" stroke-width="1.5"'
    if box.kind == "choice":
        corners = (box.x, box.top), (box.right, box.y), (box.x, box.bottom), (box.left, box.y)
        return f'<polygon points="{" ".join(f"{_n(x)},{_n(y)}" for x, y in corners)}" {paint}/>'
    round_ = box.height / 2 if box.kind == "any" else min(8, box.height / 4)
    dashed = ' class="dashed"' if box.kind == "any" else ""
    return (
        f'<rect x="{_n(box.left)}" y="{_n(box.top)}" width="{_n(box.width)}" '
        f'height="{_n(box.height)}" rx="{_n(round_)}" {paint}{dashed}/>'
    )


def _box(place: Place, box: Box, does: dict[Phase, str]) -> list[str]:
    lines = [_shape(box)]
    if box.kind == "choice":
        first, _, rest = place.value.rpartition(" ")
        for at, text in enumerate((first, rest)):
            y = box.y - 2 + 13 * at
            lines.append(f'<text x="{_n(box.x)}" y="{_n(y)}" class="does">{text}</text>')
        return lines
    says = (does.get(place) if isinstance(place, Phase) else "") or box.says
    y = box.y - 3 if says else box.y + 5
    lines.append(f'<text x="{_n(box.x)}" y="{_n(y)}" class="name">{place.value}</text>')
    if says:
        y = box.y + 14
        lines.append(f'<text x="{_n(box.x)}" y="{_n(y)}" class="does">{escape(says)}</text>')
    return lines


def _pill(box: Box) -> list[str]:
    text = f'<text x="{_n(box.x)}" y="{_n(box.y + 4)}" class="does">{Extra.ANY.value}</text>'
    return [_shape(box), text]


def _line(way: Route) -> list[str]:
    colour = _COLOURS[way.kind][1]
    looks = "line" + (" main" if way.main else "") + (" dashed" if way.kind == "any" else "")
    head = "" if way.joins else f' marker-end="url(#head-{way.kind})"'
    lines = [f'<path d="{_path(way)}" stroke="{colour}" class="{looks}"{head}/>']
    if way.joins:
        x, y = way.points[-1]
        lines.append(f'<circle cx="{_n(x)}" cy="{_n(y)}" r="3" fill="{colour}"/>')
    return lines


def _path(way: Route) -> str:
    """A line with rounded corners, and a small arc over what it crosses."""
    start, *corners, end = way.points
    parts = [f"M{_n(start[0])} {_n(start[1])}"]
    before = start
    for at, corner in enumerate(corners):
        after = (*corners, end)[at + 1]
        near, far = _towards(corner, before), _towards(corner, after)
        parts.append(f"L{_n(near[0])} {_n(near[1])}")
        parts.append(f"Q{_n(corner[0])} {_n(corner[1])} {_n(far[0])} {_n(far[1])}")
        before = corner
    back = -1 if end[0] < before[0] else 1
    for x in way.hops:
        parts.append(f"L{_n(x - HOP * back)} {_n(end[1])}")
        parts.append(f"A{HOP} {HOP} 0 0 {int(back > 0)} {_n(x + HOP * back)} {_n(end[1])}")
    parts.append(f"L{_n(end[0])} {_n(end[1])}")
    return "".join(parts)


def _towards(corner: Point, other: Point) -> Point:
    """A little way from a corner to the point before or after it."""
    dx, dy = other[0] - corner[0], other[1] - corner[1]
    length = max(abs(dx), abs(dy), 1)
    bit = min(7.0, length / 2) / length
    return (corner[0] + dx * bit, corner[1] + dy * bit)


def _label(arrow: Arrow, label: Label) -> list[str]:
    return [
        f'<text x="{_n(label.x)}" y="{_n(label.y + LINE * at)}" class="label" '
        f'text-anchor="{label.anchor}">{escape(line)}</text>'
        for at, line in enumerate(wrapped(arrow.words, label.columns))
    ]


def _n(number: float) -> str:
    """A number without what it does not need."""
    return f"{number:.1f}".removesuffix(".0")
