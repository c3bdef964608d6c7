"""Finds a number that somebody keyed, wherever and however it was kept (R6).

``digits_in`` goes through every byte of files and of given bytes; ``tones_in`` (see
:mod:`tests.leaks.tones`) listens for the keys themselves. A number counts as found where so
many of its digits stand in a row as are asked for, six unless told: the first six of a card
name its bank, and six in a row are no accident where the numbers are chosen as
:data:`tests.leaks.cards.CARDS` were.

The disguises, and why each is looked for:

- *plain*: as it stands; in text, JSON, XML, a float, bytes' ``repr``, a file's name.
- *grouped*: as people and forms write it, four and four with a space, ``-``, ``+`` (a form's
  space), ``%20`` and the like between, or as items of a list.
- *one by one*: single digits with something between: a line each, a JSON array, ``repr`` of a
  list, UTF-16 and UTF-32 (zero bytes between).
- *events*: ``DTMF-Digit: 4`` in one event after the other, sorted by ``Unique-ID``.
- *log lines*: ``RECV DTMF 4:800``, ``key=4`` or ``uuid_send_dtmf ID 4@80`` line by line, sorted
  by the call's id.
- *values*: one digit for each ``"detail":"4"`` or ``what=4``, sorted by the name and the call's id.
- *pairs*: one digit in each ``('4', 1060)`` or ``0: '4'``: with when it came, or which it was.
- *encoded*: ``%34``, ``\\u0034``, ``\\x34``, ``&#x34;``, hexadecimal ``3439`` or ``34 39``, decimal
  codes ``52, 57``.
- *base64*: at each of its three offsets.
- *gzip*: a file that begins as gzip does is unpacked and searched, too.

Not looked for: the number backwards (nothing here turns text round, and it would double the
false alarms), packed decimal, hashes and encryption (nothing here makes them of keys); digits
that stand in words of their own (``pressed four``), or with a name of their own each; values and
pairs that only count up (``1``, ``2``, ``3`` ...); a part of the number that is shorter than what
is asked for, as a security code or an expiry is (``keys_told`` finds those as events and log
lines, but not as values or pairs); a number in the shape of an id, a hash, a checksum of the
journal, a metric's sum of seconds or a disk's free bytes; groups of five and fewer, a line each.
"""

from __future__ import annotations

import base64
import hashlib
import re
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.leaks.streams import UUID, events, lines, pairs, values
from tests.leaks.tones import KeyTone, tones_in

__all__ = ["Found", "KeyTone", "digits_in", "keys_told", "tones_in"]

LEAST = 6

Source = Path | bytes | str | Iterable[bytes] | Mapping[str, bytes | str]

_NOISE = re.compile(
    rb"(?P<chance>" + UUID + rb"|(?<![0-9a-fA-F])(?:[0-9a-f]{40}|[0-9a-f]{64})(?![0-9a-fA-F]))"
    rb"|(?P<date>20\d\d-\d\d-\d\d(?:[T ]|%20|\+)\d\d(?::|%3A)\d\d(?::|%3A)\d\d(?:\.\d+)?)"
    rb"|(?P<created>1\.[67]\d{8,}e\+09)"
    rb"|(?P<sum>(?<=[}m] )\d{1,6}\.\d{9,}(?:e-\d+)?(?=\n))"
    rb"|(?P<room>ivr_recording_folder_free_bytes\{[^}\n]{1,40}\} [\d.e+]+(?=\n))"
    rb"|(?P<journal>\"(?:crc|[wm])\":\d+)"
    rb"|(?P<epoch>(?<!\d)1[6-9]\d{8}(?:\d{3}|\d{6})?(?!\d))"
)
"""Ids, hashes and the journal's checksums, made by chance; dates and clocks (Prometheus writes
them with an exponent), its sums of seconds, and the room on the host's disks: long runs of digits
that are none of ours. They are passed over; an epoch only where it is no part of a number that is
looked for."""

_LONGEST_NOISE = 120
"""Bytes."""

_EDGES = (
    re.compile(rb"^[0-9a-fA-F-]{1,36}(?=[^0-9a-fA-F-])"),
    re.compile(rb"(?<=[^0-9a-fA-F-])[0-9a-fA-F-]{1,36}$"),
)

