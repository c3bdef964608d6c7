"""What teams count on and FreeSWITCH has not is found: queues, trunks, music (R8, R9)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from ivr.config.load import Configuration, check, load
from ivr.config.render import render
from ivr.config.render.queues import render_queues
from ivr.doctor import of_configuration, on_spool, on_switch, on_teams
from ivr.doctor.finding import Finding
from ivr.doctor.patient import Patient, patient
from tests.config import staffed as town
from tests.config.conftest import build
from tests.config.languages import MORE, add_language, add_prompts
from tests.doctor import right
from tests.doctor.conftest import DoctoredSwitch

DESTINATIONS = """\
waiting:
  queue:
    members: ["1001", "1002"]
    music: local_stream://calm
    announcement: queue-announcement
night:
  dial: "user/1777"
"""
TAX = """\
hours: {mon-fri: "08:30-17:00"}
holidays: england-and-wales
out_of_hours: {destination: night}
overflow:
  - {destination: waiting, prompt: overflow}
languages: {keys: {"5": cy-GB}}
music: local_stream://default
"""


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    """With all that there is of a kind."""
    root = tmp_path / "town"
    site_file = build(root)
    add_prompts(root, *MORE)
    add_language(root, "cy-GB")
    town.write(site_file, destinations=DESTINATIONS, tax=TAX)
    tax = root / "dialplan/teams/council-tax.yaml"
    tax.write_text(tax.read_text().replace('keys: "##"', 'keys: "##"\n  connected: keep'))
    assert check(site_file) == []
    return load(site_file)


def told(configuration: Configuration) -> dict[str, str]:
    """What FreeSWITCH answers where all is well, in its own words."""
    rendered = ET.fromstring(render_queues(configuration))
    lines = ["name|strategy|moh_sound|time_base_score|max_wait_time"]
    for queue in rendered.iter("queue"):
        has = {one.attrib["name"]: one.attrib["value"] for one in queue.iter("param")}
        named = ("strategy", "moh-sound", "time-base-score", "max-wait-time")
        lines.append("|".join((queue.attrib["name"], *(has[name] for name in named))))
    agents = ["name|instance_id|uuid|type|contact|status|state"]
    for agent in rendered.iter("agent"):
        agents.append(f"{agent.get('name')}|single_box||callback|{{a=b|c}}x|Available|Waiting")
    tiers = ["queue|agent|state|level|position"]
    tiers += [f"{t.get('queue')}|{t.get('agent')}|Ready|1|1" for t in rendered.iter("tier")]
    found = {
        of_configuration.QUEUES: "\n".join((*lines, "+OK\n")),
        of_configuration.AGENTS: "\n".join((*agents, "+OK\n")),
        of_configuration.TIERS: "\n".join((*tiers, "+OK\n")),
        of_configuration.STREAMS: "calm/8000,/srv/calm\ndefault,/srv/default\n",
    }
    for question in of_configuration.questions(configuration):
        if question.startswith("sofia xmlstatus"):
            found[question] = "<gateway><state>REGED</state><status>UP (ping)</status></gateway>"
        elif question.startswith("sofia_contact"):
            found[question] = "sofia/internal/sip:x@10.0.0.7:5060"
    return found


@pytest.fixture
def house(well: Patient, configuration: Configuration) -> Patient:
    """Where all is well."""
    said = right.said(configuration, told=told(configuration))
    return replace(well, site=configuration.site, configuration=configuration, said=said)


def hears(house: Patient, question: str, old: str, new: str) -> Patient:
    """The same, where an answer differs."""
    assert house.said is not None
    answer = house.said.told[question]
    assert old in answer
    answers = {**house.said.told, question: answer.replace(old, new)}
    return replace(house, said=replace(house.said, told=answers))


CHECKS = (
    on_teams.confidence,
    on_teams.music,
    on_teams.queues,
    on_teams.gateways,
    on_teams.telephones,
    on_teams.holidays,
)


@pytest.mark.parametrize("look", CHECKS)
def test_where_all_is_well(house: Patient, look: Callable[[Patient], Finding]) -> None:
    found = look(house)
    assert (found.verdict, found.more) == ("ok", ()), found.found


@pytest.mark.parametrize("look", CHECKS)
def test_nothing_is_wrong_where_nothing_of_it_is_used(
    well: Patient, look: Callable[[Patient], Finding]
) -> None:
    assert look(well).verdict == "ok"


TEAMS = [
    (of_configuration.QUEUES, "waiting|", "wating|", "wrong", "FreeSWITCH has no queue waiting"),
    (of_configuration.QUEUES, "name|", "-ERR|", "wrong", "mod_callcenter does not answer"),
    (
        of_configuration.QUEUES,
        "ring-all",
        "random",
        "warning",
        "queue waiting has strategy random, expected ring-all",
    ),
    (
        of_configuration.QUEUES,
        "calm",
        "loud",
        "warning",
        "queue waiting has moh-sound local_stream://loud, expected local_stream://calm",
    ),
    (
        of_configuration.TIERS,
        "waiting|user/1002|",
        "other|user/1002|",
        "warning",
        "user/1002 is no member of queue waiting",
    ),
    (
        of_configuration.AGENTS,
        "Available",
        "Logged Out",
        "wrong",
        "no member of queue waiting may be called (Logged Out)",
    ),
    (
        of_configuration.STREAMS,
        "calm",
        "loud",
        "warning",
        "there is no music local_stream://calm",
    ),
    (
        "sofia xmlstatus gateway provider",
        "UP",
        "DOWN",
        "wrong",
        "calls for help: gateway provider is DOWN (REGED)",
    ),
    (
        "sofia xmlstatus gateway provider",
        "REGED",
        "TRYING",
        "warning",
        "calls for help: gateway provider is up and TRYING",
    ),
    (
        "sofia xmlstatus gateway cheap",
        "<gateway><state>REGED</state><status>UP (ping)</status></gateway>",
        "Invalid Gateway!",
        "wrong",
        "destination cheap: there is no gateway cheap",
    ),
    (
        "sofia_contact */1999",
        "sofia/internal/sip:x@10.0.0.7:5060",
        "error/user_not_registered",
        "warning",
        "the exempt extension 1999: of 1999 none is registered",
    ),
    (
        "sofia_contact */1777",
        "sofia/internal/sip:x@10.0.0.7:5060",
        "error/user_not_registered",
        "warning",
        "destination night: of 1777 none is registered",
    ),
]


@pytest.mark.parametrize(("question", "old", "new", "verdict", "text"), TEAMS)
def test_what_is_missing_is_found_by_one_check(
    house: Patient, question: str, old: str, new: str, verdict: str, text: str
) -> None:
    found = [look(hears(house, question, old, new)) for look in CHECKS]
    [finding] = [one for one in found if one.verdict != "ok"]
    assert finding.verdict == verdict
    assert text in (finding.found, *finding.more) or finding.found.startswith(text)
    assert finding.expected
    assert finding.do


def test_one_member_who_is_away_is_no_fault(house: Patient) -> None:
    away = hears(
        house,
        of_configuration.AGENTS,
        "user/1001|single_box||callback|{a=b|c}x|A",
        "user/1001|single_box||callback|{a=b|c}x|Una",
    )
    assert on_teams.queues(away).verdict == "ok"
    gone = hears(house, "sofia_contact */1001", "sofia/", "error/")
    assert on_teams.telephones(gone).verdict == "ok"


@pytest.mark.parametrize(
    ("extension", "text"),
    [
        (
            '<extension name="local"><condition field="${a}" expression="^b$"/><condition '
            'field="destination_number" expression="^1[0-9]{3}$"><action application="bridge"/>'
            "</condition></extension>",
            "extension local comes before the exempt extension, and could take its calls",
        ),
        (
            '<extension name="all"><condition><action application="bridge"/></condition>'
            "</extension>",
            "extension all comes before the exempt extension, and could take its calls",
        ),
        (
            '<extension name="tape" continue="true"><condition><action '
            'application="record_session"/></condition></extension>',
            "extension tape records (record_session)",
        ),
        (
            '<extension name="other"><condition field="destination_number" expression="^2"/>'
            "</extension>",
            "",
        ),
        ('<extension name="global" continue="true"><condition/></extension>', ""),
    ],
)
def test_nothing_comes_before_the_exempt_extension_or_records(
    house: Patient, configuration: Configuration, extension: str, text: str
) -> None:
    """R8: what FreeSWITCH's own dialplan takes or records, no engine can keep unrecorded."""
    contexts = {one.attrib["name"]: one for one in ET.fromstring(render(configuration))}
    contexts["default"].insert(0, ET.fromstring(extension))
    said = right.said(configuration, contexts=contexts)
    found = on_teams.confidence(replace(house, said=said))
    assert found.verdict == ("wrong" if text else "ok")
    assert (found.found == f"{text} in context default") is bool(text)


