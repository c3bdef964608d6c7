"""What was kept is given back, checked; who has the host only, has nothing of what is sealed."""

from __future__ import annotations

import hashlib
import json
import os
from datetime import date
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ivr.errors import StoreError
from ivr.retention.archive.folder import FolderArchive
from ivr.retention.archive.keeper import Keeper, paused_in
from ivr.retention.archive.names import named
from ivr.retention.archive.protocol import Archive, Item
from ivr.retention.archive.reader import Reader
from ivr.retention.archive.sealing import SealedError
from ivr.retention.model import Format, Recording
from ivr.storage.names import stem_of
from ivr.storage.places import Places, prepare
from ivr.storage.record_schema import parse_record
from tests.retention.archive.parts import DAY, age_keys, talk, to_wav, tree
from tests.storage.parts import CALL
from tests.storage.paused import PAUSED, STOPPED, file, put

FIRST, SECOND = to_wav(talk(2.03)), to_wav(talk(2.6, seed=8))
_quiet = talk(8)
_quiet[2_000 * 8 : 4_970 * 8] = 0
MASKED = to_wav(_quiet)


@pytest.fixture
def spool(tmp_path: Path) -> Places:
    """A call that the engine finished, in two parts."""
    places = prepare(tmp_path / "spool", 0)
    put(places, FIRST, SECOND)
    file(places, STOPPED)
    return places


def take(places: Places, archive: Archive, keeper: Keeper) -> Recording:
    """As the intake does."""
    data = Path(places.record(CALL)).read_bytes()
    record = parse_record(data, CALL)
    parts = [
        keeper.keep(
            places.root / part.path,
            part.sha256,
            stem_of(CALL, number),
            archive.scratch,
            paused_in(record, number),
        )
        for number, part in enumerate(record.recording.parts, 1)
    ]
    kept = keeper.keep_record(data, CALL, archive.scratch)
    archive.put([Item(DAY, each.name, archive.scratch / each.name) for each in (*parts, kept)])
    return recording(kept.name, kept.sha256, keeper, tuple(parts))


def recording(name: str, sha256: str, keeper: Keeper, parts: tuple) -> Recording:
    return Recording(
        CALL, DAY, 0, "benefits", "main", "inbound", "1", "kept", "", 0, name, sha256,
        keeper.form, keeper.sealed, parts,
    )  # fmt: skip


@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize("form", ["wav", "flac", "opus"])
def test_all_is_given_back(spool: Places, archive: Archive, form: Format, sealed: bool) -> None:
    recipients, identity, _identities = age_keys()
    kept = take(spool, archive, Keeper(form, recipients if sealed else None))
    reader = Reader(archive, identity if sealed else None)
    record = reader.record(kept)
    assert record == Path(spool.record(CALL)).read_bytes()
    assert [named(part.name).kind for part in kept.parts] == [form] * 2  # type: ignore[union-attr]
    for part, original in zip(kept.parts, json.loads(record)["recording"]["parts"], strict=True):
        with reader.wav(kept, part) as file:
            data = file.read()
        if form != "opus":
            assert hashlib.sha256(data).hexdigest() == original["sha256"]
        with reader.audio(kept, part) as file:
            info = soundfile.info(f"/proc/self/fd/{file.fileno()}")
            begin = file.read(4)
        assert info.frames == original["frames"]
        assert begin == {"wav": b"RIFF", "flac": b"fLaC", "opus": b"OggS"}[form]


