"""Each page of docs/runbook/ is true: the failure is brought about, and the page is followed.

Engine and lab switch are in this process here, on a clock that is turned. Where an engine has to
be killed, see ``test_failures_of_engines.py``.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from ivr.engine.control import LONGEST_WAIT_MS
from ivr.lab import LabCall
from ivr.storage import filing
from tests.docs.disks import Disks
from tests.docs.failure_page import AFTER, DO, MEANWHILE, OVER, SEEN, Reader
from tests.docs.scene import PASSWORD, TALKING, Scene

FALLBACK = "fallback: ../fallback\n"
UNREADABLE = "00000000-ceea-467f-a0e6-1b2c3d4e5f61"
BAD_RECORD = "00000000-ceea-467f-a0e6-1b2c3d4e5f62"
HOUR_MS = 3_600_000

Stage = Callable[..., Scene]
Reading = Callable[[str], Reader]


def meanwhile(scene: Scene) -> LabCall:
    """A call that comes and ends while the failure lasts."""
    call = scene.place(TALKING)
    scene.until(call, "connected")
    scene.clock.run(2_000)
    call.leg.hang_up("NORMAL_CLEARING", by="caller")
    scene.clock.run(6_000)
    return call


def recorded(scene: Scene, call: LabCall) -> bool:
    """Whether a call has its record."""
    return (scene.spool / f"new/{call.uuid}.json").exists()


# Disks.


@pytest.mark.parametrize("about", ["With a fallback", "Without a fallback"])
def test_the_disk_is_full(
    stage: Stage, reading: Reading, monkeypatch: pytest.MonkeyPatch, about: str
) -> None:
    reader = reading("disk-full")
    scene = stage(more=FALLBACK if about == "With a fallback" else "")
    (scene.folder / "fallback/recording").mkdir(parents=True)
    disks = Disks(monkeypatch, lambda: scene.switch)
    scene.start(disks.disk)
    call = scene.connected()
    disks.fill(scene.spool)
    scene.clock.run(3_000)
    other = meanwhile(scene)
    reader.reads(scene, SEEN, about)
    assert not recorded(scene, other)
    reader.reads(scene, DO)

    disks.free(scene.spool)
    scene.clock.run(6_000)
    assert recorded(scene, other)
    meanwhile(scene)
    reader.reads(scene, OVER)
    assert scene.hang_up(call).record["recording"]["state"] == "kept"
    assert list((scene.folder / "fallback/recording").iterdir()) == []
    reader.reads(scene, AFTER)


def test_the_disk_is_gone(stage: Stage, reading: Reading, elsewhere: Path) -> None:
    """The spool is a link to another file system, as good as a mount point: what is there instead
    when that is away is an empty folder on this one."""
    reader = reading("folder-gone")
    scene = stage(more=FALLBACK)
    scene.spool.symlink_to(elsewhere)

    def mount() -> None:
        scene.spool.rmdir()
        scene.spool.symlink_to(elsewhere)

    scene.terminal.acts["mount /var/lib/ivr/spool"] = mount
    scene.start()
    call = scene.connected()
    scene.spool.unlink()
    scene.spool.mkdir()
    scene.clock.run(3_000)
    other = meanwhile(scene)
    reader.reads(scene, SEEN, "The disk is gone")
    assert list(scene.spool.iterdir()) == [], "a mount point is never filled"
    reader.reads(scene, DO, "The disk is gone")

    scene.clock.run(6_000)
    meanwhile(scene)
    assert recorded(scene, other)
    reader.reads(scene, OVER, "The disk is gone")
    assert len(scene.hang_up(call).parts) == 2
    reader.reads(scene, AFTER, "The disk is gone")


def test_a_folder_was_removed(stage: Stage, reading: Reading) -> None:
    reader = reading("folder-gone")
    scene = stage(more=FALLBACK)
    scene.start()
    call = scene.connected()
    shutil.rmtree(scene.spool / "recording")
    scene.clock.run(3_000)
    reader.reads(scene, SEEN, "A folder was removed")
    reader.reads(scene, DO, "A folder was removed")
    reader.reads(scene, OVER, "A folder was removed")
    assert scene.hang_up(call).record["recording"]["state"] == "kept"
    reader.reads(scene, AFTER, "A folder was removed")


# FreeSWITCH.


def test_the_connection_is_lost(stage: Stage, reading: Reading) -> None:
    reader = reading("connection-lost")
    scene = stage()
    scene.start()
    call = scene.connected()
    scene.restart()
    scene.clock.run_until(lambda: scene.metric("ivr_calls_taken_up_total", how="followed") == 1)
    scene.switch.password = "another one"
    for listener in scene.inbound():
        listener.drop()
    scene.clock.run(3_000)
    reader.reads(scene, SEEN)
    reader.reads(scene, MEANWHILE)
    new = meanwhile(scene)
    assert recorded(scene, new), "new calls are taken all the same"
    (scene.spool / f"new/{new.uuid}.json").unlink()

    def mend() -> None:
        text = scene.site_file.read_text()
        scene.site_file.write_text(text.replace(PASSWORD, scene.switch.password))
        scene.restart()

    scene.terminal.acts["systemctl restart ivr"] = mend
    reader.reads(scene, DO)
    scene.clock.run_until(lambda: scene.metric("ivr_calls_taken_up_total", how="followed") == 1)
    reader.reads(scene, OVER)
    reader.reads(scene, AFTER)
    pauses = scene.hang_up(call).record["recording"]["pauses"]
    assert [pause["by"] for pause in pauses] == ["engineer"]


@pytest.mark.parametrize("again", [True, False], ids=["restarted", "stays-away"])
def test_freeswitch_dies(stage: Stage, reading: Reading, again: bool) -> None:
    reader = reading("freeswitch-died")
    scene = stage()
    scene.start()
    call = scene.connected()
    scene.wrote(call)
    scene.switch.kill()
    scene.clock.run(3_000)
    reader.reads(scene, SEEN)
    scene.terminal.acts["systemctl restart freeswitch"] = scene.another_switch
    if not again:
        scene.clock.run(11_000)
        assert recorded(scene, call), "it is known without FreeSWITCH that the call is over"
    reader.reads(scene, DO)
    # It may just have begun the longest of its waits.
    scene.clock.run(LONGEST_WAIT_MS + 1_000)
    reader.reads(scene, OVER)
    reader.reads(scene, AFTER)
    record = json.loads((scene.spool / f"new/{call.uuid}.json").read_text())
    assert record["recording"]["repaired"]
    assert record["recording"]["duration_ms"] >= 980


# The host.


def test_the_clock_is_set(stage: Stage, reading: Reading) -> None:
    reader = reading("clock-jumped")
    scene = stage()
    scene.start()
    call = scene.connected()
    scene.clock.step_wall(-HOUR_MS)
    scene.clock.run(6_000)
    reader.reads(scene, SEEN)
    reader.reads(scene, DO)
    scene.clock.run(60_000)
    assert scene.metric("ivr_clock_jumps_total") == 1, "it does not grow"
    durations = scene.hang_up(call).record["durations"]
    assert durations["wall_ms"] == durations["total_ms"] - HOUR_MS
    reader.reads(scene, AFTER)


# What cannot be read, or has no record.


def test_a_call_has_no_record(
    stage: Stage, reading: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_words: object, **_named: object) -> None:
        raise ValueError("a fault for the test")

    reader = reading("record-missing")
    scene = stage()
    scene.start()
    call = scene.connected()
    monkeypatch.setattr(filing, "fold", broken)
    call.leg.hang_up("NORMAL_CLEARING", by="caller")
    scene.clock.run(2_000)
    reader.reads(scene, SEEN)
    monkeypatch.undo()
    reader.reads(scene, DO)
    scene.clock.run(2_000)
    reader.reads(scene, OVER)
    reader.reads(scene, AFTER)


def test_what_cannot_be_read_is_set_aside(stage: Stage, reading: Reading) -> None:
    reader = reading("set-aside")
    scene = stage()
    scene.start()
    call = scene.connected()
    scene.clock.run(1_000)
    scene.stop()
    segment = max((scene.spool / "journal").iterdir())
    lines = segment.read_bytes().split(b"\n")
    lines[3] = lines[3][:-9] + b"x" * 9
    segment.write_bytes(b"\n".join(lines))
    (scene.spool / f"recording/{UNREADABLE}.wav").write_bytes(b"no recording" * 9)
    scene.start()
    scene.clock.run(2_000)
    kinds = "A line of the journal, a recording"
    reader.reads(scene, SEEN, kinds)
    reader.reads(scene, DO, kinds)
    reader.reads(scene, OVER)
    scene.hang_up(call)
    reader.reads(scene, AFTER)

    record = scene.spool / f"new/{BAD_RECORD}.json"
    record.write_text("{}")
    reader.reads(scene, SEEN, "A record")
    reader.reads(scene, DO, "A record")
    reader.reads(scene, AFTER)
    assert not record.exists()


def test_a_pause_is_not_proved(stage: Stage, reading: Reading) -> None:
    reader = reading("pause-unproved")
    scene = stage()
    scene.start()
    call = scene.connected()
    for what in ("pause", "resume"):
        scene.run(f"ivr {what} {call.uuid}")
        scene.clock.run(1_000)
    scene.stop()
    call.leg.hang_up("NORMAL_CLEARING", by="caller")
    scene.clock.run(1_000)
    recording = scene.spool / f"recording/{call.uuid}.wav"
    recording.write_bytes(b"JUNK" + recording.read_bytes()[4:])
    scene.start()
    scene.clock.run(2_000)
    reader.reads(scene, SEEN)
    reader.reads(scene, DO)
    reader.reads(scene, OVER)
    reader.reads(scene, AFTER)
