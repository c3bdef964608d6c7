"""What a person sees while calls take place: a live time line, or a line a step."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from ivr.demo.glyphs import STYLES, Glyphs, glyphs_for
from ivr.demo.play import Placed
from ivr.demo.story import Line, Span

FRAME_MS = 100
"""As often the screen is drawn."""

_STATE_COLUMNS = 22
_LEAST_BAR = 10
_AXIS_STEP_S = 5
_SHORT_MS = 200
"""A stretch shorter than this, other than a connection, is not drawn."""
_COARSE_MS = 450
"""Where a column is longer than this, keys that were pressed in one go share a mark."""
_PRESSED_MS = 900
"""So long after a key the state says which were pressed."""
_ROOM = 1.08
"""The line is longer than the calls last: room for the last mark."""


class PlainLines:
    """One line a step, for pipes, files and terminals that cannot be drawn on."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._glyphs = glyphs_for(console)

    def begin(self, placed: Sequence[Placed], expected_ms: int) -> None:
        """See :class:`ivr.demo.play.View`."""
        self._console.print(f"Calls, side by side, for about {expected_ms / 1000:.0f} s:")

    def told(self, placed: Placed, line: Line) -> None:
        """See :class:`ivr.demo.play.View`."""
        mark, style = "", ""
        if placed.complaints is not None:
            good = not placed.complaints
            mark = f"{self._glyphs.good if good else self._glyphs.bad} "
            style = "green" if good else "bold red"
        text = f"{line.at_ms / 1000:5.1f} s  {placed.name:<28}  {mark}{line.text}"
        self._console.print(
            Text(text, style=style), soft_wrap=True, highlight=False, overflow="ignore"
        )

    def look(self, now_ms: int) -> None:
        """See :class:`ivr.demo.play.View`."""

    def end(self) -> None:
        """See :class:`ivr.demo.play.View`."""


