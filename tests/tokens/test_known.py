"""Whose a token is: by the file as it is at each request, and in the same time for all."""

from __future__ import annotations

import hmac

from ivr.tokens import file as token_file
from ivr.tokens import known
from ivr.tokens.file import TokenFile
from ivr.tokens.known import KnownTokens, Unknown
from ivr.tokens.token import Token, hashed, new_secret
from tests.tokens.conftest import NOW, USE, Hands


def named(found: Token | Unknown) -> str:
    """The name of a token that is one."""
    assert isinstance(found, Token)
    return found.name


def test_whose_it_is(file, path):
    secret = file.add("crm", ["look"])
    gate = KnownTokens(lambda: path, USE)
    assert named(gate.whose(secret)) == "crm"
    assert gate.whose(secret + "x") is Unknown.BAD
    assert gate.whose("") is Unknown.BAD
    assert gate.whose(hashed(secret)) is Unknown.BAD, "the hash opens nothing"


def test_a_token_expires(path):
    clock = Hands()
    secret = TokenFile(path, USE, now=clock).add("crm", ["look"], days=1)
    gate = KnownTokens(lambda: path, USE, now=clock)
    clock.now = NOW + 86_399
    assert named(gate.whose(secret)) == "crm"
    clock.now = NOW + 86_400
    assert gate.whose(secret) is Unknown.EXPIRED


def test_every_comparison_takes_the_same_time(file, path, monkeypatch):
    secrets = [file.add(f"t{number}", ["look"]) for number in range(5)]
    gate = KnownTokens(lambda: path, USE)
    compared: list[tuple[str, str]] = []
    real = hmac.compare_digest

    def compare(left: str, right: str) -> bool:
        compared.append((left, right))
        return real(left, right)

    monkeypatch.setattr(known.hmac, "compare_digest", compare)
    for secret in (secrets[0], secrets[4], "ivr_wrong"):
        compared.clear()
        gate.whose(secret)
        assert len(compared) == 5, "all of them, wherever it is found"
        assert {left for left, _ in compared} == {hashed(secret)}, "and hashes only"


def test_a_file_that_has_not_changed_is_not_read_again(file, path, monkeypatch):
    file.add("crm", ["look"])
    monkeypatch.setattr(known.time, "time_ns", lambda: path.stat().st_ctime_ns + 2 * 10**9)
    gate = KnownTokens(lambda: path, USE)
    reads: list[object] = []
    monkeypatch.setattr(known, "read", lambda *it: reads.append(it) or token_file.read(*it))
    for _ in range(3):
        gate.whose("x")
    assert len(reads) == 1
    file.add("other", ["look"])
    gate.whose("x")
    assert len(reads) == 2


def test_a_file_that_has_just_changed_is_read_again(file, path, monkeypatch):
    """Another change within one tick of the file system's clock is not seen in its times."""
    secret, other = file.add("crm", ["look"]), new_secret()
    gate = KnownTokens(lambda: path, USE)
    seen = path.stat()
    monkeypatch.setattr(known.os, "stat", lambda _path: seen)
    assert named(gate.whose(secret)) == "crm"
    data = path.read_bytes()
    with path.open("r+b") as opened:
        opened.write(data.replace(hashed(secret).encode(), hashed(other).encode()))
    assert gate.whose(secret) is Unknown.BAD
    assert named(gate.whose(other)) == "crm"


def test_the_file_may_come_to_lie_elsewhere(file, path):
    """As a reload has it."""
    secret = file.add("crm", ["look"])
    other = path.with_name("other.json")
    places = [path]
    gate = KnownTokens(lambda: places[-1], USE)
    assert named(gate.whose(secret)) == "crm"
    places.append(other)
    assert gate.whose(secret) is Unknown.BAD
    path.rename(other)
    assert named(gate.whose(secret)) == "crm"
