"""What an engine that starts does about calls that an earlier one left (R22).

FreeSWITCH goes on with a call, and with its recording, when the engine dies
(docs/freeswitch.md 10). So a call that the journal has open is not known to be over
until FreeSWITCH says so: its recording must not be taken from under FreeSWITCH's hands.
Once FreeSWITCH can be asked, a call that it still has is followed to its end over the
inbound connection, and any other gets its record at once. One that heard a prompt may be handed
over once more before that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import structlog

from ivr.core.confirming import confirmed
from ivr.core.ending import between, channel_of, is_exempt, is_lost, opting_out, unseen_end
from ivr.core.entries import HungUp, PauseStarted, RecordingIntended, Stamp, Stamped
from ivr.core.pausing import LINE
from ivr.engine.context import Context
from ivr.engine.driver import CallDriver
from ivr.engine.ended import ended
from ivr.esl.wire import Message
from ivr.esl.wording import asked_who_took_over
from ivr.storage.filing import Filed
from ivr.storage.segments import Reading

log = structlog.get_logger(__name__)


class _Left(NamedTuple):
    """A call that was left."""

    record_id: str
    entries: tuple[Stamped, ...]


class Recovery:
    """Gives every call that was left open its end and its record."""

    def __init__(self, context: Context, reading: Reading) -> None:
        self._context = context
        self._left: dict[str, _Left] = {}
        """By the channel, which is what FreeSWITCH is asked after."""
        self._over: list[_Left] = []
        """Those whose call came back from the exempt extension already: the recording that is
        theirs ended there (R8)."""
        opened = [call for call in reading.calls if not call.finished]
        for call in sorted(opened, key=lambda call: is_exempt(call.entries)):
            left = _Left(call.call_id, call.entries)
            channel = channel_of(call.call_id, call.entries)
            if channel in self._left:
                self._over.append(left)
            else:
                self._left[channel] = left
        self._known = {call.call_id for call in reading.calls}
        self._away = reading.spare_away
        if reading.bad:
            log.warning("journal lines could not be read", lines=len(reading.bad))
            context.metrics.bad_lines.inc(len(reading.bad))

    def start(self) -> None:
        """Look for recordings of which the journal knows nothing. Raises OSError."""
        for call_id in self._context.spool.orphans(self._known):
            self._left[call_id] = _Left(call_id, ())
        for left in self._over:
            self._close(left)
        if self._left:
            log.info("calls left by an earlier engine", calls=len(self._left))

    @property
    def left(self) -> tuple[str, ...]:
        """Calls of which FreeSWITCH has not said yet whether it has them."""
        return tuple(self._left)

    def entries_of(self, call_id: str) -> tuple[Stamped, ...] | None:
        """What the journal has of a call that was left; None where it is not left any more."""
        left = self._left.get(call_id)
        return None if left is None else left.entries

    def record_of(self, call_id: str) -> str:
        """See :class:`ivr.engine.context.Left`."""
        left = self._left.get(call_id)
        return "" if left is None else left.record_id

    def recall(self, call_id: str) -> tuple[Stamped, ...]:
        """The same, for whoever drives the call from here on."""
        return self._left.pop(call_id).entries

    def recordings(self) -> Mapping[str, str]:
        """Where the calls that are left are, or were, last being recorded."""
        places = {}
        for call_id, left in self._left.items():
            told = (one.entry for one in left.entries)
            paths = [one.path for one in told if isinstance(one, RecordingIntended)]
            places[call_id] = paths[-1] if paths else ""
        return places

    def found(self, call_id: str, in_progress: bool) -> None:
        """FreeSWITCH says whether it has a call that was left: follow it, or finish it."""
        # Taken out first: one that cannot be dealt with does not stand in the others' way.
        left = self._left.pop(call_id, None)
        # FreeSWITCH may have handed it over anew meanwhile: then it is driven, not followed.
        if left is None or call_id in self._context.calls:
            return
        if in_progress:
            policy = self._context.configuration.policy_left(left.entries)
            CallDriver.take_up(self._context, left.record_id, left.entries, policy)
        elif self._away and not left.entries:
            # What it was paused for would be kept (R7): whoever knows may come back.
            log.warning(
                "recording of an unknown call waits for the fallback: its journal may lie there",
                call=call_id,
            )
        elif len(self._context.configuration.site.engines) > 1:
            self._ask_whose_it_was(call_id, left)
        else:
            self._close(self._ended(left))

    def _ask_whose_it_was(self, call_id: str, left: _Left) -> None:
        """Another engine may have taken the call over, and made its record."""

        def told(reply: Message | None) -> None:
            if reply is None:  # the connection is lost: it is asked with the next
                self._left[call_id] = left
                return
            engine = "" if reply.refused else reply.reply
            if engine and engine != self._context.me:
                log.info("call handed on to another engine", call=call_id, engine=engine)
                self._context.release(call_id, left.record_id, left.entries)
                return
            self._close(self._ended(left))

        self._context.line.post(asked_who_took_over(call_id), told)

    def _ended(self, left: _Left) -> _Left:
        """With the end of the call, of which nobody heard, unless it is there."""
        entries = left.entries
        done = is_exempt(entries) or any(isinstance(one.entry, HungUp) for one in entries)
        if not entries or done:
            return left
        lost = is_lost(entries, self._context.line.switch)
        clock = self._context.clock
        stamp = Stamp(clock.wall_ms(), clock.monotonic_ms())
        ended = [Stamped(stamp, unseen_end(lost))]
        policy = self._context.configuration.policy_left(entries)
        if policy.payment_line and not any(isinstance(one.entry, PauseStarted) for one in entries):
            # It is paused from before it rings, whatever of that came to the disk (R6).
            back_ms = between(entries[0].stamp, stamp)
            paused = PauseStarted(LINE, policy.pausing.guard_ms, back_ms)
            ended.insert(0, Stamped(stamp, paused))
        if opting_out(entries):
            ended.insert(0, Stamped(stamp, confirmed("lost", policy)))
        for one in ended:
            self._context.note(left.record_id, one.entry, one.stamp)
        return left._replace(entries=(*entries, *ended))

    def _close(self, left: _Left) -> None:
        def filed(filed: Filed) -> None:
            if not filed.fault:
                log.info("call of an earlier engine recorded", call=left.record_id)
            ended(self._context.metrics, filed)

        self._context.spool.finish(left.record_id, left.entries, filed)
