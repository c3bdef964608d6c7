"""The daily sweep: what is due today is destroyed today, or the reason why not is an alarm (R14).

It first asks the guard, and has the index catch up with the audit trail. What an earlier sweep
began is finished, what is due is destroyed, what was set aside too long ago is removed, a
check-point of the audit trail says that all of that was so, and the whole trail is checked.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import structlog

from ivr.core.retention import Disposition
from ivr.core.schedule import Period, Schedule
from ivr.retention.adoption import adopt, change, in_force
from ivr.retention.audit.report import Report
from ivr.retention.audit.trail import Trail
from ivr.retention.catching_up import CatchingUp
from ivr.retention.destroyer import Destroyer, Toll
from ivr.retention.guard import Guard
from ivr.retention.index.cases import Cases
from ivr.retention.index.destroying import Destroying
from ivr.retention.index.meta import Meta
from ivr.retention.index.recordings import Recordings
from ivr.retention.model import SERVICE, Entry
from ivr.retention.remains import Asides, call_of

log = structlog.get_logger(__name__)

_SWEPT = "swept_ms"


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep did."""

    toll: Toll
    asides: int
    """Files that had been set aside and were kept long enough."""
    faults: int
    """What is wrong with the audit trail, which was checked in the end."""
    left: int
    """Recordings that only the wanted schedule would have destroyed, and nobody has adopted it."""


class Sweep:
    """Puts the day's destruction together."""

    def __init__(
        self,
        destroyer: Destroyer,
        destroying: Destroying,
        recordings: Recordings,
        cases: Cases,
        guard: Guard,
        catching_up: CatchingUp,
        meta: Meta,
        trail: Trail,
        asides: Asides,
        aside_keep: Period,
        clock: Callable[[], int],
        day_of: Callable[[int], date],
        verified: Callable[[], Report],
    ) -> None:
        self._verified = verified
        self._destroyer = destroyer
        self._destroying = destroying
        self._recordings = recordings
        self._cases = cases
        self._guard = guard
        self._catching_up = catching_up
        self._meta = meta
        self._trail = trail
        self._asides = asides
        self._aside_keep = aside_keep
        self._clock = clock
        self._day_of = day_of

    def today(self) -> date:
        """The day by the site's zone."""
        return self._day_of(self._clock())

    def would(self, wanted: Schedule) -> list[Disposition]:
        """What :meth:`run` would destroy now. Raises what stops it; nothing is changed."""
        self._guard.check(self._clock())
        self._catching_up.check()
        return list(self._destroying.due(in_force(self._meta, wanted), self.today()))

    def waiting(self, wanted: Schedule) -> int:
        """How many recordings the wanted schedule would newly destroy today, so that it waits to
        be adopted (R18); nothing is changed."""
        return len(change(self._destroying, self._meta, wanted, self.today()).newly)

    def run(
        self,
        wanted: Schedule,
        *,
        clock_is_right: bool = False,
        progress: Callable[[int], None] = lambda gone: None,
    ) -> Swept:
        """Destroy what is due. Raises Stopped where nothing may be, StoreError and DiskError
        where something refuses; what was destroyed until then is, and the next sweep goes on."""
        self._guard.check(self._clock(), clock_is_right=clock_is_right)
        today = self.today()
        self._catching_up.run(today)
        toll = self._destroyer.resume(today)
        left = self._adopt(wanted, today)
        toll += self._destroyer.due(in_force(self._meta, wanted), today, progress)
        asides = self._sweep_asides(today)
        self._trail.sign()
        now = self._clock()
        self._guard.seen(now)
        self._meta.set(_SWEPT, str(now))
        faults = len(self._verified().faults)
        if faults:
            log.error("the audit trail has faults: ivr audit verify shows them", faults=faults)
        log.info("swept", recordings=toll.recordings, bytes=toll.bytes, set_aside=asides)
        return Swept(toll, asides, faults, left)

    def _adopt(self, wanted: Schedule, today: date) -> int:
        """Take on a schedule that keeps nothing less long; how many recordings wait for it else."""
        told = change(self._destroying, self._meta, wanted, today)
        if not told.changed:
            return 0
        if told.shorter or not told.adopted:
            log.warning(
                "the schedule would newly destroy recordings: it waits to be adopted",
                version=wanted.version,
                recordings=len(told.newly),
            )
            return len(told.newly)
        self._trail.append([Entry("schedule", SERVICE, "done", detail=wanted.version)])
        adopt(self._meta, wanted)
        return 0

    def _sweep_asides(self, today: date) -> int:
        """Remove what was set aside too long ago. What belongs to a recording that is still
        kept, or to a case, goes with that and not before."""
        old = self._asides.older(self._aside_keep, today, self._day_of)
        calls = sorted({call for call in map(call_of, old) if call})
        kept = {each.call for each in self._recordings.several(calls)}
        kept |= {call for call, claims in self._cases.claims(calls).items() if claims}
        names = [name for name in old if call_of(name) not in kept]
        if names:
            self._trail.append(
                [
                    Entry("destroy-aside", SERVICE, "done", call=call_of(name), rule="set-aside")
                    for name in names
                ]
            )
            self._asides.remove_named(names)
        return len(names)
