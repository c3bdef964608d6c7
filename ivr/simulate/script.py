"""From the YAML of a simulation to calls and people of the lab switch (R20)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from ivr.config.addresses import dials_number, legs
from ivr.config.document import Document
from ivr.config.explain import validated
from ivr.config.kinds import Known, milliseconds
from ivr.config.lines import number_of
from ivr.config.load import ConfigurationError
from ivr.config.reading import read
from ivr.config.schema.simulation import Call, Doing, Person, SimulationFile
from ivr.config.settings import Configuration
from ivr.errors import ConfigError
from ivr.lab.moment import Moment
from ivr.lab.script import (
    AfterPrompt,
    AttendedTransfer,
    BlindTransfer,
    CallScript,
    Destination,
    DuringPrompt,
    HangUp,
    Hold,
    Keys,
    Speak,
    Step,
    Tell,
    Unhold,
    Wait,
    WhenConnected,
)

Told = Callable[[str, str], None]
"""Is told who does what, when they do it."""

_CALLERS_HZ, _CALLERS_APART = 440, 40
_PEOPLE_HZ, _PEOPLE_APART = 1540, 60
"""Below and above the tones of keys; far enough from each other to be told apart."""
_STATES = {"busy": "USER_BUSY", "not-there": "SUBSCRIBER_ABSENT"}


@dataclass(frozen=True, slots=True)
class Script:
    """A simulation that was read, with the places of what it says."""

    document: Document
    file: SimulationFile
    began: datetime
    """Without a zone where none was written."""

    @property
    def calls(self) -> list[Call]:
        """In the order of the file."""
        return self.file.calls

    def pitches(self) -> dict[str, int]:
        """In hertz, of everybody who is named: in a recording each is heard as a tone of theirs."""
        callers = dict.fromkeys(call.caller for call in self.calls)
        found = {
            who: _CALLERS_HZ + n * _CALLERS_APART for n, who in enumerate(callers) if n < _MOST
        }
        people = [who for who in self.file.people if who not in found]
        found.update((who, _PEOPLE_HZ + n * _PEOPLE_APART) for n, who in enumerate(people))
        return found

    def placed(self, call: Call, configuration: Configuration, told: Told) -> CallScript:
        """A call as the lab switch places it."""
        context = call.context or context_of(configuration, call.caller)
        staff = context == configuration.site.render.staff_context
        return CallScript(
            steps=tuple(_steps(call.caller, call.does, told)),
            name=call.name or f"{call.caller} calls {call.to}",
            number=call.caller,
            caller=call.caller,
            dialled=call.to,
            hz=self.pitches().get(call.caller, _CALLERS_HZ),
            context=context,
            account=call.caller if staff else "",
        )

    def people(self, configuration: Configuration, told: Told) -> dict[str, Destination]:
        """Who is at each telephone that the script names, or that the configuration can call."""
        found = dict.fromkeys(_telephones(configuration), Destination(refusal="SUBSCRIBER_ABSENT"))
        pitches = self.pitches()
        for who, person in self.file.people.items():
            found[who] = _destination(who, person, pitches[who], told)
        return found


def _telephones(configuration: Configuration) -> Iterator[str]:
    """The numbers of all telephones of the house."""
    for extensions in configuration.extensions.values():
        yield from extensions
    dialled = [one.dial for one in configuration.exempt]
    for route in configuration.routes:
        for policy in filter(None, (route.policy, route.out_of_hours)):
            dialled += [one.dial_string for one in policy.destinations]
    for queue in configuration.queues:
        dialled += queue.members
    for text in dialled:
        if not dials_number(text):
            yield from filter(None, (number_of(leg) for leg in legs(text)))


_MOST = 6
"""So many callers have a pitch of their own."""


def read_script(path: Path) -> Script:
    """The script, checked.

    Raises:
        ConfigurationError: it has mistakes; one line each, with file, line and column.
    """
    document = read(path)
    found = validated(document, SimulationFile, Known())
    if document.mistakes:
        raise ConfigurationError(document.mistakes)
    if found is None:
        raise ConfigError(f"{path} has a mistake that was not named; please report it")
    return Script(document, found, datetime.fromisoformat(found.at))


def context_of(configuration: Configuration, caller: str) -> str:
    """Where a caller's call comes in, where nobody says."""
    settings = configuration.site.render
    staff = {one for team in configuration.extensions.values() for one in team}
    staff |= {one.extension for one in configuration.exempt}
    inside = caller in staff or (caller.isdigit() and len(caller) <= _LONGEST_EXTENSION)
    return settings.staff_context if inside else settings.context


_LONGEST_EXTENSION = 6


def _destination(who: str, person: Person, hz: int, told: Told) -> Destination:
    after = milliseconds(person.answers)
    if person.state == "never-answers":
        return Destination(answer_ms=None, hz=hz)
    return Destination(
        answer_ms=after,
        refusal=_STATES.get(person.state),
        hz=hz,
        steps=tuple(_steps(who, person.does, told)),
    )


def _steps(who: str, does: list[Doing], told: Told) -> Iterator[Step]:
    for doing in does:
        yield from _step(who, doing, told)


def _step(who: str, doing: Doing, told: Told) -> Iterator[Step]:
    (name,) = doing.model_fields_set
    value = getattr(doing, name)
    match name:
        case "wait":
            yield Wait(milliseconds(value))
        case "during_prompt":
            yield DuringPrompt(milliseconds(value))
        case "after_prompt":
            yield AfterPrompt(milliseconds(value))
        case "when_connected":
            yield WhenConnected(milliseconds(value))
        case "keys":
            yield _tell(who, f"presses {value}", told)
            yield Keys(value)
        case "transfer":
            yield _tell(who, f"transfers the other side to {value}", told)
            yield BlindTransfer(value)
        case "attended_transfer":
            yield _tell(who, f"holds, calls {value}, and joins the two", told)
            yield AttendedTransfer(value)
        case "hold":
            yield _tell(who, "puts the other side on hold", told)
            yield Hold()
            yield Wait(milliseconds(value))
            yield _tell(who, "takes the other side up again", told)
            yield Unhold()
        case "silent":
            yield Speak(False)
            yield Wait(milliseconds(value))
            yield Speak(True)
        case _:
            yield _tell(who, "hangs up", told)
            yield HangUp()


class _Telling(Moment):
    """Says who does what, each time that somebody comes to it."""

    __slots__ = ("_told", "_who")

    def __init__(self, who: str, text: str, told: Told) -> None:
        super().__init__(text)
        self._who, self._told = who, told

    def now(self) -> None:
        """See :class:`Moment`."""
        self._told(self._who, self.name)
        super().now()


def _tell(who: str, text: str, told: Told) -> Tell:
    return Tell(_Telling(who, text, told))
