"""An engine and the lab switch in one process, joined by real loopback sockets."""

from __future__ import annotations

import http.client
import os
from pathlib import Path

import gevent

from ivr.clock import Clock, RealClock
from ivr.config.load import load
from ivr.demo.site import write_site
from ivr.engine.service import Engine
from ivr.errors import SetupError
from ivr.lab.alarm import sleep_until
from ivr.lab.switch import LabSwitch, dialplan_for

TICK_MS = 50
"""How often what is waited for is looked at."""

_CONNECT_MS = 10_000
_SCRAPE_S = 5


class Stage:
    """Where the calls take place. The engine believes that the lab switch is FreeSWITCH."""

    def __init__(self, folder: Path, clock: Clock | None = None, root: Path | None = None) -> None:
        """Write a site into the folder, listen, and prepare the engine; starts nothing.

        Raises:
            ConfigError, SetupError, DiskError: with what to do.
        """
        self.folder = folder
        self.clock: Clock = clock or RealClock()
        self.switch = LabSwitch(self.clock, log_path=folder / "switch.log")
        _host, port = self.switch.listen(("127.0.0.1", 0))
        try:
            site = write_site(folder, port, self.switch.password, root)
            self.configuration = load(site)
            self.engine = Engine(self.configuration, self.clock)
        except BaseException:
            self.switch.close()
            raise

    @property
    def spool(self) -> Path:
        """Where the recordings and records end up."""
        return self.configuration.site.spool

    @property
    def metrics_url(self) -> str:
        """What Prometheus would scrape."""
        return f"http://127.0.0.1:{self.engine.http.port}/metrics"

    def start(self) -> None:
        """Start the engine, have every call go to it, and wait until it has found the switch.

        Raises:
            SetupError: it does not find it.
        """
        self.engine.start()
        self.switch.dialplan = dialplan_for(f"127.0.0.1:{self.engine.calls.port}")
        end = self.clock.monotonic_ms() + _CONNECT_MS
        while not self.engine.control.connected:
            if self.clock.monotonic_ms() >= end:
                raise SetupError(
                    "the engine did not find the lab switch on this machine's loopback address;"
                    f" {self.folder / 'engine.log'} says why"
                )
            self.pause(TICK_MS)

    def pause(self, ms: int) -> None:
        """Let time pass, by the stage's clock."""
        sleep_until(self.clock, self.clock.monotonic_ms() + ms)

    @property
    def busy(self) -> bool:
        """Whether the engine still has a call without a record."""
        return bool(self.engine.context.calls) or self.engine.spool.waiting > 0

    def scrape(self) -> str:
        """The metrics, fetched over HTTP as Prometheus does; also kept in the folder.

        Raises:
            SetupError: the engine does not answer.
        """

        def fetch() -> str:
            # Not urllib: a proxy of the environment has no business here.
            link = http.client.HTTPConnection("127.0.0.1", self.engine.http.port, timeout=_SCRAPE_S)
            try:
                link.request("GET", "/metrics")
                return link.getresponse().read().decode()
            finally:
                link.close()

        try:
            text: str = gevent.get_hub().threadpool.apply(fetch)
        except (OSError, http.client.HTTPException) as error:
            raise SetupError(f"{self.metrics_url} does not answer: {error}") from error
        path = self.folder / "metrics.txt"
        try:
            path.write_text(text)
        except OSError as error:
            raise SetupError(f"{path}: {os.strerror(error.errno or 0)}") from error
        return text

    def stop(self) -> None:
        """End every call and stop both."""
        self.switch.close()
        self.engine.stop()
