"""A container opens with its password only, and a weak password makes none (R15)."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest
import pyzipper

from ivr.errors import UsageError
from ivr.export.container import checked_password, make_password, seal

PASSWORD = "correct-Horse-7-battery"  # of the container below


def test_it_opens_with_the_password_only(tmp_path: Path) -> None:
    (tmp_path / "recording.mp3").write_bytes(b"what was said" * 10_000)
    target = tmp_path / "copy.zip"
    size = seal([tmp_path / "recording.mp3"], PASSWORD, target)
    assert size == target.stat().st_size
    assert target.stat().st_mode & 0o777 == 0o600
    assert b"what was said" not in target.read_bytes()
    assert PASSWORD.encode() not in target.read_bytes()
    with pyzipper.AESZipFile(target) as made:
        (about,) = made.infolist()
        assert (about.filename, about.wz_aes_strength) == ("recording.mp3", 3)  # 3 is 256 bits
        assert about.date_time == (1980, 1, 1, 0, 0, 0)
        with pytest.raises(RuntimeError, match="password"):
            made.read("recording.mp3")
        made.setpassword(b"correct-Horse-8-battery")
        with pytest.raises(RuntimeError, match="Bad password"):
            made.read("recording.mp3")
        made.setpassword(PASSWORD.encode())
        assert made.read("recording.mp3") == b"what was said" * 10_000
    with zipfile.ZipFile(target) as plain, pytest.raises((RuntimeError, NotImplementedError)):
        plain.read("recording.mp3", pwd=PASSWORD.encode())  # not the old, broken encryption


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("", "has 0 letters, expected 12"),
        ("aB3-xyz9Q!m", "has 11 letters"),
        ("aaaaaaaaaaaaaaaaaaaaaaaa", "too easy"),
        ("121212121212121212121212", "too easy"),
        ("072340981726", "too easy"),
        ("abcdefghijkl", "too easy"),
        ("pässword-of-mine", "plain letters"),
        ("with\ncontrol-characters", "plain letters"),
    ],
)
def test_a_weak_password_makes_no_container(tmp_path: Path, password: str, why: str) -> None:
    (tmp_path / "a").write_bytes(b"x")
    with pytest.raises(UsageError, match=why) as refused:
        seal([tmp_path / "a"], password, tmp_path / "copy.zip")
    assert not password or password not in str(refused.value)
    assert not (tmp_path / "copy.zip").exists()


def test_passwords_that_are_made_are_strong_and_differ() -> None:
    made = {make_password() for _ in range(100)}
    assert len(made) == 100
    for password in made:
        assert checked_password(password) == password
        assert re.fullmatch("[a-z2-9]{5}(-[a-z2-9]{5}){3}", password)


def test_nothing_is_left_of_one_that_could_not_be_made(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        seal([tmp_path / "away"], PASSWORD, tmp_path / "copy.zip")
    assert not (tmp_path / "copy.zip").exists()
    (tmp_path / "copy.zip").write_text("mine")
    with pytest.raises(FileExistsError):
        seal([], PASSWORD, tmp_path / "copy.zip")
    assert (tmp_path / "copy.zip").read_text() == "mine"
