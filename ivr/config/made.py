"""What each prompt's audio was made from, held against the catalogue and the audio (R18, R20).

``prompts/make_audio.py`` notes it in ``<language>/made.json``. Records say which version of a
prompt a caller heard: a version or text that was changed without its audio, or audio that was
put there by hand, would make them say what nobody heard.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, RootModel, ValidationError

from ivr.config.document import Document, Where, read_bytes
from ivr.config.mistakes import Mistake, printable, quoted, shown
from ivr.core.policy import PromptFile

_LARGEST_FILE = 1 << 20
_FIRST_LANGUAGE = "en-GB"
"""What make_audio.py makes where no language is named."""


class MadePrompt(BaseModel):
    """What the audio of one prompt was made from."""

    model_config = ConfigDict(strict=True, frozen=True)

    version: str
    text_sha256: str
    """Of the text with single spaces between its words."""
    audio_sha256: Mapping[str, str]
    """Of each whole file, by its rate in samples a second."""


class _MadeFile(RootModel[dict[str, MadePrompt]]):
    """``made.json``: the prompts by name."""

    model_config = ConfigDict(strict=True, frozen=True)


@dataclass(frozen=True, slots=True)
class Made:
    """The notes of one language."""

    document: Document
    """The language's catalogue, where mistakes are noted."""
    language: str
    path: Path
    prompts: Mapping[str, MadePrompt]

    def compare(self, name: str, files: Mapping[int, PromptFile]) -> None:
        """Note where a prompt's version, text or audio is not what was made."""
        where: Where = ("prompts", name)
        again = made_again(self.document, self.language, name)
        made = self.prompts.get(name)
        if made is None:
            self.document.say(
                where,
                f"{shown(self.path)} does not say what the audio of {quoted(name)} was made "
                f"from, expected it made: {again}",
                at_key=True,
            )
            return
        version = self.document.text(*where, "version")
        text = self.document.text(*where, "text")
        if version is not None and version != made.version:
            self.document.say(
                (*where, "version"),
                f'"version" is {quoted(version)}, but the audio was made as version '
                f"{quoted(made.version)}, expected the audio made again: {again}",
            )
        elif text is not None and _text_sha256(text) != made.text_sha256:
            self.document.say(
                (*where, "text"),
                f'"text" was changed after the audio was made as version {quoted(made.version)}, '
                f"expected another version and the audio made again: {again}",
            )
        for rate, file in files.items():
            if made.audio_sha256.get(str(rate)) != file.sha256:
                self.document.say(
                    where,
                    f"{shown(Path(file.path))} {self._other(rate, file.sha256)}, expected it made "
                    f"again: {again}",
                    at_key=True,
                )

    def _other(self, rate: int, sha256: str) -> str:
        """What audio is instead of what was made."""
        for name, made in self.prompts.items():
            if made.audio_sha256.get(str(rate)) == sha256:
                return f"is the audio of {quoted(name)}"
        return "is not the audio that was made of this prompt"


def read_made(document: Document, language: str) -> Made | None:
    """The notes beside the catalogue's audio; ``None`` with the mistake noted in the document."""
    path = document.path.absolute().parent / language / "made.json"
    data, fault = read_bytes(path, _LARGEST_FILE)
    again = made_again(document, language)
    if fault:
        what = fault.partition(", expected")[0]
        text = f"{what}, expected what make_audio.py notes there when it makes the audio: {again}"
        document.mistakes.append(Mistake(shown(path), 1, 1, text))
        return None
    try:
        prompts = _MadeFile.model_validate_json(data).root
    except ValidationError as failed:
        error = failed.errors(include_url=False)[0]
        place = ".".join(str(step) for step in error["loc"])
        why = printable(f"{place}: {error['msg']}" if place else error["msg"])
        document.mistakes.append(
            Mistake(
                shown(path),
                1,
                1,
                f"the file is not as make_audio.py writes it ({why}), expected it put back as it "
                f"was, or removed and every prompt made again: {again}",
            )
        )
        return None
    return Made(document, language, path, prompts)


def made_again(document: Document, language: str, name: str = "") -> str:
    """The commands that make the audio of a prompt, or of all."""
    script = f"python {shown(document.path.absolute().parent / 'make_audio.py')}"
    if language != _FIRST_LANGUAGE:
        script += f" --language {language}"
    recorded = " ".join(filter(None, (script, "--recorded FOLDER", name)))
    if not language.startswith("en"):  # the synthetic voice speaks English only
        return recorded
    spoken = f"{script} {name}".rstrip()
    return f"{spoken} (or {recorded}, with a person's recording)"


def _text_sha256(text: str) -> str:
    return hashlib.sha256(" ".join(text.split()).encode()).hexdigest()