def test_a_recording_behind_our_extensions_is_found_too(
    house: Patient, configuration: Configuration
) -> None:
    contexts = {one.attrib["name"]: one for one in ET.fromstring(render(configuration))}
    tape = '<extension name="tape"><condition><action application="record_session"/></condition>'
    contexts["public"].append(ET.fromstring(f"{tape}</extension>"))
    found = on_teams.confidence(replace(house, said=right.said(configuration, contexts=contexts)))
    assert found.found == "extension tape records (record_session) in context public"


def test_the_next_bank_holiday_is_named(house: Patient) -> None:
    at = datetime(2026, 12, 1, tzinfo=UTC)
    found = on_teams.holidays(replace(house, wall_ms=int(at.timestamp() * 1000)))
    assert found.verdict == "ok"
    assert "2027" in found.found
    assert "Christmas Day, 2026-12-25" in found.found


def test_a_year_that_the_library_does_not_know(house: Patient) -> None:
    at = datetime(9998, 12, 1, tzinfo=UTC)
    found = on_teams.holidays(replace(house, wall_ms=int(at.timestamp() * 1000)))
    assert found.verdict == "wrong"
    assert "closed_on" in found.do


def test_prompts_are_those_of_every_way_that_a_call_may_go(
    house: Patient, configuration: Configuration, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoken = {(one.language, one.name) for one in of_configuration.prompts(configuration)}
    assert {
        ("en-GB", "choose-language"),
        ("en-GB", "overflow"),
        ("en-GB", "queue-announcement"),
        ("en-GB", "no-engine"),
        ("cy-GB", "announcement-council-tax"),
        ("cy-GB", "overflow"),
    } <= spoken
    asked: list[Path] = []
    monkeypatch.setattr(on_spool, "hindrance", lambda _who, path, _what: asked.append(path))
    assert on_spool.prompts(house).verdict == "ok"
    assert {path.stem for path in asked} == {name for _, name in spoken}


def test_endpoints_are_those_of_overflow_and_out_of_hours(house: Patient) -> None:
    found = on_switch.modules(house)
    said = " ".join((found.found, *found.more))
    assert "endpoint user is missing" in said
    assert "application callcenter is missing (mod_callcenter)" in said
    assert "api callcenter_config is missing (mod_callcenter)" in said


def test_freeswitch_is_asked_all_of_it(switch: DoctoredSwitch, tmp_path: Path) -> None:
    policy = tmp_path / "dialplan/policy.yaml"
    policy.write_text(policy.read_text() + 'exempt: [{extension: "1999"}]\n')
    switch.answers["sofia_contact */1999"] = "error/user_not_registered\n"
    said = patient(switch.site_file).said
    assert said is not None
    assert said.told == {"sofia_contact */1999": "error/user_not_registered"}
