"""What may stand in destinations.yaml: telephones, groups of them, and queues (R9, R20)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, RootModel

from ivr.config.addresses import DialString
from ivr.config.groups import Member, Music
from ivr.config.kinds import Duration, Name, NameOf
from ivr.config.strict import Strict
from ivr.config.telephone import Number

Members = Annotated[list[Annotated[str, Member()]], Field(min_length=1, max_length=50)]
Strategy = Literal["at-once", "in-order", "round"]


class Queue(Strict):
    """Callers wait, and hear music, until one of the members is free."""

    members: Members
    """Who takes the calls: extensions, or one telephone each as a dial string."""
    strategy: Strategy = "at-once"
    """at-once: all free members ring. in-order: the first of the list that is free. round: whoever
    comes after the one that rang last."""
    music: Annotated[str, Music()] = "local_stream://moh"
    """What callers hear while they wait."""
    announcement: Annotated[str, NameOf(kind="prompt")] | None = None
    """A prompt that is spoken again and again while they wait."""
    position: bool = False
    """true: callers are told their place in the queue, between the announcements, with the prompts
    place-1, place-2 and so on, and place-more."""
    language: Annotated[str, NameOf(kind="language")] | None = None
    """The language of these prompts, where it is not that of policy.yaml: one queue speaks one."""
    every: Annotated[str, Duration(least="5s", most="10m", step="1s")] = "30s"
    """How long it is from one announcement to the next."""
    longest: Annotated[str, Duration(least="10s", most="4h", step="1s")] = "10m"
    """How long a caller waits at most; then the call goes on to the overflow, or it is no answer.
    """


class Destination(Strict):
    """Where calls are connected to: dial, or ring with members, or a queue."""

    model_config = ConfigDict(
        json_schema_extra={
            "oneOf": [
                {"required": ["dial"]},
                {"required": ["ring", "members"]},
                {"required": ["queue"]},
            ]
        }
    )

    dial: Annotated[str, DialString()] | None = None
    """What FreeSWITCH's bridge is given; $number is the number that staff dialled."""
    ring: Strategy | None = None
    """Instead of dial, a ring group. at-once: its members ring together. in-order: one after the
    other. round: one after the other, each call beginning with the next."""
    members: Members | None = None
    """The ring group's: extensions, or one telephone each as a dial string."""
    queue: Queue | None = None
    """Instead of dial, callers wait in FreeSWITCH's own queue."""
    payment_line: bool = False
    """true: card details are keyed there. Whoever is connected to it is paused by that."""
    numbers: Annotated[list[Annotated[str, Number()]], Field(min_length=1)] | None = None
    """A payment line's numbers as FreeSWITCH reports them, where `dial` does not tell them."""


class DestinationsFile(RootModel[dict[Annotated[str, Name()], Destination]]):
    """dialplan/destinations.yaml: where calls are connected to, by name."""

    model_config = ConfigDict(strict=True, frozen=True)
