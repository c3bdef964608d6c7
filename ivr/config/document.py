"""One file that was read: plain values, each with its place, and what is wrong with it (R20)."""

from __future__ import annotations

import stat
from dataclasses import dataclass, field
from pathlib import Path

from ivr.config.mistakes import Mistake, printable, quoted, shown

Where = tuple[str | int, ...]
"""The way to a value: keys and list positions (from 0), the root is ``()``."""


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file; both count from 1."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Source:
    """A place with its file, for people."""

    path: str
    """The file as it is shown to people."""
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.path}:{self.line}:{self.column}"


@dataclass(slots=True)
class Document:
    """A file that was read: its values, where each is, and what is wrong with it so far."""

    path: Path
    data: bytes = b""
    """As it lies on the disk; empty where it cannot be read."""
    value: object = None
    """Plain mappings, lists, text, whole numbers, true and false; ``None`` where broken."""
    mistakes: list[Mistake] = field(default_factory=list)
    broken: bool = False
    """The file as a whole has no value: missing, unreadable or not YAML."""
    values: dict[Where, Place] = field(default_factory=dict)
    keys: dict[Where, Place] = field(default_factory=dict)
    spoiled: set[Where] = field(default_factory=set)
    """Values with a mistake of their own, of which no more need be said."""
    traps: dict[Where, str] = field(default_factory=dict)
    """Values that YAML reads as something else than was written, and how it reads them; what
    was expected instead is said when the schema has been asked."""
    shown: str = field(init=False)
    """The path as people read it; made once, for thousands of places have it."""

    def __post_init__(self) -> None:
        self.shown = shown(self.path)

    def place(self, where: Where) -> Place:
        """Where the value is; for one that is not there, the nearest thing that holds it."""
        for cut in range(len(where), -1, -1):
            if found := self.values.get(where[:cut]):
                return found
        return Place(1, 1)

    def key_place(self, where: Where) -> Place:
        """Where the key is that leads to the value; for an item of a list, the item itself."""
        return self.keys.get(where) or self.place(where)

    def source(self, where: Where) -> Source | None:
        """Where the key is that leads to the value, or the item of a list; ``None`` where there is
        no such value."""
        if where not in self.values:
            return None
        place = self.key_place(where)
        return Source(self.shown, place.line, place.column)

    def say(self, where: Where, text: str, *, at_key: bool = False) -> None:
        """Note a mistake about the value (or its key), unless one was noted there already."""
        if where in self.spoiled:
            return
        place = self.key_place(where) if at_key else self.place(where)
        self.say_at(place, text)

    def say_twice(self, where: Where, each: str) -> None:
        """Note what is in a list of texts more than once."""
        listed = self.at(*where)
        seen: set[str] = set()
        for n in range(len(listed) if isinstance(listed, list) else 0):
            text = self.text(*where, n)
            if text is not None and text in seen:
                self.say((*where, n), f"{quoted(text)} is here twice, expected {each} once")
            seen.add(text or "")

    def say_at(self, place: Place, text: str) -> None:
        """Note a mistake at a place."""
        self.mistakes.append(Mistake(self.shown, place.line, place.column, text))

    def at(self, *where: str | int) -> object:
        """The plain value there, ``None`` where there is none."""
        value = self.value
        for step in where:
            if isinstance(value, dict) and isinstance(step, str):
                value = value.get(step)
            elif isinstance(value, list) and isinstance(step, int) and 0 <= step < len(value):
                value = value[step]
            else:
                return None
        return value

    def text(self, *where: str | int) -> str | None:
        """The text there, ``None`` where there is none, or not text, or it has a mistake."""
        value = self.at(*where)
        return value if isinstance(value, str) and where not in self.spoiled else None

    def names(self) -> list[str]:
        """The keys of the root, where it is a mapping."""
        return list(self.value) if isinstance(self.value, dict) else []


def file_fault(path: Path, largest: int) -> str | None:
    """Why a file cannot be read as a whole, ``None`` where it can (pipes would block)."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return "the file is missing, expected it here"
    except (OSError, ValueError) as error:
        return f"the file cannot be read ({_reason(error)}), expected a readable file"
    if not stat.S_ISREG(found.st_mode):
        return "this is not a file, expected a file"
    if found.st_size > largest:
        return f"the file has {found.st_size} bytes, expected at most {largest}"
    return None


def read_bytes(path: Path, largest: int) -> tuple[bytes, str | None]:
    """The file's bytes, and why they could not be read."""
    if fault := file_fault(path, largest):
        return b"", fault
    try:
        return path.read_bytes(), None
    except OSError as error:
        return b"", f"the file cannot be read ({_reason(error)}), expected a readable file"


def _reason(error: OSError | ValueError) -> str:
    return printable((error.strerror if isinstance(error, OSError) else None) or str(error)).lower()
