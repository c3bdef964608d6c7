"""The pages of docs/runbook/ about engines that die, hang or are replaced, followed in real time.

They are processes, killed by signals; a socket of systemd's, held by the test, outlives them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from ivr.lab import LabCall
from tests.docs.failure_page import AFTER, DO, MEANWHILE, OVER, SEEN, Reader
from tests.docs.host import ANNOUNCEMENT_MS, Host, happens
from tests.engine import site

UNRECORDED = "7f1c2a4e-5b0d-4c38-9a0e-2f6b1d9c8e10"

Reading = Callable[[str], Reader]
Hosts = Callable[..., Host]


@pytest.fixture
def hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hosts]:
    """Makes a host whose engines run."""
    monkeypatch.setitem(site.LENGTHS, "announcement", (ANNOUNCEMENT_MS, site.ANNOUNCEMENT_HZ))
    made: list[Host] = []

    def make(**words: Any) -> Host:
        made.append(Host(tmp_path, **words))
        made[-1].start()
        return made[-1]

    yield make
    for one in made:
        one.close()


def record(host: Host, call: LabCall, spool: str = "spool") -> dict[str, Any]:
    """The record of a call that is over, once it is there."""
    host.unit.now.until("call ended")
    found: dict[str, Any] = json.loads((host.folder / f"{spool}/new/{call.uuid}.json").read_text())
    return found


def test_the_engine_dies(hosts: Hosts, reading: Reading) -> None:
    reader = reading("engine-died")
    host = hosts()
    call = host.connected()
    waiting = host.announced()
    host.unit.now.kill()
    reader.reads(host, SEEN)
    reader.reads(host, DO)
    host.unit.now.until("call taken up", 2)
    reader.reads(host, OVER)
    host.hang_up(call)
    assert record(host, call)["taken_up"] == 1
    host.hang_up(waiting)
    host.unit.now.until("call ended", 2)
    reader.reads(host, AFTER)


def test_the_engine_hangs(hosts: Hosts, reading: Reading) -> None:
    reader = reading("engine-hangs")
    host = hosts(dead_man_s=2)
    call = host.connected()
    host.unit.hang()
    host.unit.systemd.told()
    new = host.place()
    reader.reads(host, SEEN)
    assert host.unit.systemd.told() == [], "systemd hears no beats"
    if not new.done.ready() and not new.others:
        happens(new, "CHANNEL_BRIDGE")
    host.terminal.name(UNRECORDED, new.uuid)
    reader.reads(host, MEANWHILE)
    reader.reads(host, DO)
    host.unit.now.until("call taken up")
    reader.reads(host, OVER)
    host.hang_up(new)
    host.hang_up(call)
    record(host, call)
    reader.reads(host, AFTER)


def test_an_engine_is_restarted(hosts: Hosts, reading: Reading) -> None:
    reader = reading("upgrade")
    host = hosts()
    call = host.connected()
    waiting = host.announced()
    first = host.unit.now
    reader.reads(host, DO, "One engine")
    stopped = [str(one["event"]) for one in first.events]
    for sign in reader.signs(SEEN):
        assert sign.what in stopped
    host.unit.now.until("call taken up", 2)
    reader.reads(host, OVER)
    for one in (call, waiting):
        host.hang_up(one)
    host.unit.now.until("call ended", 2)
    assert record(host, call)["taken_up"] == 1
    assert record(host, waiting)["taken_up"] == 1
    reader.reads(host, AFTER)


def test_one_engine_of_two_is_replaced(hosts: Hosts, reading: Reading) -> None:
    reader = reading("upgrade")
    host = hosts(engines=2)
    call = host.connected()
    stop = host.terminal.acts["systemctl stop ivr.socket ivr"]
    others: list[LabCall] = []

    def stopped() -> None:
        stop()
        others.append(host.place())
        host.until(others[0], "Connected", unit=1)

    host.terminal.acts["systemctl stop ivr.socket ivr"] = stopped
    reader.reads(host, DO, "Two engines")
    host.unit.now.until("call taken up")
    reader.reads(host, OVER)
    host.hang_up(call)
    record(host, call)
    reader.reads(host, AFTER)
    host.hang_up(others[0])
    host.units[1].now.until("call ended")
    assert (host.folder / f"spool-b/new/{others[0].uuid}.json").exists()
