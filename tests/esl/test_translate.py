"""FreeSWITCH's messages into the call's events, the call's commands into FreeSWITCH's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ivr.core import commands as do
from ivr.core import events
from ivr.core.events import Event
from ivr.core.policy import Prompt, PromptFile
from ivr.errors import WireError
from ivr.esl.translate import Legs, event_of, offer
from ivr.esl.wire import Framer, Message
from ivr.esl.wording import VARIABLES, opening, refused, text_of
from tests.core.calls import prompt
from tests.esl import captures

CALL = "18c1b1f2-68dc-4528-9aea-47ffc353c8ef"
OTHER = "7f2a186c-1f1e-4c56-9a2e-5d1f6f3a0b11"
LEGS = Legs(CALL, CALL, OTHER)
"""A call that came in: the customer is the A leg."""
STAFFS = Legs(CALL, OTHER, CALL)
"""A call that staff make: the customer is the B leg (R10)."""
PATH = f"/spool/recording/{CALL}.wav"
PLAYS = {1: prompt("first"), 2: prompt("second")}


def message(body: bytes) -> Message:
    head = b"Content-Length: %d\nContent-Type: text/event-plain\n\n" % len(body)
    [one] = Framer().feed(head + body)
    return one


def event(name: str, leg: str = CALL, legs: Legs = LEGS, **headers: str) -> Event | None:
    """What an event of this leg means of which only this is known."""
    told = {"Unique_ID": leg, **headers}
    lines = [f"Event-Name: {name}", *(f"{k.replace('_', '-')}: {v}" for k, v in told.items())]
    return event_of(message("\n".join(lines).encode() + b"\n\n"), 7, legs, PATH, PLAYS)


def done(event_id: str, *lines: str) -> Event | None:
    """What the end of a command of this id means."""
    text = "\n".join(["Event-Name: CHANNEL_EXECUTE_COMPLETE", *lines])
    body = f"{text}\nApplication-UUID: {event_id}\n\n".encode()
    return event_of(message(body), 7, LEGS, PATH, PLAYS)


# Every event of the recorded conversations.


def word(one: Event) -> str:
    match one:
        case events.Answered(rate=rate):
            return f"answered {rate}"
        case events.KeyPressed(key=key):
            return f"key {key}"
        case events.PromptEnded(play=play, heard_ms=heard_ms, missing=missing, hung_up=hung_up):
            return f"prompt {play}: {heard_ms}{' missing' * missing}{' hung up' * hung_up}"
        case events.RecordingStarted():
            return "recording"
        case events.RecordingStopped(cause=cause, switch_ms=ms):
            return f"recorded {ms} {cause}"
        case events.Bridged(other_leg=leg):
            return f"bridged {leg[:8]}"
        case events.Unbridged():
            return "unbridged"
        case events.BridgeEnded(cause=cause, transferred=transferred, hung_up=hung_up):
            assert not transferred
            return f"parted {cause}{' hung up' * hung_up}"
        case events.HungUp(by=by, cause=cause, q850=q850):
            return f"end {by.value} {cause} {q850}"
        case _:
            raise AssertionError(one)


def story(name: str) -> list[str]:
    """A conversation as the engine would hear it, had it given the commands its ids."""
    call = captures.messages(name)[0].head("Unique-ID") or ""
    plays: dict[int, Prompt] = {}
    found = []
    for one in captures.messages(name):
        body = one.body
        app = one.last(b"Application")
        if one.event_name == "CHANNEL_EXECUTE_COMPLETE" and app in ("answer", "bridge", "playback"):
            ours = app
            if app == "playback":
                plays[len(plays) + 1] = prompt("p")
                ours = f"play-{len(plays)}"
            body = body.replace((one.last(b"Application-UUID") or "").encode(), ours.encode())
        heard = event_of(
            Message(one.kind, one.raw_head, body),
            0,
            Legs(call, call, ""),
            f"/var/spool/rec/{call}.wav",
            plays,
        )
        if heard is not None:
            found.append(word(heard))
    return found


STORIES = {
    "agent-hangs-up-first": [
        "answered 8000",
        "recording",
        "bridged a8992d84",
        "unbridged",
        "parted NORMAL_CLEARING hung up",
        "recorded 1520 success-silence",
        "end switch NORMAL_CLEARING 16",
    ],
    "caller-hangs-up-in-announcement": [
        "answered 8000",
        "prompt 1: 1000 hung up",
        "end caller NORMAL_CLEARING 16",
    ],
    "destination-busy": [
        "answered 8000",
        "parted USER_BUSY",
        "prompt 1: 1020 hung up",
        "end switch NORMAL_CLEARING 16",
    ],
    "errors-and-odd-replies": [
        "answered 8000",
        "end switch DESTINATION_OUT_OF_ORDER 27",
    ],
    "opt-out-then-return": [
        "answered 8000",
        "key *",
        "prompt 1: 700",
        "key #",
        "key *",
        "key 1",
        "prompt 2: 740",
        "bridged 7f2a186c",
        "unbridged",
        "parted NORMAL_CLEARING hung up",
        "end caller NORMAL_CLEARING 16",
    ],
    "opt-out-then-terminate": [
        "answered 8000",
        "key *",
        "prompt 1: 700",
        "key #",
        "key *",
        "prompt 2: 3000",
        "end switch NORMAL_CLEARING 16",
    ],
    "recorded-call-with-payment-pause": [
        "answered 8000",
        "prompt 1: 3000",
        "recording",
        "bridged bd491ae4",
        "unbridged",
        "parted NORMAL_CLEARING hung up",
        "recorded 5520 success-silence",
        "end caller NORMAL_CLEARING 16",
    ],
}


@pytest.mark.parametrize("name", captures.NAMES)
def test_every_event_of_a_recorded_conversation(name: str):
    assert story(name) == STORIES[name]


# Events that are odd, or another's.


@pytest.mark.parametrize("key", [*"0123456789*", "%23", *"ABCD"])
def test_a_key(key: str):
    assert event("DTMF", DTMF_Digit=key) == events.KeyPressed(7, key.replace("%23", "#"))


@pytest.mark.parametrize("key", ["", "12", "1%0A", "%0A", "%00", "E", "F", "x", "%FF", "**", "１"])
def test_what_is_no_key(key: str):
    assert event("DTMF", DTMF_Digit=key) is None


def test_a_key_event_without_a_key():
    assert event("DTMF") is None


@pytest.mark.parametrize(
    "event_id",
    [
        "play-3",
        "play-99999999999999",
        "play-" + "9" * 4000,
        "play-",
        "play--1",
        "play-x",
        "play-1 ",
        "play-١",
        "PLAY-1",
        "Answer",
        "",
        CALL,
        "hangup",
        "bridge%0A",
    ],
)
def test_the_end_of_a_command_that_is_not_ours(event_id: str):
    assert done(event_id, "Application: playback", "Application-Response: FILE PLAYED") is None


def test_a_prompt_heard_stopped_and_missing():
    heard = ("Channel-Read-Codec-Rate: 16000", "variable_playback_last_offset_pos: 12000")
    played = "Application-Response: FILE PLAYED"
    assert done("play-2", *heard, played) == events.PromptEnded(7, 2, PLAYS[2], 750)
    missing = done("play-2", *heard, "Application-Response: FILE NOT FOUND")
    assert missing == events.PromptEnded(7, 2, PLAYS[2], 0, missing=True)
    gone = done("play-1", *heard, "Hangup-Cause: X", "Application-Response: PLAYBACK ERROR")
    assert gone == events.PromptEnded(7, 1, PLAYS[1], 750, hung_up=True)
    nothing = done("play-1", played)
    assert nothing == events.PromptEnded(7, 1, PLAYS[1], 0)


@pytest.mark.parametrize("number", ["-1", "", "9" * 5000, "1e9", "%0A", "٣", "0x10"])
def test_a_number_that_is_none_counts_as_nought(number: str):
    line = f"variable_playback_last_offset_pos: {number}"
    ended = done("play-1", line, "Application-Response: FILE PLAYED")
    assert ended == events.PromptEnded(7, 1, PLAYS[1], 0)
    assert done("answer", f"Channel-Read-Codec-Rate: {number}") == events.Answered(7, 8000)


def test_answered():
    assert done("answer", "Channel-Read-Codec-Rate: 16000") == events.Answered(7, 16000)
    assert done("answer", "Hangup-Cause: ORIGINATOR_CANCEL") is None


@pytest.mark.parametrize(
    ("lines", "cause", "transferred"),
    [
        (("variable_originate_disposition: USER_BUSY",), "USER_BUSY", False),
        (("variable_originate_disposition: SUCCESS",), "NORMAL_CLEARING", False),
        (("variable_bridge_hangup_cause: CALL_REJECTED",), "CALL_REJECTED", False),
        (
            ("variable_originate_disposition: SUCCESS", "variable_transfer_history: 1%3Abl_xfer"),
            "NORMAL_CLEARING",
            True,
        ),
        # A call that came to us by a transfer and reaches nobody (docs/freeswitch.md 23a).
        (
            ("variable_originate_disposition: USER_BUSY", "variable_transfer_history: 1%3Abl_xfer"),
            "USER_BUSY",
            False,
        ),
    ],
)
def test_the_end_of_a_bridge(lines: tuple[str, ...], cause: str, transferred: bool):
    assert done("bridge", *lines) == events.BridgeEnded(7, cause, transferred)
    gone = done("bridge", "Hangup-Cause: X", *lines)
    assert gone == events.BridgeEnded(7, cause, transferred, hung_up=True)


@pytest.mark.parametrize(
    "path",
    [
        "/spool/recording/another.wav",
        f"/spool/recording/{OTHER}.wav",
        f"/spool/recording/{OTHER}.2.wav",
        f"/spool/{CALL}/another.wav",
        PATH + "%0A",
        PATH.replace(".wav", "-in.wav"),
        PATH.replace(".wav", ".x.wav"),
        PATH.replace(".wav", ".1.wav"),
        PATH.replace(".wav", ".02.wav"),
        PATH.replace(".wav", ".2.3.wav"),
        PATH.replace(".wav", ".mp3"),
        PATH.replace(".wav", ""),
        f"/spool/recording/x{CALL}.wav",
        "",
        PATH.upper(),
    ],
)
@pytest.mark.parametrize("name", ["RECORD_START", "RECORD_STOP"])
def test_the_recording_of_another_call(name: str, path: str):
    assert event(name, Record_File_Path=path) is None
    assert event(name) is None


def test_the_recording_of_this_call():
    assert event("RECORD_START", Record_File_Path=PATH) == events.RecordingStarted(7)
    body = f"Event-Name: RECORD_STOP\nvariable_record_ms: 12\nRecord-File-Path: {PATH}\n\n"
    stopped = event_of(message(body.encode()), 7, LEGS, PATH, PLAYS)
    assert stopped == events.RecordingStopped(7, "", 12, PATH)


@pytest.mark.parametrize(
    "part", [PATH.replace(".wav", ".2.wav"), f"/fallback/recording/{CALL}.3.wav"]
)
def test_another_part_of_it_ends_and_does_not_begin(part: str):
    """It was given up for the one that is recorded now; its start is no news of that one."""
    ended = event("RECORD_STOP", Record_File_Path=part)
    assert ended == events.RecordingStopped(7, "", 0, part)
    assert event("RECORD_START", Record_File_Path=part) is None


@pytest.mark.parametrize("name", ["CUSTOM", "HEARTBEAT", "MESSAGE", "", "DTMF ", "dtmf", "%44TMF"])
def test_events_that_mean_nothing(name: str):
    assert event(name, DTMF_Digit="1") is None


def test_a_reply_is_no_event():
    stream = captures.connect_reply()
    [reply] = Framer().feed(stream)
    assert event_of(reply, 0, LEGS, PATH, PLAYS) is None


# The answer to connect.


def answer(call_id: str) -> Message:
    [one] = Framer().feed(captures.connect_reply().replace(CALL.encode(), call_id.encode()))
    return one


def test_a_call_is_offered():
    offered = offer(answer(CALL))
    assert (offered.call_id, offered.number) == (CALL, "01427676676")


@pytest.mark.parametrize(
    "call_id",
    [
        "",
        "x",
        CALL.upper(),
        CALL + "%0A",
        CALL + "/",
        "../" + CALL,
        "%2E%2E%2F" + CALL[9:],
        "/" * 36,
        CALL.replace("1", "١"),
        CALL + " " + CALL,
    ],
)
def test_a_channel_without_a_proper_id_is_not_taken(call_id: str):
    with pytest.raises(WireError, match="expected a UUID; is it FreeSWITCH that connects"):
        offer(answer(call_id))


def test_what_is_no_answer_to_connect():
    [ok] = Framer().feed(b"Content-Type: command/reply\nReply-Text: +OK\n\n")
    with pytest.raises(WireError, match="names the channel ''"):
        offer(ok)


# Commands: the exact text on the wire.


def execute(app: str, arg: str, event_id: str) -> bytes:
    arg = f"execute-app-arg: {arg}\n" if arg else ""
    text = f"sendmsg\ncall-command: execute\nexecute-app-name: {app}\n{arg}"
    return f"{text}Event-UUID: {event_id}\n\n".encode()


def hangup(call: str, cause: str) -> bytes:
    """It names its call: one without a socket of its own is ended over the engine's line."""
    return execute("hangup", cause, "hangup").replace(b"sendmsg", f"sendmsg {call}".encode())


