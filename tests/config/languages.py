"""A second language, and further prompts, for tests that need them."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from tests.config.conftest import GOOD, PROMPTS
from tests.noted import note_audio

MORE = ("closed", "choose-language", "overflow", "queue-announcement")


def add_prompts(root: Path, *names: str) -> None:
    """Give the first language further prompts."""
    path = root / "prompts/en-GB.yaml"
    lines = "".join(f'  {name}: {{version: "1", text: {name} here.}}\n' for name in names)
    path.write_text(path.read_text() + lines)
    _sound(root, "en-GB", names)


def add_language(root: Path, language: str, *, without: Iterable[str] = ()) -> None:
    """A copy of the first language's catalogue, without some of its prompts."""
    lines = (root / "prompts/en-GB.yaml").read_text().replace("en-GB", language).splitlines()
    left_out = tuple(f"  {name}:" for name in without)
    kept = [line for line in lines if not left_out or not line.startswith(left_out)]
    (root / f"prompts/{language}.yaml").write_text("\n".join(kept) + "\n")
    names = [line.strip().partition(":")[0] for line in kept[3:]]
    _sound(root, language, names)


def _sound(root: Path, language: str, names: Iterable[str]) -> None:
    for rate in (8000, 16000):
        folder = root / "prompts" / language / str(rate)
        folder.mkdir(parents=True, exist_ok=True)
        sound = (root / f"prompts/en-GB/{rate}/{PROMPTS[0]}.wav").read_bytes()
        for name in names:
            (folder / f"{name}.wav").write_bytes(sound)
    note_audio(root / "prompts", language)


def write(root: Path, file: str, *changes: tuple[str, str], more: str = "") -> None:
    """One of the right files, changed."""
    text = GOOD[file]
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    (root / file).write_text(text + more)