_BETWEEN = (
    rb"(?:[\"']?,\s{1,20}[\"']?|[\"'],[\"']"
    rb"|(?:[ \-+.,_/]|\xc2?\xa0|&nbsp;|%20|%2[BCDF]|%C2%A0){1,2})"
)
_LEADS = rb"(?=[\"', \-+.,_/\xc2\xa0&%])"
"""What each of these begins with: most numbers are followed by something else."""
_CODE = rb"(?:(?<=%)|(?<=\\)\\?(?:u00|x)|(?<=0)x|(?<=&)#x)3[0-9];?[, ]{0,2}"
_SIGNS = (b"%3", b"\\u003", b"\\x3", b"0x3", b"&#x3")
_DECIMAL = rb"(?:(?<=4)[89]|(?<=5)[0-7])"
_BASE64 = rb"[MNO][DTjz][AEIMQUYcgk][w-z0-5]"

_COUNTED = ("values", "pairs")
_UPWARDS = "01234567890"


@dataclass(frozen=True)
class Found:
    """A number that was kept."""

    where: str
    at: int
    """In bytes from the beginning."""
    disguise: str
    digits: str
    """What of the number stands there."""
    text: str
    """What stands there, with a little around it."""


def digits_in(source: Source, *numbers: str, least: int = LEAST) -> list[Found]:
    """Every place that holds ``least`` or more digits in a row of one of the numbers.

    ``source`` is a file or a folder (every file below it, and their names), bytes or text, pieces
    of one stream (joined, so that nothing hides at a seam), or several of these by name.
    """
    search = _Search(numbers, least)
    return [found for where, data in _pieces(source) for found in search.find(where, data)]


def keys_told(source: Source) -> dict[str, str]:
    """Every key that an event or a log line tells of, call by call, in order.

    One that is told of is one too many where keys are hidden: so it also finds a security code,
    which is too short to be looked for as a number. A key stands once for the event and once for
    the log line.
    """
    told: dict[str, str] = defaultdict(str)
    for _, data in _pieces(source):
        for name, keys in (*events(data).items(), *lines(data).items()):
            told[name] += "".join(key for _, key in keys)
    return dict(told)


def _pieces(source: Source) -> Iterator[tuple[str, bytes]]:
    if isinstance(source, Path):
        files = sorted(source.rglob("*")) if source.is_dir() else [source]
        for path in files:
            name = str(path.relative_to(source)) if source.is_dir() else path.name
            yield f"the name {name}", name.encode("utf-8", "surrogateescape")
            if path.is_file():
                yield from _unpacked(name, path.read_bytes())
    elif isinstance(source, bytes | str):
        yield "the bytes", _bytes(source)
    elif isinstance(source, Mapping):
        for name, data in source.items():
            yield name, _bytes(data)
    else:
        yield "the stream", b"".join(source)


def _unpacked(name: str, data: bytes) -> Iterator[tuple[str, bytes]]:
    yield name, data
    if data.startswith(b"\x1f\x8b"):
        yield f"{name}, unpacked", zlib.decompressobj(31).decompress(data)


def _bytes(data: bytes | str) -> bytes:
    return data if isinstance(data, bytes) else data.encode("utf-8", "surrogateescape")