def test_pauses_are_counted_from_the_parts_beginning(tmp_path: Path, folder: FolderArchive) -> None:
    places = prepare(tmp_path / "spool", 0)
    put(places, MASKED)
    file(places, PAUSED)
    record = parse_record(Path(places.record(CALL)).read_bytes(), CALL)
    [(begin, end)] = paused_in(record, 1)
    assert begin < 2_000 < 5_000 < end
    assert paused_in(record, 2) == ()
    late = record.model_copy(
        update={
            "recording": record.recording.model_copy(
                update={
                    "parts": [record.recording.parts[0].model_copy(update={"offset_ms": 1_000})]
                }
            )
        }
    )
    assert paused_in(late, 1) == ((begin - 1_000, end - 1_000),)
    kept = take(places, folder, Keeper("opus"))
    assert kept.parts[0].name == f"{CALL}.opus"
    with Reader(folder).audio(kept, kept.parts[0]) as sound:
        samples, rate = soundfile.read(sound)
    quiet = samples[(begin + 100) * rate // 1000 : (end - 100) * rate // 1000]
    assert np.abs(quiet).max() < 0.004


def test_who_has_the_host_has_nothing(spool: Places, tmp_path: Path, folder: FolderArchive) -> None:
    """Every byte of the archive is searched for the number, the name and the samples (R12)."""
    record = Path(spool.record(CALL)).read_bytes()
    said = parse_record(record, CALL)
    words = [said.caller.encode(), said.caller_name.encode() + b'"', said.number.encode() + b'"']
    audio = [Path(spool.audio(CALL, part)).read_bytes()[44:] for part in (1, 2)]
    # Pieces of what was said, none of them so short or so dull that it comes by chance.
    samples = [data[at : at + 16] for data in audio for at in range(0, len(data) - 16, 997)]
    samples = [piece for piece in samples if len(set(piece)) > 8]
    assert len(samples) > 50
    for form in ("wav", "flac", "opus"):
        recipients, identity, _identities = age_keys()
        kept = take(spool, folder, Keeper(form, recipients))
        lying = tree(tmp_path / "archive")
        assert len(lying) == 3
        for path, data in lying.items():
            assert not [word for word in words if word in data], path
            assert not [piece for piece in samples if piece in data], path
            assert b"fLaC" not in data
            assert b"OggS" not in data
        reader = Reader(folder, identity)
        assert reader.record(kept) == record
        for part, whole in zip(kept.parts, audio, strict=True):
            with reader.wav(kept, part) as file:
                assert form == "opus" or file.read()[44:] == whole
        folder.remove([(DAY, name) for name in folder.names(DAY)])
        assert tree(tmp_path / "archive") == {}


def test_the_search_would_find_what_is_not_sealed(spool: Places, folder: FolderArchive) -> None:
    take(spool, folder, Keeper("wav"))
    caller = parse_record(Path(spool.record(CALL)).read_bytes(), CALL).caller.encode()
    lying = tree(folder.scratch.parent)
    assert [path for path, data in lying.items() if caller in data] == [f"{DAY}/{CALL}.json"]


def test_without_a_key_it_says_where_it_is(spool: Places, archive: Archive) -> None:
    kept = take(spool, archive, Keeper("flac", age_keys()[0]))
    for call in (
        lambda: Reader(archive).record(kept),
        lambda: Reader(archive).wav(kept, kept.parts[0]),
    ):
        with pytest.raises(
            SealedError, match="is sealed, and its secret key is not on this host"
        ) as told:
            call()
        assert not told.value.retry
        assert "gives the identity file that age-keygen wrote" in str(told.value)


def test_another_key_opens_nothing(spool: Places, archive: Archive) -> None:
    kept = take(spool, archive, Keeper("flac", age_keys()[0]))
    reader = Reader(archive, age_keys()[1])
    with pytest.raises(SealedError, match="none of the secret keys of the identity opens it"):
        reader.record(kept)
    assert os.listdir(archive.scratch) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "the identity holds no secret key"),
        (b"# only a comment\n", "the identity holds no secret key"),
        (b"AGE-SECRET-KEY-1NONSENSE", "line 1 of the identity is no secret key of age"),
        (b"\n-----BEGIN OPENSSH PRIVATE KEY-----\n", "line 2 of the identity is no secret key"),
        (b"\xff\xfe\0", "line 1 of the identity is no secret key"),
    ],
)
def test_what_is_no_identity_is_refused(text: bytes, said: str, folder: FolderArchive) -> None:
    with pytest.raises(SealedError, match=said) as told:
        Reader(folder, text)
    assert "NONSENSE" not in str(told.value)


def test_windows_line_ends_and_many_keys(spool: Places, folder: FolderArchive) -> None:
    recipients, identity, _identities = age_keys()
    kept = take(spool, folder, Keeper("wav", recipients))
    many = (age_keys()[1] + identity).replace(b"\n", b"\r\n")
    assert Reader(folder, many).record(kept) == Path(spool.record(CALL)).read_bytes()


@pytest.mark.parametrize("sealed", [False, True])
@pytest.mark.parametrize("how", ["flipped", "shorter", "longer", "header", "other"])
def test_what_was_changed_is_handed_to_nobody(
    spool: Places, folder: FolderArchive, sealed: bool, how: str
) -> None:
    recipients, identity, _identities = age_keys()
    kept = take(spool, folder, Keeper("flac", recipients if sealed else None))
    for name in (kept.record_name, kept.parts[0].name):
        path = folder.scratch.parent / str(DAY) / name
        data = bytearray(path.read_bytes())
        if how == "flipped":
            data[len(data) // 2] ^= 1
        elif how == "header":
            data[40] ^= 1
        elif how == "other":
            data = bytearray(b"something else")
        else:
            data = data[:-7] if how == "shorter" else data + b"more"
        path.write_bytes(data)
    reader = Reader(folder, identity)
    for call in (
        lambda: reader.record(kept),
        lambda: reader.audio(kept, kept.parts[0]),
        lambda: reader.wav(kept, kept.parts[0]),
    ):
        with pytest.raises(StoreError, match="is not what was put there") as told:
            call()
        assert hashlib.sha256(path.read_bytes()).hexdigest() in str(told.value) or (
            kept.record_name in str(told.value)
        )
    with reader.audio(kept, kept.parts[1]) as file:
        assert len(file.read()) > 1000


def test_what_was_never_sealed_is_told_apart(spool: Places, folder: FolderArchive) -> None:
    """Its hash is right, but it is no file of age."""
    kept = take(spool, folder, Keeper("wav", age_keys()[0]))
    path = folder.scratch.parent / str(DAY) / kept.record_name
    path.write_bytes(b"{}")
    kept = recording(kept.record_name, hashlib.sha256(b"{}").hexdigest(), Keeper("wav"), ())
    with pytest.raises(StoreError, match="is what was put there, and cannot be opened"):
        Reader(folder, age_keys()[1]).record(kept)


def test_what_is_missing_is_told(spool: Places, archive: Archive) -> None:
    kept = take(spool, archive, Keeper("wav"))
    archive.remove([(DAY, kept.parts[0].name)])
    with pytest.raises(StoreError, match="is not in the archive"):
        Reader(archive).wav(kept, kept.parts[0])


def test_records_are_found_without_an_index(spool: Places, archive: Archive) -> None:
    recipients, identity, _identities = age_keys()
    kept = take(spool, archive, Keeper("flac", recipients))
    reader = Reader(archive, identity)
    [day] = archive.days()
    [name] = [each for each in archive.names(day) if named(each).kind == "json"]  # type: ignore[union-attr]
    data, part = reader.stored(day, name)
    assert data == Path(spool.record(CALL)).read_bytes()
    assert (part.name, part.sha256) == (kept.record_name, kept.record_sha256)
    assert isinstance(day, date)
