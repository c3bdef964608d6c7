"""What may stand in routes.yaml and destinations.yaml: numbers, and where they lead (R9, R20)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, RootModel

from ivr.config.addresses import DialString
from ivr.config.kinds import Kind, Name, NameOf
from ivr.config.strict import Strict
from ivr.config.telephone import Number, RouteNumber


class Destination(Strict):
    """Where calls are connected to."""

    dial: Annotated[str, DialString()]
    """What FreeSWITCH's bridge is given; $number is the number that staff dialled."""
    payment_line: bool = False
    """true: card details are keyed there. Whoever is connected to it is paused by that."""
    numbers: Annotated[list[Annotated[str, Number()]], Field(min_length=1)] | None = None
    """A payment line's numbers as FreeSWITCH reports them, where `dial` does not tell them."""


class DestinationsFile(RootModel[dict[Annotated[str, Name()], Destination]]):
    """dialplan/destinations.yaml: where calls are connected to, by name."""

    model_config = ConfigDict(strict=True, frozen=True)


class Route(Strict):
    """Numbers, and the team and destination that they belong to."""

    name: Annotated[str, Name()]
    """The route's name, as records show it."""
    direction: Literal["inbound", "outbound"] = "inbound"
    """inbound: callers dial these numbers. outbound: staff do, and the customer is called."""
    numbers: Annotated[list[Annotated[str, RouteNumber()]], Field(min_length=1)]
    """The numbers exactly as FreeSWITCH's destination_number holds them, in quotes. An outbound
    route may say how they begin: "9*" is a 9 and 3 to 15 digits more."""
    strip: Annotated[str, Kind(expected="1 to 6 digits in quotes", pattern="[0-9]{1,6}")] | None = (
        None
    )
    """Digits that staff dial before the customer's number; $number is what comes after them."""
    team: Annotated[str, NameOf(kind="team")]
    """The name of a file in teams/."""
    destination: Annotated[str, NameOf(kind="destination")]
    """A name in destinations.yaml."""


class RoutesFile(RootModel[Annotated[list[Route], Field(min_length=1)]]):
    """dialplan/routes.yaml: which numbers belong to whom."""

    model_config = ConfigDict(strict=True, frozen=True)
