"""Where a call is, and what is known of it: one small immutable value."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from ivr.core.keys import NO_DIGITS, NO_KEYS, Digits, Tail
from ivr.core.policy import Prompt

ANSWER_MS = 10_000
"""How long FreeSWITCH may take to answer the A leg."""
SLACK_MS = 5_000
"""How much later than its length a prompt may end, and than its limit a bridge."""
SWITCH_MS = 3_000
"""How long FreeSWITCH may take to start a recording (up to 2 s, docs/freeswitch.md 22a)."""
JOURNAL_MS = 3_000
"""How long the disk may take over the journal before the call goes on without a recording."""
PARTED_MS = 10_000
"""How long a caller may be left with nobody after the agent's leg is gone."""
NO_ROOM = "there is no room to record"
"""Why a recording is not begun where no folder takes one."""
TOLD_MS = 2_000
"""How long the agent hears that a call ends for want of a recording, before it does."""
AGAIN_MS = 60_000
"""A recording that was begun anew so long ago and stalls now has no more to do with it."""
MOST_AGAIN = 5
"""How often in such a time a recording that stalls is begun anew."""
MOST_STOPS = 20
"""How often FreeSWITCH is asked to end a recording that may not go on, before the call ends."""
HANGUP_MS = 5_000
"""How long FreeSWITCH may take to hang up."""
CLOSING_MS = 4_000
"""How long RECORD_STOP is waited for after the hangup; the socket lingers longer than this."""
HEARD_SLACK_MS = 100
"""A prompt that lacks no more than this was heard to the end (frames are 20 ms)."""
REPLAYS = 2
"""How often a prompt that something else cut short is played again."""


class Phase(StrEnum):
    """What a call is doing. The order is that of an ordinary call."""

    NEW = "new"
    ANSWERING = "answering"
    CHOOSING = "choosing"
    """A language may be chosen by key (R9)."""
    ANNOUNCING = "announcing"
    LAST_KEYS = "last keys"
    """The announcement is over and a sequence is half keyed: its limit is waited for."""
    REMINDING = "reminding"
    DECIDING = "deciding"
    """The reminder was heard; a key is waited for (R3)."""
    FAREWELL = "farewell"
    SECURING = "securing"
    """The recording's intent is on its way to the disk."""
    STARTING = "starting"
    """FreeSWITCH was asked to record."""
    DIALLING = "dialling"
    QUEUEING = "queueing"
    """The caller waits in a queue (R9)."""
    CONNECTED = "connected"
    KEYING = "keying"
    """Connected, and the opt-out sequence is half keyed: nothing is kept meanwhile (R4)."""
    PARTING = "parting"
    """The sequence was keyed in mid-call: FreeSWITCH was asked to part the two (R4)."""
    REJOINING = "rejoining"
    """The caller came back from that: FreeSWITCH was asked to join the two."""
    PARTED = "parted"
    """The bridge has ended and the A leg has not."""
    REFUSING = "refusing"
    """The agent was told that the call cannot be recorded any more, and so ends (R22)."""
    OVERFLOWING = "overflowing"
    """Another destination is tried next, which the caller is told (R9)."""
    APOLOGISING = "apologising"
    LEAVING = "leaving"
    """The exempt extension takes part: the recording's end is waited for (R8)."""
    ENDING = "ending"
    """FreeSWITCH was asked to hang up."""
    UNLINKED = "unlinked"
    """The socket is gone and the call may go on: the inbound connection tells of it, or
    FreeSWITCH's dialplan hands it over once more (R22)."""
    CLOSING = "closing"
    """The A leg is gone and RECORD_STOP is waited for."""
    DONE = "done"


class Recording(StrEnum):
    """What is known of the call's recording."""

    NONE = "none"
    REQUESTED = "requested"
    RUNNING = "running"
    STOPPING = "stopping"
    """FreeSWITCH was asked to stop it."""
    ENDED = "ended"
    REFUSED = "refused"
    """It could not be started in time; if it starts after all it is stopped."""


class Pause(StrEnum):
    """How far a pause is (R6). Between OFF and OFF nothing may be kept."""

    OFF = "off"
    MASKING = "masking"
    """FreeSWITCH was asked to hide keys and to mask."""
    STOPPING = "stopping"
    """The mask was refused or not confirmed: FreeSWITCH was asked to stop the recording."""
    ON = "on"
    UNMASKING = "unmasking"
    SECURING = "securing"
    """The intent of a further part of the recording is on its way to the disk."""
    STARTING = "starting"
    """FreeSWITCH was asked to record the further part."""
    SHOWING = "showing"
    """What is said is recorded again; FreeSWITCH was asked to let keys through again."""


