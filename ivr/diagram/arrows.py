"""From edges to what a picture shows: few arrows with words that say when.

Edges that lead the same way become one arrow. What forks alike in several phases is led
through a choice, and what can happen in any phase is drawn once.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from ivr.core.explore import Edge
from ivr.core.state import REPLAYS, Phase


class Extra(StrEnum):
    """Places of the picture that are no phases."""

    INTENT = "intent on disk?"
    """A choice: the caller was told, and goes on towards the destination (R22)."""
    WITHOUT = "without a recording?"
    """A choice: the team's policy decides."""
    OPTING_OUT = "opting out"
    """The frame around the phases in which a key decides (R3)."""
    ANY = "any phase"


Place = Phase | Extra

OPTING_OUT = (Phase.REMINDING, Phase.DECIDING)
"""The phases inside :attr:`Extra.OPTING_OUT`."""

_EXPECTED = frozenset(
    {
        (Phase.CONNECTED, Phase.CLOSING),
        (Phase.ENDING, Phase.CLOSING),
        (Phase.ENDING, Phase.UNLINKED),
        (Phase.ENDING, Phase.DONE),
        (Phase.UNLINKED, Phase.CLOSING),
        (Phase.UNLINKED, Phase.DONE),
        (Phase.CLOSING, Phase.DONE),
    }
)
"""Where a hangup or a lost link is what the phase waits for: drawn there too."""

_AT_ONCE = {Phase.NEW: "at once"}
"""Before a call is known its socket is all that there is of it."""

_INTENT = ("intent on disk", "intent not yet on disk", "disk refused")


@dataclass(frozen=True, slots=True)
class Arrow:
    """One arrow of the picture."""

    source: Place
    target: Place
    words: tuple[str, ...]
    """What leads this way, each in a telephony engineer's words."""


def arrows(edges: Iterable[Edge]) -> tuple[Arrow, ...]:
    """All arrows, in the order of the edges."""
    edges = tuple(edges)
    may_record = {edge.before for edge in edges if edge.given == "recording"}
    ways: dict[tuple[Place, Place], dict[str, None]] = {}
    for edge in edges:
        for source, target, word in _ways(edge, may_record):
            ways.setdefault((source, target), {})[word] = None
    _frame(ways)
    return tuple(
        Arrow(source, target, _merged(tuple(words))) for (source, target), words in ways.items()
    )


def entered_by_doing(edges: Iterable[Edge]) -> dict[Phase, str]:
    """What is done on the way into each phase, whichever way leads there."""
    done: dict[Phase, set[str]] = {}
    for edge in edges:
        if edge.after is edge.before:
            continue
        words = {_general(command) for command in edge.commands} - _BY_THE_WAY
        done[edge.after] = done[edge.after] & words if edge.after in done else words
    return {phase: ", ".join(sorted(words, reverse=True)) for phase, words in done.items()}


def notes(edges: Iterable[Edge]) -> tuple[str, ...]:
    """What holds in many phases and would be many arrows, a sentence each."""
    edges = tuple(edges)
    told = ["limit: the timer that every phase starts when it is entered, its way out."]
    if any(_goes_without(edge) for edge in edges):
        told.append("Without a recording, the team's policy decides whether there is a call.")
    if any(_is_replay(edge) for edge in edges):
        told.append(f"A prompt that is cut short is played again, at most {_times(REPLAYS)}.")
    if any(_is_unwanted(edge) for edge in edges):
        told.append("A recording that starts unasked, or too late, is stopped at once.")
    if any(_is_renewal(edge) for edge in edges):
        told.append(
            "A recording that does not grow goes on in a further part, where there is room."
        )
    confirming = [
        edge.before.value
        for edge in edges
        if edge.event == "HungUp" and "confirm the opt-out" in edge.commands
    ]
    if confirming:
        phases = " or ".join(dict.fromkeys(confirming))
        told.append(f"Hanging up while {phases} confirms the opt-out.")
    return tuple(told)


def _ways(edge: Edge, may_record: set[Phase]) -> list[tuple[Place, Place, str]]:
    """The arrows that one edge is drawn as."""
    if _is_replay(edge) or _is_unwanted(edge) or _is_renewal(edge):
        return []
    word = _word(edge)
    if edge.event == "Exempt" or edge.word == "the exempt extension":
        return [(Extra.ANY, edge.after, _with("the exempt extension", edge.given))]
    if edge.event in ("HungUp", "LinkLost"):
        if (edge.before, edge.after) in _EXPECTED:
            return [(edge.before, edge.after, _with(word, edge.given))]
        if edge.event == "LinkLost":
            return [(Extra.ANY, edge.after, _with(word, _AT_ONCE.get(edge.before, "")))]
        given = edge.given or ("" if edge.before in may_record else "not recording")
        return [(Extra.ANY, edge.after, _with(word, given))]
    without = _goes_without(edge)
    decided: list[tuple[Place, Place, str]] = []
    if without:
        how = "no: refuse" if edge.after is Phase.APOLOGISING else "yes: connect"
        decided = [(Extra.WITHOUT, edge.after, how)]
    target: Place = Extra.WITHOUT if without else edge.after
    if edge.given in _INTENT and edge.before is not Phase.SECURING:
        answer = _ANSWERS[edge.given]
        return [(edge.before, Extra.INTENT, word), (Extra.INTENT, target, answer), *decided]
    if without:
        return [(edge.before, target, _with(word, edge.given)), *decided]
    return [(edge.before, target, _with(word, edge.given))]


