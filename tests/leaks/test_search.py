"""The search finds a number in every disguise, and does not cry wolf."""

from __future__ import annotations

import base64
import gzip
import json

import pytest

from ivr.lab.event import Event
from tests.leaks.cards import CARDS
from tests.leaks.search import digits_in, keys_told

CARD = CARDS[0]
GROUPS = [CARD[at : at + 4] for at in range(0, 16, 4)]
CALL, OTHER = "8b2e1f5c-30a1-4c4f-9c0e-111111111111", "8b2e1f5c-30a1-4c4f-9c0e-222222222222"


def event(key: str, call: str = CALL) -> Event:
    headers = [("Event-Name", "DTMF"), ("Unique-ID", call), ("Caller-Unique-ID", OTHER)]
    return Event("DTMF", [*headers, ("DTMF-Digit", key), ("DTMF-Duration", "800")])


def lines(text: str) -> bytes:
    return "".join(text.format(key=key, call=CALL) + "\n" for key in CARD).encode()


DISGUISES = {
    "plain": f"card={CARD};".encode(),
    "the first six": f"kept {CARD[:6]}******".encode(),
    "from the middle": f"x{CARD[4:11]}".encode(),
    "as JSON number": json.dumps({"digits": int(CARD)}).encode(),
    "as a float": repr(float(CARD)).encode(),
    "in an array of FreeSWITCH's": f"ARRAY::{CARD}|:2".encode(),
    "with spaces": " ".join(GROUPS).encode(),
    "with hyphens": "-".join(GROUPS).encode(),
    "with a form's pluses": "+".join(GROUPS).encode(),
    "with encoded spaces": "%20".join(GROUPS).encode(),
    "in threes and sixes": b"4929 123456 781234",
    "a line each": "\n".join(CARD).encode(),
    "lines of Windows": "\r\n".join(CARD).encode(),
    "a JSON array": json.dumps(list(CARD)).encode(),
    "a JSON array of numbers": json.dumps([int(key) for key in CARD], indent=2).encode(),
    "a tuple's repr": repr(tuple(CARD)).encode(),
    "UTF-16": CARD.encode("utf-16-le"),
    "UTF-32": CARD.encode("utf-32-be"),
    "events as lines": b"".join(event(key).plain() for key in CARD),
    "events as JSON": b"".join(event(key).json() for key in CARD),
    "a log of FreeSWITCH's": lines("{call} 2026-11-24 [INFO] switch_channel.c RECV DTMF {key}:800"),
    "a log in JSON": lines('{{"call": "{call}", "key": "{key}", "event": "pressed"}}'),
    "a log of words": lines("event=pressed key={key} call={call}"),
    "metrics with labels": lines('ivr_keys_total{{digit="{key}"}} 1.0'),
    "a record's steps": json.dumps(
        {"steps": [{"what": "key", "detail": key, "ms": 100 + n} for n, key in enumerate(CARD)]}
    ).encode(),
    "a record's steps, indented": json.dumps(
        [{"what": "key", "detail": key} for key in CARD], indent=1
    ).encode(),
    "a record's steps as numbers": json.dumps([{"what": int(key)} for key in CARD]).encode(),
    "steps without spaces": json.dumps(
        [{"k": key} for key in CARD], separators=(",", ":")
    ).encode(),
    "a journal": lines('{{"c":"{call}","d":{{"k":"{key}"}}}}'),
    "a log of whats": lines("2026-11-24T06:00:00Z [info] heard call={call} what={key}"),
    "a repr of dataclasses": repr([f"Step(detail='{key}', at=1)" for key in CARD]).encode(),
    "pairs with when": repr([(key, 1000 + n * 60) for n, key in enumerate(CARD)]).encode(),
    "pairs of JSON": json.dumps([[int(key), n * 0.06] for n, key in enumerate(CARD)]).encode(),
    "a dict by place": repr(dict(enumerate(CARD))).encode(),
    "a JSON object by place": json.dumps(dict(enumerate(CARD))).encode(),
    "a JSON list of groups": json.dumps(GROUPS).encode(),
    "a JSON list of groups, indented": json.dumps(GROUPS, indent=2).encode(),
    "a close JSON list of groups": json.dumps(GROUPS, separators=(",", ":")).encode(),
    "commands that send keys": lines("api uuid_send_dtmf {call} {key}@80\n"),
    "bytes in hexadecimal": CARD.encode().hex(" ").encode(),
    "bytes two by two": CARD.encode().hex(" ", 2).encode(),
    "bytes with colons": CARD.encode().hex(":").encode(),
    "a metric": f'ivr_last{{a="b"}} {float(CARD)}\nivr_last {float(CARD):e}\n'.encode(),
    "percent": "".join(f"%3{key}" for key in CARD).encode(),
    "JSON's escapes": "".join(f"\\u003{key}" for key in CARD).encode(),
    "a repr's escapes": "".join(f"\\x3{key}" for key in CARD).encode(),
    "entities": "".join(f"&#x3{key};" for key in CARD).encode(),
    "hexadecimal": b"id=" + CARD.encode().hex().encode(),
    "hexadecimal after a 3": b"3" + CARD.encode().hex().encode(),
    "hexadecimal with gaps": CARD.encode().hex(" ").replace(" ", ", 0x").join(("0x", "")).encode(),
    "codes": repr(list(CARD.encode())).encode(),
    **{
        f"base64 {offset} on": base64.b64encode(b"x" * offset + CARD.encode() + b"y" * 5)
        for offset in range(3)
    },
    "base64 of JSON": base64.b64encode(json.dumps({"number": CARD}).encode()),
}