class _Search:
    def __init__(self, numbers: Iterable[str], least: int) -> None:
        self._numbers = tuple(numbers)
        self._least = least
        self._windows = set()
        self._clean: set[bytes] = set()
        for number in self._numbers:
            if len(number) < least or not number.isdigit():
                raise ValueError(
                    f"{number!r} has no {least} digits: look for it within what was keyed with it, "
                    "or with keys_told"
                )
            self._windows |= {number[at : at + least] for at in range(len(number) - least + 1)}
        more = b"{%d,}" % (least - 1)
        # Each begins with one byte, or one of few: so it is searched for several times as fast.
        self._disguises: tuple[tuple[str, re.Pattern[bytes], Callable[[bytes], str]], ...] = (
            ("plain", re.compile(rb"\d\d" + more), _text),
            (
                "grouped",
                re.compile(rb"\d\d{1,5}+" + _LEADS + rb"(?:" + _BETWEEN + rb"\d{2,6})+"),
                _grouped,
            ),
            ("one by one", re.compile(rb"\d(?<!\d\d)(?:[^0-9A-Za-z]{1,12}\d(?!\d))" + more), _bare),
            (
                "encoded",
                re.compile(rb"[%\\0&]" + _CODE + rb"(?:[%\\0&]" + _CODE + rb")" + more),
                _coded,
            ),
            ("encoded", re.compile(rb"3[0-9][ :]?(?:3[0-9][ :]?)" + more), _hex),
            (
                "encoded",
                re.compile(rb"[45]" + _DECIMAL + rb"(?:[, ;&#]{1,3}[45]" + _DECIMAL + rb")" + more),
                _decimal,
            ),
            ("base64", re.compile(_BASE64 + rb"(?:" + _BASE64 + rb")+"), _base64),
        )

    def find(self, where: str, data: bytes) -> list[Found]:
        """What is found in the data; a recording that was found clean before is not gone through
        again, for calls that are alike in all but their keys leave the same."""
        if not data.startswith(b"RIFF"):
            return self._find(where, data)
        sum_ = hashlib.sha256(data).digest()
        found = [] if sum_ in self._clean else self._find(where, data)
        if not found:
            self._clean.add(sum_)
        return found

    def _find(self, where: str, data: bytes) -> list[Found]:
        found = []
        for disguise, pattern, read in self._disguises:
            if read is _coded and not any(sign in data for sign in _SIGNS):
                continue
            least = LEAST if disguise == "base64" else self._least
            for match in pattern.finditer(data):
                hit = self._hit(read(match[0]), least)
                if hit and self._still_there(data, match.span(), pattern, read, least):
                    found.append(_at(where, data, match.start(), match.end(), disguise, hit))
        for disguise, told in (
            ("events", events(data)),
            ("log lines", lines(data)),
            ("values", values(data)),
            ("pairs", pairs(data)),
        ):
            for keys in told.values():
                hit = self._hit("".join(key for _, key in keys), self._least)
                if hit and not (disguise in _COUNTED and hit in _UPWARDS):
                    found.append(_at(where, data, keys[0][0], keys[0][0] + 1, disguise, hit))
        return found

    def _hit(self, digits: str, least: int) -> str:
        """The longest part of a number that stands in these digits, or nothing."""
        if len(digits) < least:
            return ""
        if least == self._least and not any(
            digits[at : at + least] in self._windows for at in range(len(digits) - least + 1)
        ):
            return ""
        best = ""
        for number in self._numbers:
            for begin in range(len(number)):
                end = begin + max(least, len(best) + 1)
                while end <= len(number) and number[begin:end] in digits:
                    best = number[begin:end]
                    end += 1
        return best

    def _still_there(
        self,
        data: bytes,
        span: tuple[int, int],
        pattern: re.Pattern[bytes],
        read: Callable[[bytes], str],
        least: int,
    ) -> bool:
        """Whether it is found without the noise, too; whoever is searched for is seldom there."""
        before = data[max(0, span[0] - _LONGEST_NOISE) : span[0]]
        after = data[span[1] : span[1] + _LONGEST_NOISE]
        # An id that the edge cuts in two is no id any more, and its rest no number.
        if span[0] > _LONGEST_NOISE:
            before = _EDGES[0].sub(b"", before)
        if span[1] + _LONGEST_NOISE < len(data):
            after = _EDGES[1].sub(b"", after)
        quiet = _NOISE.sub(self._blank, before + data[slice(*span)] + after)
        return any(self._hit(read(match[0]), least) for match in pattern.finditer(quiet))

    def _blank(self, match: re.Match[bytes]) -> bytes:
        text = match[0]
        if match["epoch"] and any(text.decode() in number for number in self._numbers):
            return text
        return b"~" * len(text)


def _at(where: str, data: bytes, begin: int, end: int, disguise: str, digits: str) -> Found:
    around = data[max(0, begin - 40) : min(end, begin + 120) + 40]
    return Found(where, begin, disguise, digits, around.decode("utf-8", "backslashreplace"))


def _text(data: bytes) -> str:
    return data.decode("ascii")


def _bare(data: bytes) -> str:
    return re.sub(rb"\D", b"", data).decode("ascii")


def _grouped(data: bytes) -> str:
    return _bare(re.sub(_BETWEEN, b"", data))


def _coded(data: bytes) -> str:
    return b"".join(re.findall(rb"3([0-9]);?[, ]{0,2}(?![0-9])", data)).decode("ascii")


def _hex(data: bytes) -> str:
    return b"".join(re.findall(rb"3([0-9])", data)).decode("ascii")


def _decimal(data: bytes) -> str:
    return "".join(chr(int(one)) for one in re.findall(rb"[45]" + _DECIMAL, data))


def _base64(data: bytes) -> str:
    return base64.b64decode(data).decode("ascii")
