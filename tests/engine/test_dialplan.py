"""The rendered dialplan on the lab switch: how calls reach the engine, and what becomes of them
where they do not, or where their engine is gone (R20, R22; docs/freeswitch.md 8, 9, 10b)."""

from __future__ import annotations

from dataclasses import replace

import pytest
from gevent import socket

from ivr.config.addresses import Address
from ivr.config.load import load
from ivr.config.render import (
    MOST_OFFERS,
    NEXT_VARIABLE,
    again_extension,
    fallback_extension,
    render,
)
from ivr.lab import CallScript, Destination
from ivr.lab.dialplan import Extension, read_dialplan
from ivr.lab.script import BlindTransfer, DuringPrompt, HangUp, Keys, WhenConnected
from tests.engine.house import spawned
from tests.engine.site import NUMBER, OWN_KEYS

LONG = CallScript(steps=(WhenConnected(12_000), HangUp()), destination=Destination())


def rendered(house, *ports: int) -> tuple[Extension, ...]:
    """What `ivr dialplan render` writes for engines at these ports, for the lab switch."""
    configuration = load(house.site_file)
    engines = tuple(Address("127.0.0.1", port) for port in ports)
    site = replace(configuration.site, engines=engines)
    return read_dialplan(render(replace(configuration, site=site)))


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.fixture
def use(house):
    """Has the switch send calls to these ports; an engine that runs is at the last by default."""

    def to(*ports: int) -> None:
        house.switch.dialplan = rendered(house, *(ports or (house.engine.calls.port,)))

    return to


def test_a_call_reaches_the_engine_and_the_dead_man_is_called_off(house, use):
    """It would take the call away after ten seconds."""
    use()
    call = house.call(LONG)
    call.assert_heard(12_000)
    assert f"api sched_del {call.outcome.uuid}" in house.commands


def test_an_opt_out_ends_there_and_does_not_go_on_in_the_dialplan(house, use):
    use()
    call = house.call(CallScript(steps=(DuringPrompt(300), Keys("*#*"))))
    house.clock.run(30_000)
    assert call.outcome.connected_ms is None
    assert call.record["opt_out"]["confirmed"]


def test_the_second_engine_is_asked_where_the_first_refuses(house, use):
    use(free_port(), house.engine.calls.port)
    house.call(LONG).assert_heard(12_000)


def test_without_an_engine_the_team_that_connects_is_connected(house, use):
    use(free_port())
    house.stop()
    call = house.place(LONG)
    house.clock.run_until(call.done.ready)
    assert call.done.get().connected_ms is not None
    assert call.done.get().duration_ms >= 12_000, "the dead man does not take it away"
    assert call.leg.get("ivr_unrecorded") == "true"
    assert list((house.spool / "new").iterdir()) == []


def test_an_engine_that_is_full_is_as_good_as_none(build):
    house = build(more="limits:\n  connections: 1\n")
    house.start()
    house.switch.dialplan = rendered(house, house.engine.calls.port)
    first, second = house.place(LONG), house.place(LONG)
    house.over(first).assert_heard(12_000)
    house.clock.run_until(second.done.ready)
    assert second.done.get().connected_ms is not None
    assert second.leg.get("ivr_unrecorded") == "true"


def test_an_engine_that_accepts_and_says_nothing(house, use):
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        use(deaf.getsockname()[1])
        call = house.place(LONG)
        house.clock.run_until(call.done.ready)
    outcome = call.done.get()
    assert 10_000 <= outcome.connected_ms <= 11_000


@pytest.mark.parametrize("number", [NUMBER, OWN_KEYS])
def test_an_engine_that_dies_in_the_announcement(house, use, number):
    """FreeSWITCH plays the prompt to its end and does what the team decided."""
    use()
    call = house.place(CallScript(dialled=number, destination=Destination.talks(1000)))
    house.until(call, "announcing")
    house.stop()
    house.clock.run_until(call.done.ready)
    assert call.done.get().connected_ms is not None
    house.start()
    told = house.over(call)
    assert told.record["recording"]["state"] == "none"
    assert told.record["connected_at"] == "", "not by us"
    assert call.leg.get("ivr_unrecorded") == "true"


def lost_in_the_announcement(house, number: str = NUMBER):
    """A call whose caller has heard half a second of the announcement, and its engine is gone."""
    call = house.place(CallScript(dialled=number, steps=LONG.steps, destination=Destination()))
    house.until(call, "announcing")
    house.clock.run(500)
    house.stop()
    return call


def was_recorded(told) -> None:
    """All of a call like :data:`LONG`, by an engine to which it was handed back."""
    ways = [one["detail"] for one in told.record["steps"] if one["what"] == "taken-up"]
    assert "handed-back" in ways
    assert told.record["announcement"] == "fully"
    assert told.record["recording"]["state"] == "kept"
    assert told.record["recording"]["duration_ms"] == told.record["durations"]["connected_ms"]
    assert told.record["durations"]["connected_ms"] == 12_000


@pytest.mark.parametrize("number", [NUMBER, OWN_KEYS])
def test_the_next_engine_has_a_call_whose_engine_is_gone(house, use, number):
    """FreeSWITCH plays the prompt to its end and offers the call again."""
    use()
    call = lost_in_the_announcement(house, number)
    house.start()
    use()
    told = house.over(call)
    was_recorded(told)
    assert told.record["number"] == number, "not the extension that handed it over"
    assert told.steps.count("arrived") == 1
    assert call.leg.get("ivr_unrecorded") == ""
    assert call.leg.get("ivr_offers") == "x"


