"""Checks of what teams count on: queues, trunks, telephones, music, holidays, confidence (R8, R9).

Each could be configured rightly here, and be missing in FreeSWITCH, so that the first to find it
out is a caller.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, date, datetime
from xml.etree import ElementTree as ET

from ivr.config.addresses import legs
from ivr.config.hours import UnknownYear, bank_holidays
from ivr.config.mistakes import printable
from ivr.config.render.queues import render_queues
from ivr.config.settings import Configuration
from ivr.doctor import of_configuration as of
from ivr.doctor.finding import Finding, listed, ok, warning, wrong
from ivr.doctor.patient import Patient
from ivr.doctor.switch import Said

_QUEUES_DO = (
    "ivr dialplan render --queues --output callcenter.conf.xml, then fs_cli -x 'reload"
    " mod_callcenter' when nobody waits (docs/runbook/queue-empty.md)"
)
_RECORDS = frozenset({"record", "record_session", "record_fsv", "sched_record"})
_AVAILABLE = ("Available", "Available (On Demand)")


def queues(patient: Patient) -> Finding:
    """FreeSWITCH has the queues as they are rendered, each with members who may be called."""
    configuration, said = _both(patient)
    if not configuration.queues:
        return ok("no destination is a queue")
    there = _table(said.told.get(of.QUEUES, ""))
    if there is None:
        return wrong(
            "mod_callcenter does not answer: whoever is put into a queue hears that nobody can be"
            " reached",
            "the module, with the queues of destinations.yaml",
            f"load it in modules.conf.xml; {_QUEUES_DO}",
        )
    rendered = ET.fromstring(render_queues(configuration))  # noqa: S314  # made here
    agents, tiers = (_table(said.told.get(what, "")) or {} for what in (of.AGENTS, of.TIERS))
    missing: list[str] = []
    other: list[str] = []
    for queue in rendered.iter("queue"):
        name = queue.get("name", "")
        if name not in there:
            missing.append(f"FreeSWITCH has no queue {name}")
            continue
        other += _otherwise(queue, there[name][0])
        members = [
            tier.get("agent", "") for tier in rendered.iter("tier") if tier.get("queue") == name
        ]
        theirs = [row.get("agent", "") for row in tiers.get(name, ())]
        other += [f"{one} is no member of queue {name}" for one in members if one not in theirs]
        other += [f"{one} is a member of queue {name}" for one in theirs if one not in members]
        status = [row.get("status", "") for one in theirs for row in agents.get(one, ())]
        if not set(status) & set(_AVAILABLE):
            found = ", ".join(sorted(set(status))) or "there is none"
            missing.append(f"no member of queue {name} may be called ({found})")
    if missing:
        text, more = listed([*missing, *other], "{} things are wrong with queues")
        return wrong(text, "each queue, with a member who is Available", _QUEUES_DO, more)
    if other:
        text, more = listed(other, "{} things differ in queues")
        return warning(text, "what `ivr dialplan render --queues` makes now", _QUEUES_DO, more)
    return ok(f"{len(configuration.queues)} are there, with members who may be called")


def _otherwise(queue: ET.Element, there: Mapping[str, str]) -> Iterator[str]:
    """In what a queue of FreeSWITCH's differs from the rendered one, as far as it tells."""
    for param in queue.iter("param"):
        name, expected = param.get("name", ""), param.get("value", "")
        found = there.get(name.replace("-", "_"), expected)
        if found != expected:
            yield printable(f"queue {queue.get('name')} has {name} {found}, expected {expected}")


def gateways(patient: Patient) -> Finding:
    """The trunks that destinations and calls for help go by are there and up."""
    configuration, said = _both(patient)
    names, down, doubtful = set[str](), [], []
    for what, dials in of.dialled(configuration).items():
        for name in of.gateways(dials):
            names.add(name)
            told = said.told.get(of.about_gateway(name), "")
            status, state = (_tag(told, tag) for tag in ("status", "state"))
            if not status:
                down.append(f"{what}: there is no gateway {name}")
            elif status != "UP":
                down.append(f"{what}: gateway {name} is {status} ({state})")
            elif state not in ("REGED", "NOREG", ""):
                doubtful.append(f"{what}: gateway {name} is up and {state}")
    if not names:
        return ok("nothing is called by a gateway")
    do = (
        "fs_cli -x 'sofia status gateway'; mend the profile, or the line; sofia profile NAME rescan"
    )
    found, more = listed([*down, *doubtful], "{} uses of gateways suffer")
    if down:
        return wrong(found, "every gateway up: such calls reach nobody", do, more)
    if doubtful:
        return warning(found, "that it is registered", do, more)
    return ok(f"{', '.join(sorted(names))}: up")


def telephones(patient: Patient) -> Finding:
    """Wherever a call may go, somebody's telephone is registered."""
    configuration, said = _both(patient)
    silent, count = [], 0
    for what, dials in of.dialled(configuration).items():
        users = of.users(dials)
        # A part that is no telephone of the directory may answer; that cannot be known here.
        if not users or len(users) < sum(len(legs(dial)) for dial in dials):
            continue
        count += 1
        told = [said.told.get(of.about_user(user), "") for user in users]
        if all(one.startswith(("error/", "-ERR")) or not one for one in told):
            silent.append(f"{what}: of {', '.join(users)} none is registered")
    if not count:
        return ok("no destination is made of FreeSWITCH's own telephones alone")
    if silent:
        found, more = listed(silent, "{} destinations have no telephone")
        return warning(
            found,
            "one at least, or calls there are told that nobody can be reached",
            "is it switched on? fs_cli -x 'sofia status profile NAME reg' lists those that are",
            more,
        )
    return ok(f"{count} destinations have a telephone that is registered")


