"""A FreeSWITCH that is as it should be: the settings that are shipped, and nothing missing."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

from ivr.config.load import Configuration
from ivr.config.render import render
from ivr.doctor import on_switch
from ivr.doctor.switch import CONFIGURATIONS, Said

SHIPPED = Path(__file__).parents[2] / "deploy/freeswitch"
MODULES = (
    "mod_commands",
    "mod_console",
    "mod_cdr_csv",
    "mod_dialplan_xml",
    "mod_dptools",
    "mod_event_socket",
    "mod_logfile",
    "mod_sndfile",
    "mod_sofia",
    "mod_tone_stream",
)


def shipped(name: str) -> str:
    """One of FreeSWITCH's configurations, as it is after deploy/README.md step 5."""
    if name == "switch.conf":
        inner = _included("switch-settings.xml")
        return f'<configuration name="{name}"><settings>{inner}</settings></configuration>'
    if name == "sofia.conf":
        inner = _included("sofia-profile-settings.xml")
        profile = f'<profile name="internal"><settings>{inner}</settings></profile>'
        return f'<configuration name="{name}"><profiles>{profile}</profiles></configuration>'
    return (SHIPPED / f"autoload_configs/{name}.xml").read_text()


def _included(name: str) -> str:
    root = ET.parse(SHIPPED / name).getroot()
    return "".join(ET.tostring(child, encoding="unicode") for child in root)


def interfaces(configuration: Configuration) -> set[tuple[str, str]]:
    """All that calls need."""
    tree = ET.fromstring(render(configuration))
    return {
        *(("application", action.attrib["application"]) for action in tree.iter("action")),
        *(("application", name) for name in on_switch.APPLICATIONS),
        *(("api", name) for name in on_switch.APIS),
        *(("file", name) for name in on_switch.FILES),
        ("dialplan", "XML"),
        ("endpoint", "sofia"),
    }


def contexts(configuration: Configuration) -> dict[str, ET.Element]:
    """The dialplan as it was rendered."""
    tree = ET.fromstring(render(configuration))
    return {context.attrib["name"]: context for context in tree.iter("context")}


def said(configuration: Configuration, **other: Any) -> Said:
    """What such a FreeSWITCH says; ``other`` are fields that differ."""
    fields: dict[str, Any] = {
        "local": True,
        "version": "FreeSWITCH Version 1.10.12-release~64bit ( 64bit)",
        "modules": frozenset(MODULES),
        "interfaces": frozenset(interfaces(configuration)),
        "debug_level": 0,
        "variables": {"core_uuid": "lab", "digits_dialed_filter": "^(.+)$"},
        "settings": {name: ET.fromstring(shipped(name)) for name in CONFIGURATIONS},
        "contexts": contexts(configuration),
    }
    return Said(**{**fields, **other})


def answers(configuration: Configuration) -> dict[str, str]:
    """The same, as FreeSWITCH words it, by the command."""
    rows = ["type,name,ikey,filename"]
    named = sorted(interfaces(configuration))
    # Which module provides what is not what is tested; each is named at least once.
    for at, (kind, name) in enumerate(named):
        module = MODULES[at % len(MODULES)]
        rows.append(f"{kind},{name},{module},/usr/lib/freeswitch/mod/{module}.so")
    return {
        "version": "FreeSWITCH Version 1.10.12-release~64bit ( 64bit)\n",
        "show modules": "\n".join(rows) + f"\n\n{len(named)} total.\n",
        "fsctl debug_level": "+OK DEBUG level: 0\n",
        "global_getvar core_uuid": "41841d4b-a0d2-4309-9d7c-8055d0e11e31",
        "global_getvar digits_dialed_filter": "^(.+)$",
        "global_getvar log_dir": "",
        **{
            f"xml_locate configuration configuration name {name}": shipped(name)
            for name in CONFIGURATIONS
        },
        **{
            f"xml_locate dialplan context name {name}": ET.tostring(each, encoding="unicode")
            for name, each in contexts(configuration).items()
        },
    }
