"""What a call has to say to FreeSWITCH: one packet for all that one event brings."""

from __future__ import annotations

from collections.abc import Callable

from ivr.esl.session import OnReply


class Outbox:
    """Commands that wait to be sent, each with what is told its reply."""

    __slots__ = ("_replies", "_text")

    def __init__(self) -> None:
        self._text: list[bytes] = []
        self._replies: list[OnReply | None] = []

    def __bool__(self) -> bool:
        """Whether anything waits."""
        return bool(self._text)

    def put(self, text: bytes, *replies: OnReply | None) -> None:
        """Have commands sent with the next :meth:`flush`."""
        self._text.append(text)
        self._replies.extend(replies)

    def flush(self, post: Callable[..., None]) -> None:
        """Send what waits by ``post``."""
        if self._text:
            text, replies = b"".join(self._text), tuple(self._replies)
            self.clear()
            post(text, *replies)

    def clear(self) -> None:
        """Forget what waits."""
        self._text.clear()
        self._replies.clear()
