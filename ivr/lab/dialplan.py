"""The dialplan: what is done with a number, written in tests or read from FreeSWITCH's XML."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from ivr.lab.session import APPLICATIONS, Action, expand

if TYPE_CHECKING:
    from ivr.lab.leg import Leg


@dataclass(frozen=True, slots=True)
class Condition:
    """What must be true of a call, and what is done with it then."""

    field: str
    """``destination_number``, ``context``, ``caller_id_number``, or a text with ``${variable}``."""
    expression: str
    """A regular expression that is found in it; its groups are ``$1`` and so on in ``actions``."""
    actions: tuple[Action, ...] = ()
    otherwise: tuple[Action, ...] = ()
    """Anti-actions: done where it is not true."""
    breaks: str = "on-false"
    """When the conditions after it are not looked at: ``on-false``, ``on-true``, ``always``,
    ``never``."""
    fits: str = ""
    """``all``, ``any`` or ``xor`` of ``of``, in place of field and expression."""
    of: tuple[tuple[str, str], ...] = ()
    """Fields and expressions."""
    nested: tuple[Condition, ...] = ()
    """Looked at where it is true, and required then."""


@dataclass(frozen=True, slots=True)
class Extension:
    """One extension of FreeSWITCH's XML: it is taken where all its conditions hold."""

    name: str
    conditions: tuple[Condition, ...]
    context: str = ""
    """Where it stands; empty is any."""
    goes_on: bool = False
    """``continue="true"``: the extensions after it are looked at, too."""


Dialplan = Mapping[str, tuple[Action, ...]] | Sequence[Extension]
"""Regular expressions that the whole number fits (their groups are ``$1`` and so on), with what is
done then; or extensions."""


PICK_UP: Mapping[str, tuple[Action, ...]] = MappingProxyType(
    {
        "pickup-at-(.+)": (Action("answer"), Action("intercept", "at:$1")),
        "pickup-(.+)": (Action("answer"), Action("intercept", "$1")),
    }
)
"""Extensions by which a telephone that dials ``pickup-<uuid of the caller's leg>``, or
``pickup-at-<number>`` of a telephone that rings or talks, takes the call; to be put before
others."""


def as_extensions(dialplan: Mapping[str, tuple[Action, ...]]) -> tuple[Extension, ...]:
    """The same as extensions, to be put before or after others."""
    return tuple(
        Extension(number, (Condition("destination_number", f"^(?:{number})$", actions),))
        for number, actions in dialplan.items()
    )


def dialplan_for(
    engine: str, *, fallback: tuple[Action, ...] = ()
) -> Mapping[str, tuple[Action, ...]]:
    """The usual dialplan: every number goes to the engine, then to ``fallback``."""
    return {
        "fallback": fallback or (Action("answer"), Action("playback", "silence_stream://1000")),
        ".*": (
            Action("set", "hangup_after_bridge=true"),
            Action("socket", f"{engine} async full"),
            *fallback,
        ),
    }


def read_dialplan(text: str) -> tuple[Extension, ...]:
    """The extensions of XML such as ``ivr dialplan render`` writes."""
    root = ET.fromstring(text)  # noqa: S314 - the engine's own text
    found = []
    for context in root.iter("context"):
        found += [_extension(one, context.get("name", "")) for one in context.iter("extension")]
    return tuple(found or (_extension(one, "") for one in root.iter("extension")))


def _extension(element: ET.Element, context: str) -> Extension:
    conditions = tuple(_condition(one) for one in element.findall("condition"))
    goes_on = element.get("continue") == "true"
    return Extension(element.get("name", ""), conditions, context, goes_on)


def _condition(element: ET.Element) -> Condition:
    return Condition(
        element.get("field", ""),
        element.get("expression", ""),
        _actions(element, "action"),
        _actions(element, "anti-action"),
        element.get("break", "on-false"),
        element.get("regex", ""),
        tuple((one.get("field", ""), one.get("expression", "")) for one in element.iter("regex")),
        tuple(_condition(one) for one in element.findall("condition")),
    )


def _actions(element: ET.Element, kind: str) -> tuple[Action, ...]:
    return tuple(
        Action(one.get("application", ""), one.get("data", ""), one.get("inline") == "true")
        for one in element.findall(kind)
    )


def actions_for(
    dialplan: Dialplan, leg: Leg, number: str, context: str
) -> tuple[Action, ...] | None:
    """What is to be done with a leg; None where there is no extension for it.

    As in FreeSWITCH, conditions are looked at when the call is routed, with the variables that
    the leg has then; variables in actions are put in when each is done.
    """
    if isinstance(dialplan, Mapping):
        for pattern, actions in dialplan.items():
            match = re.fullmatch(pattern, number)
            if match is not None:
                return tuple(Action(one.app, _with_groups(one.arg, match)) for one in actions)
        return None
    known = {
        "destination_number": number,
        "context": context,
        "caller_id_number": leg.party.number,
        "caller_id_name": leg.party.name,
        "ani": leg.party.number,
        "username": leg.party.number,
        "rdnis": leg.rdnis,
        "network_addr": leg.party.address,
    }
    todo: list[Action] = []
    for extension in dialplan:
        if extension.context in {"", context}:
            taken = _run_through(extension.conditions, leg, known, todo)
            if taken and not extension.goes_on:
                break
    return tuple(todo) or None


def _run_through(
    conditions: tuple[Condition, ...], leg: Leg, known: Mapping[str, str], todo: list[Action]
) -> bool:
    """Whether the extension is taken; the actions of conditions before one that ends it stay."""
    taken = True
    for condition in conditions:
        match = _match(condition, leg, known)
        found = condition.actions if match is not None else condition.otherwise
        for one in found:
            action = Action(one.app, one.arg if match is None else _with_groups(one.arg, match))
            if one.inline:
                APPLICATIONS[one.app](leg, expand(leg, action.arg))
            else:
                todo.append(action)
        if match is not None and condition.nested:
            taken = _run_through(condition.nested, leg, known, todo)
            if not taken:
                return False
        taken = match is not None or condition.breaks in {"never", "on-true"}
        if condition.breaks in {"always", "on-false" if match is None else "on-true"}:
            return match is not None
    return taken


def _match(condition: Condition, leg: Leg, known: Mapping[str, str]) -> re.Match[str] | None:
    """What the condition found, which has its groups; None where it is not true."""

    def found(field: str, expression: str) -> re.Match[str] | None:
        return re.search(expression, known[field] if field in known else expand(leg, field))

    if not condition.fits:
        return found(condition.field, condition.expression)
    all_found = [found(field, expression) for field, expression in condition.of]
    true = [one for one in all_found if one is not None]
    enough = {
        "all": len(true) == len(all_found),
        "any": bool(true),
        "xor": len(true) == 1,
    }
    return true[-1] if true and enough.get(condition.fits, False) else None


def _with_groups(text: str, match: re.Match[str]) -> str:
    def group(found: re.Match[str]) -> str:
        number = int(found[1])
        return (match[number] or "") if number <= match.re.groups else ""

    return re.sub(r"\$(\d)", group, text)
