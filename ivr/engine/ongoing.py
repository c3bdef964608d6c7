"""The calls in progress, for the HTTP interface and the feature codes (R6, R11)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import gevent
import structlog
from gevent.event import AsyncResult

from ivr.api.calls import CallNow, Outcome, PauseNow, RecordingNow, Why
from ivr.core import entries, events
from ivr.core.entries import Stamp, Stamped
from ivr.core.pausing import is_live
from ivr.core.record import iso
from ivr.core.state import CallState, Pause, Phase, Recording
from ivr.engine.context import Context
from ivr.engine.driver import CallDriver
from ivr.engine.who import extension_of
from ivr.storage.spool import host_zone

log = structlog.get_logger(__name__)

CONFIRMED_MS = 7_000
"""How long FreeSWITCH may take over a pause in all: to refuse its mask, and then to stop."""

_AT_ONCE = 100
"""Paused calls that are looked at before others have their turn: 5,000 of which nothing was read
yet would hold up a call for 50 ms."""
_PAUSES: dict[Pause, PauseNow] = {
    Pause.OFF: "off",
    Pause.MASKING: "starting",
    Pause.STOPPING: "starting",
    Pause.ON: "on",
}
_FEATURES = ("pause", "resume", "abuse")


class Ongoing:
    """What may be asked of the calls that the engine drives; see :class:`ivr.api.calls.Calls`."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._zone = host_zone()
        self._read: dict[str, _Read] = {}
        """What was read of calls' journals, by the calls' ids."""

    def calls(self) -> Iterator[CallNow]:
        """See :class:`ivr.api.calls.Calls`."""
        calls = self._context.calls
        drivers = tuple(calls.values())
        return (self._now(one) for one in drivers if calls.get(one.call_id) is one)

    def find(self, call_id: str) -> CallNow | None:
        """See :class:`ivr.api.calls.Calls`."""
        driver = self._context.calls.get(call_id)
        return None if driver is None else self._now(driver)

    def on_extension(self, number: str) -> Sequence[CallNow]:
        """See :class:`ivr.api.calls.Calls`."""
        if not number:
            return []
        return [
            self._now(driver)
            for driver in self._context.calls.values()
            # Of thousands of calls most are ruled out by what costs the least to look at.
            if number in (driver.state.other_number, driver.caller)
            and extension_of(driver) == number
        ]

    def pause(self, call_id: str, by: str) -> Outcome:
        """See :class:`ivr.api.calls.Calls`."""
        driver = self._context.calls.get(call_id)
        if driver is None:
            return Outcome(Why.ENDED, None)
        state = driver.state
        why = _hindered(driver)
        if why is None and state.pause is Pause.OFF and not state.may_be_recording:
            why = Why.NOT_RECORDED
        if why is None:
            self._settle(driver, events.PauseAsked(self._context.clock.monotonic_ms(), by))
            why = _after(driver, driver.state.pause is Pause.ON and driver.state.keys_hidden)
        return Outcome(why, self.find(call_id))

    def resume(self, call_id: str, by: str) -> Outcome:
        """See :class:`ivr.api.calls.Calls`."""
        driver = self._context.calls.get(call_id)
        if driver is None:
            return Outcome(Why.ENDED, None)
        why = _hindered(driver) or _not_to_be_resumed(driver.state)
        if why is None:
            # Of a call without its socket the journal may not know all that an earlier engine,
            # or this one, had done: FreeSWITCH is told whatever is known.
            if driver.state.pause is not Pause.OFF or driver.state.phase is Phase.UNLINKED:
                self._settle(driver, events.ResumeAsked(self._context.clock.monotonic_ms(), by))
            why = _after(driver, driver.state.pause is Pause.OFF)
            if why is Why.DONE and not driver.state.records:
                why = Why.NOT_RECORDED
            elif why is Why.NOT_CONFIRMED and driver.state.at_line:
                why = Why.AT_PAYMENT_LINE
        return Outcome(why, self.find(call_id))

    def mark_abuse(self, call_id: str, by: str) -> Outcome:
        """See :class:`ivr.api.calls.Calls`."""
        driver = self._context.calls.get(call_id)
        if driver is None:
            return Outcome(Why.ENDED, None)
        if not driver.state.joined or not is_live(driver.state):
            return Outcome(Why.NOT_CONNECTED, self.find(call_id))
        driver.take(events.AbuseMarked(self._context.clock.monotonic_ms(), by))
        written: AsyncResult[bool] = AsyncResult()
        self._context.journal.sync(lambda error: written.set(error is None))
        why = Why.DONE if self._wait(written) else Why.NOT_CONFIRMED
        return Outcome(why, self.find(call_id))

    def keyed(self, leg: str, feature: str) -> None:
        """A feature code was keyed at this leg. Only agents' legs are known here: what comes
        from a customer's leg, whatever it is, finds no call (R6)."""
        self._context.metrics.features.labels(feature if feature in _FEATURES else "unknown").inc()
        driver = self._context.agents.get(leg)
        if driver is None:
            # As it is where the call is another engine's on the same FreeSWITCH.
            log.info("a feature code of no agent in a call", leg=leg, feature=feature)
            return
        at = self._context.clock.monotonic_ms()
        match feature:
            case "pause":
                driver.take(events.PauseAsked(at, "agent"))
            case "resume":
                driver.take(events.ResumeAsked(at, "agent"))
            case "abuse":
                driver.take(events.AbuseMarked(at, "agent"))
            case _:
                log.warning("an unknown feature code", call=driver.call_id, feature=feature)

    def held(self, leg: str, held: bool) -> None:
        """The telephone at this leg put its call on hold, or came back: the agent's (R5), or the
        customer's."""
        at = self._context.clock.monotonic_ms()
        driver = self._context.agents.get(leg)
        if driver is not None:
            driver.take(events.Held(at) if held else events.Unheld(at))
            return
        driver = self._context.customers.get(leg) or self._context.calls.get(leg)
        if driver is not None and driver.legs.customer == leg:
            driver.take(events.CustomerHeld(at) if held else events.CustomerBack(at))

    def paused(self) -> Sequence[tuple[float, bool]]:
        """Of each call that is paused now: for how long (s), and whether for too long."""
        now_ms = self._context.clock.monotonic_ms()
        self._forget()
        found = []
        for driver in tuple(self._context.calls.values()):
            if driver.state.pause is not Pause.OFF and is_live(driver.state):
                told = self._told(driver)
                since_ms = now_ms if told.paused is None else told.paused.mono_ms
                found.append((max(0, now_ms - since_ms) / 1000, told.overdue))
                if len(found) % _AT_ONCE == 0:
                    gevent.sleep(0)
        return found

    def _settle(self, driver: CallDriver, event: events.PauseAsked | events.ResumeAsked) -> None:
        self._wait(driver.ask(event))

    def _wait(self, told: AsyncResult[Any]) -> Any:
        """What is told, or None where it is not in time."""
        limit = self._context.clock.after(CONFIRMED_MS, lambda: told.set(None))
        try:
            return told.get()
        finally:
            limit.cancel()

    def _now(self, driver: CallDriver) -> CallNow:
        state, policy = driver.state, driver.policy
        told = self._told(driver)
        outbound = policy.staff_call
        return CallNow(
            call=driver.call_id,
            direction=policy.direction,
            team=policy.team,
            route=policy.route,
            phase=state.phase.value,
            arrived_at=self._iso(told.arrived),
            connected_at=self._iso(told.connected),
            caller=told.number if outbound else told.caller,
            extension=extension_of(driver),
            recording=_recording(state),
            pause=_PAUSES.get(state.pause, "ending"),
            keys_hidden=state.pause is not Pause.OFF and state.keys_hidden,
            paused_since=self._iso(told.paused),
            paused_by=told.paused_by,
            overdue=told.overdue,
            marks=told.marks,
        )

    def _told(self, driver: CallDriver) -> _Told:
        """What is new in the journal is read, and the rest is remembered: thousands of calls are
        looked at at once, and again each second."""
        journal = driver.entries
        if not journal:
            return _NOTHING
        read = self._read.get(driver.call_id)
        if read is None or read.first is not journal[0]:
            if len(self._read) >= 2 * len(self._context.calls):
                self._forget()
            read = _Read(journal[0], 0, _NOTHING)
        if read.many < len(journal):
            told = _further(read.told, journal[read.many :])
            read = self._read[driver.call_id] = _Read(journal[0], len(journal), told)
        return read.told

    def _forget(self) -> None:
        """What was read of calls that are gone."""
        calls = self._context.calls
        self._read = {call: read for call, read in self._read.items() if call in calls}

    def _iso(self, stamp: Stamp | None) -> str:
        return "" if stamp is None else iso(stamp.wall_ms, self._zone)


