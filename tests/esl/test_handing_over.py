"""What FreeSWITCH remembers of a call that lost its engine, and how it is asked (R22, R23)."""

from __future__ import annotations

import pytest

from ivr.core import commands as do
from ivr.core import events
from ivr.errors import WireError
from ivr.esl.translate import (
    ENGINE_VARIABLE,
    PAUSERS,
    Legs,
    Offer,
    engine_of,
    is_leg,
    offer,
    remembered,
)
from ivr.esl.wire import Framer
from ivr.esl.wording import (
    ALL,
    PAUSED_VARIABLE,
    asked,
    asked_whether_held,
    listening,
    may_be_refused,
    text_of,
)
from tests.esl import captures
from tests.esl.test_translate import CALL, LEGS, OTHER, PATH, STAFFS, event, message

STRANGE = CALL[:-1] + "0"
"""A leg that is none of the call's."""


def offered(number: str, *more: str) -> Offer:
    """The call as FreeSWITCH offers it, with this destination and these headers besides."""
    reply = captures.connect_reply()
    [old] = [line for line in reply.split(b"\n") if line.startswith(b"Caller-Destination-Number: ")]
    new = f"Caller-Destination-Number: {number}".encode()
    reply = reply.replace(old, b"\n".join([new, *(line.encode() for line in more)]))
    [one] = Framer().feed(reply)
    return offer(one)


# Offers.


def test_a_new_call_is_known_by_its_number_and_its_freeswitch():
    call = offered("01427676676")
    assert (call.number, call.again, call.transferred) == ("01427676676", False, False)
    [switch] = [
        line.partition(b": ")[2].decode()
        for line in captures.connect_reply().split(b"\n")
        if line.startswith(b"Core-UUID: ")
    ]
    assert call.switch == switch
    assert len(call.switch) == 36


def test_one_that_is_offered_again_is_known_by_the_number_it_called():
    call = offered("ivr-again-main", "variable_ivr_called: 01427676676")
    assert (call.call_id, call.number, call.again) == (CALL, "01427676676", True)


def test_what_it_called_is_not_asked_of_a_new_one():
    """An exported variable, or one of a transfer, is about an earlier call."""
    call = offered("01427000000", "variable_ivr_called: 01427676676")
    assert (call.number, call.again) == ("01427000000", False)


@pytest.mark.parametrize("called", [(), ("variable_ivr_called: ",)])
def test_one_offered_again_of_which_the_number_is_not_told_has_none(called: tuple[str, ...]):
    call = offered("ivr-again-main", *called)
    assert (call.number, call.again) == ("", True)


@pytest.mark.parametrize("number", ["IVR-AGAIN-main", "ivr-again", " ivr-again-main", "", "x"])
def test_what_merely_looks_like_it_is_a_number(number: str):
    call = offered(number)
    assert (call.number.strip(), call.again) == (number.strip(), False)


def test_one_that_was_transferred_to_a_route_says_so():
    assert offered("01427676676", "variable_ivr_had: ivr-again-main").transferred
    for had in ("", "ivr-fallback-main", "x"):
        assert not offered("01427676676", f"variable_ivr_had: {had}").transferred


def test_what_a_stranger_says_is_data_in_an_offer_too():
    """R23: a line feed in a header's value is no line."""
    call = offered("1%0Avariable_ivr_had: ivr-again-main%0AUnique-ID: " + OTHER)
    assert call.call_id == CALL
    assert not call.again
    assert not call.transferred


# What the channel remembers.


@pytest.mark.parametrize("by", PAUSERS)
def test_a_pause_is_remembered_as_it_was_told(by: str):
    """What goes out comes back."""
    [first, *_] = text_of(do.HideKeys(by, 123456), LEGS)
    told = first.decode().rpartition(f"{PAUSED_VARIABLE}=")[2].strip()
    assert remembered(told) == (by, 123456)


def test_its_end_is_remembered_as_none():
    [first, *_] = text_of(do.ShowKeys(), LEGS)
    told = first.decode().rpartition(f"{PAUSED_VARIABLE}=")[2].strip()
    assert told == ""
    assert remembered(told) is None


@pytest.mark.parametrize(
    ("text", "who"),
    [
        ("agent@", ("agent", 0)),
        ("agent", ("agent", 0)),
        ("@5", ("engineer", 5)),
        ("@", ("engineer", 0)),
        ("caller@5", ("engineer", 5)),
        ("agent@-5", ("agent", 0)),
        ("agent@5@6", ("agent", 0)),
        ("agent@1e3", ("agent", 0)),
        ("agent@" + "9" * 400, ("agent", 0)),
        ("agent@٣", ("agent", 0)),
        ("AGENT@5", ("engineer", 5)),
        (" ", ("engineer", 0)),
        ("\n", ("engineer", 0)),
        ("agent;x=y@5", ("engineer", 5)),
    ],
)
def test_what_cannot_be_read_was_paused_all_the_same(text: str, who: tuple[str, int]):
    assert remembered(text) == who


