#!/usr/bin/env python3
"""Make the audio of the prompts from their catalogue.

    python prompts/make_audio.py                             every prompt of en-GB
    python prompts/make_audio.py goodbye busy                only these
    python prompts/make_audio.py --recorded FOLDER           from a person's recordings
    python prompts/make_audio.py --language cy-GB --recorded FOLDER
    python prompts/make_audio.py --language cy-GB --voice espeak   until somebody records it

Needs the extra ``voice`` (hibari-tts, soundfile, soxr, pyloudnorm); best in a virtual
environment of its own, for nothing of it is needed to run the service:

    python3 -m venv voice && voice/bin/pip install '.[voice]'
    voice/bin/python prompts/make_audio.py

Each prompt becomes ``prompts/<language>/<rate>/<name>.wav`` at 8000 and 16000 samples a
second, one channel, 16-bit PCM: silence trimmed, all of one loudness, no clipping. What was
made from which version and text is noted in ``prompts/<language>/made.json`` with the audio's
SHA-256, so that ``ivr check`` finds a text that was changed without its audio, and audio that
was put there by hand. See ``prompts/README.md``.
"""

from __future__ import annotations

import argparse
import ctypes
import hashlib
import importlib
import json
import sys
import wave
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

try:
    import numpy as np
    import numpy.typing as npt
except ImportError:
    sys.exit(
        "make_audio: the package 'numpy' is missing: install the extra voice (python3 -m venv "
        "voice && voice/bin/pip install '.[voice]') and run voice/bin/python prompts/make_audio.py"
    )

Audio: TypeAlias = npt.NDArray[np.float64]

HERE = Path(__file__).resolve().parent
RATES = (8000, 16000)
SOURCE_RATE = 24000

VOICE = "heart"
"""The voice inside the wheel; hibari-tts downloads the others when they are first asked for."""
SEED = 7
SPEED = 0.95
"""1.0 is the voice's own pace, less is slower."""

STAND_IN = "espeak"
"""The name of the voice for languages that nobody has recorded yet."""
STAND_IN_PACE = 160
"""Words a minute: slower than eSpeak NG's own 175, for it is heard by telephone."""

_SYNCHRONOUS, _WORDS_A_MINUTE, _UTF8 = 2, 1, 1
"""As eSpeak NG's speak_lib.h has them."""

LOUDNESS_LUFS = -20.0
PEAK_DBFS = -3.5
"""Highest true peak: telephone codecs overshoot, so leave them room."""
EDGE_MS = 120
"""Silence kept before and after the speech: a channel that has just been answered may
swallow the first few packets."""
PAUSE_MS = 320
"""Silence put between two sentences."""
SENTENCE_EDGE_MS = 60
"""What is kept around each sentence, so that a soft first or last sound is not cut off."""
QUIET_DB = -45.0
"""Frames this far below the loudest one count as silence."""
FRAME_MS = 10
SHORTEST_MS = 500
"""Loudness cannot be measured on less (ITU-R BS.1770)."""

CLEARER = {"T": "t"}
"""Sounds to replace: the American tap in "letter" is heard as a d by British ears."""


class CannotMakeError(Exception):
    """The audio cannot be made; the message says why and what to do."""


@dataclass(frozen=True)
class Entry:
    """One prompt of a catalogue."""

    name: str
    version: str
    text: str

    @property
    def text_sha256(self) -> str:
        """What ``made.json`` compares, so that line breaks in the YAML do not matter."""
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True)
class Made:
    """What the audio of one prompt was made from."""

    version: str
    text_sha256: str
    by: str
    audio_sha256: dict[str, str]
    """Of each whole file, by its rate."""


def package(name: str) -> Any:
    """Import a package of the extra ``voice``; raises CannotMakeError where it is missing."""
    try:
        return importlib.import_module(name)
    except (ImportError, OSError) as error:  # OSError: soundfile without its libsndfile
        why = " ".join(str(error).split())
        raise CannotMakeError(
            f"the package {name!r} is missing ({why}): install the extra voice (python3 -m venv "
            "voice && voice/bin/pip install '.[voice]') and run voice/bin/python "
            "prompts/make_audio.py"
        ) from error


