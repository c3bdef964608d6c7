"""Calls that staff make: which number goes where, and nothing but digits in it (R10, R23)."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.config.load import check, load
from ivr.config.render import render
from ivr.config.settings import Configuration
from tests.config.conftest import GOOD, build

DESTINATIONS = """\
outside:
  dial: "{a='b c'}sofia/gateway/one/$number|sofia/gateway/two/44$number"
premium:
  dial: "sofia/gateway/dear/$number"
courts:
  dial: "user/1700"
"""
ROUTES = """\
- name: staff
  direction: outbound
  numbers: ["9*", "97000"]
  strip: "9"
  team: council-tax
  destination: outside
- name: premium
  direction: outbound
  numbers: ["909*"]
  strip: "9"
  team: customer-services
  destination: premium
- name: courts
  direction: outbound
  numbers: ["9700"]
  team: customer-services
  destination: courts
"""
PLACES = ("dialplan/destinations.yaml", "dialplan/routes.yaml")


def outbound(site_file: Path) -> Configuration:
    """The right configuration with calls that staff make as well."""
    root = site_file.parent.parent
    for place, more in zip(PLACES, (DESTINATIONS, ROUTES), strict=True):
        (root / place).write_text(GOOD[place] + more)
    assert check(site_file) == []
    return load(site_file)


@pytest.mark.parametrize(
    ("dialled", "route", "dial"),
    [
        (
            "901427123456",
            "staff",
            "{a='b c'}sofia/gateway/one/01427123456|sofia/gateway/two/4401427123456",
        ),
        ("97000", "staff", "{a='b c'}sofia/gateway/one/7000|sofia/gateway/two/447000"),
        ("90990", "staff", "{a='b c'}sofia/gateway/one/0990|sofia/gateway/two/440990"),
        ("9098790000", "premium", "sofia/gateway/dear/098790000"),
        ("9700", "courts", "user/1700"),
        ("9999", "staff", "{a='b c'}sofia/gateway/one/999|sofia/gateway/two/44999"),
    ],
)
def test_a_number_goes_where_it_is_named_whole_else_by_its_longest_beginning(
    site_file: Path, dialled: str, route: str, dial: str
) -> None:
    policy = outbound(site_file).policy_for(dialled)
    assert policy
    assert (policy.route, policy.direction, policy.dial_string) == (route, "outbound", dial)


@pytest.mark.parametrize(
    "dialled",
    ["9", "91", "911", "999", "112", "9" + "1" * 16, "901427,user/1", "90142\n", "9014２7", "9*12"],
)
def test_other_numbers_go_nowhere(site_file: Path, dialled: str) -> None:
    """999 as such is not a 9 for a line and 99; a digit is one of ASCII's ten."""
    assert outbound(site_file).policy_for(dialled) is None


@pytest.fixture(scope="module")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    """Made once for all examples."""
    return outbound(build(tmp_path_factory.mktemp("outbound")))


@given(dialled=st.text() | st.from_regex(r"9[0-9]{0,18}\Z") | st.text("9012*#+,|{}$ ", max_size=12))
def test_the_engine_and_the_rendered_dialplan_agree(
    configuration: Configuration, dialled: str
) -> None:
    """FreeSWITCH takes the first extension that fits, the engine what the configuration says."""
    policy = configuration.policy_for(dialled)
    name, number = hunted(render(configuration), dialled.removesuffix("\n"))
    if dialled.endswith("\n"):  # no number of FreeSWITCH's ends so, and $ would let it pass
        assert policy is None
    elif policy is None or policy.direction == "inbound":
        assert name is None
    else:
        assert name is not None
        assert name.partition(":")[0] == f"ivr-{policy.route}"
        assert re.fullmatch("[0-9]+", number)
        assert number in policy.dial_string or policy.destination == "courts"


def hunted(xml: str, dialled: str) -> tuple[str | None, str]:
    """The extension of the staff's context that FreeSWITCH comes to, and what $1 is there."""
    _, staff = ET.fromstring(xml)
    for extension in staff:
        context, *rest = extension
        if context.get("field") == "context" and (
            found := re.search(rest[0].attrib["expression"], dialled, re.ASCII)
        ):
            return extension.get("name"), found[1]
    return None, ""


def test_an_inbound_call_is_inbound(site_file: Path) -> None:
    policy = outbound(site_file).policy_for("01427676676")
    assert policy
    assert policy.direction == "inbound"


def contexts(config: Configuration) -> dict[str | None, list[ET.Element]]:
    """The extensions of each context."""
    return {context.get("name"): list(context) for context in ET.fromstring(render(config))}


def actions(extension: ET.Element) -> list[tuple[str, str | None]]:
    """What an extension does, in order."""
    return [(a.attrib["application"], a.get("data")) for a in extension.iter("action")]


