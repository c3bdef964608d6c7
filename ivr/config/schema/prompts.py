"""What may stand in a catalogue of prompts (R18, R20)."""

from __future__ import annotations

from typing import Annotated

from ivr.config.kinds import Kind, Language, Name, Paragraph, Version
from ivr.config.strict import Strict


class CataloguePrompt(Strict):
    """One spoken message; its audio is <language>/<rate>/<name>.wav."""

    version: Annotated[str, Version()]
    """Raise it with every change of the text; records show it."""
    text: Annotated[str, Paragraph()]
    """What is spoken."""


class PromptsFile(Strict):
    """prompts/<language>.yaml: the catalogue of prompts in one language."""

    language: Annotated[str, Language()]
    """The language, which is the file's name too."""
    voice: Annotated[str, Kind(expected="whose voice it is")]
    """Whose voice it is; a note for people, nothing else uses it."""
    prompts: dict[Annotated[str, Name()], CataloguePrompt]
    """The prompts by name."""
