"""The engine as a whole: what starts, what stops, what is reloaded (R20, R22)."""

from __future__ import annotations

import socket
import time
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from hashlib import sha256
from pathlib import Path

import gevent
import structlog
from gevent.event import Event

from ivr import __version__
from ivr.api.access import Access
from ivr.api.http import HttpServer
from ivr.clock import Clock, RealClock
from ivr.config.load import Configuration, load
from ivr.config.restart import taken_over, takes_restart
from ivr.config.settings import Site
from ivr.core.ending import unseen_end
from ivr.core.entries import Finished, RecordingIntended, Stamp, Stamped
from ivr.engine.arriving import Arrival
from ivr.engine.context import Context
from ivr.engine.control import Control
from ivr.engine.driver import CallDriver
from ivr.engine.ended import ended, said_in
from ivr.engine.exempted import consult_over, exempt_told
from ivr.engine.growth import Growth
from ivr.engine.ongoing import Ongoing
from ivr.engine.recovery import Recovery
from ivr.engine.server import CallServer
from ivr.engine.setup import many_files
from ivr.engine.wallclock import WallClock
from ivr.errors import ConfigError, DiskError
from ivr.esl.wire import Message
from ivr.esl.wording import forgotten
from ivr.gauges import Scraped
from ivr.metrics import Metrics
from ivr.storage.atomic import REAL, Disk, disk_error
from ivr.storage.filing import Filed, Maker
from ivr.storage.journal import Journal
from ivr.storage.spool import Spool, host_zone

log = structlog.get_logger(__name__)

_ARRIVALS_S = 0.5
"""Of the time for stopping, how long connections are waited for that are being made."""
_JOURNAL_S = 0.5
"""Of the time for stopping, what is kept for the journal: records can be made at the next start."""


