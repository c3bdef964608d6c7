"""Pausing, marking and listening on the wire: which leg is told what (R6, R10, R11)."""

from __future__ import annotations

import pytest

from ivr.core import commands as do
from ivr.core import events
from ivr.core.policy import FeatureCodes
from ivr.errors import WireError
from ivr.esl.translate import Legs, event_of
from ivr.esl.wording import SUBSCRIBED, answered, keys_told, refused, text_of
from tests.esl.test_translate import CALL, LEGS, OTHER, PATH, PLAYS, STAFFS, event, message

NOBODY = Legs(CALL, CALL, "")
"""A call that came in and reached nobody yet."""
UNREACHED = Legs(CALL, "", CALL)
"""A call that staff make, whose customer has not answered yet."""
CODES = FeatureCodes()
FILTER = "digits_dialed_filter=^(.+)$"


def said(command, legs: Legs = LEGS) -> list[str]:
    return [text.decode() for text in text_of(command, legs)]


def sensitive(leg: str, value: str, paused: str | None = None) -> str:
    """The customer's leg, and no other, remembers who paused and since when."""
    remembered = "" if paused is None else f";ivr_paused={paused}"
    return f"api uuid_setvar_multi {leg} sensitive_dtmf={value};{FILTER}{remembered}\n\n"


# Keys.


HIDE = do.HideKeys("page", 1234)


@pytest.mark.parametrize(
    ("command", "legs", "texts"),
    [
        (HIDE, LEGS, [sensitive(CALL, "true", "page@1234"), sensitive(OTHER, "true")]),
        (HIDE, STAFFS, [sensitive(OTHER, "true", "page@1234"), sensitive(CALL, "true")]),
        # A payment service needs the keys: let through, and the filter keeps them nowhere.
        (
            do.HideKeys("payment-line", 99, relayed=True),
            LEGS,
            [sensitive(CALL, "false", "payment-line@99"), sensitive(OTHER, "false")],
        ),
        (HIDE, NOBODY, [sensitive(CALL, "true", "page@1234")]),
        (HIDE, UNREACHED, [sensitive(CALL, "true")]),
        # An agent who was rung is sensitive all the time, and stays so.
        (do.ShowKeys(), LEGS, [sensitive(CALL, "false", "")]),
        (do.ShowKeys(), STAFFS, [sensitive(OTHER, "false", ""), sensitive(CALL, "false")]),
    ],
)
def test_whose_keys_are_hidden_and_shown(command, legs: Legs, texts: list[str]):
    assert said(command, legs) == texts


def test_at_a_payment_line_freeswitch_is_told_to_keep_keys_to_itself():
    assert keys_told(False) == b"nixevent DTMF\n\n"
    assert keys_told(True) == b"event plain DTMF\n\n"
    assert "DTMF" in SUBSCRIBED.split()


@pytest.mark.parametrize(
    ("legs", "leg", "heard"),
    [(LEGS, CALL, True), (LEGS, OTHER, False), (STAFFS, OTHER, True), (STAFFS, CALL, False)],
)
def test_only_the_customers_keys_are_keys(legs: Legs, leg: str, heard: bool):
    key = event("DTMF", leg, legs, DTMF_Digit="4")
    assert key == (events.KeyPressed(7, "4") if heard else None)


# The recording.


@pytest.mark.parametrize(("legs", "leg"), [(LEGS, CALL), (STAFFS, OTHER)])
@pytest.mark.parametrize(
    ("command", "verb"),
    [(do.StopRecording(PATH), "stop"), (do.Mask(PATH), "mask"), (do.Unmask(PATH), "unmask")],
)
def test_the_customers_leg_is_the_one_that_is_recorded(command, verb: str, legs: Legs, leg: str):
    assert said(command, legs) == [f"api uuid_record {leg} {verb} {PATH}\n\n"]


@pytest.mark.parametrize("command", [do.StopRecording(PATH), do.Mask(PATH), do.Unmask(PATH)])
def test_nothing_is_sent_about_a_leg_that_is_not_there(command):
    assert said(command, UNREACHED) == []


