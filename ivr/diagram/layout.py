"""Where everything stands in the picture: the only part that is laid by hand.

All numbers are units of the picture, which is 900 wide. What the code knows and this
table does not is put into a column of its own, and a test says so.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from ivr.core.state import Phase
from ivr.diagram.arrows import Arrow, Extra, Place

WIDTH, HEIGHT = 900, 1625
SPARE_WIDTH = 220
"""How much wider the picture gets for what has no place in it."""

Kind = Literal["call", "opt-out", "trouble", "choice", "any", "frame"]
Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Box:
    """Something that arrows lead to and from."""

    x: float
    """Of its middle."""
    y: float
    width: float
    height: float
    kind: Kind
    says: str = ""
    """What the phase is for, where nothing is done on the way in."""

    @property
    def left(self) -> float:
        """The smallest x."""
        return self.x - self.width / 2

    @property
    def right(self) -> float:
        """The greatest x."""
        return self.x + self.width / 2

    @property
    def top(self) -> float:
        """The smallest y."""
        return self.y - self.height / 2

    @property
    def bottom(self) -> float:
        """The greatest y."""
        return self.y + self.height / 2


@dataclass(frozen=True, slots=True)
class Label:
    """Where an arrow's words stand."""

    x: float
    y: float
    """Of the first line's baseline."""
    anchor: Literal["start", "middle", "end"] = "start"
    columns: int = 40
    """Letters that fit into a line."""


@dataclass(frozen=True, slots=True)
class Route:
    """How an arrow runs: corners, its words, and how it is drawn."""

    points: tuple[Point, ...]
    label: Label
    kind: Kind = "call"
    main: bool = False
    """Part of the ordinary call."""
    joins: bool = False
    """Ends on another arrow instead of a box, so it has no head."""
    hops: tuple[float, ...] = ()
    """Where on its last stretch, a level one, it hops over arrows that it crosses: their x."""


def _phase(x: float, y: float, kind: Kind, says: str = "", width: float = 160) -> Box:
    return Box(x, y, width, 52, kind, says)


BOXES: dict[Place, Box] = {
    Phase.NEW: Box(430, 116, 100, 34, "call"),
    Phase.ANSWERING: _phase(430, 215, "call"),
    Phase.ANNOUNCING: _phase(430, 318, "call"),
    Phase.LAST_KEYS: _phase(346, 430, "opt-out", "*#* half keyed", 116),
    Extra.INTENT: Box(430, 545, 116, 60, "choice"),
    Phase.SECURING: _phase(590, 650, "call", "intent goes to disk", 130),
    Phase.STARTING: _phase(430, 755, "call"),
    Phase.DIALLING: _phase(430, 870, "call"),
    Phase.CONNECTED: _phase(430, 985, "call", "caller and agent talk"),
    Phase.CLOSING: _phase(430, 1315, "call", "waits for RECORD_STOP"),
    Phase.DONE: _phase(430, 1430, "call"),
    Extra.OPTING_OUT: Box(115, 480, 202, 228, "frame"),
    Phase.REMINDING: _phase(115, 430, "opt-out", width=140),
    Phase.DECIDING: _phase(115, 545, "opt-out", "waits for a key", 140),
    Phase.FAREWELL: _phase(115, 700, "opt-out", width=140),
    Extra.WITHOUT: Box(810, 650, 124, 60, "choice"),
    Phase.APOLOGISING: _phase(790, 870, "trouble", "tells the caller why"),
    Phase.PARTED: _phase(790, 985, "trouble", "the agent has gone"),
    Phase.REFUSING: _phase(770, 1094, "trouble", "tells the agent", 120),
    Phase.ENDING: _phase(790, 1202, "trouble"),
    Phase.UNLINKED: _phase(790, 1340, "trouble", "socket lost, call goes on"),
}

PILLS: dict[Place, Box] = {
    Phase.CLOSING: Box(115, 1315, 140, 28, "any"),
    Phase.DONE: Box(115, 1430, 140, 28, "any"),
    Phase.UNLINKED: Box(620, 1385, 110, 28, "any"),
}
"""Where "any phase" stands, by the place that it leads to."""

