"""What may stand in routes.yaml: numbers, and whose they are (R9, R20)."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field, RootModel

from ivr.config.kinds import Kind, Name, NameOf
from ivr.config.strict import Strict
from ivr.config.telephone import Calling, RouteNumber


class Route(Strict):
    """Numbers, and the team and destination that they belong to."""

    name: Annotated[str, Name()]
    """The route's name, as records show it."""
    direction: Literal["inbound", "outbound", "internal"] = "inbound"
    """inbound: callers dial these numbers. outbound: staff do, and a customer is called. internal:
    staff do, and a colleague is called; without such a route, calls among staff are FreeSWITCH's
    own, and not recorded."""
    numbers: Annotated[list[Annotated[str, RouteNumber()]], Field(min_length=1)]
    """The numbers exactly as FreeSWITCH's destination_number holds them, in quotes. A route for
    staff may say how they begin: "9*" is a 9 and 3 to 15 digits more."""
    strip: Annotated[str, Kind(expected="1 to 6 digits in quotes", pattern="[0-9]{1,6}")] | None = (
        None
    )
    """Digits that staff dial before the customer's number; $number is what comes after them."""
    calling: Annotated[list[Annotated[str, Calling()]], Field(min_length=1)] | None = Field(
        default=None, alias="from"
    )
    """For whose calls this route is: extensions of staff, or how they begin ("10*"). Others go by
    a route with the same numbers and without "from"."""
    from_team: bool = False
    """true: for calls of the team's own extensions, too."""
    announce: bool = False
    """true: whom staff call hears the announcement before the two are connected. Callers always
    do."""
    team: Annotated[str, NameOf(kind="team")]
    """The name of a file in teams/."""
    destination: Annotated[str, NameOf(kind="destination")]
    """A name in destinations.yaml."""
    language: Annotated[str, NameOf(kind="language")] | None = None
    """The language of these numbers' prompts, where it is not the team's; nobody is asked for it.
    """


class RoutesFile(RootModel[Annotated[list[Route], Field(min_length=1)]]):
    """dialplan/routes.yaml: which numbers belong to whom."""

    model_config = ConfigDict(strict=True, frozen=True)
