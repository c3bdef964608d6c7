"""Engine and lab switch in one process, joined by loopback sockets, on a clock that is turned."""

from __future__ import annotations

import json
import os
import wave
from array import array
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import gevent
import jsonschema
from gevent import socket
from gevent.threadpool import ThreadPool

from ivr.config.addresses import Address
from ivr.config.load import load
from ivr.config.render import render
from ivr.config.render.queues import render_queues
from ivr.config.settings import Configuration
from ivr.engine.service import Engine
from ivr.lab import CallScript, LabCall, TurnedClock
from ivr.lab.dialplan import Condition, Extension, read_dialplan
from ivr.lab.expect import AGENT_HZ, CALLER_HZ, strength
from ivr.lab.listener import Listener
from ivr.lab.queue import read_queues
from ivr.lab.session import Action
from ivr.storage.atomic import REAL, Disk
from ivr.storage.record_schema import parse_record, record_schema
from tests.engine import site
from tests.lab.tap import TappedSwitch as Switch

SCHEMA = jsonschema.Draft202012Validator(record_schema())
CALLER, AGENT = 0, 1
"""The channels of a recording."""


class House:
    """All that a call needs."""

    def __init__(self, folder: Path, beside: House | None = None, **written: Any) -> None:
        """``beside`` is a house whose clock and FreeSWITCH are this one's, too."""
        self.folder = folder
        self.clock = TurnedClock() if beside is None else beside.clock
        self.freeswitch = folder / "freeswitch"
        """What FreeSWITCH writes but recordings: its log, and the CDR of every leg."""
        self.extensions: dict[str, tuple[Action, ...]] = {}
        """Numbers that the dialplan does not send to the engine; set before :meth:`start`."""
        if beside is None:
            self.switch = Switch(self.clock, seed=1, folder=self.freeswitch)
            _host, self.esl_port = self.switch.listen(("127.0.0.1", 0))
        else:
            self.switch, self.esl_port = beside.switch, beside.esl_port
        self.site_file = site.write(folder, self.esl_port, **written)
        self.spool = folder / "spool"
        self.engines: list[Engine] = []
        self._probes: list[Callable[[], bool]] = []
        self.hung: set[ThreadPool] = set()
        """Pools whose work does not come to its end, as on a disk that hangs: time passes."""

    @property
    def engine(self) -> Engine:
        """The engine that was started last."""
        return self.engines[-1]

    def start(self, disk: Disk = REAL, listening: socket.socket | None = None) -> Engine:
        """Start an engine, and have the dialplan that it renders send calls to it; calls may wait
        already where it listens."""
        configuration = load(self.site_file)
        engine = Engine(configuration, self.clock, disk, listening=listening)
        self.engines.append(engine)
        for pool in (engine.journal._pool, engine.spool._pool, *engine.growth._pools):
            self._probes.append(partial(self._busy, pool))
        self.clock.busy_probes += self._probes
        engine.start()
        engine.context.here = f"127.0.0.1:{engine.calls.port}"  # the port is none that was named
        queues = read_queues(render_queues(configuration))
        self.switch.callcenter.set_queues(*queues)
        self.switch.dialplan = self._dialplan(configuration, engine.calls.port)
        self.clock.settle()
        return engine

    def dialplan(self, *ports: int) -> tuple[Extension, ...]:
        """What `ivr dialplan render` writes for engines at these ports, in the test's own frame:
        numbers that no route claims come to the first engine, too."""
        return self._dialplan(load(self.site_file), *ports)

    def _dialplan(self, configuration: Configuration, *ports: int) -> tuple[Extension, ...]:
        engines = tuple(Address("127.0.0.1", port) for port in ports)
        rendered = render(replace(configuration, site=replace(configuration.site, engines=engines)))
        first = Action("socket", f"{engines[0]} async full")
        return (
            *(_extension(number, actions) for number, actions in self.extensions.items()),
            *read_dialplan(rendered),
            _extension(r"[\s\S]*", (Action("set", "socket_resume=true"), first)),
        )

    def _busy(self, pool: ThreadPool) -> bool:
        return pool not in self.hung and pool.task_queue.unfinished_tasks > 0

    def stop(self) -> None:
        """Stop the engine as SIGTERM does; calls go on."""
        self.clock.run(100)
        self.engine.stop()
        self.forget()
        self.clock.settle()

    def forget(self) -> None:
        """Wait for nothing more that the engine's threads do."""
        for probe in self._probes:
            self.clock.busy_probes.remove(probe)
        self._probes.clear()

    def close(self) -> None:
        """End everything."""
        self.switch.close()
        self.clock.run(10_000)
        if self.engines:
            self.engine.stop(drain_s=0.2)
        self.clock.settle()

    # Calls.

    def place(self, script: CallScript) -> LabCall:
        """Have somebody call; time stands still."""
        call = self.switch.place(script)
        self.clock.settle()
        return call

    def until(self, call: LabCall, phase: str) -> None:
        """Let time pass until the engine has the call in this phase."""
        calls = self.engine.context.calls
        self.clock.run_until(
            lambda: call.uuid in calls and calls[call.uuid].state.phase.value == phase
        )

    def over(self, call: LabCall) -> Call:
        """Let time pass until the call is over and has its record."""
        self.clock.run_until(call.done.ready)
        path = self.spool / "new" / f"{call.uuid}.json"
        self.clock.run_until(path.exists)
        self.clock.run_until(lambda: call.uuid not in self.engine.context.calls)
        return Call(self.spool, call)

    def call(self, script: CallScript) -> Call:
        """Place a call and let it end."""
        return self.over(self.place(script))

    def listener(self, call: LabCall) -> Listener:
        """The switch's end of the call's own socket."""
        return next(one for one in self.switch.listeners if one.leg is call.leg)

    def inbound(self) -> list[Listener]:
        """The switch's ends of connections that belong to no call."""
        return [one for one in self.switch.listeners if one.leg is None]

    @property
    def commands(self) -> list[str]:
        """All that clients sent to the switch, command by command."""
        text = b"".join(self.switch.sent).decode("utf-8", "surrogateescape")
        return [command for one in text.split("\n\n") if (command := one.strip("\n"))]

    # What goes wrong.

    def lose(self, call: LabCall) -> None:
        """The call's own socket breaks; what the engine sent by then, the switch still does."""
        link = self.engine.context.calls[call.uuid]._link
        assert link is not None
        link.sock.shutdown(socket.SHUT_RDWR)
        self.clock.settle()

    def wrote(self, call: LabCall, part: str = "", spool: str = "spool") -> None:
        """The switch wrote to the call's recording now, by the clock that is turned."""
        ns = self.clock.wall_ms() * 1_000_000
        os.utime(self.folder / spool / "recording" / f"{call.uuid}{part}.wav", ns=(ns, ns))

    def lose_line(self, ms: int) -> None:
        """The engine's own line breaks, and FreeSWITCH takes no other one for a while."""
        server = self.switch._server
        assert server is not None
        server.stop_accepting()
        self.inbound()[0].drop()
        self.clock.run(ms)
        server.start_accepting()

    # What is shown.

    def metric(self, name: str, **labels: str) -> float | None:
        """A sample's value; None where there is none."""
        return self.engine.metrics.registry.get_sample_value(name, labels)

    def get(self, path: str) -> tuple[int, str]:
        """Status and body of an HTTP answer of the engine."""
        with socket.create_connection(("127.0.0.1", self.engine.http.port)) as connection:
            connection.sendall(f"GET {path} HTTP/1.0\r\nHost: here\r\n\r\n".encode())
            answer = b""
            while data := connection.recv(65536):
                answer += data
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split()[1]), body.decode()


