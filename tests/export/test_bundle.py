"""A bundle proves itself with the tools that its own page names (R16)."""

from __future__ import annotations

import hashlib
import re
import shutil
import subprocess
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from ivr.errors import IvrError, SpoolError, UsageError
from ivr.export.bundle import Evidence, fingerprint, make_bundle
from ivr.export.encode import encode
from ivr.export.sounds import CopyError, Sound
from tests.export.recorded import CALL, pause, record_bytes
from tests.export.speaking import decoded, talk, write

KEY = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
AUDIT = ['{"action":"take-in","call":"x","seq":1}', '{"action":"evidence","seq":2}']
AUDIO = f"{CALL}.wav"


def evidence(folder: Path, paused: Sequence[tuple[int, int]] = ((3000, 5000),)) -> Evidence:
    audio = write(folder / "audio.wav", talk())
    data = audio.read_bytes()
    part = {
        "path": f"new/{AUDIO}",
        "offset_ms": 0,
        "frames": 64_000,
        "size": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    record = record_bytes([part], [pause(1, *span) for span in paused])
    return Evidence(CALL, "HR/2026-7", record, [audio], AUDIT, "people-manager", 1_700_000_000_000)


def unpacked(bundle: Path, to: Path) -> Path:
    with zipfile.ZipFile(bundle) as made:
        made.extractall(to)
    (folder,) = to.iterdir()
    return folder


def commands(page: str) -> list[str]:
    """The commands that the page tells its reader to type."""
    return re.findall(r"(?m)^     ((?:sha256sum|openssl) .*)$", page)


def run(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["sh", "-c", command], cwd=folder, capture_output=True, text=True, check=False
    )


needs_tools = pytest.mark.skipif(
    not (shutil.which("sha256sum") and shutil.which("openssl")),
    reason="sha256sum and openssl are not installed",
)


def test_all_that_was_promised_is_in_it(tmp_path: Path) -> None:
    given = evidence(tmp_path)
    made = make_bundle(given, tmp_path / "b.zip", KEY)
    data = (tmp_path / "b.zip").read_bytes()
    assert (made.size, made.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert (tmp_path / "b.zip").stat().st_mode & 0o777 == 0o600
    folder = unpacked(tmp_path / "b.zip", tmp_path / "out")
    assert folder.name == "evidence-HR-2026-7-8f14e45f"
    assert sorted(each.name for each in folder.iterdir()) == sorted(
        [
            AUDIO,
            "README.txt",
            "audit.jsonl",
            "manifest.sha256",
            "manifest.sha256.sig",
            "public-key.pem",
            "record.json",
        ]
    )
    assert (folder / AUDIO).read_bytes() == given.audio[0].read_bytes()
    assert not decoded(folder / AUDIO)[0][24_000:40_000].any()
    assert (folder / "record.json").read_bytes() == given.record
    assert (folder / "audit.jsonl").read_text() == "".join(f"{line}\n" for line in AUDIT)
    manifest = (folder / "manifest.sha256").read_bytes()
    public = load_pem_public_key((folder / "public-key.pem").read_bytes())
    public.verify((folder / "manifest.sha256.sig").read_bytes(), manifest)  # type: ignore[union-attr,call-arg]
    with pytest.raises(InvalidSignature):
        public.verify((folder / "manifest.sha256.sig").read_bytes(), manifest + b" ")  # type: ignore[union-attr,call-arg]
    listed = dict(reversed(line.split("  ")) for line in manifest.decode().splitlines())
    others = {each.name for each in folder.iterdir()} - {"manifest.sha256", "manifest.sha256.sig"}
    assert set(listed) == others
    page = (folder / "README.txt").read_text()
    for word in (CALL, "HR/2026-7", "people-manager", "2023-11-14 22:13:20 UTC"):
        assert word in page
    assert "from 3.000 s to 5.000 s" in page
    assert "Its hash, in manifest.sha256, is the one in record.json" in page


@needs_tools
def test_the_commands_of_the_page_check_it(tmp_path: Path) -> None:
    make_bundle(evidence(tmp_path), tmp_path / "b.zip", KEY)
    folder = unpacked(tmp_path / "b.zip", tmp_path / "out")
    hashes, signature, key = commands((folder / "README.txt").read_text())
    good = run(hashes, folder)
    assert good.returncode == 0, good.stderr
    assert good.stdout.splitlines() == [
        f"{name}: OK"
        for name in (AUDIO, "record.json", "audit.jsonl", "public-key.pem", "README.txt")
    ]
    assert "Signature Verified Successfully" in run(signature, folder).stdout
    assert run(key, folder).stdout.split()[0] == fingerprint(KEY)
    assert fingerprint(KEY) in (folder / "README.txt").read_text()


@needs_tools
@pytest.mark.parametrize("name", [AUDIO, "record.json", "audit.jsonl", "README.txt"])
def test_the_commands_of_the_page_find_what_was_changed(tmp_path: Path, name: str) -> None:
    make_bundle(evidence(tmp_path), tmp_path / "b.zip", KEY)
    folder = unpacked(tmp_path / "b.zip", tmp_path / "out")
    hashes, signature, _ = commands((folder / "README.txt").read_text())
    data = (folder / name).read_bytes()
    (folder / name).write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    ran = run(hashes, folder)
    assert ran.returncode != 0
    assert f"{name}: FAILED" in ran.stdout
    # Who sets the list right as well fails at the signature.
    others = "ls | grep -v manifest | xargs sha256sum > manifest.sha256"
    assert run(others, folder).returncode == 0
    assert run(hashes, folder).returncode == 0
    assert run(signature, folder).returncode != 0


def test_the_same_evidence_makes_the_same_bytes(tmp_path: Path) -> None:
    given = evidence(tmp_path)
    one = make_bundle(given, tmp_path / "1.zip", KEY)
    two = make_bundle(given, tmp_path / "2.zip", KEY)
    assert one == two
    assert (tmp_path / "1.zip").read_bytes() == (tmp_path / "2.zip").read_bytes()


def test_audio_that_is_not_the_records_makes_no_bundle(tmp_path: Path) -> None:
    given = evidence(tmp_path)
    sound = talk()
    sound[100, 0] += 1
    write(given.audio[0], sound)
    refused(given, tmp_path, CopyError, "SHA-256 is .* expected .* by its record")


def test_a_pause_that_is_not_silent_makes_no_bundle(tmp_path: Path) -> None:
    refused(evidence(tmp_path, ((2000, 5000),)), tmp_path, CopyError, "is not silent")


@pytest.mark.parametrize("case", ["", "../etc", "a b", "a\nb", "a/../b", "x" * 65, "/etc"])
def test_the_name_of_the_case_is_checked(tmp_path: Path, case: str) -> None:
    refused(replace(evidence(tmp_path), case=case), tmp_path, UsageError, "no reference of a case")


def test_what_does_not_belong_together_makes_no_bundle(tmp_path: Path) -> None:
    given = evidence(tmp_path)
    other = CALL.replace("8f", "00")
    refused(replace(given, call="../x"), tmp_path, SpoolError, "not the id of a call")
    refused(replace(given, call=other), tmp_path, CopyError, "its record is that of")
    refused(replace(given, audio=[]), tmp_path, CopyError, "1 audio files, 0 are there")
    refused(replace(given, record=b"{}"), tmp_path, SpoolError, "not a record")
    for line in ("no json", '{"a":\n1}', "[1]"):
        refused(replace(given, audit=[line]), tmp_path, CopyError, "not a JSON object on one line")


def refused(given: Evidence, folder: Path, kind: type[IvrError], why: str) -> None:
    with pytest.raises(kind, match=why):
        make_bundle(given, folder / "b.zip", KEY)
    assert not (folder / "b.zip").exists()


def test_what_was_archived_as_opus_is_not_said_to_be_exact(tmp_path: Path) -> None:
    given = evidence(tmp_path)
    encode([Sound(given.audio[0], 0, ((3000, 5000),))], tmp_path / "kept", "opus")
    make_bundle(replace(given, audio=[tmp_path / "kept"]), tmp_path / "b.zip", KEY)
    folder = unpacked(tmp_path / "b.zip", tmp_path / "out")
    assert (folder / f"{CALL}.opus").exists()
    assert "is not the one in record.json" in (folder / "README.txt").read_text()
