"""What tests of the call's machine share: a policy, its prompts, and a script's notation."""

from __future__ import annotations

from dataclasses import replace

from ivr.core import commands as do
from ivr.core import events
from ivr.core.call import advance
from ivr.core.commands import Command
from ivr.core.entries import Entry
from ivr.core.events import Event
from ivr.core.policy import (
    CallPolicy,
    Destination,
    Menu,
    Pausing,
    Prompt,
    PromptFile,
    Queue,
    Spoken,
)
from ivr.core.state import CallState


def prompt(name: str, length_ms: int = 4000) -> Prompt:
    file = PromptFile(path=f"/p/{name}.wav", rate=8000, length_ms=length_ms, sha256="0" * 64)
    return Prompt(name=name, version="1", language="en-GB", files={8000: file})


POLICY = CallPolicy(
    team="customer-services",
    route="main",
    language="en-GB",
    policy_version="2026-11",
    config_version="abc",
    announcement=prompt("announcement", 9000),
    reminder=prompt("reminder", 6000),
    goodbye=prompt("goodbye"),
    busy=prompt("busy"),
    no_answer=prompt("no-answer"),
    unavailable=prompt("unavailable"),
    opt_out_keys="*#*",
    return_key="1",
    inter_digit_ms=2000,
    confirm_ms=8000,
    reminders=2,
    destination="desk",
    dial_string="user/100",
    ring_ms=25000,
    longest_call_ms=3_600_000,
    without_recording="connect",
)
REFUSING = replace(POLICY, without_recording="refuse")
PAUSING = Pausing(card_digits=8, lines=frozenset({"1500"}))
TO_LINE = replace(POLICY, payment_line=True, pausing=PAUSING)
OUTBOUND = replace(POLICY, direction="outbound", pausing=PAUSING)
EXEMPT = replace(POLICY, exempt=frozenset({"1999"}))
OPTING = replace(POLICY, opt_out_connected="destroy")
ANNOUNCED = replace(
    OUTBOUND, announced=True, exempt=frozenset({"1999"}), opt_out_connected="destroy"
)
WELSH = Spoken(
    language="cy-GB",
    announcement=prompt("announcement", 9000),
    reminder=prompt("reminder", 6000),
    goodbye=prompt("goodbye"),
    busy=prompt("busy"),
    no_answer=prompt("no-answer"),
    unavailable=prompt("unavailable"),
    overflow=(prompt("overflow"),),
)
QUEUE = replace(
    POLICY,
    queue=Queue("desk", 600_000),
    dial_string="",
    overflow=(Destination("tax", "user/200", 20_000, prompt=prompt("overflow")),),
    menu=Menu(prompt("languages"), {"2": WELSH}, 5000),
)

PATH = "/spool/recording/a.wav"
ARRIVED = events.Arrived(
    0, "07700900123", "Jo", "01427676676", PATH, switch="switch-1", engine="engine-1"
)


