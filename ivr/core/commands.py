"""What the machine asks the driver to do, in this order, without waiting in between."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from ivr.core.entries import Entry
from ivr.core.policy import FeatureCodes, Prompt, Spoken


@dataclass(frozen=True, slots=True)
class TakeOver:
    """Cancel the dead-man transfer, set the variables (docs/freeswitch.md 9, 11, 18)."""

    route: str
    """Whose extension takes the call should this engine be gone (R22)."""
    engine: str
    """Which engine has it now."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer the A leg."""


@dataclass(frozen=True, slots=True)
class PlayPrompt:
    """Play to the A leg; :class:`~ivr.core.events.PromptEnded` with the same serial follows."""

    play: int
    prompt: Prompt
    rate: int
    """Samples a second of the channel, to choose the file by."""
    to_customer: bool = False
    """In a call that staff make, to who is called, and not to the A leg."""


@dataclass(frozen=True, slots=True)
class StopPrompts:
    """Stop what plays and forget what is queued (docs/freeswitch.md 25)."""

    to_customer: bool = False
    """As in :class:`PlayPrompt`."""


@dataclass(frozen=True, slots=True)
class StartRecording:
    """Start the recording whose intent is on disk already (R22)."""

    path: str
    veiled: bool = False
    """FreeSWITCH masks it each time that two legs are parted, until it is told who is there now
    (R8)."""
    unheard: bool = False
    """Masked from its first sample on: nobody is there yet."""


@dataclass(frozen=True, slots=True)
class StopRecording:
    """Stop the recording; harmless where none runs (docs/freeswitch.md 22a)."""

    path: str
    """``all``: whatever is recorded of the call."""


@dataclass(frozen=True, slots=True)
class Bridge:
    """Ring the destination and connect it."""

    dial_string: str
    ring_ms: int
    """For each alternative."""
    alternatives: int
    codes: FeatureCodes | None = None
    """Listened for on the telephone that answers; None where that is not the agent's."""
    stays: bool = False
    """A telephone that is called may not send the call elsewhere by itself: nobody would see to
    whom (R8)."""
    unveils: str = ""
    """Path of a recording that hears as soon as this destination's telephone is answered, and not
    if another one takes the call (R8)."""
    announced_ms: int = 0
    """Who answers is handed over to the engine first, for so long at most, to hear the
    announcement (R10); 0 is not at all."""


@dataclass(frozen=True, slots=True)
class LetThrough:
    """Have FreeSWITCH connect who was called and has heard the announcement (R10)."""


@dataclass(frozen=True, slots=True)
class Enqueue:
    """Have the caller wait in one of FreeSWITCH's queues."""

    queue: str


@dataclass(frozen=True, slots=True)
class AskPlace:
    """Ask which place the caller has in the queue; ``QueuePlace`` follows where it is known."""

    queue: str


@dataclass(frozen=True, slots=True)
class LeaveQueue:
    """Take the caller out of the queue; a later :class:`Enqueue` gives the place back."""

    queue: str


@dataclass(frozen=True, slots=True)
class Part:
    """Part the two without ending either leg (docs/freeswitch.md 79). Should the engine be gone,
    FreeSWITCH joins them again."""

    other_leg: str
    limit_s: int
    """A leg that nobody comes back to ends by itself after so many seconds."""


@dataclass(frozen=True, slots=True)
class PlayMusic:
    """Have who waits hear music, until joined again."""

    music: str


@dataclass(frozen=True, slots=True)
class Join:
    """Join the two again; :class:`~ivr.core.events.Bridged` or ``JoinFailed`` follows."""

    other_leg: str


@dataclass(frozen=True, slots=True)
class EndOther:
    """End the leg that the caller was parted from."""

    other_leg: str


@dataclass(frozen=True, slots=True)
class SpeakIn:
    """Go on in this language: the driver gives the machine the policy of it from now on."""

    spoken: Spoken


@dataclass(frozen=True, slots=True)
class ListenToAgent:
    """Listen for feature codes on the agent's telephone, which the engine did not dial."""

    codes: FeatureCodes