def test_callers_have_no_outbound_extension_in_their_context(site_file: Path) -> None:
    found = contexts(outbound(site_file))
    assert list(found) == ["public", "default"]
    assert {e.get("name") for e in found["public"]} == {
        "ivr-main-line",
        "ivr-council-tax",
        "ivr-again-main-line",
        "ivr-again-council-tax",
        "ivr-transferred-main-line",
        "ivr-transferred-council-tax",
        "ivr-fallback-main-line",
        "ivr-fallback-council-tax",
    }


def test_an_outbound_extension_is_closed_to_callers_wherever_it_is_included(
    site_file: Path,
) -> None:
    """``--extensions`` gives one file, which a folder of callers may include."""
    alone = ET.fromstring(render(outbound(site_file), whole_context=False))
    staff = [e for e in alone if (e.get("name") or "").startswith(("ivr-staff", "ivr-premium"))]
    assert [e.get("name") for e in staff] == ["ivr-staff", "ivr-premium:909", "ivr-staff:9"]
    for extension in staff:
        first, _ = extension
        assert first.attrib == {"field": "context", "expression": "^default$"}
        assert len(first) == 0


OFFERED = [
    ("set", "ivr_next=ivr-fallback-staff"),
    ("sched_transfer", "+10 ivr-fallback-staff XML default"),
    ("socket", "127.0.0.1:8084|10.0.0.2:8084 async full"),
    ("sched_cancel", None),
    ("transfer", "${ivr_next} XML default"),
]


def test_a_call_of_staff_is_not_answered_before_the_customer_answers(site_file: Path) -> None:
    config = outbound(site_file)
    for extension in contexts(config)["default"]:
        assert "answer" not in [application for application, _ in actions(extension)]
    found = {e.get("name"): e for e in contexts(config)["default"]}
    assert actions(found["ivr-staff:9"]) == [
        ("export", "ivr_route=staff"),
        ("set", "ivr_called=${destination_number}"),
        ("set", "ivr_had=${ivr_next}"),
        ("set", "ivr_number=$1"),
        ("set", "playback_terminators=none"),
        ("set", "socket_resume=true"),
        ("set", "hangup_after_bridge=true"),
        ("export", "RECORD_STEREO=true"),
        ("export", "RECORD_MIN_SEC=0"),
        ("export", "RECORD_PRE_BUFFER_FRAMES=0"),
        ("export", "enable_file_write_buffering=false"),
        ("export", "digits_dialed_filter=^(.+)$"),
        ("unset", "ivr_offers"),
        *OFFERED,
    ]
    assert actions(found["ivr-again-staff"])[-len(OFFERED) :] == OFFERED
    assert actions(found["ivr-fallback-staff"])[-4:] == [
        ("set", "ivr_unrecorded=true"),
        ("pre_answer", None),
        ("playback", str(site_file.parent.parent / "prompts/en-GB/8000/no-engine.wav")),
        ("hangup", None),
    ]
    assert ("bridge", "sofia/gateway/dear/${ivr_number}") in actions(found["ivr-fallback-premium"])


@pytest.mark.parametrize("extension", ["ivr-fallback-premium", "ivr-again-premium"])
def test_what_is_for_lost_calls_is_closed_without_a_number_that_was_dialled(
    site_file: Path, extension: str
) -> None:
    found = {e.get("name"): e for e in contexts(outbound(site_file))["default"]}
    route, number, *_, destination = found[extension]
    assert route.attrib == {"field": "${ivr_route}", "expression": "^premium$"}
    assert number.get("field") == "${ivr_number}"
    for text, fits in (("0987", True), ("+44", True), ("", False), ("1,user/1", False)):
        assert (re.search(number.attrib["expression"], text) is not None) is fits
    assert re.search(destination.attrib["expression"], extension)


@pytest.mark.parametrize(
    ("render_settings", "said"),
    [
        ("staff_context: public", '11:25: "staff_context" is "public"'),
        ("context: default", '11:19: "context" is "default"'),
        ("context: a, staff_context: a", '11:37: "staff_context" is "a"'),
    ],
)
def test_one_context_for_callers_and_staff_would_let_callers_out(
    site_file: Path, render_settings: str, said: str
) -> None:
    outbound(site_file)
    more = f"render: {{{render_settings}}}\n"
    text = GOOD["deploy/ivr.yaml"].replace("limits:\n", more + "limits:\n")
    site_file.write_text(text)
    [mistake] = check(site_file)
    assert str(mistake).partition(",")[0] == f"deploy/ivr.yaml:{said}"
    Path(PLACES[1]).write_text(GOOD[PLACES[1]])
    assert check(site_file) == []


def test_a_payment_line_that_staff_reach_by_a_number_of_its_own(site_file: Path) -> None:
    outbound(site_file)
    place = Path(PLACES[0])
    place.write_text(place.read_text() + "  payment_line: true\n")
    config = load(site_file)
    courts, other = config.policy_for("9700"), config.policy_for("901427123456")
    assert courts
    assert other
    assert (courts.payment_line, other.payment_line) == (True, False)
    assert other.pausing.lines == {"1700"}
