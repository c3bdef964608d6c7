"""What FreeSWITCH makes of a rendered dialplan: which extensions take a call, and what they do."""

from __future__ import annotations

import re
from dataclasses import dataclass
from xml.etree import ElementTree as ET

NOBODY = {"direction": "inbound", "user_name": "", "caller_id_number": ""}


@dataclass(frozen=True)
class Taken:
    """What was done with a call."""

    by: tuple[str, ...]
    """The extensions that took it, in order."""
    actions: tuple[tuple[str, str], ...]
    """Applications and their data, with the groups of the expression put in."""

    @property
    def last(self) -> str:
        """The extension that looked no further; empty where none took it."""
        return self.by[-1] if self.by else ""

    def done(self, application: str) -> list[str]:
        """The data of each use of an application."""
        return [data for name, data in self.actions if name == application]


def taken(xml: str, context: str, number: str, **known: str) -> Taken:
    """The extensions of a context that take a call; ``known`` are variables and profile fields."""
    root = ET.fromstring(xml)
    [holder] = [one for one in root.iter("context") if one.get("name") == context] or [root]
    fields = {**NOBODY, "destination_number": number, "context": context, **known}
    names: list[str] = []
    actions: list[tuple[str, str]] = []
    for extension in holder.iter("extension"):
        found = _fits(extension, fields)
        if found is None:
            continue
        names.append(extension.get("name", ""))
        actions += found
        if extension.get("continue") != "true":
            break
    return Taken(tuple(names), tuple(actions))


def _fits(extension: ET.Element, fields: dict[str, str]) -> list[tuple[str, str]] | None:
    actions = []
    for condition in extension.iter("condition"):
        field = condition.attrib["field"]
        value = fields.get(field, "")
        if "$" in field:
            value = re.sub(r"\$\{(\w+)\}", lambda match: fields.get(match[1], ""), field)
        match = re.search(condition.attrib["expression"], value, re.ASCII)
        if match is None:
            return None
        for one in condition.iter("action"):
            data = one.get("data", "")
            groups = (match[0], *match.groups())
            data = re.sub(r"\$(\d)", lambda found: groups[int(found[1])] or "", data)  # noqa: B023 - used here
            actions.append((one.attrib["application"], data))
    return actions
