"""Where what holds for a route is written, for ``ivr route explain`` (R9, R20)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from ivr.config.document import Document, Source, Where
from ivr.config.schema import Route as RouteEntry

_OF_THE_ROUTE = (
    "team", "destination", "direction", "strip", "from", "from_team", "announce", "language",
)  # fmt: skip
_OF_THE_TEAM = (
    "language", "extensions", "hours", "holidays", "closed_on", "out_of_hours", "overflow",
    "languages", "ring", "longest_call", "music", "without_recording", "without_engine",
    "opt_out.keys", "opt_out.return_key", "opt_out.inter_digit", "opt_out.confirm_wait",
    "opt_out.reminders", "opt_out.connected",
    "pause.codes", "pause.card_digits", "pause.on_hold", "pause.overdue", "pause.guard",
    "prompts.announcement", "prompts.reminder", "prompts.goodbye", "prompts.busy",
    "prompts.no_answer", "prompts.unavailable", "prompts.no_engine",
)  # fmt: skip
"""As a team's file has them; those of policy.yaml's defaults have the same names."""


@dataclass(frozen=True, slots=True)
class Documents:
    """The files of ``dialplan/``, as they were read."""

    policy: Document
    teams: Mapping[str, Document]
    destinations: Document
    routes: Document


def places_of(
    documents: Documents, n: int, entry: RouteEntry, destinations: Iterable[str]
) -> Mapping[str, Source]:
    """Where what holds for the ``n``th route is written; see :attr:`Route.places`."""
    found: dict[str, Source] = {}

    def add(key: str, document: Document, where: Where) -> None:
        place = document.source(where)
        if place is not None and key not in found:
            found[key] = place

    routes, team, policy = documents.routes, documents.teams[entry.team], documents.policy
    add("route", routes, (n,))
    for k, number in enumerate(entry.numbers):
        add(f"number:{number}", routes, (n, "numbers", k))
    for key in _OF_THE_ROUTE:
        add(key, routes, (n, key))
    for name in destinations:
        add(f"destination:{name}", documents.destinations, (name,))
    for key in _OF_THE_TEAM:
        path = key.split(".")
        add(key, team, tuple(path))
        add(key, policy, ("defaults", *path))
    for key in ("exempt", "emergency", "version"):
        add(key, policy, (key,))
    return MappingProxyType(found)
