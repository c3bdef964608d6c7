"""The exempt extension in the rendered dialplan: no call with it reaches an engine (R8).

- ``ivr-exempt-met``: a call that a route had comes to it, transferred or forwarded. Its recording
  is stopped here, whether an engine lives or not, and nothing that a route left is on it any more.
- ``ivr-exempt-to``: a call that is for it from the beginning.
- ``ivr-exempt-from``: a call that its telephone makes. It goes on to what comes after.
- ``ivr-exempt-back``: whoever came from it by a transfer is exempt no longer. Goes on, too: a route
  then offers the call to the engine as a new one.
- ``ivr-unrecorded-<route>``: what a route is for calls of its telephone, or with its telephone
  when that is transferred to the route, or dialled by a number that the route would claim.

The telephone is known by the account whose password FreeSWITCH has proven, and else by the number,
its extension or one from outside, that it calls itself: who pretends to be exempt only loses a
recording. Conferences are not recorded by FreeSWITCH, whoever is in them.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from ivr.config.addresses import dials_number, with_number, with_variables
from ivr.config.exempt import ExemptExtension
from ivr.config.render.routes import only_calls_of
from ivr.config.render.xml import (
    BACK_VARIABLE,
    CALLED_VARIABLE,
    CONFIDENT_VARIABLE,
    DIGITS,
    EXEMPT_VARIABLE,
    FOR_VARIABLE,
    HAD_VARIABLE,
    NEXT_VARIABLE,
    NUMBER_VARIABLE,
    OFFERS_VARIABLE,
    ROUTE_VARIABLE,
    UNRECORDED_VARIABLE,
    action,
    any_of,
    only,
    set_to,
)
from ivr.config.routes import Beginning, Route
from ivr.config.settings import Configuration
from ivr.config.telephone import same_numbers

EXEMPT_HEADER = "Ivr-Exempt"
"""Of the CHANNEL_APPLICATION event by which engines hear of it: see :data:`CALL`, :data:`MET`."""
CALL = "call"
"""A call that is exempt from its beginning."""
MET = "met"
"""A call that a route had came to the exempt extension."""

_KINDS = (("met", ".+", MET), ("to", "", CALL))
"""What an extension to it is called, what ``ivr_route`` is then, and what engines are told."""
_LEFT = (
    # the engine's, and those of a pause, of keys and of a recording
    "execute_on_post_bridge_ivr",
    "sensitive_dtmf",
    "socket_resume",
    "continue_on_fail",
    "ignore_early_media",
    "ivr_engine",
    "ivr_paused",
    ROUTE_VARIABLE,
    CALLED_VARIABLE,
    NEXT_VARIABLE,
    HAD_VARIABLE,
    NUMBER_VARIABLE,
    OFFERS_VARIABLE,
    UNRECORDED_VARIABLE,
    BACK_VARIABLE,
    FOR_VARIABLE,
)
"""What a route or an engine may have left on a leg. Without the route's name, none of its further
extensions takes the call."""
_TELEPHONE = "${direction}:${user_name}|${caller_id_number}"
"""A leg that calls, the account that it proved, and the number that it calls itself."""
_ITS_OWN = f"{EXEMPT_VARIABLE}=true,{CONFIDENT_VARIABLE}=true"


def to_exempt(holder: ET.Element, config: Configuration) -> None:
    """Calls to the exempt extension; nothing stands before them but calls for help."""
    for n, one in enumerate(config.exempt, 1):
        more = f"-{n}" if n > 1 else ""
        dialled = any_of([re.escape(number) for number in one.dialled])
        for kind, had, event in _KINDS:
            extension = ET.SubElement(holder, "extension", name=f"ivr-exempt-{kind}{more}")
            only(extension, f"${{{ROUTE_VARIABLE}}}", had)
            condition = only(extension, "destination_number", dialled)
            _leave_nothing(condition, event)
            action(condition, "bridge", with_variables(one.dial, _ITS_OWN))
            action(condition, "hangup")


def _leave_nothing(condition: ET.Element, event: str) -> None:
    """Nothing of it is recorded, and nothing of ours stays on it but that it is exempt."""
    set_to(condition, EXEMPT_VARIABLE, "true")
    action(condition, "stop_record_session", "all")
    action(condition, "sched_cancel")  # or the dead man takes it away
    action(condition, "event", f"{EXEMPT_HEADER}={event}")
    for variable in _LEFT:
        action(condition, "unset", variable)
    action(condition, "clear_digit_action", "all")
    set_to(condition, *DIGITS, export=True)


def from_exempt(holder: ET.Element, config: Configuration) -> None:
    """Calls of the exempt telephone, which go on; in the context where staff dial."""
    if not config.exempt:
        return
    extension = ET.SubElement(holder, "extension", {"name": "ivr-exempt-from", "continue": "true"})
    only(extension, "context", re.escape(config.site.render.staff_context))
    only(extension, f"${{{CONFIDENT_VARIABLE}}}", "")
    condition = only(extension, _TELEPHONE, _telephone(config.exempt))
    set_to(condition, EXEMPT_VARIABLE, "true")
    set_to(condition, CONFIDENT_VARIABLE, "true")
    action(condition, "event", f"{EXEMPT_HEADER}={CALL}")


def back_from_exempt(holder: ET.Element, config: Configuration) -> None:
    """Whoever the exempt extension sent on, and is not its own telephone."""
    if not config.exempt:
        return
    extension = ET.SubElement(holder, "extension", {"name": "ivr-exempt-back", "continue": "true"})
    condition = only(extension, f"${{{EXEMPT_VARIABLE}}}${{{CONFIDENT_VARIABLE}}}", "true")
    action(condition, "unset", EXEMPT_VARIABLE)
    set_to(condition, BACK_VARIABLE, "true")
    # By a history of transfers the engine knows that an agent sent the call elsewhere.
    action(condition, "unset", "transfer_history")


def _telephone(exempt: tuple[ExemptExtension, ...]) -> str:
    its = any_of([same_numbers(number) for one in exempt for number in one.known_by])
    return rf"inbound:(?:{its}\|.*|.*\|{its})"


def unrecorded(
    holder: ET.Element, config: Configuration, route: Route, name: str, expression: str
) -> None:
    """The route for calls of the exempt telephone; before the route itself.

    None of them is for calls *of* it alone, and yet it comes to a route for some callers: as the
    one whom such a caller called, and sends on.
    """
    if not config.exempt:
        return
    staff_context = re.escape(config.site.render.staff_context)
    extension = ET.SubElement(holder, "extension", name=name)
    if route.policy.staff_call:
        only(extension, "context", staff_context)
    if route.calling:
        only_calls_of(extension, route.calling)
    # Callers may show any number: what a telephone calls itself counts where staff dial.
    its = rf"(?:true/.*|/{staff_context}/{_telephone(config.exempt)})"
    only(extension, f"${{{CONFIDENT_VARIABLE}}}/${{context}}/{_TELEPHONE}", its)
    condition = ET.SubElement(
        extension, "condition", field="destination_number", expression=expression
    )
    set_to(condition, EXEMPT_VARIABLE, "true")
    set_to(condition, *DIGITS, export=True)
    _straight_on(condition, route, f"{EXEMPT_VARIABLE}=true")


def dialled_another_way(holder: ET.Element, config: Configuration, beginning: Beginning) -> None:
    """The exempt extension by a number that a route claims by how it begins, such as 9 and a
    number from outside: the route's way to it, without the route."""
    numbers = sorted(
        {same_numbers(n) for one in config.exempt for n in (one.extension, *one.numbers)}
    )
    if not numbers:
        return
    route = beginning.route
    for kind, had, event in _KINDS:
        name = f"ivr-exempt-{kind}-by-{route.name}:{beginning.digits}"
        extension = ET.SubElement(holder, "extension", name=name)
        only(extension, "context", re.escape(config.site.render.staff_context))
        only(extension, f"${{{ROUTE_VARIABLE}}}", had)
        only(extension, "destination_number", beginning.expression)
        condition = only(extension, "destination_number", f"{route.strip}({any_of(numbers)})")
        _leave_nothing(condition, event)
        _straight_on(condition, route, _ITS_OWN)


def _straight_on(condition: ET.Element, route: Route, variables: str) -> None:
    """Connect, and mark who is called."""
    set_to(condition, "call_timeout", str(-(-route.policy.ring_ms // 1000)))
    if route.policy.queue is not None:
        action(condition, "answer")
        action(condition, "callcenter", route.policy.queue.name)
    else:
        dial = route.policy.dial_string
        if dials_number(dial):
            dial = with_number(dial, "$1")
        action(condition, "bridge", with_variables(dial, variables))
    action(condition, "hangup")
