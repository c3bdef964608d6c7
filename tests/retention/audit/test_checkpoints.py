"""Check-points are signed, copied, and can be checked by others' programs (R17)."""

from __future__ import annotations

import re
import shutil
import stat
import string
import subprocess
import textwrap
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from ivr.errors import DiskError, SetupError, UsageError
from ivr.retention.audit.checkpoints import (
    Checkpoints,
    check_point,
    read_check_points,
    signed_text,
)
from ivr.retention.audit.keys import load_private, load_public, make_key, public_path
from ivr.retention.audit.line import Head
from ivr.retention.audit.stores import MemoryHead, MemoryParticulars
from ivr.retention.audit.trail import Trail
from ivr.retention.audit.verify import verify
from ivr.retention.model import Entry
from tests.retention.audit.scene import HASTY, Fixed, Scene, found

ENTRY = Entry("listen", "ann", "granted", "call")


def points_in(path: Path) -> list[Head]:
    points = [check_point(line) for line in read_check_points(path)[0]]
    assert None not in points
    return [point.head for point in points if point is not None]


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key.pem"
    assert make_key(path) == public_path(path)
    return path


def test_a_key_is_made_once(key: Path) -> None:
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert load_private(key).public_key() == load_public(public_path(key))
    with pytest.raises(UsageError, match="is there already"):
        make_key(key)
    key.unlink()
    with pytest.raises(UsageError, match=r"key\.pem\.pub: is there already"):
        make_key(key)
    assert not key.exists()


def test_what_is_no_key_is_refused(tmp_path: Path, key: Path) -> None:
    shown = public_path(key)
    shown.chmod(0o600)
    with pytest.raises(SetupError, match="cannot be read"):
        load_private(tmp_path / "missing")
    with pytest.raises(SetupError, match="no private Ed25519 key"):
        load_private(shown)
    with pytest.raises(SetupError, match="no public Ed25519 key"):
        load_public(key)
    other = generate_private_key(SECP256R1())
    wrong = tmp_path / "wrong.pem"
    wrong.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    wrong.chmod(0o600)
    with pytest.raises(SetupError, match="no private Ed25519 key"):
        load_private(wrong)
    key.chmod(0o604)
    with pytest.raises(SetupError, match="others may read"):
        load_private(key)


def test_check_points_come_by_number_and_on_demand(tmp_path: Path, key: Path) -> None:
    def trail() -> Trail:
        clock = Fixed()
        signer = Checkpoints(tmp_path, load_private(key), clock, every=3, disk=HASTY)
        return Trail(tmp_path, MemoryParticulars(), MemoryHead(), clock, signer=signer, disk=HASTY)

    first = trail()
    for _number in range(4):
        first.append([ENTRY])
    again = trail()
    again.append([ENTRY])
    assert [head.seq for head in points_in(tmp_path / "checkpoints")] == [3]
    again.append([ENTRY] * 2)
    assert again.sign() == again.head()
    assert points_in(tmp_path / "checkpoints")[1:] == [again.head()] * 2
    assert verify(tmp_path, key=load_public(public_path(key))).check_points == 3


def test_openssl_agrees_by_the_commands_of_the_page(tmp_path: Path, key: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl here")
    scene = Scene(tmp_path / "audit", key=load_private(key))
    shutil.copy(public_path(key), scene.folder / "key.pem.pub")
    page = (Path(__file__).parents[3] / "docs/decisions/0016-audit-trail.md").read_text()
    block = page[page.index("    n=12") :].split("\n\n")[0]
    command = ["sh", "-c", textwrap.dedent(block)]
    done = subprocess.run(command, cwd=scene.folder, capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, "Signature Verified Successfully")
    point = check_point(read_check_points(scene.folder / "checkpoints")[0][1])
    assert point is not None
    assert (scene.folder / "text").read_bytes() == signed_text(point.head, point.at)
    path = scene.folder / "checkpoints"
    other = "1" if point.head.hash.hex()[0] == "0" else "0"
    path.write_bytes(re.sub(rb"^12 .", f"12 {other}".encode(), path.read_bytes(), flags=re.M))
    assert subprocess.run(command, cwd=scene.folder, capture_output=True).returncode != 0


def test_an_unfinished_check_point_is_no_fault_and_goes(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    path = scene.folder / "checkpoints"
    whole = path.read_bytes()
    for cut in range(whole.rindex(b"\n", 0, -1) + 1, len(whole) - 1):
        path.write_bytes(whole[:cut])
        assert scene.verify().check_points == 2, cut
        assert scene.verify().good
    path.write_bytes(whole[:-1])
    assert scene.verify().check_points == 3
    path.write_bytes(whole + b"19 ab")
    scene.trail().sign()
    assert [head.seq for head in points_in(path)] == [6, 12, 18, 18]


def test_a_copy_that_fails_stops_nothing_and_is_made_good(tmp_path: Path, key: Path) -> None:
    copies = tmp_path / "mount"
    signer = Checkpoints(tmp_path, load_private(key), Fixed(), every=1, copies=copies, disk=HASTY)
    trail = Trail(tmp_path, MemoryParticulars(), MemoryHead(), signer=signer, disk=HASTY)
    assert trail.append([ENTRY]) == [1]
    assert signer.wait_for_copy(60)
    assert signer.copy_failures == 1
    copies.mkdir()
    trail.append([ENTRY])
    assert signer.wait_for_copy(60)
    assert signer.copy_failures == 1
    own, copy = tmp_path / "checkpoints", copies / "checkpoints"
    assert copy.read_bytes() == own.read_bytes()
    copy.write_bytes(copy.read_bytes() + b"3 torn")
    trail.append([ENTRY])
    assert signer.wait_for_copy(60)
    assert copy.read_bytes() == own.read_bytes()
    report = verify(tmp_path, key=load_public(public_path(key)), copies=[copy])
    assert (found(report), report.check_points) == ([], 3)


def test_a_check_point_that_fails_stops_no_entry(tmp_path: Path, key: Path) -> None:
    def refuse(_fd: int) -> None:
        raise OSError(28, "No space left on device")

    faulty: dict[str, Any] = {"fsync": refuse}
    signer = Checkpoints(
        tmp_path, load_private(key), Fixed(), every=1, disk=replace(HASTY, **faulty)
    )
    trail = Trail(tmp_path, MemoryParticulars(), MemoryHead(), signer=signer, disk=HASTY)
    assert trail.append([ENTRY]) == [1]
    with pytest.raises(DiskError, match="checkpoints"):
        trail.sign()


def test_a_trail_is_verified_while_it_is_written(tmp_path: Path) -> None:
    """What is appended after the verifier has looked how long the files are does not matter."""
    scene = Scene(tmp_path)
    trail = scene.trail()
    told: list[tuple[int, int]] = []

    def progress(done: int, total: int) -> None:
        told.append((done, total))
        trail.append([ENTRY])

    report = verify(tmp_path, head=scene.heads.get(), progress=progress)
    assert (report.good, report.torn, report.entries) == (True, None, 18)
    assert told[-1][0] == told[-1][1]
    assert trail.head().seq == 18 + len(told)


def test_a_signature_has_one_spelling(tmp_path: Path) -> None:
    """Base64 has bits that stand for nothing: who changes them has changed the file."""
    line = read_check_points(Scene(tmp_path).folder / "checkpoints")[0][0]
    letters = string.ascii_uppercase + string.ascii_lowercase + string.digits + "+/"
    last = letters.index(chr(line[-3]))
    other = letters[last ^ 1].encode()
    assert check_point(line) is not None
    assert check_point(line[:-3] + other + b"==") is None
