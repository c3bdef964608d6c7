"""Tokens: kept as hashes in a private file, and in force from the next request on."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import stat
from datetime import UTC, datetime

import pytest

from ivr.api import access, token_file
from ivr.api.access import Access, Client, Unknown
from ivr.api.token_file import Owner, TokenFile, read
from ivr.api.tokens import Scope, hashed, new_secret
from ivr.errors import DiskError, SetupError, UsageError
from ivr.storage.atomic import Disk
from tests.api.fake import Api

NOW = 1_772_445_600.5
"""2026-03-02T10:00:00Z and a half."""


class Hands:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def path(tmp_path):
    return tmp_path / "tokens.json"


@pytest.fixture
def file(path):
    return TokenFile(path, now=Hands())


# What a token is, and what is kept of it.


def test_a_token_is_long_recognised_and_never_twice_the_same():
    secrets = {new_secret() for _ in range(100)}
    assert len(secrets) == 100
    assert {len(secret) for secret in secrets} == {4 + 43}, "256 bits, six a character"
    assert {secret[:4] for secret in secrets} == {"ivr_"}


def test_only_its_hash_is_kept(file, path):
    secret = file.add("crm", [Scope.PAUSE, Scope.READ], days=30)
    text = path.read_text()
    assert secret[4:] not in text
    assert json.loads(text) == {
        "version": 1,
        "tokens": [
            {
                "name": "crm",
                "scopes": ["calls:read", "recording:pause"],
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
        file.add("crm", [Scope.READ])
    finally:
        os.umask(old)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_add_and_revoke(file, path):
    file.add("a", [Scope.READ])
    file.add("b", [Scope.MARK])
    assert [(token.name, token.scopes) for token in read(path)] == [
        ("a", {Scope.READ}),
        ("b", {Scope.MARK}),
    ]
    file.revoke("a")
    assert [token.name for token in read(path)] == ["b"]
    with pytest.raises(UsageError, match="no token 'a'"):
        file.revoke("a")


@pytest.mark.parametrize("name", ["", "A", "a b", "-a", "a-", "é", "a\n", "x" * 41, "engineer"])
def test_names_that_will_not_do(file, path, name):
    with pytest.raises(UsageError):
        file.add(name, [Scope.READ])
    assert not path.exists()


@pytest.mark.parametrize("name", ["a", "7", "payment-page.test_2", "x" * 40])
def test_names_that_will(file, path, name):
    file.add(name, [Scope.READ])
    assert read(path)[0].name == name


def test_a_name_that_is_taken(file, path):
    file.add("crm", [Scope.READ])
    before = path.read_bytes()
    with pytest.raises(UsageError, match="ivr token revoke crm"):
        file.add("crm", [Scope.PAUSE])
    assert path.read_bytes() == before


def test_a_wrong_name_to_revoke_is_put_right(file):
    file.add("payment-page", [Scope.READ])
    with pytest.raises(UsageError, match='did you mean "payment-page"'):
        file.revoke("paymentpage")


@pytest.mark.parametrize("days", [0, -1, 3651])
def test_days_that_will_not_do(file, days):
    with pytest.raises(UsageError, match="expected 1 to 3650"):
        file.add("crm", [Scope.READ], days)


def test_a_token_without_scope_is_of_no_use(file):
    with pytest.raises(UsageError, match="calls:read, recording:pause, calls:mark"):
        file.add("crm", [])


# Bad files.


def entry(**new: object) -> dict[str, object]:
    return {
        "name": "crm",
        "scopes": ["calls:read"],
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
        content(entry(name="engineer")),
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
    for act in (lambda: read(path), lambda: file.add("b", [Scope.READ]), lambda: file.revoke("b")):
        with pytest.raises(SetupError) as caught:
            act()
        assert str(caught.value).startswith(f"{path}: ")
        assert "\n" not in str(caught.value)
        assert "0" * 64 not in str(caught.value)
    assert path.read_text() == text, "and it is left as it is"


@pytest.mark.parametrize("mode", [0o604, 0o602, 0o620, 0o660, 0o644, 0o666, 0o777, 0o601])
def test_a_file_that_others_may_read_or_change(file, path, mode):
    file.add("crm", [Scope.READ])
    path.chmod(mode)
    with pytest.raises(SetupError, match=f"mode {mode:o}.*chmod 600"):
        read(path)


def test_its_group_may_read_it(file, path):
    file.add("crm", [Scope.READ])
    path.chmod(0o640)
    assert len(read(path)) == 1


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
        read(path)


def test_no_file_is_no_tokens(path):
    assert read(path) == ()
    with pytest.raises(UsageError):
        TokenFile(path).revoke("crm")
    assert not path.exists()


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(SetupError, match=r"http\.tokens"):
        TokenFile(tmp_path / "none" / "tokens.json").add("crm", [Scope.READ])


@pytest.mark.parametrize("call", ["open", "write", "fsync", "rename"])
def test_a_disk_that_refuses_changes_nothing(file, path, call):
    file.add("crm", [Scope.READ])
    before = path.read_bytes()

    def refuse(*words: object) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(DiskError, match="No space left"):
        TokenFile(path, disk=Disk(**{call: refuse})).add("other", [Scope.READ])
    assert path.read_bytes() == before
    assert [one.name for one in path.parent.iterdir()] == ["tokens.json"]


def test_a_link_stays_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    link = tmp_path / "tokens.json"
    link.symlink_to(tmp_path / "real" / "tokens.json")
    TokenFile(link).add("crm", [Scope.READ])
    assert link.is_symlink()
    assert len(read(tmp_path / "real" / "tokens.json")) == 1


def test_roots_file_belongs_to_the_engines_user(path, monkeypatch):
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "fchown", lambda _fd, user, group: given.append((user, group)))
    TokenFile(path, Owner(1234, 4321)).add("a", [Scope.READ])
    assert given == [(1234, 4321)]
    TokenFile(path, Owner(1, 1)).add("b", [Scope.READ])
    assert given[1] == (path.stat().st_uid, path.stat().st_gid), "as it was before"


# Who has it.


def test_whose_it_is(file, path):
    secret = file.add("crm", [Scope.READ])
    gate = Access(lambda: path)
    assert gate.whose(secret) == Client("crm", frozenset({Scope.READ}), "page")
    assert gate.whose(secret + "x") is Unknown.BAD
    assert gate.whose("") is Unknown.BAD
    assert gate.whose(hashed(secret)) is Unknown.BAD, "the hash opens nothing"


def test_a_token_expires(path):
    clock = Hands()
    secret = TokenFile(path, now=clock).add("crm", [Scope.READ], days=1)
    gate = Access(lambda: path, now=clock)
    clock.now = NOW + 86_399
    assert isinstance(gate.whose(secret), Client)
    clock.now = NOW + 86_400
    assert gate.whose(secret) is Unknown.EXPIRED


def test_every_comparison_takes_the_same_time(file, path, monkeypatch):
    secrets = [file.add(f"t{number}", [Scope.READ]) for number in range(5)]
    gate = Access(lambda: path, "ivr_engineer")
    compared: list[tuple[str, str]] = []
    real = hmac.compare_digest

    def compare(left: str, right: str) -> bool:
        compared.append((left, right))
        return real(left, right)

    monkeypatch.setattr(access.hmac, "compare_digest", compare)
    for secret in (secrets[0], secrets[4], "ivr_wrong"):
        compared.clear()
        gate.whose(secret)
        assert len(compared) == 6, "all of them, wherever it is found"
        assert {left for left, _ in compared} == {hashed(secret)}, "and hashes only"


def test_a_file_that_has_not_changed_is_not_read_again(file, path, monkeypatch):
    file.add("crm", [Scope.READ])
    monkeypatch.setattr(access.time, "time_ns", lambda: path.stat().st_ctime_ns + 2 * 10**9)
    gate = Access(lambda: path)
    reads: list[object] = []
    monkeypatch.setattr(access, "read", lambda path: reads.append(path) or token_file.read(path))
    for _ in range(3):
        gate.whose("x")
    assert len(reads) == 1
    file.add("other", [Scope.READ])
    gate.whose("x")
    assert len(reads) == 2


def test_a_file_that_has_just_changed_is_read_again(file, path, monkeypatch):
    """Another change within one tick of the file system's clock is not seen in its times."""
    secret, other = file.add("crm", [Scope.READ]), new_secret()
    gate = Access(lambda: path)
    seen = path.stat()
    monkeypatch.setattr(access.os, "stat", lambda _path: seen)
    assert isinstance(gate.whose(secret), Client)
    data = path.read_bytes()
    with path.open("r+b") as opened:
        opened.write(data.replace(hashed(secret).encode(), hashed(other).encode()))
    assert gate.whose(secret) is Unknown.BAD
    assert isinstance(gate.whose(other), Client)


