"""``ivr retention token``, and commands that ask with a token (R16)."""

from __future__ import annotations

import json
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr.tokens import file as token_file
from tests.retained import Served, serving
from tests.retention.house import STRANGER

DESK = '  - {user: "token:desk", name: The desk, roles: [customer-services-officer]}\n'


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Served]:
    with serving(tmp_path, monkeypatch) as served:
        served.person = STRANGER
        yield served


@pytest.fixture
def path(served: Served) -> Path:
    """The file of tokens, as access.yaml names it from now on."""
    access = served.house.folder / "deploy/access.yaml"
    access.write_text(f"{access.read_text()}{DESK}tokens: tokens.json\n")
    served.restart()
    return access.with_name("tokens.json")


def test_a_token_from_its_making_to_its_end(
    served: Served, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert served.ivr("case", "ls").exit_code == 8
    added = served.ivr("retention", "token", "add", "desk", "--days", "30")
    assert added.exit_code == 0, added.output
    assert re.fullmatch(r"ivr_[A-Za-z0-9_-]{43}\n", added.stdout), "alone, to be piped"
    assert added.stderr == f"in {path}; the token itself is shown only now:\n"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert added.stdout.strip() not in path.read_text()
    monkeypatch.setenv("IVR_RETENTION_TOKEN", added.stdout)
    assert served.ivr("case", "ls").stderr == "no cases\n"
    assert served.last[:3] == ("case-show", "token:desk by stranger", "granted")
    [row] = served.ivr("retention", "token", "list", "--json").stdout.splitlines()
    assert json.loads(row)["name"] == "desk"
    listed = served.ivr("retention", "token", "list").stdout
    assert listed.startswith("desk  recordings  made 20")
    assert "until 20" in listed
    assert served.ivr("retention", "token", "revoke", "desk").stdout == "revoked: desk\n"
    assert served.ivr("retention", "token", "list").stderr == "no tokens\n"
    refused = served.ivr("case", "ls")
    assert refused.exit_code == 8
    assert "ivr retention token list" in refused.stderr
    assert served.last[:3] == ("token", "stranger", "refused")


def test_whose_token_may_nothing_yet_is_told(served: Served, path: Path) -> None:
    added = served.ivr("retention", "token", "add", "other")
    assert added.exit_code == 0
    assert "token:other under people" in added.stderr


def test_where_access_names_no_file_it_says_what_to_write(served: Served) -> None:
    for words in (("add", "desk"), ("list",), ("revoke", "desk")):
        result = served.ivr("retention", "token", *words)
        assert result.exit_code == 3
        assert "tokens: retention-tokens.json" in result.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("add", "A b"), "no name for a token"),
        (("add", "there"), "ivr retention token revoke there"),
        (("add", "desk", "--days", "0"), "expected 1 to 3650"),
        (("revoke", "desk"), "ivr retention token list"),
    ],
)
def test_words_that_do_not_fit(
    served: Served, path: Path, words: tuple[str, ...], said: str
) -> None:
    assert served.ivr("retention", "token", "add", "there").exit_code == 0
    before = path.read_bytes()
    result = served.ivr("retention", "token", *words)
    assert result.exit_code == 2
    assert said in result.stderr
    assert path.read_bytes() == before


def test_a_file_that_is_broken_or_the_engines(served: Served, path: Path) -> None:
    for text in ("{", '{"version": 1, "tokens": [{"name": "a", "scopes": ["calls:read"]}]}'):
        path.write_text(text)
        path.chmod(0o600)
        for words in (("add", "desk"), ("list",), ("revoke", "desk")):
            result = served.ivr("retention", "token", *words)
            assert result.exit_code == 3
            assert "ivr retention token add" in result.stderr


def test_roots_file_belongs_to_the_services_user(
    served: Served, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[tuple[int, int]] = []
    monkeypatch.setattr(token_file.os, "geteuid", lambda: 0)
    monkeypatch.setattr(token_file.os, "fchown", lambda _fd, *owner: given.append(owner))
    served.ivr("retention", "token", "add", "desk")
    state = os.stat(served.house.store.site.state)
    assert given == [(state.st_uid, state.st_gid)]


def test_what_is_no_token_is_said_before_anything_is_asked(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IVR_RETENTION_TOKEN", "ivr_a b")
    result = served.ivr("case", "ls")
    assert result.exit_code == 2
    assert "is given as a token is none" in result.stderr
    assert "ivr_a b" not in result.output
    assert served.house.audit() == []
