"""A mistake in what people edit: where it is and what to write instead (R20)."""

from __future__ import annotations

import difflib
import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

_LONGEST_QUOTE = 60
_MOST_NAMES = 12


@dataclass(frozen=True, order=True, slots=True)
class Mistake:
    """One thing that is wrong; sorts by file, line and column, and prints as one line."""

    path: str
    """The file as it is shown to people: relative to the working folder where it lies in it."""
    line: int
    """From 1."""
    column: int
    """From 1, in characters."""
    text: str
    """What is wrong, what was expected, and the nearest right word where there is one."""

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}: {self.text}"


def shown(path: Path) -> str:
    """The path as people read it: relative to the working folder where it lies in it."""
    whole = os.path.normpath(path.absolute())
    near = os.path.relpath(whole)
    return printable(whole if near.split(os.sep)[0] == os.pardir else near)


def printable(text: str) -> str:
    """The text on one line: what cannot be printed (line feeds, surrogates) is written out."""
    return "".join(
        c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text
    )


def quoted(text: str) -> str:
    """The text in double quotes, on one line, cut where it is long."""
    cut = text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE] + "…"
    return '"' + printable(cut.replace("\\", "\\\\").replace('"', '\\"')) + '"'


def did_you_mean(wrong: str, right: Iterable[str]) -> str:
    """The end of a mistake's text that offers the nearest right word; empty where none is near."""
    words = {word.casefold(): word for word in right}
    near = difflib.get_close_matches(wrong.casefold(), sorted(words), n=1, cutoff=0.6)
    return f", did you mean {quoted(words[near[0]])}?" if near else ""


def one_of(words: Collection[str]) -> str:
    """The words as an expectation, in their order, shortened where they are many."""
    names = [quoted(word) for word in words]
    if not names:
        return "one, but there are none"
    if len(names) == 1:
        return names[0]
    if len(names) > _MOST_NAMES:
        return f"one of {', '.join(names[:_MOST_NAMES])} … ({len(names)} in all)"
    return f"one of {', '.join(names)}"