def test_the_second_engine_has_a_call_whose_engine_is_gone(house, use):
    gone = house.engine.calls.port
    use()
    call = lost_in_the_announcement(house)
    house.start()
    use(gone, house.engine.calls.port)
    was_recorded(house.over(call))


def test_an_engine_that_is_lost_again_and_again(house, use):
    use()
    call = lost_in_the_announcement(house)
    for _ in range(3):
        house.start()
        use()
        house.until(call, "announcing")
        house.stop()
    house.start()
    use()
    was_recorded(house.over(call))
    assert call.leg.get("ivr_offers") == "xxxx"


def test_the_next_engine_accepts_and_says_nothing(house, use):
    use()
    call = lost_in_the_announcement(house)
    with socket.socket() as deaf:
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        use(deaf.getsockname()[1])
        house.clock.run_until(call.done.ready)
    assert call.leg.get("ivr_unrecorded") == "true"
    assert call.done.get().connected_ms is not None


def test_the_next_engine_closes_at_once(house, use):
    use()
    call = lost_in_the_announcement(house)
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        use(other.getsockname()[1])
        closing = spawned(lambda: other.accept()[0].close())
        house.clock.run_until(call.done.ready)
        closing.get()
    outcome = call.done.get()
    assert call.leg.get("ivr_unrecorded") == "true"
    assert outcome.connected_ms is not None
    assert outcome.connected_ms < 5_000, "not by the dead man"


def ends_at_each_call(listener: socket.socket, taken: list[str]) -> None:
    """An engine that takes a call, and dies of it; the next one is there already."""
    while True:
        connection, _peer = listener.accept()
        with connection, connection.makefile("rwb") as lines:
            lines.write(b"connect\n\n")
            lines.flush()
            told = dict(line.split(b": ", 1) for line in iter(lines.readline, b"\n"))
            call, route = told[b"Unique-ID"].strip().decode(), told[b"variable_ivr_route"].strip()
            taken.append(call)
            again = again_extension(route.decode())
            pairs = f"socket_resume=;continue_on_fail=true;{NEXT_VARIABLE}={again}"
            lines.write(f"api uuid_setvar_multi {call} {pairs}\n\n".encode())
            lines.flush()
            while lines.readline().strip():
                pass


def test_a_call_that_ends_each_engine_is_not_offered_for_ever(house, use):
    taken: list[str] = []
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        dying = spawned(lambda: ends_at_each_call(listener, taken))
        use(listener.getsockname()[1])
        call = house.place(LONG)
        house.clock.run_until(call.done.ready)
        dying.kill()
    assert taken == [call.uuid] * (1 + MOST_OFFERS)
    assert call.done.get().connected_ms is not None
    assert call.leg.get("ivr_unrecorded") == "true"


def transferring_to(number: str) -> Destination:
    """Talks for two seconds, and transfers the caller."""
    return Destination(steps=(WhenConnected(2_000), BlindTransfer(number)))


def test_people_who_transfer_a_call_from_route_to_route(house, use):
    """Each route's extension offers it to the engine, which has it already and sends it on."""
    use()
    there = {"desk": transferring_to(OWN_KEYS), "hall": transferring_to(NUMBER)}
    steps = (WhenConnected(7_000), HangUp())
    told = house.call(CallScript(steps=steps, destinations=there))
    assert [leg["number"] for leg in told.record["legs"]] == ["desk", "hall", "desk", "hall"]
    recording = told.record["recording"]
    assert (recording["state"], len(recording["parts"])) == ("kept", 1)
    assert recording["duration_ms"] == pytest.approx(told.record["durations"]["joined_ms"], abs=100)
    assert told.outcome.cause == "NORMAL_CLEARING"
    assert "recording-stopped" not in told.steps[: told.steps.index("hung-up") - 1]


def test_a_transfer_from_route_to_route_while_there_is_no_engine(house, use):
    """Who talked goes on, recorded, and the next engine has the call."""
    use()
    call = house.place(
        CallScript(
            steps=(WhenConnected(9_000), HangUp()),
            destinations={"desk": transferring_to(OWN_KEYS), "hall": Destination()},
        )
    )
    house.until(call, "connected")
    house.stop()
    house.clock.run(4_000)
    house.start()
    told = house.over(call)
    assert told.record["recording"]["state"] == "kept"
    assert len(told.record["recording"]["parts"]) == 1
    assert told.record["recording"]["duration_ms"] >= 8_500
    assert call.leg.get("ivr_unrecorded") == ""


def test_the_fallback_leaves_what_goes_wrong_to_the_network(house, use):
    """The first engine would have spoken of it; without one, the cause says it."""
    use()
    busy = CallScript(steps=(), destination=Destination.busy())
    call = house.place(busy)
    house.until(call, "announcing")
    house.stop()
    house.clock.run_until(call.done.ready)
    assert call.leg.get("ivr_unrecorded") == "true"
    assert call.done.get().cause == "USER_BUSY"


@pytest.mark.parametrize("extension", [fallback_extension, again_extension])
def test_what_is_for_lost_calls_is_closed_to_callers(house, use, extension):
    use()
    call = house.place(CallScript(dialled=extension("main-line"), destination=Destination()))
    house.clock.run_until(call.done.ready)
    assert call.done.get().connected_ms is None
    assert call.uuid not in house.engine.context.calls
