"""Finding the sequence among keys (R2)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.core.keys import NO_KEYS, press


def found_at(keys: str, sequence: str = "*#*", gaps: list[int] | None = None) -> list[int]:
    tail, at, found = NO_KEYS, 0, []
    for index, key in enumerate(keys):
        at += gaps[index] if gaps else 100
        tail, hit = press(tail, key, at, sequence, 2000)
        if hit:
            found.append(index)
    return found


@pytest.mark.parametrize(
    ("keys", "at"),
    [
        ("*#*", [2]),
        ("**#*", [3]),
        ("5*#*", [3]),
        ("*#5*#*", [5]),
        ("*##*", []),
        ("*#", []),
        ("#*#*", [3]),
        ("*#*#*", [2]),
        ("*#**#*", [2, 5]),
        ("1234567890", []),
    ],
)
def test_a_stray_key_does_not_hide_the_sequence(keys: str, at: list[int]) -> None:
    assert found_at(keys) == at


def test_too_long_a_pause_breaks_the_sequence() -> None:
    assert found_at("*#*", gaps=[100, 2000, 2000]) == [2]
    assert found_at("*#*", gaps=[100, 2001, 100]) == []
    assert found_at("*#*#*", gaps=[100, 100, 2001, 100, 100]) == [4]


def test_a_pause_after_the_sequence_began_again_does_not_matter() -> None:
    assert found_at("**#*", gaps=[100, 5000, 100, 100]) == [3]


@given(st.text("0123456789*#", max_size=40), st.text("0123456789*#", min_size=1, max_size=5))
def test_agrees_with_a_plain_search(keys: str, sequence: str) -> None:
    expected, start = [], 0
    while (index := keys.find(sequence, start)) >= 0:
        start = index + len(sequence)
        expected.append(start - 1)
    assert found_at(keys, sequence) == expected


@given(st.text("0123456789*#", max_size=40))
def test_the_tail_holds_only_what_begins_the_sequence(keys: str) -> None:
    tail = NO_KEYS
    for index, key in enumerate(keys):
        tail, _hit = press(tail, key, index * 100, "*#*", 2000)
        assert "*#*".startswith(tail.keys)
        assert len(tail.keys) < 3
