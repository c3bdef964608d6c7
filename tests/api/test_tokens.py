"""Tokens as a running engine sees them: in force from the next request on."""

from __future__ import annotations

import hmac

import pytest

from ivr.api.access import Access, Client, Unknown
from ivr.api.tokens import ENGINEER, USE, Scope
from ivr.errors import UsageError
from ivr.tokens.file import TokenFile
from ivr.tokens.known import hmac as compared_by
from ivr.tokens.token import hashed, new_secret
from tests.api.fake import Api
from tests.tokens.conftest import Hands


def test_whose_it_is(tmp_path):
    file = TokenFile(tmp_path / "tokens.json", USE)
    secret = file.add("crm", [Scope.READ])
    access = Access(lambda: tmp_path / "tokens.json", "ivr_engineer")
    assert access.whose(secret) == Client("crm", frozenset({Scope.READ}), "page")
    assert access.whose("ivr_engineer") == Client(ENGINEER, frozenset(Scope), ENGINEER)
    assert access.whose("") is Unknown.BAD
    assert access.whose(hashed("ivr_engineer")) is Unknown.BAD, "the hash opens nothing"


def test_the_engineers_is_compared_in_constant_time_too(tmp_path, monkeypatch):
    TokenFile(tmp_path / "tokens.json", USE).add("crm", [Scope.READ])
    access = Access(lambda: tmp_path / "tokens.json", "ivr_engineer")
    compared: list[str] = []
    real = hmac.compare_digest

    def compare(left: str, right: str) -> bool:
        compared.append(left)
        return real(left, right)

    monkeypatch.setattr(compared_by, "compare_digest", compare)
    access.whose("ivr_wrong")
    assert compared == [hashed("ivr_wrong")] * 2


def test_no_token_has_the_name_of_this_hosts_commands(tmp_path):
    with pytest.raises(UsageError, match="this host's commands' own"):
        TokenFile(tmp_path / "tokens.json", USE).add(ENGINEER, [Scope.READ])
    assert not (tmp_path / "tokens.json").exists()


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
