"""Routes out of what the files say: defaults filled in, names followed (R9, R18).

Only of files without mistakes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from types import MappingProxyType
from zoneinfo import ZoneInfo

from ivr.config.catalogue import Catalogue, place_prompts
from ivr.config.groups import dial_string, dialled
from ivr.config.hours import Hours
from ivr.config.kinds import milliseconds
from ivr.config.pause import pausing
from ivr.config.places import Documents, places_of
from ivr.config.routes import Route
from ivr.config.schema import Defaults, PolicyFile, TeamFile
from ivr.config.schema import Destination as DestinationEntry
from ivr.config.schema import Route as RouteEntry
from ivr.config.settings import CallQueue
from ivr.config.times import CLOSED, days_of, minutes_of
from ivr.core.policy import CallPolicy, Destination, Menu, Queue, Spoken

CLOSED_PROMPT = "closed"
"""What callers hear out of hours where a team says nothing else."""


@dataclass(frozen=True, slots=True)
class Resolver:
    """What all routes have in common."""

    policy: PolicyFile
    version: str
    catalogues: Mapping[str, Catalogue]
    destinations: Mapping[str, DestinationEntry]
    lines: frozenset[str]
    """Of all payment lines."""
    zone: ZoneInfo | None
    documents: Documents
    exempt: frozenset[str]
    """Numbers of the exempt extension."""

    def route(self, n: int, entry: RouteEntry, team: TeamFile) -> Route:
        """The route at a place of the file, with its team's policy."""
        open_policy = self._policy(entry, team)
        hours = self._hours(team) if entry.direction == "inbound" else None
        closed = self._closed(open_policy, team) if hours else None
        without_engine = team.without_engine or self.policy.defaults.without_engine
        prompts = self.catalogues[open_policy.language].prompts
        used = [open_policy.destination, *(one.name for one in open_policy.overflow)]
        if closed:
            used.append(closed.destination)
        rounds = {}
        for name in used:
            found = self.destinations[name]
            if found.ring == "round":
                rounds[name] = tuple(found.members or ())
        return Route(
            name=entry.name,
            numbers=tuple(number for number in entry.numbers if not number.endswith("*")),
            beginnings=tuple(one[:-1] for one in entry.numbers if one.endswith("*")),
            strip=entry.strip or "",
            policy=open_policy,
            without_engine=without_engine,
            no_engine=prompts[team.prompts.no_engine] if without_engine == "message" else None,
            calling=(
                *(entry.calling or ()),
                *(team.extensions or () if entry.from_team else ()),
            ),
            hours=hours,
            out_of_hours=closed,
            rounds=MappingProxyType(rounds),
            places=places_of(self.documents, n, entry, used),
        )

    def queues(self) -> tuple[CallQueue, ...]:
        """Every queue, in the order of the file."""
        found = []
        for name, destination in self.destinations.items():
            queue = destination.queue
            place = self.documents.destinations.source((name, "queue"))
            if queue is None or place is None:
                continue
            prompts = self.catalogues[queue.language or self.policy.defaults.language].prompts
            found.append(
                CallQueue(
                    name=name,
                    members=tuple(map(dialled, queue.members)),
                    strategy=queue.strategy,
                    music=queue.music,
                    announcement=prompts[queue.announcement] if queue.announcement else None,
                    every_s=milliseconds(queue.every) // 1000,
                    longest_ms=milliseconds(queue.longest),
                    ring_ms=milliseconds(self.policy.defaults.ring),
                    place=place,
                )
            )
        return tuple(found)

    def _policy(self, entry: RouteEntry, team: TeamFile) -> CallPolicy:
        """How calls are treated while the team is open."""
        defaults, own = self.policy.defaults, team.opt_out
        opt_out = defaults.opt_out
        language = entry.language or team.language or defaults.language
        inbound = entry.direction == "inbound"
        overflow = team.overflow or () if inbound else ()
        ring_ms = milliseconds(team.ring or defaults.ring)
        spoken = self._spoken(language, team, team.prompts.announcement)
        connected = own.connected or opt_out.connected
        policy = CallPolicy(
            team=entry.team,
            route=entry.name,
            language=language,
            policy_version=self.policy.version,
            config_version=self.version,
            announcement=spoken.announcement,
            reminder=spoken.reminder,
            goodbye=spoken.goodbye,
            busy=spoken.busy,
            no_answer=spoken.no_answer,
            unavailable=spoken.unavailable,
            opt_out_keys=own.keys or opt_out.keys,
            return_key=own.return_key or opt_out.return_key,
            inter_digit_ms=milliseconds(own.inter_digit or opt_out.inter_digit),
            confirm_ms=milliseconds(own.confirm_wait or opt_out.confirm_wait),
            reminders=opt_out.reminders if own.reminders is None else own.reminders,
            destination=entry.destination,
            dial_string=self._dial(entry.destination),
            ring_ms=ring_ms,
            longest_call_ms=milliseconds(team.longest_call or defaults.longest_call),
            without_recording=team.without_recording or defaults.without_recording,
            direction=entry.direction,
            announced=entry.announce,
            exempt=self.exempt,
            payment_line=self.destinations[entry.destination].payment_line,
            pausing=pausing(defaults.pause, team.pause, self.lines),
            opt_out_connected="no" if connected == "never" else connected,
            music=team.music or defaults.music,
            queue=self._queue(entry.destination),
            overflow=tuple(
                Destination(
                    name=one.destination,
                    dial_string=self._dial(one.destination),
                    ring_ms=ring_ms,
                    payment_line=self.destinations[one.destination].payment_line,
                    queue=self._queue(one.destination),
                    prompt=self.catalogues[language].prompts[one.prompt] if one.prompt else None,
                )
                for one in overflow
            ),
        )
        if inbound and team.languages and not entry.language:
            policy = replace(policy, menu=self._menu(policy, team))
        return policy

    def _closed(self, policy: CallPolicy, team: TeamFile) -> CallPolicy:
        """The same while the team is closed."""
        said = team.out_of_hours
        if said is None or said.destination is None:
            name = (said.prompt if said else None) or CLOSED_PROMPT
            closed = self.catalogues[policy.language].prompts[name]
            policy = replace(policy, closed=closed, overflow=())
        else:
            name = said.announcement or team.prompts.announcement
            policy = replace(
                policy,
                announcement=self.catalogues[policy.language].prompts[name],
                destination=said.destination,
                dial_string=self._dial(said.destination),
                payment_line=self.destinations[said.destination].payment_line,
                queue=self._queue(said.destination),
                overflow=(),
            )
        return replace(policy, menu=self._menu(policy, team)) if policy.menu else policy

    def _menu(self, policy: CallPolicy, team: TeamFile) -> Menu | None:
        """The choice of a language, each with all that the policy may say."""
        if team.languages is None:
            return None
        keys = {}
        for key, language in team.languages.keys.items():
            prompts = self.catalogues[language].prompts
            said = self._spoken(language, team, policy.announcement.name)
            keys[key] = replace(
                said,
                closed=prompts[policy.closed.name] if policy.closed else None,
                overflow=tuple(
                    prompts[one.prompt.name] if one.prompt else None for one in policy.overflow
                ),
            )
        prompt = self.catalogues[policy.language].prompts[team.languages.prompt]
        return Menu(prompt, MappingProxyType(keys), milliseconds(team.languages.wait))

    def _spoken(self, language: str, team: TeamFile, announcement: str) -> Spoken:
        prompts, own = self.catalogues[language].prompts, team.prompts
        return Spoken(
            language=language,
            announcement=prompts[announcement],
            reminder=prompts[own.reminder],
            goodbye=prompts[own.goodbye],
            busy=prompts[own.busy],
            no_answer=prompts[own.no_answer],
            unavailable=prompts[own.unavailable],
        )

    def _dial(self, name: str) -> str:
        """What ``bridge`` is given; empty for a queue."""
        found = self.destinations[name]
        if found.ring and found.members:
            return dial_string(found.ring, found.members)
        return found.dial or ""

    def _queue(self, name: str) -> Queue | None:
        queue = self.destinations[name].queue
        if queue is None:
            return None
        spoken = self.catalogues[queue.language or self.policy.defaults.language].prompts
        told = place_prompts(spoken) if queue.position else ()
        return Queue(
            name,
            milliseconds(queue.longest),
            milliseconds(queue.every),
            tuple(spoken[one] for one in told),
        )

    def _hours(self, team: TeamFile) -> Hours | None:
        return hours_of(team, self.policy.defaults, self.zone)


def hours_of(team: TeamFile, defaults: Defaults, zone: ZoneInfo | None) -> Hours | None:
    """When a team is open; ``None`` where it has no hours."""
    if team.hours is None:
        return None
    week: list[tuple[tuple[int, int], ...]] = [()] * 7
    for days, stretches in team.hours.items():
        for day in days_of(days):
            week[day] = tuple(sorted(minutes_of(one) for one in stretches if one != CLOSED))
    days_off = (*(defaults.closed_on or ()), *(team.closed_on or ()))
    return Hours(
        week=tuple(week),
        holidays=team.holidays or defaults.holidays,
        closed_on=frozenset(map(date.fromisoformat, days_off)),
        zone=zone,
    )