class LiveScreen:
    """One row a call, whose line grows."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._glyphs = glyphs_for(console)
        self._live = Live(console=console, auto_refresh=False, redirect_stdout=False)
        self._placed: Sequence[Placed] = ()
        self._whole_ms = 1
        self._drawn_ms = -FRAME_MS
        self._now_ms = 0

    def begin(self, placed: Sequence[Placed], expected_ms: int) -> None:
        """See :class:`ivr.demo.play.View`."""
        self._placed = placed
        self._whole_ms = expected_ms
        self._live.start()

    def told(self, placed: Placed, line: Line) -> None:
        """See :class:`ivr.demo.play.View`."""

    def look(self, now_ms: int) -> None:
        """See :class:`ivr.demo.play.View`."""
        self._now_ms = now_ms
        if now_ms - self._drawn_ms >= FRAME_MS:
            self._drawn_ms = now_ms
            self._draw()

    def end(self) -> None:
        """See :class:`ivr.demo.play.View`."""
        self._draw()
        self._live.stop()

    def _draw(self) -> None:
        self._live.update(
            frame(self._placed, self._now_ms, self._whole_ms, self._console.width, self._glyphs),
            refresh=True,
        )


def frame(
    placed: Sequence[Placed], now_ms: int, expected_ms: int, width: int, glyphs: Glyphs
) -> Group:
    """The whole picture at one moment."""
    names = min(max((len(one.name) for one in placed), default=0), max(width // 3, 8) + 2)
    columns = max(_LEAST_BAR, width - names - _STATE_COLUMNS - 3)
    whole_ms = max(expected_ms, now_ms) * _ROOM
    over = sum(one.complaints is not None for one in placed)
    head = Text.assemble(
        (f"{now_ms / 1000:5.1f} s", "bold"),
        f"   {len(placed) - over} calls in progress, {over} over and checked",
    )
    rows = [head, _axis(names, columns, whole_ms)]
    for one in placed:
        row = Text(no_wrap=True, overflow="crop")
        row.append(_cut(one.name, names).ljust(names + 1))
        row.append_text(bar(one, now_ms, whole_ms, columns, glyphs))
        row.append(" ")
        row.append_text(_state(one, now_ms, glyphs))
        rows.append(row)
    return Group(Text(), *rows, Text(), _legend(glyphs), _keys(_coarse(whole_ms, columns), glyphs))


def _cut(text: str, columns: int) -> str:
    return text if len(text) <= columns else text[: columns - 1] + "."


def _axis(names: int, columns: int, whole_ms: float) -> Text:
    line = [" "] * (columns + 4)
    second, free = 0, 0
    while second * 1000 <= whole_ms:
        at = int(second * 1000 / whole_ms * columns)
        label = f"{second}" if second else "0 s"
        if at >= free and at + len(label) <= len(line):
            line[at : at + len(label)] = label
            free = at + len(label) + 1
        second += _AXIS_STEP_S
    return Text(" " * (names + 1) + "".join(line).rstrip(), style="dim", no_wrap=True)


def bar(placed: Placed, now_ms: int, whole_ms: float, columns: int, glyphs: Glyphs) -> Text:
    """The time line of one call, as far as it has come."""
    cells: list[tuple[str, str]] = [(glyphs.nothing, "")] * columns
    story, began = placed.story, placed.began_ms

    def column(ms: float) -> int:
        return min(int(ms / whole_ms * columns), columns - 1)

    for segment in story.segments:
        begin = began + segment.begin_ms
        end = now_ms if segment.end_ms is None else began + segment.end_ms
        talk = segment.span in (Span.CONNECTED, Span.RECORDED, Span.PAUSED)
        if segment.end_ms is not None and end - begin < _SHORT_MS and not talk:
            continue
        for at in range(column(begin), column(max(end - 1, begin)) + 1):
            cells[at] = (glyphs.spans[segment.span], STYLES[segment.span])
    coarse = _coarse(whole_ms, columns)
    free = 0
    for number, (at_ms, key) in enumerate(story.keys):
        if coarse and len(story.burst(number)[1]) > 1:
            continue
        at = max(column(began + at_ms), free)
        if at < columns:
            cells[at] = (key, "bold")
        free = at + 1
    for at_ms in story.hidden:
        cells[column(began + at_ms)] = (glyphs.hidden, "bold")
    if story.ended_ms is not None:
        at = min(max(column(began + story.ended_ms) + 1, free), columns - 1)
        cells[at] = (glyphs.end, "bold")
    return Text.assemble(*cells)


def _coarse(whole_ms: float, columns: int) -> bool:
    return whole_ms / columns > _COARSE_MS


def _state(placed: Placed, now_ms: int, glyphs: Glyphs) -> Text:
    if placed.complaints == []:
        return Text(f"{glyphs.good} as the script says", style="green")
    if placed.complaints:
        return Text(f"{glyphs.bad} not as it should be", style="bold red")
    story = placed.story
    if story.keys and story.ended_ms is None:
        last = len(story.keys) - 1
        if now_ms - placed.began_ms - story.keys[last][0] < _PRESSED_MS:
            return Text(f"presses {story.burst(last)[1]}", style="bold")
    if (
        story.hidden
        and story.ended_ms is None
        and now_ms - placed.began_ms - story.hidden[-1] < _PRESSED_MS
    ):
        return Text(f"presses {story.last_hidden} keys", style="bold")
    recorded = story.state.endswith("recorded")
    return Text(story.state, style="bold red" if recorded else "")


def _legend(glyphs: Glyphs) -> Text:
    words = {
        Span.ANNOUNCEMENT: "announcement",
        Span.REMINDER: "reminder",
        Span.DECIDING: "waits",
        Span.MESSAGE: "message",
        Span.RINGING: "rings",
        Span.RECORDED: "recorded",
        Span.PAUSED: "paused",
    }
    legend = Text(no_wrap=True, overflow="crop")
    for span, word in words.items():
        legend.append(glyphs.spans[span], STYLES[span])
        legend.append(f" {word}  ", "dim")
    legend.rstrip()
    return legend


def _keys(coarse: bool, glyphs: Glyphs) -> Text:
    """What the marks are that are no lines."""
    text = f"{glyphs.end} end  {glyphs.hidden} keys not shown  0 to 9, * and # keys"
    if coarse:
        text += "; of several in one go, the first"
    return Text(text, style="dim", no_wrap=True, overflow="crop")
