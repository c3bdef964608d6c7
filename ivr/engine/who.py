"""Who is at which leg of a call, and by which legs it is known (R6, R10)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ivr.core import events
from ivr.core.pausing import is_live
from ivr.engine.context import Context
from ivr.esl.translate import Legs

if TYPE_CHECKING:
    from ivr.engine.driver import CallDriver


def legs_of(context: Context, driver: CallDriver) -> Legs:
    """Who is at which channel now."""
    call, other = driver.call_id, driver.state.other_leg
    if driver.policy.staff_call:
        return Legs(call, driver.state.recorded_leg or other, call, context.here)
    if other in context.calls:
        # Two callers were joined: nobody there is an agent, and keys there are a caller's.
        other = ""
    return Legs(call, call, other, context.here)


def know(context: Context, driver: CallDriver, before: str) -> None:
    """Know the call by the leg that its agent is at now, which feature codes come from;
    ``before`` is the leg that it was connected to."""
    legs, agents = driver.legs, context.agents
    if legs.agent != driver.call_id:
        if agents.get(before) is driver:
            del agents[before]
        if legs.agent and not driver.state.at_line:
            agents[legs.agent] = driver
    elif legs.customer:
        context.customers[legs.customer] = driver
    if context.confidants:
        consults(context, driver)


def forget(context: Context, driver: CallDriver) -> None:
    """Know it by none of them any more."""
    for leg in (driver.call_id, driver.state.other_leg):
        if context.agents.get(leg) is driver:
            del context.agents[leg]
    if context.customers.get(driver.legs.customer) is driver:
        del context.customers[driver.legs.customer]


def extension_of(driver: CallDriver) -> str:
    """Where the agent is who is now connected; empty where none is."""
    state = driver.state
    if not is_live(state) or not state.joined or state.at_line:
        return ""
    return driver.caller if driver.legs.agent == driver.call_id else state.other_number


def consults(context: Context, driver: CallDriver) -> None:
    """Have a call told whose agent speaks with the exempt extension besides."""
    extension = extension_of(driver)
    if extension and any(extension in numbers for numbers in context.confidants.values()):
        driver.take(events.Consults(context.clock.monotonic_ms()))
