"""What a start would take up or repair, told by the journal, the files and FreeSWITCH."""

from __future__ import annotations

import os
import shutil
from dataclasses import replace
from datetime import UTC
from pathlib import Path
from typing import Any

import pytest

from ivr.config.load import load
from ivr.core.entries import (
    Connected,
    Dialled,
    Entry,
    Exempted,
    Finished,
    HungUp,
    OptOutConfirmed,
    OptOutReturned,
    OptOutStarted,
    PauseEnded,
    PauseStarted,
    PromptStarted,
    RecordingIntended,
    RecordingStarted,
)
from ivr.doctor import left
from ivr.doctor.left import LeftCall, LeftFile, is_lost, prospect
from ivr.doctor.patient import Running, patient
from ivr.storage.atomic import REAL
from ivr.storage.filing import Filing, file_batch
from ivr.storage.lines import line_of
from ivr.storage.places import prepare
from tests.engine.site import NUMBER
from tests.storage.bench import MAKER
from tests.storage.parts import ARRIVED, CALL, OTHER, call_id, stamped, wav

OURS = replace(ARRIVED, number=NUMBER)


def journalled(call: str, *entries: Entry) -> bytes:
    """The journal's lines of a call."""
    return b"".join(
        line_of(call, number, one.entry, one.stamp) for number, one in enumerate(stamped(*entries))
    )


class Left:
    """A spool that an engine left."""

    def __init__(self, switch: Any, *, fallback: bool = False) -> None:
        self.switch = switch
        self.site_file: Path = switch.site_file
        if fallback:
            text = self.site_file.read_text()
            self.site_file.write_text(f"{text}fallback: ../fallback\n")
        site = load(self.site_file).site
        self.spool = prepare(site.spool, 0, site.fallback)
        self.held: set[str] = set()

    def journal(self, call: str, *entries: Entry, segment: int = 1, more: bytes = b"") -> None:
        path = self.spool.journal / f"{segment:010d}.journal"
        with path.open("ab") as file:
            file.write(journalled(call, *entries) + more)

    def recording(self, call: str, data: bytes, part: int = 1, folder: Path | None = None) -> str:
        path = self.spool.recorded(call, part, folder)
        Path(path).write_bytes(data)
        return path

    def has(self, call: str) -> None:
        self.switch.answers[f"uuid_exists {call}"] = "true"

    def look(self, **other: Any) -> left.Prospect:
        return prospect(replace(patient(self.site_file, ask=False), **other), UTC)

    def one(self, **other: Any) -> LeftCall:
        (call,) = self.look(**other).calls
        return call


@pytest.fixture
def spool(switch: Any) -> Left:
    return Left(switch)


def test_nothing_was_left(switch):
    found = prospect(patient(switch.site_file, ask=False), UTC)
    assert found == left.Prospect(0, "", (), (), ())


def test_nothing_is_changed(spool):
    spool.journal(CALL, OURS, Connected("x"), more=b"torn")
    spool.recording(CALL, wav(said=0))
    before = {path: os.stat(path).st_mtime_ns for path in spool.spool.root.rglob("*")}
    spool.look()
    assert {path: os.stat(path).st_mtime_ns for path in spool.spool.root.rglob("*")} == before


def test_a_call_that_is_finished_is_not_left(spool):
    spool.journal(CALL, OURS, HungUp("caller", "", 0), Finished())
    assert spool.look().calls == ()


@pytest.mark.parametrize(
    ("entries", "phase", "second"),
    [
        ((OURS,), "arriving", 1),
        (
            (OURS, PromptStarted("a", "1", "en", "", 1, role="announcement")),
            "hearing announcement",
            2,
        ),
        ((OURS, OptOutStarted()), "opting out", 2),
        ((OURS, OptOutStarted(), OptOutReturned()), "back from opting out", 3),
        ((OURS, Dialled("desk")), "dialling", 2),
        ((OURS, Dialled("desk"), Connected("leg")), "connected", 3),
        ((OURS, HungUp("caller", "", 0)), "over", 2),
    ],
)
def test_where_a_call_was(spool, entries, phase, second):
    spool.journal(CALL, *entries)
    call = spool.one()
    assert call.phase == phase
    stamp = stamped(*entries)[second - 1].stamp
    assert call.since == left.iso(stamp.wall_ms, UTC)
    assert call.arrived == left.iso(stamped(OURS)[0].stamp.wall_ms, UTC)


