"""What people do on the telephone: scripts of callers and of those who are called.

A script reads like a story::

    CallScript(steps=(DuringPrompt(1000), Keys("*#*"), AfterPrompt(300), Keys("1")))
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ivr.lab.moment import Moment


@dataclass(frozen=True, slots=True)
class Wait:
    """Let time pass."""

    ms: int


@dataclass(frozen=True, slots=True)
class Keys:
    """Press keys one after the other; FreeSWITCH hears of each when it is released."""

    keys: str
    gap_ms: int = 100
    """Between the release of one key and the next press."""
    press_ms: int = 160
    """How long each key is held."""


@dataclass(frozen=True, slots=True)
class DuringPrompt:
    """Wait until the next prompt plays, and so long into it."""

    ms: int = 0


@dataclass(frozen=True, slots=True)
class AfterPrompt:
    """Wait until the next prompt has ended (heard or stopped), and so long after it."""

    ms: int = 0


@dataclass(frozen=True, slots=True)
class WhenConnected:
    """Wait until this telephone is connected to another one (again), and so long after it."""

    ms: int = 0


@dataclass(frozen=True, slots=True)
class Speak:
    """Begin to speak, or fall silent; people speak all the time unless told otherwise."""

    aloud: bool


@dataclass(frozen=True, slots=True)
class HangUp:
    """Put the telephone down."""


@dataclass(frozen=True, slots=True)
class BlindTransfer:
    """Send the other side to another number of the dialplan (docs/freeswitch.md 23a)."""

    to: str


@dataclass(frozen=True, slots=True)
class AttendedTransfer:
    """Hold the other side, call a number, speak with who answers, join the two.

    docs/freeswitch.md 23b. Where nobody answers, the other side is taken up again.
    """

    to: str
    consult_ms: int = 500
    """How long they speak before the two are joined."""


@dataclass(frozen=True, slots=True)
class ThreeWay:
    """Hold the other side, call a number, and talk with both: this telephone mixes the voices.

    FreeSWITCH sees two calls and is told of no conference. Where nobody answers, the other side
    is taken up again.
    """

    to: str
    consult_ms: int = 500
    """How long they speak before the other side is taken up, too."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Put the other side on hold: it hears music (docs/freeswitch.md 23c)."""


@dataclass(frozen=True, slots=True)
class Unhold:
    """Take the other side up again."""


@dataclass(frozen=True, slots=True)
class WaitFor:
    """Wait for a moment that the test or another telephone makes, and so long after it."""

    moment: Moment
    ms: int = 0


@dataclass(frozen=True, slots=True)
class WhenMasked:
    """Wait until the recording of this telephone's leg is masked, or stopped, and so long after.

    No telephone could know; a test can.
    """

    ms: int = 0


@dataclass(frozen=True, slots=True)
class WhenUnmasked:
    """Wait until the recording of this telephone's leg is masked no more, or begins again."""

    ms: int = 0


@dataclass(frozen=True, slots=True)
class Tell:
    """Make a moment: "I have keyed half of the number"."""

    moment: Moment


@dataclass(frozen=True, slots=True)
class KeyDown:
    """Press a key and hold it; its tone sounds until :class:`KeyUp`."""

    key: str


@dataclass(frozen=True, slots=True)
class KeyUp:
    """Release the key that is held: now FreeSWITCH hears of it."""


Step = (
    Wait
    | Keys
    | DuringPrompt
    | AfterPrompt
    | WhenConnected
    | Speak
    | HangUp
    | BlindTransfer
    | AttendedTransfer
    | ThreeWay
    | Hold
    | Unhold
    | WaitFor
    | WhenMasked
    | WhenUnmasked
    | Tell
    | KeyDown
    | KeyUp
)


EXEMPT_HZ = 2000
"""The pitch of the telephone with which nothing is recorded; no key, prompt or other person has
it."""
STAFF_HZ = 880
"""The pitch of staff."""


@dataclass(frozen=True, slots=True)
class Destination:
    """How a telephone behaves that the switch calls."""

    answer_ms: int | None = 0
    """Rings so long before it is answered; None is never."""
    refusal: str | None = None
    """A cause such as ``USER_BUSY`` that it answers with instead, after ``answer_ms``."""
    redirect: str | None = None
    """Where it sends the call instead of being answered, after ``answer_ms``: a number, which the
    dialplan of this switch is asked for, or ``number@host`` of another, which is called at once."""
    hz: int = STAFF_HZ
    """The pitch of who answers."""
    steps: tuple[Step, ...] = ()
    """What who answers does then; after that they stay until the other side hangs up."""

    @classmethod
    def talks(cls, ms: int, *, answer_ms: int = 0) -> Destination:
        """Answers, talks for a while, hangs up."""
        return cls(answer_ms=answer_ms, steps=(WhenConnected(ms), HangUp()))

    @classmethod
    def exempt(cls, ms: int, *, answer_ms: int = 0) -> Destination:
        """As :meth:`talks`, at a pitch that nobody else has: that of whom no recording may hold."""
        return cls(answer_ms=answer_ms, hz=EXEMPT_HZ, steps=(WhenConnected(ms), HangUp()))

    @classmethod
    def busy(cls) -> Destination:
        """Is engaged."""
        return cls(refusal="USER_BUSY")

    @classmethod
    def silent(cls) -> Destination:
        """Rings and is never answered."""
        return cls(answer_ms=None)

    @classmethod
    def unallocated(cls) -> Destination:
        """Does not exist."""
        return cls(refusal="UNALLOCATED_NUMBER")


