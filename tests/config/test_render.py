"""FreeSWITCH's dialplan: numbers to the engine, and every call has a way on without one (R20)."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from ivr.config.load import load
from ivr.config.render import render
from tests.config.conftest import GOOD

Actions = list[tuple[str, str | None]]


def context(xml: str) -> ET.Element:
    """The context of the rendered text."""
    [found] = ET.fromstring(xml)
    assert found.tag == "context"
    return found


def actions(extension: ET.Element) -> Actions:
    """What an extension does, in order."""
    return [(a.attrib["application"], a.get("data")) for a in extension.iter("action")]


def named(xml: str, name: str) -> ET.Element:
    """The extension of that name."""
    [found] = [e for e in context(xml) if e.get("name") == name]
    return found


KEYS_OUT = ("export", "digits_dialed_filter=^(.+)$")
BEFORE: Actions = [
    ("set", "playback_terminators=none"),
    ("set", "socket_resume=true"),
    ("set", "hangup_after_bridge=true"),
    ("set", "RECORD_STEREO=true"),
    ("set", "RECORD_MIN_SEC=0"),
    ("set", "RECORD_PRE_BUFFER_FRAMES=0"),
    ("set", "enable_file_write_buffering=false"),
    KEYS_OUT,
]
CONNECT: Actions = [
    ("unset", "socket_resume"),
    ("set", "ivr_unrecorded=true"),
    ("set", "call_timeout=45"),
    ("bridge", "user/1001,user/1002"),
    ("hangup", None),
]


def test_a_team_that_is_connected_without_an_engine(site_file: Path) -> None:
    xml = render(load(site_file))
    assert actions(named(xml, "ivr-main-line")) == [
        ("set", "ivr_route=main-line"),
        *BEFORE,
        ("sched_transfer", "+10 ivr-fallback-main-line XML public"),
        ("socket", "127.0.0.1:8084|10.0.0.2:8084 async full"),
        ("sched_cancel", None),
        *CONNECT,
    ]
    assert actions(named(xml, "ivr-fallback-main-line")) == [KEYS_OUT, *CONNECT]


def test_a_team_that_plays_a_message_without_an_engine(site_file: Path) -> None:
    xml = render(load(site_file))
    message: Actions = [
        ("unset", "socket_resume"),
        ("set", "ivr_unrecorded=true"),
        ("answer", None),
        ("playback", str(site_file.parent.parent / "prompts/en-GB/8000/no-engine.wav")),
        ("hangup", None),
    ]
    assert actions(named(xml, "ivr-council-tax"))[-6:] == [("sched_cancel", None), *message]
    assert actions(named(xml, "ivr-fallback-council-tax")) == [KEYS_OUT, *message]


def test_numbers_are_anchored_and_escaped(site_file: Path) -> None:
    [condition] = named(render(load(site_file)), "ivr-main-line")
    assert condition.attrib["field"] == "destination_number"
    pattern = condition.attrib["expression"]
    assert pattern.startswith("^")
    assert pattern.endswith("$")
    for number in ("01427676676", "+441427676676"):
        assert re.search(pattern, number)
    for number in ("0142767667", "014276766760", "901427676676", "1427676676", "x", ""):
        assert not re.search(pattern, number)


def test_a_caller_who_dials_the_fallback_gets_nowhere(site_file: Path) -> None:
    """Only a call that came through the route has the variable (R23)."""
    guard, condition = named(render(load(site_file)), "ivr-fallback-main-line")
    assert guard.attrib["field"] == "${ivr_route}"
    assert re.search(guard.attrib["expression"], "main-line")
    assert not re.search(guard.attrib["expression"], "")
    assert not re.search(guard.attrib["expression"], "council-tax")
    assert len(guard) == 0
    assert re.search(condition.attrib["expression"], "ivr-fallback-main-line")
    assert not re.search(condition.attrib["expression"], "ivr-fallback-main-line2")


def test_the_dead_man_goes_to_an_extension_that_is_there(site_file: Path) -> None:
    xml = render(load(site_file))
    there = {e.get("name") for e in context(xml)}
    for extension in context(xml):
        for application, data in actions(extension):
            if application == "sched_transfer":
                assert data is not None
                seconds, name, kind, where = data.split()
                assert name in there
                assert (seconds, kind, where) == ("+10", "XML", context(xml).get("name"))


def test_site_settings_are_used(site_file: Path) -> None:
    text = GOOD["deploy/ivr.yaml"].replace(', "10.0.0.2:8084"', "")
    site_file.write_text(text + 'render: {context: from-carrier, dead_man: "7s"}\n')
    xml = render(load(site_file))
    assert context(xml).get("name") == "from-carrier"
    assert ("socket", "127.0.0.1:8084 async full") in actions(named(xml, "ivr-main-line"))
    assert (
        "sched_transfer",
        "+7 ivr-fallback-main-line XML from-carrier",
    ) in actions(named(xml, "ivr-main-line"))


def test_dial_strings_are_escaped(site_file: Path) -> None:
    team = Path("dialplan/teams/council-tax.yaml")
    team.write_text(team.read_text().replace("without_engine: message", "without_engine: connect"))
    xml = render(load(site_file))
    assert "Tax & <Rates>" not in xml
    dial = "{origination_caller_id_name='Tax & <Rates>'}user/1101|user/1102"
    assert ("bridge", dial) in actions(named(xml, "ivr-fallback-council-tax"))


def test_a_ring_time_of_milliseconds_becomes_whole_seconds_upwards(site_file: Path) -> None:
    policy = Path("dialplan/policy.yaml")
    policy.write_text(policy.read_text().replace('ring: "45s"', 'ring: "1500ms"'))
    assert ("set", "call_timeout=2") in actions(named(render(load(site_file)), "ivr-main-line"))


@pytest.mark.parametrize("version", ["2.0", "2--0", "2-"])
def test_a_comment_says_what_it_was_made_by(site_file: Path, version: str) -> None:
    policy = Path("dialplan/policy.yaml")
    policy.write_text(policy.read_text().replace("2.0", version))
    config = load(site_file)
    xml = render(config)
    assert context(xml) is not None
    comment = xml[xml.index("<!--") : xml.index("-->")]
    assert "ivr dialplan render" in comment
    assert config.version in comment
    assert "--" not in comment[4:]


def test_extensions_alone_for_a_context_that_includes_them(site_file: Path) -> None:
    config = load(site_file)
    alone = ET.fromstring(render(config, whole_context=False))
    assert [e.attrib for e in alone] == [e.attrib for e in context(render(config))]
    assert {e.tag for e in alone} == {"extension"}