def test_a_call_that_freeswitch_has_is_followed(spool):
    spool.journal(CALL, OURS, Connected("leg"))
    spool.has(CALL)
    call = spool.one()
    assert call.switch == "yes"
    assert call.then.startswith("followed to its end")


def test_a_call_that_is_paused_is_masked_at_once(spool):
    path = spool.spool.recorded(CALL)
    begun = (OURS, RecordingIntended(path), RecordingStarted(path), Connected("leg"))
    spool.journal(CALL, *begun, PauseStarted("agent"))
    spool.has(CALL)
    call = spool.one()
    assert call.then == "masked at once, then followed to its end"
    assert call.paused == left.iso(stamped(*begun, OURS)[-1].stamp.wall_ms, UTC)
    assert call.phase == "connected"
    assert spool.one(configuration=None).then == call.then


@pytest.mark.parametrize("direction", ["inbound", "outbound"])
def test_a_pause_that_only_freeswitch_remembers(spool, direction):
    """The engine was killed between the command and the journal."""
    spool.journal(CALL, replace(OURS, direction=direction), Connected(OTHER))
    spool.has(CALL)
    leg = OTHER if direction == "outbound" else CALL
    spool.switch.answers[f"uuid_getvar {leg} ivr_paused"] = "_undef_"
    assert spool.one().paused == ""
    spool.switch.answers[f"uuid_getvar {leg} ivr_paused"] = "agent@5000"
    call = spool.one()
    assert call.paused == "unknown"
    assert call.then == "masked at once, then followed to its end"


def test_a_pause_that_is_over_masks_nothing(spool):
    path = spool.spool.recorded(CALL)
    begun = (OURS, RecordingIntended(path), RecordingStarted(path), Connected("leg"))
    spool.journal(CALL, *begun, PauseStarted("agent"), PauseEnded())
    spool.has(CALL)
    for call in (spool.one(), spool.one(configuration=None)):
        assert call.paused == ""
        assert call.then.startswith("followed")


def test_a_call_that_freeswitch_has_no_more(spool):
    spool.journal(CALL, OURS, Connected("leg"))
    assert spool.one().then == "its record is written, its end is ended-unseen"


def test_a_call_of_a_freeswitch_that_died(spool):
    spool.journal(CALL, replace(OURS, switch="another"), Connected("leg"))
    assert spool.one().then == "its record is written, its end is switch-lost"


def test_whose_call_it_was():
    for switch, core, lost in (("a", "a", False), ("a", "b", True), ("", "b", False)):
        assert is_lost(stamped(replace(OURS, switch=switch)), core) is lost


def test_a_call_whose_end_is_known(spool):
    spool.journal(CALL, OURS, HungUp("caller", "NORMAL_CLEARING", 16))
    assert spool.one().then == "its record is written: its end is known"


def test_a_call_that_the_exempt_extension_came_into(spool):
    spool.journal(CALL, OURS, Connected("leg"), Exempted())
    spool.has(CALL)
    call = spool.one()
    assert (call.phase, call.then) == (
        "exempt",
        "its record is written: it ends where the exempt extension came in",
    )


def test_a_call_that_came_back_is_asked_after_by_its_channel(spool):
    spool.journal(OTHER, replace(OURS, channel=CALL), Connected("leg"))
    spool.has(CALL)
    assert spool.one().switch == "yes"