def test_the_file_may_come_to_lie_elsewhere(file, path):
    """As a reload has it."""
    secret = file.add("crm", [Scope.READ])
    other = path.with_name("other.json")
    places = [path]
    gate = Access(lambda: places[-1])
    assert isinstance(gate.whose(secret), Client)
    places.append(other)
    assert gate.whose(secret) is Unknown.BAD
    path.rename(other)
    assert isinstance(gate.whose(secret), Client)


# As a running engine sees it.


def test_added_and_revoked_while_it_runs(api):
    assert api.ask("GET", "/v1/calls", token=new_secret()).status == 401
    for name in ("first", "second", "third"):
        secret = api.file.add(name, [Scope.READ])
        assert api.ask("GET", "/v1/calls", token=secret).status == 200
        api.file.revoke(name)
        assert api.ask("GET", "/v1/calls", token=secret).status == 401
    assert api.ask("GET", "/v1/calls").status == 200


def test_an_expired_token_is_told_so(tmp_path):
    clock = Hands()
    api = Api(tmp_path, now=clock)
    try:
        secret = api.file.add("short", [Scope.READ], days=1)
        clock.now += 86_400
        answer = api.ask("GET", "/v1/calls", token=secret)
        assert answer.status == 401
        assert answer.json["type"] == "urn:ivr:problem:expired-token"
        assert api.ask("GET", "/v1/calls").status == 200
    finally:
        api.close()


