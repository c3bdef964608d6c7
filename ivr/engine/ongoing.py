"""The calls in progress, for the HTTP interface and the feature codes (R6, R11)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import structlog
from gevent.event import AsyncResult

from ivr.api.calls import CallNow, Outcome, PauseNow, RecordingNow, Why
from ivr.core import entries, events
from ivr.core.entries import Stamp, Stamped
from ivr.core.pausing import LIVE
from ivr.core.record import iso
from ivr.core.state import CallState, Pause, Phase, Recording
from ivr.engine.context import Context
from ivr.engine.driver import CallDriver
from ivr.storage.spool import host_zone

log = structlog.get_logger(__name__)

CONFIRMED_MS = 7_000
"""How long FreeSWITCH may take over a pause in all: to refuse its mask, and then to stop."""

_RECORDS = (Recording.REQUESTED, Recording.RUNNING)
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

    def calls(self) -> Sequence[CallNow]:
        """See :class:`ivr.api.calls.Calls`."""
        return [self._now(driver) for driver in self._context.calls.values()]

    def find(self, call_id: str) -> CallNow | None:
        """See :class:`ivr.api.calls.Calls`."""
        driver = self._context.calls.get(call_id)
        return None if driver is None else self._now(driver)

    def on_extension(self, number: str) -> Sequence[CallNow]:
        """See :class:`ivr.api.calls.Calls`."""
        calls = self._context.calls.values()
        return [self._now(driver) for driver in calls if number and _extension(driver) == number]

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
            why = _after(driver, Pause.ON)
        return Outcome(why, self.find(call_id))

    def resume(self, call_id: str, by: str) -> Outcome:
        """See :class:`ivr.api.calls.Calls`."""
        driver = self._context.calls.get(call_id)
        if driver is None:
            return Outcome(Why.ENDED, None)
        why = _hindered(driver)
        if why is None and driver.state.pause in (Pause.MASKING, Pause.STOPPING):
            why = Why.BUSY
        if why is None:
            if driver.state.pause is not Pause.OFF:
                self._settle(driver, events.ResumeAsked(self._context.clock.monotonic_ms(), by))
            why = _after(driver, Pause.OFF)
            if why is Why.DONE and driver.state.recording not in _RECORDS:
                why = Why.NOT_RECORDED
        return Outcome(why, self.find(call_id))

    def mark_abuse(self, call_id: str, by: str) -> Outcome:
        """See :class:`ivr.api.calls.Calls`."""
        driver = self._context.calls.get(call_id)
        if driver is None:
            return Outcome(Why.ENDED, None)
        if not driver.state.joined or driver.state.phase not in LIVE:
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
            log.warning("a feature code of no agent in a call", leg=leg, feature=feature)
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

    def paused(self) -> Sequence[tuple[float, bool]]:
        """Of each call that is paused now: for how long (s), and whether for too long."""
        now_ms = self._context.clock.monotonic_ms()
        found = []
        for driver in self._context.calls.values():
            if driver.state.pause is not Pause.OFF and driver.state.phase in LIVE:
                told = _told(driver.entries)
                since_ms = now_ms if told.paused is None else told.paused.mono_ms
                found.append((max(0, now_ms - since_ms) / 1000, told.overdue))
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
        told = _told(driver.entries)
        outbound = policy is not None and policy.direction == "outbound"
        return CallNow(
            call=driver.call_id,
            direction="outbound" if outbound else "inbound",
            team=policy.team if policy else "",
            route=policy.route if policy else "",
            phase=state.phase.value,
            arrived_at=self._iso(told.arrived),
            connected_at=self._iso(told.connected),
            caller=told.number if outbound else told.caller,
            extension=_extension(driver),
            recording=_recording(state),
            pause=_PAUSES.get(state.pause, "ending"),
            paused_since=self._iso(told.paused),
            paused_by=told.paused_by,
            overdue=told.overdue,
            marks=told.marks,
        )

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


def _told(journal: Sequence[Stamped]) -> _Told:
    told = _Told()
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


def _extension(driver: CallDriver) -> str:
    """Where the agent is who is now connected; empty where none is."""
    state = driver.state
    if state.phase not in LIVE or not state.joined or state.at_line:
        return ""
    return driver.caller if driver.legs.agent == driver.call_id else state.other_number


def _recording(state: CallState) -> RecordingNow:
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
    if not driver.state.joined or driver.state.phase not in LIVE:
        return Why.NOT_CONNECTED
    return None if driver.reachable() else Why.AWAY


def _after(driver: CallDriver, wanted: Pause) -> Why:
    if driver.state.phase in (Phase.CLOSING, Phase.DONE):
        return Why.ENDED
    return Why.DONE if driver.state.pause is wanted else Why.NOT_CONFIRMED