def music(patient: Patient) -> Finding:
    """What people who wait are played is there; without it they hear silence."""
    configuration, said = _both(patient)
    wanted = of.streams(configuration)
    if not wanted:
        return ok("nobody waits for music of FreeSWITCH's streams")
    told = said.told.get(of.STREAMS, "")
    there = {row.partition(",")[0] for row in told.splitlines() if "," in row}
    bare = {name.partition("/")[0] for name in there}  # moh/8000 is moh at one rate
    missing = [name for name in wanted if name not in there | bare]
    if missing:
        return warning(
            f"there is no music {', '.join(f'{of.STREAM}{one}' for one in missing)}",
            f"one of {', '.join(sorted(there))}" if there else "mod_local_stream, with a stream",
            "name it in local_stream.conf.xml, or another in music; who waits hears silence now",
        )
    return ok(f"{', '.join(wanted)} can be played")


def confidence(patient: Patient) -> Finding:
    """Nothing in FreeSWITCH's dialplan comes before the exempt extension, or records (R8)."""
    configuration, said = _both(patient)
    if not configuration.exempt:
        return ok("the policy has no exempt extension")
    numbers = [number for one in configuration.exempt for number in one.dialled]
    faults = []
    for name, context in said.contexts.items():
        found = list(_before_exempt(context, numbers))
        faults += [f"{one} in context {name}" for one in found]
    if not faults:
        return ok(f"{', '.join(one.extension for one in configuration.exempt)} stands first")
    text, more = listed(faults, "{} extensions may take or record calls with it")
    return wrong(
        text,
        "the rendered extensions before FreeSWITCH's own, and no recording but the engine's",
        "put the rendered file first in the context (deploy/README.md step 4), and take the"
        " recording out; reloadxml",
        more,
    )


def _before_exempt(context: ET.Element, numbers: list[str]) -> Iterator[str]:
    """Extensions that record, or that stand before the exempt one's and could take its calls."""
    before = True
    for extension in context.iter("extension"):
        name = extension.get("name", "")
        if name.startswith("ivr-"):
            before = before and not name.startswith("ivr-exempt-to")
            continue
        shown = printable(name) or "(without a name)"
        if found := {one.get("application", "") for one in extension.iter("action")} & _RECORDS:
            yield f"extension {shown} records ({', '.join(sorted(found))})"
        elif before and extension.get("continue") != "true" and _could_take(extension, numbers):
            yield f"extension {shown} comes before the exempt extension, and could take its calls"


def _could_take(extension: ET.Element, numbers: list[str]) -> bool:
    """Whether none of its conditions on the number keeps out all of them."""
    asked = [
        one.get("expression", "")
        for one in extension.iter("condition")
        if one.get("field") == "destination_number"
    ]
    return any(all(_matches(expression, number) for expression in asked) for number in numbers)


def _matches(expression: str, number: str) -> bool:
    try:
        return re.search(expression, number) is not None
    except re.error:
        return False  # PCRE's own


def holidays(patient: Patient) -> Finding:
    """The bank holidays of this year and the next are known."""
    configuration = patient.configuration
    assert configuration is not None  # the check needs it
    regions = {
        route.hours.holidays
        for route in configuration.routes
        if route.hours is not None and route.hours.holidays != "none"
    }
    if not regions:
        return ok("no team closes on bank holidays")
    today = datetime.fromtimestamp(patient.wall_ms / 1000, UTC).date()
    years = (today.year, today.year + 1)
    try:
        known = {region: [bank_holidays(region, year) for year in years] for region in regions}
    except (UnknownYear, ImportError) as fault:
        return wrong(
            str(fault),
            f"those of {years[0]} and {years[1]}",
            "upgrade the engine, whose release names the library; until then put the days into"
            " closed_on",
        )
    shown = [f"{region}: {_next(of_years, today)}" for region, of_years in sorted(known.items())]
    return ok(f"known to the end of {years[1]}; the next of {'; of '.join(shown)}")


def _next(years: list[Mapping[date, str]], today: date) -> str:
    day, name = min((day, name) for one in years for day, name in one.items() if day >= today)
    return f"{name}, {day.isoformat()}"


def _both(patient: Patient) -> tuple[Configuration, Said]:
    assert patient.configuration is not None  # the check needs both
    assert patient.said is not None
    return patient.configuration, patient.said


def _tag(xml: str, name: str) -> str:
    found = re.search(rf"<{name}>([^<]*)</{name}>", xml)
    return found[1].split()[0] if found and found[1].strip() else ""


def _table(text: str) -> dict[str, list[dict[str, str]]] | None:
    """Rows by their first column; None where FreeSWITCH has no such table.

    A contact may hold any character but is in the middle: columns before it are counted from the
    left, those after it from the right.
    """
    head, *rows = text.splitlines() or [""]
    columns = head.split("|")
    if columns[0] not in ("name", "queue"):
        return None
    middle = columns.index("contact") if "contact" in columns else len(columns)
    found: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        words = row.split("|")
        if len(words) < len(columns):
            continue  # +OK
        named = dict(zip(columns[:middle], words, strict=False))
        after = columns[middle + 1 :]
        named.update(zip(after, words[-len(after) :] if after else (), strict=True))
        found.setdefault(words[0], []).append(named)
    return found
