"""What makes the audio cuts silence rightly and refuses what would ship the wrong prompt (R18).

Only what needs none of the extra ``voice``: the rest is measured on its results.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from .catalogue import PROMPTS

CATALOGUE = """language: en-GB
voice: "somebody"
prompts:
  busy:
    version: "{version}"
    text: >-
      {text}
"""


@pytest.fixture
def maker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """``make_audio`` at work in a folder of its own."""
    spec = importlib.util.spec_from_file_location("make_audio", PROMPTS / "make_audio.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "make_audio", module)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "HERE", tmp_path)
    return module


def write(folder: Path, version: str, text: str) -> None:
    (folder / "en-GB.yaml").write_text(CATALOGUE.format(version=version, text=text))


@pytest.mark.parametrize("silence_ms", [0, 50, 700])
def test_trimming_leaves_the_same_silence_whatever_there_was(
    maker: ModuleType, silence_ms: int
) -> None:
    tone = 0.5 * np.sin(np.arange(8000) * 0.3)
    silence = np.zeros(8 * silence_ms)
    trimmed = maker.trim(np.concatenate([silence, tone, silence]), 8000, 120)
    assert len(trimmed) == 8000 + 2 * 960
    assert not trimmed[:960].any()
    assert trimmed[960:-960] == pytest.approx(tone)


def test_silence_alone_is_refused(maker: ModuleType) -> None:
    with pytest.raises(maker.CannotMakeError, match="nothing but silence"):
        maker.trim(np.zeros(8000), 8000, 120)


class Unheard:
    """A voice that must not be asked."""

    by = "nobody"

    def source(self, entry: object) -> object:
        raise AssertionError(f"asked to speak {entry}")


def test_a_changed_text_needs_a_new_version(maker: ModuleType, tmp_path: Path) -> None:
    write(tmp_path, "3", "All our lines are busy.")
    entry = maker.read_catalogue("en-GB")["busy"]
    (tmp_path / "en-GB").mkdir()
    (tmp_path / "en-GB" / "made.json").write_text(
        f'{{"busy": {{"version": "3", "text_sha256": "{entry.text_sha256}", "by": "x"}}}}'
    )
    write(tmp_path, "3", "Every line is busy.")
    with pytest.raises(maker.CannotMakeError, match=r"busy: .* still '3'.* raise it in en-GB.yaml"):
        maker.make("en-GB", [], Unheard())
    write(tmp_path, "4", "Every line is busy.")
    with pytest.raises(AssertionError, match="asked to speak"):
        maker.make("en-GB", [], Unheard())


def test_line_breaks_in_the_yaml_are_no_change_of_the_text(
    maker: ModuleType, tmp_path: Path
) -> None:
    write(tmp_path, "1", "All our lines are busy.")
    before = maker.read_catalogue("en-GB")
    write(tmp_path, "1", "All our lines\n      are busy.")
    assert maker.read_catalogue("en-GB") == before


def test_an_unknown_prompt_is_named_with_those_there_are(maker: ModuleType, tmp_path: Path) -> None:
    write(tmp_path, "1", "Busy.")
    with pytest.raises(maker.CannotMakeError, match="no prompt buzy; it has busy"):
        maker.make("en-GB", ["buzy"], Unheard())


@pytest.mark.parametrize("content", ["", "prompts: 3", "prompts: {busy: {version: '1'}}", "a: ["])
def test_what_is_no_catalogue_is_refused_by_name(
    maker: ModuleType, tmp_path: Path, content: str
) -> None:
    (tmp_path / "en-GB.yaml").write_text(content)
    with pytest.raises(maker.CannotMakeError, match=r"en-GB\.yaml: not a catalogue"):
        maker.read_catalogue("en-GB")


def test_a_language_that_the_voice_does_not_speak_has_to_be_recorded(maker: ModuleType) -> None:
    with pytest.raises(maker.CannotMakeError, match="record cy and give the folder"):
        maker.main(["--language", "cy"])


def test_a_recording_that_is_not_there_is_named(maker: ModuleType, tmp_path: Path) -> None:
    write(tmp_path, "1", "Busy.")
    with pytest.raises(maker.CannotMakeError, match=r"busy\.wav: there is no such recording"):
        maker.main(["--recorded", str(tmp_path), "busy"])


def test_a_missing_package_says_what_to_install(maker: ModuleType) -> None:
    with pytest.raises(maker.CannotMakeError, match=r"pip install '\.\[voice\]'"):
        maker.package("no_such_package_of_speech")
