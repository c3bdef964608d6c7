"""How small and fast an archive is: ``python -m tests.retention.archive.measure [HOURS [FORM…]]``.

Two people talk (the prompts' voices, through A-law as on a telephone line, with pauses). Each case
runs in a process of its own, so that its memory is its own.
"""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import time
import wave
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import soundfile

from ivr.retention.archive.folder import FolderArchive
from ivr.retention.archive.keeper import Keeper
from ivr.retention.archive.protocol import Item
from ivr.retention.archive.reader import Reader
from ivr.retention.model import Part, Recording
from tests.retention.archive.parts import DAY, age_keys
from tests.storage.parts import CALL

_PROMPTS = Path(__file__).parents[3] / "prompts"
_RATE = 8000
_SEALED = {"plain": False, "sealed": True}


def _voice(seconds: int, seed: int) -> np.ndarray:
    """Somebody who speaks and listens by turns, with the noise of a line."""
    rng = np.random.default_rng(seed)
    files = sorted(_PROMPTS.rglob("8000/*.wav"))
    said = [soundfile.read(path, dtype="int16")[0] for path in files]
    out = rng.normal(0, 12, seconds * _RATE)
    at = int(rng.integers(0, 4 * _RATE))
    while at < len(out):
        piece = said[int(rng.integers(len(said)))]
        piece = piece[: len(out) - at]
        out[at : at + len(piece)] += piece
        at += len(piece) + int(rng.exponential(6 * _RATE))
    line = io.BytesIO()
    soundfile.write(line, np.clip(out, -32768, 32767).astype("i2"), _RATE, "ALAW", format="WAV")
    line.seek(0)
    heard: np.ndarray = soundfile.read(line, dtype="int16")[0]
    return heard


def _make(path: Path, hours: float) -> None:
    minute = 60
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 2, _RATE, 0, "NONE", ""))
        for number in range(round(hours * 6)):
            both = [_voice(10 * minute, 2 * number + person) for person in (0, 1)]
            file.writeframes(np.stack(both, 1).astype("<i2").tobytes())


def _case(source: Path, form: str, sealed: bool) -> str:
    folder = source.parent / f"{form}-{sealed}"
    archive = FolderArchive(folder)
    recipients, identity, _identities = age_keys()
    keeper = Keeper(form, recipients if sealed else None)  # type: ignore[arg-type]
    with source.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    size = source.stat().st_size
    idle = _most_memory()
    began, cpu = time.monotonic(), time.process_time()
    part = keeper.keep(source, sha256, CALL, archive.scratch)
    kept, kept_cpu = time.monotonic() - began, time.process_time() - cpu
    archive.put([Item(DAY, part.name, archive.scratch / part.name)])
    put = time.monotonic() - began - kept
    began = time.monotonic()
    with Reader(archive, identity if sealed else None).wav(_recording(part), part) as back:
        read = time.monotonic() - began
        same = hashlib.file_digest(back, "sha256").hexdigest() == sha256
    memory = _most_memory()
    return (
        f"{part.name[36:]:10} {part.size / size:6.1%} of WAV  keep {kept:6.2f} s"
        f" ({kept_cpu:5.2f} s of CPU, {size / kept / 1e6:5.0f} MB/s)  put {put:5.2f} s"
        f"  back as WAV {read:6.2f} s {'bit for bit' if same else 'not the same'}"
        f"  memory {memory:3.0f} MiB ({memory - idle:+.0f})"
    )


def _most_memory() -> float:
    """MiB that this process has had at most; getrusage would tell that of its parent, too."""
    lines = Path("/proc/self/status").read_text().splitlines()
    [peak] = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(peak) / 1024


def _recording(part: Part) -> Recording:
    return Recording(
        CALL, DAY, 0, "", "", "", "", "kept", "", 0, "", "", "wav", part.name.endswith(".age"),
        (part,),
    )  # fmt: skip


def main() -> None:
    """Measure, each case in a process of its own."""
    if len(sys.argv) == 4 and sys.argv[3] in _SEALED:
        print(_case(Path(sys.argv[1]), sys.argv[2], _SEALED[sys.argv[3]]))
        return
    hours = float(sys.argv[1]) if len(sys.argv) > 1 else 1.0
    with TemporaryDirectory(dir=os.environ.get("TMPDIR")) as folder:
        source = Path(folder) / "call.wav"
        _make(source, hours)
        print(f"{hours:g} h, {source.stat().st_size / 1e6:.0f} MB, stereo at {_RATE} Hz, 16 bit")
        for form in sys.argv[2:] or ("wav", "flac", "opus"):
            for sealed in _SEALED:
                command = [sys.executable, "-m", __spec__.name, str(source), form, sealed]
                subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