def test_a_call_of_which_nothing_is_kept(spool):
    confirmed = OptOutConfirmed("timeout", "destroy")
    spool.journal(CALL, OURS, Connected("leg"), OptOutStarted(connected=True), confirmed)
    call = spool.one()
    assert call.phase == "opted out"
    assert call.then.startswith("its caller opted out: what was recorded is destroyed")


def test_freeswitch_away(spool):
    spool.journal(CALL, OURS)
    spool.switch.close()
    found = spool.look()
    assert found.switch == "Connection refused"
    assert found.calls[0].switch == "unknown"
    assert found.calls[0].then.startswith("waits until FreeSWITCH can be asked")


def test_an_engine_that_runs_has_them(spool):
    spool.journal(CALL, OURS)
    found = spool.look(engine=Running(77, None, None))
    assert found.engine == 77
    assert found.calls[0].then == "the engine that runs (process 77) sees to it"


def test_a_header_that_is_to_be_set_right(spool):
    spool.journal(CALL, OURS)
    path = spool.recording(CALL, wav(800, said=0))
    assert spool.one().files == (LeftFile(path, 44 + 3200, 100, "header", ""),)
    spool.recording(CALL, wav(800))
    assert spool.one().files[0].state == "whole"


def test_a_recording_that_goes_on_is_not_to_be_repaired(spool):
    spool.journal(CALL, OURS)
    spool.has(CALL)
    spool.recording(CALL, wav(800, said=0))
    spool.recording(CALL, b"RIFF", 2)
    assert [file.state for file in spool.one().files] == ["growing", "growing"]


@pytest.mark.parametrize(
    ("data", "state"),
    [(b"", "empty"), (wav(0), "empty"), (b"x" * 100, "unreadable")],
)
def test_a_file_that_is_no_recording(spool, data, state):
    spool.journal(CALL, OURS)
    spool.recording(CALL, data)
    (file,) = spool.one().files
    assert file.state == state
    assert bool(file.why) is (state == "unreadable")


def test_a_link_is_not_followed(spool, tmp_path):
    spool.journal(CALL, OURS)
    (tmp_path / "other.wav").write_bytes(wav())
    Path(spool.spool.recorded(CALL)).symlink_to(tmp_path / "other.wav")
    (file,) = spool.one().files
    assert file.state == "unreadable"


def test_a_recording_of_which_the_journal_knows_nothing(spool):
    spool.recording(OTHER, wav())
    call = spool.one()
    assert (call.call, call.phase, call.since, call.entries) == (OTHER, "unknown", "", 0)
    assert call.then == "a record is written of what the recording alone tells"


def test_a_recording_whose_record_is_there(spool):
    spool.recording(OTHER, wav())
    Path(spool.spool.record(OTHER)).write_text("{}")
    assert spool.one().then.startswith("its record is there already")


def test_files_that_are_no_recordings_are_none(spool):
    (spool.spool.recording / "x.wav").write_bytes(wav())
    (spool.spool.recording / f"{CALL}.txt").write_bytes(b"")
    assert spool.look().calls == ()


def test_parts_in_the_fallback(switch):
    spool = Left(switch, fallback=True)
    spare = spool.spool.folders[1]
    spool.journal(CALL, OURS)
    first = spool.recording(CALL, wav())
    second = spool.recording(CALL, wav(), 2, spare)
    alone = spool.recording(OTHER, wav(), 1, spare)
    journal = spool.spool.spare_journal
    (spool.spool.journal / "0000000001.journal").rename(journal / "0000000001.journal")
    calls = {call.call: call for call in spool.look().calls}
    assert [file.path for file in calls[CALL].files] == [first, second]
    assert [file.path for file in calls[OTHER].files] == [alone]


def test_what_of_the_journal_cannot_be_read(spool):
    spool.journal(CALL, OURS, more=b"nonsense\n")
    spool.journal(CALL, segment=2, more=b'{"c":')
    bad = spool.look().bad
    assert [(one.segment, one.line, one.torn) for one in bad] == [
        ("0000000001.journal", 2, False),
        ("0000000002.journal", 1, True),
    ]
    assert bad[0].why == "its checksum does not fit"


