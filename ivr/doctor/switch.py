"""FreeSWITCH, asked about itself over a connection of its own, which then ends.

Only questions are sent: none of them changes anything. ``fsctl loglevel`` is not among them, for
without a level it switches FreeSWITCH's log off (docs/freeswitch.md 14f); so the level that is
in force is not known, only the one that is configured.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from xml.etree import ElementTree as ET

import gevent
from gevent.event import AsyncResult, Event
from gevent.socket import create_connection

from ivr.config.settings import Address
from ivr.errors import SwitchError, WireError
from ivr.esl.session import Link
from ivr.esl.wire import Message, line

LIMIT_S = 3.0
"""How long all of a conversation may take: to connect, to be let in, to be answered."""
_AT_ONCE = 100

CONFIGURATIONS = (
    "switch.conf",
    "logfile.conf",
    "console.conf",
    "event_socket.conf",
    "cdr_csv.conf",
    "sofia.conf",
)
"""Those that can let callers' keys out, or spoil recordings."""
VARIABLES = ("core_uuid", "digits_dialed_filter", "log_dir")


class SwitchAway(SwitchError):
    """FreeSWITCH could not be asked; ``stage`` says how far it went."""

    def __init__(self, stage: Literal["connecting", "password", "answering"], why: str) -> None:
        self.stage = stage
        super().__init__(why)


