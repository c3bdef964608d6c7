"""What may stand in a script of ``ivr simulate``: calls, people, and what must come of it (R20)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, model_validator

from ivr.config.kinds import Duration, Kind, Known, wrong
from ivr.config.mistakes import one_of
from ivr.config.strict import Strict

_LONGEST = "24h"
Pause = Annotated[str, Duration(least="0ms", most=_LONGEST)]


@dataclass(frozen=True, slots=True)
class Moment(Kind):
    """A date with a time."""

    expected: str = 'a date and a time such as "2026-12-25T10:00"'
    pattern: str | None = "[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2})?([+-].+|Z)?"

    def accept(self, text: str, known: Known) -> str:
        """See :class:`Kind`."""
        Kind.accept(self, text, known)
        try:
            datetime.fromisoformat(text)
        except ValueError:
            raise wrong(f"expected {self.expected}") from None
        return text


@dataclass(frozen=True, slots=True)
class Pressed(Kind):
    """Keys that somebody presses."""

    expected: str = "1 to 64 keys out of 0-9 * #, in quotes"
    pattern: str | None = "[0-9*#]{1,64}"


@dataclass(frozen=True, slots=True)
class Dialled(Kind):
    """What is dialled, or who calls."""

    expected: str = "a number, an extension or a name, in quotes and without spaces"
    pattern: str | None = r"[0-9A-Za-z+*#._-]{1,64}"


class Doing(Strict):
    """One thing that somebody at a telephone does: exactly one of these keys."""

    wait: Pause | None = None
    """Lets so much time pass."""
    during_prompt: Pause | None = None
    """Waits until the next prompt plays that was not waited for before, and so long into it. A
    first one, of the announcement, goes before one of the reminder."""
    after_prompt: Pause | None = None
    """Waits until the next prompt is over that was not waited for before, and so long after it."""
    when_connected: Pause | None = None
    """Waits until the telephone is connected to another one (again), and so long after it."""
    keys: Annotated[str, Pressed()] | None = None
    """Presses these keys, one every quarter of a second."""
    transfer: Annotated[str, Dialled()] | None = None
    """Sends the other side to this number."""
    attended_transfer: Annotated[str, Dialled()] | None = None
    """Holds the other side, calls this number, speaks with who answers, and joins the two."""
    hold: Pause | None = None
    """Puts the other side on hold for so long, and takes it up again."""
    silent: Pause | None = None
    """Says nothing for so long; people speak all the time else."""
    hang_up: bool | None = None
    """true: puts the telephone down."""

    @model_validator(mode="after")
    def one_thing(self) -> Doing:
        """One item says one thing, or their order could not be told."""
        if len(self.model_fields_set) != 1 or self.hang_up is False:
            names = list(type(self).model_fields)
            raise wrong(f"expected exactly one key in it, {one_of(names)} (hang_up: true)")
        return self


class Person(Strict):
    """Who is at a telephone that is called."""

    state: Literal["free", "busy", "never-answers", "not-there"] = "free"
    """free: answers. not-there: no such telephone is registered."""
    answers: Pause = "1s"
    """After so long."""
    does: list[Doing] = Field(default_factory=list)
    """What they do once they have answered; after that they stay until the other side hangs up."""


class Expected(Strict):
    """What must have come of a call. What is not named is not looked at."""

    recorded: bool | None = None
    """Whether a recording is kept of it."""
    recording: Literal["kept", "none", "lost", "destroyed"] | None = None
    """What its record says of the recording."""
    record: bool | None = None
    """Whether it has a record at all: calls that no engine hears of have none."""
    ended: Annotated[str, Kind(expected="a reason as records have it")] | None = None
    """Why the engine ended it, as its record says; "" cannot be written: use ended_by."""
    ended_by: Literal["caller", "agent", "engine", "switch", "unknown"] | None = None
    """Who ended it, as its record says."""
    connected_to: list[Annotated[str, Dialled()]] | None = None
    """Whom the caller was connected to, one after the other; [] is nobody."""
    heard: list[Annotated[str, Dialled()]] | None = None
    """The prompts that were heard, in their order, to their end or not."""
    announcement: Literal["fully", "partly", "no"] | None = None
    """How much of the announcement was heard."""
    opt_out: Literal["no", "returned", "confirmed"] | None = None
    """What the caller did about opting out, at last."""
    paused_by: list[Annotated[str, Dialled()]] | None = None
    """Who paused the recording, pause by pause, as the record says; [] is nobody."""
    language: Annotated[str, Dialled()] | None = None
    """In which the record says that the call was held."""
    route: Annotated[str, Dialled()] | None = None
    """Which route had it, as its record says."""
    recorded_from: Pause | None = None
    """The recording is at least so long."""
    recorded_to: Pause | None = None
    """The recording is at most so long."""


class Call(Strict):
    """A call that somebody makes."""

    name: Annotated[str, Kind(expected="what the call shows")] | None = None
    """What it shows, for people."""
    caller: Annotated[str, Dialled()] = Field(alias="from")
    """Who calls: a number, or an extension of staff."""
    to: Annotated[str, Dialled()]
    """What is dialled."""
    after: Pause = "0s"
    """How long after the beginning the call comes."""
    context: Annotated[str, Dialled()] | None = None
    """Of FreeSWITCH's dialplan; else where staff dial if an extension of staff calls, and where
    callers' calls arrive if not."""
    does: list[Doing] = Field(default_factory=list)
    """What the caller does; after that they stay until the call ends."""
    expect: Expected = Expected()
    """What must have come of it."""


class InAll(Strict):
    """What must have come of all calls together."""

    records: Annotated[int, Field(ge=0)] | None = None
    """How many records of calls there are."""
    exempt: Annotated[int, Field(ge=0)] | None = None
    """How many records say no more than that an exempt call took place."""


class SimulationFile(Strict):
    """A script of `ivr simulate`: who calls, who is called, and what must come of it."""

    at: Annotated[str, Moment()]
    """When it begins; by the site's clock where no zone is named."""
    engine: Literal["running", "away"] = "running"
    """away: no engine answers FreeSWITCH."""
    longest: Annotated[str, Duration(least="1s", most=_LONGEST)] = "1h"
    """When whoever still talks is made to hang up."""
    people: dict[Annotated[str, Dialled()], Person] = Field(default_factory=dict)
    """Who is at the telephones that are called, by extension or number. Other telephones of the
    house are not there; other numbers outside answer at once, and stay."""
    rooms: list[Annotated[str, Dialled()]] = Field(default_factory=list)
    """Numbers of conference rooms, which are FreeSWITCH's own: everybody who dials one, or is sent
    there, hears the others, and nobody is recorded."""
    calls: Annotated[list[Call], Field(min_length=1, max_length=100)]
    """The calls."""
    expect: InAll = InAll()
    """What must have come of all of them together."""
