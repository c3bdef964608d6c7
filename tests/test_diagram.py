"""The picture of a call: true to the machine, complete, readable, and not stale."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import combinations, pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest

from ivr.core.explore import Edge
from ivr.core.state import Phase
from ivr.diagram import draw, mermaid, more_edges, sample_edges, svg
from ivr.diagram.arrows import (
    OPTING_OUT,
    Arrow,
    Extra,
    Place,
    arrows,
    entered_by_doing,
    notes,
)
from ivr.diagram.layout import (
    BOXES,
    HEIGHT,
    PILLS,
    ROUTES,
    WIDTH,
    Box,
    Point,
    boxes,
    pill,
    route,
    unplaced,
    unrouted,
)
from ivr.diagram.mermaid import CHOICES
from ivr.diagram.svg import wrapped
from ivr.errors import UsageError

DOCS = Path(__file__).parent.parent / "docs"
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def edges() -> tuple[Edge, ...]:
    return sample_edges()


@pytest.fixture(scope="module")
def drawn(edges: tuple[Edge, ...]) -> tuple[Arrow, ...]:
    return arrows(edges)


def words(drawn: tuple[Arrow, ...], source: Place, target: Place) -> tuple[str, ...]:
    found = [a.words for a in drawn if (a.source, a.target) == (source, target)]
    assert len(found) == 1, f"one arrow from {source} to {target}"
    return found[0]


# True to the machine.


@pytest.mark.parametrize(
    ("name", "format"),
    [("call.svg", "svg"), ("call.mmd", "mermaid"), ("call-more.mmd", "mermaid-more")],
)
def test_the_documentation_shows_the_machine_as_it_is(name: str, format: str) -> None:
    assert (DOCS / name).read_text(encoding="utf-8") == draw(format), (
        f"docs/{name} is stale: run `ivr diagram --format {format} --output docs/{name}`"
    )


def test_a_format_that_there_is_not_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match="'png': expected one of mermaid, mermaid-more, svg"):
        draw("png")


def test_arrows_say_what_leads_where(drawn: tuple[Arrow, ...]) -> None:
    assert words(drawn, Phase.ANNOUNCING, Phase.REMINDING) == ("*#* keyed",)
    assert words(drawn, Phase.DECIDING, Phase.FAREWELL) == ("limit",)
    assert words(drawn, Phase.DIALLING, Phase.APOLOGISING) == ("busy", "no answer", "unavailable")
    assert words(drawn, Phase.DIALLING, Phase.CONNECTED) == ("bridged", "transferred")


def test_a_prompt_that_is_over_in_any_way_is_said_in_one_word(drawn: tuple[Arrow, ...]) -> None:
    assert words(drawn, Phase.FAREWELL, Phase.ENDING) == ("prompt over", "limit")
    assert words(drawn, Phase.ANNOUNCING, Extra.INTENT) == ("prompt heard",)


def test_what_both_phases_of_opting_out_share_leaves_their_frame(
    drawn: tuple[Arrow, ...],
) -> None:
    assert words(drawn, Extra.OPTING_OUT, Extra.INTENT) == ("1 keyed",)
    assert not [a for a in drawn if a.source in OPTING_OUT and "1 keyed" in " ".join(a.words)]


def test_forks_that_many_phases_share_are_one_choice(drawn: tuple[Arrow, ...]) -> None:
    assert words(drawn, Extra.INTENT, Phase.STARTING) == ("yes",)
    assert words(drawn, Extra.INTENT, Phase.SECURING) == ("not yet",)
    assert words(drawn, Extra.WITHOUT, Phase.DIALLING) == ("yes: connect",)
    assert words(drawn, Extra.WITHOUT, Phase.APOLOGISING) == ("no: refuse",)


def test_hangups_are_drawn_once_and_where_they_are_waited_for(drawn: tuple[Arrow, ...]) -> None:
    sources = {a.source for a in drawn if any("hung up" in word for word in a.words)}
    assert sources == {Extra.ANY, Phase.CONNECTED, Phase.ENDING, Phase.UNLINKED}
    assert words(drawn, Extra.ANY, Phase.CLOSING) == ("hung up (recording)",)


def test_every_edge_between_phases_is_drawn(
    edges: tuple[Edge, ...], drawn: tuple[Arrow, ...]
) -> None:
    """From where an edge begins, through frames, choices and "any phase", to where it ends."""
    leads: dict[Place, set[Place]] = {}
    for arrow in drawn:
        leads.setdefault(arrow.source, set()).add(arrow.target)
    lost = []
    for edge in edges:
        sources: list[Place] = [edge.before]
        if edge.event in ("HungUp", "LinkLost"):
            sources.append(Extra.ANY)
        if edge.before in OPTING_OUT:
            sources.append(Extra.OPTING_OUT)
        if edge.after is not edge.before and not any(_leads(s, edge.after, leads) for s in sources):
            lost.append(edge)
    assert lost == []


def _leads(source: Place, after: Place, leads: dict[Place, set[Place]]) -> bool:
    """Whether an arrow goes there, or through choices."""
    targets = leads.get(source, set())
    return after in targets or any(_leads(t, after, leads) for t in targets if t in CHOICES)


def test_boxes_say_what_is_done_on_the_way_in(edges: tuple[Edge, ...]) -> None:
    does = entered_by_doing(edges)
    assert does[Phase.ANNOUNCING] == "play announcement"
    assert does[Phase.ENDING] == "hang up"
    assert does[Phase.DONE] == "finish the record"


def test_notes_are_told_only_of_what_happens(edges: tuple[Edge, ...]) -> None:
    assert "Hanging up while reminding or deciding confirms the opt-out." in notes(edges)
    assert len(notes(())) == 1


# Complete.


def test_every_phase_has_a_place_and_every_arrow_a_way(drawn: tuple[Arrow, ...]) -> None:
    assert unplaced(drawn) == (), "give these a place in ivr/diagram/layout.py: BOXES"
    assert unrouted(drawn) == (), "lead these in ivr/diagram/layout.py: ROUTES"
    shown = {place for a in drawn for place in (a.source, a.target)}
    more = {phase for edge in more_edges() for phase in (edge.before, edge.after)}
    assert set(Phase) <= shown | more


def test_nothing_is_laid_that_the_machine_no_longer_has(drawn: tuple[Arrow, ...]) -> None:
    ways = {(a.source, a.target) for a in drawn}
    assert set(ROUTES) - ways == set()
    assert {place for way in ways for place in way} >= set(BOXES)
    assert set(PILLS) == {target for source, target in ways if source is Extra.ANY}


def test_a_phase_without_a_place_is_shown_all_the_same(
    edges: tuple[Edge, ...], drawn: tuple[Arrow, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(BOXES, Phase.PARTED)
    assert unplaced(drawn) == (Phase.PARTED,)
    picture = ElementTree.fromstring(svg(edges))
    assert ">parted</text>" in svg(edges)
    assert float((picture.get("viewBox") or "").split()[2]) > WIDTH
    spare = boxes(drawn)[Phase.PARTED]
    assert spare.left > WIDTH
    lead = next(a for a in drawn if a.target is Phase.PARTED)
    assert _on_border(route(lead, boxes(drawn)).points[-1], spare)


def test_an_arrow_without_a_way_is_drawn_straight() -> None:
    edge = Edge(Phase.NEW, "Answered", "", "", Phase.CONNECTED, ())
    (arrow,) = arrows([edge])
    assert unrouted([arrow]) == (arrow,)
    assert ">answered</text>" in svg([edge])
    loop = Edge(Phase.DONE, "Answered", "", "", Phase.DONE, ())
    assert ">answered</text>" in svg([loop])
    anywhere = Edge(Phase.NEW, "LinkLost", "", "", Phase.CONNECTED, ())
    assert ">any phase</text>" in svg([anywhere])


# Readable.


@dataclass(frozen=True)
class Area:
    what: str
    left: float
    top: float
    right: float
    bottom: float

    def meets(self, other: Area) -> bool:
        across = self.left < other.right and other.left < self.right
        return across and self.top < other.bottom and other.top < self.bottom


def _width(text: str) -> float:
    """Of 12 units' text in DejaVu Sans, the widest of the fonts that the picture names."""
    narrow, wide = "ijl,.:()' ", "mwMW#"
    return sum(4.3 if c in narrow else 10.5 if c in wide else 7.4 for c in text)


