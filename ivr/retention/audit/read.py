"""Read the trail: onwards from an entry, or backwards from the end."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ivr.retention.audit.files import lines_backwards, log_files, open_file, unreadable
from ivr.retention.audit.line import LONGEST, Logged, logged
from ivr.retention.model import BY


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which entries are wanted; what is empty does not matter."""

    call: str = ""
    case: str = ""
    who: str = ""
    """A person, or the user of a program that asked for one."""
    actions: frozenset[str] = frozenset()
    since: str = ""
    """The earliest ``at``, or its beginning (``2026-03-29``), in UTC."""
    until: str = ""
    """The latest ``at``, or its beginning: all that begin so belong to it."""

    def takes(self, entry: Logged) -> bool:
        """Whether an entry is wanted."""
        return (
            (not self.call or entry.call == self.call)
            and (not self.case or entry.case == self.case)
            and (not self.who or self.who in (entry.who, *entry.who.split(BY, 1)))
            and (not self.actions or entry.action in self.actions)
            and entry.at >= self.since
            and (not self.until or entry.at[: len(self.until)] <= self.until)
        )

    @property
    def needles(self) -> tuple[bytes, ...]:
        """What each line of a wanted entry holds, so that others need not be taken apart."""
        texts = {"call": self.call, "case": self.case}
        if len(self.actions) == 1:
            texts["action"] = next(iter(self.actions))
        named = (f'"{name}":{json.dumps(text)}' for name, text in texts.items() if text)
        who = json.dumps(self.who)[1:-1]
        return tuple(each.encode("ascii") for each in (*named, who) if each)


def _taken(line: bytes, needles: tuple[bytes, ...], wanted: Wanted) -> Logged | None:
    for needle in needles:
        if needle not in line:
            return None
    entry = logged(line)
    return entry if entry is not None and wanted.takes(entry) else None


def read(folder: Path, since: int = 1, wanted: Wanted | None = None) -> Iterator[Logged]:
    """See :meth:`ivr.retention.audit.trail.Trail.read`. Raises StoreError."""
    wanted = wanted or Wanted()
    needles = wanted.needles
    files = log_files(folder)
    for number, file in enumerate(files, 1):
        if number < len(files) and files[number].first <= since:
            continue
        try:
            with open_file(file.path) as lines:
                while line := lines.readline(LONGEST):
                    if not line.endswith(b"\n"):
                        continue
                    entry = _taken(line[:-1], needles, wanted)
                    if entry is not None and entry.seq >= since:
                        yield entry
        except OSError as error:
            raise unreadable(file.path, error) from error


def last(folder: Path, most: int, wanted: Wanted | None = None) -> list[Logged]:
    """See :meth:`ivr.retention.audit.trail.Trail.last`. Raises StoreError."""
    wanted = wanted or Wanted()
    needles = wanted.needles
    found: deque[Logged] = deque()
    for file in reversed(log_files(folder)):
        for _begin, line in lines_backwards(file.path):
            if len(found) >= most:
                return list(found)
            entry = _taken(line, needles, wanted)
            if entry is not None:
                found.appendleft(entry)
    return list(found)
