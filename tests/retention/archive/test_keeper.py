"""What is kept of a file of the spool, as it is or sealed."""

from __future__ import annotations

import hashlib
import io
import os
from pathlib import Path

import pytest

from ivr.errors import ConfigError, DiskError, SpoolError
from ivr.retention.archive.keeper import Keeper
from ivr.retention.archive.sealing import Recipients
from tests.retention.archive.parts import age_keys
from tests.storage.dying import Died, dying
from tests.storage.parts import CALL, EIO, ENOSPC, Trace, wav


@pytest.fixture
def scratch(tmp_path: Path) -> Path:
    (tmp_path / "scratch").mkdir()
    return tmp_path / "scratch"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.wav"
    path.write_bytes(wav(8000))
    return path


def sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_a_wav_is_kept_as_it_is(source: Path, scratch: Path) -> None:
    part = Keeper().keep(source, sha256(source), f"{CALL}.2", scratch)
    assert part.name == f"{CALL}.2.wav"
    assert (scratch / part.name).read_bytes() == source.read_bytes()
    assert (part.size, part.sha256) == (source.stat().st_size, sha256(source))
    assert os.listdir(scratch) == [part.name]


def test_sealed_it_is_readable_with_the_secret_key_only(source: Path, scratch: Path) -> None:
    recipients, _file, identities = age_keys()
    part = Keeper("wav", recipients).keep(source, sha256(source), CALL, scratch)
    assert part.name == f"{CALL}.wav.age"
    sealed = (scratch / part.name).read_bytes()
    assert sealed.startswith(b"age-encryption.org/v1\n")
    assert (part.size, part.sha256) == (len(sealed), hashlib.sha256(sealed).hexdigest())
    opened = io.BytesIO()
    assert identities.open(io.BytesIO(sealed), opened)
    assert opened.getvalue() == source.read_bytes()


def test_each_recipient_can_open_it(scratch: Path, source: Path) -> None:
    keys = [age_keys() for _ in range(2)]
    both = Recipients([line for _r, file, _i in keys for line in public(file)])
    part = Keeper("wav", both).keep(source, sha256(source), CALL, scratch)
    for _recipients, _file, identities in keys:
        opened = io.BytesIO()
        assert identities.open(io.BytesIO((scratch / part.name).read_bytes()), opened)
        assert opened.getvalue() == source.read_bytes()


def public(file: bytes) -> list[str]:
    return [line.split(": ")[1] for line in file.decode().splitlines() if "public key" in line]


def test_a_record_is_kept_byte_for_byte(scratch: Path) -> None:
    data = b'{"schema": 4}\n'
    part = Keeper().keep_record(data, CALL, scratch)
    assert part.name == f"{CALL}.json"
    assert (scratch / part.name).read_bytes() == data
    assert part.sha256 == hashlib.sha256(data).hexdigest()
    recipients, _file, identities = age_keys()
    part = Keeper("wav", recipients).keep_record(data, CALL, scratch)
    assert part.name == f"{CALL}.json.age"
    opened = io.BytesIO()
    assert identities.open(io.BytesIO((scratch / part.name).read_bytes()), opened)
    assert opened.getvalue() == data


@pytest.mark.parametrize("sealed", [False, True])
def test_another_hash_is_refused_with_both(source: Path, scratch: Path, sealed: bool) -> None:
    keeper = Keeper("wav", age_keys()[0] if sealed else None)
    said = "0" * 64
    with pytest.raises(SpoolError) as refused:
        keeper.keep(source, said, CALL, scratch)
    assert said in str(refused.value)
    assert sha256(source) in str(refused.value)
    assert os.listdir(scratch) == []


def test_what_changes_under_the_hand_is_not_kept(source: Path, scratch: Path) -> None:
    """The hash is of what is kept, not of what was there before."""
    whole = sha256(source)

    class Changing(Trace):
        def _traced(self, name: str, real: object) -> object:
            call = super()._traced(name, real)  # type: ignore[arg-type]

            def one(*args: object) -> object:
                if name == "open":
                    with open(source, "r+b") as file:
                        file.seek(1000)
                        file.write(b"changed")
                return call(*args)

            return one

    with pytest.raises(SpoolError, match="is not the recording that its record tells of"):
        Keeper(disk=Changing().disk()).keep(source, whole, CALL, scratch)


