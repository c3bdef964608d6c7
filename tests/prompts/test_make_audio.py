"""What makes the audio cuts silence rightly and refuses what would ship the wrong prompt (R18).

Nothing of the extra ``voice`` is needed: simple stand-ins take its place, and what it really
makes is measured on the results that ship.
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
import re
import subprocess
import sys
import wave
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np
import numpy.typing as npt
import pytest

from ivr.config.load import check, load
from tests.config.conftest import GOOD, build, tone
from tests.config.conftest import PROMPTS as NAMES

from .catalogue import PROMPTS

Audio = npt.NDArray[np.float64]

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
        json.dumps(
            {
                "busy": {
                    "version": "3",
                    "text_sha256": entry.text_sha256,
                    "by": "x",
                    "audio_sha256": {},
                }
            }
        )
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


class Meter:
    """Stands in for pyloudnorm's."""

    def __init__(self, rate: int) -> None:
        self.rate = rate

    def integrated_loudness(self, audio: Audio) -> float:
        return float(10 * np.log10((audio**2).mean()))


def resample(audio: Audio, rate: int, wanted: int, quality: str) -> Audio:
    """Stands in for soxr's."""
    at = np.arange(len(audio) * wanted // rate) * rate / wanted
    return np.interp(at, np.arange(len(audio)), audio)


def read(path: Path, *, always_2d: bool, dtype: str) -> tuple[Audio, int]:
    """Stands in for soundfile's."""
    with wave.open(str(path), "rb") as file:
        pcm = np.frombuffer(file.readframes(file.getnframes()), "<i2")
        return pcm.astype(np.float64).reshape(-1, 1) / 32768, file.getframerate()


@pytest.fixture
def no_voice(maker: ModuleType, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """``make_audio`` with stand-ins for what measures and resamples, and no voice at all."""
    real = maker.package
    stand_ins = {
        "soxr": SimpleNamespace(resample=resample),
        "pyloudnorm": SimpleNamespace(Meter=Meter),
        "soundfile": SimpleNamespace(read=read, SoundFileError=OSError),
    }

    def package(name: str) -> object:
        assert name != "hibari", "a recording needs no voice"
        return stand_ins.get(name) or real(name)

    monkeypatch.setattr(maker, "package", package)
    return maker


@pytest.fixture
def site_file(tmp_path: Path, no_voice: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A right configuration, whose prompts ``make_audio`` makes."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(no_voice, "HERE", tmp_path / "prompts")
    return build(tmp_path)


def record(folder: Path, *names: str, ms: int = 900) -> None:
    """What a person recorded."""
    folder.mkdir(exist_ok=True)
    for name in names:
        tone(folder / f"{name}.wav", 44100, ms=ms)


def test_a_language_is_added_with_recordings_and_no_code(
    no_voice: ModuleType, site_file: Path
) -> None:
    Path("prompts/cy.yaml").write_text(GOOD["prompts/en-GB.yaml"].replace("en-GB", "cy"))
    Path("dialplan/teams/customer-services.yaml").write_text("name: Gwasanaethau\nlanguage: cy\n")
    assert any(mistake.path == "prompts/cy/made.json" for mistake in check(site_file))
    record(Path("recorded"), *NAMES)
    no_voice.main(["--language", "cy", "--recorded", "recorded"])
    policy = load(site_file).policy_for("01427676676")
    assert policy
    assert (policy.language, policy.announcement.version) == ("cy", "3")


def test_a_change_passes_the_check_once_its_audio_is_made(
    no_voice: ModuleType, site_file: Path
) -> None:
    text = GOOD["prompts/en-GB.yaml"]
    change = '{version: "2", text: All our lines are busy.}'
    Path("prompts/en-GB.yaml").write_text(text.replace('{version: "1", text: Busy.}', change))
    assert [mistake.line for mistake in check(site_file)] == [8]
    record(Path("recorded"), "busy")
    no_voice.main(["--recorded", "recorded", "busy"])
    assert check(site_file) == []
    record(Path("recorded"), "busy", ms=700)
    no_voice.main(["--recorded", "recorded", "busy"])
    assert check(site_file) == [], "another voice with the same words needs no new version"


def test_what_was_made_is_noted_although_the_next_prompt_fails(
    no_voice: ModuleType, site_file: Path
) -> None:
    record(Path("recorded"), "busy", ms=700)
    with pytest.raises(no_voice.CannotMakeError, match=r"goodbye\.wav: there is no such"):
        no_voice.main(["--recorded", "recorded", "busy", "goodbye"])
    assert check(site_file) == []


@pytest.mark.parametrize("content", ["[]", "{", '{"busy": {"version": "1"}}', '{"busy": 3}'])
def test_notes_that_are_damaged_are_not_written_over(
    maker: ModuleType, tmp_path: Path, content: str
) -> None:
    write(tmp_path, "1", "Busy.")
    made = tmp_path / "en-GB/made.json"
    made.parent.mkdir()
    made.write_text(content)
    with pytest.raises(maker.CannotMakeError, match=r"made\.json: not as it was written"):
        maker.make("en-GB", [], Unheard())
    assert made.read_text() == content


@pytest.mark.parametrize(
    ("package", "arguments"),
    [
        ("numpy", []),
        ("hibari", []),
        ("yaml", ["--recorded", "{recorded}", "busy"]),
        ("soundfile", ["--recorded", "{recorded}", "busy"]),
    ],
)
def test_without_a_package_one_line_says_what_to_install(
    tmp_path: Path, package: str, arguments: list[str]
) -> None:
    record(tmp_path, "busy")
    program = (
        "import runpy, sys; sys.modules[sys.argv.pop(1)] = None; "
        "runpy.run_path(sys.argv.pop(1), run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, package, str(PROMPTS / "make_audio.py")]
        + [argument.format(recorded=tmp_path) for argument in arguments],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    [line] = done.stderr.splitlines()
    assert line.startswith(f"make_audio: the package {package!r} is missing")
    assert "voice/bin/pip install '.[voice]'" in line


def test_the_readme_names_every_prompt_and_counts_none() -> None:
    """A number of prompts would be wrong with the next one."""
    readme = (PROMPTS / "README.md").read_text(encoding="utf-8")
    table = "".join(line for line in readme.splitlines() if line.startswith("| `"))
    catalogue = (PROMPTS / "en-GB.yaml").read_text(encoding="utf-8")
    named = set(re.findall(r"^  ([a-z-]+):$", catalogue, re.MULTILINE))
    assert set(re.findall(r"`([a-z-]+)`", table)) == named
    assert not re.search(r"\b(six|seven|eight|nine|ten|[0-9]+) prompts\b", readme)


class Library:
    """As much of eSpeak NG as is asked for: it says a tone."""

    def __init__(self, known: str = "cy") -> None:
        self.known = known
        self.spoken = ""
        self.espeak_Info = type("Info", (), {"__call__": lambda *_: b"1.52.0  Data at: /"})()

    def espeak_Initialize(self, *_: object) -> int:
        return 22050

    def espeak_SetVoiceByName(self, name: bytes) -> int:
        return 0 if name.decode() == self.known else -1

    def espeak_SetParameter(self, *_: object) -> int:
        return 0

    def espeak_SetSynthCallback(self, callback: Callable[..., int]) -> None:
        self.callback = callback

    def espeak_Synth(self, text: bytes, *_: object) -> int:
        self.spoken = text.decode()
        tone = np.sin(np.arange(22050) * 0.1) * 8000
        said = tone.astype("<i2")
        return self.callback(said.ctypes.data_as(ctypes.POINTER(ctypes.c_short)), 22050, None)

    def espeak_Synchronize(self) -> int:
        return self.callback(None, 0, None)


@pytest.fixture
def library(no_voice: ModuleType, monkeypatch: pytest.MonkeyPatch) -> Library:
    """eSpeak NG, as the package espeakng-loader has it."""
    found = Library()
    loader = type("Loader", (), {"get_library_path": lambda: "", "get_data_path": lambda: ""})
    monkeypatch.setitem(sys.modules, "espeakng_loader", loader)
    monkeypatch.setattr(no_voice.ctypes, "CDLL", lambda _: found)
    return found


def test_a_stand_in_reads_a_language_until_it_is_recorded(
    no_voice: ModuleType, site_file: Path, library: Library
) -> None:
    text = GOOD["prompts/en-GB.yaml"].replace("en-GB", "cy-GB").replace("Goodbye", "Hwyl i'r tŷ")
    Path("prompts/cy-GB.yaml").write_text(text)
    no_voice.main(["--language", "cy-GB", "--voice", "espeak"])
    assert check(site_file) == []
    made = json.loads(Path("prompts/cy-GB/made.json").read_text())
    assert made["goodbye"]["by"] == "eSpeak NG 1.52.0, voice cy, 160 words a minute"
    no_voice.main(["--language", "cy-GB", "--voice", "espeak", "goodbye"])
    assert library.spoken == "Hwyl i'r tŷ."


def test_a_language_that_the_stand_in_does_not_speak_is_recorded(
    no_voice: ModuleType, library: Library
) -> None:
    with pytest.raises(no_voice.CannotMakeError, match="eSpeak NG does not speak gv: record it"):
        no_voice.main(["--language", "gv", "--voice", "espeak"])


def test_without_the_stand_ins_package_it_is_named(
    no_voice: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "espeakng_loader", None)
    with pytest.raises(no_voice.CannotMakeError, match="pip install espeakng-loader"):
        no_voice.main(["--language", "cy", "--voice", "espeak"])


def test_whose_recordings_they_are_is_noted(no_voice: ModuleType, site_file: Path) -> None:
    record(Path("recorded"), "busy")
    no_voice.main(["--recorded", "recorded", "--by", "Siân", "busy"])
    made = json.loads(Path("prompts/en-GB/made.json").read_text())
    assert made["busy"]["by"] == "Siân"
