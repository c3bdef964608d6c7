"""An engine that is killed in mid-call, as a process of its own, in real time (R22)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import gevent
import pytest

from ivr.clock import RealClock
from ivr.lab import CallScript, Destination, LabSwitch, dialplan_for
from ivr.lab.script import HangUp, WhenConnected
from tests.engine import site
from tests.engine.house import Call
from tests.engine.served import Served
from tests.noted import note_audio


@pytest.fixture
def switch(tmp_path: Path) -> Iterator[LabSwitch]:
    made = LabSwitch(RealClock(), log_path=tmp_path / "switch.log")
    yield made
    made.close()


def test_killed_in_mid_call_the_record_is_whole_all_the_same(switch, tmp_path):
    """What the record has to say of the caller's rights survives: that the announcement was
    heard to its end, and when the call was connected."""
    _host, port = switch.listen(("127.0.0.1", 0))
    file = site.write(tmp_path, port, more="log:\n  format: json\n")
    site.tone(tmp_path / "prompts/en-GB/8000/announcement.wav", 8000, 300, site.ANNOUNCEMENT_HZ)
    note_audio(tmp_path / "prompts", "en-GB")
    first = Served(file)
    switch.dialplan = dialplan_for(first.until("engine started")["calls_on"])
    first.until("FreeSWITCH is there")
    call = switch.place(
        CallScript(steps=(WhenConnected(2500), HangUp()), destination=Destination())
    )
    while "CHANNEL_BRIDGE" not in [one.event for one in call.happenings]:
        gevent.sleep(0.01)
    gevent.sleep(0.6)
    first.kill()
    second = Served(file)
    try:
        second.until("call taken up")
        call.done.get()
        ended = second.until("call ended")
        told = Call(tmp_path / "spool", call)
        told.assert_heard(2400, 2700)
        assert told.record["announcement"] == ended["announcement"] == "fully"
        assert told.record["connected_at"]
        assert told.record["ended"]["by"] == "caller"
    finally:
        second.process.terminate()
        assert second.ended() == 0
