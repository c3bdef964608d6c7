"""The lab switch: calls, sockets, dialplan and log of a small FreeSWITCH look-alike."""

from __future__ import annotations

import itertools
import random
import uuid as uuids
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Self

from gevent import socket
from gevent.server import StreamServer

from ivr.clock import Clock, RealClock
from ivr.errors import SetupError
from ivr.lab import api, apps, bridge, conference, joining, play
from ivr.lab.board import Party
from ivr.lab.bridge import be_bridged
from ivr.lab.call import LabCall
from ivr.lab.callcenter import Callcenter
from ivr.lab.desk import Desk
from ivr.lab.dialling import Dial
from ivr.lab.dialplan import Dialplan, actions_for, dialplan_for
from ivr.lab.event import Event
from ivr.lab.faults import Faults
from ivr.lab.kept import Kept
from ivr.lab.leg import Leg
from ivr.lab.listener import Listener
from ivr.lab.living import Living
from ivr.lab.originate import originate
from ivr.lab.person import Person
from ivr.lab.portrait import event_stamp
from ivr.lab.reach import reach
from ivr.lab.ringing import Place, live_at
from ivr.lab.schedule import Schedule
from ivr.lab.script import CallScript, Destination, Step
from ivr.lab.session import Action, live, run_actions

__all__ = ["LabSwitch", "dialplan_for"]

HEARTBEAT_S = 20
"""Between two HEARTBEAT events while the switch listens."""

_SETTLED = (bridge, conference, joining, play)
"""Their applications register themselves when they are imported."""


