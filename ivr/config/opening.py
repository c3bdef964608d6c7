"""What about a team's hours cannot be meant (R9, R20)."""

from __future__ import annotations

from ivr.config.document import Document, Where
from ivr.config.mistakes import quoted
from ivr.config.times import CLOSED, DAYS, Days, Stretch, days_of, minutes_of, time_text

_ONLY_WITH_HOURS = ("holidays", "closed_on", "out_of_hours")


def check_hours(document: Document) -> None:
    """Note hours that overlap or end before they begin, and what hours are missing for."""
    hours = document.at("hours")
    if hours is None and ("hours",) not in document.spoiled:
        for key in _ONLY_WITH_HOURS:
            if document.at(key) is not None:
                document.say(
                    (key,),
                    f"there is {quoted(key)} and no hours, so the team is always open, expected "
                    f"hours, or no {key}",
                    at_key=True,
                )
    _days(document, hours)
    document.say_twice(("closed_on",), "each day")
    _out_of_hours(document)


def check_default_days(policy: Document) -> None:
    """Note a day off of policy.yaml that is there twice."""
    policy.say_twice(("defaults", "closed_on"), "each day")


def _days(document: Document, hours: object) -> None:
    seen: dict[int, str] = {}
    for key in hours if isinstance(hours, dict) else ():
        if not Days().fits(key):
            continue
        days = days_of(key)
        if not days:
            first, _, last = key.partition("-")
            document.say(
                ("hours", key),
                f"{quoted(key)} runs backwards, expected the week from mon to sun, "
                f"{quoted(f'{first}-sun')} and {quoted('mon' if last == 'mon' else f'mon-{last}')}",
                at_key=True,
            )
        for day in days:
            if day in seen:
                also = "" if key == DAYS[day] else f" of {quoted(key)}"
                document.say(
                    ("hours", key),
                    f"{quoted(DAYS[day])}{also} is in {quoted(seen[day])} already, expected each "
                    "day once (a day may have a list of hours)",
                    at_key=True,
                )
                break
        for day in days:
            seen.setdefault(day, key)
        _stretches(document, key)


def _stretches(document: Document, key: str) -> None:
    value = document.at("hours", key)
    alone = isinstance(value, str)
    count = len(value) if isinstance(value, list) else int(alone)
    before: list[tuple[int, int]] = []
    for n in range(count):
        where: Where = ("hours", key) if alone else ("hours", key, n)
        text = document.text(*where)
        if text is None or not Stretch().fits(text):
            continue
        if text == CLOSED:
            if count > 1:
                document.say(
                    where,
                    f"{quoted(CLOSED)} is beside other hours of {quoted(key)}, expected it "
                    "alone, or hours only",
                )
            continue
        begin, end = minutes_of(text)
        if end <= begin:
            document.say(where, f"{quoted(text)} {_backwards(begin, end)}")
            continue
        for other_begin, other_end in before:
            if begin < other_end and other_begin < end:
                other = f"{time_text(other_begin)}-{time_text(other_end)}"
                document.say(
                    where,
                    f"{quoted(text)} overlaps with {quoted(other)}, expected hours that do not",
                )
        before.append((begin, end))


def _backwards(begin: int, end: int) -> str:
    if end == begin:
        return 'ends when it begins, expected an end that is later ("00:00-24:00" is a whole day)'
    if end == 0:
        return f'ends before it begins, expected "{time_text(begin)}-24:00" for until midnight'
    return (
        f'ends before it begins, expected "{time_text(begin)}-24:00" and, on the day after, '
        f'"00:00-{time_text(end)}"'
    )


def _out_of_hours(document: Document) -> None:
    said = document.at("out_of_hours")
    if not isinstance(said, dict):
        return
    prompt, destination = "prompt" in said, "destination" in said
    if prompt and destination:
        document.say(
            ("out_of_hours", "destination"),
            '"prompt" and "destination" are both here, expected one of them: after the prompt the '
            "call ends",
            at_key=True,
        )
    if "announcement" in said and not destination:
        document.say(
            ("out_of_hours", "announcement"),
            '"announcement" is for calls that are connected, expected a destination beside it, or '
            "prompt instead",
            at_key=True,
        )
