"""Checks of FreeSWITCH: that it is there, has what calls need, and keeps no keys (R6).

What is right is what ``deploy/freeswitch`` ships. FreeSWITCH is asked for the configuration that
it read last, which is what it runs with unless somebody changed a level by hand since.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree as ET

from ivr.config.settings import Configuration
from ivr.doctor.finding import Finding, listed, ok, unchecked, warning, wrong
from ivr.doctor.of_configuration import dialled
from ivr.doctor.patient import Patient
from ivr.doctor.process import shown
from ivr.doctor.switch import Said

TESTED = "1.10.12"
APPLICATIONS = (
    "answer",
    "bind_digit_action",
    "bridge",
    "event",
    "hangup",
    "intercept",
    "park",
    "playback",
    "record_session_mask",
    "set",
)
"""Those that the engine has executed, beside those of the rendered dialplan."""
QUEUES = (("application", "callcenter"), ("api", "callcenter_config"))
"""Those that only a configuration with queues needs."""
APIS = (
    "eval",
    "expand",
    "global_getvar",
    "global_setvar",
    "sched_del",
    "uuid_break",
    "uuid_bridge",
    "uuid_broadcast",
    "uuid_buglist",
    "uuid_displace",
    "uuid_exists",
    "uuid_getvar",
    "uuid_kill",
    "uuid_record",
    "uuid_setvar",
    "uuid_setvar_multi",
    "uuid_transfer",
)
FILES = ("wav", "tone_stream")
"""Prompts and recordings; the tones that tell agents of a pause."""
_PROVIDES = {"api": "mod_commands", "dialplan": "mod_dialplan_xml"}
_FROM = {
    "callcenter": "mod_callcenter",
    "callcenter_config": "mod_callcenter",
    "socket": "mod_event_socket",
    "tone_stream": "mod_tone_stream",
    "wav": "mod_sndfile",
}
_ENDPOINT = re.compile(r"(?:^|[,|\]}>]|:_:)(\w+)/")

LEAKING = frozenset(
    {
        "mod_amqp",
        "mod_cdr_mongodb",
        "mod_cdr_pg_csv",
        "mod_cdr_sqlite",
        "mod_erlang_event",
        "mod_event_multicast",
        "mod_event_zmq",
        "mod_format_cdr",
        "mod_graylog2",
        "mod_json_cdr",
        "mod_kazoo",
        "mod_odbc_cdr",
        "mod_radius_cdr",
        "mod_valet_parking",
        "mod_verto",
        "mod_xml_cdr",
        "mod_xml_rpc",
    }
)
"""They write down all variables, log keys as errors, or carry events off the host."""
CDR_FIELDS = frozenset(
    {
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
)
"""What a CDR may hold: no digits, no application with its arguments, nobody's number."""
FILTER = "^(.+)$"

_LEVELS = ("console", "alert", "crit", "err", "warning", "notice", "info", "debug")
_QUIET = _LEVELS.index("err")
_README = "deploy/README.md step 5"
_TAIL = 1 << 16
_LOGGED = re.compile(rb"\[(DEBUG|INFO|NOTICE|WARNING)\]")


def reachable(patient: Patient) -> Finding:
    """FreeSWITCH's event socket answers."""
    site, away = patient.site, patient.away
    assert site is not None  # the check needs it
    address = shown(site.freeswitch.address)
    if away is not None and away.stage != "password":
        if away.stage == "connecting":
            do = (
                "start FreeSWITCH; compare freeswitch.host and port with event_socket.conf.xml"
                " (listen-ip, listen-port, apply-inbound-acl)"
            )
        else:
            do = "is it hung, or overloaded? fs_cli answers if it lives"
        return wrong(f"{address}: {away}", "FreeSWITCH's event socket there", do)
    where = f", {patient.switch}" if patient.switch is not None else ""
    return ok(f"it answers at {address}{where}")


def password(patient: Patient) -> Finding:
    """It lets the engine in, with a password of its own."""
    site, away = patient.site, patient.away
    assert site is not None  # the check needs it
    if away is not None and away.stage == "password":
        return wrong(
            f"it was refused: {away}",
            "the password of event_socket.conf.xml",
            "mend freeswitch.password or password_file in the site file; restart the engine",
        )
    if away is not None and away.stage == "connecting":
        return unchecked("FreeSWITCH does not answer")
    if site.freeswitch.password == "ClueCon":  # noqa: S105  # FreeSWITCH's well-known default
        return warning(
            "it is the one that every FreeSWITCH comes with",
            "one of your own: whoever knows it controls the switch and hears keys",
            f"choose one in event_socket.conf.xml and in {site.file}; restart both",
        )
    return ok("it is accepted")


