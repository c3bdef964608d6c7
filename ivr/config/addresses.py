"""Where to listen, what to connect to and what to dial (R20, R23)."""

from __future__ import annotations

from dataclasses import dataclass

from ivr.config.kinds import Kind, Known, wrong


@dataclass(frozen=True, slots=True)
class Address:
    """A host and a port."""

    host: str
    """Without brackets, also where it is IPv6."""
    port: int

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @classmethod
    def of(cls, text: str) -> Address:
        """The address in ``host:port`` or ``[IPv6]:port``, which :class:`AddressText` accepted."""
        host, _, port = text.rpartition(":")
        return cls(host.strip("[]"), int(port))


_HOST = r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?"


@dataclass(frozen=True, slots=True)
class Host(Kind):
    """A host's name or address."""

    expected: str = "a host's name or address"
    pattern: str | None = rf"{_HOST}|[0-9A-Fa-f:]*::?[0-9A-Fa-f:.]*"


@dataclass(frozen=True, slots=True)
class AddressText(Kind):
    """``host:port`` to listen at (port 0: any that is free)."""

    expected: str = '"host:port" with a port up to 65535'
    pattern: str | None = rf"(?:{_HOST}|\[[0-9A-Fa-f:.]{{2,45}}\]):[0-9]{{1,5}}"
    lowest_port: int = 0

    def from_number(self, number: int) -> str:
        """See :class:`Kind`: a port alone is meant for this host."""
        return f"127.0.0.1:{number}"

    def accept(self, text: str, known: Known) -> str:
        """See :class:`Kind`."""
        Kind.accept(self, text, known)
        if not self.lowest_port <= int(text.rpartition(":")[2]) <= 65535:
            raise wrong(f"expected {self.expected}")
        return text


@dataclass(frozen=True, slots=True)
class EngineAddress(AddressText):
    """``host:port`` that FreeSWITCH's ``socket`` connects to (docs/freeswitch.md 8)."""

    expected: str = '"host:port" with a port from 1 to 65535'
    pattern: str | None = rf"{_HOST}:[0-9]{{1,5}}"
    lowest_port: int = 1

    def accept(self, text: str, known: Known) -> str:
        """See :class:`Kind`."""
        AddressText.accept(self, text, known)
        if text.startswith("0.0.0.0:"):
            raise wrong('expected an address that can be connected to, such as "127.0.0.1:8084"')
        return text


@dataclass(frozen=True, slots=True)
class DialString(Kind):
    """What FreeSWITCH's ``bridge`` is given; it becomes part of a command (R23)."""

    expected: str = 'a FreeSWITCH dial string such as "user/1001"'

    def from_number(self, number: int) -> str:
        """See :class:`Kind`: a number alone is an extension."""
        return f"user/{number}"

    def accept(self, text: str, known: Known) -> str:
        """See :class:`Kind`."""
        del known
        if any(c < " " or c == "\x7f" for c in text):
            raise wrong(f"expected {self.expected} on one line, without control characters")
        if not text or text != text.strip() or len(text) > 2000:
            raise wrong(f"expected {self.expected}, without spaces around it")
        if "$${" in text:
            raise wrong("expected no $${…}, which only FreeSWITCH's own files know")
        if fault := _unbalanced(text):
            raise wrong(f"expected {fault}")
        return text


_CLOSES = {"}": "{", "]": "[", ")": "("}


def _unbalanced(text: str) -> str | None:
    open_now: list[str] = []
    for c in text:
        if c in "{[(":
            open_now.append(c)
        elif c in _CLOSES and (not open_now or open_now.pop() != _CLOSES[c]):
            return f'"{_CLOSES[c]}" before "{c}"'
    if open_now:
        closing = next(close for close, begin in _CLOSES.items() if begin == open_now[-1])
        return f'"{closing}" after "{open_now[-1]}"'
    return None