ROUTES: dict[tuple[Place, Place], Route] = {
    # The ordinary call, straight down.
    (Phase.NEW, Phase.ANSWERING): Route(((430, 133), (430, 189)), Label(440, 165), main=True),
    (Phase.ANSWERING, Phase.ANNOUNCING): Route(
        ((430, 241), (430, 292)), Label(440, 271), main=True
    ),
    (Phase.ANNOUNCING, Extra.INTENT): Route(((430, 344), (430, 515)), Label(440, 412), main=True),
    (Extra.INTENT, Phase.STARTING): Route(((430, 575), (430, 729)), Label(440, 655), main=True),
    (Phase.STARTING, Phase.DIALLING): Route(((430, 781), (430, 844)), Label(440, 808), main=True),
    (Phase.DIALLING, Phase.CONNECTED): Route(((430, 896), (430, 959)), Label(440, 932), main=True),
    (Phase.CONNECTED, Phase.CLOSING): Route(
        ((430, 1011), (430, 1289)), Label(420, 1100, "end", 12), main=True
    ),
    (Phase.CLOSING, Phase.DONE): Route(
        ((430, 1341), (430, 1404)), Label(440, 1362, columns=18), main=True
    ),
    # Keys half keyed when the announcement is over.
    (Phase.ANNOUNCING, Phase.LAST_KEYS): Route(
        ((385, 344), (385, 404)), Label(378, 368, "end", 14)
    ),
    (Phase.LAST_KEYS, Phase.LAST_KEYS): Route(
        ((304, 456), (304, 475), (326, 475), (326, 456)), Label(298, 472, "end"), "opt-out"
    ),
    (Phase.LAST_KEYS, Phase.REMINDING): Route(
        ((288, 430), (185, 430)), Label(252, 423, "middle"), "opt-out"
    ),
    (Phase.LAST_KEYS, Extra.INTENT): Route(
        ((360, 456), (360, 530), (401, 530)), Label(352, 498, "end", 10)
    ),
    # The intent and the start of the recording.
    (Extra.INTENT, Phase.SECURING): Route(((459, 560), (590, 560), (590, 624)), Label(598, 596)),
    (Extra.INTENT, Extra.WITHOUT): Route(
        ((488, 545), (785, 545), (785, 632)), Label(640, 538, "middle"), "trouble"
    ),
    (Phase.SECURING, Phase.STARTING): Route(((590, 676), (590, 745), (510, 745)), Label(598, 714)),
    (Phase.STARTING, Phase.SECURING): Route(
        ((480, 729), (480, 716), (560, 716), (560, 676)), Label(466, 690, columns=14), "trouble"
    ),
    (Phase.SECURING, Extra.WITHOUT): Route(
        ((655, 650), (748, 650)), Label(700, 628, "middle", 13), "trouble"
    ),
    (Phase.STARTING, Extra.WITHOUT): Route(
        ((510, 768), (785, 768), (785, 668)), Label(660, 762, "middle"), "trouble"
    ),
    (Phase.ANNOUNCING, Extra.WITHOUT): Route(
        ((510, 318), (810, 318), (810, 620)), Label(520, 311, columns=60), "trouble"
    ),
    (Extra.WITHOUT, Phase.DIALLING): Route(
        ((800, 675), (800, 816), (540, 816), (540, 858), (510, 858)),
        Label(680, 809, "middle"),
        "trouble",
    ),
    (Extra.WITHOUT, Phase.APOLOGISING): Route(
        ((832, 669), (832, 844)), Label(839, 740, columns=6), "trouble"
    ),
    # Opting out.
    (Phase.ANNOUNCING, Phase.REMINDING): Route(
        ((350, 330), (140, 330), (140, 404)), Label(150, 346), "opt-out"
    ),
    (Extra.OPTING_OUT, Phase.ANNOUNCING): Route(
        ((60, 366), (60, 305), (350, 305)), Label(70, 298), "opt-out"
    ),
    (Phase.REMINDING, Phase.DECIDING): Route(
        ((122, 456), (122, 519)), Label(129, 484, columns=12), "opt-out"
    ),
    (Phase.DECIDING, Phase.REMINDING): Route(
        ((90, 519), (90, 456)), Label(82, 491, "end", 10), "opt-out"
    ),
    (Phase.REMINDING, Phase.REMINDING): Route(
        ((88, 404), (88, 386), (110, 386), (110, 404)), Label(82, 395, "end"), "opt-out"
    ),
    (Extra.OPTING_OUT, Extra.INTENT): Route(
        ((216, 545), (372, 545)), Label(275, 538, "middle"), "opt-out"
    ),
    (Extra.OPTING_OUT, Phase.FAREWELL): Route(
        ((90, 594), (90, 674)), Label(82, 628, "end", 11), "opt-out"
    ),
    (Phase.DECIDING, Phase.FAREWELL): Route(((130, 571), (130, 674)), Label(138, 634), "opt-out"),
    (Phase.FAREWELL, Phase.ENDING): Route(
        ((115, 726), (115, 1214), (710, 1214)), Label(123, 760), "opt-out", hops=(430, 695)
    ),
    # Trouble.
    (Phase.ANSWERING, Phase.ENDING): Route(
        ((510, 215), (888, 215), (888, 1196), (870, 1196)), Label(520, 208), "trouble"
    ),
    (Phase.DIALLING, Phase.APOLOGISING): Route(
        ((510, 880), (710, 880)), Label(625, 859, "middle", 18), "trouble"
    ),
    (Phase.DIALLING, Phase.ENDING): Route(
        ((350, 870), (300, 870), (300, 1214)), Label(308, 900), "trouble", joins=True
    ),
    (Phase.APOLOGISING, Phase.ENDING): Route(
        ((850, 896), (850, 930), (888, 930)), Label(842, 924, "end"), "trouble", joins=True
    ),
    (Phase.CONNECTED, Phase.PARTED): Route(
        ((510, 976), (710, 976)), Label(610, 969, "middle"), "trouble"
    ),
    (Phase.PARTED, Phase.CONNECTED): Route(
        ((710, 996), (510, 996)), Label(610, 1013, "middle"), "call"
    ),
    (Phase.CONNECTED, Phase.ENDING): Route(
        ((480, 1011), (480, 1190), (710, 1190)),
        Label(600, 1183, "middle"),
        "trouble",
        hops=(695,),
    ),
    (Phase.CONNECTED, Phase.REFUSING): Route(
        ((500, 1011), (500, 1094), (710, 1094)), Label(602, 1073, "middle", 18), "trouble"
    ),
    (Phase.UNLINKED, Phase.REFUSING): Route(
        ((710, 1348), (695, 1348), (695, 1094)),
        Label(688, 1120, "end", 18),
        "trouble",
        joins=True,
    ),
    (Phase.REFUSING, Phase.ENDING): Route(((770, 1120), (770, 1176)), Label(778, 1152), "trouble"),
    (Phase.PARTED, Phase.ENDING): Route(
        ((855, 1011), (855, 1176)), Label(848, 1042, "end"), "trouble"
    ),
    (Phase.ENDING, Phase.CLOSING): Route(
        ((725, 1228), (725, 1300), (510, 1300)), Label(600, 1293, "middle"), hops=(695,)
    ),
    (Phase.ENDING, Phase.UNLINKED): Route(
        ((805, 1228), (805, 1314)), Label(798, 1256, "end", 10), "trouble"
    ),
    (Phase.UNLINKED, Phase.ENDING): Route(
        ((850, 1314), (850, 1228)), Label(843, 1290, "end"), "trouble"
    ),
    (Phase.UNLINKED, Phase.CLOSING): Route(
        ((710, 1330), (510, 1330)), Label(600, 1323, "middle"), hops=(695,)
    ),
    (Phase.ENDING, Phase.DONE): Route(
        ((870, 1214), (884, 1214), (884, 1443), (510, 1443)), Label(520, 1460, columns=60)
    ),
    (Phase.UNLINKED, Phase.DONE): Route(
        ((840, 1366), (840, 1420), (510, 1420)), Label(520, 1413, columns=60)
    ),
    # What can happen in any phase.
    (Extra.ANY, Phase.CLOSING): Route(
        ((185, 1315), (350, 1315)), Label(268, 1308, "middle"), "any"
    ),
    (Extra.ANY, Phase.DONE): Route(
        ((185, 1430), (350, 1430)), Label(268, 1395, "middle", 22), "any"
    ),
    (Extra.ANY, Phase.UNLINKED): Route(
        ((675, 1385), (760, 1385), (760, 1366)), Label(685, 1379), "any"
    ),
}