def version(patient: Patient) -> Finding:
    """It is the FreeSWITCH that the engine is tested with."""
    told = _said(patient).version
    short = told.removeprefix("FreeSWITCH Version ").partition("~")[0]
    if f" {TESTED}-" in f" {short}-":
        return ok(short)
    return warning(
        told.splitlines()[0][:80] if told else "it does not say",
        f"{TESTED}, which the engine is tested with",
        "run `make test-live` against this one before callers use it",
    )


def modules(patient: Patient) -> Finding:
    """All modules, applications, commands and formats that calls need are there."""
    said = _said(patient)
    if not said.interfaces:
        return unchecked("FreeSWITCH does not list its modules (`show modules`)")
    needed = [
        *(("application", name) for name in APPLICATIONS),
        *(("api", name) for name in APIS),
        *(("file", name) for name in FILES),
        ("dialplan", "XML"),
    ]
    if patient.configuration is not None:
        needed += [("application", name) for name in _rendered_applications(patient.configuration)]
        if patient.configuration.queues:
            needed += QUEUES
        needed += [("endpoint", name) for name in _endpoints(patient.configuration)]
    missing = sorted(dict.fromkeys(needed).keys() - said.interfaces)
    if not missing:
        return ok(f"{len(said.modules)} are loaded, with all that calls need")
    faults = [
        f"{kind} {name} is missing ({_FROM.get(name) or _PROVIDES.get(kind) or _guess(kind, name)})"
        for kind, name in missing
    ]
    found, more = listed(faults, "{} things that calls need are missing")
    do = "load the modules in modules.conf.xml (deploy/freeswitch has one); `load NAME` for now"
    return wrong(found, "what the engine and the rendered dialplan use", do, more)


def log_level(patient: Patient) -> Finding:
    """What FreeSWITCH logs shows no keys (docs/freeswitch.md 14 to 14f)."""
    said = _said(patient)
    switch = said.settings.get("switch.conf")
    if switch is None:
        return unchecked("FreeSWITCH does not say how it is configured (`xml_locate`)")
    level = _params(switch).get("loglevel", "debug")
    talkative = [
        f"{name} writes {', '.join(loud)}"
        for name in ("logfile", "console")
        if (loud := _loud(said, name))
    ]
    faults = []
    if not _quiet(level):
        faults.append(f"loglevel in switch.conf.xml is {level}")
        faults += talkative
    if said.debug_level:
        faults.append(
            f"the debug-level in force is {said.debug_level}: lines of DEBUG1 come as ALERT"
        )
    if not faults:
        return ok(f"loglevel is {level}, as configured; what was set by hand since is not known")
    found, more = listed(faults, "{} settings let keys into what FreeSWITCH logs")
    expected = "err: INFO has a line for each key, and WARNING has some"
    do = f"include deploy/freeswitch/switch-settings.xml ({_README}); `fsctl loglevel err` now"
    if talkative or said.debug_level:
        return wrong(found, expected, do, more)
    return warning(found, f"{expected}; `log` on the event socket shows them", do, more)


def log_file(patient: Patient) -> Finding:
    """The end of FreeSWITCH's log file has no lines of a level that shows keys."""
    said = _said(patient)
    path = _log_path(said)
    if path is None:
        return ok("FreeSWITCH writes none")
    if not said.local:
        return unchecked("FreeSWITCH is on another host")
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - _TAIL))
            levels = {one.decode() for one in _LOGGED.findall(file.read(_TAIL))}
    except FileNotFoundError:
        return ok(f"{path} is not there yet")
    except OSError as error:
        return unchecked(f"{path}: {error.strerror}", "run this as root")
    if not levels:
        return ok(f"the end of {path} has errors only")
    return warning(
        f"the end of {path} has lines of {', '.join(sorted(levels))}",
        "ERR and worse only: the others can hold keys",
        "`fsctl loglevel err`; if the lines are old, remove the file and what was copied of it",
    )


def keys(patient: Patient) -> Finding:
    """Nothing else in FreeSWITCH writes callers' keys down (deploy/README.md step 5)."""
    said = _said(patient)
    faults = list(_leaks(said))
    if not faults:
        return ok("kept out of CDRs and of other modules")
    found, more = listed(faults, "{} things can let callers' keys out")
    grave = said.variables.get("digits_dialed_filter") != FILTER
    say = wrong if grave else warning
    return say(found, "what deploy/freeswitch has", f"see {_README}", more)


def profiles(patient: Patient) -> Finding:
    """SIP profiles take keys in RTP, record by the engine alone, and keep time."""
    sofia = _said(patient).settings.get("sofia.conf")
    if sofia is None:
        return unchecked("FreeSWITCH does not say how its SIP profiles are configured")
    found = [profile for profile in sofia.iter("profile") if profile.get("name")]
    faults = [
        f"{profile.get('name')}: {fault}" for profile in found for fault in _profile_faults(profile)
    ]
    if not faults:
        return ok(f"{len(found)} are right")
    text, more = listed(faults, "{} settings are wrong")
    return wrong(
        text,
        "what deploy/freeswitch/sofia-profile-settings.xml has",
        f"include it in each profile ({_README}); restart the profile",
        more,
    )