class Call:
    """A call under test: events in, and what it did since the last look."""

    def __init__(self, policy: CallPolicy = POLICY) -> None:
        self.policy = policy
        self.state = CallState()
        self.did: list[Command] = []
        self.now = 0

    def hear(self, *heard: Event) -> Call:
        for event in heard:
            self.state, commands = advance(self.state, event, self.policy)
            self.did += commands
        return self

    def arrive(self) -> Call:
        """Up to the announcement, with the recording's intent on disk."""
        return self.hear(ARRIVED, events.Journalled(0), events.Answered(0, 8000))

    def keys(self, keys: str, gap_ms: int = 300) -> Call:
        for key in keys:
            self.now += gap_ms
            self.hear(events.KeyPressed(self.now, key))
        return self

    def prompt_ends(self, heard_ms: int | None = None, *, missing: bool = False) -> Call:
        playing = self.state.playing
        assert playing is not None, "nothing plays"
        full = playing.files[8000].length_ms
        heard = full if heard_ms is None else heard_ms
        self.now += heard
        event = events.PromptEnded(self.now, self.state.play, playing, heard, missing)
        return self.hear(event)

    def time_out(self) -> Call:
        return self.hear(events.TimerFired(self.now, self.state.timer))

    def hang_up(self, by: events.Party = events.Party.CALLER) -> Call:
        return self.hear(events.HungUp(self.now, by, "NORMAL_CLEARING", 16))

    def connect(self) -> Call:
        """From arrival to the two legs hearing each other, and being recorded."""
        if self.policy.direction == "outbound":
            self.hear(ARRIVED, events.Journalled(0))
            return self.bridge("b", "07700900999").hear(events.RecordingStarted(self.now))
        self.arrive().prompt_ends().hear(events.RecordingStarted(self.now))
        return self.bridge("b")

    def bridge(self, leg: str, number: str = "") -> Call:
        """The customer and this leg hear each other."""
        return self.hear(events.Bridged(self.now, leg, number))

    def pause(self, by: str = "agent") -> Call:
        return self.hear(events.PauseAsked(self.now, by))

    def resume(self, by: str = "agent") -> Call:
        return self.hear(events.ResumeAsked(self.now, by))

    def hidden(self, ok: bool = True) -> Call:
        return self.hear(events.KeysHidden(self.now, ok))

    def shown(self, ok: bool = True) -> Call:
        return self.hear(events.KeysShown(self.now, ok))

    def masked(self, ok: bool = True, path: str = "") -> Call:
        """FreeSWITCH's answer, for the part that is recorded now or for another."""
        return self.hear(events.Masked(self.now, ok, path or self.state.path))

    def unmasked(self, ok: bool = True, path: str = "") -> Call:
        return self.hear(events.Unmasked(self.now, ok, path or self.state.path))

    def paused(self, by: str = "agent") -> Call:
        """Paused, and FreeSWITCH has confirmed all of it."""
        return self.pause(by).hidden().masked()

    def stopped(self, cause: str = "success-silence", path: str = "") -> Call:
        """RECORD_STOP, of the part that is recorded now or of another."""
        event = events.RecordingStopped(self.now, cause, 1000, path or self.state.path)
        return self.hear(event)

    def failed(self) -> Call:
        """FreeSWITCH refuses to record the part that it was asked for."""
        return self.hear(events.RecordingFailed(self.now, "-ERR", self.state.path))

    def stall(self, folder: str = "/fallback/recording", at: int | None = None) -> Call:
        """The recording's file does not grow, and this is where there is room."""
        return self.hear(events.Stalled(self.now if at is None else at, folder))

    def hold(self) -> Call:
        return self.hear(events.Held(self.now))

    def unhold(self) -> Call:
        return self.hear(events.Unheld(self.now))

    def pause_late(self) -> Call:
        """The pause's timer runs out."""
        return self.hear(events.PauseTimerFired(self.now, self.state.pause_timer))

    def look(self) -> list[str]:
        """What was done since the last look, as words, without journal and timers."""
        words = [word for word in map(_word, self.did) if word]
        self.did.clear()
        return words

    def quiet(self) -> Call:
        """What was done so far is of no interest."""
        self.did.clear()
        return self

    def entries(self) -> list[Entry]:
        """What went to the journal since the last look."""
        return [command.entry for command in self.did if isinstance(command, do.Journal)]

    def journalled(self) -> list[str]:
        return [type(c.entry).__name__ for c in self.did if isinstance(c, do.Journal)]


def _word(command: Command) -> str:
    match command:
        case do.Journal() | do.SyncJournal() | do.HastenJournal():
            return ""
        case do.StartTimer() | do.StartPauseTimer():
            return ""
        case do.PlayPrompt(prompt=played):
            return f"play {played.name}"
        case do.Hangup(cause=cause):
            return f"hang up {cause}"
        case do.Bridge(dial_string=dial):
            return f"bridge {dial}"
        case do.TellAgent(tone=tone):
            return f"tone {tone}"
        case do.HideKeys(relayed=True):
            return "HideKeys but relay"
        case _:
            return type(command).__name__