def test_entries_that_are_lost_are_counted(spool):
    first, second, third = (
        line_of(CALL, number, one.entry, one.stamp)
        for number, one in enumerate(stamped(OURS, Dialled("x"), Connected("y")))
    )
    del second
    (spool.spool.journal / "0000000001.journal").write_bytes(first + third)
    call = spool.one()
    assert (call.entries, call.missing) == (2, 1)


def test_what_was_set_aside_before(spool):
    spool.spool.set_aside(CALL).write_text("ValueError: x\n  more\n")
    (spool.spool.aside / ".hidden.why").write_text("no")
    (one,) = spool.look().aside
    assert (one.name, one.why) == (f"{CALL}.json", "ValueError: x")


def test_many_calls_are_asked_after(spool):
    for number in range(250):
        spool.journal(call_id(number), OURS)
    spool.has(call_id(249))
    calls = spool.look().calls
    assert len(calls) == 250
    assert [call.switch for call in calls].count("yes") == 1


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["folder", "pipe"])
def test_what_is_no_file_is_set_aside(spool, make):
    spool.journal(CALL, OURS)
    make(Path(spool.spool.recorded(CALL)))
    (file,) = spool.one().files
    assert (file.state, file.duration_ms) == ("unreadable", 0)
    assert file.why.startswith("a ")


GARBAGE = b"garbage" * 10_000


@pytest.mark.parametrize(
    ("own", "other", "kept"),
    [(wav(), GARBAGE, 0), (GARBAGE, wav(), 1), (wav(), wav(), 0), (wav(80), wav(8000), 1)],
)
def test_the_same_part_in_both_folders(switch, own, other, kept):
    """The one that a start keeps, and the other one."""
    spool = Left(switch, fallback=True)
    both = spool.recording(CALL, own), spool.recording(CALL, other, 1, spool.spool.folders[1])
    files = spool.one().files
    assert tuple(file.path for file in files) == both
    assert [file.state for file in files].index("whole") == kept
    assert files[1 - kept].state == "double"
    filing = Filing(CALL, stamped(OURS, RecordingIntended(both[0])))
    [filed] = file_batch(REAL, spool.spool, MAKER, [filing])
    audio = Path(spool.spool.audio(CALL)).read_bytes()
    assert audio == (own, other)[kept], "as a start does it"
    assert len(filed.aside) == 1


def test_before_the_first_start_with_a_fallback(switch):
    spool = Left(switch, fallback=True)
    shutil.rmtree(spool.spool.fallback)
    spool.journal(CALL, OURS)
    assert spool.look().bad == ()
    assert spool.one().call == CALL


def test_a_call_that_waits_for_a_fallback_that_is_not_mounted(switch):
    spool = Left(switch, fallback=True)
    second = spool.spool.recorded(CALL, 2, spool.spool.folders[1])
    spool.journal(CALL, OURS, RecordingStarted(second), HungUp("caller", "", 16))
    spool.recording(CALL, wav())
    entries = stamped(OURS, RecordingStarted(second), HungUp("caller", "", 16))
    shutil.rmtree(spool.spool.fallback)
    spool.spool.fallback.mkdir()
    assert spool.one().then.startswith(f"waits until {spool.spool.fallback} is there")
    [filed] = file_batch(REAL, spool.spool, MAKER, [Filing(CALL, entries)])
    assert filed.error is not None, "as a start does it"
    (spool.spool.root / "fallback.id").unlink()
    assert spool.one().then == "its record is written: its end is known"


def test_a_recording_whose_journal_may_lie_in_a_fallback_that_is_not_mounted(switch):
    spool = Left(switch, fallback=True)
    spool.recording(CALL, wav())
    assert spool.one().then == "a record is written of what the recording alone tells"
    shutil.rmtree(spool.spool.fallback)
    assert spool.one().then.startswith(f"waits until {spool.spool.fallback} is there: its journal")
