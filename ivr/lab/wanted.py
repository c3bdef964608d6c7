"""Which events a client of the event socket asked for (docs/freeswitch.md 2, 10c, 53)."""

from __future__ import annotations

import re

from ivr.lab.event import Event
from ivr.lab.names import EVENT_NAMES


class Wanted:
    """The names, the filters and the format of one connection."""

    def __init__(self) -> None:
        self.format = "plain"
        """``plain`` or ``json``."""
        self.names: set[str] = set()
        self.subclasses: set[str] = set()
        """Of CUSTOM events."""
        self.filters: list[tuple[str, str]] = []
        """Header and value, in the order in which they were asked for."""

    def passes(self, event: Event) -> bool:
        """Whether an event is one of those that were asked for."""
        if event.name not in self.names:
            return False
        if event.name == "CUSTOM" and event.get("Event-Subclass") not in self.subclasses:
            return False
        return not self.filters or _passes(event, self.filters)

    def written(self, event: Event) -> bytes:
        """The event as it goes out."""
        return event.json() if self.format == "json" else event.plain()

    def event(self, rest: str) -> str:
        """``event``: more names, in a format from now on; the reply."""
        words = re.split(r"[ ,]+", rest)
        if words and words[0].lower() in {"plain", "json", "xml"}:
            self.format = words.pop(0).lower()
        names, subclasses = _read_names(words)
        if not names and not subclasses:
            return "-ERR no keywords supplied"
        self.names |= names
        self.subclasses |= subclasses
        return f"+OK event listener enabled {self.format}"

    def nixevent(self, rest: str) -> str:
        """``nixevent``: fewer names; the reply."""
        names, subclasses = _read_names(re.split(r"[ ,]+", rest))
        if not names and not subclasses:
            return "-ERR no keywords supplied"
        self.names -= names - {"CUSTOM"} if subclasses else names
        self.subclasses -= subclasses
        return "+OK events nixed"

    def noevents(self) -> str:
        """``noevents``: none; the reply."""
        if not self.names:
            return "-ERR not listening for events"
        self.names.clear()
        self.subclasses.clear()
        return "+OK no longer listening for events"

    def filter(self, rest: str) -> str:
        """``filter [add|delete] header value``; the reply."""
        if not rest:
            return ""
        name, _, value = rest.partition(" ")
        if name.lower() == "delete" and value:
            name, _, value = value.partition(" ")
            self.filters[:] = [
                one
                for one in self.filters
                if name.lower() != "all"
                and (one[0].lower() != name.lower() or (value and one[1] != value))
            ]
            return f"+OK filter deleted. [{name}][{value}]"
        if name.lower() == "add" and value:
            name, _, value = value.partition(" ")
        if not value:
            return "-ERR invalid syntax"
        self.filters.append((name, value))
        return f"+OK filter added. [{name}]=[{value}]"


def _read_names(words: list[str]) -> tuple[set[str], set[str]]:
    """The event names among words, ``ALL`` spelt out; what follows CUSTOM are subclasses."""
    names: set[str] = set()
    subclasses: set[str] = set()
    custom = False
    for word in words:
        name = word.upper()
        if custom and word:
            subclasses.add(word)
        elif name == "ALL":
            names |= EVENT_NAMES
        elif name in EVENT_NAMES:
            names.add(name)
            custom = name == "CUSTOM"
    return names, subclasses


def _passes(event: Event, filters: list[tuple[str, str]]) -> bool:
    """FreeSWITCH's filters: one that fits is enough, one with ``-`` in front that fits is not.

    A value is compared whole, its case aside, or is a regular expression after ``/``. An
    event without the header passes no filter.
    """
    passes = False
    for name, text in filters:
        value = event.get(name)
        if value is None:
            continue
        wanted = text.lstrip("+- ")
        negative = text.startswith("-")
        if passes and not negative:
            continue
        have = value if isinstance(value, str) else "ARRAY::" + "|:".join(value)
        if wanted.startswith("/"):
            fits = found_by(wanted.strip("/"), have)
        else:
            fits = have.lower() == wanted.lower()
        if fits and negative:
            return False
        passes = passes or fits
    return passes


def found_by(pattern: str, text: str) -> bool:
    """Whether a regular expression of a client is found; a broken one never is."""
    try:
        return re.search(pattern, text) is not None
    except re.error:
        return False