def test_what_is_made_of_it_again_is_no_command_of_its_own():
    """R23: it comes from a channel, and goes into a command."""
    for text in ("agent;sensitive_dtmf=false@5", "x\n\napi shutdown@5", "agent@5\n"):
        found = remembered(text)
        assert found is not None
        lines = text_of(do.HideKeys(*found), LEGS)
        assert all(line.endswith(b"\n\n") and line.count(b"\n") == 2 for line in lines)
        assert b"shutdown" not in b"".join(lines)
        assert b"".join(lines).count(b"sensitive_dtmf=false") == 0


def test_the_leg_of_the_customer_remembers_and_no_other():
    for legs in (LEGS, STAFFS):
        said = [text.decode() for text in text_of(do.HideKeys("agent", 7), legs)]
        assert [legs.customer in text for text in said if PAUSED_VARIABLE in text] == [True]
        said = [text.decode() for text in text_of(do.ShowKeys(), legs)]
        assert [legs.customer in text for text in said if PAUSED_VARIABLE in text] == [True]


def test_which_engine_had_it_last():
    body = b"Event-Name: CHANNEL_HANGUP_COMPLETE\nvariable_ivr_engine: b\n\n"
    assert engine_of(message(body)) == "b"
    assert engine_of(message(b"Event-Name: CHANNEL_HANGUP_COMPLETE\n\n")) == ""


def test_an_engine_says_so_where_it_takes_over():
    setting, _ = text_of(do.TakeOver("staff", "a"), LEGS)
    assert setting.startswith(f"api uuid_setvar_multi {CALL} ".encode())
    assert setting.endswith(b";ivr_next=ivr-again-staff;ivr_engine=a\n\n")


def test_an_engine_or_a_route_that_would_be_a_command_of_its_own_is_not_sent():
    for command in (do.TakeOver("x", "a\n\napi system x"), do.TakeOver("x\n\n", "a")):
        with pytest.raises(WireError, match="control character"):
            text_of(command, LEGS)


# Whom it is joined with.


@pytest.mark.parametrize(
    ("first", "beside", "ours"),
    [
        (CALL, OTHER, True),
        (OTHER, CALL, True),
        (CALL, "", True),
        (OTHER, STRANGE, False),
        (STRANGE, "", False),
    ],
)
def test_the_a_leg_hears_nobody_any_more(first: str, beside: str, ours: bool):
    more = {"Bridge_B_Unique_ID": beside} if beside else {}
    parted = event("CHANNEL_UNBRIDGE", first, **more)
    assert parted == (events.Unbridged(7) if ours else None)


def test_the_customers_leg_parted_from_another_is_no_news_of_a_call_of_staff():
    assert event("CHANNEL_UNBRIDGE", OTHER, STAFFS, Bridge_B_Unique_ID=STRANGE) is None
    assert event("CHANNEL_UNBRIDGE", CALL, STAFFS) == events.Unbridged(7)


# Asking.


def test_what_is_asked_of_a_leg():
    assert asked(CALL, ENGINE_VARIABLE, "bridge_uuid") == (
        f"api uuid_getvar {CALL} ivr_engine\n\napi uuid_getvar {CALL} bridge_uuid\n\n".encode()
    )
    held = f"api eval uuid:{OTHER} ${{Channel-Call-State}}\n\n".encode()
    assert asked_whether_held(OTHER) == held


def test_what_is_listened_to_is_listened_to_no_more_by_the_same_filters():
    on, many = listening(CALL)
    off, as_many = listening(CALL, no_more=True)
    assert many == as_many == on.count(b"\n\n") == 2
    assert off == on.replace(b"filter ", b"filter delete ")
    assert f"Bridge-B-Unique-ID {CALL}".encode() in on


@pytest.mark.parametrize("leg", ["", "x", CALL.upper(), f"{CALL}\n", f"{CALL} all", "../" + CALL])
def test_only_a_uuid_is_asked_about(leg: str):
    assert not is_leg(leg)
    assert is_leg(CALL)


def test_a_hangup_is_of_the_a_leg_whoevers_line_it_goes_over():
    for legs in (LEGS, STAFFS, Legs(CALL, "", CALL)):
        [text] = text_of(do.Hangup("NORMAL_CLEARING"), legs)
        assert text.startswith(f"sendmsg {CALL}\n".encode())


def test_whatever_is_recorded_of_a_call_is_stopped_by_one_word():
    assert text_of(do.StopRecording(ALL), LEGS) == (
        f"api uuid_record {CALL} stop all\n\n".encode(),
    )
    assert may_be_refused(do.StopRecording(ALL)), "there may be nothing"
    for command in (do.StopRecording(PATH), do.StartRecording(PATH), do.Mask(ALL)):
        assert not may_be_refused(command)
