"""An engine that is killed in mid-call, as a process of its own, in real time (R22)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from gevent.event import Event

from ivr.clock import RealClock
from ivr.lab import CallScript, Destination, LabSwitch, dialplan_for
from tests.engine import site
from tests.engine.house import Call
from tests.engine.served import Served


class Switch(LabSwitch):
    """Says when it has been asked after a call whose events are filtered for."""

    def __init__(self, log_path: Path) -> None:
        super().__init__(RealClock(), log_path=log_path)
        self.followed = Event()

    def api(self, command: str, arg: str) -> str:
        inbound = [one for one in self.listeners if one.leg is None]
        if any(("Unique-ID", arg) in one._filters for one in inbound):
            self.followed.set()
        return super().api(command, arg)


@pytest.fixture
def switch(tmp_path: Path) -> Iterator[Switch]:
    made = Switch(tmp_path / "switch.log")
    yield made
    made.close()


def journalled(folder: Path, kind: str) -> bool:
    """Whether an entry of this kind has been written, for whatever call."""
    mark = f'"k":"{kind}"'.encode()
    return any(mark in one.read_bytes() for one in (folder / "spool/journal").iterdir())


def test_killed_in_mid_call_the_record_is_whole_all_the_same(switch, tmp_path, monkeypatch):
    """What the record has to say of the caller's rights survives: that the announcement was
    heard to its end, and when the call was connected."""
    _host, port = switch.listen(("127.0.0.1", 0))
    monkeypatch.setitem(site.LENGTHS, "announcement", (300, site.ANNOUNCEMENT_HZ))
    file = site.write(tmp_path, port, more="log:\n  format: json\n")
    first = Served(file)
    switch.dialplan = dialplan_for(first.until("engine started")["calls_on"])
    first.until("FreeSWITCH is there")
    call = switch.place(CallScript(destination=Destination()))
    bridged = Event()
    call.leg.watchers.append(lambda name, _: bridged.set() if name == "CHANNEL_BRIDGE" else None)
    bridged.wait()
    # Each answer is a turn of the engine, whose journal is written behind it.
    while not journalled(tmp_path, "Connected"):
        assert first.get("/healthz").startswith(b"HTTP/1.1 200")
    first.kill()
    second = Served(file)
    try:
        second.until("call taken up")
        switch.followed.wait()
        call.leg.hang_up("NORMAL_CLEARING", by="caller")
        outcome = call.done.get()
        ended = second.until("call ended")
        told = Call(tmp_path / "spool", call)
        together_ms = outcome.duration_ms - outcome.connected_ms
        told.assert_heard(together_ms - 100, together_ms + 200)
        assert told.record["announcement"] == ended["announcement"] == "fully"
        assert told.record["connected_at"]
        assert told.record["ended"]["by"] == "caller"
    finally:
        second.process.terminate()
        assert second.ended() == 0
