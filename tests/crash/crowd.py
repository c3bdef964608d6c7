"""Many calls at once, and an engine in another process that is killed under them (R22)."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path

from gevent import socket
from gevent.socket import wait_read

from ivr.clock import RealClock
from ivr.config.load import load
from ivr.lab.alarm import sleep_until
from ivr.lab.listener import Listener
from ivr.storage.segments import read
from tests.crash.books import Books
from tests.crash.callers import Callers
from tests.crash.people import Dialogue, Someone, alive
from tests.crash.place import COLLEAGUE, dialplan_of, write_site
from tests.crash.switch import Span, TruthfulSwitch
from tests.engine.site import NUMBER
from tests.engine.town import PAY_BY_PHONE

MOST_DOWN_MS = 20_000
"""How long an engine may take to be there."""


class Zygote:
    """Engines in a process of their own, one after the other."""

    def __init__(self, site_file: Path, log_file: Path, *more: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.zygote", str(site_file), str(log_file), *more],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parents[2],
        )
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._in, self._out = self._process.stdin.fileno(), self._process.stdout.fileno()
        assert self._answer() == "ready"
        self.pid = 0

    def start(self) -> None:
        """Start an engine; returns when it is a process, and long before it is there."""
        os.write(self._in, b"s")
        self.pid = int(self._answer())

    def kill(self) -> None:
        """SIGKILL."""
        os.kill(self.pid, signal.SIGKILL)

    def stop(self) -> int:
        """SIGTERM; returns when it has ended, with how."""
        os.kill(self.pid, signal.SIGTERM)
        os.write(self._in, b"w")
        return int(self._answer())

    def close(self) -> None:
        """End all of it."""
        os.close(self._in)
        self._process.stdin = None
        while self._answer():
            continue
        self._process.wait()
        self._process.stdout.close()

    def _answer(self) -> str:
        wait_read(self._out)  # the switch in this process goes on meanwhile
        return os.read(self._out, 100).decode().strip()


class Crowd:
    """A switch in this process with so many calls at all times."""

    def __init__(
        self, folder: Path, seed: int, *, at_once: int, systemd: bool = False, more: str = ""
    ) -> None:
        self.random = random.Random(seed)
        self.systemd = systemd
        """Calls wait in its socket while there is no engine."""
        self.clock = RealClock()
        self.spool = folder / "spool"
        self.log = folder / "engine.log"
        self.switch = TruthfulSwitch(self.clock, copies=folder / "copies", seed=seed)
        _host, port = self.switch.listen(("127.0.0.1", 0))
        file = write_site(folder / "site", port, more=f"log:\n  format: json\n{more}")
        self.port = _free_port()
        text = file.read_text().replace(
            'listen: "127.0.0.1:0"', f'listen: "127.0.0.1:{self.port}"', 1
        )
        file.write_text(text.replace("spool: ../spool", f"spool: {self.spool}"))
        self.switch.dialplan = dialplan_of(load(file), self.port)
        self.zygote = Zygote(file, self.log, *([str(self.port)] if systemd else []))
        self.callers = Callers(self.switch)
        self.callers.answering = {"desk": self._agent, "colleague": self._last, "pay": _line}
        self._at_once = at_once
        self._calling = False
        self._starts = 0
        self._earlier: tuple[Listener, ...] = ()
        self.plans: dict[str, str] = {}
        """What each call is to become, by its leg."""

    # Time.

    def wait(self, ms: float) -> None:
        """Let time pass."""
        sleep_until(self.clock, self.clock.monotonic_ms() + int(ms))

    def until(self, reached: Callable[[], bool], most_ms: int) -> bool:
        """Wait for what nothing tells of; whether it came."""
        end = self.clock.monotonic_ms() + most_ms
        while not reached():
            if self.clock.monotonic_ms() >= end:
                return False
            self.wait(20)
        return True

    @property
    def there(self) -> bool:
        """The engine that was started last has come to the switch and is listening."""
        return any(
            one.leg is None and one.wants("HEARTBEAT") and one not in self._earlier
            for one in self.switch.listeners
        )

    def start(self) -> None:
        """Start an engine; it is not there yet."""
        self._earlier = tuple(self.switch.listeners)
        self.zygote.start()
        self._starts += 1
        alive(partial(self._wait_for_it, self._starts))

    def _wait_for_it(self, start: int) -> None:
        self.until(lambda: self.there or self._starts > start, MOST_DOWN_MS)
        if self._starts == start:
            self.switch.engine_back()

    def kill(self) -> None:
        """Kill the engine."""
        self.zygote.kill()
        self.switch.engine_gone()

    def upgrade(self) -> int:
        """Stop the engine and start the next one; how the first one ended."""
        self.switch.engine_gone()  # it hears of nothing while it ends
        code = self.zygote.stop()
        self.start()
        return code

    # Calls.

    def begin(self) -> None:
        """Have people call, and others for each whose call has ended."""
        self._calling = True
        for _ in range(self._at_once):
            # Not all in the same moment: each is somewhere else in its story.
            self.clock.after(self.random.randrange(2_000), self._call)

    def enough(self) -> None:
        """Nobody calls any more."""
        self._calling = False

    def _call(self) -> None:
        if not self._calling:
            return
        plan = self.random.choice(
            ("talk", "talk", "pause", "pause", "opt out", "give up", "pay", "hold", "transfer")
        )
        number = PAY_BY_PHONE if plan == "pay" else NUMBER
        label = f"call {len(self.callers.calls)} ({plan})"
        call = self.callers.place(label, number, self._caller)
        self.plans[call.leg.uuid] = plan
        call.patience_ms, call.tries = 700, 20
        call.ends = "caller" if plan in ("give up", "pay") else "destination"
        call.call.done.rawlink(lambda _: self.clock.after(10, self._call))

    def _caller(self, call: Dialogue) -> None:
        plan = self.plans[call.leg.uuid]
        caller = call.caller
        if plan == "give up":
            caller.until(lambda: bool(call.leg.heard) or caller.connected)
            caller.wait(self.random.randrange(400))
            call.hang_up(caller)
        elif plan == "pay":
            if caller.until(lambda: caller.connected):
                now = self.clock.monotonic_ms
                call.pausing.append(Span(now()))
                caller.wait(200)
                call.tell_secret(400)
                caller.wait(200)
                call.pausing[-1].end_ms = now()
                call.hang_up(caller)
        else:
            call.listen(_opting_out(call, plan == "opt out"))

    def _agent(self, call: Dialogue, me: Someone) -> None:
        plan = self.plans[call.leg.uuid]
        me.wait(self.random.randrange(200, 1_200))
        if plan in ("pause", "transfer"):
            call.pause(me, secret_ms=300)
        if plan == "hold":
            call.hold(me, 400)
        me.wait(self.random.randrange(100, 600))
        if plan == "transfer":
            call.transfer(me, COLLEAGUE)
        else:
            call.hang_up(me)

    def _last(self, call: Dialogue, me: Someone) -> None:
        me.wait(self.random.randrange(100, 500))
        call.hang_up(me)

    # The end.

    def finish(self) -> list[str]:
        """Let all calls end and an engine come to its rest; what is wrong in the books."""
        self.enough()
        calls = self.callers.calls
        if not self.until(lambda: self.callers.all_over, 60_000):
            return [f"{one.label} does not end" for one in calls if not one.call.done.ready()]
        self.until(self._at_rest, 30_000)
        return Books(self.spool, self.switch.written, calls, strict=False).balance()

    def _at_rest(self) -> bool:
        left = [*(self.spool / "recording").iterdir(), *(self.spool / "tmp").iterdir()]
        return not left and all(call.finished for call in read(self.spool / "journal").calls)

    def counts(self) -> Counter[str]:
        """What became of the calls."""
        found: Counter[str] = Counter()
        for one in self.callers.calls:
            found["unrecorded" if one.unrecorded else self.plans[one.leg.uuid]] += 1
        return found

    def close(self) -> None:
        """End everything."""
        self.enough()
        self.zygote.close()
        self.switch.close()


def _line(call: Dialogue, me: Someone) -> None:
    """The payment line takes what it is told."""


def _opting_out(call: Dialogue, wanted: bool) -> dict[str, Callable[[], None]]:
    tried = not wanted

    def opt_out() -> None:
        nonlocal tried
        if not tried:
            tried = True
            call.caller.wait(60)
            call.caller.press("*#*")

    def come_back() -> None:
        call.caller.wait(120)
        call.caller.press("1")

    return {"announcement": opt_out, "reminder": come_back}


def _free_port() -> int:
    """One that the kernel gives to nobody by itself, so that it is free between two engines."""
    with open("/proc/sys/net/ipv4/ip_local_port_range", encoding="ascii") as file:
        lowest = int(file.read().split()[0])
    chosen = random.SystemRandom()
    while True:
        port = chosen.randrange(10_000, max(10_001, lowest))
        with socket.socket() as one:
            one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                one.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
