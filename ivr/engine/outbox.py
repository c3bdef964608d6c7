"""What a call has to say to FreeSWITCH: one packet for all that one event brings."""

from __future__ import annotations

from collections.abc import Callable

from ivr.esl.session import OnReply


class Outbox:
    """Commands that wait to be sent, each with what is told its reply."""

    __slots__ = ("_later", "_replies", "_text", "_until")

    def __init__(self) -> None:
        self._text: list[bytes] = []
        self._replies: list[OnReply | None] = []
        self._later: list[tuple[bytes, tuple[OnReply | None, ...]]] | None = None
        self._until: set[str] = set()

    def __bool__(self) -> bool:
        """Whether anything waits."""
        return bool(self._text)

    def put(self, text: bytes, *replies: OnReply | None, late: bool = False) -> None:
        """Have commands sent with the next :meth:`flush`; what may be ``late`` waits for
        :meth:`release`, where that is to come."""
        if late and self._later is not None:
            self._later.append((text, replies))
            return
        self._text.append(text)
        self._replies.extend(replies)

    def hold(self, *until: str) -> None:
        """Have what may be late wait for :meth:`release` of each of these."""
        self._later, self._until = [], set(until)

    def forget(self) -> None:
        """What waits is never sent; what may be late goes on waiting."""
        if self._later is not None:
            self._later = []

    @property
    def holds(self) -> bool:
        """Whether something may be waiting for :meth:`release`."""
        return self._later is not None

    def waits_for(self, what: str) -> bool:
        """Whether :meth:`release` of this is to come."""
        return what in self._until

    def release(self, *which: str) -> None:
        """Have sent what was held, where nothing else is waited for; without names in any case."""
        self._until.difference_update(which or tuple(self._until))
        if self._until:
            return
        later, self._later = self._later, None
        for text, replies in later or ():
            self.put(text, *replies)

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
