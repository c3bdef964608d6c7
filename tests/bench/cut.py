"""Cuts the event templates of ``events/`` out of a captured conversation.

    python -m tests.bench.cut RECORDED_CALL CALLER_HANGS_UP

RECORDED_CALL is the capture of a call that was announced, recorded and bridged;
CALLER_HANGS_UP of one whose caller hung up in the announcement. Lines that begin with
``>>> `` are the client's. The templates keep FreeSWITCH's headers, their order and
their sizes; what differs from call to call becomes a slot ``{{name}}``.
"""

from __future__ import annotations

import re
from pathlib import Path

import click

EVENTS = Path(__file__).parent / "events"

BY_HEADER = {
    "Core-UUID": "core",
    "Event-Date-Local": "local",
    "Event-Date-GMT": "gmt",
    "Event-Date-Timestamp": "stamp",
    "Event-Sequence": "seq",
    "variable_session_id": "session",
    "Caller-Channel-Hangup-Time": "hungup",
    "Channel-Channel-Hangup-Time": "hungup",
    "Application": "app",
    "Application-Data": "data",
    "Application-Response": "response",
    "Application-UUID": "appid",
    "Playback-File-Path": "data",
    "Playback-Status": "status",
    "Record-File-Path": "record",
    "variable_current_application": "app",
    "variable_current_application_data": "data",
    "variable_last_app": "app",
    "variable_last_arg": "data",
    "variable_playback_last_offset_pos": "heard_samples",
    "variable_playback_samples": "heard_samples",
    "variable_playback_ms": "heard_ms",
    "variable_playback_seconds": "heard_s",
    "variable_record_file_size": "record_size",
    "variable_record_samples": "record_samples",
    "variable_record_seconds": "record_s",
    "variable_record_ms": "record_ms",
    "variable_end_uepoch": "stamp",
}
"""Headers whose whole value is a slot."""

OF_THE_CLIENT = {
    "variable_RECORD_STEREO",
    "variable_RECORD_MIN_SEC",
    "variable_recording_follow_transfer",
    "variable_sensitive_dtmf",
}
"""Variables that the capture's client set: the driver writes those of its own client."""


def replacements(body: str) -> list[tuple[str, str]]:
    """What to look for inside values, the longest first."""

    def value(name: str) -> str:
        found = re.search(rf"^{name}: (.*)$", body, re.MULTILINE)
        return found.group(1) if found else ""

    pairs = {
        value("Unique-ID"): "uuid",
        value("Bridge-B-Unique-ID") or value("variable_signal_bond"): "other",
        value("Caller-Caller-ID-Number"): "number",
        value("Caller-Destination-Number"): "dialled",
        value("Caller-Caller-ID-Name"): "name",
        value("variable_sip_call_id"): "sip_call",
        value("variable_sip_from_tag"): "from_tag",
        value("variable_sip_to_tag"): "to_tag",
        value("variable_local_media_port"): "local_port",
        value("variable_remote_media_port"): "remote_port",
        value("variable_rtp_use_ssrc"): "ssrc",
        value("Caller-Profile-Created-Time"): "created",
        value("Caller-Channel-Answered-Time"): "answered",
        value("Caller-Channel-Bridged-Time"): "bridged",
    }
    return sorted(
        ((old, "{{" + slot + "}}") for old, slot in pairs.items() if len(old) > 4),
        key=lambda pair: -len(pair[0]),
    )


def cut(body: str) -> str:
    """One event's body as a template."""
    pairs = replacements(body)
    lines: list[str] = []
    for line in body.strip("\n").split("\n"):
        name, _, value = line.partition(": ")
        if name in OF_THE_CLIENT:
            continue
        slot = BY_HEADER.get(name)
        if slot == "hungup" and value == "0":
            slot = None
        if slot:
            value = "{{" + slot + "}}"
        else:
            value = re.sub(r"z9hG4bK\w+", "z9hG4bK{{from_tag}}", value)
            for old, new in pairs:
                value = value.replace(old, new)
        if name == "variable_direction":
            # The variables that the driver's client sets come after the channel's first one.
            lines += [f"{name}: {value}", "{{vars}}"]
            continue
        lines.append(f"{name}: {value}")
    return "\n".join(lines) + "\n"


def bodies(capture: Path) -> list[str]:
    """All event bodies of a capture, in order."""
    text = capture.read_text(encoding="utf-8", errors="replace")
    return [found.group(0) for found in re.finditer(r"Event-Name: .*?\n(?=\n)", text, re.DOTALL)]


def key(body: str) -> str:
    """The template's name: the event's, and the application's where it has one."""
    name = body.split("\n", 1)[0].removeprefix("Event-Name: ")
    app = re.search(r"^Application: (.*)$", body, re.MULTILINE)
    return f"{name}.{app.group(1)}" if app else name


@click.command(help=__doc__)
@click.argument("recorded", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.argument("hung_up", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def main(recorded: Path, hung_up: Path) -> None:
    """Write ``events/*.txt``."""
    EVENTS.mkdir(exist_ok=True)
    found: dict[str, str] = {}
    for body in bodies(recorded):
        found[key(body)] = cut(body)
    for body in bodies(hung_up):
        if "Hangup-Cause" in body:
            found[f"{key(body)}.unbridged"] = cut(body)
    for name, template in found.items():
        (EVENTS / f"{name}.txt").write_text(template, encoding="utf-8")
        click.echo(f"{name}: {len(template)} bytes")


if __name__ == "__main__":
    main()
