"""FreeSWITCH's event bodies with slots, ready to be joined into bytes (plain and JSON).

The texts in ``events/`` were cut from real conversations (``cut.py``): names, order and
sizes of the headers are FreeSWITCH's, values that belong to one call are slots.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import quote, unquote

EVENTS = Path(__file__).parent / "events"
_SLOTS = (
    "core local gmt stamp seq session uuid other number dialled name sip_call from_tag to_tag"
    " local_port remote_port ssrc created answered bridged hungup app data response appid status"
    " record vars heard_samples heard_ms heard_s record_size record_samples record_s record_ms"
    " agent feature"
)
SLOTS = _SLOTS.split()
AT = {name: place for place, name in enumerate(SLOTS)}
_SLOT = re.compile(r"\{\{(\w+)\}\}")

Values = list[bytes]
"""One value a slot, in the order of :data:`SLOTS`."""


class Body:
    """One template in one format."""

    __slots__ = ("_parts", "_places", "_slots")

    def __init__(self, text: str) -> None:
        pieces = _SLOT.split(text)
        self._parts = [piece.encode() for piece in pieces]
        self._places = range(1, len(pieces), 2)
        self._slots = [AT[name] for name in pieces[1::2]]

    def fill(self, values: Values) -> bytes:
        """The body's bytes."""
        parts = self._parts.copy()
        parts[1::2] = [values[slot] for slot in self._slots]
        return b"".join(parts)


class Event:
    """One event's body in both formats."""

    __slots__ = ("json", "name", "plain")

    def __init__(self, text: str) -> None:
        lines = text.strip("\n").split("\n")
        self.name = lines[0].removeprefix("Event-Name: ")
        self.plain = Body(text.replace("{{vars}}\n", "{{vars}}") + "\n")
        self.json = Body(_as_json(lines))

    def frame(self, values: Values, as_json: bool) -> bytes:
        """What goes over the socket."""
        if as_json:
            body = self.json.fill(values)
            return b"Content-Length: %d\nContent-Type: text/event-json\n\n%b" % (len(body), body)
        body = self.plain.fill(values)
        return b"Content-Length: %d\nContent-Type: text/event-plain\n\n%b" % (len(body), body)


def _as_json(lines: list[str]) -> str:
    members: list[str] = []
    for line in lines:
        if line == "{{vars}}":
            members[-1] += ",{{vars}}"
            continue
        name, _, value = line.partition(": ")
        value = unquote(value)
        if value.startswith("ARRAY::"):
            shown = json.dumps(value.removeprefix("ARRAY::").split("|:"), separators=(",", ":"))
        else:
            shown = json.dumps(value, ensure_ascii=False)
        members.append(f"{json.dumps(name)}:{shown}")
    return "{" + ",".join(members).replace("{{vars}},", "{{vars}}") + "}"


def plain_value(text: str) -> bytes:
    """A value as FreeSWITCH writes it into a plain event."""
    return quote(text, safe="/,!$'()*").encode()


def json_value(text: str) -> bytes:
    """A value as it stands between the quotes of JSON."""
    return json.dumps(text, ensure_ascii=False)[1:-1].encode()


def variable(name: str, value: str, as_json: bool) -> bytes:
    """A channel variable for the slot ``vars``."""
    if as_json:
        return b'"variable_%b":"%b",' % (json_value(name), json_value(value))
    return b"variable_%b: %b\n" % (name.encode(), plain_value(value))


def connect_reply() -> Body:
    """The answer to ``connect``: CHANNEL_DATA without a Content-Length."""
    text = (EVENTS / "CHANNEL_DATA.txt").read_text(encoding="utf-8")
    return Body(text.replace("{{vars}}\n", "{{vars}}") + "\n")


def _made(text: str, **changes: str) -> str:
    """Another event's template with some headers changed."""
    for name, value in changes.items():
        header = name.replace("_", "-")
        text = re.sub(rf"^{header}: .*$", f"{header}: {value}", text, flags=re.MULTILINE)
    return text


def load_events() -> dict[str, Event]:
    """All templates by name. Those that no capture holds are made from their neighbours."""
    texts = {
        path.stem: path.read_text(encoding="utf-8")
        for path in EVENTS.glob("*.txt")
        if path.stem != "CHANNEL_DATA"
    }
    done = texts["CHANNEL_EXECUTE_COMPLETE.set"]
    executing = re.sub(r"^Application-Response: .*\n", "", done, flags=re.MULTILINE)
    texts["CHANNEL_EXECUTE"] = _made(executing, Event_Name="CHANNEL_EXECUTE")
    answer = texts["CHANNEL_ANSWER"]
    texts["CHANNEL_PROGRESS_MEDIA"] = _made(answer, Event_Name="CHANNEL_PROGRESS_MEDIA")
    for ended in ("", ".unbridged"):
        hangup = texts[f"CHANNEL_HANGUP{ended}"]
        texts[f"CHANNEL_STATE{ended}"] = _made(hangup, Event_Name="CHANNEL_STATE")
        texts[f"CHANNEL_DESTROY{ended}"] = _made(
            texts[f"CHANNEL_HANGUP_COMPLETE{ended}"], Event_Name="CHANNEL_DESTROY"
        )
        # An application that a hangup ends (a prompt, a bridge) says so with its own name.
        texts[f"CHANNEL_EXECUTE_COMPLETE{ended}"] = texts[
            "CHANNEL_EXECUTE_COMPLETE.bridge"
            if not ended
            else "CHANNEL_EXECUTE_COMPLETE.playback.unbridged"
        ]
    # Every agent has an extension, and the leg at which a code is keyed is the agent's.
    bridged = texts["CHANNEL_BRIDGE"]
    texts["CHANNEL_BRIDGE"] = _made(bridged, Other_Leg_Destination_Number="{{agent}}")
    keyed = re.sub(r"^Application.*\n", "", texts["CHANNEL_EXECUTE_COMPLETE.bridge"], flags=re.M)
    keyed = _made(keyed, Event_Name="CHANNEL_APPLICATION", Unique_ID="{{other}}")
    texts["CHANNEL_APPLICATION"] = re.sub(
        r"^(Event-Sequence: .*\n)", r"\1Ivr-Feature: {{feature}}\n", keyed, flags=re.M
    )
    texts["RECORD_STOP.live"] = _made(texts["RECORD_START"], Event_Name="RECORD_STOP")
    texts["RECORD_STOP.live"] += "Record-Completion-Cause: success-silence\n"
    return {name: Event(text) for name, text in texts.items()}
