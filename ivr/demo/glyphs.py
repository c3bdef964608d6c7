"""What a time line is drawn with: every stretch has a mark and a colour of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from rich.console import Console

from ivr.demo.story import Span


@dataclass(frozen=True, slots=True)
class Glyphs:
    """Marks that a terminal can show; colour is never all that tells two apart."""

    spans: Mapping[Span, str]
    hidden: str
    """A key that is not told."""
    nothing: str
    """Time that is to come."""
    end: str
    good: str
    bad: str


UNICODE = Glyphs(
    {
        Span.ANNOUNCEMENT: "━",
        Span.REMINDER: "═",
        Span.DECIDING: "?",
        Span.MESSAGE: "─",
        Span.RINGING: "┄",
        Span.CONNECTED: "○",
        Span.RECORDED: "●",
        Span.PAUSED: "░",
    },
    hidden="·",
    nothing=" ",
    end="┃",
    good="✓",
    bad="✗",
)
ASCII = Glyphs(
    {
        Span.ANNOUNCEMENT: "=",
        Span.REMINDER: "~",
        Span.DECIDING: "?",
        Span.MESSAGE: "-",
        Span.RINGING: ".",
        Span.CONNECTED: "o",
        Span.RECORDED: "@",
        Span.PAUSED: "_",
    },
    hidden=":",
    nothing=" ",
    end="|",
    good="ok",
    bad="NO",
)
STYLES: Mapping[Span, str] = {
    Span.ANNOUNCEMENT: "blue",
    Span.REMINDER: "yellow",
    Span.DECIDING: "yellow",
    Span.MESSAGE: "magenta",
    Span.RINGING: "cyan",
    Span.CONNECTED: "green",
    Span.RECORDED: "bold red",
    Span.PAUSED: "cyan",
}
"""By what a stretch is."""


def glyphs_for(console: Console) -> Glyphs:
    """The marks that this terminal, file or pipe takes."""
    return ASCII if console.options.ascii_only else UNICODE
