"""What happens to a call that a route has, in the order in which it happens (R1 to R6, R9, R22)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from ivr.config.document import Source
from ivr.config.mistakes import shown
from ivr.config.routes import Route
from ivr.core.policy import CallPolicy, Destination, Prompt
from ivr.explain.explanation import Step
from ivr.explain.files import Files
from ivr.explain.routing import Taken


def steps_of(
    route: Route, policy: CallPolicy, files: Files, at: datetime, taken: Taken
) -> Iterator[Step]:
    """The steps from the route on; one of them is called ``recording``."""
    teller = _Teller(route, policy, files, at, taken)
    yield from teller.whose()
    if policy.staff_call:
        yield from teller.told_to_customer()
    else:
        yield from teller.told_to_caller()
    yield teller.recording()
    if policy.closed is None:
        yield from teller.pauses()
        yield from teller.destinations()
    yield from teller.what_if()


class _Teller:
    def __init__(
        self, route: Route, policy: CallPolicy, files: Files, at: datetime, taken: Taken
    ) -> None:
        self._route = route
        self._policy = policy
        self._files = files
        self._at = at
        self._taken = taken

    def _place(self, *keys: str) -> Source | None:
        return next((p for key in keys if (p := self._route.places.get(key))), None)

    def _prompt(self, what: str, prompt: Prompt, when: str) -> Step:
        file = prompt.file_for(8000)
        return Step(
            what,
            f"{when}: prompt {prompt.name} version {prompt.version} in {prompt.language},"
            f" {shown(Path(file.path))}, {_seconds(file.length_ms)}",
            self._files.prompt(prompt.language, prompt.name),
        )

    def whose(self) -> Iterator[Step]:
        """Route, team, hours."""
        route, policy = self._route, self._policy
        calling = f", for calls from {', '.join(route.calling)}" if route.calling else ""
        yield Step("route", f"{policy.direction} route {route.name}{calling}", self._place("route"))
        yield Step(
            "team",
            f"team {policy.team}, policy {policy.policy_version}",
            self._place("team"),
        )
        if route.hours is None:
            always = "the team has no hours"
            if policy.staff_call:
                always = "hours are for callers, not for calls that staff make"
            yield Step("hours", f"always open: {always}")
            return
        is_open, why = route.open_at(self._at)
        place = self._files.hours(policy.team, route.hours, self._at)
        yield Step("hours", f"{'open' if is_open else 'closed'}: {why}", place)
        if not is_open and policy.closed is None:
            yield Step(
                "out of hours",
                f"the call goes to {policy.destination} instead",
                self._place("out_of_hours"),
            )

    def told_to_caller(self) -> Iterator[Step]:
        """Language, announcement, opting out."""
        policy = self._policy
        if policy.menu is not None:
            keys = ", ".join(f"{key} is {said.language}" for key, said in policy.menu.keys.items())
            place = self._place("languages")
            yield self._prompt("languages", policy.menu.prompt, "first is heard")
            yield Step(
                "languages",
                f"{keys}; without a key within {_seconds(policy.menu.wait_ms)} after it,"
                f" {policy.language}",
                place,
            )
        else:
            yield Step("language", policy.language, self._place("language"))
        if policy.closed is not None:
            yield self._prompt("closed", policy.closed, "is heard, and the call ends")
            return
        own = "the announcement is heard before anybody is called"
        yield self._prompt("announcement", policy.announcement, own)
        yield from self._opting_out("the caller")

    def told_to_customer(self) -> Iterator[Step]:
        """In a call that staff make."""
        policy = self._policy
        yield Step("language", policy.language, self._place("language"))
        if not policy.announced:
            yield Step(
                "announcement",
                "none: who is called hears no announcement",
                self._place("announce", "route"),
            )
            yield Step(
                "opt-out",
                "only in mid-call"
                if policy.opt_out_connected != "no"
                else "none before they talk, for nothing is announced",
                self._place("opt_out.connected", "announce", "route"),
            )
            return
        own = "who is called hears the announcement before the two are connected"
        yield self._prompt("announcement", policy.announcement, own)
        yield from self._opting_out("who is called")

    def _opting_out(self, who: str) -> Iterator[Step]:
        policy = self._policy
        where = "in the announcement" + (" and while waiting in a queue" if _waits(policy) else "")
        yield Step(
            "opt-out",
            f"{who} may key {policy.opt_out_keys} {where} (at most"
            f" {_seconds(policy.inter_digit_ms)} between keys), and is reminded:"
            f" {policy.return_key} returns; no key for {_seconds(policy.confirm_ms)} ends the"
            f" call; wrong keys repeat the reminder {policy.reminders} times at most",
            self._place("opt_out.keys"),
        )
        midcall = {
            "no": f"once connected {policy.opt_out_keys} means nothing",
            "keep": f"once connected {policy.opt_out_keys} parts the two, for the same choice; what"
            " was recorded before is kept",
            "destroy": f"once connected {policy.opt_out_keys} parts the two, for the same choice;"
            " what was recorded before is destroyed, where the call ends by that",
        }
        yield Step(
            "in mid-call", midcall[policy.opt_out_connected], self._place("opt_out.connected")
        )

    def recording(self) -> Step:
        """Whether, and why."""
        policy = self._policy
        if policy.closed is not None:
            return Step(
                "recording",
                "no: the team is closed, and nobody is connected",
                self._place("out_of_hours", "hours"),
            )
        ends = ""
        if policy.exempt:
            ends = "; it ends for good where the exempt extension comes in"
        if policy.staff_call:
            after = "is answered" if not policy.announced else "has heard the announcement"
            why = (
                f"yes: from the moment on at which who is called {after} and the two are connected,"
                f" on the leg of who is called{ends}"
            )
            return Step("recording", why, self._place("direction", "route"))
        silent = ""
        if policy.payment_line:
            silent = ", but silent for as long as it is with the payment line"
        why = (
            "yes: from the moment on at which caller and agent are connected, on the caller's leg,"
            f" the caller on the left and the agent on the right{silent}{ends}"
        )
        return Step("recording", why, self._place("route"))

    def pauses(self) -> Iterator[Step]:
        """What pauses the recording."""
        pausing = self._policy.pausing
        codes = pausing.codes
        named = [
            f"{code or 'no code'} {what}"
            for code, what in (
                (codes.pause, "pauses"),
                (codes.resume, "goes on"),
                (codes.abuse, "marks the call as abusive"),
            )
        ]
        yield Step("pause", f"the agent keys: {', '.join(named)}", self._place("pause.codes"))
        digits = pausing.card_digits
        if digits:
            yield Step(
                "pause",
                f"{digits} digits in a row that the caller keys pause by themselves",
                self._place("pause.card_digits"),
            )
        hold = {
            "mask": "on hold the recording is paused",
            "record": "on hold what the caller says is recorded",
        }
        yield Step("pause", hold[pausing.on_hold], self._place("pause.on_hold"))
        if self._policy.payment_line:
            name = self._policy.destination
            yield Step(
                "pause",
                f"{name} is a payment line: paused from before it rings",
                self._place(f"destination:{name}"),
            )

    def destinations(self) -> Iterator[Step]:
        """Where it is connected to, and what comes when nobody is reached."""
        for n, one in enumerate(self._policy.destinations):
            place = self._place(f"destination:{one.name}")
            if n and one.prompt is not None:
                yield self._prompt("overflow", one.prompt, "where that was not reached, is heard")
            if one.queue is not None:
                longest = _seconds(one.queue.longest_ms)
                text = f"{one.name}: the caller waits in a queue, for {longest} at most"
            else:
                text = f"{one.name}: {_rings(one)}"
                if one.name in self._route.rounds:
                    text += "; each call begins with the next member"
            yield Step("overflow" if n else "destination", text, place)
            yield from self._queue(one, place)
        policy = self._policy
        if not policy.staff_call:
            names = f"{policy.busy.name}, {policy.no_answer.name} or {policy.unavailable.name}"
            yield Step(
                "not reached",
                f"the caller hears {names}, and the call ends",
                self._place("prompts.busy"),
            )
        yield Step(
            "longest",
            f"it ends after {_seconds(policy.longest_call_ms)}",
            self._place("longest_call"),
        )

    def _queue(self, one: Destination, place: Source | None) -> Iterator[Step]:
        if one.queue is None:
            return
        said = self._files.destinations.at(one.name, "queue")
        if not isinstance(said, dict):
            return
        members = ", ".join(map(str, said.get("members", ())))
        yield Step(
            "queue",
            f"for {members} ({said.get('strategy', 'at-once')})",
            self._files.destinations.source((one.name, "queue", "members")) or place,
        )
        if name := said.get("announcement"):
            every = said.get("every", "30s")
            yield Step(
                "queue",
                f"prompt {name} is heard every {every} meanwhile",
                self._files.destinations.source((one.name, "queue", "announcement")),
            )
        if said.get("position"):
            yield Step(
                "queue",
                "and the caller's place in it in between",
                self._files.destinations.source((one.name, "queue", "position")),
            )

    def what_if(self) -> Iterator[Step]:
        """What happens without an engine, and without room to record."""
        text = ""
        for one in self._taken.without_engine:
            if one.app == "bridge":
                text = f"FreeSWITCH connects it to {one.arg}, unrecorded and unannounced"
            elif one.app == "callcenter":
                text = f"FreeSWITCH puts it into queue {one.arg}, unrecorded and unannounced"
            elif one.app == "playback":
                text = f"FreeSWITCH plays {shown(Path(one.arg))}, and the call ends"
        if text and not self._route.open_at(self._at)[0]:
            text += "; also now that the team is closed: FreeSWITCH knows no hours"
        yield Step("no engine", text, self._place("without_engine"))
        if self._policy.closed is not None:
            return
        refuse = self._policy.without_recording == "refuse"
        text = "the call ends, told why" if refuse else "it is connected all the same, unrecorded"
        yield Step(
            "no room", f"where it cannot be recorded: {text}", self._place("without_recording")
        )


def _waits(policy: CallPolicy) -> bool:
    return any(one.queue is not None for one in policy.destinations)


def _rings(one: Destination) -> str:
    turns = [" and ".join(legs.split(",")) for legs in one.dial_string.split("|")]
    together = " ring together" if "," in one.dial_string else " rings"
    ring = _seconds(one.ring_ms)
    if len(turns) == 1:
        return f"{turns[0]}{together} for {ring}"
    return f"{', then '.join(turns)}, each for {ring}"


def _seconds(ms: int) -> str:
    """A length of time for people."""
    if ms >= 3_600_000 and ms % 3_600_000 == 0:
        return f"{ms // 3_600_000} h"
    if ms >= 60_000 and ms % 60_000 == 0:
        return f"{ms // 60_000} min"
    return f"{ms / 1000:g} s"