@pytest.mark.parametrize("how", ["broken", "open"])
def test_a_file_that_cannot_be_used_refuses_all_and_says_once_what_to_do(api, heard, how):
    path = api.folder / "tokens.json"
    before = path.read_bytes()
    if how == "open":
        path.chmod(0o644)
    else:
        path.write_bytes(before[:-10])
    for _ in range(3):
        answer = api.ask("POST", "/v1/extensions/1001/recording/pause")
        assert answer.status == 503
        assert answer.json["type"] == "urn:ivr:problem:tokens-unusable"
        assert str(path) not in answer.body.decode()
    assert api.calls.asked == []
    assert [event["event"] for event in heard] == [
        "no token is accepted: their file cannot be used"
    ]
    assert str(path) in heard[0]["error"]
    path.write_bytes(before)
    path.chmod(0o600)
    assert api.ask("GET", "/v1/calls").status == 200
    path.unlink()
    assert api.ask("GET", "/v1/calls").status == 401


def test_this_hosts_commands_work_where_the_file_does_not(tmp_path):
    api = Api(tmp_path, engineer=new_secret())
    try:
        (tmp_path / "tokens.json").write_text("{")
        assert api.ask("GET", "/v1/calls", token=api.engineer).status == 200
    finally:
        api.close()


def test_dates_are_dates(file, path):
    file.add("crm", [Scope.READ], days=1)
    token = read(path)[0]
    assert token.created == datetime(2026, 3, 2, 10, tzinfo=UTC)
    assert token.expires == datetime(2026, 3, 3, 10, tzinfo=UTC)