def _said(patient: Patient) -> Said:
    assert patient.said is not None  # the check needs it
    return patient.said


def _rendered_applications(configuration: Configuration) -> list[str]:
    from ivr.config.render import render

    tree = ET.fromstring(render(configuration))  # noqa: S314  # made here
    return sorted({action.get("application", "") for action in tree.iter("action")})


def _endpoints(configuration: Configuration) -> list[str]:
    dials = [dial for each in dialled(configuration).values() for dial in each]
    return sorted({name for dial in dials for name in _ENDPOINT.findall(dial) if name != "error"})


def _guess(kind: str, name: str) -> str:
    if kind == "endpoint":
        return {"user": "mod_dptools", "group": "mod_dptools"}.get(name, f"mod_{name}")
    return "mod_dptools"


def _params(holder: ET.Element) -> dict[str, str]:
    """Of two settings of one name the last is in force."""
    return {one.get("name", ""): one.get("value", "") for one in holder.iter("param")}


def _quiet(level: str) -> bool:
    if level.isdecimal():
        return int(level) <= _QUIET
    return level.lower() in _LEVELS[: _QUIET + 1]


def _loud(said: Said, name: str) -> list[str]:
    """The levels that a logger writes and that can show keys."""
    logger = said.settings.get(f"{name}.conf")
    if logger is None or f"mod_{name}" not in said.modules:
        return []
    words = {
        word.strip().lower()
        for one in logger.iter("map")
        for word in one.get("value", "").split(",")
    }
    return sorted(words - set(_LEVELS[1 : _QUIET + 1]) - {""})


def _log_path(said: Said) -> Path | None:
    if "mod_logfile" not in said.modules:
        return None
    logger = said.settings.get("logfile.conf")
    named = "" if logger is None else _params(logger).get("logfile", "")
    folder = said.variables.get("log_dir", "")
    if not named and not folder:
        return None
    return Path(named or f"{folder}/freeswitch.log")


def _leaks(said: Said) -> Iterator[str]:
    told = said.variables.get("digits_dialed_filter", "")
    if not told:
        yield "digits_dialed_filter is not set: keys of calls without the engine are in CDRs"
    elif told != FILTER:
        yield f"digits_dialed_filter is {told}, expected {FILTER}"
    for name in sorted(LEAKING & said.modules):
        yield f"{name} is loaded"
    switch = said.settings.get("switch.conf")
    if switch is not None and _params(switch).get("dump-cores", "no") in ("yes", "true"):
        yield "dump-cores is on: a core file holds keys and audio"
    doors = said.settings.get("event_socket.conf")
    if doors is not None and (open_to := _open_door(doors)):
        yield open_to
    cdr = said.settings.get("cdr_csv.conf")
    if cdr is not None and "mod_cdr_csv" in said.modules:
        for field in sorted(set(_cdr_fields(cdr)) - CDR_FIELDS):
            yield f"mod_cdr_csv writes {field}"
        if _params(cdr).get("debug") == "true":
            yield "mod_cdr_csv has debug on: it writes all variables"


def _open_door(doors: ET.Element) -> str:
    """Without an access list FreeSWITCH lets in its own host alone."""
    has = _params(doors)
    where, who = has.get("listen-ip", "::"), has.get("apply-inbound-acl", "")
    if who.startswith("any") and where not in ("127.0.0.1", "::1", "localhost"):
        return f"the event socket listens on {where} and lets every host try passwords ({who})"
    return ""


def _cdr_fields(cdr: ET.Element) -> Iterator[str]:
    wanted = _params(cdr).get("default-template", "default")
    for template in cdr.iter("template"):
        if template.get("name") == wanted:
            yield from re.findall(r"\$\{([^}]*)\}", template.text or "")


def _profile_faults(profile: ET.Element) -> Iterator[str]:
    settings = profile.find("settings")
    has = {} if settings is None else _params(settings)
    if has.get("rtp-timer-name") != "soft":
        yield "rtp-timer-name is not soft: recordings run at a wrong speed"
    if has.get("dtmf-type", "rfc2833") != "rfc2833":
        yield f"dtmf-type is {has['dtmf-type']}: keys are in SIP messages"
    if has.get("liberal-dtmf") == "true":
        yield "liberal-dtmf is true: keys as SIP INFO are taken"
    for name in ("sip-trace", "sip-capture"):
        if has.get(name) in ("yes", "true", "on"):
            yield f"{name} is on: a trace has keys that come as SIP INFO"
    for name in ("record-template", "record-path"):
        if name in has:
            yield f"{name} is set: anybody on a call can have it recorded, and never paused"
    for name in ("inbound-bypass-media", "inbound-proxy-media"):
        if has.get(name) == "true":
            yield f"{name} is true: such calls cannot be recorded or paused"
