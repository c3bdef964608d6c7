"""Where in the site's YAML something is written, beyond what a route keeps of it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from ivr.config.document import Document, Source, Where
from ivr.config.groups import telephones
from ivr.config.hours import Hours, UnknownYear, bank_holidays
from ivr.config.lines import number_of
from ivr.config.reading import read
from ivr.config.settings import Site
from ivr.config.telephone import same_number
from ivr.config.times import days_of


class Files:
    """The files of a site without mistakes, read when they are asked for."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._read: dict[Path, Document] = {}

    @property
    def site(self) -> Document:
        """The site's own file."""
        return self._document(self._site.file)

    @property
    def policy(self) -> Document:
        """``policy.yaml``."""
        return self._document(self._site.dialplan / "policy.yaml")

    @property
    def destinations(self) -> Document:
        """``destinations.yaml``."""
        return self._document(self._site.dialplan / "destinations.yaml")

    def team(self, name: str) -> Document:
        """A team's file."""
        return self._document(self._site.dialplan / "teams" / f"{name}.yaml")

    def prompt(self, language: str, name: str) -> Source | None:
        """Where a prompt stands in its catalogue."""
        return self._document(self._site.prompts / f"{language}.yaml").source(("prompts", name))

    def exempt(self, numbers: Iterable[str]) -> Source | None:
        """Which entry makes one of these numbers exempt."""
        for where, text in _texts(self.policy, "exempt"):
            if any(same_number(text, number) for number in numbers):
                return self.policy.source(where)
        return self.policy.source(("exempt",))

    def emergency(self, number: str) -> Source | None:
        """Which entry makes a number one for help; what is dialled before it does not matter."""
        for where, text in _texts(self.policy, "emergency", "numbers"):
            if number.endswith(text):
                return self.policy.source(where)
        return self.policy.source(("emergency",))

    def context(self, context: str) -> Source | None:
        """Where the site says that this is a context of its calls."""
        for key in ("context", "staff_context"):
            if self.site.text("render", key) == context:
                return self.site.source(("render", key))
        return None

    def extension(self, number: str, teams: Iterable[str]) -> Source | None:
        """Which team's extension a number is, or which destination's telephone."""
        for name in teams:
            for where, text in _texts(self.team(name), "extensions"):
                if text == number:
                    return self.team(name).source(where)
        for name in self.destinations.names():
            for leg, where in telephones(self.destinations, name):
                if number_of(leg) == number:
                    return self.destinations.source(where)
        return None

    def hours(self, team: str, hours: Hours, at: datetime) -> Source | None:
        """The line that decides whether a team is open at a moment."""
        document, day = self.team(team), hours.local(at).date()
        if day in hours.closed_on:
            return self._day_off(document, day.isoformat())
        try:
            holiday = day in bank_holidays(hours.holidays, day.year)
        except UnknownYear:
            holiday = False
        if holiday:
            return document.source(("holidays",)) or self.policy.source(("defaults", "holidays"))
        written = document.at("hours")
        for key in written if isinstance(written, dict) else ():
            if day.weekday() in days_of(key):
                return document.source(("hours", key))
        return document.source(("hours",))

    def _day_off(self, team: Document, day: str) -> Source | None:
        for document, way in ((team, ("closed_on",)), (self.policy, ("defaults", "closed_on"))):
            for where, text in _texts(document, *way):
                if text == day:
                    return document.source(where)
        return None

    def _document(self, path: Path) -> Document:
        if path not in self._read:
            self._read[path] = read(path)
        return self._read[path]


def _texts(document: Document, *way: str | int) -> Iterable[tuple[Where, str]]:
    """Every text below a place, with its own place."""
    for where in document.values:
        text = document.text(*where)
        if where[: len(way)] == way and text is not None:
            yield where, text