@pytest.mark.parametrize("disguise", DISGUISES)
def test_a_number_is_found_in_its_disguise(disguise, tmp_path):
    data = DISGUISES[disguise]
    around = b"2026-11-24 06:00:00.123 [NOTICE] before " + data + b" after it"
    assert digits_in(data, CARD), "alone"
    [found, *_] = digits_in(around, CARD)
    assert found.digits in CARD
    assert len(found.digits) >= 6
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / ".kept").write_bytes(b"\x00" * 5000 + around)
    assert digits_in(tmp_path, CARDS[3], CARD), "in a file"
    assert not digits_in(around, *CARDS[1:]), "no other number's"


def test_it_is_found_in_packed_logs_in_files_names_and_across_a_seam(tmp_path):
    (tmp_path / "old.log.gz").write_bytes(gzip.compress(b"x" + CARD.encode()))
    assert digits_in(tmp_path, CARD)[0].where == "old.log.gz, unpacked"
    named = tmp_path / "named"
    named.mkdir()
    (named / f"{CARD}.wav").touch()
    assert digits_in(named, CARD)
    assert digits_in([CARD[:5].encode(), CARD[5:9].encode()], CARD)
    assert not digits_in([CARD[:5].encode(), b"~", CARD[5:9].encode()], CARD)


def test_what_was_found_says_where_and_how():
    [found] = digits_in({"freeswitch.log": "first\nRECV " + CARD}, CARD)
    assert (found.where, found.at, found.disguise) == ("freeswitch.log", 11, "plain")
    assert found.digits == CARD
    assert "RECV" in found.text


def test_keys_of_two_calls_do_not_hide_each_other():
    """Their events come between each other, and neither stream is the number alone."""
    mixed = b"".join(event(key).plain() + event("5", OTHER).json() for key in CARD)
    assert digits_in(mixed, CARD)[0].disguise == "events"
    assert keys_told(mixed) == {CALL: CARD, OTHER: "5" * 16}


def test_a_single_key_is_told_of():
    log = f"{CALL} RECV DTMF #:800\nelse\n{CALL} RECV DTMF 7:800\n"
    assert keys_told(log) == {CALL: "#7"}
    assert keys_told(event("*").plain()) == {CALL: "*"}
    assert keys_told(b"keys='12'") == {"": "12"}
    assert keys_told(b"DTMF-Duration: 800\nevent plain DTMF\nmonkey: 1\ncard_digits: 8") == {}


QUIET = {
    "five digits": CARD[:5].encode() + b" " + CARD[6:11].encode(),
    "an id": f"8b2e1f5c-{CARD[:4]}-{CARD[4:8]}-9c0e-111111111111".encode(),
    "a hash": b"a" * 20 + CARD.encode() + b"b" * 28,
    "a date": b"2026-11-24 06:00:00.492912",
    "seconds since 1970": b"1795492912 1795492912345",
    "single digits among words": " and ".join(CARD).encode(),
    "digits far apart": (" " * 20).join(CARD).encode(),
    "a checksum and clocks of the journal": b'"w":1795492912370,"m":4929123},"crc":1649291235',
    "steps that are counted": json.dumps([{"n": n} for n in range(10)]).encode(),
    "pairs that are counted": json.dumps(list(enumerate(range(10)))).encode(),
    "values of several names": "".join(
        f'"n{"xyz"[n % 3]}":{key},' for n, key in enumerate(CARD)
    ).encode(),
    "values of several calls": "\n".join(
        f"call={(CALL, OTHER)[n % 2]} what={key}" for n, key in enumerate(CARD)
    ).encode(),
    "a sum of seconds": (
        f'x_sum{{a="b"}} 0.00{CARD}\nx_sum 1.{CARD}\nx_sum {CARD[0]}.{CARD[1:]}e-05\n'
    ).encode(),
    "room on the disk": (
        f'ivr_recording_folder_free_bytes{{folder="spool"}} {CARD[0]}.{CARD[1:11]}e+10\n'.encode()
    ),
    "nothing": b"",
}


@pytest.mark.parametrize("what", QUIET)
def test_it_does_not_cry_wolf(what):
    assert digits_in(QUIET[what], CARD) == []


def test_an_epoch_that_is_part_of_the_number_is_no_epoch():
    assert digits_in(b" 1795492912 ", "5551795492912555")


def test_a_short_number_is_refused_rather_than_found_everywhere():
    with pytest.raises(ValueError, match=r"'737' has no 6 digits: .* keys_told"):
        digits_in(b"737", "737")
    assert digits_in(b"a737b", "737", least=3)
