"""The FreeSWITCH settings in deploy/ keep keys out of FreeSWITCH's log and CDRs (R6)."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

SHIPPED = Path(__file__).parents[2] / "deploy/freeswitch"
CONFIGURATIONS = ("logfile", "console", "event_socket", "cdr_csv", "modules")

SAFE_LEVELS = {"err", "crit", "alert"}
"""WARNING is not: ``IGNORE INFO DTMF(4)`` and ``SHORT DTMF DIGIT [4]`` are warnings."""
SAFE_VARIABLES = {
    "uuid",
    "start_stamp",
    "answer_stamp",
    "end_stamp",
    "duration",
    "billsec",
    "hangup_cause",
    "ivr_route",
    "ivr_unrecorded",
}
"""What a CDR may hold: no digits, no application with its arguments, nobody's number."""
NEEDED = {
    "console",
    "logfile",
    "event_socket",
    "sofia",
    "commands",
    "dptools",
    "dialplan_xml",
    "sndfile",
    "loopback",
    "tone_stream",
}
SAFE_MODULES = NEEDED | {"cdr_csv", "db", "hash", "native_file", "local_stream"}
"""Others log keys (valet_parking, as errors), write down all variables (xml_cdr, json_cdr, …) or
carry events elsewhere (amqp, event_multicast, verto, xml_rpc)."""
SWITCH = {"loglevel": "err", "debug-level": "0", "dump-cores": "no"}
SOFIA = {
    "rtp-timer-name": "soft",
    "dtmf-type": "rfc2833",
    "liberal-dtmf": "false",
    "debug": "0",
    "sip-trace": "no",
    "sip-capture": "no",
    "inbound-bypass-media": "false",
    "inbound-proxy-media": "false",
}
EVENT_SOCKET = {"listen-ip": "127.0.0.1", "apply-inbound-acl": "loopback.auto"}


def faults(folder: Path) -> list[str]:
    """What is wrong with the settings in a folder like ``deploy/freeswitch``."""
    log, console, socket, cdr, modules = (
        ET.parse(folder / f"autoload_configs/{name}.conf.xml").getroot() for name in CONFIGURATIONS
    )
    return [
        *_levels("logfile", log),
        *_levels("console", console),
        *_params("console", console, {"loglevel": "err"}),
        *_params("event_socket", socket, EVENT_SOCKET),
        *_params("cdr_csv", cdr, {"default-template": "ivr", "debug": "false"}),
        *_cdr(cdr),
        *_modules(modules),
        *_params("switch", ET.parse(folder / "switch-settings.xml").getroot(), SWITCH),
        *_sofia(ET.parse(folder / "sofia-profile-settings.xml").getroot()),
        *_vars(ET.parse(folder / "vars-settings.xml").getroot()),
    ]


def _levels(name: str, logger: ET.Element) -> list[str]:
    maps = [one.attrib["value"].split(",") for one in logger.iter("map")]
    wrong = {level for levels in maps for level in levels} - SAFE_LEVELS
    return [f"{name} logs {wrong}"] if wrong or not maps else []


def _params(name: str, holder: ET.Element, right: dict[str, str]) -> list[str]:
    given: dict[str, list[str]] = {}
    for one in holder.iter("param"):
        given.setdefault(one.attrib["name"], []).append(one.attrib["value"])
    return [
        f"{name}: {key} is {given.get(key)}, expected {value} once"
        for key, value in right.items()
        if given.get(key) != [value]
    ]


def _cdr(cdr: ET.Element) -> list[str]:
    found = set()
    for template in cdr.iter("template"):
        text = template.text or ""
        found |= set(re.findall(r"\$\{([^}]*)\}", text))
    return [f"CDRs hold {one}" for one in sorted(found - SAFE_VARIABLES)]


def _modules(modules: ET.Element) -> list[str]:
    loaded = {one.attrib["module"].removeprefix("mod_") for one in modules.iter("load")}
    return [
        *(f"mod_{one} is missing" for one in sorted(NEEDED - loaded)),
        *(f"mod_{one} is loaded" for one in sorted(loaded - SAFE_MODULES)),
    ]


def _sofia(settings: ET.Element) -> list[str]:
    names = {one.attrib["name"] for one in settings.iter("param")}
    return [
        *_params("sofia", settings, SOFIA),
        *(f"sofia: {one}" for one in sorted(names & {"record-template", "record-path"})),
    ]


def _vars(include: ET.Element) -> list[str]:
    assigned = dict(
        one.attrib["data"].split("=", 1)
        for one in include.iter("X-PRE-PROCESS")
        if one.get("cmd") == "set"
    )
    filtered = re.search(assigned.get("digits_dialed_filter", "(?!)"), "4111111111111111")
    right = filtered is not None and filtered[1] == "4111111111111111"
    return [] if right and assigned.get("console_loglevel") == "err" else [f"vars: {assigned}"]


