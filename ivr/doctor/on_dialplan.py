"""Is FreeSWITCH's dialplan the one that ``ivr dialplan render`` makes of this configuration?

FreeSWITCH is asked for its contexts as they are in force, which is not what lies in its files
until ``reloadxml``. It leaves comments out, and with them the version that a rendered dialplan
names, so that the extensions themselves are compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from xml.etree import ElementTree as ET

from ivr.config.mistakes import printable
from ivr.config.render import render
from ivr.config.settings import Configuration
from ivr.doctor.finding import Finding, listed, ok, unchecked, warning, wrong
from ivr.doctor.patient import Patient

OURS = "ivr-"
"""What the names of rendered extensions begin with."""
_SHOWN = 60
_RENDER = (
    "ivr dialplan render --output FILE (deploy/README.md step 4 says where), then"
    " fs_cli -x reloadxml"
)
_VARIABLE = re.compile(r"\$\$\{[^}]*\}")


@dataclass(frozen=True, slots=True)
class _Step:
    """A condition, or one of its actions."""

    what: str
    """``condition FIELD`` or ``action APPLICATION``."""
    text: str
    """Expression, or data."""

    def __str__(self) -> str:
        cut = self.text if len(self.text) <= _SHOWN else f"{self.text[:_SHOWN]}…"
        return printable(f"{self.what} {cut}".rstrip())

    def fits(self, other: _Step) -> bool:
        """Whether the other is this one, once FreeSWITCH has put in what ``$${…}`` stands for."""
        if self.what != other.what:
            return False
        parts = [re.escape(part) for part in _VARIABLE.split(self.text)]
        return re.fullmatch(".*".join(parts), other.text, re.DOTALL) is not None


def dialplan(patient: Patient) -> Finding:
    """FreeSWITCH has the extensions of this configuration, and no other takes their numbers."""
    configuration, said = patient.configuration, patient.said
    assert configuration is not None  # the check needs both
    assert said is not None
    rendered = ET.fromstring(render(configuration))  # noqa: S314  # made here
    missing, other, taken = [], [], []
    count = 0
    for context in rendered.iter("context"):
        name = context.get("name", "")
        there = said.contexts.get(name)
        if there is None:
            missing.append(f"there is no context {name}")
            continue
        ours, theirs = _extensions(context), _extensions(there)
        count += len(ours)
        missing += [f"{one} is not in context {name}" for one in ours.keys() - theirs.keys()]
        for one in ours.keys() & theirs.keys():
            if difference := _difference(ours[one], theirs[one]):
                other.append(f"{one}: {difference}")
        if [one for one in ours if one in theirs] != [one for one in theirs if one in ours]:
            other.append(f"the extensions in context {name} stand in another order")
        taken += _taken(there, name, _numbers(configuration, name), ours)
        other += _left_over(rendered, name, theirs)
    if not count and not missing:
        return unchecked("no route is rendered")
    return _judged(count, sorted(missing), sorted(other), taken)


def _judged(count: int, missing: list[str], other: list[str], taken: list[str]) -> Finding:
    if missing or taken:
        found, more = listed(
            [*missing, *taken, *other], "{} things keep numbers from the engine, or differ"
        )
        return wrong(found, "each extension of `ivr dialplan render`, before others", _RENDER, more)
    if other:
        found, more = listed(other, "{} extensions are of another version")
        return warning(found, "what `ivr dialplan render` makes now", _RENDER, more)
    return ok(f"{count} extensions are in force as rendered from this configuration")


def _extensions(context: ET.Element) -> Mapping[str, tuple[_Step, ...]]:
    """By name, as a flat list of what they test and do; the first of a name counts."""
    found: dict[str, tuple[_Step, ...]] = {}
    for extension in context.iter("extension"):
        found.setdefault(extension.get("name", ""), tuple(_steps(extension)))
    return found


def _steps(extension: ET.Element) -> Iterator[_Step]:
    if extension.get("continue") == "true":
        yield _Step("continue", "true")
    for condition in extension.iter("condition"):
        more = sorted(set(condition.attrib.items()) - {("break", "on-false")})
        marks = "".join(f" {k}={v}" for k, v in more if k not in ("field", "expression"))
        yield _Step(
            f"condition {condition.get('field', '')}{marks}", condition.get("expression", "")
        )
        for action in condition:
            if action.tag != "condition":
                application = action.get("application", "")
                yield _Step(f"{action.tag} {application}", action.get("data", ""))


def _difference(ours: tuple[_Step, ...], theirs: tuple[_Step, ...]) -> str:
    """The first one, in one line; empty where there is none."""
    for mine, other in zip(ours, theirs, strict=False):
        if not mine.fits(other):
            return f"has `{other}`, expected `{mine}`"
    if len(ours) > len(theirs):
        return f"lacks `{ours[len(theirs)]}`"
    return f"has `{theirs[len(ours)]}` besides" if len(theirs) > len(ours) else ""


def _left_over(
    rendered: ET.Element, context: str, theirs: Mapping[str, tuple[_Step, ...]]
) -> list[str]:
    """Extensions of an earlier version. One of another context is closed by its own condition:
    the same file may be included in both."""
    every = {one.get("name", "") for one in rendered.iter("extension")}
    return [
        f"{one} in context {context} is not rendered any more"
        for one in theirs
        if one.startswith(OURS) and one not in every
    ]


def _numbers(configuration: Configuration, context: str) -> list[str]:
    """Whole numbers that arrive in a context: of its routes, those for help, and the exempt ones,
    which staff may transfer a caller to."""
    staff = context == configuration.site.render.staff_context
    helps = configuration.emergency.numbers if configuration.emergency and staff else ()
    return [
        *helps,
        *(number for one in configuration.exempt for number in one.dialled),
        *(
            number
            for route in configuration.routes
            if route.policy.staff_call == staff
            for number in route.numbers
        ),
    ]


def _taken(
    there: ET.Element, context: str, numbers: list[str], ours: Mapping[str, tuple[_Step, ...]]
) -> list[str]:
    """Numbers that an extension before ours takes. Only the plain kind is looked at: one
    condition, on the number, and nothing after it."""
    faults, left = [], list(numbers)
    for extension in there.iter("extension"):
        name = extension.get("name", "")
        conditions = extension.findall("condition")
        plain = len(conditions) == 1 and conditions[0].get("field") == "destination_number"
        if not plain or extension.get("continue") == "true":
            continue
        expression = conditions[0].get("expression", "")
        here = [number for number in left if _matches(expression, number)]
        left = [number for number in left if number not in here]
        if name not in ours and not name.startswith(OURS):
            faults += [
                f"{number} is taken by the extension {printable(name) or '(without a name)'} in"
                f" context {context}, which comes first"
                for number in here
            ]
    return faults


def _matches(expression: str, number: str) -> bool:
    try:
        return re.search(expression, number) is not None
    except re.error:
        return False  # FreeSWITCH's expressions are PCRE: one that only it knows is left out