class Engine:
    """Takes calls from :meth:`start` until :meth:`stop`."""

    def __init__(
        self,
        configuration: Configuration,
        clock: Clock | None = None,
        disk: Disk = REAL,
        secret: str = "",
        listening: socket.socket | None = None,
    ) -> None:
        """Prepare the spool, read the journal, listen; ``disk`` is the journal's and spool's,
        ``secret`` what this host's commands show to be let in, ``listening`` a socket for calls
        that is there already.

        Raises:
            SetupError: a port is taken, a folder cannot be used, the disk is full.
            DiskError: the journal cannot be read.
        """
        site = configuration.site
        self._clock = clock or RealClock()
        self.metrics = Metrics()
        places = Spool.prepare(site.spool, fallback=site.fallback)
        self.journal = Journal(places.journal, self._clock, disk=disk, spare=places.spare_journal)
        reading = self.journal.open()
        self.spool = Spool(
            site.spool,
            self.journal,
            self._clock,
            Maker(host=socket.gethostname(), engine_version=__version__, zone=host_zone()),
            disk=disk,
            refused=self._record_refused,
            fallback=site.fallback,
            uncleared=self._uncleared,
        )
        self.context = Context(
            clock=self._clock,
            configuration=configuration,
            journal=self.journal,
            spool=self.spool,
            metrics=self.metrics,
            finish=self._finish,
            release=self._release,
            me=_me(site.spool),
            here=_here(site),
        )
        address = site.freeswitch.address
        self.control = Control(
            (address.host, address.port),
            lambda: self.context.configuration.site.freeswitch.password,
            self.metrics,
            self._clock,
            hear=self._hear,
            left=lambda: (*self._recovery.left, *self._talking()),
            found=self._found,
            gone=self._gone,
            back=self._back,
            feature=lambda leg, feature: self.ongoing.keyed(leg, feature),
            hold=lambda leg, held: self.ongoing.held(leg, held),
            agents=lambda: bool(self.context.agents),
            exempt=partial(exempt_told, self.context),
            consult_over=partial(consult_over, self.context),
        )
        self._recovery = Recovery(self.context, reading)
        self.growth = Growth(self.context, self.spool.places)
        self.ongoing = Ongoing(self.context)
        self.context.line = self.control
        self.context.left = self._recovery
        self.context.folders = self.growth
        self._wall_clock = WallClock(self._clock, self.metrics)
        self.metrics.registry.register(
            Scraped(
                phases=lambda: [call.state.phase for call in self.context.calls.values()],
                paused=self.ongoing.paused,
                depth=lambda: self.spool.depth().records,
                oldest_s=lambda: self.spool.depth().oldest_age_ms / 1000,
                free_bytes=lambda: self.spool.depth().free_bytes,
                folders=lambda: self.growth.folders,
                on_spare=lambda: self.journal.on_spare,
            )
        )
        self.http = HttpServer(
            (site.http.host, site.http.port),
            self.metrics,
            self.health,
            calls=self.ongoing,
            access=Access(lambda: self.context.configuration.site.tokens, secret),
        )
        self.calls = CallServer(
            (site.listen.host, site.listen.port),
            self._accept,
            self._room,
            listening,
        )
        self._control_loop: gevent.Greenlet | None = None
        self._filing = 0
        """Calls that are over and wait for their record."""
        self._stopping = False
        self._stopped = Event()
        self._reloading = False
        self._reload_asked = False
        self._reloads = 0
        self._reload_refused = False
        self._restart_for: tuple[str, ...] = ()
        self._configured()

    def start(self) -> None:
        """Begin to serve; returns at once.

        Raises:
            DiskError: no folder of recordings can be read.
        """
        self.http.start()
        try:
            self._recovery.start()
        except OSError as error:
            where = self.spool.places.recording
            raise disk_error("look for recordings in", where, error) from error
        self.growth.start()
        self._wall_clock.start()
        self._control_loop = gevent.spawn(self.control.run)
        site = self.context.configuration.site
        log.info(
            "engine started",
            version=__version__,
            calls_on=str(self.calls.address),
            metrics_on=f"http://{site.http.host}:{self.http.port}/metrics",
            spool=str(site.spool),
            config=self.context.configuration.version,
            policy=self.context.configuration.policy_version,
        )

    def stop(self, drain_s: float | None = None) -> None:
        """Take no more calls, let go of those there are, and put what is known on disk, within
        ``drain_s`` seconds (those of the site's file where it is None).

        People who talk go on talking (docs/freeswitch.md 10), and a call that hears a prompt
        comes back to the next engine at its end: both are in the journal for it (R22).
        """
        if self._stopping:
            return
        self._stopping = True
        log.info("engine stopping", calls_in_progress=len(self.context.calls))
        if drain_s is None:
            drain_s = self.context.configuration.site.limits.stop_ms / 1000
        # Not the engine's clock: what is waited for here are the host's disk and threads.
        over = time.monotonic() + drain_s
        self.calls.stop()
        self._await_arrivals(min(_ARRIVALS_S, drain_s / 2))
        for call in tuple(self.context.calls.values()):
            call.let_go()
        for arrival in tuple(self.context.unknown):
            arrival.let_go()
        self.http.stop()
        self.growth.stop()
        self._wall_clock.stop()
        self.control.stop()
        if self._control_loop is not None:
            self._control_loop.join(drain_s)
        if not self.spool.close(max(0.0, over - time.monotonic() - _JOURNAL_S)):
            log.warning("records left for the next start", waiting=self.spool.waiting)
        self.context.stop()
        if not self.journal.close(max(_JOURNAL_S, over - time.monotonic())):
            log.error("the journal could not be put on disk", error=str(self.journal.error))
        self._stopped.set()
        log.info("engine stopped")

    def _await_arrivals(self, longest_s: float) -> None:
        """Let connections say which call they are for: of one that was taken over FreeSWITCH knows
        to offer it to the next engine, of another it does not."""
        until = time.monotonic() + longest_s
        while self.context.unknown and time.monotonic() < until:
            gevent.sleep(0.005)

    def wait(self) -> None:
        """Return when the engine has stopped."""
        self._stopped.wait()

    def reload(self) -> None:
        """Take over the configuration as it lies on disk, for new calls; calls in progress keep
        theirs. A bad one is refused and named; what is in force stays (R20). Returns at once."""
        self._reload_asked = True
        if not self._reloading:
            self._reloading = True
            gevent.spawn(self._reload)

    def _reload(self) -> None:
        try:
            # Asked for while the files were being read: they may have changed after that.
            while self._reload_asked:
                self._reload_asked = False
                taken = False
                try:
                    taken = self._reload_once()
                except Exception as fault:  # the root of this greenlet
                    self.metrics.reload_succeeded.set(0)
                    log.exception(
                        "reload refused",
                        mistake=f"the engine failed at it: {fault!r}",
                        in_force=self.context.configuration.version,
                    )
                self._reloads += 1
                self._reload_refused = not taken
        finally:
            self._reloading = False

    def _reload_once(self) -> bool:
        old = self.context.configuration
        new = gevent.get_hub().threadpool.apply(_load, (old.site.file,))
        if isinstance(new, Exception):
            if not isinstance(new, (ConfigError, OSError)):
                raise new
            self.metrics.reload_succeeded.set(0)
            for mistake in str(new).splitlines():
                log.error("reload refused", mistake=mistake, in_force=old.version)
            return False
        self._restart_for = takes_restart(old.site, new.site)
        for setting in self._restart_for:
            log.warning("this takes a restart; the old value stays in force", setting=setting)
        self.context.configuration = replace(new, site=taken_over(old.site, new.site))
        self._configured()
        log.info("configuration taken over", config=new.version, policy=new.policy_version)
        return True

    def _configured(self) -> None:
        configuration = self.context.configuration
        many_files(configuration.site.limits.connections)
        self.metrics.configured(
            configuration.version, configuration.policy_version, self._clock.wall_ms()
        )

    def health(self) -> dict[str, object]:
        """What the health page says; ``ready`` is whether calls are taken and can be recorded,
        ``reloads`` how often the configuration was read again, ``restart_for`` what it then had
        that takes a restart."""
        full = [f"{one.path}: {one.why}" for one in self.growth.folders if not one.usable]
        errors = [str(error) for error in (self.journal.error, self.spool.error) if error]
        return {
            "ready": not errors and self.growth.room() is not None,
            "freeswitch": self.control.connected,
            "calls": len(self.context.calls),
            "config": self.context.configuration.version,
            "policy": self.context.configuration.policy_version,
            "reloads": self._reloads,
            "reload_refused": self._reload_refused,
            "restart_for": self._restart_for,
            "version": __version__,
            "disk": "; ".join((*errors, *full)) or "ok",
        }

    # Calls.

    def _room(self) -> bool:
        # A record that waits for a disk with room holds no connection.
        taken = len(self.context.calls) - self._filing + len(self.context.unknown)
        return taken < self.context.configuration.site.limits.connections

    def _accept(self, sock: socket.socket) -> None:
        Arrival(self.context, sock)

    def _hear(self, call_id: str, message: Message) -> None:
        driver = self.context.calls.get(call_id)
        if driver is not None:
            driver.hear(message)

    def _talking(self) -> list[str]:
        """Calls whose own socket tells all but who holds."""
        return [call_id for call_id, driver in self.context.calls.items() if driver.talks]

    def _found(self, call_id: str, there: bool) -> None:
        driver = self.context.calls.get(call_id)
        if driver is None or not driver.talks:
            self._recovery.found(call_id, there)
        elif there:
            driver.look_again()

    def _gone(self, call_id: str) -> None:
        driver = self.context.calls.get(call_id)
        if driver is not None:
            driver.vanished(switch_lost=driver.switch not in ("", self.control.switch))

    def _back(self, call_id: str) -> None:
        driver = self.context.calls.get(call_id)
        if driver is not None:
            driver.look_again()

    def _finish(self, driver: CallDriver, entries: list[Stamped]) -> None:
        call_id = driver.call_id

        def filed(filed: Filed) -> None:
            self._filing -= 1
            if self.context.calls.get(call_id) is driver:  # and not the same come back (R8)
                del self.context.calls[call_id]
            ended(self.metrics, filed)

        self.control.unfollow(call_id)
        self.spool.finish(driver.record_id, entries, filed)
        self._filing += 1

    def _release(self, call_id: str, record_id: str, entries: Sequence[Stamped]) -> None:
        """Another engine has the call, and makes its record; of what was said in our recording
        before, there is one here."""
        self.context.calls.pop(call_id, None)
        self.control.unfollow(call_id)
        self.control.post(forgotten(call_id), None)
        gevent.spawn(self._released, record_id, tuple(entries))

    def _released(self, record_id: str, entries: tuple[Stamped, ...]) -> None:
        told = (one.entry for one in entries)
        paths = [one.path for one in told if isinstance(one, RecordingIntended)]
        said = gevent.get_hub().threadpool.apply(said_in, (paths,))
        stamp = Stamp(self._clock.wall_ms(), self._clock.monotonic_ms())
        if not said:
            self.context.note(record_id, Finished(), stamp)
            return
        over = Stamped(stamp, unseen_end(switch_lost=False))
        self.context.note(record_id, over.entry, over.stamp)
        self.spool.finish(record_id, (*entries, over), lambda filed: ended(self.metrics, filed))

    def _record_refused(self, call_id: str, error: DiskError) -> None:
        self.metrics.records_failed.inc()
        log.error("record not written, will be tried again", call=call_id, error=str(error))

    def _uncleared(self, filed: Filed) -> None:
        """The record is there: that leftovers of the call are not gone hurts nobody."""
        if filed.error is None:
            ended(self.metrics, filed)
            return
        log.warning(
            "record written, but not all that is left of the call could be cleared away; it will"
            " be tried again",
            call=filed.call_id,
            error=str(filed.error),
        )


def _here(site: Site) -> str:
    """Where FreeSWITCH reaches this engine: of two on a host, the one with the port that this one
    listens on."""
    mine = (one for one in site.engines if one.port == site.listen.port)
    return str(next(mine, site.engines[0]))


def _me(spool: Path) -> str:
    """Which engine this is, whenever it is started: the one with this spool on this host."""
    return sha256(f"{socket.gethostname()}:{spool}".encode()).hexdigest()[:12]


def _load(site_file: Path) -> Configuration | Exception:
    """In a thread, whose pool would print what is raised: the configuration, or its mistakes."""
    try:
        return load(site_file)
    except Exception as error:  # noqa: BLE001  # the root of the thread's job
        return error


def serve(site_file: Path) -> Engine:
    """Load the configuration and start an engine with it.

    Raises:
        ConfigError, SetupError, DiskError: with what to do.
    """
    engine = Engine(load(site_file))
    engine.start()
    return engine
