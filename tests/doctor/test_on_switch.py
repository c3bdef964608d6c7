"""What is wrong with FreeSWITCH is found, and what deploy/freeswitch ships is right."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from ivr.doctor import on_switch
from ivr.doctor.patient import Patient
from ivr.doctor.switch import SwitchAway
from tests.doctor import right

ROOT = Path(__file__).parents[2]


def hears(well: Patient, **other: Any) -> Patient:
    """The same host, of which FreeSWITCH says something else."""
    assert well.configuration is not None
    return replace(well, said=right.said(well.configuration, **other))


def configured(well: Patient, name: str, old: str, new: str) -> Patient:
    """The same host, one of whose FreeSWITCH's configurations is another."""
    text = right.shipped(name)
    assert old in text
    assert well.said is not None
    settings = {**well.said.settings, name: ET.fromstring(text.replace(old, new))}
    return hears(well, settings=settings)


def test_a_freeswitch_that_is_well(well):
    checks = (
        on_switch.reachable,
        on_switch.version,
        on_switch.modules,
        on_switch.log_level,
        on_switch.keys,
        on_switch.profiles,
    )
    assert [(check(well).verdict, check(well).more) for check in checks] == [("ok", ())] * 6


@pytest.mark.parametrize("stage", ["connecting", "answering"])
def test_one_that_is_away(well, stage):
    found = on_switch.reachable(replace(well, said=None, away=SwitchAway(stage, "Nobody home")))
    assert found.verdict == "wrong"
    assert "127.0.0.1:9: Nobody home" in found.found
    assert found.expected
    assert found.do


def test_a_password_that_is_refused(well):
    away = SwitchAway("password", "FreeSWITCH answered -ERR invalid")
    patient = replace(well, said=None, away=away)
    assert on_switch.reachable(patient).verdict == "ok"
    found = on_switch.password(patient)
    assert found.verdict == "wrong"
    assert "-ERR invalid" in found.found


def test_a_password_that_everybody_knows(well):
    assert on_switch.password(well).verdict == "warning"
    site = replace(well.site, freeswitch=replace(well.site.freeswitch, password="own"))
    assert on_switch.password(replace(well, site=site)).verdict == "ok"
    away = SwitchAway("connecting", "")
    assert on_switch.password(replace(well, said=None, away=away)).verdict == "unchecked"


@pytest.mark.parametrize("text", ["FreeSWITCH Version 1.10.1-release~64bit", "Asterisk", ""])
def test_another_version(well, text):
    assert on_switch.version(hears(well, version=text)).verdict == "warning"


@pytest.mark.parametrize(
    ("thing", "module"),
    [
        (("application", "socket"), "mod_event_socket"),
        (("application", "bind_digit_action"), "mod_dptools"),
        (("api", "uuid_record"), "mod_commands"),
        (("file", "wav"), "mod_sndfile"),
        (("file", "tone_stream"), "mod_tone_stream"),
        (("dialplan", "XML"), "mod_dialplan_xml"),
        (("endpoint", "sofia"), "mod_sofia"),
    ],
)
def test_a_module_that_is_missing(well, thing, module):
    found = on_switch.modules(hears(well, interfaces=well.said.interfaces - {thing}))
    assert found.verdict == "wrong"
    assert found.found == f"{thing[0]} {thing[1]} is missing ({module})"


def test_several_that_are_missing_are_each_named(well):
    gone = {("api", "uuid_record"), ("file", "wav")}
    found = on_switch.modules(hears(well, interfaces=well.said.interfaces - gone))
    assert found.found.startswith("2 things")
    assert len(found.more) == 2


def test_modules_that_are_not_listed(well):
    assert on_switch.modules(hears(well, interfaces=frozenset())).verdict == "unchecked"


def test_all_commands_that_the_engine_sends_are_asked_for():
    """One that is added must be added here too: ivr/doctor/on_switch.py, APIS, APPLICATIONS."""
    text = "".join(
        path.read_text()
        for part in ("esl", "engine")
        for path in (ROOT / "ivr" / part).glob("*.py")
    )
    sent = set(re.findall(r'f?"api (\w+) ', text)) | set(re.findall(r'"api (\w+)"', text))
    assert len(sent) > 5
    queues = {name for _, name in on_switch.QUEUES}
    assert sent <= {*on_switch.APIS, *queues}
    executed = set(re.findall(r'execute\("(\w+)"', text)) | set(
        re.findall(r"exec\[i\]:(\w+)", text)
    )
    assert "bridge" in executed
    assert executed <= {*on_switch.APPLICATIONS, *queues}


@pytest.mark.parametrize(
    ("level", "verdict"),
    [("err", "ok"), ("3", "ok"), ("crit", "ok"), ("warning", "warning"), ("7", "warning")],
)
def test_the_log_level(well, level, verdict):
    patient = configured(
        well, "switch.conf", 'name="loglevel" value="err"', f'name="loglevel" value="{level}"'
    )
    assert on_switch.log_level(patient).verdict == verdict


