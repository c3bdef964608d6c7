"""FreeSWITCH's dialplan: numbers to the engine, and every call has a way on without one (R20)."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from ivr.config.load import load
from ivr.config.render import (
    AGAIN_PREFIX,
    MOST_OFFERS,
    NEXT_VARIABLE,
    again_extension,
    fallback_extension,
    render,
)
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
BY_ITSELF: Actions = [
    KEYS_OUT,
    ("unset", "socket_resume"),
    ("unset", "continue_on_fail"),
    ("unset", "ignore_early_media"),
]
WITHOUT: Actions = [
    ("stop_record_session", "all"),
    *BY_ITSELF,
    ("set", "ivr_unrecorded=true"),
]
CONNECT: Actions = [
    ("set", "call_timeout=45"),
    ("bridge", "user/1001,user/1002"),
    ("hangup", None),
]


def offered(route: str) -> Actions:
    """How a call is offered to the engines, and where it goes if none keeps it."""
    return [
        ("set", f"ivr_next=ivr-fallback-{route}"),
        ("sched_transfer", f"+10 ivr-fallback-{route} XML public"),
        ("socket", "127.0.0.1:8084|10.0.0.2:8084 async full"),
        ("sched_cancel", None),
        ("transfer", "${ivr_next} XML public"),
    ]


def test_a_call_is_offered_to_the_engines(site_file: Path) -> None:
    xml = render(load(site_file))
    assert actions(named(xml, "ivr-main-line")) == [
        ("set", "ivr_route=main-line"),
        ("set", "ivr_called=${destination_number}"),
        ("set", "ivr_had=${ivr_next}"),
        *BEFORE,
        ("unset", "ivr_offers"),
        *offered("main-line"),
    ]


def test_a_call_that_an_engine_lost_is_offered_again(site_file: Path) -> None:
    xml = render(load(site_file))
    assert again_extension("main-line") == AGAIN_PREFIX + "main-line" == "ivr-again-main-line"
    assert actions(named(xml, again_extension("main-line"))) == [
        ("set", "ivr_offers=${ivr_offers}x"),
        ("unset", "transfer_history"),
        ("unset", "ivr_had"),
        ("set", "socket_resume=true"),
        *offered("main-line"),
    ]


def test_a_team_that_is_connected_without_an_engine(site_file: Path) -> None:
    xml = render(load(site_file))
    assert actions(named(xml, "ivr-fallback-main-line")) == [*WITHOUT, *CONNECT]


def test_a_team_that_plays_a_message_without_an_engine(site_file: Path) -> None:
    xml = render(load(site_file))
    assert actions(named(xml, "ivr-fallback-council-tax")) == [
        *WITHOUT,
        ("answer", None),
        ("playback", str(site_file.parent.parent / "prompts/en-GB/8000/no-engine.wav")),
        ("hangup", None),
    ]


def found_by(xml: str, number: str, **variables: str) -> str | None:
    """The extension that FreeSWITCH comes to with the number, and these variables."""
    for extension in context(xml):
        fields = {f"${{{name}}}": value for name, value in variables.items()}
        if all(
            re.search(
                one.attrib["expression"],
                {"destination_number": number, **fields}.get(one.attrib["field"], ""),
            )
            for one in extension
        ):
            return extension.get("name")
    return None


def test_people_who_talk_are_connected_and_go_on_to_be_recorded(site_file: Path) -> None:
    """The engine that follows them has them sent on to whom they were transferred."""
    xml = render(load(site_file))
    fallback = fallback_extension("main-line")
    had = found_by(xml, fallback, ivr_route="main-line", ivr_had=again_extension("council-tax"))
    assert had == "ivr-transferred-main-line"
    assert actions(named(xml, had)) == [*BY_ITSELF, ("set", "ivr_next=${ivr_had}"), *CONNECT]
    for before in ("", fallback_extension("council-tax")):
        assert found_by(xml, fallback, ivr_route="main-line", ivr_had=before) == fallback


def test_people_who_talk_hear_no_message_that_is_for_callers(site_file: Path) -> None:
    xml = render(load(site_file))
    applications = [one for one, _ in actions(named(xml, "ivr-transferred-council-tax"))]
    assert applications[-2:] == ["bridge", "hangup"]
    assert "playback" not in applications


def test_nobody_offers_a_call_for_ever_that_ends_each_engine_which_takes_it(
    site_file: Path,
) -> None:
    xml = render(load(site_file))
    again, fallback = again_extension("main-line"), fallback_extension("main-line")
    found = [
        found_by(xml, again, ivr_route="main-line", ivr_offers="x" * offers)
        for offers in range(MOST_OFFERS + 2)
    ]
    assert found == [again] * MOST_OFFERS + [fallback] * 2


def test_without_an_engine_no_call_goes_round(site_file: Path) -> None:
    """Sockets that nobody answers, one extension after the other."""
    xml = render(load(site_file))
    for number in ("01427676676", again_extension("main-line")):
        variables = {"ivr_route": "main-line"}
        seen = []
        while number:
            name = found_by(xml, number, **variables)
            assert name is not None
            assert name not in seen
            seen.append(name)
            number = ""
            for application, data in actions(named(xml, name)):
                if application == "set" and data:
                    variable, _, value = data.partition("=")
                    variables[variable] = value
                elif application == "transfer" and data:
                    number = data.split()[0].replace(
                        f"${{{NEXT_VARIABLE}}}", variables[NEXT_VARIABLE]
                    )
        assert seen[-1] == fallback_extension("main-line")
        assert actions(named(xml, seen[-1]))[-1] == ("hangup", None)


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


@pytest.mark.parametrize("extension", [fallback_extension, again_extension])
def test_a_caller_who_dials_what_is_for_lost_calls_gets_nowhere(
    site_file: Path, extension: Callable[[str], str]
) -> None:
    """Only a call that came through the route has the variable (R23)."""
    xml = render(load(site_file))
    name = extension("main-line")
    assert found_by(xml, name) is None
    assert found_by(xml, name, ivr_route="council-tax") is None
    assert found_by(xml, name, ivr_route="main-line") == name
    assert found_by(xml, name + "2", ivr_route="main-line") is None
    assert found_by(xml, "2" + name, ivr_route="main-line") is None
    for guard in list(named(xml, name))[:-1]:
        assert len(guard) == 0


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
            elif application == "set" and (data or "").startswith(f"{NEXT_VARIABLE}="):
                assert (data or "").partition("=")[2] in {*there, "${ivr_had}"}


def test_site_settings_are_used(site_file: Path) -> None:
    text = GOOD["deploy/ivr.yaml"].replace(', "10.0.0.2:8084"', "")
    site_file.write_text(text + 'render: {context: from-carrier, dead_man: "7s"}\n')
    xml = render(load(site_file))
    assert context(xml).get("name") == "from-carrier"
    assert ("socket", "127.0.0.1:8084 async full") in actions(named(xml, "ivr-main-line"))
    for extension in ("ivr-main-line", "ivr-again-main-line"):
        assert {
            ("sched_transfer", "+7 ivr-fallback-main-line XML from-carrier"),
            ("transfer", "${ivr_next} XML from-carrier"),
        } <= set(actions(named(xml, extension)))


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
    fallback = named(render(load(site_file)), "ivr-fallback-main-line")
    assert ("set", "call_timeout=2") in actions(fallback)


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
