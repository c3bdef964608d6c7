"""Engine and lab switch in one process, joined by loopback sockets, on a clock that is turned."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from gevent import socket
from gevent.event import AsyncResult
from gevent.threadpool import ThreadPool

from ivr.config.render import render
from ivr.config.render.queues import render_queues
from ivr.config.settings import Address, Configuration, EventSocket
from ivr.engine.service import Engine
from ivr.lab import Destination, LabSwitch, TurnedClock
from ivr.lab.dialplan import Condition, Extension, read_dialplan
from ivr.lab.leg import Leg
from ivr.lab.queue import read_queues
from ivr.lab.session import Action

_ANY = Address("127.0.0.1", 0)

Watch = Callable[[str, Leg], None]
"""Is told of every event of every leg, by its name."""


class AtOnce(ThreadPool):  # type: ignore[misc]  # gevent has no types
    """Does each job before it returns, in no thread."""

    def spawn(self, function: Callable[..., Any], *words: Any, **named: Any) -> Any:
        """See gevent; the result is there already."""
        result = AsyncResult()
        try:
            result.set(function(*words, **named))
        except Exception as error:  # noqa: BLE001 - whoever asked for the job is told
            result.set_exception(error)
        return result


class _Watched(LabSwitch):
    """A lab switch that has every leg watched from its first event on."""

    watch: Watch | None = None
    staff_context = ""

    def _second_call(self, leg: Leg, to: str, hz: int) -> Leg:
        """Telephones of the house dial where staff do, whoever called them."""
        party = leg.party
        if leg.outbound:
            leg.party = replace(party, context=self.staff_context)
        try:
            return super()._second_call(leg, to, hz)
        finally:
            leg.party = party

    def _new_leg(self, *words: Any, **named: Any) -> Leg:
        leg = super()._new_leg(*words, **named)
        if self.watch is not None:
            leg.watchers.append(self.watch)
        return leg


class House:
    """The site's own dialplan and prompts, with another spool and other ports."""

    def __init__(
        self,
        configuration: Configuration,
        folder: Path,
        wall_ms: int,
        watch: Watch,
        people: Mapping[str, Destination],
        rooms: Sequence[str] = (),
    ) -> None:
        """Listen; nothing runs yet. ``people`` are the telephones, ``rooms`` the conference rooms,
        to which FreeSWITCH's own dialplan leads, which is not rendered.

        Raises:
            SetupError: the folder cannot be used.
        """
        self.clock = TurnedClock(wall_ms)
        self.switch = _Watched(self.clock, destinations=people, seed=1)
        self.switch.watch = watch
        self.switch.staff_context = configuration.site.render.staff_context
        host, port = self.switch.listen((_ANY.host, _ANY.port))
        here = configuration.site
        # Known before the engine is made: what it has FreeSWITCH do names where it listens.
        self._listening = socket.socket()
        self._listening.bind((_ANY.host, _ANY.port))
        self._listening.listen()
        engine = Address(*self._listening.getsockname())
        self.spool = folder / "spool"
        self.configuration = replace(
            configuration,
            site=replace(
                here,
                listen=engine,
                http=_ANY,
                engines=(engine,),
                freeswitch=EventSocket(Address(host, port), self.switch.password),
                spool=self.spool,
                fallback=None,
                tokens=folder / "tokens.json",
                limits=replace(here.limits, least_free_bytes=0),
            ),
        )
        self.engine: Engine | None = None
        self._others = {
            **{number: Action("bridge", f"user/{number}") for number in sorted(people)},
            **{number: Action("conference", f"{number}@default") for number in rooms},
        }
        """What FreeSWITCH's own dialplan does with a number."""

    def start(self) -> None:
        """Start an engine, and have the dialplan send it its calls.

        Raises:
            SetupError, DiskError: the folder cannot be used.
        """
        self.engine = engine = Engine(self.configuration, self.clock, listening=self._listening)
        # Time stands still meanwhile, so nobody waits: jobs for threads are done at once.
        engine.journal._pool = engine.spool._pool = AtOnce(1)
        engine.growth._pools = tuple(AtOnce(1) for _ in engine.growth._pools)
        # The lab switch tells of events when they happen: it need not be knocked at.
        engine.control._agents = lambda: False
        engine.start()
        self._dial(self.configuration)
        self.clock.settle()

    def without_engine(self) -> None:
        """No engine runs."""
        self._listening.close()
        self._dial(self.configuration)

    def _dial(self, configuration: Configuration) -> None:
        """Give the switch what is rendered for it, and FreeSWITCH's own dialplan after that."""
        staff_context = configuration.site.render.staff_context
        self.switch.dialplan = (
            *read_dialplan(render(configuration)),
            *(_of_staff(number, one, staff_context) for number, one in self._others.items()),
        )
        self.switch.callcenter.set_queues(*read_queues(render_queues(configuration)))

    @property
    def idle(self) -> bool:
        """Whether the engine has no call, and no record that waits."""
        if self.engine is None:
            return not self.switch.legs()
        return not self.engine.context.calls and not self.engine.spool.waiting

    def close(self) -> None:
        """Stop both; calls that go on are ended."""
        if self.engine is not None:
            self.engine.stop(drain_s=_DRAIN_S)
        self.switch.close()
        self.clock.settle()


_DRAIN_S = 0.2


def _of_staff(number: str, does: Action, staff_context: str) -> Extension:
    """An extension that staff dial, and send others to; callers do not reach it by themselves."""
    sent = Condition("${context}/${transfer_source}", f"^(?:{re.escape(staff_context)}/.*|.*/.+)$")
    dialled = Condition("destination_number", f"^{re.escape(number)}$", (does, Action("hangup")))
    return Extension(number, (sent, dialled))
