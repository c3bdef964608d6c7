"""The texts of mails, one file a language, as people edit them (R9, R15, R20)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Annotated

from pydantic import Field

from ivr.config.document import Document, Place
from ivr.config.explain import validated
from ivr.config.kinds import Kind, Known, Language, wrong
from ivr.config.load import ConfigurationError
from ivr.config.mistakes import did_you_mean, one_of, quoted
from ivr.config.reading import read
from ivr.config.strict import Strict
from ivr.errors import UsageError

PLACEHOLDERS = ("reference", "day", "team", "organisation")
"""What a text may leave to be filled in, in curly brackets."""
_PLACEHOLDER = re.compile(r"\{([^{}]*)\}")


@dataclass(frozen=True, slots=True)
class TemplateText(Kind):
    """Text in which ``{reference}`` and the like are filled in."""

    expected: str = "the text of the mail"
    lines: bool = True
    """It may have several lines."""

    def accept(self, text: str, known: Known) -> str:
        """See :class:`Kind`."""
        del known
        if not text.strip() or (not self.lines and "\n" in text):
            raise wrong(f"expected {self.expected}{'' if self.lines else ' on one line'}")
        for name in _PLACEHOLDER.findall(text):
            if name not in PLACEHOLDERS:
                words = [f"{{{each}}}" for each in PLACEHOLDERS]
                hint = did_you_mean(f"{{{name}}}", words)
                raise wrong(f"{quoted(f'{{{name}}}')} stands for nothing, expected {_all()}{hint}")
        if set(_PLACEHOLDER.sub("", text)) & {"{", "}"}:
            raise wrong(f"a curly bracket is alone, expected {_all()} and no other ones")
        return text


def _all() -> str:
    return one_of([f"{{{each}}}" for each in PLACEHOLDERS])


_Month = Annotated[str, Kind(expected="the name of a month")]


class MailFile(Strict):
    """deploy/mail/<language>.yaml: the mail with which a copy is sent."""

    language: Annotated[str, Language()]
    """The language, which is the file's name too."""
    organisation: Annotated[str, Kind(expected="the organisation's name")]
    """Who sends it, as {organisation}."""
    months: Annotated[list[_Month], Field(min_length=12, max_length=12)]
    """The names of the twelve months, as they stand in {day}."""
    subject: Annotated[str, TemplateText(expected="the subject of the mail", lines=False)]
    """The subject."""
    text: Annotated[str, TemplateText()]
    """The text. {reference}, {day}, {team} and {organisation} are filled in."""
    protected: Annotated[str, TemplateText(expected="what is said of the password")]
    """What is said besides where the recording is in a file with a password."""


@dataclass(frozen=True, slots=True)
class Template:
    """The mail in one language."""

    language: str
    organisation: str
    months: tuple[str, ...]
    subject: str
    text: str
    protected: str

    def day(self, day: date) -> str:
        """A day as it is written in a letter: ``24 November 2026``."""
        return f"{day.day} {self.months[day.month - 1]} {day.year}"

    def filled(self, text: str, *, reference: str, day: date, team: str) -> str:
        """One of the texts with everything filled in."""
        words = {
            "reference": reference,
            "day": self.day(day),
            "team": team,
            "organisation": self.organisation,
        }
        # In one pass: what was filled in is not looked at again.
        return _PLACEHOLDER.sub(lambda found: words[found[1]], text)


@dataclass(frozen=True, slots=True)
class Templates:
    """The mail in every language there is."""

    by_language: Mapping[str, Template]

    def of(self, language: str) -> Template:
        """The mail in a language. Raises UsageError that names those there are."""
        found = self.by_language.get(language)
        if found is None:
            languages = sorted(self.by_language)
            raise UsageError(
                f"there is no mail in {quoted(language)}, expected {one_of(languages)}"
                f"{did_you_mean(language, languages)}"
            )
        return found


def load_templates(folder: Path) -> Templates:
    """Every ``<language>.yaml`` of a folder. Raises ConfigurationError with every mistake."""
    documents, found = [], {}
    for path in sorted(folder.glob("*.yaml")):
        document = read(path)
        documents.append(document)
        if template := _template(document):
            found[template.language] = template
    if not documents:
        empty = Document(folder)
        empty.say_at(Place(1, 1), "no texts of mails here, expected files such as en-GB.yaml")
        documents.append(empty)
    mistakes = [mistake for document in documents for mistake in document.mistakes]
    if mistakes:
        raise ConfigurationError(mistakes)
    return Templates(MappingProxyType(found))


def _template(document: Document) -> Template | None:
    file = validated(document, MailFile, Known())
    said, name = document.text("language"), document.path.stem
    if said is not None and said != name:
        document.say(
            ("language",),
            f'"language" is {quoted(said)}, expected the file\'s own name, {quoted(name)}',
        )
    if file is None:
        return None
    return Template(
        file.language,
        file.organisation,
        tuple(file.months),
        file.subject,
        file.text,
        file.protected,
    )