class _Told(NamedTuple):
    """What a call's journal says that its state does not remember."""

    arrived: Stamp | None = None
    connected: Stamp | None = None
    number: str = ""
    caller: str = ""
    paused: Stamp | None = None
    paused_by: str = ""
    overdue: bool = False
    marks: tuple[str, ...] = ()


_NOTHING = _Told()


class _Read(NamedTuple):
    """How much of a call's journal was read, and what it says so far."""

    first: Stamped
    """Its first entry, by which it is known: an id may come again."""
    many: int
    told: _Told


def _further(told: _Told, journal: Sequence[Stamped]) -> _Told:
    """What a journal says that goes on so."""
    for stamped in journal:
        match stamped.entry:
            case entries.Arrived(number=number, caller=caller):
                told = told._replace(arrived=stamped.stamp, number=number, caller=caller)
            case entries.Connected():
                told = told._replace(connected=told.connected or stamped.stamp)
            case entries.PauseStarted(by=by) if told.paused is None:
                told = told._replace(paused=stamped.stamp, paused_by=by)
            case entries.PauseOverdue():
                told = told._replace(overdue=True)
            case entries.PauseEnded():
                told = told._replace(paused=None, paused_by="", overdue=False)
            case entries.Marked(mark=mark) if mark not in told.marks:
                told = told._replace(marks=(*told.marks, mark))
            case _:
                pass
    return told


def _recording(state: CallState) -> RecordingNow:
    if state.no_room and is_live(state):
        return "stalled"
    match state.recording:
        case Recording.NONE:
            return "none"
        case Recording.REFUSED:
            return "failed"
        case Recording.REQUESTED:
            return "starting"
        case Recording.RUNNING:
            return "paused" if state.masked else "recording"
        case Recording.STOPPING | Recording.ENDED:
            return "stopped" if state.was_stopped else "ended"


def _hindered(driver: CallDriver) -> Why | None:
    """Why nothing can be asked of FreeSWITCH about this call now."""
    if driver.state.phase in (Phase.CLOSING, Phase.DONE):
        return Why.ENDED
    if not driver.state.joined or not is_live(driver.state):
        return Why.NOT_CONNECTED
    return None if driver.reachable() else Why.AWAY


def _not_to_be_resumed(state: CallState) -> Why | None:
    if state.pause is not Pause.OFF and state.at_line:
        return Why.AT_PAYMENT_LINE
    return Why.BUSY if state.pause in (Pause.MASKING, Pause.STOPPING) else None


def _after(driver: CallDriver, well: bool) -> Why:
    if driver.state.phase in (Phase.CLOSING, Phase.DONE):
        return Why.ENDED
    return Why.DONE if well else Why.NOT_CONFIRMED