class LabSwitch:
    """A telephone switch in this process."""

    def __init__(
        self,
        clock: Clock | None = None,
        *,
        dialplan: Dialplan | None = None,
        destinations: Mapping[str, Destination] | None = None,
        log_path: Path | None = None,
        password: str = "ClueCon",  # noqa: S107 - FreeSWITCH's well-known default
        seed: int | None = None,
        folder: Path | None = None,
    ) -> None:
        self.clock: Clock = clock or RealClock()
        self.dialplan: Dialplan = dialplan or {}
        """What is done with a number; may be replaced at any time."""
        self.destinations: dict[str, Destination] = {
            "busy": Destination.busy(),
            "noanswer": Destination.silent(),
            "unallocated": Destination.unallocated(),
            **(destinations or {}),
        }
        """How telephones behave, by number; others answer at once and stay."""
        self.password = password
        self.core_uuid = str(uuids.uuid4())
        """A new one at each start: who reconnects can tell whether it is the same switch."""
        self.variables: dict[str, str] = {
            "hostname": "lab",
            "switchname": "lab",
            "core_uuid": self.core_uuid,
        }
        self.callcenter = Callcenter(self.clock)
        """Its queues: none, until :meth:`~ivr.lab.callcenter.Callcenter.set_queues`."""
        self.rooms: dict[str, list[Leg]] = {}
        """Who is in which conference."""
        self.room: int | None = None
        """Bytes that the recordings' disk still takes; None is without end."""
        self.longest_queue = 100_000
        """Events that a client may be behind; who is still further behind is dropped."""
        self.listeners: list[Listener] = []
        self.kept = Kept(self.clock, log_path, folder)
        """What the switch writes: its log at ``kept.level``, and CDRs where it has a folder."""
        self.faults = Faults(self.clock)
        """What tests plan to go wrong."""
        self._random = random.Random(seed)  # noqa: S311 - names, not secrets
        self._legs: dict[str, Leg] = {}
        self._calls: dict[str, LabCall] = {}  # by leg
        self._desk = Desk(self._second_call)
        self._sequence = itertools.count(1000)
        self._sessions = itertools.count(1)
        self._schedule = Schedule(self.clock)
        self._server: StreamServer | None = None
        self.address: tuple[str, int] | None = None
        """Where it was told to listen last."""
        self._living = Living()
        self.dead = False
        """Whether it was killed."""
        self._disk = log_path, folder

    # -- calls ------------------------------------------------------------------------------

    def place(self, script: CallScript) -> LabCall:
        """Have somebody call; returns at once, the call's ``done`` says how it went."""
        of = script.number, script.caller, script.dialled, script.context
        party = Party(*of, headers=dict(script.headers))
        leg = self._new_leg(party, rate=script.rate)
        for name in ("user_name", "sip_auth_username"):
            leg.set(name, script.account)
        call = LabCall(script, leg, self.clock)
        self._calls[leg.uuid] = call
        self._come_in(leg, script.hz, script.steps)
        return call

    def _second_call(self, leg: Leg, to: str, hz: int) -> Leg:
        """The telephone of a leg makes another call: of the consultation before a transfer."""
        own = leg.party.dialled if leg.outbound else leg.party.number
        second = self._new_leg(Party(own, own, to, leg.party.context), rate=leg.rate)
        call = self._calls.get(leg.uuid)
        if call is not None:
            self._calls[second.uuid] = call
        self._come_in(second, hz, ())
        return second

    def _come_in(self, leg: Leg, hz: int, steps: tuple[Step, ...]) -> None:
        """A call from outside: somebody is at the telephone, and the dialplan takes it up."""
        dialled = leg.party.dialled
        leg.set("DP_MATCH", (dialled, dialled))
        person = Person(self.clock, leg, hz, "caller", self._desk)
        leg.fire("CHANNEL_CREATE")
        self.spawn(person.act, steps)
        self.spawn(live, leg, self.task_for(dialled, "XML", leg.party.context))

    def call(self, caller: Leg, dial: Dial) -> Leg:
        """Make a second leg and let its telephone ring."""
        party = Party(
            dial.get("origination_caller_id_number") or caller.party.number,
            dial.get("origination_caller_id_name") or caller.party.name,
            dial.user,
            caller.party.context,
        )
        leg = self._new_leg(party, outbound=True, rate=caller.rate, other=caller)
        leg.callee = dial.user
        leg.set("originate_endpoint", dial.endpoint.split("/")[0])
        for name in caller.get(apps.EXPORTED).split(","):
            leg.set(name.removeprefix("nolocal:"), caller.get(name))
        for name, value in dial.variables:
            leg.set(name, value)
        leg.watchers.append(lambda name, _: _news(name, caller))
        call = self._calls.get(caller.uuid)
        wanted = None
        if call is not None:
            self._calls[leg.uuid] = call
            call.follow(leg)
            first = None if caller is not call.leg or caller.passed_on else call.script.destination
            wanted = call.script.destinations.get(dial.user, first)
        self._ring(leg, dial, wanted)
        return leg

    def originate(self, text: str) -> str:
        """Call somebody; the answer of ``originate``."""
        return originate(self, text)

    def ring(self, dial: Dial, party: Party, task: Callable[[Leg], None]) -> Leg:
        """Call a telephone for nobody; what is done with it when it answers."""
        leg = self._new_leg(party, outbound=True, uuid=dial.get("origination_uuid"))
        for name, value in dial.variables:
            leg.set(name, value)
        self._ring(leg, dial, None, task)
        return leg

    def _new_leg(
        self,
        party: Party,
        *,
        outbound: bool = False,
        rate: int = 8000,
        other: Leg | None = None,
        uuid: str = "",
    ) -> Leg:
        name = uuid or str(uuids.UUID(int=self._random.getrandbits(128), version=4))
        number = next(self._sessions)
        leg = Leg(self, name, party, number, outbound=outbound, rate=rate, other=other)
        self._legs[name] = leg
        return leg

    def _ring(
        self,
        leg: Leg,
        dial: Dial,
        wanted: Destination | None,
        task: Callable[[Leg], None] = be_bridged,
    ) -> None:
        """Let a telephone ring; the person at it does as its destination says."""
        leg.fire("CHANNEL_OUTGOING", variables=False)
        leg.fire("CHANNEL_CREATE")
        leg.fire("CHANNEL_ORIGINATE")
        if dial.endpoint.startswith("error/"):
            wanted = Destination(refusal=dial.user.upper())

        def at(number: str, wanted: Destination | None = None) -> Place:
            place = wanted or self.destinations.get(number) or Destination()
            return place, lambda: Person(self.clock, leg, place.hz, "destination", self._desk)

        def elsewhere(number: str) -> Place:
            call = self._calls.get(leg.uuid)
            return at(number, None if call is None else call.script.destinations.get(number))

        self.spawn(live_at, leg, at(leg.party.dialled, wanted), elsewhere, task)

    # -- what legs need ---------------------------------------------------------------------

    def task_for(self, number: str, dialplan: str, context: str) -> Callable[[Leg], None]:
        """What the dialplan does with a number: a task for a leg's session."""
        if dialplan == "inline":
            return lambda leg: apps.run_inline(leg, number)
        return lambda leg: self._route(leg, number, context)

    def _route(self, leg: Leg, number: str, context: str) -> None:
        actions = self.actions_for(leg, number, context)
        if actions is not None:
            run_actions(leg, actions)
            return
        self.log("INFO", f"no extension for {number!r} in {context}")
        leg.hang_up("NO_ROUTE_DESTINATION")

    def actions_for(self, leg: Leg, number: str, context: str) -> tuple[Action, ...] | None:
        """What the dialplan does with a number; None where it has no extension for it."""
        return actions_for(self.dialplan, leg, number, context)

    def find(self, uuid: str) -> Leg | None:
        """The leg of this id, if there is one."""
        return self._legs.get(uuid)

    def legs(self) -> list[Leg]:
        """All legs that are up."""
        return list(self._legs.values())

    def remove(self, leg: Leg) -> None:
        """Forget a leg that is over."""
        self._legs.pop(leg.uuid, None)
        self.unschedule(leg.uuid)
        call = self._calls.pop(leg.uuid, None)
        if call is not None and call.leg is leg:
            call.finish()

    def room_for(self, path: str, size: int) -> int:
        """How many of so many bytes more the recordings' disk takes for a file."""
        if not self.faults.takes(path):
            return 0
        if self.room is None:
            return size
        taken = min(size, max(0, self.room))
        self.room -= taken
        return taken

    def schedule(self, group: str, seconds: int, act: Callable[[], None]) -> int:
        """Do something later; the number of the task. Tasks of a group can be deleted."""
        return self._schedule.add(group, seconds, act)

    def unschedule(self, group: str) -> int:
        """Delete tasks by number or group; how many there were."""
        return self._schedule.delete(group)

    def log(self, level: str, text: str) -> None:
        """Write to the switch's log file, where there is one."""
        self.kept.log(level, text)

    def report(self, leg: Leg) -> None:
        """Write the CDR of a leg that was hung up, where CDRs are kept."""
        self.kept.report(leg)

    # -- events -----------------------------------------------------------------------------

    def wants(self, name: str) -> bool:
        """Whether any listener may want events of this name."""
        return not self.dead and any(listener.wants(name) for listener in self.listeners)

    def next_sequence(self) -> int:
        """The next number of an event."""
        return next(self._sequence)

    def fire(self, event: Event) -> None:
        """Hand an event to those who asked for it."""
        for listener in tuple(self.listeners):
            listener.offer(event)

    def fire_named(self, name: str, extra: list[tuple[str, str]], body: str | None) -> None:
        """Fire an event that belongs to no leg."""
        stamp = event_stamp(self, name)
        self.fire(Event(name, [("Event-Name", name), *stamp, *extra], body))

    def api(self, command: str, arg: str) -> str:
        """Run an API command; its answer."""
        whole = f"{command} {arg}"
        return self.faults.around(whole, lambda: api.run(self, command, arg))

    # -- sockets ----------------------------------------------------------------------------

    def connect(self, leg: Leg, arg: str) -> Listener | None:
        """Open the outbound socket; hosts parted by ``|`` are tried in turn."""
        hosts, *words = arg.split() or [""]
        connection = reach(leg, hosts)
        return None if connection is None else self._serve(connection, leg, tuple(words))

    def listen(self, address: tuple[str, int]) -> tuple[str, int]:
        """Listen for inbound connections; the address, with the port that was found for 0.

        Raises:
            SetupError: the address is taken or not ours.
        """
        server = StreamServer(
            address, lambda connection, _: self._serve(connection, None, ()).join()
        )
        try:
            server.start()
        except OSError as error:
            raise SetupError(
                f"the lab switch cannot listen on {address[0]}:{address[1]}: {error.strerror}; "
                "choose another port or stop what uses it"
            ) from error
        if self._server is None:
            self.clock.after(HEARTBEAT_S * 1000, self._heartbeat)
        self._server = server
        found = server.address
        self.address = str(found[0]), int(found[1])
        return self.address

    def _heartbeat(self) -> None:
        if self._server is None:
            return
        self.fire_named("HEARTBEAT", api.heartbeat(len(self._legs), HEARTBEAT_S), None)
        self.clock.after(HEARTBEAT_S * 1000, self._heartbeat)

    def _serve(self, connection: Any, leg: Leg | None, words: tuple[str, ...]) -> Listener:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener = Listener(self, connection, leg, words)
        self.listeners.append(listener)
        listener.start()
        return listener

    def closed(self, listener: Listener) -> None:
        """A connection is over."""
        if listener in self.listeners:
            self.listeners.remove(listener)

    def kill(self) -> None:
        """Die as by SIGKILL: connections are cut, calls vanish, nobody is told (R22).

        Recordings stay as far as they had reached the disk (docs/freeswitch.md 20). The outcomes
        of its calls say ``lost``. :meth:`successor` is what systemd starts then.
        """
        self.dead = True
        if self._server is not None:
            self._server.stop()
            self._server = None
        for leg in self.legs():
            leg.vanish()
        for listener in tuple(self.listeners):
            listener.cut()
        self.listeners.clear()
        self._schedule.clear()
        self._legs.clear()
        calls = {id(call): call for call in self._calls.values()}
        self._calls.clear()
        self._living.kill()
        for call in calls.values():
            call.finish()

    def successor(self) -> Self:
        """The switch that is started after :meth:`kill`: same folder, dialplan and port, with a
        new Core-UUID and no calls."""
        log_path, folder = self._disk
        again = type(self)(
            self.clock,
            dialplan=self.dialplan,
            destinations=self.destinations,
            log_path=log_path,
            password=self.password,
            seed=self._random.getrandbits(32),
            folder=folder,
        )
        again.callcenter.set_queues(*self.callcenter.queues.values())
        again.room, again.kept.level = self.room, self.kept.level
        if self.address is not None:
            again.listen(self.address)
        return again

    def spawn(self, function: Callable[..., object], *words: Any) -> None:
        """Have something done beside all else, as long as the switch lives."""
        self._living.spawn(function, *words)

    def close(self) -> None:
        """Hang up everything, close every connection, stop listening."""
        if self._server is not None:
            self._server.stop()
            self._server = None
        self.faults.release()
        self.faults.thaw()
        for leg in self.legs():
            leg.hang_up("MANAGER_REQUEST")
        for listener in tuple(self.listeners):
            listener.drop()


def _news(name: str, caller: Leg) -> None:
    if name in {"CHANNEL_ANSWER", "CHANNEL_HANGUP"}:
        caller.attend()
