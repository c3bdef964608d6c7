"""The exempt extension: wherever a call meets it, nothing is recorded any more (R8)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from ivr.core import commands as do
from ivr.core import entries, events
from ivr.core.exempt import ALL
from ivr.core.pausing import EXEMPT as BY
from ivr.core.state import MOST_STOPS, Phase, Recording
from tests.core.calls import ARRIVED, EXEMPT, PATH, Call

STAFFS = replace(EXEMPT, direction="outbound")
BOTH = replace(EXEMPT, opt_out_connected="destroy")


def talking() -> Call:
    return Call(EXEMPT).connect().quiet()


def met(call: Call, at: int = 0) -> Call:
    return call.hear(events.Exempt(at))


def ringing() -> Call:
    return Call(EXEMPT).arrive().prompt_ends().hear(events.RecordingStarted(0))


def parted() -> Call:
    call = talking()
    return call.hear(events.BridgeEnded(0, "NORMAL_CLEARING"))


def unlinked() -> Call:
    return talking().hear(events.LinkLost(0))


def ending() -> Call:
    return talking().time_out()


def keying() -> Call:
    return Call(BOTH).connect().keys("*")


def parting() -> Call:
    return Call(BOTH).connect().keys("*#*")


def deciding() -> Call:
    return parting().hear(events.Unbridged(900)).prompt_ends()


def rejoining() -> Call:
    return deciding().keys("1")


EVERYWHERE = [ringing, talking, parted, unlinked, ending, keying, parting, deciding, rejoining]


@pytest.mark.parametrize("before", EVERYWHERE, ids=lambda f: f.__name__)
@pytest.mark.parametrize(
    "how", [events.Exempt(5000), events.Bridged(5000, "e", "1999")], ids=lambda e: type(e).__name__
)
def test_wherever_it_comes_in_the_recording_ends(
    before: Callable[[], Call], how: events.Event
) -> None:
    call = before().quiet().hear(how)
    assert call.state.phase is Phase.LEAVING
    assert do.StopRecording(ALL) in call.did
    told = call.entries()
    assert [type(entry) for entry in told] == [entries.PauseStarted, entries.Exempted]
    assert told[0] == entries.PauseStarted(by=BY, guard_ms=250, back_ms=told[0].back_ms)
    assert call.stopped().look()[-1] == "Finish"


def test_its_number_is_written_nowhere() -> None:
    call = talking().bridge("e", "1999")
    assert "1999" not in str(call.did)


@pytest.mark.parametrize("before", [parting, deciding], ids=lambda f: f.__name__)
def test_who_waits_for_an_opting_caller_does_not_wait_on(before: Callable[[], Call]) -> None:
    assert do.EndOther("b") in met(before().quiet()).did


def test_what_may_have_been_written_since_they_were_parted_is_silenced() -> None:
    call = talking()
    call.now = 7000
    call.hear(events.Unbridged(7000))
    call.quiet().hear(events.Bridged(7300, "e", "1999"))
    assert entries.PauseStarted(by=BY, guard_ms=250, back_ms=300) in call.entries()


def test_what_is_found_out_late_is_silenced_from_when_it_began() -> None:
    call = talking().hear(events.Bridged(9000, "e", "1999", ago_ms=4000))
    assert entries.PauseStarted(by=BY, guard_ms=250, back_ms=4000) in call.entries()


def test_without_a_recording_the_record_is_finished_at_once() -> None:
    call = met(Call(EXEMPT).arrive())
    assert call.state.phase is Phase.DONE
    assert entries.Exempted() in call.entries()


def test_before_the_call_is_known_it_means_nothing() -> None:
    assert met(Call(EXEMPT)).did == []


def test_the_recording_that_begins_after_it_was_stopped_is_stopped_again() -> None:
    """It was asked for before; FreeSWITCH found nothing to stop."""
    call = met(Call(EXEMPT).arrive().prompt_ends())
    assert call.state.phase is Phase.LEAVING
    call.quiet().stopped(events.NOT_RECORDED)
    assert call.state.phase is Phase.LEAVING, "it may begin yet"
    call.hear(events.RecordingStarted(0))
    assert call.look() == ["StopRecording"]
    assert call.stopped().look() == ["Finish"]


def test_one_that_never_began_is_waited_for_once_more() -> None:
    call = met(Call(EXEMPT).arrive().prompt_ends()).stopped(events.NOT_RECORDED).quiet()
    assert call.time_out().look() == ["StopRecording"]
    assert call.stopped(events.NOT_RECORDED).look() == ["Finish"]


def test_another_part_s_end_is_not_the_end() -> None:
    call = met(talking()).quiet().stopped(path="/elsewhere.wav")
    assert call.state.phase is Phase.LEAVING


def test_it_is_stopped_again_and_again_and_then_the_call_ends() -> None:
    call = met(talking()).quiet()
    for _ in range(MOST_STOPS - 1):
        assert call.time_out().look() == ["StopRecording"]
    assert call.time_out().look() == ["StopRecording", "hang up NORMAL_CLEARING"]
    assert call.time_out().look() == ["Finish"]


def test_when_the_caller_hangs_up_the_file_s_end_is_waited_for() -> None:
    call = met(talking()).quiet().hang_up()
    assert call.state.phase is Phase.CLOSING
    assert "HungUp" not in call.journalled()
    assert call.stopped().look() == ["Finish"]


def test_when_staff_hang_up_who_was_called_talks_on_unrecorded() -> None:
    call = met(Call(STAFFS).connect()).quiet().hang_up(events.Party.AGENT)
    assert call.look() == ["StopRecording"]


def test_once_the_call_is_over_the_called_leg_meets_it() -> None:
    call = Call(STAFFS).connect().hang_up(events.Party.AGENT)
    call.state = call.state._replace(recording=Recording.RUNNING)
    assert met(call.quiet()).look() == ["StopRecording"]


def test_for_a_team_without_one_its_number_is_like_any_other() -> None:
    call = Call().connect().quiet().bridge("c", "1999")
    assert call.state.phase is Phase.CONNECTED
    assert call.entries()[0] == entries.Connected(other_leg="c", number="1999")


def test_the_intent_alone_leads_to_no_recording() -> None:
    call = met(Call(EXEMPT).hear(ARRIVED))
    assert call.hear(events.Journalled(0)).look()[-1] == "Finish"
    assert do.StartRecording(PATH) not in call.did
