"""``schedule.yaml``: from what was written to the rules that the planner goes by (R12, R13)."""

from __future__ import annotations

from pathlib import Path
from types import MappingProxyType

from ivr.config.document import Document
from ivr.config.explain import validated
from ivr.config.kinds import Known
from ivr.config.mistakes import quoted
from ivr.config.reading import read
from ivr.config.schema.schedule import KIND, ScheduleFile
from ivr.core.schedule import Period, Rule, Schedule
from ivr.errors import ConfigError

_Key = tuple[str, str, str]
"""The case, the team and the policy version that a rule names; empty where it names none."""


def load_schedule(path: Path) -> Schedule:
    """The schedule in a file. :class:`ivr.config.load.ConfigurationError` for its mistakes."""
    from ivr.config.load import ConfigurationError

    document = read(path)
    schedule = read_schedule(document)
    if document.mistakes:
        raise ConfigurationError(document.mistakes)
    if schedule is None:
        raise ConfigError(f"{path} has a mistake that was not named; please report it")
    return schedule


def read_schedule(document: Document) -> Schedule | None:
    """The schedule; ``None`` with the mistakes noted in the document.

    Raises nothing; also where the result is not ``None`` mistakes may have been noted.
    """
    file = validated(document, ScheduleFile, Known({KIND: kinds_of(document)}))
    if document.broken:
        return None
    _names_twice(document)
    _rules_twice(document)
    if file is None:
        return None
    rules = tuple(
        Rule(one.name, Period.of(one.keep), one.case or "", one.team or "", one.policy or "")
        for one in file.rules
    )
    return Schedule(file.version, rules, MappingProxyType(dict(file.marks or {})))


def kinds_of(document: Document) -> set[str] | None:
    """The kinds of cases that the rules name, also where something else is wrong with them;
    ``None`` where nobody can tell."""
    if not isinstance(document.at("rules"), list):
        return None
    cases = (document.text("rules", n, "case") for n in range(_length(document)))
    return {case for case in cases if case}


def _length(document: Document) -> int:
    rules = document.at("rules")
    return len(rules) if isinstance(rules, list) else 0


def _names_twice(document: Document) -> None:
    """A plan that says which rule decided must mean one of them."""
    lines: dict[str, int] = {}
    for n in range(_length(document)):
        name = document.text("rules", n, "name")
        if name is None:
            continue
        if name in lines:
            document.say(
                ("rules", n, "name"),
                f"rule {quoted(name)} is here twice, expected another name (line {lines[name]} "
                "has it already)",
            )
        lines.setdefault(name, document.place(("rules", n, "name")).line)


def _key(document: Document, n: int) -> _Key | None:
    """What a rule is for; ``None`` where nobody can tell: a key of it has a typing mistake."""
    rule = document.at("rules", n)
    if not isinstance(rule, dict) or not rule.keys() <= Rule.__dataclass_fields__.keys():
        return None
    found = [rule.get(key, "") for key in ("case", "team", "policy")]
    if not all(isinstance(one, str) for one in found):
        return None
    return str(found[0]), str(found[1]), str(found[2])


def _rules_twice(document: Document) -> None:
    """Two rules for the same, and kinds that have no rule for every team and policy version."""
    if not _length(document):
        return
    first: dict[_Key, int] = {}
    unclear = False
    for n in range(_length(document)):
        key = _key(document, n)
        if key is None:
            unclear = True
            continue
        if key in first:
            line = document.place(("rules", first[key])).line
            document.say(
                ("rules", n),
                f"there are two rules for {_meant(key)}, expected one (line {line} is the other)",
            )
        first.setdefault(key, n)
    if unclear:
        return
    if ("", "", "") not in first:
        document.say(
            ("rules",),
            "no rule is for every recording, expected one without case, team and policy, such as "
            '{name: recordings, keep: "6 months"}',
            at_key=True,
        )
    for case in dict.fromkeys(key[0] for key in first if key[0]):
        if (case, "", "") not in first:
            n = next(n for key, n in first.items() if key[0] == case)
            document.say(
                ("rules", n, "case"),
                f"kind of case {quoted(case)} has no rule for every team and policy version, "
                "expected one without team and policy, or recordings of other teams would be kept "
                "for ever",
            )


def _meant(key: _Key) -> str:
    case, team, policy = key
    base = f"case {quoted(case)}" if case else "recordings" if team or policy else "every recording"
    of_team = f" of team {quoted(team)}" if team else ""
    return base + of_team + (f" under policy {quoted(policy)}" if policy else "")
