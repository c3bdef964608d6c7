"""Engine and lab switch, and callers who pay: what :mod:`tests.leaks.stories` need (R6, R7)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from gevent import socket

from ivr.api.tokens import USE, Scope
from ivr.core.state import CallState
from ivr.lab import CallScript, Destination, LabCall
from ivr.lab.script import HangUp, Keys, Wait, WhenConnected
from ivr.lab.session import Action
from ivr.tokens.file import TokenFile
from tests.engine import town
from tests.engine.house import House, spawned
from tests.leaks import stories
from tests.leaks.cards import keyed
from tests.leaks.search import Found, KeyTone, digits_in, keys_told, tones_in
from tests.leaks.stories import Story

STAFF_CALL = "907700900123"

LONGEST_MS = 300_000
"""What a story may last, of the lab's time."""


def by_phone(card: str) -> list[Story]:
    """Callers who dial the payment line themselves."""
    keys = keyed(card)
    steps = (WhenConnected(300), Keys(keys, gap_ms=60, press_ms=80), Wait(500), HangUp())
    there = {"pay": Destination(steps=(WhenConnected(),), hz=620)}
    script = CallScript(dialled=town.PAY_BY_PHONE, steps=steps, destinations=there)
    return [Story("pays by phone", script, keys)]


@dataclass
class Told:
    """A story that is over."""

    story: Story
    card: str
    call: LabCall

    @property
    def heard(self) -> str:
        """The keys that reached the payment line."""
        return self.call.at("pay").heard_keys


class Payments(House):
    """A house whose callers pay."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        (folder / "dialplan/destinations.yaml").write_text(town.DESTINATIONS)
        (folder / "dialplan/routes.yaml").write_text(town.ROUTES)
        (folder / "dialplan/teams/council-tax.yaml").unlink()
        self.extensions = {
            stories.COLLEAGUE: (Action("bridge", "sofia/lab/colleague"),),
            stories.PAYMENT: (Action("bridge", "sofia/lab/pay"),),
        }
        self.said: dict[str, str] = {}
        """Every HTTP answer of the engine."""
        self.states: dict[str, None] = {}
        """All that the engine remembered of calls, at any time, in that order: so what counts is
        seen to count, and not taken for digits."""
        self._seen: dict[str, CallState] = {}
        self._token = ""

    def begin(self) -> None:
        """Start the engine, and let the payment page in."""
        self.start()
        tokens = self.engine.context.configuration.site.tokens
        self._token = TokenFile(tokens, USE).add("page", list(Scope))

    def tell(self, told: Sequence[tuple[Story, str]]) -> list[Told]:
        """Live through stories side by side, each with the card that is keyed in it."""
        calls = [Told(story, card, self.place(story.script)) for story, card in told]
        end_ms = self.clock.monotonic_ms() + LONGEST_MS
        waiting = {id(one): one for one in calls if one.story.ready is not None}
        while not all(one.call.done.ready() for one in calls):
            assert self.clock.monotonic_ms() < end_ms, "a story comes to no end"
            self.clock.run(20)
            for name, driver in self.engine.context.calls.items():
                if self._seen.get(name) is not driver.state:  # it is another one when it changes
                    self._seen[name] = driver.state
                    self.states[repr(driver.state)] = None
            for key, one in list(waiting.items()):
                if one.story.ready is not None and one.story.ready.come:
                    del waiting[key]
                    self._help(one)
        self.clock.run_until(
            lambda: all((self.spool / f"new/{one.call.uuid}.json").exists() for one in calls)
        )
        self.clock.run_until(lambda: not self.switch.legs())
        self.look()
        return calls

    def look(self) -> None:
        """Read all that the engine shows over HTTP."""
        for path in ("/metrics", "/healthz", "/v1/calls"):
            self.said[f"{path} {len(self.said)}"] = self.ask("GET", path)[1]

    def ask(self, method: str, path: str) -> tuple[int, str]:
        """Ask as a payment page does, while time passes."""

        def asked() -> bytes:
            request = f"{method} {path} HTTP/1.0\r\nAuthorization: Bearer {self._token}\r\n\r\n"
            with socket.create_connection(("127.0.0.1", self.engine.http.port)) as connection:
                connection.sendall(request.encode())
                answer = b""
                while data := connection.recv(65_536):
                    answer += data
            return answer

        asking = spawned(asked)
        self.clock.run_until(asking.ready)
        head, _, body = asking.get().partition(b"\r\n\r\n")
        return int(head.split()[1]), body.decode()

    def _help(self, one: Told) -> None:
        for what, moment in one.story.asks.items():
            if what == "restart":
                self.stop()
                self.start()
            else:
                status, body = self.ask("POST", f"/v1/calls/{one.call.uuid}/recording/{what}")
                assert status == 200, body
                self.said[f"{what} of {one.call.uuid}"] = body
            moment.now()
            if what == "pause":
                self.clock.run(6_000)

    # What is left of it all: files of the engine and of the switch, what passed between them,
    # HTTP answers, what the engine remembered.

    def record(self, one: Told) -> dict[str, Any]:
        """The call's record."""
        record: dict[str, Any] = json.loads((self.spool / f"new/{one.call.uuid}.json").read_text())
        return record

    def digits_left(self, cards: Sequence[str]) -> list[Found]:
        """Where anything of these cards is found."""
        return [
            *digits_in(self.spool, *cards),
            *digits_in(self.freeswitch, *cards),
            *digits_in(self.switch.traffic, *cards),
            *digits_in(self.said, *cards),
            *digits_in("\n".join(self.states), *cards),
        ]

    def keys_left(self, calls: Sequence[Told]) -> Iterator[str]:
        """Calls in whose events or log lines a key is told of that was keyed in a pause."""
        told = keys_told(self.switch.traffic), keys_told(self.freeswitch)
        for one in calls:
            for source in told:
                keys = source.get(one.call.uuid, "")
                # Staff's own telephone is the A leg, and a feature code is no secret.
                codes = "*789" if one.story.staff else ""
                if not set(keys) <= {*one.story.told, *codes}:
                    yield f"{one.story.name}: {keys!r} of {one.call.uuid}"

    def tones_left(self, one: Told) -> list[KeyTone]:
        """The keys that are heard in what is kept of the call."""
        return self.tones_in(one.call)

    def tones_in(self, call: LabCall) -> list[KeyTone]:
        """The same of any call."""
        paths = sorted((self.spool / "new").glob(f"{call.uuid}*.wav"))
        return [tone for path in paths for tone in _heard_in(path.read_bytes())]


@lru_cache(maxsize=100)
def _heard_in(wav: bytes) -> list[KeyTone]:
    """Calls that are alike in all but their keys leave the same recording."""
    return tones_in(wav)
