"""From a number to what would happen: the dialplan, a route, or nobody takes it (R9, R20)."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from datetime import datetime

from ivr.config.mistakes import did_you_mean, quoted
from ivr.config.routes import Route
from ivr.config.settings import Configuration
from ivr.config.telephone import Extension, same_number
from ivr.errors import UsageError
from ivr.explain.explanation import Explanation, Step, Verdict
from ivr.explain.files import Files
from ivr.explain.of_route import steps_of
from ivr.explain.routing import Dialplan, Taken

_LONGEST_EXTENSION = 6
"""Digits: who calls from a longer number is a caller, where the context is not said."""


def explain(
    configuration: Configuration,
    number: str,
    *,
    at: datetime,
    caller: str = "",
    context: str = "",
) -> Explanation:
    """What would happen to a call to a number that arrives at a moment.

    ``caller`` is who calls, ``context`` where in FreeSWITCH's dialplan it is dialled; without one,
    where staff dial if an extension calls, else where callers' calls arrive, or the other of the
    two where only that one knows the number. Reads YAML files, and blocks meanwhile.

    Raises:
        UsageError: the site knows no such context.
    """
    dialplan = Dialplan(configuration)
    context = _context(configuration, dialplan, number, caller, context)
    taken = dialplan.take(number, caller, context)
    files = Files(configuration.site)
    call = _Call(configuration, files, number, caller, context, at)
    if taken is None:
        return call.nobodys(dialplan)
    if taken.exempt:
        return call.exempt(taken)
    if not taken.to_engine:
        return call.for_help(taken)
    route = configuration.route_for(number, caller=caller, route=taken.route)
    if route is None:
        return call.nobodys(dialplan)
    return call.of_route(taken, route)


def _context(
    configuration: Configuration, dialplan: Dialplan, number: str, caller: str, context: str
) -> str:
    settings = configuration.site.render
    both = (settings.context, settings.staff_context)
    if context and context not in both:
        raise UsageError(
            f"context {quoted(context)} is none of this site's, expected"
            f" {quoted(both[0])}, in which callers' calls arrive, or {quoted(both[1])}, in which"
            f" staff dial{did_you_mean(context, both)}"
        )
    if context:
        return context
    if caller:
        staff = Extension().fits(caller) and len(caller) <= _LONGEST_EXTENSION
        return both[1] if staff or caller in _extensions(configuration) else both[0]
    known = (one for one in both if dialplan.take(number, "", one) is not None)
    return next(known, both[0])


def _extensions(configuration: Configuration) -> list[str]:
    """Every extension of staff."""
    teams = [one for extensions in configuration.extensions.values() for one in extensions]
    return [*teams, *(one.extension for one in configuration.exempt)]


class _Call:
    """A call that is explained."""

    def __init__(
        self,
        configuration: Configuration,
        files: Files,
        number: str,
        caller: str,
        context: str,
        at: datetime,
    ) -> None:
        self._configuration = configuration
        self._files = files
        self._number = number
        self._caller = caller
        self._context = context
        self._at = at

    def of_route(self, taken: Taken, route: Route) -> Explanation:
        """A route has it."""
        policy = route.policy_for(self._number, at=self._at)
        steps = (
            self._step_of_context(),
            Step(
                "dialplan",
                f"extension {taken.extensions[-1]} takes {quoted(self._number)} and offers it to"
                f" the engine",
                route.places.get(f"number:{_written(route, self._number)}"),
            ),
            *steps_of(route, policy, self._files, self._at, taken),
        )
        recording = next(step for step in steps if step.what == "recording")
        return self._explanation(
            Verdict.ROUTE,
            policy.closed is None,
            recording.text,
            steps,
            taken,
            route=route.name,
            team=policy.team,
            destination="" if policy.closed else policy.destination,
            dial="" if policy.closed else policy.dial_string,
        )

    def exempt(self, taken: Taken) -> Explanation:
        """Nothing more is said of it than that, and what makes it so."""
        configuration = self._configuration
        called = configuration.is_left_alone(self._number)
        place = self._files.exempt([self._number] if called else [self._caller])
        which = "to" if called else "from"
        why = f"no: calls {which} the exempt extension are never recorded, and nothing is announced"
        text = (
            f"it is {which} the exempt extension; all that is kept is that such a call took place"
        )
        step = Step("exempt", text, place)
        return self._explanation(Verdict.EXEMPT, False, why, (step,), taken)

    def for_help(self, taken: Taken) -> Explanation:
        """It is a call for help."""
        why = "no: a call for help is connected at once, and neither announced nor recorded"
        steps = (
            self._step_of_context(),
            Step(
                "emergency",
                f"extension {taken.extensions[-1]} connects it at once to {taken.dial}, no engine"
                " hears of it and nothing is asked",
                self._files.emergency(self._number),
            ),
            Step("recording", why, self._files.policy.source(("emergency",))),
        )
        return self._explanation(Verdict.EMERGENCY, False, why, steps, taken, dial=taken.dial)

    def nobodys(self, dialplan: Dialplan) -> Explanation:
        """No extension takes it."""
        settings = self._configuration.site.render
        team = self._files.extension(self._number, self._configuration.extensions)
        if team is not None and self._context == settings.staff_context:
            why = (
                "no: no route has calls among staff to this extension (direction: internal), so"
                " they are FreeSWITCH's own"
            )
            steps = (
                self._step_of_context(),
                Step("dialplan", f"{quoted(self._number)} is a telephone of staff", team),
                Step("recording", why),
            )
            return self._explanation(Verdict.AMONG_STAFF, False, why, steps, None)
        near = self._near()
        why = "no: no extension of the rendered dialplan takes it, and no engine hears of it"
        hint = f"; did you mean {' or '.join(map(quoted, near))}?" if near else ""
        claims = Step("dialplan", f"nothing claims {quoted(self._number)}{hint}")
        found = (self._step_of_context(), claims, *self._elsewhere(dialplan))
        return self._explanation(Verdict.NOBODY, False, why, found, None, near=near)

    def _elsewhere(self, dialplan: Dialplan) -> Iterator[Step]:
        """Who has the number for other callers, or in the other context."""
        settings = self._configuration.site.render
        other = ({settings.context, settings.staff_context} - {self._context}).pop()
        if (found := dialplan.take(self._number, self._caller, other)) is not None:
            text = (
                f"in context {quoted(other)} extension {found.extensions[-1]} takes it"
                f" (--context {other})"
            )
            yield Step("elsewhere", text, self._files.context(other))
        for route in self._configuration.routes:
            if route.calling and not route.takes(self._caller) and self._is_of(route):
                text = (
                    f"route {route.name} has it for calls from {', '.join(route.calling)}"
                    f" (--from {route.calling[0]})"
                )
                place = route.places.get("from") or route.places.get("from_team")
                yield Step("elsewhere", text, place)

    def _is_of(self, route: Route) -> bool:
        return self._number in route.numbers or bool(route.begins(self._number))

    def _near(self) -> tuple[str, ...]:
        """Numbers that are this one in another spelling, or are nearly it."""
        configuration = self._configuration
        known = _extensions(configuration)
        if configuration.emergency is not None:
            known += configuration.emergency.numbers
        for one in configuration.exempt:
            known += one.numbers
        for route in configuration.routes:
            known += route.numbers
        digits = "".join(c for c in self._number if c.isdigit() or c == "+")
        same = [one for one in known if same_number(one, digits)]
        return tuple(dict.fromkeys([*same, *_close(digits, known)]))[:3]

    def _step_of_context(self) -> Step:
        settings = self._configuration.site.render
        callers = self._context == settings.context
        what = "in which callers' calls arrive" if callers else "in which staff dial"
        who = f"{quoted(self._caller)} calls" if self._caller else "somebody calls"
        text = f"{who} {quoted(self._number)} in context {quoted(self._context)}, {what}"
        return Step("call", text, self._files.context(self._context))

    def _explanation(
        self,
        verdict: Verdict,
        recorded: bool,
        why: str,
        steps: Iterable[Step],
        taken: Taken | None,
        *,
        route: str = "",
        team: str = "",
        destination: str = "",
        dial: str = "",
        near: tuple[str, ...] = (),
    ) -> Explanation:
        zone = self._configuration.site.time_zone
        local = self._at.astimezone(zone) if self._at.tzinfo or zone is None else self._at
        return Explanation(
            number=self._number,
            caller=self._caller,
            context=self._context,
            moment=f"{local:%a %Y-%m-%d %H:%M}",
            verdict=verdict,
            recorded=recorded,
            why=why,
            steps=tuple(steps),
            extensions=taken.extensions if taken else (),
            route=route,
            team=team,
            destination=destination,
            dial=dial,
            near=near,
        )


def _close(number: str, known: list[str]) -> list[str]:
    return difflib.get_close_matches(number, known, n=3, cutoff=0.75)


def _written(route: Route, number: str) -> str:
    """The number as the route's file has it: whole, or how it begins."""
    if number in route.numbers:
        return number
    return f"{route.begins(number)}*"
