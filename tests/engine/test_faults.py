"""What goes wrong inside the engine, and whom it costs what (R22)."""

from __future__ import annotations

import pytest
from gevent import socket

from ivr.core import call as machine
from ivr.core import events
from ivr.engine import driver, service
from ivr.esl.session import Link
from ivr.lab import CallScript, Destination
from ivr.lab.script import HangUp, WhenConnected

TALKS = CallScript(
    steps=(WhenConnected(2000), HangUp()), destination=Destination(answer_ms=500), name="talks"
)


def test_a_link_that_breaks_under_the_last_command_is_heard_of(house, monkeypatch):
    """The commands of one event are sent last of all: a break there is an event like any other,
    and the call is followed to its end."""
    post = Link.post

    def breaking(link: Link, data: bytes, *replies: object) -> None:
        if b"execute-app-name: bridge" in data:
            monkeypatch.setattr(Link, "post", post)
            post(link, data, *replies)
            link._lose("broken pipe")
            return
        post(link, data, *replies)

    monkeypatch.setattr(Link, "post", breaking)
    began = house.clock.monotonic_ms()
    call = house.place(TALKS)
    told = house.over(call)
    told.assert_heard(2000)
    assert house.metric("ivr_links_lost_total") == 1
    assert told.record["ended"]["by"] == "caller"
    assert house.clock.monotonic_ms() < began + 60_000, (
        "heard of at once, not at the longest call's end"
    )


def faulty(monkeypatch: pytest.MonkeyPatch, kind: type[events.Event]) -> None:
    """A machine that fails at the first event of this kind."""
    sound, failed = machine.advance, []

    def advance(state, event, policy):
        if isinstance(event, kind) and not failed:
            failed.append(event)
            raise RuntimeError("a fault")
        return sound(state, event, policy)

    monkeypatch.setattr(driver, "advance", advance)


def test_a_fault_while_freeswitch_records_leaves_the_file_to_it(house, monkeypatch):
    faulty(monkeypatch, events.Bridged)
    other = house.place(TALKS)
    call = house.place(TALKS)
    told, second = house.over(call), house.over(other)
    assert house.metric("ivr_faults_total") == 1
    for one in (told, second):
        one.assert_heard(2000)
    assert told.record["recording"]["sha256"], "the whole recording, when it was over"
    assert house.metric("ivr_calls", phase="unlinked") == 0


def test_a_fault_before_there_is_a_recording_leaves_the_call_to_the_dialplan(house, monkeypatch):
    """Not to this engine: it would fail again. The call is followed to its end all the same."""
    faulty(monkeypatch, events.Answered)
    call = house.place(TALKS)
    house.until(call, "unlinked")
    told = house.over(call)
    assert call.leg.get("ivr_unrecorded") == "true"
    assert told.outcome.connected_ms is not None
    assert told.record["announcement"] == "no"
    recording = told.record["recording"]
    assert (recording["state"], recording["reason"]) == ("lost", "not-started")
    assert not any("uuid_record" in one and " start " in one for one in house.commands)
    assert told.record["ended"]["by"] == "caller"
    assert house.metric("ivr_faults_total") == 1
    assert house.metric("ivr_calls_turned_away_total") == 1, "it was offered once more"
    house.call(TALKS).assert_heard(2000)


def test_connections_that_say_nothing_do_not_fill_the_engine_for_good(house):
    """A port scan takes places only until it is given up on."""
    limit = house.engine.context.configuration.site.limits
    strangers = []
    for _ in range(5):
        stranger = socket.create_connection(("127.0.0.1", house.engine.calls.port))
        strangers.append(stranger)
    house.clock.settle()
    assert len(house.engine.context.unknown) == 5
    house.clock.run(limit.command_ms + 100)
    assert len(house.engine.context.unknown) == 0
    for stranger in strangers:
        stranger.close()
    scan = socket.create_connection(("127.0.0.1", house.engine.calls.port))
    scan.close()
    house.clock.settle()
    assert len(house.engine.context.unknown) == 0


def test_an_accept_loop_that_meets_a_fault_goes_on(house, monkeypatch):
    """gevent stops a watcher whose callback raises: one fault would end all accepting."""
    arrival = service.Arrival
    failed = []

    def failing(context, sock):
        if not failed:
            failed.append(sock)
            raise RuntimeError("a fault")
        return arrival(context, sock)

    monkeypatch.setattr(service, "Arrival", failing)
    first = house.place(TALKS)
    house.clock.run_until(first.done.ready)
    assert failed
    assert first.done.get().connected_ms is not None, "by the dialplan alone"
    house.call(TALKS).assert_heard(2000)