@dataclass(frozen=True, slots=True)
class CallScript:
    """A call that somebody makes."""

    steps: tuple[Step, ...] = ()
    """What the caller does; after that they stay until the call ends."""
    name: str = "a call"
    """What the script shows, for people."""
    number: str = "07700900123"
    caller: str = "Jo Bloggs"
    """The display name; any characters, as a stranger may send them (R23)."""
    dialled: str = "01427676676"
    account: str = ""
    """The extension whose password the telephone has proven, as those of staff do; what it says
    of itself is ``number``."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Further SIP headers of the INVITE, by name."""
    hz: int = 440
    """The pitch of who calls."""
    rate: int = 8000
    """Samples a second of the caller's codec: 8000 or 16000."""
    destination: Destination | None = None
    """Whom the call reaches, whatever number is bridged to; None leaves it to the switch, as it is
    left who is reached where the other telephone sends it."""
    destinations: Mapping[str, Destination] = field(default_factory=dict)
    """Whom it reaches at a number, before ``destination``: where it is transferred, say. Holds
    for second calls of its telephones, too."""
    context: str = "public"
    """Where the call comes in; that of a member of staff is ``default`` as a rule."""
    expect: str = ""
    """How the script ends when all is well, for people."""

    @classmethod
    def of_staff(cls, extension: str, to: str, *steps: Step, hz: int = STAFF_HZ) -> CallScript:
        """A call that a telephone of staff makes, in the context where staff dial; its account is
        proven. To ``pickup-at-<number>`` it picks up what rings or is talked about there."""
        return cls(
            steps=steps,
            name=f"{extension} calls {to}",
            number=extension,
            caller=extension,
            account=extension,
            dialled=to,
            context="default",
            hz=hz,
        )


LISTENS = CallScript(
    name="listens and talks",
    destination=Destination(answer_ms=400),
    steps=(WhenConnected(2500), HangUp()),
    expect="connected and recorded",
)
"""Hears the announcement, talks, hangs up."""

OPTS_OUT = CallScript(
    name="opts out",
    number="07700900124",
    steps=(DuringPrompt(700), Keys("*#*")),
    expect="not connected, not recorded",
)
"""Opts out and lets the call end."""

OPTS_OUT_AND_RETURNS = CallScript(
    name="opts out and returns",
    number="07700900125",
    destination=Destination.talks(2000, answer_ms=300),
    steps=(DuringPrompt(700), Keys("*#*"), DuringPrompt(600), Keys("1")),
    expect="connected and recorded",
)
"""Opts out, hears the reminder, comes back with 1."""

WRONG_KEYS = CallScript(
    name="presses wrong keys",
    number="07700900126",
    destination=Destination.talks(1500),
    steps=(DuringPrompt(500), Keys("5#0"), Wait(400), Keys("12*")),
    expect="connected and recorded",
)
"""Presses keys that mean nothing."""

HANGS_UP_IN_ANNOUNCEMENT = CallScript(
    name="hangs up in the announcement",
    number="07700900127",
    steps=(DuringPrompt(900), HangUp()),
    expect="not connected, not recorded",
)
"""Gives up early."""

BUSY = CallScript(
    name="destination busy",
    number="07700900128",
    destination=Destination.busy(),
    expect="not connected, told why",
)
"""Whom they want is engaged."""

NO_ANSWER = CallScript(
    name="destination does not answer",
    number="07700900129",
    destination=Destination.silent(),
    expect="not connected, told why",
)
"""Whom they want is out."""

TEST_CARD = "5436031030606378"
"""A card number that payment services publish for tests: nobody's."""

PAYS_BY_CARD = CallScript(
    name="pays by card",
    number="07700900130",
    steps=(WhenConnected(), WhenMasked(400), Keys(TEST_CARD, gap_ms=60, press_ms=80)),
    destination=Destination(
        answer_ms=300,
        steps=(WhenConnected(1200), Keys("*7"), Wait(3300), Keys("*8"), Wait(1500), HangUp()),
    ),
    expect="connected and recorded, but for the card number",
)
"""Keys a card number while the agent has paused the recording. The agent goes on a second or so
after the last key. Codes are those of a team that changed none."""

STANDARD = (
    LISTENS,
    OPTS_OUT,
    OPTS_OUT_AND_RETURNS,
    WRONG_KEYS,
    HANGS_UP_IN_ANNOUNCEMENT,
    BUSY,
    NO_ANSWER,
)
"""Scripts in which the agent asks nothing of the engine."""

DEMONSTRATION = (*STANDARD, PAYS_BY_CARD)
"""The scripts that a demonstration places."""