class CallState(NamedTuple):
    """Everything that :func:`ivr.core.call.advance` remembers."""

    phase: Phase = Phase.NEW
    timer: int = 0
    """Serial of the one running timer."""
    play: int = 0
    """Serial of the prompt that plays, or played last."""
    playing: Prompt | None = None
    replays: int = 0
    rate: int = 8000
    keys: Tail = NO_KEYS
    announcement_ms: int = 0
    """The most that was heard of the announcement in one go."""
    may_record: bool = False
    """The announcement was heard to the end, or the caller came back from opting out (R1, R3)."""
    after_answer: Phase = Phase.ANNOUNCING
    """What the answered call goes to: of one that was handed over once more, where it was."""
    reminders_left: int = 0
    path: str = ""
    """Where the recording goes, as FreeSWITCH is given it."""
    durable: bool = False
    """The recording's intent is on disk (R22)."""
    undurable: str = ""
    """Why it never will be."""
    syncs: int = 0
    """How often the journal was to be brought to disk and no answer has come yet: they come in
    order, and only the last one tells of the intent that is waited for."""
    recording: Recording = Recording.NONE
    elsewhere: str = ""
    """Folder that the recording goes to if FreeSWITCH refuses to begin it where it should."""
    renewing: str = ""
    """Path of the part that is to follow a recording that stalled: its intent is on its way to
    the disk."""
    renewals: int = 0
    """How many times a stalled recording was begun anew, of late."""
    asked_at: int = 0
    """When the recording, or a part that renews it, was last asked for."""
    no_room: bool = False
    """It stalled, there was nowhere to go on with it, and that was told."""
    joined: bool = False
    """Caller and agent heard each other."""
    together: bool = False
    """They hear each other now, as far as is known: what is recorded grows."""
    away: bool = False
    """The customer has the call on hold: the recording stands still."""
    other_leg: str = ""
    """FreeSWITCH's id of the leg that the A leg is, or last was, connected to."""
    recorded_leg: str = ""
    """In a call that staff make, the leg that the recording hangs on, whoever is joined later."""
    other_number: str = ""
    """The number or extension of it, as FreeSWITCH gives it."""
    at_line: bool = False
    """It is a payment line's."""
    pause: Pause = Pause.OFF
    pause_timer: int = 0
    """Serial of the pause's running timer."""
    paused_by: str = ""
    """Who began the pause."""
    paused_at: int = 0
    """When, by the monotonic clock."""
    apart_at: int = 0
    """Since when they do not hear each other, by the monotonic clock; 0 while they do."""
    tellings: int = 0
    """How often a caller in a queue is told of their place yet."""
    place: int = 0
    """Which of the policy's destinations is tried, or was reached."""
    to_customer: bool = False
    """In a call that staff make: prompts are played to who is called, who is not connected yet."""
    aside: bool = False
    """The caller was parted from the agent to opt out in mid-call (R4)."""
    opting: bool = False
    """The opt-out sequence was keyed in mid-call, or its beginning: nothing is kept."""
    veiled: bool = False
    """The recording is masked until it is known who is heard, whether paused or not (R8)."""
    stops: int = 0
    """How often the end of a recording was asked for that may not go on (R8)."""
    held: bool = False
    """The agent has the call on hold, and the team does not record that."""
    consulting: bool = False
    """The agent speaks with the exempt extension besides, and may mix the two calls (R8)."""
    asked: bool = False
    """Somebody asked for the pause, and not the payment line or the hold alone."""
    masked: bool = False
    """A mask was confirmed and its end was not."""
    keys_hidden: bool = False
    """FreeSWITCH confirmed that keys of a pause stay out of what it keeps."""
    keys_refused: bool = False
    """It refused that for one of the legs, and was not asked again since."""
    was_stopped: bool = False
    """The pause had the recording stopped: it begins again, as a further part, after the pause."""
    part: int = 1
    """Which file of the recording ``path`` is."""
    digits: Digits = NO_DIGITS
    """What the customer keyed in a row while connected (R6)."""
    reason: str = ""
    """Why the engine ends the call, for the record."""

    @property
    def records(self) -> bool:
        """A recording runs, or was asked for, and nobody wants it to end."""
        return self.recording in (Recording.REQUESTED, Recording.RUNNING)

    @property
    def may_be_recording(self) -> bool:
        """FreeSWITCH may be writing the caller's audio."""
        return self.recording in (Recording.REQUESTED, Recording.RUNNING, Recording.STOPPING)

    def parted(self, at: int) -> CallState:
        """They do not hear each other any more."""
        return self._replace(together=False, apart_at=at) if self.together else self