def test_missing_linked_and_other_things_are_of_the_spool(tmp_path: Path, scratch: Path) -> None:
    with pytest.raises(SpoolError, match="is missing, though its record tells of it"):
        Keeper().keep(tmp_path / "no.wav", "0" * 64, CALL, scratch)
    (tmp_path / "link.wav").symlink_to("/etc/hostname")
    with pytest.raises(SpoolError, match="is a link, which is never followed"):
        Keeper().keep(tmp_path / "link.wav", "0" * 64, CALL, scratch)
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(SpoolError, match="is a device, pipe or socket"):
        Keeper().keep(tmp_path / "pipe.wav", "0" * 64, CALL, scratch)
    assert os.listdir(scratch) == []


@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize("call", ["open", "write"])
def test_what_the_disk_refuses_is_tried_again(
    source: Path, scratch: Path, call: str, sealed: bool
) -> None:
    trace = Trace(failing={call: ENOSPC})
    keeper = Keeper("wav", age_keys()[0] if sealed else None, disk=trace.disk())
    with pytest.raises(DiskError, match="No space left on device") as refused:
        keeper.keep(source, sha256(source), CALL, scratch)
    assert refused.value.retry
    assert os.listdir(scratch) == []
    trace.failing.clear()
    part = keeper.keep(source, sha256(source), CALL, scratch)
    assert os.listdir(scratch) == [part.name]


@pytest.mark.parametrize("sealed", [False, True])
def test_a_source_that_cannot_be_read_is_not_called_damaged(
    source: Path, scratch: Path, sealed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stays in the spool: the disk or its rights may be mended."""

    def refused(*_: object) -> bytes:
        raise OSError(EIO, "Input/output error")

    monkeypatch.setattr(os, "pread", refused)
    keeper = Keeper("wav", age_keys()[0] if sealed else None)
    with pytest.raises(DiskError, match=r"source\.wav: cannot be read: Input/output error"):
        keeper.keep(source, "0" * 64, CALL, scratch)
    assert os.listdir(scratch) == []


@pytest.mark.parametrize("sealed", [False, True])
def test_short_writes_lose_nothing(source: Path, scratch: Path, sealed: bool) -> None:
    recipients, _file, identities = age_keys()
    keeper = Keeper("wav", recipients if sealed else None, disk=Trace(short=777).disk())
    part = keeper.keep(source, sha256(source), CALL, scratch)
    made = (scratch / part.name).read_bytes()
    assert hashlib.sha256(made).hexdigest() == part.sha256
    opened = io.BytesIO(made)
    if sealed:
        opened = io.BytesIO()
        assert identities.open(io.BytesIO(made), opened)
    assert opened.getvalue() == source.read_bytes()


@pytest.mark.parametrize("sealed", [False, True])
def test_killed_at_any_call_it_can_be_done_again(source: Path, scratch: Path, sealed: bool) -> None:
    recipients = age_keys()[0] if sealed else None
    left = 0
    survived = False
    while not survived:
        keeper = Keeper("wav", recipients, disk=dying(Trace, left).disk())
        try:
            keeper.keep(source, sha256(source), CALL, scratch)
            survived = True
        except Died:
            pass
        part = Keeper("wav", recipients).keep(source, sha256(source), CALL, scratch)
        assert sha256(scratch / part.name) == part.sha256
        assert os.listdir(scratch) == [part.name]
        left += 1
    assert left >= 3


def test_names_that_are_none_are_refused(source: Path, scratch: Path) -> None:
    with pytest.raises(Exception, match="is no name of the archive"):
        Keeper().keep(source, sha256(source), "../x", scratch)
    with pytest.raises(SpoolError, match="is not the id of a call"):
        Keeper().keep_record(b"", "../x", scratch)


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("age1nonsense", "'age1nonsense' is no recipient of age"),
        ("ssh-ed25519 AAAA", "is no recipient of age"),
        ("AGE-SECRET-KEY-1QQ", "a secret key, which must not be on this host"),
    ],
)
def test_a_key_that_is_none_is_a_mistake_of_the_configuration(key: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as refused:
        Recipients([key])
    assert "expected a public key, age1…" in str(refused.value)
    assert "KEY-1QQ" not in str(refused.value)
