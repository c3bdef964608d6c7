"""What is said of a call, step by step, and where that is written."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import pytest

from ivr.config.load import load
from ivr.config.settings import Configuration
from ivr.errors import UsageError
from ivr.explain import Explanation, Verdict, explain

ROOT = Path(__file__).parents[2]
TUESDAY = datetime(2026, 11, 24, 10, 0)
CHRISTMAS = datetime(2026, 12, 25, 10, 0)


@cache
def site(name: str = "") -> Configuration:
    folder = ROOT / "dialplan/examples" / name
    return load(folder / "site.yaml" if name else ROOT / "deploy/ivr.yaml")


def said(
    number: str,
    name: str = "",
    *,
    at: datetime = TUESDAY,
    caller: str = "",
    context: str = "",
) -> Explanation:
    return explain(site(name), number, at=at, caller=caller, context=context)


def line_of(explanation: Explanation, what: str, nth: int = 0) -> str:
    """The line of YAML that a step names."""
    step = [step for step in explanation.steps if step.what == what][nth]
    assert step.at is not None, step
    path = Path(step.at.path)
    text = (path if path.is_absolute() else Path.cwd() / path).read_text()
    return text.splitlines()[step.at.line - 1][step.at.column - 1 :]


def text_of(explanation: Explanation, what: str, nth: int = 0) -> str:
    return [step for step in explanation.steps if step.what == what][nth].text


def test_a_callers_call_is_told_from_the_dialplan_to_what_happens_without_an_engine() -> None:
    found = said("01427676690")
    assert (found.verdict, found.recorded) == (Verdict.ROUTE, True)
    assert (found.route, found.team, found.destination) == ("council-tax",) * 3
    assert found.extensions == ("ivr-council-tax",)
    assert found.dial == "user/1101|user/1102"
    assert line_of(found, "call") == "context: public           # in which callers' calls arrive"
    assert line_of(found, "dialplan").startswith('"01427676690"')
    assert line_of(found, "route") == "name: council-tax"
    assert line_of(found, "team") == "team: council-tax"
    assert line_of(found, "language") == "language: en-GB"
    assert line_of(found, "announcement") == "announcement-council-tax:"
    assert "14.03 s" in text_of(found, "announcement")
    assert line_of(found, "opt-out").startswith('keys: "*#*"')
    assert line_of(found, "pause") == 'codes: {pause: "#70", resume: "#71"}'
    assert line_of(found, "pause", 1) == "card_digits: 8"
    assert line_of(found, "destination") == "council-tax:"
    assert text_of(found, "destination").endswith("user/1101, then user/1102, each for 1 min")
    assert line_of(found, "no engine") == "without_engine: message"
    assert "no-engine.wav, and the call ends" in text_of(found, "no engine")
    assert line_of(found, "no room") == "without_recording: refuse"


def test_whether_a_team_is_open_is_told_with_the_line_that_decides() -> None:
    number, name = "01427676676", "opening-hours"
    assert line_of(said(number, name), "hours") == 'mon-fri: "08:30-17:00"'
    closed = said(number, name, at=CHRISTMAS)
    assert "Christmas Day, a bank holiday" in text_of(closed, "hours")
    assert line_of(closed, "hours") == "holidays: england-and-wales"
    assert not closed.recorded
    assert closed.why.startswith("no: the team is closed")
    assert line_of(closed, "closed") == "closed:"
    assert closed.destination == ""
    assert text_of(closed, "no engine").endswith("the team is closed: FreeSWITCH knows no hours")
    assert "hours" not in text_of(said(number, name), "no engine")
    eve = said(number, name, at=datetime(2026, 12, 24, 10, 0))
    assert line_of(eve, "hours") == '"2026-12-24"]'
    sunday = said(number, name, at=datetime(2026, 11, 29, 10, 0))
    assert "that day has no hours" in text_of(sunday, "hours")
    assert line_of(sunday, "hours") == "hours:"


def test_a_moment_with_a_zone_is_taken_by_the_clock_of_the_site() -> None:
    in_summer = datetime(2026, 7, 7, 7, 45, tzinfo=UTC)
    found = said("01427676676", "opening-hours", at=in_summer)
    assert found.moment == "Tue 2026-07-07 08:45"
    assert found.recorded


def test_out_of_hours_another_destination_has_the_calls() -> None:
    found = said("01427676680", "opening-hours", at=datetime(2026, 11, 24, 13, 0))
    assert (found.recorded, found.destination) == (True, "duty-officer")
    assert line_of(found, "out of hours") == "out_of_hours:"


def test_overflow_is_told_in_its_order() -> None:
    found = said("01427676676", "overflow")
    assert line_of(found, "overflow") == "overflow:"
    assert "prompts/en-GB/8000/overflow.wav" in text_of(found, "overflow")
    assert text_of(found, "overflow", 1) == "council-tax: user/1101 rings for 15 s"
    assert text_of(found, "overflow", 2) == "duty-officer: user/1299 rings for 15 s"


def test_a_queue_is_told_with_its_members_and_its_prompt() -> None:
    found = said("01427676676", "queue")
    assert "waits in a queue, for 2 min at most" in text_of(found, "destination")
    assert text_of(found, "queue") == "for 1001, 1002 (in-order)"
    assert line_of(found, "queue", 1) == "announcement: queue-announcement"
    assert "while waiting in a queue" in text_of(found, "opt-out")


def test_a_ring_group_by_turns_says_so() -> None:
    assert "begins with the next member" in text_of(
        said("01427676676", "ring-group"), "destination"
    )


def test_a_choice_of_languages_is_told_before_the_announcement() -> None:
    found = said("01427676676", "two-languages")
    assert text_of(found, "languages", 1).startswith("1 is en-GB, 2 is cy-GB; without a key")
    whats = [step.what for step in found.steps]
    assert whats.index("languages") < whats.index("announcement")
    welsh = said("01427676677", "two-languages")
    assert line_of(welsh, "language") == "language: cy-GB"
    assert "cy-GB" in text_of(welsh, "announcement")


@pytest.mark.parametrize(
    ("name", "words"), [("opt-out-keep", "is kept"), ("opt-out-destroy", "is destroyed")]
)
def test_opting_out_in_mid_call_says_what_becomes_of_the_recording(name: str, words: str) -> None:
    found = said("01427676676", name)
    assert words in text_of(found, "in mid-call")
    assert line_of(found, "in mid-call").startswith("connected: ")


def test_a_call_that_staff_make_says_who_hears_what() -> None:
    plain = said("907700900123", "outbound-plain", caller="1001")
    assert plain.context == "default"
    assert plain.dial == "sofia/gateway/provider/07700900123"
    assert text_of(plain, "announcement").startswith("none")
    assert "on the leg of who is called" in plain.why
    told = said("907700900123", "outbound-announced", caller="1001")
    assert "before the two are connected" in text_of(told, "announcement")
    assert "has heard the announcement" in told.why


def test_whose_route_it_is_not_is_told_who_has_it() -> None:
    found = said("907700900123", "outbound-plain", caller="1101")
    assert found.verdict is Verdict.NOBODY
    assert "for calls from 1001, 1002 (--from 1001)" in text_of(found, "elsewhere")
    assert line_of(found, "elsewhere") == "from_team: true"


def test_a_call_among_staff_without_a_route_is_not_recorded() -> None:
    found = said("1002", "internal-calls", caller="1001")
    assert (found.verdict, found.recorded) == (Verdict.AMONG_STAFF, False)
    assert line_of(found, "dialplan") == '"1002"]'
    named_by_a_destination = said("1101", "overflow", caller="1001")
    assert named_by_a_destination.verdict is Verdict.AMONG_STAFF
    assert line_of(named_by_a_destination, "dialplan") == 'dial: "user/1101"'
    recorded = said("1301", "internal-calls", caller="1001")
    assert (recorded.route, recorded.recorded) == ("duty-desk", True)


@pytest.mark.parametrize(
    ("number", "caller", "line"),
    [
        ("1999", "1001", 'extension: "1999"'),
        ("01427676699", "07700900123", '"01427676699"]'),
        ("01427676676", "1999", 'extension: "1999"'),
        ("1001", "1999", 'extension: "1999"'),
    ],
)
def test_of_the_exempt_extension_no_more_is_said_than_what_makes_it_so(
    number: str, caller: str, line: str
) -> None:
    found = said(number, "exempt-extension", caller=caller, context="default")
    assert (found.verdict, found.recorded) == (Verdict.EXEMPT, False)
    assert len(found.steps) == 1
    assert line_of(found, "exempt") == line
    assert (found.route, found.team, found.destination, found.dial) == ("", "", "", "")


@pytest.mark.parametrize("number", ["999", "9999", "112", "9112"])
def test_a_call_for_help_is_connected_at_once(number: str) -> None:
    found = said(number, "emergency-numbers", caller="1001")
    assert (found.verdict, found.recorded) == (Verdict.EMERGENCY, False)
    assert found.dial == f"sofia/gateway/provider/{number[-3:]}"
    assert line_of(found, "emergency").startswith(f'"{number[-3:]}"')
    assert said(number, "emergency-numbers", context="public").verdict is Verdict.NOBODY


@pytest.mark.parametrize("number", ["01427676677", "01427 676676", "00441427676676"])
def test_of_a_number_that_nobody_claims_near_ones_are_offered(number: str) -> None:
    found = said(number)
    assert found.verdict is Verdict.NOBODY
    assert found.near[0] in ("01427676676", "+441427676676")
    assert re.search(r'did you mean "\+?\d+"', text_of(found, "dialplan"))


def test_where_the_other_context_knows_the_number_that_is_said() -> None:
    assert said("907700900123").context == "default"  # nobody said, and only that one knows it
    found = said("907700900123", caller="07700900123")
    assert found.verdict is Verdict.NOBODY
    assert "(--context default)" in text_of(found, "elsewhere")
    assert line_of(found, "elsewhere").startswith("staff_context: default")


def test_a_context_that_the_site_does_not_know_is_refused() -> None:
    with pytest.raises(UsageError, match=r'none of this.*did you mean "public"'):
        said("01427676676", context="publik")