@dataclass(frozen=True, slots=True)
class Hangup:
    """End the A leg with this cause."""

    cause: str


@dataclass(frozen=True, slots=True)
class StartTimer:
    """Start the call's one timer; the one before it is void."""

    timer: int
    ms: int


@dataclass(frozen=True, slots=True)
class Journal:
    """Append to the journal; what must survive is followed by :class:`SyncJournal`."""

    entry: Entry


@dataclass(frozen=True, slots=True)
class SyncJournal:
    """Bring the journal to disk; ``Journalled`` or ``JournalFailed`` follows."""


@dataclass(frozen=True, slots=True)
class HastenJournal:
    """Bring the journal to disk now; nobody waits for it."""


@dataclass(frozen=True, slots=True)
class HideKeys:
    """Have FreeSWITCH keep nothing of the keys of both people (docs/freeswitch.md 14a, 14b), and
    remember on the customer's leg that it is paused: the journal may be a moment behind (R22)."""

    by: str
    """Who paused."""
    since: int
    """When, by the monotonic clock, in milliseconds."""
    relayed: bool = False
    """The customer's keys must reach the other leg, a payment line, all the same."""


@dataclass(frozen=True, slots=True)
class RememberPause:
    """Remember on the customer's leg that it is paused, as :class:`HideKeys` does, and let keys
    through: a sequence is being keyed (R4). ``KeysHidden`` follows."""

    by: str
    since: int


@dataclass(frozen=True, slots=True)
class ShowKeys:
    """Have FreeSWITCH treat keys as ever."""


@dataclass(frozen=True, slots=True)
class ForgetKeys:
    """Be told of no key any more: at a payment line keys are let through, and none is ours."""


@dataclass(frozen=True, slots=True)
class HearKeys:
    """Be told of keys again."""


@dataclass(frozen=True, slots=True)
class Mask:
    """Have the recording be silence from here on, its time line kept (docs/freeswitch.md 15)."""

    path: str


@dataclass(frozen=True, slots=True)
class MakeSure:
    """Find out whether this is the exempt extension's leg, or somebody else is heard through it
    (docs/freeswitch.md 87): ``Exempt`` follows where it is, ``StillJoined`` where nobody is."""

    leg: str


@dataclass(frozen=True, slots=True)
class Unmask:
    """Have the recording hear again."""

    path: str
    only_with: str = ""
    """And only while the A leg is joined to this leg, as FreeSWITCH itself finds in that moment
    (R8, docs/freeswitch.md 83); empty is whoever it is joined to."""


class Tone(StrEnum):
    """What a tone tells the agent."""

    PAUSED = "paused"
    RESUMED = "resumed"
    STILL_PAUSED = "still paused"
    MARKED = "marked"
    STAYED = "stayed"
    """The caller, who had asked not to be recorded, comes back (R4)."""
    LEFT = "left"
    """The caller does not, and the call ends (R4)."""
    NOT_DONE = "not done"


@dataclass(frozen=True, slots=True)
class TellAgent:
    """Play a tone to the agent alone (docs/freeswitch.md 46)."""

    tone: Tone


@dataclass(frozen=True, slots=True)
class StartPauseTimer:
    """Start the pause's timer; the one before it is void."""

    timer: int
    ms: int


@dataclass(frozen=True, slots=True)
class Finish:
    """Write the record and let go of the call: nothing comes after this."""


Command = (
    TakeOver
    | Answer
    | PlayPrompt
    | StopPrompts
    | StartRecording
    | StopRecording
    | Bridge
    | Hangup
    | StartTimer
    | Journal
    | SyncJournal
    | HastenJournal
    | ListenToAgent
    | LetThrough
    | Enqueue
    | AskPlace
    | LeaveQueue
    | Part
    | PlayMusic
    | Join
    | EndOther
    | SpeakIn
    | HideKeys
    | RememberPause
    | ShowKeys
    | ForgetKeys
    | HearKeys
    | Mask
    | Unmask
    | MakeSure
    | TellAgent
    | StartPauseTimer
    | Finish
)
"""Everything a driver has to know how to do."""
