"""The catalogues of prompts, one a language, with their audio (R1, R9, R18)."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from ivr.config.document import Document, Where
from ivr.config.explain import validated
from ivr.config.folders import yaml_files
from ivr.config.kinds import Known, Name
from ivr.config.made import read_made
from ivr.config.mistakes import did_you_mean, quoted, shown
from ivr.config.prompts import RATES, PromptFault, prompt_file
from ivr.config.reading import read
from ivr.config.schema import PromptsFile
from ivr.core.policy import Prompt, PromptFile


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The prompts of one language."""

    document: Document
    language: str
    names: frozenset[str] | None
    """Of all prompts, also those with mistakes; ``None`` where the file could not be read."""
    prompts: Mapping[str, Prompt]
    """Those without mistakes."""


def read_catalogues(folder: Path, site: Document) -> dict[str, Catalogue]:
    """Every ``<language>.yaml`` of the folder, by language; mistakes are in the documents."""
    found = {}
    for path in yaml_files(folder, site, ("prompts",)):
        catalogue = _catalogue(path)
        found[catalogue.language] = catalogue
    return found


def _catalogue(path: Path) -> Catalogue:
    document = read(path)
    language = path.stem
    file = validated(document, PromptsFile, Known())
    said = document.text("language")
    if said is not None and said != language:
        document.say(
            ("language",),
            f'"language" is {quoted(said)}, expected the file\'s own name, {quoted(language)}',
        )
    entries = document.at("prompts")
    names = frozenset(entries) if isinstance(entries, dict) else None
    made = None if names is None else read_made(document, language)
    prompts = {}
    for name in sorted(names or ()):
        if not Name().fits(name):
            continue
        files = _audio(document, language, name)
        if made:
            made.compare(name, files)
        if file and name in file.prompts and 8000 in files:
            prompts[name] = Prompt(
                name, file.prompts[name].version, language, MappingProxyType(files)
            )
    return Catalogue(document, language, names, prompts)


def _audio(document: Document, language: str, name: str) -> dict[int, PromptFile]:
    """The audio that is right, by rate; what is wrong is noted at the prompt's name."""
    folder = document.path.absolute().parent / language
    where: Where = ("prompts", name)
    found = {}
    for rate in RATES:
        if rate != 8000 and not (folder / str(rate)).is_dir():
            continue
        path = folder / str(rate) / f"{name}.wav"
        try:
            found[rate] = prompt_file(path, rate)
        except PromptFault as fault:
            hint = did_you_mean(name, _stems(path.parent)) if not path.exists() else ""
            document.say(where, f"{shown(path)} {fault}{hint}", at_key=True)
    return found


def _stems(folder: Path) -> list[str]:
    try:
        return [path.stem for path in folder.iterdir() if path.suffix == ".wav"]
    except OSError:
        return []


PLACE_FIRST, PLACE_MORE = "place-1", "place-more"


def place_prompts(names: Collection[str]) -> list[str]:
    """The prompts of the places in a queue that a catalogue has, in order; the last is for all
    places beyond."""
    found: list[str] = []
    while (name := f"place-{len(found) + 1}") in names:
        found.append(name)
    return [*found, PLACE_MORE]
