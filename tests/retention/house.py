"""A whole retention layer in one folder: settings, spool, store, office, and a clock to turn."""

from __future__ import annotations

import json
import re
import shutil
import threading
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ivr.config.retention import load_retention
from ivr.retention.intake.outcome import Taken
from ivr.retention.model import Person
from ivr.retention.office.office import open_office
from ivr.retention.service.running import intake_of
from ivr.retention.store import open_store
from ivr.retention.sweep import Swept
from ivr.storage.places import prepare
from tests.retention.intake.records import call_id, deliver, record

DEPLOY = Path(__file__).parents[2] / "deploy"
LONDON = ZoneInfo("Europe/London")

NUMBER = "01277312500"
PEOPLE = """
people:
  - {user: dpo, name: D. Officer, roles: [data-protection-officer]}
  - {user: officer, name: C. Services, roles: [customer-services-officer]}
  - {user: manager, name: T. Manager, roles: [team-manager], teams: [housing]}
  - {user: people, name: P. and O., roles: [people-and-organisation-manager]}
  - {user: policy, name: P. Officer, roles: [policy-officer]}
  - {user: engineer, name: T. Engineer, roles: [telephony-engineer]}
  - {user: auditor, name: A. Auditor, roles: [auditor]}
"""
DPO, OFFICER, MANAGER = Person("dpo"), Person("officer"), Person("manager")
PEOPLE_MANAGER, POLICY, ENGINEER = Person("people"), Person("policy"), Person("engineer")
AUDITOR, STRANGER = Person("auditor"), Person("stranger")


_NEVER = threading.Event()


def until(condition: Callable[[], Any], most_s: float = 60.0) -> None:
    """Wait until something holds that another thread or process brings about."""
    end = time.monotonic() + most_s
    while not condition():
        assert time.monotonic() < end, "it never came to be"
        _NEVER.wait(0.01)


def at(text: str) -> int:
    """A moment in London as milliseconds since 1970: ``2026-05-31 12:00``."""
    return int(datetime.fromisoformat(text).replace(tzinfo=LONDON).timestamp() * 1000)


class House:
    """``more`` is YAML for the end of retention.yaml."""

    def __init__(
        self, folder: Path, *, now: str = "2026-05-31 12:00", changes: dict[str, str] | None = None
    ) -> None:
        self.folder = folder
        self.site = folder / "deploy" / "retention.yaml"
        shutil.copytree(DEPLOY, folder / "deploy")
        text = self.site.read_text().replace("127.0.0.1:9185", "127.0.0.1:0")
        for old, new in {"format: flac": "format: wav", **(changes or {})}.items():
            assert old in text, old
            text = text.replace(old, new)
        self.site.write_text(text)
        access = folder / "deploy" / "access.yaml"
        access.write_text(access.read_text() + PEOPLE)
        self.spool = prepare(folder / "var" / "spool", 0).root
        self.now = at(now)
        self.open()

    def open(self) -> None:
        """A start of the service; after changes of the settings a new one."""
        self.store = open_store(load_retention(self.site), lambda: self.now, create=True)
        self.office = open_office(self.store)

    @property
    def schedule_file(self) -> Path:
        return self.folder / "deploy" / "schedule.yaml"

    def turn(self, **by: float) -> None:
        """Let time pass, some days at a time, with a running service that looks at the clock."""
        left = timedelta(**by) // timedelta(milliseconds=1)
        while left > 0:
            step = min(left, 6 * 86_400_000)
            self.now += step
            left -= step
            self.store.guard.seen(self.now)

    def call(self, number: int, *, ended: str = "", caller: str = NUMBER, **more: Any) -> str:
        """Leave a finished call in the spool, and take it in."""
        call = call_id(number)
        moment = datetime.fromtimestamp((at(ended) if ended else self.now) / 1000, LONDON)
        text = moment.isoformat(timespec="milliseconds")
        made = record(call, caller=caller, ended_at=text, arrived_at=text, **more)
        deliver(self.spool, made)
        taken = self.take_in()
        assert (taken.taken, taken.error) == (1, None)
        return call

    def take_in(self) -> Taken:
        intake = intake_of(self.store)
        try:
            return intake.take_in(now=True)
        finally:
            intake.close()

    def sweep(self, **more: Any) -> Swept:
        return self.store.sweep().run(self.store.configuration.schedule, **more)

    def audit(self, *actions: str) -> list[tuple[str, str, str, str, str]]:
        """Entries: action, who, outcome, call, case."""
        return [
            (each.action, each.who, each.outcome, each.call, each.case)
            for each in self.store.trail.read()
            if not actions or each.action in actions
        ]

    def files_with(self, *needles: str) -> list[str]:
        """Every file of the data folders whose bytes, or whose name, hold one of the texts."""
        found = []
        for path in sorted((self.folder / "var").rglob("*")):
            data = path.read_bytes() if path.is_file() else b""
            found += [
                f"{path.relative_to(self.folder)}: {needle}"
                for needle in needles
                if needle.encode() in data or needle in path.name
            ]
        return found


def schedule_with(house: House, **periods: str) -> None:
    """Write other periods into the schedule, by the name of their rule (``_`` for ``-``)."""
    text = house.schedule_file.read_text()
    for name, keep in periods.items():
        pattern = rf'(name: {name.replace("_", "-")}\b.*?keep: )"[^"]*"'
        text, count = re.subn(pattern, rf'\g<1>"{keep}"', text, count=1, flags=re.DOTALL)
        assert count == 1, name
    version = re.search(r'version: "([^"]+)"', text)
    assert version
    house.schedule_file.write_text(text.replace(version[0], f'version: "{version[1]}x"', 1))


def as_json(text: str | None) -> dict[str, Any]:
    """A record as :class:`Shown` has it."""
    assert text is not None
    read: dict[str, Any] = json.loads(text)
    return read
