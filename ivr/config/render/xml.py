"""The pieces that the rendered dialplan is made of: conditions, actions and variables (R20)."""

from __future__ import annotations

from xml.etree import ElementTree as ET

ROUTE_VARIABLE = "ivr_route"
"""Names the route on the channel; the other extensions of a route are closed to calls without
it, so that a caller who dials their names gets nowhere (R23). In calls that staff make it is on
the leg that is called, too: that is the one which is recorded."""
CALLED_VARIABLE = "ivr_called"
"""What was dialled. FreeSWITCH's own ``destination_number`` is that only until a transfer, and a
call that is offered again was transferred."""
NEXT_VARIABLE = "ivr_next"
"""The extension that a call goes to where no engine has it, or has it any more."""
AGAIN_PREFIX = "ivr-again-"
"""How the extensions begin in which calls are offered again."""
HAD_VARIABLE = "ivr_had"
"""What ``ivr_next`` was when the call came to the route: where that begins with
:data:`AGAIN_PREFIX`, an engine had it, and people transferred it here."""
UNRECORDED_VARIABLE = "ivr_unrecorded"
"""``true`` on a call that FreeSWITCH connected without an engine: nobody began a recording."""
NUMBER_VARIABLE = "ivr_number"
"""What staff dialled, without what a route strips: on calls that staff make."""
OFFERS_VARIABLE = "ivr_offers"
"""An ``x`` for each time that the call was offered again. FreeSWITCH's dialplan cannot count."""
EXEMPT_VARIABLE = "ivr_exempt"
"""``true`` on both legs of a call with the exempt extension, and on whoever came from it until a
route has that call again (R8)."""
CONFIDENT_VARIABLE = "ivr_exempt_leg"
"""``true`` on the leg of the exempt extension's own telephone, for as long as it is there (R8)."""
BACK_VARIABLE = "ivr_back"
"""``true`` on a call that came back from the exempt extension: what was recorded before has a
record of its own, and the call is a new one to the engine (R8)."""
FOR_VARIABLE = "ivr_for"
"""On a called leg that is told that the call is recorded: the leg of the one who calls (R10)."""

DIGITS = ("digits_dialed_filter", "^(.+)$")
"""Keys become X in CDRs and in the events of a hangup; exported, on all legs (docs/freeswitch.md
14b)."""
RESUME = ("socket_resume", "true")
"""Or a socket that is lost before ``connect`` leaves the call in silence (docs/freeswitch.md 10b);
the engine that takes the call unsets it."""


def only(extension: ET.Element, field: str, expression: str) -> ET.Element:
    """A condition whose field matches as a whole."""
    return ET.SubElement(extension, "condition", field=field, expression=f"^{expression}$")


def set_to(condition: ET.Element, name: str, value: str, *, export: bool = False) -> None:
    """Set a variable; where it is exported, also on every leg that is called."""
    action(condition, "export" if export else "set", f"{name}={value}")


def action(condition: ET.Element, application: str, data: str | None = None) -> None:
    """An application that is executed."""
    found = ET.SubElement(condition, "action", application=application)
    if data is not None:
        found.set("data", data)


def any_of(expressions: list[str]) -> str:
    """One expression for what fits one of several."""
    return expressions[0] if len(expressions) == 1 else f"(?:{'|'.join(expressions)})"