def _labels(drawn: tuple[Arrow, ...]) -> list[tuple[Arrow, Area]]:
    areas = []
    for arrow in drawn:
        label = route(arrow, BOXES).label
        for at, text in enumerate(wrapped(arrow.words, label.columns)):
            width = _width(text)
            left = label.x - {"start": 0.0, "middle": width / 2, "end": width}[label.anchor]
            baseline = label.y + 14 * at
            area = Area(text, left, baseline - 9.5, left + width, baseline + 2.5)
            areas.append((arrow, area))
    return areas


def _box_area(what: str, box: Box) -> Area:
    return Area(what, box.left, box.top, box.right, box.bottom)


def _solid(drawn: tuple[Arrow, ...]) -> list[Area]:
    """All boxes that nothing may be drawn over."""
    solid = [_box_area(p.value, box) for p, box in BOXES.items() if box.kind != "frame"]
    return solid + [_box_area("any phase", pill(a)) for a in drawn if a.source is Extra.ANY]


def _stretches(arrow: Arrow) -> list[Area]:
    """An arrow's straight parts, as very thin areas."""
    return [
        Area(
            f"{arrow.source} -> {arrow.target}",
            min(a[0], b[0]) - 0.5,
            min(a[1], b[1]) - 0.5,
            max(a[0], b[0]) + 0.5,
            max(a[1], b[1]) + 0.5,
        )
        for a, b in pairwise(route(arrow, BOXES).points)
    ]