def test_recording_the_called_customer_makes_the_leg_ready_first():
    ready, variables, start = said(do.StartRecording(PATH), STAFFS)
    assert ready == f"filter Unique-ID {OTHER}\n\n", "or RECORD_START would not be heard"
    assert variables == (
        f"api uuid_setvar_multi {OTHER} playback_terminators=none;RECORD_STEREO=true;"
        "RECORD_BRIDGE_REQ=true;RECORD_MIN_SEC=0;RECORD_PRE_BUFFER_FRAMES=0;enable_file_write_buffering=false\n\n"
    )
    assert start == f"api uuid_record {OTHER} start {PATH}\n\n"
    assert said(do.StartRecording(PATH)) == [f"api uuid_record {CALL} start {PATH}\n\n"]


# The agent.


def test_an_agent_who_is_rung_is_listened_to_from_the_answer_on():
    [text] = said(do.Bridge("user/1|user/2", 20_000, 2, CODES))
    assert text == (
        "sendmsg\ncall-command: execute\nexecute-app-name: bridge\nexecute-app-arg: "
        "{originate_timeout=40,leg_timeout=20,digits_dialed_filter=^(.+)$,sensitive_dtmf=true,"
        "execute_on_answer_1='bind_digit_action ivr,*7,exec[i]:event,Ivr-Feature=pause',"
        "execute_on_answer_2='bind_digit_action ivr,*8,exec[i]:event,Ivr-Feature=resume',"
        "execute_on_answer_3='bind_digit_action ivr,*9,exec[i]:event,Ivr-Feature=abuse'}"
        "user/1|user/2\nEvent-UUID: bridge\n\n"
    )


def test_a_code_that_is_none_is_not_listened_for():
    [text] = said(do.Bridge("user/1", 20_000, 1, FeatureCodes(pause="*1", resume="", abuse="*3")))
    assert "_1='bind_digit_action ivr,*1,exec[i]:event,Ivr-Feature=pause'" in text
    assert "_2='bind_digit_action ivr,*3,exec[i]:event,Ivr-Feature=abuse'" in text
    assert "resume" not in text


def test_variables_of_the_dial_strings_own_stay_beside_the_engines():
    [text] = said(do.Bridge("{a=b}user/1", 20_000, 1, CODES))
    assert "Ivr-Feature=abuse',a=b}user/1\n" in text


@pytest.mark.parametrize(("legs", "leg"), [(LEGS, OTHER), (STAFFS, CALL)])
def test_an_agent_who_was_not_rung_is_listened_to_on_the_leg(legs: Legs, leg: str):
    assert said(do.ListenToAgent(CODES), legs) == [
        f"sendmsg {leg}\ncall-command: execute\nexecute-app-name: bind_digit_action\n"
        f"execute-app-arg: ivr,{code},exec[i]:event,Ivr-Feature={feature}\n"
        "Event-UUID: listen\n\n"
        for code, feature in (("*7", "pause"), ("*8", "resume"), ("*9", "abuse"))
    ]


def test_nobody_is_listened_to_where_nobody_is():
    assert said(do.ListenToAgent(CODES), NOBODY) == []
    assert said(do.ListenToAgent(FeatureCodes("", "", "")), LEGS) == []


@pytest.mark.parametrize("tone", [tone for tone in do.Tone if tone is not do.Tone.LEFT])
@pytest.mark.parametrize(("legs", "leg"), [(LEGS, OTHER), (STAFFS, CALL)])
def test_a_tone_is_for_the_agent_alone(tone: do.Tone, legs: Legs, leg: str):
    [text] = said(do.TellAgent(tone), legs)
    begin, middle, end = text.partition(" tone_stream://")
    assert (begin, middle) == (f"api uuid_displace {leg} start", " tone_stream://")
    assert end.endswith(") 0 m\n\n")
    assert " " not in end.removesuffix(" 0 m\n\n")


def test_an_agent_who_waits_for_the_caller_hears_the_tone_instead_of_music():
    [text] = said(do.TellAgent(do.Tone.LEFT))
    assert text.startswith(f"api uuid_displace {OTHER} start tone_stream://")
    assert text.endswith(") 0\n\n"), "not mixed into it"


def test_every_tone_sounds_different():
    assert len({said(do.TellAgent(tone))[0] for tone in do.Tone}) == len(do.Tone)
    assert said(do.TellAgent(do.Tone.PAUSED), NOBODY) == []


# Legs that come and go.


@pytest.mark.parametrize(
    "other",
    ["", "x", "%0A", f"{OTHER}%0A", OTHER.upper(), f"{OTHER} all", f"../{OTHER}", OTHER[:-1] + "g"],
)
def test_a_leg_whose_id_is_none_is_nobodys(other: str):
    """It would stand in a command (R23)."""
    joined = event("CHANNEL_BRIDGE", Other_Leg_Unique_ID=other, Other_Leg_Destination_Number="100")
    assert joined == events.Bridged(7, "", "100")


