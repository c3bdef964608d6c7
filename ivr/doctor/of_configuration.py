"""What a configuration has FreeSWITCH play and dial, and what FreeSWITCH is asked of it (R9)."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from ivr.config.addresses import legs
from ivr.config.settings import Configuration
from ivr.core.policy import CallPolicy, Prompt, Spoken

QUEUES, AGENTS, TIERS = (f"callcenter_config {what} list" for what in ("queue", "agent", "tier"))
STREAMS = "local_stream show"
STREAM = "local_stream://"
_GATEWAY = re.compile(r"sofia/gateway/([A-Za-z0-9_.:-]{1,64})/")
_USER = re.compile(r"user/([A-Za-z0-9_.+-]{1,64}(?:@[A-Za-z0-9_.-]{1,255})?)")


def policies(configuration: Configuration) -> Iterator[CallPolicy]:
    """How calls are treated, by each route, in its team's hours and out of them."""
    for route in configuration.routes:
        yield route.policy
        if route.out_of_hours is not None:
            yield route.out_of_hours


def prompts(configuration: Configuration) -> frozenset[Prompt]:
    """All that is spoken: in every language that can be chosen, out of hours, in queues."""
    found: set[Prompt | None] = {route.no_engine for route in configuration.routes}
    found.update(queue.announcement for queue in configuration.queues)
    for policy in policies(configuration):
        found.update(_spoken(policy))
        found.update((policy.closed, *(one.prompt for one in policy.overflow)))
        if policy.menu is not None:
            found.add(policy.menu.prompt)
            for said in policy.menu.keys.values():
                found.update((*_spoken(said), said.closed, *said.overflow))
    return frozenset(prompt for prompt in found if prompt is not None)


def _spoken(said: CallPolicy | Spoken) -> tuple[Prompt, ...]:
    return (
        said.announcement,
        said.reminder,
        said.goodbye,
        said.busy,
        said.no_answer,
        said.unavailable,
    )


def dialled(configuration: Configuration) -> Mapping[str, tuple[str, ...]]:
    """The dial strings of everything that may be called, by what it is for people."""
    found: dict[str, tuple[str, ...]] = {}
    if configuration.emergency is not None:
        found["calls for help"] = (configuration.emergency.dial,)
    for one in configuration.exempt:
        found[f"the exempt extension {one.extension}"] = (one.dial,)
    for policy in policies(configuration):
        for destination in policy.destinations:
            if destination.queue is None:
                found[f"destination {destination.name}"] = (destination.dial_string,)
    for queue in configuration.queues:
        found[f"queue {queue.name}"] = queue.members
    return found


def gateways(dials: tuple[str, ...]) -> list[str]:
    """The gateways that they go by."""
    return sorted({name for dial in dials for name in _GATEWAY.findall(dial)})


def users(dials: tuple[str, ...]) -> list[str]:
    """The telephones of FreeSWITCH's directory that they ring."""
    found = (_USER.fullmatch(leg) for dial in dials for leg in legs(dial))
    return sorted({one[1] for one in found if one})


def streams(configuration: Configuration) -> list[str]:
    """The music that people who wait are played, of FreeSWITCH's own streams."""
    heard = {queue.music for queue in configuration.queues}
    heard |= {one.music for one in policies(configuration) if one.opt_out_connected != "no"}
    return sorted(one.removeprefix(STREAM) for one in heard if one.startswith(STREAM))


def about_gateway(name: str) -> str:
    """The question whether a gateway is up."""
    return f"sofia xmlstatus gateway {name}"


def about_user(name: str) -> str:
    """The question where a telephone is registered."""
    return f"sofia_contact */{name}"


def questions(configuration: Configuration) -> tuple[str, ...]:
    """All that FreeSWITCH is asked of this configuration; nothing is changed by it."""
    found = [QUEUES, AGENTS, TIERS] if configuration.queues else []
    if streams(configuration):
        found.append(STREAMS)
    for dials in dialled(configuration).values():
        found += map(about_gateway, gateways(dials))
        found += map(about_user, users(dials))
    return tuple(dict.fromkeys(found))
