"""Streams and values as a broken switch or a stranger would send them, from a seed."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from tests.esl import captures

KEPT = (
    b"Event-Name",
    b"Unique-ID",
    b"Hangup-Cause",
    b"Other-Leg-Unique-ID",
    b"Channel-Read-Codec-Rate",
    b"Caller-Caller-ID-Name",
    b"Caller-Caller-ID-Number",
    b"Caller-Destination-Number",
    b"variable_playback_last_offset_pos",
    b"variable_originate_disposition",
    b"variable_bridge_hangup_cause",
    b"variable_sip_hangup_disposition",
    b"variable_hangup_cause_q850",
    b"variable_record_ms",
    b"Application",
    b"Application-Response",
    b"Application-UUID",
    b"DTMF-Digit",
    b"Record-File-Path",
    b"Record-Completion-Cause",
    b"Content-Type",
    b"Reply-Text",
)
"""The headers that the engine looks at, and two that it does not."""

TOKENS = (
    b"\n",
    b"\n\n",
    b"\n\n\n",
    b"\r\n\r\n",
    b"\x00",
    b"\xff\xfe",
    b"%",
    b"%0A",
    b"%0A%0A",
    b"%00",
    b": ",
    b":",
    b"Content-Length: 10737418240\n",
    b"Content-Length: 99999999999999999999\n",
    b"Content-Length: 4194305\n",
    b"Content-Length: 4194304\n",
    b"Content-Length: 9999999999\n",
    b"Content-Length: -1\n",
    b"Content-Length: 0\n",
    b"Content-Length: 3\n\n",
    b"\nContent-Length: 40\n\n",
    b"Content-Length: \xd9\xa3\n",
    b"content-length: 5\n",
    b"Content-Type: text/event-plain\n",
    b"Content-Type: text/event-json\n\n",
    b"Content-Type: text/rude-rejection\n\n",
    b"Content-Type: command/reply\n\n",
    b"Content-Type: api/response\n",
    b"Reply-Text: -ERR x\n\n",
    b"Event-Name: DTMF\n",
    b"Event-Name: CHANNEL_HANGUP_COMPLETE\n",
    b"\nDTMF-Digit: 12\n",
    b"\nDTMF-Digit: 1\n",
    b"Application-UUID: play-99999999999999\n",
    b"\nApplication-UUID: play-1\n",
    b"\nHangup-Cause: X\n",
    b"Unique-ID: 00000000-0000-4000-8000-000000000000\n",
    b"9" * 30,
    b"\n" * 40,
)
"""What breaks readers, put anywhere."""


OURS = {b"answer": b"answer", b"playback": b"play-1", b"bridge": b"bridge"}
"""The ids that the engine gives its commands, by application."""


def _shrunk() -> tuple[bytes, ...]:
    """Each kind of recorded message, reduced to what is looked at."""
    found: dict[tuple[str, ...], bytes] = {}
    for name in captures.NAMES:
        for one in captures.messages(name):
            app = one.last(b"Application") or ""
            if one.kind == "text/event-plain":
                key = (one.event_name, app, name)
                body = _kept(one.body, OURS.get(app.encode()))
                head = b"Content-Length: %d\nContent-Type: text/event-plain\n\n" % len(body)
                found[key] = head + body
            else:
                raw = captures.raw(one) if one.body else _kept(one.raw_head, None)
                found[(raw.hex(),)] = raw
    return tuple(found.values())


def _kept(block: bytes, our_id: bytes | None) -> bytes:
    lines = [line for line in block.split(b"\n") if line.split(b": ")[0] in KEPT]
    if our_id is not None:
        old = b"Application-UUID: "
        lines = [old + our_id if line.startswith(old) else line for line in lines]
    return b"\n".join(lines) + b"\n\n"


MESSAGES = _shrunk()


class Hostile:
    """Makes one hostile input after another."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def stream(self) -> bytes:
        """Some messages, most of them damaged; now and then mere noise."""
        random = self._random
        if random.random() < 0.05:
            return random.randbytes(random.randrange(200))
        data = bytearray(b"".join(random.choices(MESSAGES, k=random.randrange(1, 4))))
        for _ in range(random.choice((0, 1, 1, 2, 4))):
            self._damage(data)
        return bytes(data)

    def _damage(self, data: bytearray) -> None:
        random = self._random
        at = random.randrange(len(data) + 1)
        match random.randrange(6):
            case 0 | 1:
                data[at:at] = random.choice(TOKENS)
            case 2:
                del data[at : at + random.choice((1, 1, 2, 10, 100))]
            case 3:
                data[at : at + 1] = bytes((random.randrange(256),))
            case 4:
                data[at:at] = data[max(0, at - 60) : at]
            case _:
                line = data.find(b"\n", at) + 1
                data[line:line] = random.choice(TOKENS)

    def chunks(self, stream: bytes) -> Iterator[bytes]:
        """The stream in pieces, as a network may cut it."""
        random = self._random
        # Byte by byte takes as long as fifty others: one in ten.
        sizes = (1, 3, 40, 40, 40, 400, 400, 400, 4000, 4000)
        most = random.choice(sizes) if len(stream) < 2000 else 400
        at = 0
        while at < len(stream):
            size = 1 + int(random.random() * most)  # several times as fast as randint
            yield stream[at : at + size]
            at += size

    def value(self) -> str:
        """What a stranger puts into a display name, a number or a header of his own."""
        random = self._random
        parts = random.choices(VALUES, k=random.randrange(1, 5))
        if random.random() < 0.3:
            parts.append("".join(chr(random.randrange(1, 0x500)) for _ in range(5)))
        if random.random() < 0.01:
            parts.append(random.choice(VALUES) * 300)
        return "".join(parts)


VALUES = (
    "\n",
    "\r\n",
    "\n\n",
    "\x00",
    "\x0b",
    "\x7f",
    "\x85",
    "\u2028",
    "\udcff",
    "é",
    "%",
    "%0",
    "%0A",
    "%0a",
    "%0D%0A",
    "%250A",
    "%0A%0A",
    "%00",
    "%FF",
    "%zz",
    "Event-Name: DTMF",
    "%0AEvent-Name: CHANNEL_HANGUP_COMPLETE",
    "%0AEvent-Name: HACK%0A",
    "\nUnique-ID: 00000000-0000-4000-8000-000000000000",
    "%0AUnique-ID: 00000000-0000-4000-8000-000000000000",
    "%0ADTMF-Digit: 1",
    "%0AApplication-UUID: play-1",
    "%0AHangup-Cause: X",
    "%0AContent-Length: 10737418240%0A%0A",
    "\nContent-Length: 5\n\n",
    "Content-Type: command/reply",
    "%0AReply-Text: -ERR",
    "\n\napi system reboot",
    "\nexecute-app-name: system",
    "sendmsg\ncall-command: hangup\n\n",
    "${system(reboot)}",
    "|,;'\"{}[]^^:\\",
    "07700900123",
    "Jo Bloggs",
)