def test_the_last_of_two_levels_is_in_force(well):
    more = '<param name="loglevel" value="debug" /></settings>'
    assert (
        on_switch.log_level(configured(well, "switch.conf", "</settings>", more)).verdict
        == "warning"
    )


@pytest.mark.parametrize("name", ["logfile.conf", "console.conf"])
def test_a_log_that_has_keys_in_it(well, name):
    patient = configured(well, "switch.conf", 'value="err"', 'value="info"')
    loud = ET.fromstring(right.shipped(name).replace("err,crit,alert", "info,err"))
    found = on_switch.log_level(hears(well, settings={**patient.said.settings, name: loud}))
    assert found.verdict == "wrong"
    assert "loglevel in switch.conf.xml is info" in found.more
    assert f"{name.removesuffix('.conf')} writes info" in found.more


def test_a_debug_level(well):
    assert on_switch.log_level(hears(well, debug_level=10)).verdict == "wrong"


def test_a_freeswitch_that_does_not_say_how_it_is_configured(well):
    patient = hears(well, settings={})
    assert on_switch.log_level(patient).verdict == "unchecked"
    assert on_switch.profiles(patient).verdict == "unchecked"


def test_the_log_file(well, tmp_path):
    log = tmp_path / "freeswitch.log"
    patient = hears(well, variables={**well.said.variables, "log_dir": str(tmp_path)})
    assert on_switch.log_file(patient).verdict == "ok"
    log.write_bytes(b"x" * 100_000 + b"\n2026-01-01 10:00:00 [ERR] bad\n")
    assert on_switch.log_file(patient).verdict == "ok"
    with log.open("ab") as file:
        file.write(b"2026-01-01 10:00:00 98.00% [INFO] switch_channel.c:543 RECV DTMF 4:800\n")
    found = on_switch.log_file(patient)
    assert found.verdict == "warning"
    assert "INFO" in found.found
    assert "4:800" not in str(found)
    log.unlink()
    log.mkdir()
    assert on_switch.log_file(patient).verdict == "unchecked"
    assert (
        on_switch.log_file(hears(well, local=False, variables={"log_dir": "/x"})).verdict
        == "unchecked"
    )


def test_no_log_file_at_all(well):
    modules = well.said.modules - {"mod_logfile"}
    assert on_switch.log_file(hears(well, modules=modules)).verdict == "ok"


@pytest.mark.parametrize("told", [{}, {"digits_dialed_filter": "^(....)"}])
def test_digits_that_are_not_hidden(well, told):
    found = on_switch.keys(hears(well, variables=told))
    assert found.verdict == "wrong"
    assert "digits_dialed_filter" in found.found


@pytest.mark.parametrize("name", ["mod_xml_cdr", "mod_valet_parking", "mod_verto"])
def test_a_module_that_lets_keys_out(well, name):
    found = on_switch.keys(hears(well, modules=well.said.modules | {name}))
    assert (found.verdict, found.found) == ("warning", f"{name} is loaded")


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("switch.conf", 'dump-cores" value="no"', 'dump-cores" value="yes"'),
        ("cdr_csv.conf", "${hangup_cause}", "${digits_dialed}"),
        ("cdr_csv.conf", 'debug" value="false"', 'debug" value="true"'),
    ],
)
def test_a_setting_that_lets_keys_out(well, name, old, new):
    assert on_switch.keys(configured(well, name, old, new)).verdict == "warning"


def test_an_event_socket_that_is_open_to_all(well):
    text = right.shipped("event_socket.conf").replace("loopback.auto", "any_v4.auto")
    for where, verdict in (("127.0.0.1", "ok"), ("0.0.0.0", "warning")):
        doors = ET.fromstring(text.replace("127.0.0.1", where))
        settings = {**well.said.settings, "event_socket.conf": doors}
        assert on_switch.keys(hears(well, settings=settings)).verdict == verdict


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"soft"', '"none"'),
        ('<param name="rtp-timer-name" value="soft" />', ""),
        ('"rfc2833"', '"info"'),
        ('liberal-dtmf" value="false"', 'liberal-dtmf" value="true"'),
        ('sip-trace" value="no"', 'sip-trace" value="yes"'),
        ('sip-capture" value="no"', 'sip-capture" value="yes"'),
        ('inbound-bypass-media" value="false"', 'inbound-bypass-media" value="true"'),
        ('inbound-proxy-media" value="false"', 'inbound-proxy-media" value="true"'),
        ("</settings>", '<param name="record-template" value="x.wav" /></settings>'),
        ("</settings>", '<param name="record-path" value="/x" /></settings>'),
    ],
)
def test_a_profile_that_is_wrong(well, old, new):
    found = on_switch.profiles(configured(well, "sofia.conf", old, new))
    assert found.verdict == "wrong"
    assert found.found.startswith("internal: ")
