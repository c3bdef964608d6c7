"""What FreeSWITCH writes on its own disk (docs/freeswitch.md 14)."""

from __future__ import annotations

import json

import pytest

from ivr.lab import CallScript, LabSwitch
from ivr.lab.script import HangUp, Keys, Wait, WhenConnected
from ivr.lab.session import Action


@pytest.fixture
def kept(clock, tmp_path):
    """A call that is over, on a switch that keeps its files, at a log level."""

    def run(level: str | None = None):
        switch = LabSwitch(clock, seed=1, folder=tmp_path)
        if level is not None:
            switch.kept.level = level
        switch.dialplan = {
            ".*": (
                Action("answer"),
                Action("set", "playback_terminators=none"),
                Action("playback", "silence_stream://1000"),
                Action("bridge", "sofia/lab/agent"),
            )
        }
        steps = (Wait(300), Keys("1"), WhenConnected(300), Keys("49"), Wait(200), HangUp())
        call = switch.place(CallScript(steps=steps))
        clock.run_until(lambda: call.done.ready() and not switch.legs())
        return call, (tmp_path / "freeswitch.log").read_text()

    return run


def test_a_cdr_of_each_leg_holds_all_its_variables(kept, tmp_path):
    call, _ = kept()
    cdrs = {path.stem: json.loads(path.read_text()) for path in (tmp_path / "cdr").iterdir()}
    assert set(cdrs) == {call.uuid, call.other.uuid}
    caller, agent = cdrs[call.uuid], cdrs[call.other.uuid]
    assert caller["variables"]["digits_dialed"] == "149"
    assert caller["variables"]["hangup_cause"] == "NORMAL_CLEARING"
    assert agent["variables"]["digits_dialed"] == "none"
    assert agent["channel_data"]["direction"] == "outbound"
    assert caller["callflow"][0]["caller_profile"]["Destination-Number"] == call.script.dialled
    apps = [one["app_name"] for one in caller["app_log"]["applications"]]
    assert apps == ["answer", "set", "playback", "bridge"]
    assert caller["variables"].keys() >= set(call.leg.variables)


@pytest.mark.parametrize(
    ("level", "keys", "digits", "executes"),
    [(None, 3, 0, 0), ("INFO", 3, 0, 0), ("NOTICE", 0, 0, 0), ("DEBUG", 3, 1, 4)],
)
def test_the_log_level_decides_whether_keys_are_written(kept, level, keys, digits, executes):
    """14b, 14e: at INFO each key, at DEBUG that of a prompt twice."""
    _, log = kept(level)
    assert log.count("RECV DTMF ") == keys
    assert log.count("Digit 1\n") == digits
    assert log.count("EXECUTE") == executes


def test_without_a_folder_nothing_is_kept(clock, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    switch = LabSwitch(clock, dialplan={".*": (Action("answer"),)})
    call = switch.place(CallScript())
    clock.run_until(call.done.ready)
    assert list(tmp_path.iterdir()) == []
