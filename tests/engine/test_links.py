"""A call whose own socket breaks, in each phase (R5, R22; docs/freeswitch.md 10)."""

from __future__ import annotations

import pytest
from gevent import socket

from ivr.core.state import CLOSING_MS
from ivr.engine.control import LONGEST_WAIT_MS
from ivr.lab import CallScript, Destination
from ivr.lab.script import DuringPrompt, HangUp, Keys, WhenConnected

TALKS = (WhenConnected(2000), HangUp())
LISTENS = CallScript(steps=TALKS, destination=Destination(answer_ms=400))
OPTS_OUT = CallScript(steps=(DuringPrompt(300), Keys("*#*")))
RETURNS = CallScript(
    steps=(DuringPrompt(300), Keys("*#*"), DuringPrompt(300), DuringPrompt(300), Keys("1"), *TALKS),
    destination=Destination(),
)


@pytest.mark.parametrize(
    ("phase", "script", "played", "ended"),
    [
        ("answering", LISTENS, [("announcement", True)], ""),
        ("announcing", LISTENS, [("announcement", False), ("announcement", True)], ""),
        (
            "last keys",
            CallScript(steps=(DuringPrompt(1500), Keys("*#"), *TALKS), destination=Destination()),
            [("announcement", True)],
            "",
        ),
        (
            "reminding",
            RETURNS,
            # How much of the announcement was heard was lost with the socket: so it comes again.
            [
                ("announcement", False),
                ("reminder", False),
                ("reminder", False),
                ("announcement", True),
            ],
            "",
        ),
        (
            "deciding",
            OPTS_OUT,
            [("announcement", False), ("reminder", True), ("reminder", True), ("goodbye", True)],
            "opted-out",
        ),
        (
            "farewell",
            OPTS_OUT,
            [("announcement", False), ("reminder", True), ("goodbye", False)],
            "opted-out",
        ),
        ("starting", LISTENS, [("announcement", True)], ""),
        (
            "apologising",
            CallScript(destination=Destination.busy()),
            [("announcement", True), ("busy", False), ("unavailable", True)],
            "unavailable",
        ),
    ],
)
def test_lost_before_the_connection_the_call_comes_back_and_goes_on(
    house, phase, script, played, ended
):
    """FreeSWITCH plays a prompt to its end, and its dialplan hands the call over once more: to
    the same engine, which goes on from where it was."""
    call = house.place(script)
    house.until(call, phase)
    house.lose(call)
    told = house.over(call)
    assert told.played == played
    assert told.record["ended"]["reason"] == ended
    if not ended:
        told.assert_heard(2000)
    else:
        assert told.record["recording"]["state"] == "none"
    assert ("taken-up", "handed-back") in [
        (one["what"], one["detail"]) for one in told.record["steps"]
    ]
    assert told.steps.count("arrived") == told.steps.count("hung-up") == 1
    assert house.metric("ivr_links_lost_total") == 1
    assert house.metric("ivr_calls_taken_up_total", how="handed-back") == 1
    assert house.metric("ivr_records_written_total") == 1
    assert call.leg.get("ivr_unrecorded") == ""


def test_lost_at_the_end_it_does_not_come_back(house):
    """The caller hears nobody any more."""
    call = house.place(OPTS_OUT)
    house.until(call, "ending")
    house.lose(call)
    told = house.over(call)
    assert told.record["ended"]["reason"] == "opted-out"
    assert told.steps.count("taken-up") == 0
    assert house.switch.legs() == []


@pytest.mark.parametrize("hangs_up", ["caller", "agent"])
def test_lost_while_connected_the_call_is_followed_and_recorded_to_its_end(house, hangs_up):
    steps = (WhenConnected(2000), HangUp()) if hangs_up == "caller" else ()
    call = house.place(CallScript(steps=steps, destination=Destination.talks(3000)))
    house.until(call, "connected")
    house.clock.run(500)
    house.listener(call).drop()
    house.clock.settle()
    assert house.metric("ivr_calls", phase="unlinked") == 1
    told = house.over(call)
    told.assert_heard(2000 if hangs_up == "caller" else 3000)
    assert told.record["connected_at"]
    assert told.record["recording"]["cause"].startswith("success")
    assert told.record["ended"]["cause"] == "NORMAL_CLEARING"
    if hangs_up == "caller":
        assert told.record["ended"]["by"] == "caller"
    house.clock.run(60_000)
    assert house.metric("ivr_calls", phase="unlinked") == 0
    followed = [one for one in house.commands if call.uuid in one and "filter" in one]
    assert followed[-2:] == [
        f"filter delete Unique-ID {call.uuid}",
        f"filter delete Bridge-B-Unique-ID {call.uuid}",
    ]


