"""One line an event, one line a call, numbers masked (R21, R23)."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import pytest
import structlog

from ivr import logs
from ivr.engine import driver
from ivr.lab import CallScript, Destination, script
from tests.engine.conftest import build, house, logged  # noqa: F401 # fixtures


def lines(
    event: str, *, text: bool, numbers: logs.Numbers = "masked", **fields: object
) -> list[str]:
    """What one event becomes."""
    out = io.StringIO()
    logger = structlog.wrap_logger(
        structlog.PrintLogger(out),
        processors=logs.chain(text=text, numbers=numbers, colours=False),
    )
    logger.info(event, **fields)
    return out.getvalue().splitlines()


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("07700900123", "********123"),
        ("+447700900123", "**********123"),
        ("1234", "*234"),
        ("999", "***"),
        ("1", "*"),
        ("", ""),
        ("anonymous", "******ous"),
    ],
)
def test_numbers_show_their_last_three_digits(number, shown):
    assert logs.masked(number) == shown
    for field in ("number", "caller"):
        (line,) = lines("x", text=False, **{field: number})
        assert json.loads(line)[field] == shown


def test_names_are_left_out_where_numbers_are_masked():
    (line,) = lines("x", text=False, caller_name="Jo Bloggs")
    assert "Jo" not in line


def test_whole_numbers_where_configured():
    (line,) = lines("x", text=False, numbers="full", caller="07700900123", caller_name="Jo")
    assert json.loads(line)["caller"] == "07700900123"
    assert json.loads(line)["caller_name"] == "Jo"


NASTY = [
    *(chr(code) for code in range(32)),
    "\x7f",
    "\x85",
    "\x9b",
    "\u2028",
    "\u2029",
    "\u202e",
    "\u2066",
    "\ufffd",
]


@pytest.mark.parametrize("text", [True, False], ids=["text", "json"])
def test_control_characters_cannot_break_a_line(text):
    found = lines("x", text=text, numbers="full", caller="".join(NASTY), reason="a\nb\x1b[2J")
    assert len(found) == 1
    assert not set(NASTY[:-1]) & set(found[0])
    if text:
        assert "\\x0a" in found[0]
        assert "\\x1b[2J" in found[0]
    else:
        assert json.loads(found[0])["caller"] == "".join(NASTY)


def test_the_time_has_its_zone():
    (line,) = lines("x", text=False)
    assert json.loads(line)["timestamp"].endswith("Z")


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("'json', 'info', 'masked'", ['{"caller": "********123", "event": "two"']),
        ("'auto', 'info', 'masked'", ['{"caller": "********123", "event": "two"']),
        ("'json', 'debug', 'full'", ['{"event": "one"', '{"caller": "07700900123"']),
        ("'json', 'error', 'full'", []),
        ("'text', 'info', 'masked'", ["20"]),
    ],
)
def test_how_the_service_is_set_up(settings, expected):
    """In a process of its own: what is set up holds for the whole of one."""
    code = (
        f"from ivr import logs; logs.set_up({settings}); import structlog; "
        "log = structlog.get_logger(); log.debug('one'); log.info('two', caller='07700900123')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "", "logs go to standard error"
    found = done.stderr.splitlines()
    assert len(found) == len(expected)
    for line, beginning in zip(found, expected, strict=True):
        assert line.startswith(beginning)
        assert "\x1b" not in line, "no colours where nobody sees them"


# Tracebacks say where, and not what was held there.

NUMBER, KEYS, PASSWORD = "07700900123", "73#1*9", "open sesame"
CALL = "3deba8b7-291b-4a57-8511-68a5e1a242a9"


def fail(message: str) -> None:
    """Fail with things in the frame that no log may show."""
    caller, pressed, password = NUMBER, KEYS, PASSWORD
    try:
        raise LookupError(f"{len(caller + pressed + password)} characters")
    except LookupError as cause:
        raise ValueError(message) from cause


def failed(message: str, *, text: bool, numbers: logs.Numbers = "masked") -> str:
    """What the log says of a fault with this message."""
    try:
        fail(message)
    except ValueError as fault:
        return "\n".join(lines("fault", text=text, numbers=numbers, exc_info=fault))
    raise AssertionError


FORMATS = pytest.mark.parametrize("text", [True, False], ids=["text", "json"])


@FORMATS
@pytest.mark.parametrize("numbers", ["masked", "full"])
def test_a_traceback_names_the_place_and_no_variable(text, numbers):
    found = failed("it broke", text=text, numbers=numbers)
    assert "ValueError" in found
    assert "it broke" in found
    assert "LookupError" in found
    assert "test_logs.py" in found
    for secret in (NUMBER, KEYS, PASSWORD):
        assert secret not in found
    if not text:
        (line,) = found.splitlines()
        frames = json.loads(line)["exception"][0]["frames"]
        assert [frame["name"] for frame in frames] == ["failed", "fail"]
        assert not any(frame.get("locals") for frame in frames)


@FORMATS
@pytest.mark.parametrize("written", [NUMBER, "+447700900123", "07700 900123", "0770-090-0123"])
def test_a_number_in_an_exceptions_own_words_is_masked(text, written):
    found = failed(f"no digit in sofia/internal/{written}@host", text=text)
    assert written not in found
    assert "****123@host" in found
    assert written in failed(f"sofia/internal/{written}@host", text=text, numbers="full")


@FORMATS
def test_a_number_is_masked_in_notes_and_in_groups_of_exceptions(text):
    fault = ExceptionGroup("several", [ValueError(f"of {NUMBER}")])
    fault.add_note(f"for {NUMBER}")
    (found, *more) = lines("fault", text=text, exc_info=fault)
    whole = "\n".join([found, *more])
    assert whole.count("********123") == 2
    assert NUMBER not in whole


@FORMATS
def test_the_id_of_a_call_is_no_number(text):
    assert CALL in failed(f"of call {CALL}", text=text)


@pytest.mark.parametrize("field", ["error", "fault", "reason", "reply"])
def test_numbers_in_what_others_worded_are_masked(field):
    (line,) = lines("x", text=False, **{field: f"-ERR {NUMBER} is 486 of {CALL}"})
    assert json.loads(line)[field] == f"-ERR ********123 is 486 of {CALL}"
    (line,) = lines("x", text=False, numbers="full", **{field: NUMBER})
    assert json.loads(line)[field] == NUMBER


def test_no_line_of_a_traceback_passes_for_another_event():
    first, *rest = failed("a\n2026-01-01 [info] call ended\x1b[2J\u202e", text=True).splitlines()
    assert "fault" in first
    assert all(line.startswith("    ") for line in rest)
    assert "\\x1b[2J" in "".join(rest)
    assert not {"\x1b", "\u202e"} & set("".join(rest))


@FORMATS
def test_a_fault_in_a_call_shows_nothing_of_the_caller(house, monkeypatch, text):  # noqa: F811 # the fixture
    """The driver's frames hold the call's state, its event and its configuration."""

    def advance(state, event, policy):
        raise ValueError(f"a fault at {event.caller}")

    out = io.StringIO()
    structlog.configure(
        processors=logs.chain(text=text, numbers="masked", colours=False),
        logger_factory=structlog.PrintLoggerFactory(out),
    )
    monkeypatch.setattr(driver, "advance", advance)
    house.place(CallScript(destination=Destination.talks(2000)))
    house.clock.run_until(lambda: "fault in the engine" in out.getvalue())
    found = out.getvalue()
    assert "driver.py" in found
    assert "a fault at ********123" in found
    for secret in ("07700900123", "01427676676", "Bloggs", "ClueCon"):
        assert secret not in found


# The canonical line.


def test_one_line_tells_everything_about_a_call(house, logged):  # noqa: F811 # fixtures
    call = house.call(CallScript(destination=Destination.talks(2000)))
    ended = [one for one in logged if one["event"] == "call ended"]
    record = call.record
    assert len(ended) == 1
    assert {key: value for key, value in ended[0].items() if "level" not in key} == {
        "event": "call ended",
        "call": call.outcome.uuid,
        "team": "customer-services",
        "route": "main-line",
        "number": "01427676676",
        "caller": "07700900123",
        "direction": "inbound",
        "arrived_at": record["arrived_at"],
        "total_ms": record["durations"]["total_ms"],
        "connected_ms": 2000,
        "announcement": "fully",
        "opt_outs": 0,
        "returned": 0,
        "opted_out": "",
        "recording": "kept",
        "recording_reason": "",
        "recorded_ms": record["recording"]["duration_ms"],
        "sha256": record["recording"]["sha256"],
        "ended_by": "agent",
        "cause": "NORMAL_CLEARING",
        "q850": 16,
        "reason": "",
        "policy": "2.0",
        "config": record["config_version"],
    }


@pytest.mark.parametrize("told", script.STANDARD, ids=lambda told: told.name)
def test_an_ordinary_call_is_one_line_and_nothing_else(house, logged, told):  # noqa: F811 # the fixture
    before = len(logged)
    call = house.call(told)
    assert [one["event"] for one in logged[before:]] == ["call ended"]
    assert logged[-1]["reason"] == call.record["ended"]["reason"]


@pytest.mark.parametrize("text", [True, False], ids=["text", "json"])
def test_no_number_is_whole_in_any_line_of_a_call(house, text):  # noqa: F811 # the fixture
    out = io.StringIO()
    structlog.configure(
        processors=logs.chain(text=text, numbers="masked", colours=False),
        logger_factory=structlog.PrintLoggerFactory(out),
    )
    call = house.place(CallScript(destination=Destination.talks(2000)))
    house.until(call, "connected")
    house.listener(call).drop()
    house.over(call)
    away = house.place(CallScript(dialled="01427000001"))
    house.clock.run_until(away.done.ready)
    assert "link lost" in out.getvalue()
    assert "turned away" in out.getvalue()
    assert "*123" in out.getvalue()
    for number in ("07700900123", "01427676676", "01427000001"):
        assert number not in out.getvalue()
    assert "Bloggs" not in out.getvalue()
