"""A lab switch that keeps every byte that passed between it and its clients."""

from __future__ import annotations

from typing import Any

from ivr.lab import LabSwitch
from ivr.lab.listener import Listener


class Stream:
    """One connection, both ways."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.sent: list[bytes] = []
        """What the client sent."""
        self.told: list[bytes] = []
        """What the switch sent."""


class _Tapped:
    """A socket of the switch that notes what passes."""

    def __init__(self, connection: Any, stream: Stream, sent: list[bytes]) -> None:
        self._connection = connection
        self._stream = stream
        self._sent = sent

    def recv(self, size: int) -> bytes:
        data: bytes = self._connection.recv(size)
        self._sent.append(data)
        self._stream.sent.append(data)
        return data

    def sendall(self, data: bytes) -> None:
        self._stream.told.append(data)
        self._connection.sendall(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)


class TappedSwitch(LabSwitch):
    """Keeps all that its clients sent, and all that it told them."""

    def __init__(self, *words: Any, **named: Any) -> None:
        super().__init__(*words, **named)
        self.sent: list[bytes] = []
        """What all clients sent, in order."""
        self.streams: list[Stream] = []

    def _serve(self, connection: Any, leg: Any, words: tuple[str, ...]) -> Listener:
        kind = "inbound" if leg is None else f"of call {leg.uuid}"
        stream = Stream(f"connection {len(self.streams)}, {kind}")
        self.streams.append(stream)
        return super()._serve(_Tapped(connection, stream, self.sent), leg, words)

    @property
    def traffic(self) -> dict[str, bytes]:
        """Both directions of every connection, by name: what ``digits_in`` takes."""
        return {
            f"{stream.name}, {way}": b"".join(pieces)
            for stream in self.streams
            for way, pieces in (("from the client", stream.sent), ("to the client", stream.told))
        }