def test_who_was_reached():
    joined = event(
        "CHANNEL_BRIDGE", Other_Leg_Unique_ID=OTHER, Other_Leg_Destination_Number="%2B44150"
    )
    assert joined == events.Bridged(7, OTHER, "+44150")
    assert event("CHANNEL_BRIDGE", Other_Leg_Unique_ID=OTHER) == events.Bridged(7, OTHER, "")


def test_whom_another_leg_meets_is_no_news_of_the_call():
    """The customer's leg, heard of for its recording, would be taken for the agent's."""
    assert event("CHANNEL_BRIDGE", OTHER, STAFFS, Other_Leg_Unique_ID=CALL) is None
    assert event("CHANNEL_BRIDGE", CALL, STAFFS, Other_Leg_Unique_ID=OTHER) is not None


@pytest.mark.parametrize("legs", [LEGS, STAFFS])
def test_the_end_of_another_leg_is_not_the_end_of_the_call(legs: Legs):
    left = event("CHANNEL_HANGUP_COMPLETE", OTHER, legs, Hangup_Cause="NORMAL_CLEARING")
    assert left == events.OtherLeft(7, OTHER)
    ended = event("CHANNEL_HANGUP_COMPLETE", CALL, legs, Hangup_Cause="NORMAL_CLEARING")
    assert ended == events.HungUp(7, events.Party.SWITCH, "NORMAL_CLEARING", 0)


@pytest.mark.parametrize("name", ["DTMF", "CHANNEL_HANGUP_COMPLETE"])
def test_an_event_of_no_leg_is_nobodys(name: str):
    body = f"Event-Name: {name}\nDTMF-Digit: 1\nHangup-Cause: NORMAL_CLEARING\n\n".encode()
    assert event_of(message(body), 7, LEGS, PATH, PLAYS) is None


# Answers.


def test_what_freeswitchs_answers_mean():
    for ok in (True, False):
        assert answered(do.HideKeys("page", 1234), 7, ok) == events.KeysHidden(7, ok)
        assert answered(do.ShowKeys(), 7, ok) == events.KeysShown(7, ok)
        assert answered(do.Mask(PATH), 7, ok) == events.Masked(7, ok, PATH)
        assert answered(do.Unmask(PATH), 7, ok) == events.Unmasked(7, ok, PATH)
        assert answered(do.StopRecording(PATH), 7, ok) is None


def test_a_stop_that_was_refused_means_that_nothing_is_recorded():
    stopped = refused(do.StopRecording(PATH), 7, "-ERR Cannot stop recording session!")
    assert stopped == events.RecordingStopped(7, "not-recorded", 0, PATH)
    for command in (
        HIDE,
        do.ShowKeys(),
        do.Mask(PATH),
        do.Unmask(PATH),
        do.TellAgent(do.Tone.PAUSED),
    ):
        assert refused(command, 7, "-ERR no") is None


def test_a_code_that_would_be_a_command_of_its_own_is_not_sent():
    with pytest.raises(WireError, match="control character"):
        said(do.ListenToAgent(FeatureCodes(pause="*7\n\napi system x")))


# Joined from elsewhere: the A leg is the second one.


def beside(call: str = CALL, leg: str = OTHER, direction: str = "outbound") -> events.Event | None:
    return event(
        "CHANNEL_BRIDGE",
        Unique_ID=leg,
        Bridge_A_Unique_ID=leg,
        Bridge_B_Unique_ID=call,
        Call_Direction=direction,
        Caller_Destination_Number="1500",
        Caller_Caller_ID_Number="1001",
    )


def test_a_leg_that_takes_the_call_from_elsewhere_is_whom_it_is_connected_to():
    assert beside() == events.Bridged(7, OTHER, "1500")


def test_a_telephone_that_picks_the_call_up_is_known_by_its_own_number():
    assert beside(direction="inbound") == events.Bridged(7, OTHER, "1001", took=True)


def test_two_others_that_are_joined_are_none_of_ours():
    assert beside(call=OTHER, leg=CALL[:-1] + "0") is None


def test_how_long_a_key_was_held():
    assert event("DTMF", DTMF_Digit="4", DTMF_Duration="2400") == events.KeyPressed(7, "4", 300)