def test_no_label_lies_on_another_label_or_a_box_or_outside(drawn: tuple[Arrow, ...]) -> None:
    labels = [area for _, area in _labels(drawn)]
    over = [(a.what, b.what) for a, b in combinations(labels, 2) if a.meets(b)]
    over += [(a.what, b.what) for a in labels for b in _solid(drawn) if a.meets(b)]
    over += [(a.what, "border") for a in labels if a.left < 8 or a.right > WIDTH - 4]
    assert over == []


def test_no_arrow_runs_through_a_label(drawn: tuple[Arrow, ...]) -> None:
    lines = [stretch for arrow in drawn for stretch in _stretches(arrow)]
    frame = _box_area("frame", BOXES[Extra.OPTING_OUT])
    sides = [
        Area("frame", frame.left, frame.top, frame.left, frame.bottom),
        Area("frame", frame.right, frame.top, frame.right, frame.bottom),
    ]
    over = [
        (label.what, line.what)
        for _, label in _labels(drawn)
        for line in (*lines, *sides)
        if label.meets(line)
    ]
    assert over == []


def test_boxes_do_not_overlap_and_hold_their_words(
    edges: tuple[Edge, ...], drawn: tuple[Arrow, ...]
) -> None:
    solid = _solid(drawn)
    assert [(a.what, b.what) for a, b in combinations(solid, 2) if a.meets(b)] == []
    does = entered_by_doing(edges)
    for place, box in BOXES.items():
        if isinstance(place, Phase):
            assert _width(does.get(place) or box.says) * 11.5 / 12 < box.width - 4, place


def test_no_arrow_runs_through_a_box(drawn: tuple[Arrow, ...]) -> None:
    through = []
    for arrow in drawn:
        for place, box in BOXES.items():
            if box.kind == "frame":
                continue
            inner = Area(place.value, box.left + 2, box.top + 2, box.right - 2, box.bottom - 2)
            if box.kind == "choice":
                inner = Area(place.value, box.x - 20, box.y - 12, box.x + 20, box.y + 12)
            through += [(s.what, inner.what) for s in _stretches(arrow) if s.meets(inner)]
    assert through == []