def test_what_is_said_first():
    assert opening(CALL) == (
        f"linger 10\n\nfilter Unique-ID {CALL}\n\nfilter Bridge-B-Unique-ID {CALL}\n\n"
        "event plain CHANNEL_EXECUTE_COMPLETE DTMF RECORD_START RECORD_STOP CHANNEL_BRIDGE"
        " CHANNEL_HANGUP_COMPLETE\n\n".encode(),
        4,
    )


TAKE = do.TakeOver("main", "engine-1")
WIDE = replace(PLAYS[1], files={**PLAYS[1].files, 16000: PromptFile("/p/16.wav", 16000, 1, "0")})


@pytest.mark.parametrize(
    ("command", "texts"),
    [
        (do.Answer(), [execute("answer", "", "answer")]),
        (do.PlayPrompt(3, PLAYS[1], 8000), [execute("playback", "/p/first.wav", "play-3")]),
        (do.PlayPrompt(4, WIDE, 16000), [execute("playback", "/p/16.wav", "play-4")]),
        (do.PlayPrompt(5, WIDE, 48000), [execute("playback", "/p/first.wav", "play-5")]),
        (do.StopPrompts(), [f"api uuid_break {CALL} all\n\n".encode()]),
        (do.StartRecording(PATH), [f"api uuid_record {CALL} start {PATH}\n\n".encode()]),
        (do.StopRecording(PATH), [f"api uuid_record {CALL} stop {PATH}\n\n".encode()]),
        (
            do.Bridge("user/1|user/2", 45_000, 2),
            [
                execute(
                    "bridge",
                    "{originate_timeout=90,leg_timeout=45,digits_dialed_filter=^(.+)$}"
                    "user/1|user/2",
                    "bridge",
                )
            ],
        ),
        (
            do.Bridge("{a=b}user/1", 400, 1),
            [
                execute(
                    "bridge",
                    "{originate_timeout=1,leg_timeout=1,digits_dialed_filter=^(.+)$,a=b}user/1",
                    "bridge",
                )
            ],
        ),
        (do.Hangup("USER_BUSY"), [hangup(CALL, "USER_BUSY")]),
    ],
)
def test_a_command(command, texts: list[bytes]):
    assert list(text_of(command, LEGS)) == texts


