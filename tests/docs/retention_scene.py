"""Where failures of the retention layer are brought about: its service, and a terminal.

Settings, spool, archive and service are those of :mod:`tests.retention.house`, by the host's own
clock. Commands are processes of their own, as on the host of the pages.
"""

from __future__ import annotations

import getpass
import os
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ivr.retention.service import running
from tests.docs.failure_page import Reader, as_logged, assert_seen
from tests.docs.scene import CALL, SPOOL, Terminal
from tests.retention import house
from tests.retention.house import LONDON, NUMBER, House, until
from tests.retention.intake.records import deliver, record

STATE = "/var/lib/ivr-retention"
SITE = "/etc/ivr/retention.yaml"
SCHEDULE = "/etc/ivr/schedule.yaml"
HTTP = "127.0.0.1:9185"
_AS = "sudo -u ivr-retention "
_ROLES = "data-protection-officer, policy-officer, telephony-engineer, customer-services-officer"


class _Terminal(Terminal):
    """One whose commands ask the retention layer."""

    def __init__(self, folder: Path, site: Path) -> None:
        super().__init__(folder, lambda: None)
        self._site = site

    def _ivr(self, words: list[str]) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "ivr.cli", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            env={**os.environ, "IVR_RETENTION": str(self._site)},
        )
        assert done.returncode != 70, done.stdout
        return done.stdout


class Retained:
    """A retention layer whose service looks often, so that nobody waits for it."""

    def __init__(
        self,
        folder: Path,
        logged: list[dict[str, Any]],
        patch: pytest.MonkeyPatch,
        **changes: str,
    ) -> None:
        """``changes`` are of retention.yaml: a text, and what stands in its place."""
        patch.setattr(running, "STANDING_S", 0.05)
        patch.setattr(running, "MAIL_S", 0.02)
        me = f"  - {{user: {getpass.getuser()}, name: I, roles: [{_ROLES}]}}\n"
        patch.setattr(house, "PEOPLE", house.PEOPLE + me)
        now = datetime.now(LONDON).strftime("%Y-%m-%d %H:%M:%S")
        self.house = House(folder, now=now, changes=changes)
        self._events = logged
        self.service: running.Service | None = None
        self._thread: threading.Thread | None = None
        self.terminal = terminal = _Terminal(folder, self.house.site)
        for shown, real in (
            (STATE, self.house.store.site.state),
            (SPOOL, self.house.spool),
            (SITE, self.house.site),
            (SCHEDULE, self.house.schedule_file),
        ):
            terminal.name(shown, real)
        terminal.acts |= {
            "systemctl start ivr-retention": self.start,
            "systemctl stop ivr-retention": self.stop,
            "systemctl restart ivr-retention": self.restart,
            "systemctl start ivr-sweep": lambda: terminal._ivr(["retention", "sweep"]),
            f"curl -s {HTTP}/healthz": lambda: (self.page("/healthz") or (0, ""))[1],
        }

    def start(self) -> None:
        """As ``systemctl start`` does."""
        self.house.open()
        self.resume()

    def resume(self) -> None:
        """Run the service over the store that is open."""
        self.service = running.Service(self.house.store)
        self._thread = threading.Thread(target=self.service.run)
        self._thread.start()

    def stop(self) -> None:
        """As ``systemctl stop`` does."""
        if self.service is not None and self._thread is not None:
            self.service.stop()
            self._thread.join()
            self.house.store.close()
            self.service = self._thread = None

    def restart(self) -> None:
        """As ``systemctl restart`` does."""
        self.stop()
        self.start()

    def finished(self, call: str = CALL, *, days_ago: int = 0, **more: Any) -> None:
        """Leave a finished call in the spool."""
        ended = datetime.fromtimestamp(time.time(), LONDON) - timedelta(days=days_ago)
        text = ended.isoformat(timespec="milliseconds")
        made = record(call, caller=NUMBER, ended_at=text, arrived_at=text, **more)
        deliver(self.house.spool, made)

    def kept(self, call: str = CALL, **more: Any) -> None:
        """The same, and it is taken in: the index has it, the audit trail was told, and it has left
        the spool."""
        self.finished(call, **more)
        until(lambda: self.house.store.recordings.get(call))
        until(lambda: not (self.house.spool / f"new/{call}.json").exists())

    def reads(self, reader: Reader, heading: str, about: str = "") -> None:
        """What a page says is soon so: signs are waited for, as the service looks by itself."""
        for sign in reader.signs(heading, about):

            def seen(sign: Any = sign) -> bool:
                try:
                    assert_seen(self, sign)
                except AssertionError:
                    return False
                return True

            end = time.monotonic() + 60
            while not seen():
                if time.monotonic() > end:
                    assert_seen(self, sign)
                threading.Event().wait(0.02)
        reader.reads(self, heading, about)

    # What whoever reads a page looks at.

    @property
    def logged(self) -> list[str]:
        """See :class:`tests.docs.failure_page.World`."""
        return [str(one["event"]) for one in self._events]

    def page(self, path: str) -> tuple[int, str] | None:
        """See :class:`tests.docs.failure_page.World`."""
        if self.service is None:
            return None
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.service.port}{path}") as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def run(self, command: str) -> list[str]:
        """See :class:`tests.docs.failure_page.World`."""
        text = command.removeprefix(_AS)
        return self.terminal.run(text, self.page, lambda: as_logged(self._events))