def _frame(ways: dict[tuple[Place, Place], dict[str, None]]) -> None:
    """Lead out of the frame what leads the same way out of every phase inside."""
    first, *others = OPTING_OUT
    for source, target in list(ways):
        if source is not first or target in OPTING_OUT:
            continue
        for word in list(ways[source, target]):
            if all(word in ways.get((other, target), {}) for other in others):
                for phase in OPTING_OUT:
                    del ways[phase, target][word]
                ways.setdefault((Extra.OPTING_OUT, target), {})[word] = None
    for way in [way for way, words in ways.items() if not words]:
        del ways[way]


def _is_replay(edge: Edge) -> bool:
    return edge.event == "PromptEnded" and edge.before is edge.after


def _goes_without(edge: Edge) -> bool:
    undecided = edge.after not in (Phase.DONE, Phase.REFUSING)
    return "do without a recording" in edge.commands and undecided


def _is_unwanted(edge: Edge) -> bool:
    return edge.event == "RecordingStarted" and edge.before is edge.after


def _is_renewal(edge: Edge) -> bool:
    return edge.event == "Journalled" and edge.before is edge.after


_BY_THE_WAY = {"stop prompts", "do without a recording", "stop recording", "confirm the opt-out"}


def _general(command: str) -> str:
    """A command without the detail that differs from way to way."""
    return "hang up" if command.startswith("hang up ") else command


_ANSWERS = {
    "intent on disk": "yes",
    "intent not yet on disk": "not yet",
    "disk refused": "disk refused",
}

_WORDS = {
    ("Arrived", ""): "call arrives",
    ("Answered", ""): "answered",
    ("KeyPressed", "opt-out keys"): "*#* keyed",
    ("KeyPressed", "return key"): "1 keyed",
    ("KeyPressed", "begins the opt-out keys"): "next key",
    ("PromptEnded", "heard"): "prompt heard",
    ("PromptEnded", "missing"): "not playable",
    ("Journalled", ""): "on disk",
    ("JournalFailed", ""): "disk refused",
    ("RecordingStarted", ""): "recording started",
    ("RecordingFailed", ""): "start refused",
    ("RecordingStopped", ""): "recording stopped",
    ("Bridged", ""): "bridged",
    ("BridgeEnded", ""): "bridge ended",
    ("TimerFired", ""): "limit",
    ("LinkLost", ""): "link lost",
    ("Stalled", ""): "no room to record",
    ("Vanished", ""): "is no more",
    ("KeyPressed", "a language"): "a language keyed",
    ("Unbridged", ""): "parted",
    ("StillJoined", ""): "nobody else is heard",
    ("CustomerAnswered", ""): "who is called answers",
    ("OtherLeft", ""): "the other has gone",
    ("JoinFailed", ""): "cannot be joined",
}
"""Events in the words of the people who read the picture."""


def _word(edge: Edge) -> str:
    if edge.event == "HungUp":
        return "hung up"
    return _WORDS.get((edge.event, edge.word)) or edge.word or edge.event


_CONDITIONS = {
    "no tries left": "too often",
    "no repeats left": "none left",
    "announcement never heard": "announcement never heard",
    "repeats left": "",
    "no other folder": "",
    "wanted": "",
}


def _with(word: str, given: str) -> str:
    given = _CONDITIONS.get(given, given)
    return f"{word} ({given})" if given else word


_OVER = ("prompt heard", "cut short (too often)", "not playable")
_LAST = ("start refused", "transferred", "link lost", "limit")
"""What is said after all else, in this order: it is not what is hoped for."""


def _merged(words: tuple[str, ...]) -> tuple[str, ...]:
    """The same in fewer words: a prompt is over in whatever way, two events on one condition."""
    if all(word in words for word in _OVER):
        words = ("prompt over", *(word for word in words if word not in _OVER))
    alike: dict[str, list[str]] = {}
    for word in sorted(words, key=lambda word: _LAST.index(word) if word in _LAST else -1):
        event, _, given = word.partition(" (")
        alike.setdefault(given or word, []).append(event)
    return tuple(
        _with(" or ".join(happen), given.removesuffix(")") if given.endswith(")") else "")
        for given, happen in alike.items()
    )


def _times(count: int) -> str:
    return {1: "once", 2: "twice"}.get(count, f"{count} times")