def test_taking_over():
    setting, calling_off = text_of(TAKE, LEGS)
    assert calling_off == f"api sched_del {CALL}\n\n".encode()
    command, pairs = setting.decode().rstrip("\n").rsplit(" ", 1)
    assert command == f"api uuid_setvar_multi {CALL}"
    assert dict(pair.split("=") for pair in pairs.split(";")) == {
        **VARIABLES,
        "ivr_next": "ivr-again-main",
        "ivr_engine": "engine-1",
    }
    assert VARIABLES["playback_terminators"] == "none"


def test_a_policy_with_a_control_character_sends_nothing():
    with pytest.raises(WireError, match="control character"):
        text_of(do.Bridge("user/1\n\napi system x", 1000, 1), LEGS)


# Refusals.


def test_what_a_refusal_means():
    played = refused(do.PlayPrompt(1, PLAYS[1], 8000), 7, "-ERR no")
    assert played == events.PromptEnded(7, 1, PLAYS[1], 0, missing=True)
    started = refused(do.StartRecording(PATH), 7, "-ERR no")
    assert started == events.RecordingFailed(7, "FreeSWITCH answered -ERR no", PATH)
    rung = refused(do.Bridge("user/1", 1, 1), 7, "-ERR no")
    assert rung == events.BridgeEnded(7, "REQUESTED_CHAN_UNAVAIL")
    for command in (TAKE, do.Answer(), do.StopPrompts(), do.Hangup("X")):
        assert refused(command, 7, "-ERR no") is None