@dataclass(frozen=True, slots=True)
class Said:
    """What FreeSWITCH says of itself."""

    local: bool
    """It runs on this host."""
    version: str
    modules: frozenset[str]
    """Those that are loaded; empty where it does not list them."""
    interfaces: frozenset[tuple[str, str]]
    """What they provide: kind (``application``, ``api``, ``file``, …) and name."""
    debug_level: int | None
    variables: Mapping[str, str] = field(default_factory=dict)
    """Of :data:`VARIABLES`, those that are set."""
    settings: Mapping[str, ET.Element] = field(default_factory=dict, repr=False)
    """Of :data:`CONFIGURATIONS`, as FreeSWITCH read them last."""
    contexts: Mapping[str, ET.Element] = field(default_factory=dict, repr=False)
    """The dialplan's contexts that were asked for, as it is in force."""
    told: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Its answers to further questions."""


class Conversation:
    """A connection to the event socket, for a few questions. To be closed."""

    def __init__(self, address: Address, password: str) -> None:
        """Connect and be let in.

        Raises:
            SwitchAway: FreeSWITCH is not there, lets nobody in, or does not answer.
        """
        self._greeted = Event()
        self._lost = Event()
        self._why = ""
        self._limit = gevent.Timeout(LIMIT_S)
        self._limit.start()
        try:
            plain = create_connection((address.host, address.port))
        except OSError as error:
            self._limit.close()
            raise SwitchAway("connecting", error.strerror or str(error)) from error
        except gevent.Timeout as late:
            raise self._late(late, "connecting", "does not accept the connection") from None
        sock = socket.socket(fileno=plain.detach())
        self.local = sock.getpeername()[0] == sock.getsockname()[0]
        self._link = Link(sock, self._heard, self._gone)
        try:
            self._let_in(password)
        except SwitchAway:
            self.close()
            raise

    def _let_in(self, password: str) -> None:
        try:
            gevent.wait([self._greeted, self._lost], count=1)
        except gevent.Timeout as late:
            raise self._late(late, "connecting", "is no FreeSWITCH: it does not greet") from None
        if self._lost.is_set():
            raise SwitchAway("connecting", self._why)
        try:
            command = line(f"auth {password}")
        except WireError:
            raise SwitchAway("password", "the password has a control character in it") from None
        (reply,) = self._answers(command, 1)
        if reply.refused:
            raise SwitchAway("password", f"FreeSWITCH answered {reply.reply}")

    def ask(self, commands: Sequence[str]) -> list[str]:
        """FreeSWITCH's answer to each of these ``api`` commands.

        Raises:
            SwitchAway: the connection was lost, or it does not answer in time.
        """
        told: list[str] = []
        for at in range(0, len(commands), _AT_ONCE):
            some = commands[at : at + _AT_ONCE]
            text = b"".join(line(f"api {command}") for command in some)
            told += [reply.reply for reply in self._answers(text, len(some))]
        return told

    def close(self) -> None:
        """End the connection; harmless when it has ended."""
        self._limit.close()
        self._link.stop()

    def _answers(self, text: bytes, count: int) -> list[Message]:
        waiting: list[AsyncResult[Message | None]] = [AsyncResult() for _ in range(count)]
        self._link.post(text, *(one.set for one in waiting))
        replies = []
        for one in waiting:
            try:
                reply = one.get()
            except gevent.Timeout as late:
                raise self._late(late, "answering", "does not answer") from None
            if reply is None:
                raise SwitchAway("answering", self._why or "the connection was lost")
            replies.append(reply)
        return replies

    def _late(
        self, late: gevent.Timeout, stage: Literal["connecting", "answering"], what: str
    ) -> SwitchAway:
        if late is not self._limit:
            raise late
        self._limit.close()
        return SwitchAway(stage, f"it {what} within {LIMIT_S:.0f} s")

    def _heard(self, message: Message) -> None:
        if message.kind == "auth/request":
            self._greeted.set()
        elif message.kind == "text/rude-rejection":
            self._gone("its access list refuses this host (event_socket.conf.xml)")

    def _gone(self, why: str) -> None:
        self._why = self._why or why
        self._lost.set()


def interview(
    address: Address, password: str, contexts: Sequence[str], more: Sequence[str] = ()
) -> Said:
    """Ask FreeSWITCH all that the checks need to know; ``more`` are questions in its own words.

    Raises:
        SwitchAway: FreeSWITCH is not there, lets nobody in, or does not answer.
    """
    talk = Conversation(address, password)
    try:
        version, modules, debug, *rest = talk.ask(
            [
                "version",
                "show modules",
                "fsctl debug_level",
                *(f"global_getvar {name}" for name in VARIABLES),
                *(f"xml_locate configuration configuration name {n}" for n in CONFIGURATIONS),
                *(f"xml_locate dialplan context name {name}" for name in contexts),
                *more,
            ]
        )
    finally:
        talk.close()
    values, found = rest[: len(VARIABLES)], rest[len(VARIABLES) :]
    at = len(CONFIGURATIONS) + len(contexts)
    loaded, interfaces = _modules(modules)
    return Said(
        talk.local,
        version,
        loaded,
        interfaces,
        _debug_level(debug),
        # Of one that is not set it says "-ERR no reply".
        {
            name: value
            for name, value in zip(VARIABLES, values, strict=True)
            if value and not value.startswith("-ERR")
        },
        _elements(CONFIGURATIONS, found[: len(CONFIGURATIONS)]),
        _elements(contexts, found[len(CONFIGURATIONS) : at]),
        dict(zip(more, found[at:], strict=True)),
    )


def _modules(text: str) -> tuple[frozenset[str], frozenset[tuple[str, str]]]:
    """``kind,name,module,file``, a line each; a name may hold commas of its own, in theory."""
    modules, interfaces = set(), set()
    for row in text.splitlines():
        words = row.split(",")
        if len(words) >= 4 and words[-2].startswith("mod_"):
            modules.add(words[-2])
            interfaces.add((words[0], ",".join(words[1:-2])))
    return frozenset(modules), frozenset(interfaces)


def _debug_level(text: str) -> int | None:
    """``+OK DEBUG level: 0``"""
    number = text.rpartition(":")[2].strip()
    return int(number) if text.startswith("+OK") and number.isdecimal() else None


def _elements(names: Sequence[str], texts: Sequence[str]) -> dict[str, ET.Element]:
    """What is there and is XML; FreeSWITCH says ``can't find anything`` otherwise."""
    found = {}
    for name, text in zip(names, texts, strict=True):
        try:
            found[name] = ET.fromstring(text)  # noqa: S314  # FreeSWITCH's own configuration
        except ET.ParseError:
            continue
    return found
