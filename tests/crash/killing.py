"""An engine that is killed at a step of its choosing, in this process (R22).

Everything through which an engine can act or hear is given to it here: its disk, its clock, its
connections, its threads. Each write, sync, rename, command sent and message received is a
:class:`Step` that is counted. At the one that was chosen the engine dies: what it was doing is
unwound by :class:`Killed`, its sockets are closed as the kernel would close them, and nothing of
it acts any more. ``let_go`` and ``stop`` are never run.

Work in threads is done in the loop instead, a moment later (:data:`DISK_MS`), so that each run of
a story has the same steps in the same order.
"""

from __future__ import annotations

import os
import re
import sys
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal, TypeVar
from unittest import mock

import gevent
from gevent.threadpool import ThreadPool

from ivr.clock import Clock, Timer
from ivr.engine.service import Engine
from ivr.esl.session import Link, OnReply
from ivr.esl.wire import EVENT, Message
from ivr.storage.atomic import Disk

DISK_MS = 2
"""How long a job in a thread takes until it begins."""

When = Literal["before", "half"]
"""Whether the step at which the engine dies was not done, or by half (of its bytes). Done wholly
it is the same as the next step not done: an engine that waits does nothing to the world."""

_T = TypeVar("_T")
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
_CALL_ID = re.compile(r"([0-9a-f]{8})(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Killed(gevent.GreenletExit):
    """The engine is dead: unwinds what it was doing, silently."""


@dataclass(frozen=True, slots=True)
class Step:
    """A step that an engine took."""

    number: int
    """From 1, in the engine's life."""
    name: str
    """Such as ``write journal/0000000001.journal``, ``command api uuid_record ... mask``."""
    when: tuple[When, ...]
    """How an engine can be killed at it, to a different effect each."""

    def __str__(self) -> str:
        return f"step {self.number}, {self.name}"


@dataclass(frozen=True, slots=True)
class Death:
    """Where an engine is to die."""

    step: Step
    when: When

    def __str__(self) -> str:
        return f"killed {self.when} {self.step}"


class Life:
    """One engine's life, until :meth:`die`."""

    current: Life | None = None
    """Of the engine that is being made, or was made last: what it opens is its own."""

    def __init__(
        self, clock: Clock, root: str, death: Death | None = None, below: Disk | None = None
    ) -> None:
        """``below`` is the disk that its steps are taken on."""
        self._below = below or Disk(fsync=_synced, fdatasync=_synced)
        self._root = root
        self._death = death
        self.dead = False
        self.steps: list[Step] = []
        self.engine: Engine | None = None
        self.links: list[MortalLink] = []
        self.touched: Callable[[str], None] = lambda _path: None
        """Told of each file before it is written to, moved or removed."""
        self.died: Callable[[], None] = lambda: None
        self.shown: Callable[[str], None] = lambda _path: None
        """Told of each file that was moved to its place."""
        self.refuse: Callable[[str, str], OSError | None] = lambda _what, _path: None
        """What the disk answers to a step on a path; None is that it does it."""
        self.clock = _Clock(self, clock)
        self._paths: dict[int, str] = {}

    def step(
        self, name: str, do: Callable[[], _T], *, half: Callable[[], object] | None = None
    ) -> _T:
        """Take a step, or die at it. Raises Killed."""
        if self.dead:
            raise Killed
        when: tuple[When, ...] = ("before",) if half is None else ("before", "half")
        step = Step(len(self.steps) + 1, _CALL_ID.sub(r"\1", name), when)
        self.steps.append(step)
        death = self._death
        if death is None or step.number != death.step.number:
            return do()
        assert step.name == death.step.name, (
            f"{step} was {death.step} when the steps were counted: the story is not the same"
            " each time"
        )
        if death.when == "half" and half is not None:
            half()
        self.die()
        raise Killed

    def die(self) -> None:
        """Be gone, as after SIGKILL."""
        if self.dead:
            return
        self.dead = True
        self.died()
        for link in self.links:
            link.cut()
        engine = self.engine
        if engine is not None:
            engine.calls.stop()  # the listening socket; calls in progress are in `links`
            engine.http._server.close()
            if engine._control_loop is not None:
                engine._control_loop.kill(block=False)
        for fd in tuple(self._paths):
            os.close(fd)
        self._paths.clear()

    def run(self, call: Callable[..., object], *words: object) -> None:
        """Have the engine do something, while it lives."""
        if not self.dead:
            try:
                call(*words)
            except Killed:
                return

    # The disk.

    def disk(self) -> Disk:
        """The engine's disk."""
        return Disk(
            open=self._open,
            fchmod=lambda fd, mode: self._alive(self._below.fchmod, fd, mode),
            write=self._write,
            pwrite=self._pwrite,
            ftruncate=lambda fd, size: self._on(
                "ftruncate", self._paths.get(fd, ""), self._below.ftruncate, fd, size
            ),
            set_time=lambda fd, ns: self._on(
                "set_time", self._paths.get(fd, ""), self._below.set_time, fd, ns
            ),
            fdatasync=lambda fd: self._on(
                "fdatasync", self._paths.get(fd, ""), self._below.fdatasync, fd
            ),
            fsync=lambda fd: self._on("fsync", self._paths.get(fd, ""), self._below.fsync, fd),
            close=self._close,
            rename=self._rename,
            unlink=lambda path: self._on("unlink", path, self._below.unlink, path),
        )

    def _alive(self, call: Callable[..., _T], *words: Any) -> _T:
        if self.dead:
            raise Killed
        return call(*words)

    def _on(self, what: str, path: str, call: Callable[..., _T], *words: Any) -> _T:
        def do() -> _T:
            refused = self.refuse(what, path)
            if refused is not None:
                raise refused
            if what not in ("fsync", "fdatasync", "open"):
                self.touched(path)
            return call(*words)

        return self.step(f"{what} {self._short(path)}", do)

    def _short(self, path: str) -> str:
        return os.path.relpath(path, self._root) if path else ""

    def _sync(self, what: str, call: Callable[[int], None], fd: int) -> None:
        self._on(what, self._paths.get(fd, ""), call, fd)

    def _open(self, path: str, flags: int, mode: int) -> int:
        if flags & _WRITING:
            fd = self._on("open", path, self._below.open, path, flags, mode)
        else:
            fd = self._alive(self._below.open, path, flags, mode)
        self._paths[fd] = path
        return fd

    def _close(self, fd: int) -> None:
        if self._paths.pop(fd, None) is not None:  # else the kernel has closed it
            os.close(fd)

    def _write(self, fd: int, data: bytes) -> int:
        return self._writing("write", fd, data, lambda piece: self._below.write(fd, piece))

    def _pwrite(self, fd: int, data: bytes, at: int) -> int:
        return self._writing("pwrite", fd, data, lambda piece: self._below.pwrite(fd, piece, at))

    def _writing(self, what: str, fd: int, data: bytes, put: Callable[[bytes], int]) -> int:
        path = self._paths.get(fd, "")

        def do() -> int:
            refused = self.refuse(what, path)
            if refused is not None:
                raise refused
            self.touched(path)
            return put(data)

        half = len(data) // 2
        return self.step(f"{what} {self._short(path)}", do, half=lambda: put(data[:half]))

    def _rename(self, source: str, target: str) -> None:
        def do() -> None:
            refused = self.refuse("rename", source) or self.refuse("rename", target)
            if refused is not None:
                raise refused
            self.touched(source)
            self._below.rename(source, target)
            self.shown(target)

        self.step(f"rename {self._short(source)} {self._short(target)}", do)


def _synced(_fd: int) -> None:
    """What is written outlives a process without it; it is a step all the same."""


class _Clock:
    """A clock whose timers die with the engine."""

    def __init__(self, life: Life, clock: Clock) -> None:
        self._life = life
        self._clock = clock

    def monotonic_ms(self) -> int:
        return self._clock.monotonic_ms()

    def wall_ms(self) -> int:
        return self._clock.wall_ms()

    def after(self, ms: int, call: Callable[[], None]) -> Timer:
        return self._clock.after(ms, lambda: self._life.run(call))


class MortalLink(Link):
    """A connection whose commands and messages are steps."""

    def __init__(
        self,
        sock: Any,
        on_message: Callable[[Message], None],
        on_lost: Callable[[str], None],
    ) -> None:
        assert Life.current is not None
        self.life = Life.current
        self._sent: deque[str] = deque()
        super().__init__(sock, on_message, on_lost)
        self.life.links.append(self)

    def post(self, data: bytes, *replies: OnReply | None) -> None:
        if not replies:  # an empty line, which is no command
            self.life._alive(super().post, data)
            return
        pieces = [piece + b"\n\n" for piece in data.split(b"\n\n")[:-1]]
        assert len(pieces) == len(replies), data
        for piece, reply in zip(pieces, replies, strict=True):
            name = _told(piece)
            self._sent.append(name)
            self.life.step(f"command {name}", lambda p=piece, r=reply: self._post(p, r))

    def _post(self, piece: bytes, reply: OnReply | None) -> None:
        super().post(piece, reply)

    def handle_event(self, event: Message) -> None:
        name = event.event_name if event.kind == EVENT else event.kind
        if event.kind in ("command/reply", "api/response") and self._sent:
            name = f"reply to {self._sent.popleft()}"
        elif name == "HEARTBEAT":
            self.life._alive(super().handle_event, event)
            return
        self.life.step(f"hear {name}", lambda: self._handle(event))

    def _handle(self, event: Message) -> None:
        super().handle_event(event)

    def cut(self) -> None:
        """What the kernel does to the socket of a dead process; nobody is told."""
        if not self._closed:
            self._closed = True
            self.connected = False
            self._reader.stop()
            self._reader.close()
            self._drop_writer()
            self._waiting.clear()
            self.sock.close()


def _told(command: bytes) -> str:
    """A command in a few words: without paths, and of a password nothing."""
    text = command.decode("utf-8", "replace")
    first, *more = text.strip().split("\n")
    words = first.split(" ")
    if words[0] == "auth":
        return "auth"
    if words[0] == "sendmsg":
        found = {key: value for key, _, value in (line.partition(": ") for line in more)}
        return f"sendmsg {found.get('execute-app-name', found.get('call-command', ''))}"
    if words[0] == "api" and words[1] == "uuid_setvar_multi":
        names = [pair.partition("=")[0] for pair in " ".join(words[3:]).split(";")]
        return f"{' '.join(words[:3])} {names[0]} and {len(names) - 1} more"
    return " ".join([os.path.basename(word) for word in words])


class _Job:
    """What a job in a thread comes to."""

    def __init__(self) -> None:
        self.value: Any = None
        self.exception: BaseException | None = None
        self._told: Callable[[_Job], None] | None = None
        self._over = False

    def get(self) -> Any:
        if self.exception is not None:
            raise self.exception
        return self.value

    def rawlink(self, told: Callable[[_Job], None]) -> None:
        self._told = told

    def do(self, call: Callable[..., Any], words: tuple[Any, ...]) -> None:
        try:
            self.value = call(*words)
        except Exception as error:  # noqa: BLE001 - as a thread of gevent's pool does
            self.exception = error
        if self._told is not None:
            self._told(self)


class _Pool:
    """Stands in for a pool of threads: each job is done in the loop, a moment later."""

    def __init__(self, maxsize: int) -> None:
        assert Life.current is not None
        self._life = Life.current

    def spawn(self, call: Callable[..., Any], *words: Any) -> _Job:
        job = _Job()
        self._life.clock.after(DISK_MS, lambda: job.do(call, words))
        return job

    def apply(self, call: Callable[..., Any], words: tuple[Any, ...] = ()) -> Any:
        return self._life._alive(call, *words)

    def kill(self) -> None:
        """Nothing to end."""


@contextmanager
def mortal() -> Iterator[None]:
    """While this lasts, engines are made of what can be killed: set :attr:`Life.current` first."""
    patches = [
        mock.patch.object(module, name, with_)
        for path, module in tuple(sys.modules.items())
        if path.startswith(("ivr.engine.", "ivr.storage."))
        for name, real, with_ in (("Link", Link, MortalLink), ("ThreadPool", ThreadPool, _Pool))
        if getattr(module, name, None) is real
    ]
    for patch in patches:
        patch.start()
    try:
        yield
    finally:
        for patch in patches:
            patch.stop()
        Life.current = None