class Call:
    """A call that is over: its outcome, its record, its recording."""

    def __init__(self, spool: Path, call: LabCall) -> None:
        path = spool / "new" / f"{call.uuid}.json"
        parse_record(path.read_bytes(), path.name)
        self.record: dict[str, Any] = json.loads(path.read_text())
        SCHEMA.validate(self.record)
        self.outcome = call.done.get()
        parts = [
            path.with_name(Path(part["path"]).name) for part in self.record["recording"]["parts"]
        ]
        self.parts = parts
        """The files of the recording, in order."""
        self.audio = parts[0] if parts else path.with_suffix(".wav")

    @property
    def steps(self) -> list[str]:
        return [step["what"] for step in self.record["steps"]]

    @property
    def played(self) -> list[tuple[str, bool]]:
        """The prompts in order, each with whether it was heard to its end."""
        return [(one["name"], one["complete"]) for one in self.record["prompts"]]

    def loudness(
        self, channel: int, hz: int, begin_ms: int = 0, end_ms: int | None = None
    ) -> float:
        """How loud a pitch is in a stretch of a channel of the recording, whose parts are taken
        one after the other."""
        samples = array("h")
        for part in self.parts or [self.audio]:
            with wave.open(str(part), "rb") as file:
                rate = file.getframerate()
                assert file.getnchannels() == 2
                samples.frombytes(file.readframes(file.getnframes()))
        one = samples[channel::2]
        end = len(one) if end_ms is None else end_ms * rate // 1000
        return strength(one[begin_ms * rate // 1000 : end], rate, hz)

    def assert_heard(self, least_ms: int, most_ms: int | None = None) -> None:
        """Caller left, agent right, from the first moment on, and nothing of a prompt."""
        ms = self.record["recording"]["duration_ms"]
        assert least_ms <= ms <= (least_ms + 60 if most_ms is None else most_ms)
        for begin, end in ((0, 200), (ms - 200, ms)):
            caller = self.loudness(CALLER, CALLER_HZ, begin, end)
            agent = self.loudness(AGENT, AGENT_HZ, begin, end)
            assert caller > 1000
            assert agent > 1000
            assert self.loudness(CALLER, AGENT_HZ, begin, end) < caller / 20
            assert self.loudness(AGENT, CALLER_HZ, begin, end) < agent / 20
            for _name, (_ms, hz) in site.LENGTHS.items():
                assert self.loudness(CALLER, hz, begin, end) < caller / 20
                assert self.loudness(AGENT, hz, begin, end) < agent / 20


def _extension(number: str, actions: tuple[Action, ...]) -> Extension:
    return Extension(number, (Condition("destination_number", f"^(?:{number})$", actions),))


def spawned(function: Any) -> gevent.Greenlet:
    """Run beside the test, which turns the clock meanwhile."""
    return gevent.spawn(function)
