from __future__ import annotations

import threading

import gevent
import pytest
from gevent import socket
from gevent.server import StreamServer

from ivr.lab.clock import START_WALL_MS, ClockError, TurnedClock


def test_timers_fire_in_order_at_their_time(clock):
    fired = []
    start = clock.monotonic_ms()
    for ms in (30, 10, 20, 10):
        clock.after(ms, lambda ms=ms: fired.append((ms, clock.monotonic_ms() - start)))
    clock.run(25)
    assert fired == [(10, 10), (10, 10), (20, 20)]
    assert clock.monotonic_ms() - start == 25
    assert clock.wall_ms() == START_WALL_MS + 25
    clock.run(5)
    assert fired[-1] == (30, 30)


def test_a_timer_made_by_a_timer_fires_in_the_same_run(clock):
    fired = []
    clock.after(10, lambda: clock.after(10, lambda: fired.append(clock.monotonic_ms())))
    start = clock.monotonic_ms()
    clock.run(20)
    assert fired == [start + 20]


def test_a_cancelled_timer_does_not_fire_and_may_be_cancelled_again(clock):
    fired = []
    timer = clock.after(10, lambda: fired.append(1))
    timer.cancel()
    timer.cancel()
    clock.run(20)
    assert not fired


def test_run_until_stops_at_the_moment_it_is_reached(clock):
    fired = []
    clock.after(1234, lambda: fired.append(1))
    start = clock.monotonic_ms()
    clock.run_until(lambda: bool(fired))
    assert clock.monotonic_ms() - start == 1234


def test_run_until_says_that_it_was_not_reached(clock):
    with pytest.raises(ClockError, match="turned by 50 ms"):
        clock.run_until(lambda: False, limit_ms=50)


def test_greenlets_and_sockets_are_done_before_time_moves(clock):
    """A byte goes to and fro over loopback a hundred times within one millisecond."""
    seen = []

    def echo(connection, _address):
        while data := connection.recv(100):
            connection.sendall(data)

    server = StreamServer(("127.0.0.1", 0), echo)
    server.start()

    def talk():
        connection = socket.create_connection(("127.0.0.1", server.server_port))
        for _ in range(100):
            connection.sendall(b"x")
            connection.recv(1)
            seen.append(clock.monotonic_ms())
        connection.close()

    start = clock.monotonic_ms()
    gevent.spawn(talk)
    clock.run(1000)
    server.stop()
    assert len(seen) == 100
    assert set(seen) == {start}


def test_time_stands_still_while_a_probe_says_busy(clock):
    """The job in the thread pool ends when the test lets it, long after time was turned."""
    done = []
    free = threading.Event()

    def job():
        free.wait()
        return clock.monotonic_ms()

    pool = gevent.get_hub().threadpool
    under_way = pool.spawn(job)
    clock.busy_probes.append(lambda: not under_way.ready())
    clock.after(100, lambda: done.append(under_way.ready()))
    gevent.spawn_later(0.01, free.set)
    start = clock.monotonic_ms()
    clock.run(200)
    assert done == [True]
    assert under_way.get() == start


def test_the_date_can_jump_without_durations_noticing():
    clock = TurnedClock(wall_ms=1_000_000_000_000)
    before = clock.monotonic_ms()
    clock.step_wall(-3_600_000)
    assert clock.wall_ms() == 1_000_000_000_000 - 3_600_000
    assert clock.monotonic_ms() == before
