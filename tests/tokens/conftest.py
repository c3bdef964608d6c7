"""A file of tokens, and a clock that is set by hand."""

from __future__ import annotations

import pytest

from ivr.tokens.file import TokenFile
from ivr.tokens.token import Use

USE = Use(
    ("look", "halt", "mark"), "bell token", "the bell's user", "bell.tokens", frozenset({"boss"})
)
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
    return TokenFile(path, USE, now=Hands())
