"""All that can become of a call: every event in every state, until no new state appears.

The machine is pure, so it can be asked rather than read: what comes back is every way
from one phase to another. ``ivr diagram`` draws it, and the tests judge it (R1 to R5).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

from ivr.core import commands as do
from ivr.core import entries, events, rules
from ivr.core.call import advance
from ivr.core.commands import Command
from ivr.core.events import Event, Party
from ivr.core.keys import press
from ivr.core.merging import normal
from ivr.core.pausing import HOLD
from ivr.core.policy import CallPolicy
from ivr.core.state import CallState, Phase
from ivr.core.steps import Step

SOON_MS, LATE_MS = 100, 100_000
"""When events happen: within every limit between two keys or two parts, and past it."""
LATER_MS = 5_000
"""Past what FreeSWITCH and the disk may take, and within all that is counted of late."""
ANOTHER = "another part"
"""A path that is never that of the part which is recorded now."""

ARRIVED = events.Arrived(
    at=0,
    caller="07700900123",
    caller_name="Jo",
    number="01427676676",
    recording="/recording/example.wav",
    elsewhere="/fallback",
)
"""The call that is explored."""


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """One way from a phase to a phase: what happens, and what is done about it."""

    before: Phase
    event: str
    """Name of the event's type in :mod:`ivr.core.events`."""
    word: str
    """What tells it from others of its kind (``return key``, ``heard``, ``busy``), or nothing."""
    given: str
    """What the machine must know for it to lead there (``recording``, ``no repeats left``)."""
    after: Phase
    commands: tuple[str, ...]
    """What is done, in order; timers and most of the journal left out."""


class Move(NamedTuple):
    """One event in one state, and what the machine makes of it."""

    state: CallState
    event: Event
    step: Step


def explore(policy: CallPolicy) -> tuple[Edge, ...]:
    """Every edge of a call under this policy, sorted in the order of an ordinary call.

    What changes neither the phase nor anything that is done is no edge.
    """
    found = {
        Edge(
            before=move.state.phase,
            event=type(move.event).__name__,
            word=_word(move, policy),
            given=_given(move),
            after=move.step.state.phase,
            commands=tuple(filter(None, map(_in_words, move.step.commands))),
        )
        for move in moves(policy)
        if _matters(move)
    }
    # A condition is worth saying only where another one leads elsewhere.
    leads: dict[tuple[Phase, str, str], dict[str, set[Phase]]] = {}
    for edge in found:
        group = leads.setdefault((edge.before, edge.event, edge.word), {})
        group.setdefault(edge.given, set()).add(edge.after)
    said = {
        edge if _decides(leads[edge.before, edge.event, edge.word]) else replace(edge, given="")
        for edge in found
    }
    order = {phase: at for at, phase in enumerate(Phase)}
    return tuple(sorted(said, key=lambda edge: (order[edge.before], order[edge.after], edge)))


def moves(policy: CallPolicy) -> Iterator[Move]:
    """Every event in every state that any sequence of events leads to."""
    start = CallState()
    seen = {start}
    todo = [start]
    while todo:
        state = todo.pop()
        for event in what_can_happen(state, policy):
            step = advance(state, event, policy)
            yield Move(state, event, step)
            if step.state is state:
                continue
            after = normal(step.state, policy)
            if after not in seen:
                seen.add(after)
                todo.append(after)


