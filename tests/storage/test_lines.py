"""One line of the journal, there and back."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any, get_type_hints

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.core.entries import Answered, Arrived, Dialled, Entry, Finished, HungUp, PromptEnded, Stamp
from ivr.errors import SpoolError
from ivr.storage.lines import KINDS, line_of, parse
from tests.storage.parts import ARRIVED, CALL

STAMP = Stamp(1_714_555_800_250, 123)
_VALUES: dict[type, st.SearchStrategy[Any]] = {
    str: st.text(st.characters()),
    int: st.integers(-(1 << 62), 1 << 62),
    bool: st.booleans(),
}


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    kind = draw(st.sampled_from(sorted(KINDS.values(), key=lambda kind: kind.__name__)))
    hints = get_type_hints(kind)
    return kind(*[draw(_VALUES[hints[each.name]]) for each in fields(kind)])


@given(entries(), st.integers(0, 1 << 40))
def test_every_entry_comes_back_as_it_was(entry: Entry, number: int) -> None:
    line = line_of(CALL, number, entry, STAMP)
    assert line.endswith(b"}\n")
    assert line.isascii()
    assert line.count(b"\n") == 1
    assert json.loads(line)["k"] == type(entry).__name__
    told = parse(line[:-1])
    assert (told.call, told.number, told.stamped.stamp) == (CALL, number, STAMP)
    assert told.stamped.entry == entry


def test_no_changed_byte_goes_unseen() -> None:
    line = line_of(CALL, 3, HungUp("caller", "NORMAL_CLEARING", 16), STAMP)[:-1]
    for at in range(len(line)):
        for flip in (1, 0x20, 0x80):
            broken = line[:at] + bytes([line[at] ^ flip]) + line[at + 1 :]
            with pytest.raises(SpoolError):
                parse(broken)
        with pytest.raises(SpoolError):
            parse(line[:at])


def forged(**changes: Any) -> bytes:
    """A line with a good checksum over these members."""
    from zlib import crc32

    members = {"c": CALL, "n": 0, "w": 1, "m": 2, "k": "Answered", "d": {}, **changes}
    body = json.dumps(members, separators=(",", ":"))[:-1].encode()
    return body + b',"crc":%d}' % crc32(body)


@pytest.mark.parametrize(
    "changes",
    [
        {"c": "../../etc/passwd"},
        {"c": 5},
        {"n": "0"},
        {"n": True},
        {"w": 1.5},
        {"m": None},
        {"k": "Exploded"},
        {"k": ["Answered"]},
        {"d": 5},
        {"k": "HungUp", "d": {"by": "caller", "cause": "X", "q850": "16"}},
        {"k": "HungUp", "d": {"by": "caller", "cause": "X", "q850": True}},
        {"k": "HungUp", "d": {"by": "caller"}},
    ],
)
def test_a_line_that_is_no_entry_is_refused(changes: dict[str, Any]) -> None:
    assert parse(forged()).stamped.entry == Answered()
    with pytest.raises(SpoolError):
        parse(forged(**changes))


def test_a_line_of_an_older_engine_reads_with_defaults() -> None:
    told = parse(forged(k="HungUp", d={"by": "caller", "cause": "X", "q850": 16}))
    assert told.stamped.entry == HungUp("caller", "X", 16, "")


def test_a_field_of_a_newer_engine_is_left_out() -> None:
    told = parse(forged(k="Dialled", d={"destination": "desk", "since_version_9": [1]}))
    assert told.stamped.entry == Dialled("desk")


def test_nothing_that_a_caller_sends_breaks_the_line() -> None:
    name = 'x"}\n{"c":"\r\0\u2028\ud800'
    arrived = Arrived(name, name, name, *["x"] * 7)
    line = line_of(CALL, 0, arrived, STAMP)
    assert line.count(b"\n") == 1
    assert parse(line[:-1]).stamped.entry == arrived


def test_kinds_are_all_the_entries() -> None:
    assert {Arrived, Finished, PromptEnded, type(ARRIVED)} <= set(KINDS.values())
    assert len(KINDS) == 30
