"""The service: takes in what the engine finished, answers people, sends mails, and keeps count.

Each kind of work has a thread of its own and a limit to how long it does nothing. A fault in one
round of work is logged and counted, and the next round is made all the same: a service that has
stopped taking in fills the engine's disk.
"""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator

import structlog

from ivr.errors import IvrError
from ivr.retention.archive.keeper import Keeper
from ivr.retention.archive.sealing import Recipients
from ivr.retention.intake.books import Books
from ivr.retention.intake.taking import Intake
from ivr.retention.metrics import RetentionMetrics
from ivr.retention.office.office import open_office
from ivr.retention.service.app import make_app
from ivr.retention.service.callers import Callers
from ivr.retention.service.scrape import Scrape
from ivr.retention.service.server import SocketServer
from ivr.retention.standing import standing_of
from ivr.retention.store import ASIDE, MAKING, Store

log = structlog.get_logger(__name__)

INTAKE_S = 1.0
"""Between two looks into the spools, where nothing more waits."""
STANDING_S = 60.0
"""Between two looks at how it stands."""
MAIL_S = 5.0
"""Between two looks for mails that are due."""
_POLL_S = 0.1
"""How long a stop may be unnoticed."""
_AT_ONCE = 2000
"""Records of each spool in one round, so that a stop never waits long."""


def intake_of(store: Store) -> Intake:
    """What takes in, for this store. Call :meth:`Intake.close` at the end."""
    site = store.site
    sealing = site.sealing
    destroyer = store.destroyer()
    return Intake(
        site.spools,
        store.archive,
        Keeper(site.format, Recipients(sealing.recipients) if sealing else None),
        Books(store.database, store.recordings, store.holds),
        store.trail,
        site.state / ASIDE,
        destroy=lambda calls: destroyer.opted_out(calls, store.today()),
        marks=store.configuration.schedule.marks,
        zone=site.zone,
        clock=store.clock,
    )


class Service:
    """Runs until it is stopped."""

    def __init__(self, store: Store) -> None:
        """Listen on the socket and for scrapes. Raises SetupError where one is taken."""
        self._store = store
        self._stop = threading.Event()
        self._wrong: dict[str, str] = {}
        """By kind of work: what refused in its last round."""
        self.metrics = RetentionMetrics()
        self._intake = intake_of(store)
        self._queue = store.queue()
        self._scrape = Scrape(store.site.http, self.metrics.registry, self._health)
        callers = Callers(store.configuration.tokens, lambda: store.clock() / 1000)
        app = make_app(open_office(store, self._queue), callers)
        self._server = SocketServer(store.site.socket, app)
        self._threads = [
            threading.Thread(target=work, name=name, daemon=True)
            for name, work in (
                ("people", lambda: self._server.serve_forever(_POLL_S)),
                ("mail", self._send_mails),
                ("standing", self._look_on),
            )
        ]

    @property
    def port(self) -> int:
        """Where metrics are scraped."""
        return self._scrape.port

    def run(self) -> None:
        """Work until :meth:`stop`; then let go of everything."""
        shutil.rmtree(self._store.site.state / MAKING, ignore_errors=True)
        # A disk that refuses now must not keep the spool from being emptied.
        self._round("destroying", self._finish)
        self._round("catching-up", self._catch_up)
        if self._queue is not None:
            self._queue.start()
        for thread in self._threads:
            thread.start()
        log.info("retention service started", socket=str(self._store.site.socket))
        try:
            self._rounds("intake", INTAKE_S, self._take_in)
        finally:
            self._server.shutdown()
            self._server.server_close()
            self._scrape.close()
            for thread in self._threads:
                thread.join()
            self._intake.close()
            if self._queue is not None:
                self._queue.close()
            log.info("retention service stopped")

    def stop(self) -> None:
        """End :meth:`run` soon; callable from a signal handler and from any thread."""
        self._stop.set()
        if self._queue is not None:
            self._queue.woken.set()

    def _health(self) -> str:
        return "; ".join(f"{work}: {what}" for work, what in sorted(self._wrong.items()))

    def _rounds(self, work: str, every_s: float, do: Callable[[], bool]) -> None:
        """Do the work again and again; at once where it says that there is more."""
        more = False
        while not self._stop.wait(0 if more else every_s):
            more = self._round(work, do)

    def _round(self, work: str, do: Callable[[], bool]) -> bool:
        try:
            more = do()
        except IvrError as error:
            # Said once: what refuses does so each second, perhaps for days.
            if self._wrong.get(work) != str(error):
                self._wrong[work] = str(error)
                log.error("the retention service's work was refused", work=work, error=str(error))
        except Exception:  # the root of a thread
            self._wrong[work] = "a fault of the program"
            self.metrics.faults.labels(work).inc()
            log.error("a round of work ended by a fault", work=work, exc_info=True)
        else:
            self._wrong.pop(work, None)
            return more
        return False

    def _take_in(self) -> bool:
        taken = self._intake.take_in(_AT_ONCE)
        self.metrics.took(taken)
        backlog = self._intake.backlog()
        self.metrics.waits(backlog)
        if taken.error:
            raise taken.error
        return taken.taken >= _AT_ONCE

    def _send_mails(self) -> None:
        queue = self._queue
        if queue is not None:
            while not self._stop.is_set():
                if not self._round("mail", queue.work):
                    queue.wait(MAIL_S)

    def _finish(self) -> bool:
        """End what was decided to go, and what a refusal or a crash left."""
        self._store.destroyer().resume(self._store.today())
        return False

    def _catch_up(self) -> bool:
        """So that people see the cases that there are, where the index is out of a backup."""
        self._store.catching_up().run(self._store.today())
        return False

    def _look_on(self) -> None:
        # At once: until the clock was seen nothing may be destroyed, and metrics say nothing.
        self._round("standing", self._look)
        self._rounds("standing", STANDING_S, self._look)

    def _look(self) -> bool:
        self._store.guard.seen(self._store.clock())
        self._round("catching-up", self._catch_up)
        if self._store.destroying.pending():
            self._round("destroying", self._finish)
        self.metrics.stands(standing_of(self._store, self._queue))
        return False


def once(store: Store) -> Iterator[str]:
    """Take in all that waits and sweep; what came to be, in lines for a person.

    Raises what refused, once all that could be done is done.
    """
    store.destroyer().resume(store.today())
    intake = intake_of(store)
    try:
        came_to = taken = intake.take_in(now=True)
        while taken.taken and not taken.error:
            taken = intake.take_in(now=True)
            came_to += taken
    finally:
        intake.close()
    aside = sum(came_to.aside.values())
    yield f"taken in: {came_to.taken}; set aside: {aside}; still waiting: {came_to.put_off}"
    store.guard.seen(store.clock())
    swept = store.sweep().run(store.configuration.schedule)
    yield f"destroyed: {swept.toll.recordings} recordings, {swept.toll.bytes} bytes"
    if taken.error:
        raise taken.error


def rehearsal(store: Store) -> Iterator[str]:
    """What :func:`once` would do, in lines for a person; nothing is changed. Raises what stops
    it."""
    waiting = sum(1 for spool in store.site.spools for _ in (spool / "new").glob("*.json"))
    yield f"would take in: {waiting} records"
    sweep, wanted = store.sweep(), store.configuration.schedule
    due = sweep.would(wanted)
    yield f"would destroy: {len(due)} recordings"
    for each in due:
        yield f"  {each.call}  due {each.due}  {each.rule}: {each.why}"
    if left := sweep.waiting(wanted):
        yield f"waiting for the schedule to be adopted (ivr retention schedule): {left} recordings"
