"""Sending a leg elsewhere: to a number of the dialplan, or to another leg."""

from __future__ import annotations

import uuid as uuids
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ivr.lab.leg import Leg


def transfer(leg: Leg, number: str, dialplan: str, context: str) -> None:
    """Send a leg to a number of a dialplan, with a new caller profile."""
    _new_profile(leg, f"bl_xfer:{number}/{context}/{dialplan}")
    leg.dialplan, leg.rdnis = dialplan, leg.party.dialled
    leg.party = replace(leg.party, dialled=number, context=context)
    leg.other = None
    leg.set("signal_bond", None)
    leg.state, leg.state_number = "CS_EXECUTE", 4
    task = leg.switch.task_for(number, dialplan, context)
    leg.go(_with_number_back(task) if dialplan == "inline" else task)


def be_joined(leg: Leg, other: Leg, task: Callable[[Leg], None]) -> None:
    """Send a leg to another leg, as ``uuid_bridge`` does: its events name that one at once, also
    that of the parting from the one before (docs/freeswitch.md 50)."""
    leg.set("bridge_channel", other.channel)
    leg.set("bridge_uuid", other.uuid)
    leg.set("signal_bond", other.uuid)
    leg.other = other
    _new_profile(leg, f"uuid_br:{other.uuid}")
    leg.set("original_destination_number", leg.party.dialled)
    leg.set("original_caller_id_name", leg.party.name)
    leg.set("original_caller_id_number", leg.party.number)
    leg.go(task)


def _new_profile(leg: Leg, how: str) -> None:
    us = leg.wall_us()
    leg.times.profile, leg.profiles = us, leg.profiles + 1
    leg.transfer_source = f"{us // 1_000_000}:{uuids.uuid4()}:{how}"
    before = leg.variables.get("transfer_history", ())
    history = (before,) if isinstance(before, str) else before
    sources = (*history, leg.transfer_source)
    leg.set("transfer_history", sources if len(sources) > 1 else sources[0])
    leg.set("transfer_source", leg.transfer_source)


def _with_number_back(task: Callable[[Leg], None]) -> Callable[[Leg], None]:
    """The inline dialplan is no number: the one that was dialled before comes back."""

    def run(leg: Leg) -> None:
        leg.party, leg.rdnis = replace(leg.party, dialled=leg.rdnis or leg.party.dialled), ""
        task(leg)

    return run