def unplaced(arrows: Iterable[Arrow]) -> tuple[Place, ...]:
    """Places that the table does not know, in the order of the arrows."""
    arrows = tuple(arrows)
    both = [place for arrow in arrows for place in (arrow.source, arrow.target)]
    return tuple(dict.fromkeys(p for p in both if p is not Extra.ANY and p not in BOXES))


def unrouted(arrows: Iterable[Arrow]) -> tuple[Arrow, ...]:
    """Arrows that the table does not know how to lead."""
    return tuple(arrow for arrow in arrows if (arrow.source, arrow.target) not in ROUTES)


def boxes(arrows: Iterable[Arrow]) -> dict[Place, Box]:
    """The boxes of all places; those without a place of their own in a column at the right."""
    spare = {
        place: Box(WIDTH + SPARE_WIDTH / 2, 215 + 100 * at, 160, 52, "trouble")
        for at, place in enumerate(unplaced(arrows))
    }
    return BOXES | spare


def route(arrow: Arrow, box: dict[Place, Box]) -> Route:
    """How this arrow runs; straight from middle to middle where nothing better is known."""
    known = ROUTES.get((arrow.source, arrow.target))
    if known and arrow.source in (*BOXES, Extra.ANY) and arrow.target in BOXES:
        return known
    target = box[arrow.target]
    source = pill(arrow) if arrow.source is Extra.ANY else box[arrow.source]
    if source == target:
        side = source.right
        loop = ((side, source.y - 12), (side + 22, source.y - 12), (side + 22, source.y + 12))
        return Route((*loop, (side, source.y + 12)), Label(side + 26, source.y + 4), "trouble")
    start, end = _edge(source, target), _edge(target, source)
    middle = Label((start[0] + end[0]) / 2, (start[1] + end[1]) / 2 - 6, "middle")
    return Route((start, end), middle, "trouble")


def pill(arrow: Arrow) -> Box:
    """Where "any phase" stands for this arrow."""
    return PILLS.get(arrow.target) or Box(WIDTH + SPARE_WIDTH / 2, 160, 140, 28, "any")


def _edge(box: Box, towards: Box) -> Point:
    """Where the line between two middles leaves the first box."""
    dx, dy = towards.x - box.x, towards.y - box.y
    scale = min(
        box.width / 2 / abs(dx) if dx else float("inf"),
        box.height / 2 / abs(dy) if dy else float("inf"),
    )
    return (box.x + dx * scale, box.y + dy * scale)
