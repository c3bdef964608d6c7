"""A connection of FreeSWITCH's: which call is it, and is it ours (R22)?

A call comes for the first time, or once more: its engine was killed or stopped while it heard a
prompt, its socket broke, or a second engine of the host had it (``ivr dialplan render``).
"""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from dataclasses import replace
from uuid import uuid4

import structlog

from ivr.core import commands as do
from ivr.core import rules
from ivr.core.entries import Stamped
from ivr.core.events import Arrived
from ivr.core.policy import CallPolicy
from ivr.core.state import Phase
from ivr.core.taking_up import in_language
from ivr.engine.context import Context
from ivr.engine.driver import CallDriver
from ivr.errors import WireError
from ivr.esl.session import Link
from ivr.esl.translate import Legs, Offer, offer
from ivr.esl.wire import Message, line
from ivr.esl.wording import ALL, taken_over, text_of

log = structlog.get_logger(__name__)

_UNCLAIMED = "no route claims this number"


class Arrival:
    """A connection that has not said yet which call it is for."""

    def __init__(self, context: Context, sock: socket.socket) -> None:
        """Ask FreeSWITCH; what it says has a limit."""
        self._context = context
        self._began_ns = time.perf_counter_ns()
        self._began_ms = context.clock.monotonic_ms()
        self._timer = context.clock.after(
            context.configuration.site.limits.command_ms,
            lambda: self._give_up("no answer to connect"),
        )
        context.unknown.add(self)
        self._link = Link(sock, _unasked, self._give_up)
        self._link.post(line("connect"), self._on_connected)

    def let_go(self) -> None:
        """Close the connection: FreeSWITCH's dialplan goes on without this engine."""
        self._end()
        self._link.stop()

    def _on_connected(self, reply: Message | None) -> None:
        if reply is None:
            return
        try:
            offered = offer(reply)
        except WireError as error:
            self._give_up(str(error))
            return
        self._end()
        driver = self._driver(offered)
        if driver is not None:
            self._context.metrics.accepted((time.perf_counter_ns() - self._began_ns) / 1e9)

    def _driver(self, offered: Offer) -> CallDriver | None:
        """What drives the call from here on; None where it was turned away."""
        if offered.beside:
            self._beside(offered)
            return None
        if self._is_not_ours(offered):
            return None
        if offered.again and self._several():
            # Back when the call is over, the engine that had it before could not know.
            self._link.post(taken_over(offered.call_id, self._context.me), None)
        known = self._context.calls.get(offered.call_id)
        if known is not None and not (offered.returned and known.state.phase is Phase.DONE):
            return self._back_to(known, offered)
        policy = self._context.policy_for(offered.number, offered.caller, offered.route)
        left = self._context.left.entries_of(offered.call_id)
        if left is not None and not (offered.again or offered.returned):
            self._turn_away(offered, "an earlier engine left it")
            return None
        if policy is None:
            self._turn_away(offered, _UNCLAIMED)
            return None
        if left is not None and offered.again:
            record_id = self._context.left.record_of(offered.call_id)
            entries = self._context.left.recall(offered.call_id)
            policy = self._context.configuration.policy_left(entries)
            return self._again(offered, policy, entries, record_id)
        return self._anew(offered, policy)

    def _beside(self, offered: Offer) -> None:
        """The leg of a called person, who hears the announcement before the two are connected
        (R10). Without the call that it is for it is let through: nothing of it is recorded."""
        driver = self._context.calls.get(offered.beside)
        taken = driver is not None and driver.hand_customer(
            self._link, offered.call_id, offered.rate
        )
        if not taken:
            log.warning("called person connected without announcement", call=offered.beside)
            self._link.stop()

    def _is_not_ours(self, offered: Offer) -> bool:
        """Whether FreeSWITCH goes on with the call by itself, which was seen to."""
        if offered.exempt:
            # Its dialplan connects them, and tells by itself that there was such a call.
            log.info("call of the exempt extension sent on", call=offered.call_id)
            self._link.stop()
            return True
        if offered.moved or self._is_late():
            # It waited for us, or its answer did, for too long: the dead man has it, and ending
            # our connection ends nothing there.
            self._turn_away(offered, "it went on without an engine")
            return True
        if offered.transferred:
            # FreeSWITCH connects them, and whoever follows the call goes on to (R5).
            log.info("call that was transferred to a route sent on", call=offered.call_id)
            self._link.stop()
        return offered.transferred

    def _back_to(self, known: CallDriver, offered: Offer) -> CallDriver | None:
        """A call that this engine knows."""
        if not (offered.again and known.waits_for_its_call):
            self._turn_away(offered, "it is being driven already")
            return None
        known.let_go()
        return self._again(offered, known.policy, tuple(known.entries), known.record_id)

    def _anew(self, offered: Offer, policy: CallPolicy) -> CallDriver:
        """A call that comes for the first time, or that another engine had."""
        if offered.again:
            log.info("call of another engine taken over", call=offered.call_id)
            # What that one had begun to record goes into another spool.
            legs = Legs(offered.call_id, offered.call_id, "")
            for text in text_of(do.StopRecording(ALL), legs):
                self._link.post(text, None)
        offered = _without_exempt(offered, policy)
        # One that comes back has a record already, or none: nobody learns where it was (R8).
        record_id = str(uuid4()) if offered.returned else ""
        driver = CallDriver(
            self._context,
            offered.call_id,
            offered.caller,
            policy,
            link=self._link,
            record_id=record_id,
        )
        driver.take(self._arrived(offered, driver.record_id))
        return driver

    def _arrived(self, offered: Offer, record_id: str) -> Arrived:
        """The call came for the first time."""
        context = self._context
        folder = context.folders.room()
        path = context.spool.places.recorded(record_id, folder=folder)
        return Arrived(
            at=context.clock.monotonic_ms(),
            caller=offered.caller,
            caller_name=offered.caller_name,
            number=offered.number,
            recording=path,
            room=folder is not None,
            elsewhere=context.folders.elsewhere(path),
            switch=offered.switch,
            engine=context.me,
            channel=offered.call_id if record_id != offered.call_id else "",
        )

    def _several(self) -> bool:
        """Whether there is another engine."""
        return len(self._context.configuration.site.engines) > 1

    def _is_late(self) -> bool:
        """Whether the dead man is due, though we asked in time: we had hung."""
        waited_ms = self._context.clock.monotonic_ms() - self._began_ms
        return waited_ms >= self._context.configuration.site.render.dead_man_s * 1000

    def _again(
        self, offered: Offer, policy: CallPolicy, entries: Sequence[Stamped], record_id: str
    ) -> CallDriver:
        offered = _without_exempt(offered, policy)
        driver = CallDriver(
            self._context,
            offered.call_id,
            offered.caller,
            in_language(entries, policy),
            entries,
            self._link,
            record_id,
        )
        driver.go_on(anew=offered.engine not in ("", self._context.me))
        return driver

    def _turn_away(self, offered: Offer, reason: str) -> None:
        """A number that no route claims, or a call that is here already: not ours to answer."""
        self._context.metrics.turned_away.inc()
        say = log.bind(call=offered.call_id, number=offered.number, reason=reason)
        if reason == _UNCLAIMED and not offered.again:
            say.warning(
                "call turned away",
                expected="numbers as in dialplan/routes.yaml; render the dialplan again?",
            )
            legs = Legs(offered.call_id, "", "")
            self._link.post(b"".join(text_of(do.Hangup("UNALLOCATED_NUMBER"), legs)), None)
        else:
            say.warning("call turned away")
        self._link.stop()

    def _give_up(self, reason: str) -> None:
        self._context.metrics.turned_away.inc()
        log.warning("connection dropped before its call was known", reason=reason)
        self.let_go()

    def _end(self) -> None:
        self._timer.cancel()
        self._context.unknown.discard(self)


def _without_exempt(offered: Offer, policy: CallPolicy) -> Offer:
    """Whom the exempt telephone called, and sends on to a route, has its number and name for a
    caller's: neither is kept (R8)."""
    known = rules.is_exempt(offered.caller, policy)
    return replace(offered, caller="", caller_name="") if known else offered


def _unasked(_message: Message) -> None:
    """Nothing was subscribed to yet."""
