"""A recording hears nobody of whom it is not known who it is (R8)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ivr.core import commands as do
from ivr.core import events
from ivr.core.policy import Destination
from ivr.core.state import Pause, Phase
from tests.core.calls import EXEMPT, PATH, POLICY, Call, prompt

STAFFS = replace(EXEMPT, direction="outbound")


def ringing() -> Call:
    return Call(EXEMPT).arrive().prompt_ends().hear(events.RecordingStarted(0))


def talking() -> Call:
    call = Call(EXEMPT).connect().hear(events.StillJoined(0))
    return call.quiet()


def test_it_begins_masked_and_hears_with_the_telephone_that_was_dialled() -> None:
    call = Call(EXEMPT).arrive().prompt_ends()
    assert do.StartRecording(PATH, veiled=True, unheard=True) in call.did
    bridge = next(c for c in ringing().did if isinstance(c, do.Bridge))
    assert bridge.unveils == PATH


def test_without_an_exempt_extension_there_is_no_veil() -> None:
    call = Call(POLICY).connect()
    assert do.StartRecording(PATH) in call.did
    assert not {"MakeSure", "Unmask"} & set(call.look())


def test_who_is_there_is_found_out_before_it_hears_for_certain() -> None:
    call = ringing().quiet().bridge("b")
    assert call.look() == ["MakeSure"]
    assert call.hear(events.StillJoined(0)).did == [do.Unmask(PATH, only_with="b")]


def test_a_second_answer_means_nothing() -> None:
    assert talking().hear(events.StillJoined(0)).did == []


def test_parted_it_waits_for_who_comes_next() -> None:
    call = talking().hear(events.Unbridged(0)).quiet()
    assert call.hear(events.StillJoined(0)).did == [], "of before"
    assert call.bridge("c").look() == ["MakeSure", "ListenToAgent"]
    assert call.hear(events.StillJoined(0)).did[-1] == do.Unmask(PATH, only_with="c")


@pytest.mark.parametrize("phase", [Phase.ENDING, Phase.REFUSING, Phase.UNLINKED])
def test_an_answer_of_before_they_were_parted_lifts_nothing(phase: Phase) -> None:
    call = ringing().bridge("b")
    call.state = call.state._replace(phase=phase)
    call.hear(events.Unbridged(0)).quiet().hear(events.StillJoined(0))
    assert call.look() == []


def test_after_the_hangup_nothing_is_lifted() -> None:
    call = Call(STAFFS).connect().hang_up(events.Party.AGENT).quiet()
    assert call.hear(events.StillJoined(0)).did == []


# A pause and the veil.


def test_who_is_paused_stays_paused_when_it_is_known_who_is_there() -> None:
    call = talking().paused().bridge("c").quiet()
    assert call.hear(events.StillJoined(0)).look() == []
    assert call.resume().look() == ["Unmask"]


def test_the_end_of_a_pause_does_not_lift_the_veil() -> None:
    call = talking().paused().bridge("c").hidden().quiet().resume()
    assert call.look() == ["ShowKeys"], "it is not known yet who that is"
    assert call.hear(events.StillJoined(0)).did == [do.Unmask(PATH, only_with="c")]
    assert call.shown().state.pause is Pause.OFF


def test_a_pause_that_ends_while_nobody_is_there_is_lifted_with_who_comes() -> None:
    for policy in (EXEMPT, POLICY):
        call = Call(policy).connect().hear(events.StillJoined(0)).paused()
        call.hear(events.Unbridged(0)).quiet().resume()
        assert "Unmask" not in call.look()
        call.shown().quiet().bridge("c").hear(events.StillJoined(0))
        assert "Unmask" in call.look()


def test_joined_while_keys_are_shown_again_it_hears() -> None:
    """The mask of the pause was given up and FreeSWITCH has set one of its own since."""
    call = talking().paused().resume().unmasked()
    assert call.state.pause is Pause.SHOWING
    call.hear(events.Unbridged(0)).bridge("c").quiet()
    assert call.hear(events.StillJoined(0)).look() == ["Unmask"]


def test_a_further_part_that_begins_unknown_begins_masked() -> None:
    call = talking().pause().hidden().masked(False).stopped().bridge("c").resume()
    call.quiet().hear(events.Journalled(0))
    assert next(c for c in call.did if isinstance(c, do.StartRecording)).unheard
    assert call.hear(events.StillJoined(0)).look()[-1] == "Unmask"


def test_a_part_that_renews_a_stalled_one_is_as_unknown() -> None:
    call = ringing().bridge("b").stall().quiet().hear(events.Journalled(0))
    assert next(c for c in call.did if isinstance(c, do.StartRecording)).unheard
    sure = talking().stall().quiet().hear(events.Journalled(0))
    assert not next(c for c in sure.did if isinstance(c, do.StartRecording)).unheard


def test_nobody_resumes_what_was_never_paused_before_it_is_known() -> None:
    call = ringing().bridge("b").hear(events.LinkLost(0)).quiet().resume()
    assert "Unmask" not in call.look()


def test_one_that_was_paused_as_it_was_answered_is_masked_again() -> None:
    """FreeSWITCH let it hear with the telephone, paused or not."""
    call = ringing().pause().hidden().masked().quiet().bridge("b")
    assert do.Mask(PATH) in call.did
    assert do.MakeSure("b") in call.did


def test_before_another_destination_rings_it_is_masked() -> None:
    """The first telephone may have been answered, and let it hear, without being joined."""
    overflow = (Destination("tax", "user/200", 20_000, prompt=prompt("overflow")),)
    call = Call(replace(EXEMPT, overflow=overflow)).arrive().prompt_ends()
    call.hear(events.RecordingStarted(0)).quiet().hear(events.BridgeEnded(0, "NO_ANSWER"))
    assert call.look() == ["Mask", "play overflow"]


def test_the_called_leg_hears_as_soon_as_it_is_recorded() -> None:
    call = Call(STAFFS).connect()
    start = next(c for c in call.did if isinstance(c, do.StartRecording))
    assert (start.veiled, start.unheard) == (True, False)