def what_can_happen(state: CallState, policy: CallPolicy) -> Iterator[Event]:
    """All events there are; those that read the clock, soon and long after the last key."""
    full = policy.announcement.files[8000].length_ms
    for at in (SOON_MS, LATE_MS):
        yield events.TimerFired(at, state.timer)
        playing = state.playing
        if playing is not None:
            length = playing.files[8000].length_ms
            for heard in (0, length // 2, length):
                yield events.PromptEnded(at, state.play, playing, heard)
            yield events.PromptEnded(at, state.play, playing, 0, missing=True)
            yield events.PromptEnded(at, state.play, playing, length // 2, hung_up=True)
    yield events.TimerFired(SOON_MS, state.timer - 1)
    if state.play:
        for heard in (0, full // 2, full):
            yield events.PromptEnded(SOON_MS, state.play - 1, policy.announcement, heard)
    yield events.RecordingFailed(SOON_MS, "-ERR", state.path)
    for path in (state.path, ANOTHER):
        yield events.RecordingStopped(SOON_MS, "success-silence", 1000, path)
    yield events.Bridged(SOON_MS, state.other_leg)
    if policy.exempt:
        yield events.RecordingStopped(SOON_MS, events.NOT_RECORDED, 0, state.path)
        yield events.Exempt(SOON_MS)
        yield events.StillJoined(SOON_MS)
    if policy.announced:
        yield events.CustomerAnswered(SOON_MS, "b", 8000)
    if policy.opt_out_connected != "no":
        yield events.JoinFailed(SOON_MS)
        yield events.OtherLeft(SOON_MS, state.other_leg)
        yield events.OtherLeft(SOON_MS, "b")
    if any(place.queue is not None and place.queue.places for place in policy.destinations):
        yield events.QueuePlace(SOON_MS, 1)
        yield events.QueuePlace(SOON_MS, 9)
    chosen = "".join(policy.menu.keys) if policy.menu is not None else ""
    yield from _in_any_state(
        policy.opt_out_keys,
        policy.return_key + chosen,
        policy.pausing.lines | policy.exempt,
    )


def what_can_happen_to_a_pause(state: CallState, policy: CallPolicy) -> Iterator[Event]:
    """What comes on top while people talk; it leads to no other phase, and is no edge."""
    at = SOON_MS
    yield events.PauseTimerFired(at, state.pause_timer)
    yield events.PauseTimerFired(at, state.pause_timer - 1)
    yield events.CustomerHeld(at)
    yield events.CustomerBack(at)
    yield events.PauseAsked(at, "agent")
    yield events.ResumeAsked(at, "agent")
    yield events.AbuseMarked(at, "agent")
    yield events.WasPaused(at, "agent", 0)
    if policy.exempt:
        yield events.Consults(at)
        yield events.ConsultOver(at)
        yield events.Unheld(at)
    if policy.pausing.on_hold == "mask":
        yield events.WasPaused(at, HOLD, 0)
        yield events.Held(at)
        yield events.Unheld(at)
    for ok in (True, False):
        yield events.KeysHidden(at, ok)
        yield events.KeysShown(at, ok)
        for path in (state.path, ANOTHER):
            yield events.Masked(at, ok, path)
            yield events.Unmasked(at, ok, path)


@lru_cache(maxsize=8)
def _in_any_state(opt_out_keys: str, return_key: str, known: frozenset[str]) -> tuple[Event, ...]:
    """The events that are the same whatever the call is doing."""
    keys = dict.fromkeys(opt_out_keys + return_key + "5")
    at = SOON_MS
    return (
        *(events.KeyPressed(when, key) for when in (SOON_MS, LATE_MS) for key in keys),
        ARRIVED,
        events.Answered(at, 8000),
        events.Journalled(at),
        events.JournalFailed(at, "No space left on device"),
        events.RecordingStarted(at),
        events.Vanished(at, switch_lost=False),
        events.Vanished(at, switch_lost=True),
        events.Unbridged(at),
        events.Stalled(at, ""),
        events.GrowsAgain(at),
        *(events.Stalled(when, "/fallback") for when in (at, LATER_MS, LATE_MS)),
        events.Bridged(at, "b"),
        *(events.Bridged(at, "line", number) for number in known),
        *(
            events.BridgeEnded(at, cause)
            for cause in ("USER_BUSY", "NO_ANSWER", "NORMAL_CLEARING", "NO_ROUTE_DESTINATION")
        ),
        events.BridgeEnded(at, "NORMAL_CLEARING", transferred=True),
        events.BridgeEnded(at, "NORMAL_CLEARING", hung_up=True),
        events.LinkLost(at),
        *(
            events.HungUp(at, party, "NORMAL_CLEARING", 16)
            for party in (Party.CALLER, Party.SWITCH)
        ),
    )


# Edges in words.


def _decides(leads: dict[str, set[Phase]]) -> bool:
    """Whether it depends on the conditions where an event leads."""
    return len({frozenset(afters) for afters in leads.values()}) > 1


def _matters(move: Move) -> bool:
    """Whether a phase is entered, anew or again, or something is done, not just written down."""
    if move.step.state.phase is not move.state.phase:
        return True
    done = (c for c in move.step.commands if not isinstance(c, do.Journal))
    return any(isinstance(c, do.StartTimer) or _in_words(c) for c in done)


def _in_words(command: Command) -> str:
    """What a command does, in words; nothing for what every step does."""
    match command:
        case do.PlayPrompt(prompt=prompt):
            return f"play {prompt.name}"
        case do.Hangup(cause=cause):
            return f"hang up {cause}"
        case do.Journal(entry=entries.RecordingFailed()):
            return "do without a recording"
        case do.Journal(entry=entries.OptOutConfirmed()):
            return "confirm the opt-out"
        case do.Journal() | do.SyncJournal() | do.HastenJournal() | do.StartTimer():
            return ""
        case do.HideKeys() | do.ShowKeys() | do.Mask() | do.Unmask() | do.StartPauseTimer():
            return ""
        case do.TellAgent() | do.ListenToAgent() | do.ForgetKeys() | do.HearKeys():
            return ""
        case do.RememberPause() | do.MakeSure():
            return ""
        case do.SpeakIn():
            return "change the language"
        case do.LetThrough():
            return "let through"
        case do.Enqueue():
            return "enqueue"
        case do.AskPlace():
            return "ask for the place"
        case do.LeaveQueue():
            return "leave the queue"
        case do.Part():
            return "part"
        case do.PlayMusic():
            return ""
        case do.Join():
            return "join"
        case do.EndOther():
            return "end the other leg"
        case do.TakeOver():
            return "take over"
        case do.Answer():
            return "answer"
        case do.StopPrompts():
            return "stop prompts"
        case do.StartRecording():
            return "start recording"
        case do.StopRecording():
            return "stop recording"
        case do.Bridge():
            return "bridge"
        case do.Finish():
            return "finish the record"


def _word(move: Move, policy: CallPolicy) -> str:
    """What tells this event from others of its kind."""
    match move.event:
        case events.KeyPressed(at=at, key=key):
            tail, found = press(
                move.state.keys, key, at, policy.opt_out_keys, policy.inter_digit_ms
            )
            if found and move.step.state.phase in (Phase.REMINDING, Phase.PARTING):
                return "opt-out keys"
            if move.state.phase is Phase.CHOOSING:
                return "a language"
            if move.state.phase in (Phase.REMINDING, Phase.DECIDING):
                return "return key" if key == policy.return_key else "other key"
            return "begins the opt-out keys" if tail.keys else "other key"
        case events.PromptEnded(missing=True):
            return "missing"
        case events.PromptEnded(hung_up=True):
            return "caller gone"
        case events.PromptEnded(prompt=prompt, heard_ms=ms):
            return "heard" if ms >= prompt.files[8000].length_ms else "cut short"
        case events.Bridged() if move.step.state.phase is Phase.LEAVING or (
            rules.is_exempt(move.event.number, policy)
        ):
            return "the exempt extension"
        case events.BridgeEnded(transferred=True):
            return "transferred"
        case events.BridgeEnded(hung_up=True):
            return "caller gone"
        case events.BridgeEnded(cause=cause) if move.state.phase is Phase.DIALLING:
            return {"USER_BUSY": "busy", "NO_ANSWER": "no answer"}.get(cause, "unavailable")
        case events.HungUp(by=by):
            return f"by {by.value}"
        case _:
            return ""


def _given(move: Move) -> str:
    """What the machine must know for this event to lead where it leads."""
    state, (after, commands) = move.state, move.step
    match move.event:
        case events.HungUp():
            return "recording" if state.may_be_recording else "not recording"
        case events.RecordingStarted():
            return (
                "given up"
                if any(isinstance(command, do.StopRecording) for command in commands)
                else "wanted"
            )
        case events.RecordingFailed() if state.phase is Phase.STARTING:
            return "other folder" if state.elsewhere else "no other folder"
        case events.PromptEnded() if after.phase is state.phase:
            return "tries left"
        case events.PromptEnded(missing=False) if "do without a recording" in map(
            _in_words, commands
        ):
            return "disk refused" if state.undurable and after.may_record else "no tries left"
        case _:
            pass
    match after.phase:
        case Phase.STARTING:
            return "intent on disk"
        case Phase.SECURING:
            return "intent not yet on disk"
        case Phase.LAST_KEYS:
            return "keys pending"
        case Phase.REMINDING if isinstance(move.event, events.KeyPressed):
            return "repeats left"
        case Phase.FAREWELL if isinstance(move.event, events.KeyPressed):
            return "no repeats left"
        case Phase.ANNOUNCING:
            return "announcement never heard"
        case Phase.DIALLING | Phase.APOLOGISING if state.undurable:
            return "disk refused"
        case _ if isinstance(move.event, events.PromptEnded):
            return "no tries left" if state.replays else ""
        case _:
            return ""
