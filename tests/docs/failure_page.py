"""A page of the run book about one failure, and whoever reads it and does what it says.

A page has the same five headings as all others. Below them stand

- tables of signs: a line of the log, a metric with its value, a page of the engine,
- and blocks of commands, each with the output that is to be expected; ``...`` in a line stands
  for any text, on a line of its own for any lines.

Where a failure has several faces, each has a heading of its own below the five.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from tests.docs.pages import ROOT

FOLDER = ROOT / "docs" / "runbook"
SEEN, MEANWHILE, DO, OVER, AFTER = HEADINGS = (
    "What is seen",
    "Meanwhile",
    "What to do",
    "It is over when",
    "Afterwards",
)
GROWS = "grows"

_ROW = re.compile(r"^\| (log|metric|page) \| ([^|]+?) \|.*\|$")
_LOGGED = re.compile(r"\*\*(.+?)\*\*")
_QUOTED = re.compile(r"`(.+?)`")
_BLOCK = re.compile(r"^```console\n(.*?)^```$", re.DOTALL | re.MULTILINE)
_HEADING = re.compile(r"^(##|###) (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Sign:
    """Something that one sees."""

    kind: str
    """``log``, ``metric`` or ``page``."""
    what: str
    """The line's text, the metric with its labels, or the page's path."""
    value: str = ""
    """Of a metric, or ``grows``; of a page, its status, or ``no answer``."""


@dataclass(frozen=True, slots=True)
class Command:
    """Something to type, and what it prints."""

    text: str
    output: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """What stands below one heading."""

    heading: str
    """One of the five."""
    about: str
    """The heading below it; empty where it has none."""
    signs: tuple[Sign, ...]
    commands: tuple[Command, ...]

    @property
    def tells(self) -> bool:
        """Whether there is anything in it that can be tried."""
        return bool(self.signs or self.commands)


@dataclass(frozen=True, slots=True)
class Page:
    """One failure."""

    name: str
    text: str
    parts: tuple[Part, ...]

    @classmethod
    def read(cls, name: str) -> Page:
        """The page of this name, without its end."""
        text = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
        return cls(name, text, tuple(_parts(text)))


def names() -> list[str]:
    """The names of all pages."""
    return sorted(path.stem for path in FOLDER.glob("*.md"))


def _parts(text: str) -> Iterator[Part]:
    pieces = _HEADING.split(text)[1:]
    heading = ""
    for level, title, body in zip(pieces[::3], pieces[1::3], pieces[2::3], strict=True):
        heading, about = (title, "") if level == "##" else (heading, title)
        yield Part(heading, about, tuple(_signs(body)), tuple(_commands(body)))


def _signs(body: str) -> Iterator[Sign]:
    for line in body.splitlines():
        row = _ROW.match(line)
        if row is None:
            continue
        kind, what = row[1], row[2]
        if kind == "log":
            yield from (Sign(kind, text) for text in _LOGGED.findall(what))
            continue
        (quoted,) = _QUOTED.findall(what)
        yield Sign(kind, quoted, what.rpartition("`")[2].strip())


def _commands(body: str) -> Iterator[Command]:
    for block in _BLOCK.findall(body):
        for told in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            text, *output = told.rstrip("\n").split("\n")
            yield Command(text, tuple(output))


class World(Protocol):
    """Where a failure is brought about, as whoever reads the page can look at it."""

    @property
    def logged(self) -> list[str]:
        """The texts of the lines of the log."""

    def page(self, path: str) -> tuple[int, str] | None:
        """Status and body of a page of the engine; None where nothing answers."""

    def run(self, command: str) -> list[str]:
        """What a command prints, line by line."""


@dataclass(frozen=True, slots=True)
class Reader:
    """Sees, types and compares what a page says."""

    page: Page

    def reads(self, world: World, heading: str, about: str = "") -> None:
        """All signs of a part are there, and its commands print what it says."""
        part = self._part(heading, about)
        assert part.tells, f"{self.page.name}.md: nothing to be tried below {heading} {about}"
        for sign in part.signs:
            assert_seen(world, sign)
        for command in part.commands:
            printed = world.run(command.text)
            assert fits(printed, command.output), unlike(self.page.name, command, printed)

    def signs(self, heading: str, about: str = "") -> tuple[Sign, ...]:
        """What is seen, for who looks elsewhere."""
        return self._part(heading, about).signs

    def _part(self, heading: str, about: str) -> Part:
        (part,) = [
            part for part in self.page.parts if (part.heading, part.about) == (heading, about)
        ]
        return part


def unlike(page: str, command: Command, printed: list[str]) -> str:
    """What to say of an output that is not the one of the page."""
    expected = "\n".join(command.output)
    return f"{page}.md: $ {command.text}\n{expected}\n--- but it printed\n" + "\n".join(printed)


def fits(printed: list[str], output: tuple[str, ...]) -> bool:
    """Whether this is the output that a page shows."""
    pattern = ""
    for line in output:
        if line == "...":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += ".*".join(re.escape(piece) for piece in line.split("...")) + r" *\n"
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in printed)) is not None


def assert_seen(world: World, sign: Sign) -> None:
    """The sign is there now."""
    if sign.kind == "log":
        assert sign.what in world.logged, f"{sign.what!r} was not logged: {world.logged}"
        return
    if sign.kind == "page":
        answer = world.page(sign.what)
        status = "no answer" if answer is None else str(answer[0])
        assert status == sign.value, (sign, answer)
        return
    value = metric(world, sign.what)
    assert value is not None, f"there is no {sign.what}"
    if sign.value == GROWS:
        assert value > 0, sign
    else:
        assert value == float(sign.value), sign


def metric(world: World, name: str) -> float | None:
    """A metric's value; None where there is none."""
    answer = world.page("/metrics")
    assert answer is not None, "the engine does not answer"
    for line in answer[1].splitlines():
        told, _space, value = line.rpartition(" ")
        if told == name:
            return float(value)
    return None


def as_logged(events: list[dict[str, object]]) -> list[str]:
    """Lines of the log as the journal of systemd shows them."""
    return [json.dumps(one, default=str) for one in events]
