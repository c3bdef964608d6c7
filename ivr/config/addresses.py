"""Where to listen, what to connect to and what to dial (R20, R23)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from ivr.config.kinds import Kind, Known, wrong
from ivr.config.mistakes import quoted


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

    def clashes(self, other: Address) -> bool:
        """Whether both cannot be listened at; port 0 is another free one each time."""
        if self.port == 0 or self.port != other.port:
            return False
        mine, theirs = _same(self.host), _same(other.host)
        return mine == theirs or not {mine, theirs}.isdisjoint(_EVERY_HOST)


_EVERY_HOST = ("0.0.0.0", "::")  # noqa: S104 - to recognise them, not to listen there


def _same(host: str) -> str:
    lower = host.casefold()
    return "127.0.0.1" if lower == "localhost" else lower


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
        if found := _OURS.search(text):
            raise wrong(f"expected it without {quoted(found[1])}, which is the engine's to set")
        if found := _RECORDS.search(text):
            raise wrong(
                f"expected it without {quoted(found[0])}: the engine records, and nobody could "
                "pause another recording"
            )
        if fault := _unbalanced(text):
            raise wrong(f"expected {fault}")
        if fault := _odd_dollar(text):
            raise wrong(f"expected {fault}")
        pieces = _pieces(text)
        if len(pieces) > 1:
            raise wrong(
                'expected no space outside quotes and brackets ("," rings together, "|" one after '
                f"the other){_without_spaces(pieces)}"
            )
        return text


_OURS = re.compile(r"\b(ivr_\w*)\s*=", re.IGNORECASE)
"""A variable of the rendered dialplan's or of the engine's: the last of a name is in force."""
_RECORDS = re.compile(
    r"\b(?:record_session\w*|uuid_record|record_fsv|eavesdrop\w*)\b", re.IGNORECASE
)
_DIALLED = re.compile(r"\$number\b")


def dials_number(text: str) -> bool:
    """Whether the dial string has a place for the number that staff dialled."""
    return _DIALLED.search(text) is not None


def with_number(text: str, number: str) -> str:
    """The dial string with the number in its place."""
    return _DIALLED.sub(lambda _: number, text)


def with_variables(text: str, variables: str) -> str:
    """The dial string with variables (``a=1,b=2``) for every leg that it calls."""
    opening = next((pair for pair in ("{}", "<>") if text.startswith(pair[0])), "")
    if opening:
        return f"{opening[0]}{variables},{text[1:]}"
    return f"{{{variables}}}{text}"


def _odd_dollar(text: str) -> str | None:
    """FreeSWITCH would put something else where a ``$`` is that is not meant for it."""
    if found := re.search(r"\$(?:\{(?:number|[0-9]+)\}|[0-9]+)", text):
        return f'"$number" where the dialled number goes, not {quoted(found[0])}'
    if re.search(r"\$(?!\{|number\b)", text):
        return '"$" only in "$number" and before "{"'
    return None


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


def _pieces(text: str) -> list[str]:
    """The text cut at its spaces, apart from those in brackets and quotes."""
    opening, closing = "{[(", "}])"
    if text.startswith("<"):  # variables for all of several bridges: <…>user/1:_:user/2
        opening, closing = opening + "<", closing + ">"
    pieces, depth, in_quotes = [""], 0, False
    for c in text:
        if c.isspace() and not depth and not in_quotes:
            if pieces[-1]:
                pieces.append("")
            continue
        pieces[-1] += c
        if c in opening:
            depth += 1
        elif c in closing:
            depth = max(0, depth - 1)
        elif c == "'" and not depth:
            in_quotes = not in_quotes
    return pieces


_BRACKETED = re.compile(r"\{[^}]*\}|\[[^\]]*\]|^<[^>]*>")


def legs(text: str) -> list[str]:
    """The telephones of a dial string, one by one, without variables in brackets and quotes."""
    bare = re.split(r"[,|]|:_:", _BRACKETED.sub("", text))
    return [leg.replace("'", "") for leg in bare]


def _without_spaces(pieces: list[str]) -> str:
    """The nearest right dial string as the end of a mistake; empty where none is near."""
    whole = pieces[0]
    for piece in pieces[1:]:
        last = re.split(r"[,|]|:_:", _BRACKETED.sub("", whole))[-1]
        kind, slash, _ = last.rpartition("/")
        if not last or last.endswith("/") or piece.startswith((",", "|", "/", ":_:")):
            whole += piece
        elif not slash and "/" not in piece:
            whole += "/" + piece
        elif slash and piece.isdigit():
            whole += f",{kind}/{piece}"
        else:
            whole += "," + piece
    legs = re.split(r"[,|]|:_:", _BRACKETED.sub("", whole))
    right = all(re.fullmatch(r"[^/]+/.+", leg) for leg in legs)
    return f", did you mean {quoted(whole)}?" if right else ""
