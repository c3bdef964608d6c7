"""The load driver: a process that plays FreeSWITCH towards an outbound event socket client.

    python -m tests.bench.switch --port 8084 --rate 60 --calls 600

places one load and prints what came of it as JSON. The orchestrator starts it with
``--loads``: then each line of standard input is a load (JSON), and each line of standard
output is a progress or an outcome.
"""

from __future__ import annotations

import dataclasses
import gc
import heapq
import json
import os
import random
import resource
import select
import socket
import sys
import time
from collections import Counter
from collections.abc import Callable
from functools import partial

import click

from .call import Call
from .keys import Keys
from .load import Load, Outcome, Progress, Spread
from .peer import Inbound, Peer
from .recordings import Recordings
from .sound import stereo_wav
from .templates import AT, Event, Values, connect_reply, load_events

READ = select.EPOLLIN | select.EPOLLRDHUP
PROGRESS_S = 0.25
HEARTBEAT_S = 20.0
ESTABLISHED = b"\x01"
OK = "+OK\n"


class Switch:
    """The event loop, the calls, and what was measured."""

    client: type[Inbound] = Inbound
    """What a client of the inbound event socket becomes."""

    def __init__(self) -> None:
        self.core = "3917e671-1c77-4b8d-b81b-796aa12c900f"
        self.load = Load(0, 1.0, 0)
        self.calls: dict[str, Call] = {}
        self.agents: set[str] = set()
        """Legs of agents who are in a call."""
        self.inbound: set[Inbound] = set()
        self.connect_reply = connect_reply()
        self.bytes_sent = 0
        self._events: dict[str, Event] = load_events()
        self._epoll = select.epoll()
        self._peers: dict[int, Peer] = {}
        self._timers: list[tuple[float, int, Callable[[], None]]] = []
        self._order = 0
        self._sequence = 1000
        self._placed = 0
        self._uuid_head = os.urandom(4).hex()
        self._uuids = 0
        self._second = 0
        self._local = (b"", b"")
        self._gmt = (b"", b"")
        self.recordings = Recordings(self.after)
        self._inbound_socket: socket.socket | None = None
        self._forget_figures()
        self.keys = Keys(self, self._events["CHANNEL_APPLICATION"])

    def _forget_figures(self) -> None:
        self.connecting: list[float] = []
        self.first_byte: list[float] = []
        self.next_command: list[float] = []
        self._lateness: list[float] = []
        self._reasons: Counter[str] = Counter()
        self._started = self._completed = self._masked = 0
        self._waiting = self._peak = self._events_sent = 0
        self.bytes_sent = 0

    # The loop

    def watch(self, peer: Peer) -> None:
        """Have the peer told what happens on its socket."""
        number = peer.sock.fileno()
        self._peers[number] = peer
        self._epoll.register(number, READ)

    def want_write(self, peer: Peer, wanted: bool) -> None:
        """Have it told when it can write."""
        self._epoll.modify(peer.sock.fileno(), READ | (select.EPOLLOUT if wanted else 0))

    def forget(self, peer: Peer) -> None:
        """The peer is about to close its socket."""
        self._epoll.unregister(peer.sock.fileno())
        self._peers.pop(peer.sock.fileno(), None)

    def after(self, seconds: float, call: Callable[[], None]) -> None:
        """Call later."""
        self._at(time.monotonic() + seconds, call)

    def _at(self, due: float, call: Callable[[], None]) -> None:
        self._order += 1
        heapq.heappush(self._timers, (due, self._order, call))

    def _turn(self, longest: float) -> None:
        now = time.monotonic()
        wait = max(0.0, min(longest, self._timers[0][0] - now)) if self._timers else longest
        for number, mask in self._epoll.poll(wait, 256):
            peer = self._peers.get(number)
            if peer is not None:
                peer.on_events(mask)
            elif self._inbound_socket and number == self._inbound_socket.fileno():
                self._accept()
        now = time.monotonic()
        while self._timers and self._timers[0][0] <= now:
            due, _, call = heapq.heappop(self._timers)
            self._lateness.append((time.monotonic() - due) * 1000)
            call()

    # Loads

    def run(self, load: Load, tell: Callable[[Progress], None]) -> Outcome:
        """Place the load's calls, and wait until the last one is over."""
        self.load = load
        self._forget_figures()
        self.keys = Keys(self, self._events["CHANNEL_APPLICATION"])
        self._wanted = load.calls
        self.recordings.audio = stereo_wav(load.audio_ms)
        self._random = random.Random(load.seed)
        began, busy = time.monotonic(), time.process_time()
        self._last_start = began
        gc.collect()
        gc.disable()
        if load.calls:
            self._expect(began + self._gap())
        told = began
        while self._started < self._wanted or self.calls or self._waiting:
            self._turn(0.05)
            now = time.monotonic()
            if now - told >= PROGRESS_S:
                told = now
                tell(self._progress(now - began))
            if self._started == self._wanted and now > self._last_start + self._too_long():
                for call in list(self.calls.values()):
                    call.lost("stuck: nothing more came of it")
        ended = time.monotonic()
        gc.enable()
        tell(self._progress(ended - began))
        span = max(0.001, self._last_start - began)
        return Outcome(
            started=self._started,
            completed=self._completed,
            failed=sum(self._reasons.values()),
            reasons=dict(self._reasons),
            masked=self._masked,
            seconds=round(ended - began, 3),
            rate=round(self._started / span, 1),
            peak_open=self._peak,
            bytes_sent=self.bytes_sent,
            events_sent=self._events_sent,
            connecting=Spread.of(self.connecting),
            first_byte=Spread.of(self.first_byte),
            next_command=Spread.of(self.next_command),
            masked_after=Spread.of(self.keys.masked),
            mask_reacted=Spread.of(self.keys.reacted),
            unmasked_after=Spread.of(self.keys.unmasked),
            lateness=Spread.of(self._lateness),
            driver_busy=round((time.process_time() - busy) / (ended - began), 3),
        )

    def _too_long(self) -> float:
        load = self.load
        return (load.prompt_ms + load.ring_ms + load.talk_ms) / 1000 + load.patience_s

    def _progress(self, seconds: float) -> Progress:
        failed = sum(self._reasons.values())
        return Progress(round(seconds, 2), self._started, len(self.calls), self._completed, failed)

    def _gap(self) -> float:
        rate = self.load.stay_rate if self._started < self.load.stay else self.load.rate
        if self.load.arrivals == "even":
            return 1 / rate
        return self._random.expovariate(rate)

    def _expect(self, due: float) -> None:
        self._at(due, lambda: self._due(due))

    def _due(self, due: float) -> None:
        """A caller comes; the next one's moment does not depend on how late this one is."""
        if self._started + self._waiting >= self._wanted:
            return
        if len(self.calls) >= self.load.at_once:
            self._waiting += 1
        else:
            self._place()
        if self._started + self._waiting < self._wanted:
            self._expect(due + self._gap())

    def _place(self) -> None:
        self._started += 1
        self._placed += 1
        self._last_start = time.monotonic()
        sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        stays = self._started <= self.load.stay
        call = Call(self, sock, self._placed, time.time_ns(), stays)
        self._peak = max(self._peak, len(self.calls))
        before = time.time_ns()
        error = sock.connect_ex(("127.0.0.1", self.load.port))
        if error not in {0, 115}:
            call.lost(f"connect failed: {os.strerror(error)}")
        elif sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1) == ESTABLISHED:
            # Over loopback the handshake is done inside connect().
            call.established(before)
        else:
            self.want_write(call, True)

    def enough(self) -> None:
        """No more callers come."""
        self._wanted = self._started + self._waiting

    def fault(self, why: str) -> None:
        """Something failed that is no call's account."""
        self._reasons[why] += 1

    def over(self, call: Call, why: str, masked: bool) -> None:
        """A call's account is closed; an empty reason means that all went as it should."""
        del self.calls[call.uuid]
        for path in call.recorded_to:
            self.recordings.end(path)
        self.agents.discard(call.other)
        if call.stays:
            self.keys.gone(call)
        if why:
            self._reasons[why] += 1
        else:
            self._completed += 1
        self._masked += masked
        if self._waiting:
            self._waiting -= 1
            self._place()

    # What FreeSWITCH knows

    def new_uuid(self) -> str:
        """Unique in this process and, in all likelihood, everywhere."""
        self._uuids += 1
        return f"{self._uuid_head}-{self._uuids >> 16 & 0xFFFF:04x}-4b8d-b81b-{self._uuids:012x}"

    def stamp(self, plain: Values, as_json: Values) -> None:
        """Date and sequence of an event."""
        now = time.time()
        if int(now) != self._second:
            self._second = int(now)
            local = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(now))
            gmt = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(now))
            self._local = (local.replace(" ", "%20").replace(":", "%3A").encode(), local.encode())
            self._gmt = (gmt.replace(" ", "%20").replace(":", "%3A").encode(), gmt.encode())
        self._sequence += 1
        sequence, moment = b"%d" % self._sequence, b"%d" % int(now * 1_000_000)
        for which, values in enumerate((plain, as_json)):
            values[AT["local"]] = self._local[which]
            values[AT["gmt"]] = self._gmt[which]
            values[AT["stamp"]] = moment
            values[AT["seq"]] = sequence

    def emit(self, call: Call, template: str) -> None:
        """Send a call's event to the call's client and to inbound clients that want it."""
        event = self._events[template]
        wanted = call.wants(event.name, call.uuid) and not call.closed
        if not wanted and not self.inbound:
            return
        self.stamp(call.plain_values, call.json_values)
        listeners: list[Peer] = [p for p in self.inbound if p.wants(event.name, call.uuid)]
        if wanted:
            listeners.append(call)
        for peer in listeners:
            values = call.json_values if peer.as_json else call.plain_values
            self._events_sent += 1
            peer.send(event.frame(values, peer.as_json))

    def tell(self, call: Call, event: Event, leg: str, sent: Callable[[], None]) -> None:
        """Send an event of a call's other leg to inbound clients that want it, when their
        connections are looked after; say so each time."""
        self.stamp(call.plain_values, call.json_values)
        for peer in self.inbound:
            if peer.wants(event.name, leg):
                values = call.json_values if peer.as_json else call.plain_values
                peer.tell(partial(self._send, peer, event.frame(values, peer.as_json), sent))

    def _send(self, peer: Inbound, frame: bytes, sent: Callable[[], None]) -> None:
        sent()
        self._events_sent += 1
        peer.send(frame)

    def api(self, line: str) -> str:
        """The answer of ``api`` and ``bgapi``."""
        verb, *words = line.split(" ")
        if verb == "show":
            return '{"row_count":0}\n'
        if verb == "sched_del":
            return "+OK Deleted: 1\n"
        if verb == "create_uuid":
            return self.new_uuid()
        if not verb.startswith("uuid_") or not words:
            return OK
        call = self.calls.get(words[0])
        if verb == "uuid_exists":
            return "true" if call or words[0] in self.agents else "false"
        if call is None and words[0] in self.agents:
            return OK
        if call is None:
            return (
                "-ERR Cannot locate session!\n"
                if verb == "uuid_record"
                else ("-ERR No such channel!\n")
            )
        if verb == "uuid_record" and len(words) >= 3:
            return call.record(words[1], words[2])
        if verb == "uuid_break":
            self.after(0.001, call.stop_playing)
        elif verb == "uuid_setvar" and len(words) >= 2:
            call.let(words[1], " ".join(words[2:]))
        elif verb == "uuid_setvar_multi":
            for pair in " ".join(words[1:]).split(";"):
                name, _, value = pair.partition("=")
                call.let(name, value)
        elif verb == "uuid_getvar":
            return call.get(words[1])
        elif verb == "uuid_kill":
            self.after(0.001, call.hang_up)
        return OK

    # The inbound socket

    def listen(self, port: int) -> None:
        """Offer an inbound event socket, so that an engine finds its FreeSWITCH."""
        self._inbound_socket = socket.create_server(("127.0.0.1", port), backlog=64)
        self._inbound_socket.setblocking(False)
        self._epoll.register(self._inbound_socket.fileno(), READ)
        self.after(HEARTBEAT_S, self._heartbeat)

    def _accept(self) -> None:
        if self._inbound_socket is not None:
            sock, _ = self._inbound_socket.accept()
            sock.setblocking(False)
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # as FreeSWITCH does
            self.inbound.add(self.client(self, sock))

    def _plain_or_json(self, headers: dict[str, str], body: str, as_json: bool) -> bytes:
        if as_json:
            if body:
                headers |= {"Content-Length": str(len(body)), "_body": body}
            text = json.dumps(headers, separators=(",", ":")).encode()
            return b"Content-Length: %d\nContent-Type: text/event-json\n\n%b" % (len(text), text)
        lines = "".join(f"{k}: {v.replace('%', '%25')}\n" for k, v in headers.items())
        text = (lines + (f"Content-Length: {len(body)}\n\n{body}" if body else "\n")).encode()
        return b"Content-Length: %d\nContent-Type: text/event-plain\n\n%b" % (len(text), text)

    def background_job(self, job: str, line: str, answer: str, as_json: bool) -> bytes:
        """The event that follows ``bgapi``."""
        verb, _, rest = line.partition(" ")
        headers = {
            "Event-Name": "BACKGROUND_JOB",
            "Core-UUID": self.core,
            "Event-Date-Timestamp": str(time.time_ns() // 1000),
            "Job-UUID": job,
            "Job-Command": verb,
            "Job-Command-Arg": rest,
        }
        return self._plain_or_json(headers, answer, as_json)

    def _heartbeat(self) -> None:
        self.after(HEARTBEAT_S, self._heartbeat)
        headers = {
            "Event-Name": "HEARTBEAT",
            "Core-UUID": self.core,
            "Event-Date-Timestamp": str(time.time_ns() // 1000),
            "Event-Info": "System Ready",
            "Session-Count": str(len(self.calls)),
        }
        for peer in self.inbound:
            if peer.wants("HEARTBEAT", ""):
                peer.send(self._plain_or_json(dict(headers), "", peer.as_json))

    def idle(self, other: int) -> None:
        """Serve inbound clients until the other file descriptor can be read."""
        self._epoll.register(other, select.EPOLLIN)
        waiting = True
        while waiting:
            ready, _, _ = select.select([other], [], [], 0)
            waiting = not ready
            if waiting:
                self._turn(0.5)
        self._epoll.unregister(other)


def _say(what: Progress | Outcome) -> None:
    word = "progress" if isinstance(what, Progress) else "outcome"
    print(json.dumps({word: dataclasses.asdict(what)}), flush=True)


def _serve(switch: Switch) -> None:
    number = sys.stdin.fileno()
    while True:
        switch.idle(number)
        line = sys.stdin.readline()
        if not line:
            return
        _say(switch.run(Load(**json.loads(line)), _say))


@click.command(help=__doc__)
@click.option("--port", type=int, default=8084, show_default=True, help="Where the client listens.")
@click.option("--rate", type=float, default=20.0, show_default=True, help="New calls a second.")
@click.option("--calls", type=int, default=100, show_default=True, help="How many in all.")
@click.option("--at-once", type=int, default=10_000, show_default=True, help="Open, at most.")
@click.option("--prompt-ms", type=int, default=2000, show_default=True, help="Length of a prompt.")
@click.option("--talk-ms", type=int, default=2000, show_default=True, help="Length of the talk.")
@click.option("--arrivals", type=click.Choice(["poisson", "even"]), default="poisson")
@click.option("--inbound-port", type=int, help="Offer an inbound event socket here.")
@click.option("--loads", is_flag=True, help="Take loads as lines of JSON from standard input.")
def main(
    port: int,
    rate: float,
    calls: int,
    at_once: int,
    prompt_ms: int,
    talk_ms: int,
    arrivals: str,
    inbound_port: int | None,
    loads: bool,
) -> None:
    """Place calls."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    switch = Switch()
    if inbound_port is not None:
        switch.listen(inbound_port)
    if loads:
        _serve(switch)
        return
    load = Load(
        port=port,
        rate=rate,
        calls=calls,
        at_once=at_once,
        prompt_ms=prompt_ms,
        talk_ms=talk_ms,
        arrivals=arrivals,
    )
    print(json.dumps(dataclasses.asdict(switch.run(load, lambda _: None)), indent=2))


if __name__ == "__main__":
    main()