def test_the_shipped_settings_are_safe() -> None:
    assert faults(SHIPPED) == []


def test_every_shipped_file_is_looked_at() -> None:
    names = {str(path.relative_to(SHIPPED)) for path in SHIPPED.rglob("*") if path.is_file()}
    assert names == {
        *(f"autoload_configs/{name}.conf.xml" for name in CONFIGURATIONS),
        "switch-settings.xml",
        "sofia-profile-settings.xml",
        "vars-settings.xml",
    }


def test_what_is_to_be_included_is_an_include() -> None:
    """FreeSWITCH leaves out the <include> around it; the last of two params is in force."""
    for path in SHIPPED.glob("*.xml"):
        assert ET.parse(path).getroot().tag == "include"


def test_no_comment_holds_what_freeswitch_carries_out() -> None:
    """Its preprocessor reads lines, and takes those in comments too."""
    for path in SHIPPED.rglob("*.xml"):
        comments = re.findall("<!--.*?-->", path.read_text(), re.DOTALL)
        assert comments
        assert not [one for one in comments if "PRE-PROCESS" in one or "$$" in one]


def test_the_password_is_nobodys() -> None:
    text = (SHIPPED / "autoload_configs/event_socket.conf.xml").read_text()
    assert "ClueCon" not in text


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("autoload_configs/logfile.conf.xml", "err,crit,alert", "warning,err,crit,alert"),
        ("autoload_configs/logfile.conf.xml", "err,crit,alert", "all"),
        ("autoload_configs/logfile.conf.xml", "err,crit,alert", "console,err"),
        ("autoload_configs/logfile.conf.xml", '<map name="all" value="err,crit,alert"/>', ""),
        (
            "autoload_configs/logfile.conf.xml",
            "</mappings>",
            '<map name="sofia.c" value="debug"/></mappings>',
        ),
        ("autoload_configs/console.conf.xml", "err,crit,alert", "info,err"),
        ("autoload_configs/console.conf.xml", 'loglevel" value="err"', 'loglevel" value="info"'),
        ("autoload_configs/event_socket.conf.xml", '"127.0.0.1"', '"0.0.0.0"'),
        ("autoload_configs/event_socket.conf.xml", "loopback.auto", "any_v4.auto"),
        ("autoload_configs/cdr_csv.conf.xml", "${hangup_cause}", "${digits_dialed}"),
        ("autoload_configs/cdr_csv.conf.xml", "${hangup_cause}", "${last_arg}"),
        ("autoload_configs/cdr_csv.conf.xml", "${hangup_cause}", "${caller_id_number}"),
        ("autoload_configs/cdr_csv.conf.xml", 'debug" value="false"', 'debug" value="true"'),
        ("autoload_configs/modules.conf.xml", "mod_cdr_csv", "mod_xml_cdr"),
        ("autoload_configs/modules.conf.xml", "mod_cdr_csv", "mod_valet_parking"),
        ("autoload_configs/modules.conf.xml", '<load module="mod_sndfile"/>', ""),
        ("switch-settings.xml", 'value="err"', 'value="notice"'),
        ("switch-settings.xml", 'debug-level" value="0"', 'debug-level" value="10"'),
        ("switch-settings.xml", 'dump-cores" value="no"', 'dump-cores" value="yes"'),
        ("sofia-profile-settings.xml", '"soft"', '"none"'),
        ("sofia-profile-settings.xml", '"rfc2833"', '"info"'),
        ("sofia-profile-settings.xml", 'sip-trace" value="no"', 'sip-trace" value="yes"'),
        ("sofia-profile-settings.xml", '<param name="debug" value="0"/>', ""),
        (
            "sofia-profile-settings.xml",
            "</include>",
            '<param name="record-template" value="x.wav"/></include>',
        ),
        (
            "sofia-profile-settings.xml",
            "</include>",
            '<param name="dtmf-type" value="info"/></include>',
        ),
        ("vars-settings.xml", "^(.+)$", "^(....)"),
        ("vars-settings.xml", "digits_dialed_filter", "digit_dialed_filter"),
        ("vars-settings.xml", "console_loglevel=err", "console_loglevel=info"),
    ],
)
def test_a_setting_that_lets_keys_out_is_noticed(
    tmp_path: Path, file: str, old: str, new: str
) -> None:
    folder = tmp_path / "freeswitch"
    shutil.copytree(SHIPPED, folder)
    text = (folder / file).read_text()
    assert old in text
    (folder / file).write_text(text.replace(old, new))
    assert faults(folder) != []
