"""Tokens: kept as hashes in a private file."""

from __future__ import annotations

import hashlib
import json
import os
import stat
from datetime import UTC, datetime

import pytest

from ivr.errors import DiskError, SetupError, UsageError
from ivr.storage.atomic import Disk
from ivr.tokens.file import Owner, TokenFile, read
from ivr.tokens.token import new_secret
from tests.tokens.conftest import USE

# What a token is, and what is kept of it.


def test_a_token_is_long_recognised_and_never_twice_the_same():
    secrets = {new_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert {len(secret) for secret in secrets} == {4 + 43}, "256 bits, six a character"
    assert {secret[:4] for secret in secrets} == {"ivr_"}


def test_only_its_hash_is_kept(file, path):
    secret = file.add("crm", ["halt", "look"], days=30)
    text = path.read_text()
    assert secret[4:] not in text
    assert json.loads(text) == {
        "version": 1,
        "tokens": [
            {
                "name": "crm",
                "scopes": ["halt", "look"],
                "sha256": hashlib.sha256(secret.encode()).hexdigest(),
                "created": "2026-03-02T10:00:00Z",
                "expires": "2026-04-01T10:00:00Z",
            }
        ],
    }
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert [one.name for one in path.parent.iterdir()] == ["tokens.json"]


def test_the_file_is_private_whatever_the_umask(file, path):
    old = os.umask(0)
    try:
        file.add("crm", ["look"])
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_add_and_revoke(file, path):
    file.add("a", ["look"])
    file.add("b", ["mark"])
    assert [(token.name, token.scopes) for token in read(path, USE)] == [
        ("a", {"look"}),
        ("b", {"mark"}),
    ]
    file.revoke("a")
    assert [token.name for token in read(path, USE)] == ["b"]
    with pytest.raises(UsageError, match="no token 'a'"):
        file.revoke("a")


@pytest.mark.parametrize("name", ["", "A", "a b", "-a", "a-", "é", "a\n", "x" * 41, "boss"])
def test_names_that_will_not_do(file, path, name):
    with pytest.raises(UsageError):
        file.add(name, ["look"])
    assert not path.exists()


@pytest.mark.parametrize("name", ["a", "7", "payment-page.test_2", "x" * 40])
def test_names_that_will(file, path, name):
    file.add(name, ["look"])
    assert read(path, USE)[0].name == name


def test_a_name_that_is_taken(file, path):
    file.add("crm", ["look"])
    before = path.read_bytes()
    with pytest.raises(UsageError, match="bell token revoke crm"):
        file.add("crm", ["halt"])
    assert path.read_bytes() == before


def test_a_wrong_name_to_revoke_is_put_right(file):
    file.add("payment-page", ["look"])
    with pytest.raises(UsageError, match='did you mean "payment-page"'):
        file.revoke("paymentpage")


@pytest.mark.parametrize("days", [0, -1, 3651])
def test_days_that_will_not_do(file, days):
    with pytest.raises(UsageError, match="expected 1 to 3650"):
        file.add("crm", ["look"], days)


def test_a_token_without_scope_is_of_no_use(file):
    with pytest.raises(UsageError, match="look, halt, mark"):
        file.add("crm", [])


# Bad files.


def entry(**new: object) -> dict[str, object]:
    return {
        "name": "crm",
        "scopes": ["look"],
        "sha256": "0" * 64,
        "created": "2026-03-02T10:00:00Z",
        "expires": None,
        **new,
    }


def content(*entries: dict[str, object], **new: object) -> str:
    return json.dumps({"version": 1, "tokens": entries, **new})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "\x00",
        "{}",
        content(version=2),
        content(more=1),
        content(entry(scopes=[])),
        content(entry(scopes=["all"])),
        content(entry(sha256="0")),
        content(entry(sha256="A" * 64)),
        content(entry(name="A b")),
        content(entry(name="crm\n")),
        content(entry(name="boss")),
        content(entry(created="yesterday")),
        content(entry(created="2026-03-02T10:00:00")),
        content(entry(expires="2026-13-02T10:00:00Z")),
        content(entry(more=1)),
        content(entry(), entry()),
        "[" * 100_000,
        content(entry(name=7)),
    ],
)
def test_a_broken_file_is_no_traceback(path, file, text):
    path.write_text(text)
    path.chmod(0o600)
    for act in (lambda: read(path, USE), lambda: file.add("b", ["look"]), lambda: file.revoke("b")):
        with pytest.raises(SetupError) as caught:
            act()
        assert str(caught.value).startswith(f"{path}: ")
        assert "\n" not in str(caught.value)
        assert "0" * 64 not in str(caught.value)
    assert path.read_text() == text, "and it is left as it is"


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o620, 0o660, 0o644, 0o666, 0o777, 0o601])
def test_a_file_that_others_may_read_or_change(file, path, mode):
    file.add("crm", ["look"])
    path.chmod(mode)
    with pytest.raises(SetupError, match=f"mode {mode:o}.*chmod 600"):
        read(path, USE)


def test_its_group_may_read_it(file, path):
    file.add("crm", ["look"])
    path.chmod(0o640)
    assert len(read(path, USE)) == 1


@pytest.mark.parametrize("kind", ["folder", "pipe", "large", "loop"])
def test_what_is_no_file(path, kind):
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path, 0o600)
    elif kind == "loop":
        path.symlink_to(path)
    else:
        path.touch(0o600)
        os.truncate(path, (1 << 20) + 1)
    why = "is larger than 1 MiB" if kind == "large" else "cannot be read|is not a file"
    with pytest.raises(SetupError, match=rf"tokens\.json: ({why})"):
        read(path, USE)


def test_no_file_is_no_tokens(path):
    assert read(path, USE) == ()
    with pytest.raises(UsageError):
        TokenFile(path, USE).revoke("crm")
    assert not path.exists()


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(SetupError, match=r"bell\.tokens"):
        TokenFile(tmp_path / "none" / "tokens.json", USE).add("crm", ["look"])


@pytest.mark.parametrize("call", ["open", "write", "fsync", "rename"])
def test_a_disk_that_refuses_changes_nothing(file, path, call):
    file.add("crm", ["look"])
    before = path.read_bytes()

    def refuse(*words: object) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(DiskError, match="No space left"):
        TokenFile(path, USE, disk=Disk(**{call: refuse})).add("other", ["look"])
    assert path.read_bytes() == before
    assert [one.name for one in path.parent.iterdir()] == ["tokens.json"]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    link = tmp_path / "tokens.json"
    link.symlink_to(tmp_path / "real" / "tokens.json")
    TokenFile(link, USE).add("crm", ["look"])
    assert link.is_symlink()
    assert len(read(tmp_path / "real" / "tokens.json", USE)) == 1


def test_roots_file_belongs_to_the_engines_user(path, monkeypatch):
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "fchown", lambda _fd, user, group: given.append((user, group)))
    TokenFile(path, USE, Owner(1234, 4321)).add("a", ["look"])
    assert given == [(1234, 4321)]
    TokenFile(path, USE, Owner(1, 1)).add("b", ["look"])
    assert given[1] == (path.stat().st_uid, path.stat().st_gid), "as it was before"


def test_dates_are_dates(file, path):
    file.add("crm", ["look"], days=1)
    token = read(path, USE)[0]
    assert token.created == datetime(2026, 3, 2, 10, tzinfo=UTC)
    assert token.expires == datetime(2026, 3, 3, 10, tzinfo=UTC)