def test_arrows_begin_and_end_at_what_they_join(drawn: tuple[Arrow, ...]) -> None:
    loose = []
    for arrow in drawn:
        way = route(arrow, BOXES)
        source = pill(arrow) if arrow.source is Extra.ANY else BOXES[arrow.source]
        if not _on_border(way.points[0], source):
            loose.append((arrow, way.points[0]))
        if way.joins:
            others = [a for a in drawn if a.target is arrow.target and a is not arrow]
            x, y = way.points[-1]
            end = Area("end", x - 1, y - 1, x + 1, y + 1)
            if not any(end.meets(s) for a in others for s in _stretches(a)):
                loose.append((arrow, way.points[-1]))
        elif not _on_border(way.points[-1], BOXES[arrow.target]):
            loose.append((arrow, way.points[-1]))
    assert loose == []


def _on_border(point: Point, box: Box) -> bool:
    across = abs(point[0] - box.x) / (box.width / 2)
    along = abs(point[1] - box.y) / (box.height / 2)
    if box.kind == "choice":
        return abs(across + along - 1) < 0.05
    return abs(max(across, along) - 1) < 0.02


def test_arrows_that_cross_hop_over_each_other(drawn: tuple[Arrow, ...]) -> None:
    crossings, hops = set(), set()
    for arrow in drawn:
        way = route(arrow, BOXES)
        hops |= {(x, way.points[-1][1]) for x in way.hops}
        for other in drawn:
            joined = way.joins or route(other, BOXES).joins
            if other is arrow or (joined and other.target is arrow.target):
                continue
            crossings |= {
                (up.left + 0.5, level.top + 0.5)
                for level in _stretches(arrow)
                for up in _stretches(other)
                if level.bottom - level.top == 1 and up.right - up.left == 1 and up.meets(level)
            }
    assert crossings == hops


def test_the_picture_is_well_formed_and_says_what_it_shows(edges: tuple[Edge, ...]) -> None:
    picture = ElementTree.fromstring(draw("svg"))
    assert picture.get("viewBox") == f"0 0 {WIDTH} {HEIGHT}"
    assert picture.get("role") == "img"
    assert picture.get("aria-labelledby") == "title desc"
    assert picture.findtext(f"{SVG}title") == "A call, phase by phase"
    told = picture.findtext(f"{SVG}desc") or ""
    assert "announcing to reminding: *#* keyed" in told
    texts = ["".join(text.itertext()) for text in picture.iter(f"{SVG}text")]
    for said in (*(edge.after.value for edge in edges), *notes(edges), "what decides"):
        assert said in texts
    lowest = max(float(text.get("y") or 0) for text in picture.iter(f"{SVG}text"))
    assert lowest < HEIGHT - 8
    sizes = [float(size) for size in re.findall(r"font-size: ([\d.]+)px", draw("svg"))]
    assert min(sizes) >= 11.5


# Mermaid.


def test_mermaid_shows_the_same_arrows(edges: tuple[Edge, ...], drawn: tuple[Arrow, ...]) -> None:
    text = mermaid(edges)
    ways = re.findall(r"^ +(p_\w+) --> (p_\w+) : ", text, re.M)
    name = {place: f"p_{place.name.lower()}" for place in (*Phase, *Extra)}
    assert sorted(ways) == sorted((name[a.source], name[a.target]) for a in drawn)
    assert "p_announcing --> p_reminding : *#35;* keyed" in text
    assert "p_intent --> p_starting : intent on disk? yes" in text


def test_mermaid_declares_each_state_once_and_holds_nothing_it_misreads(
    edges: tuple[Edge, ...],
) -> None:
    lines = mermaid(edges).splitlines()
    body = lines[lines.index("stateDiagram-v2") + 1 :]
    declared = [m[1] for line in body if (m := re.match(r" +state .*?\b(p_\w+)", line))]
    assert len(declared) == len(set(declared))
    used = {word for line in body for word in re.findall(r"p_\w+", line)}
    assert set(declared) == used
    for line in body:
        words = line.partition(" : ")[2].replace("#35;", "")
        assert not set(words) & set(":;#"), line


def test_words_are_wrapped_with_commas_between_them() -> None:
    assert wrapped(("busy", "no answer", "unavailable"), 18) == ("busy, no answer,", "unavailable")
    assert wrapped(("limit",), 3) == ("limit",)