def read_catalogue(language: str) -> dict[str, Entry]:
    """Read ``<language>.yaml``; raises CannotMakeError where it is absent or has no prompts."""
    path = HERE / f"{language}.yaml"
    yaml = package("yaml")
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        return {
            name: Entry(name, entry["version"], " ".join(entry["text"].split()))
            for name, entry in document["prompts"].items()
        }
    except OSError as error:
        raise CannotMakeError(f"{path}: {error.strerror}") from error
    except (yaml.YAMLError, TypeError, KeyError, AttributeError) as error:
        raise CannotMakeError(
            f"{path}: not a catalogue of prompts ({error}): run `ivr check` for the line"
        ) from error


def loud_frames(audio: Audio, rate: int) -> npt.NDArray[np.intp]:
    """Indices of the frames that hold sound; raises CannotMakeError where all is silence."""
    size = rate * FRAME_MS // 1000
    frames = audio[: len(audio) // size * size].reshape(-1, size)
    power = (frames**2).mean(axis=1)
    if not power.size or power.max() == 0:
        raise CannotMakeError("nothing but silence")
    return np.flatnonzero(power > power.max() * 10 ** (QUIET_DB / 10))


def trim(audio: Audio, rate: int, edge_ms: int) -> Audio:
    """Cut the silence at both ends down to ``edge_ms``, padding where there is less."""
    loud = loud_frames(audio, rate)
    size = rate * FRAME_MS // 1000
    edge = rate * edge_ms // 1000
    padded = np.concatenate([np.zeros(edge), audio, np.zeros(edge)])
    piece = padded[loud[0] * size : (loud[-1] + 1) * size + 2 * edge].copy()
    fade = min(edge, size)
    if fade:
        ramp = np.linspace(0.0, 1.0, fade)
        piece[:fade] *= ramp
        piece[-fade:] *= ramp[::-1]
    return piece


def peaks(audio: Audio, rate: int) -> Audio:
    """Highest level at and after each sample, up to the next: four points, true peaks."""
    between = package("soxr").resample(audio, rate, rate * 4, "VHQ")
    padded = np.zeros(len(audio) * 4)
    padded[: len(between)] = np.abs(between[: len(padded)])
    highest: Audio = np.maximum(padded.reshape(-1, 4).max(axis=1), np.abs(audio))
    return highest


def limit(audio: Audio, rate: int, ceiling: float) -> Audio:
    """Turn down what would pass ``ceiling``, smoothly and looking 5 ms ahead."""
    reach = rate * 5 // 1000
    width = 2 * reach + 1
    needed = np.minimum(1.0, ceiling / np.maximum(peaks(audio, rate), 1e-9))
    if needed.min() == 1.0:
        return audio
    padded = np.pad(needed, 2 * reach, constant_values=1.0)
    lowest = np.lib.stride_tricks.sliding_window_view(padded, width).min(axis=1)
    window = np.hanning(width + 2)[1:-1]
    gain: Audio = np.convolve(lowest, window / window.sum(), mode="valid")
    return audio * gain


def level(audio: Audio, rate: int) -> Audio:
    """Bring to LOUDNESS_LUFS with no true peak above PEAK_DBFS."""
    meter = package("pyloudnorm").Meter(rate)
    ceiling = 10 ** (PEAK_DBFS / 20)
    if len(audio) < rate * SHORTEST_MS // 1000:
        raise CannotMakeError("too short to be a message")
    levelled = audio
    for _ in range(8):  # Limiting costs a little loudness, which the next round gives back.
        gain = 10 ** ((LOUDNESS_LUFS - meter.integrated_loudness(levelled)) / 20)
        levelled = limit(levelled * gain, rate, ceiling)
    loudest: float = peaks(levelled, rate).max()
    quietened: Audio = levelled * min(1.0, ceiling / loudest)
    return quietened


def write_wav(path: Path, audio: Audio, rate: int) -> str:
    """Write one channel of 16-bit PCM; the SHA-256 of the file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.round(audio * 32767).astype("<i2").tobytes())
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Speaker:
    """The synthetic voice; English only."""

    def __init__(self, voice: str, seed: int, speed: float) -> None:
        hibari = package("hibari")
        try:
            self._voice = hibari.Hibari(voice=voice)
        except (RuntimeError, ValueError, OSError) as error:
            raise CannotMakeError(f"voice {voice!r} cannot be used: {error}") from error
        self._seed = seed
        self._speed = speed
        self.by = f"hibari-tts {hibari.__version__}, voice {voice}, seed {seed}, speed {speed}"

    def source(self, entry: Entry) -> Audio:
        """Speak the text at SOURCE_RATE, sentence by sentence with an even pause between."""
        pause = np.zeros(SOURCE_RATE * PAUSE_MS // 1000)
        pieces: list[Audio] = []
        for sounds in self._voice.phonemize(entry.text):
            clear = "".join(CLEARER.get(sound, sound) for sound in sounds)
            spoken = self._voice.from_phonemes(clear, self._speed, self._seed)
            pieces += [trim(spoken.astype(np.float64), SOURCE_RATE, SENTENCE_EDGE_MS), pause]
        if not pieces:
            raise CannotMakeError(f"{entry.name}: the text holds nothing to say")
        return np.concatenate(pieces[:-1])


class StandIn:
    """eSpeak NG, which speaks many languages and sounds like a machine: until somebody records
    them. Its library is loaded from the package espeakng-loader; nothing is installed besides."""

    def __init__(self, language: str) -> None:
        try:
            loader = importlib.import_module("espeakng_loader")
        except ImportError as error:
            raise CannotMakeError(
                "the package 'espeakng-loader' is missing: voice/bin/pip install espeakng-loader"
            ) from error
        self._library = ctypes.CDLL(loader.get_library_path())
        data = loader.get_data_path().encode()
        self._rate: int = self._library.espeak_Initialize(_SYNCHRONOUS, 0, data, 0)
        name = language.partition("-")[0]
        if self._library.espeak_SetVoiceByName(name.encode()) != 0:
            raise CannotMakeError(f"eSpeak NG does not speak {language}: record it")
        self._library.espeak_SetParameter(_WORDS_A_MINUTE, STAND_IN_PACE, 0)
        self._library.espeak_Info.restype = ctypes.c_char_p
        version = self._library.espeak_Info(None).decode().split()[0]
        self.by = f"eSpeak NG {version}, voice {name}, {STAND_IN_PACE} words a minute"

    def source(self, entry: Entry) -> Audio:
        """Speak the text at SOURCE_RATE."""
        spoken = bytearray()
        kind = ctypes.CFUNCTYPE(
            ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
        )

        def heard(samples: Any, count: int, _events: Any) -> int:
            if samples and count > 0:
                spoken.extend(ctypes.string_at(samples, 2 * count))
            return 0

        callback = kind(heard)
        self._library.espeak_SetSynthCallback(callback)
        text = entry.text.encode()
        self._library.espeak_Synth(text, len(text) + 1, 0, 1, 0, _UTF8, None, None)
        self._library.espeak_Synchronize()
        audio = np.frombuffer(bytes(spoken), "<i2").astype(np.float64) / 32768
        found: Audio = package("soxr").resample(audio, self._rate, SOURCE_RATE, "VHQ")
        return found


class Recordings:
    """A person's recordings, one file a prompt: any rate and any format of libsndfile."""

    def __init__(self, folder: Path, by: str = "recorded") -> None:
        self._folder = folder
        self.by = by

    def source(self, entry: Entry) -> Audio:
        """Read ``<name>.wav`` or ``<name>.flac``, mixed to one channel, at SOURCE_RATE."""
        for ending in (".wav", ".flac"):
            path = self._folder / (entry.name + ending)
            if path.exists():
                break
        else:
            raise CannotMakeError(
                f"{self._folder / entry.name}.wav: there is no such recording (nor .flac)"
            )
        soundfile = package("soundfile")
        try:
            audio, rate = soundfile.read(path, always_2d=True, dtype="float64")
        except soundfile.SoundFileError as error:
            raise CannotMakeError(f"{path}: not a recording that can be read: {error}") from error
        mono: Audio = package("soxr").resample(audio.mean(axis=1), rate, SOURCE_RATE, "VHQ")
        return mono


def read_made(path: Path) -> dict[str, Made]:
    """Read ``made.json``; empty where there is none yet. Raises CannotMakeError."""
    try:
        text = path.read_text("utf-8")
        return {name: Made(**made) for name, made in json.loads(text).items()}
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise CannotMakeError(f"{path}: {error.strerror}") from error
    except (ValueError, TypeError, AttributeError) as error:
        raise CannotMakeError(
            f"{path}: not as it was written ({error}): put it back as it was, or remove it and "
            "make every prompt"
        ) from error


def write_made(path: Path, catalogue: dict[str, Entry], made: dict[str, Made]) -> None:
    """Write ``made.json``, without prompts that the catalogue no longer has."""
    kept = {name: asdict(made[name]) for name in catalogue if name in made}
    path.write_text(json.dumps(kept, indent=1) + "\n", encoding="utf-8")


def make(language: str, names: list[str], voice: Speaker | StandIn | Recordings) -> None:
    """Make both files of each prompt named, or of all, and note what they were made from."""
    catalogue = read_catalogue(language)
    unknown = [name for name in names if name not in catalogue]
    if unknown:
        raise CannotMakeError(
            f"{language}.yaml has no prompt {', '.join(unknown)}; it has {', '.join(catalogue)}"
        )
    note = HERE / language / "made.json"
    made = read_made(note)
    for name in names or list(catalogue):
        entry = catalogue[name]
        before = made.get(name)
        if before and before.version == entry.version and before.text_sha256 != entry.text_sha256:
            raise CannotMakeError(
                f"{name}: its text changed but its version is still {entry.version!r}; records "
                f"say which version a caller heard, so raise it in {language}.yaml"
            )
        source = voice.source(entry)
        report, sums = [], {}
        for rate in RATES:
            audio = package("soxr").resample(source, SOURCE_RATE, rate, "VHQ")
            audio = level(trim(audio, rate, EDGE_MS), rate)
            wav = HERE / language / str(rate) / f"{name}.wav"
            sums[str(rate)] = write_wav(wav, audio, rate)
            loudness = package("pyloudnorm").Meter(rate).integrated_loudness(audio)
            peak = 20 * np.log10(peaks(audio, rate).max())
            report.append(f"{rate} Hz {loudness:.1f} LUFS peak {peak:.1f} dBFS")
        made[name] = Made(entry.version, entry.text_sha256, voice.by, sums)
        write_made(note, catalogue, made)  # now: where the next prompt fails, this one is right
        print(f"{name}: {len(audio) / rate:.1f} s, {', '.join(report)}")


def main(arguments: list[str]) -> None:
    """Read the command line and make the audio; raises CannotMakeError."""
    parser = argparse.ArgumentParser(description="Make the audio of the prompts.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="a prompt; all when none is named")
    parser.add_argument("--language", default="en-GB", help="the catalogue (default: en-GB)")
    parser.add_argument(
        "--recorded", type=Path, metavar="FOLDER", help="take <name>.wav from here, do not speak"
    )
    parser.add_argument(
        "--by", default="recorded", help="with --recorded: whose voice it is, for made.json"
    )
    parser.add_argument(
        "--voice", default=VOICE, help=f"default: {VOICE}; {STAND_IN}: eSpeak NG, in any language"
    )
    parser.add_argument("--seed", type=int, default=SEED, help=f"default: {SEED}")
    parser.add_argument("--speed", type=float, default=SPEED, help=f"default: {SPEED}")
    given = parser.parse_args(arguments)
    voice: Speaker | StandIn | Recordings
    if given.recorded:
        voice = Recordings(given.recorded, given.by)
    elif given.voice == STAND_IN:
        voice = StandIn(given.language)
    elif given.language.startswith("en"):
        voice = Speaker(given.voice, given.seed, given.speed)
    else:
        raise CannotMakeError(
            f"the synthetic voice speaks English only: record {given.language} and give the "
            f"folder with --recorded, or, until then, --voice {STAND_IN}"
        )
    make(given.language, given.names, voice)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except CannotMakeError as error:
        sys.exit(f"make_audio: {error}")