def test_lost_while_it_rings_the_recording_goes_on(house):
    call = house.place(LISTENS)
    house.until(call, "dialling")
    house.lose(call)
    told = house.over(call)
    told.assert_heard(2000)
    assert told.record["connected_at"]
    assert told.steps.count("taken-up") == 0, "FreeSWITCH connects it by itself"


def test_lost_in_the_connection_and_ended_while_freeswitch_was_away(house):
    """The inbound connection comes back to a FreeSWITCH that knows nothing of the call."""
    call = house.place(CallScript(steps=(WhenConnected(2000), HangUp()), destination=Destination()))
    house.until(call, "connected")
    for listener in tuple(house.switch.listeners):
        listener.drop()
    house.switch.password = "other, for now"
    house.clock.run_until(call.done.ready)
    house.wrote(call)
    house.clock.run(20_000)
    assert house.metric("ivr_calls", phase="unlinked") == 1
    house.switch.password = "ClueCon"
    back = house.clock.monotonic_ms()
    told = house.over(call)
    assert house.clock.monotonic_ms() < back + LONGEST_WAIT_MS + CLOSING_MS + 1000
    told.assert_heard(2000)
    assert told.record["ended"]["by"] == "unknown", "nobody was there to see it"
    assert told.record["ended"]["reason"] == "ended-unseen"
    assert "recording-stalled" not in told.steps, "it had ended"
    assert told.record["durations"]["total_ms"] < 10_000, "its recording was written to until then"


def test_lost_after_the_end_and_before_it_was_told(house):
    """The socket breaks and the call is gone by the time that it is asked after."""
    call = house.place(CallScript(destination=Destination()))
    house.until(call, "connected")
    house.clock.run(1000)
    listener = house.listener(call)
    listener._closing = True  # it says nothing any more
    call.leg.hang_up("NORMAL_CLEARING", by="caller")
    house.clock.run(100)
    house.wrote(call)
    listener.drop()
    lost = house.clock.monotonic_ms()
    told = house.over(call)
    assert house.clock.monotonic_ms() < lost + CLOSING_MS + 1000
    told.assert_heard(1000, 1200)
    assert told.record["durations"]["total_ms"] < 6000


def test_the_events_of_other_calls_are_not_heard_twice(house):
    """A call with a socket of its own gets nothing by the inbound connection."""
    first = house.place(CallScript(destination=Destination.talks(3000)))
    house.until(first, "connected")
    house.listener(first).drop()
    second = house.call(CallScript(destination=Destination.talks(1000)))
    assert second.steps.count("hung-up") == second.steps.count("recording-stopped") == 1
    assert house.over(first).steps.count("hung-up") == 1


def test_no_answer_to_connect(build):
    """Whoever opens a connection and says nothing is let go after the limit."""
    house = build(more='limits:\n  command: "7s"\n')
    house.start()
    with socket.create_connection(("127.0.0.1", house.engine.calls.port)) as stranger:
        assert stranger.recv(100) == b"connect\n\n"
        house.clock.run(6_999)
        assert house.metric("ivr_calls_turned_away_total") == 0
        house.clock.run(1)
        assert stranger.recv(100) == b""
    assert house.metric("ivr_calls_turned_away_total") == 1


@pytest.mark.parametrize(
    "said",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        b"Content-Type: command/reply\nReply-Text: +OK\n\n",
        b"Content-Type: command/reply\nUnique-ID: ../../etc/passwd\n\n",
        b"Content-Type: command/reply\nUnique-ID: 8F14E45F-CEEA-467F-A0E6-1B2C3D4E5F60\n\n",
        b"Content-Type: command/reply\nUnique-ID: %0a8f14e45f-ceea-467f-a0e6-1b2c3d4e5f60\n\n",
        b"Content-Type: text/event-plain\nContent-Length: 10000000000\n\n",
        b"Content-Type: text/disconnect-notice\n\n",
        b"\x00" * 300_000,
    ],
)
def test_a_stranger_at_the_port(house, said):
    """No call, no file, and the engine goes on."""
    with socket.create_connection(("127.0.0.1", house.engine.calls.port)) as stranger:
        stranger.sendall(said)
        house.clock.run(11_000)
    assert house.engine.context.calls == {}
    assert house.metric("ivr_calls_turned_away_total") == 1
    assert not [
        one for one in house.spool.rglob("*") if one.is_file() and "journal" not in str(one)
    ]
    assert house.call(CallScript(destination=Destination.talks(500))).outcome.connected_ms
