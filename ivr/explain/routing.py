"""Which extension of the rendered dialplan takes a call: the XML itself is asked, read as the lab
switch reads it, so that nothing is told here that FreeSWITCH would do otherwise."""

from __future__ import annotations

from dataclasses import dataclass, replace

from ivr.config.render import EXEMPT_VARIABLE, ROUTE_VARIABLE, render
from ivr.config.settings import Configuration
from ivr.lab import LabSwitch, TurnedClock
from ivr.lab.board import Party
from ivr.lab.dialplan import Extension, actions_for, read_dialplan
from ivr.lab.leg import Leg
from ivr.lab.session import APPLICATIONS, Action, expand

_TAKEN = "taken"
"""Stands for an extension among the actions of a call; no application of FreeSWITCH's."""
_VARIABLES = ("set", "export", "unset", "multiset", "multiunset")
"""Applications that change variables and nothing else."""
_NOWHERE = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class Taken:
    """What the dialplan does with a call."""

    extensions: tuple[str, ...]
    """That take it, in their order: those before the last one let it go on."""
    actions: tuple[Action, ...]
    """All that is done, with variables put in; it ends where an engine is asked."""
    to_engine: bool
    route: str
    """Whose route it is by then; empty where it is none's."""
    exempt: bool
    """Whether the exempt extension is in it."""
    without_engine: tuple[Action, ...] = ()
    """What is done where no engine answers."""

    @property
    def dial(self) -> str:
        """What ``bridge`` is given, where the dialplan connects the call itself."""
        return _argument(self.actions, "bridge")


def _argument(actions: tuple[Action, ...], app: str) -> str:
    return next((one.arg for one in actions if one.app == app), "")


class Dialplan:
    """The dialplan that ``ivr dialplan render`` writes."""

    def __init__(self, configuration: Configuration) -> None:
        self._extensions = tuple(map(_marked, read_dialplan(render(configuration))))
        self._staff_context = configuration.site.render.staff_context
        self._switch = LabSwitch(TurnedClock(), seed=1)

    def take(self, number: str, caller: str, context: str) -> Taken | None:
        """What it does with a call that is dialled there; ``None`` where no extension takes it."""
        leg = Leg(self._switch, _NOWHERE, Party(caller, "", number, context), 1)
        if context == self._staff_context:
            leg.set("user_name", caller)  # a telephone of staff has proven who it is
        found = actions_for(self._extensions, leg, number, context)
        if found is None:
            return None
        done, rest = self._do(leg, found)
        to_engine = bool(done) and done[-1].app == "socket"
        route, exempt = leg.get(ROUTE_VARIABLE), leg.true(EXEMPT_VARIABLE)
        return Taken(
            extensions=_names(found),
            actions=done,
            to_engine=to_engine,
            route=route if to_engine else "",
            exempt=exempt,
            without_engine=self._after(leg, rest) if to_engine else (),
        )

    def _do(
        self, leg: Leg, actions: tuple[Action, ...]
    ) -> tuple[tuple[Action, ...], tuple[Action, ...]]:
        """What is done up to an engine, and what comes after it."""
        done: list[Action] = []
        for n, action in enumerate(actions):
            if action.app == _TAKEN:
                continue
            arg = expand(leg, action.arg)
            if action.app in _VARIABLES:
                APPLICATIONS[action.app](leg, arg)
            done.append(Action(action.app, arg))
            if action.app == "socket":
                return tuple(done), actions[n + 1 :]
        return tuple(done), ()

    def _after(self, leg: Leg, actions: tuple[Action, ...]) -> tuple[Action, ...]:
        """What is done after an engine that does not answer, through the transfers."""
        done, _ = self._do(leg, actions)
        to = _argument(done, "transfer").split()
        if len(to) != 3:
            return done
        number, _xml, context = to
        found = actions_for(self._extensions, leg, number, context) or ()
        return self._do(leg, found)[0]


def _marked(extension: Extension) -> Extension:
    """The same, with its name among its actions: where it is there, the extension took the call,
    for the last condition's actions are done where all conditions hold."""
    *before, last = extension.conditions
    last = replace(last, actions=(Action(_TAKEN, extension.name), *last.actions))
    return replace(extension, conditions=(*before, last))


def _names(actions: tuple[Action, ...]) -> tuple[str, ...]:
    return tuple(action.arg for action in actions if action.app == _TAKEN)
