"""The answer of ``ivr route explain``: steps with their places."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from ivr.config.document import Source


class Verdict(StrEnum):
    """What takes a call."""

    ROUTE = "route"
    """A route: the engine has it."""
    EXEMPT = "exempt"
    """The exempt extension is in it (R8)."""
    EMERGENCY = "emergency"
    """It is for help (R10)."""
    AMONG_STAFF = "among-staff"
    """Staff call a colleague, and no route has such calls: FreeSWITCH's own dialplan does."""
    NOBODY = "nobody"
    """Nothing that the configuration knows."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens, or would, and where it is written."""

    what: str
    """One or two words: ``hours``, ``recording``, ..."""
    text: str
    at: Source | None = None
    """``None`` where nobody wrote it: it is what holds without a word."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """What would happen to a call."""

    number: str
    caller: str
    """Who calls; empty where that was not said."""
    context: str
    """Of FreeSWITCH's dialplan, in which it was dialled."""
    moment: str
    """By the site's clock, as people read it."""
    verdict: Verdict
    recorded: bool
    why: str
    """Why it is recorded, or is not: one sentence."""
    steps: tuple[Step, ...]
    extensions: tuple[str, ...] = ()
    """Of the rendered dialplan, that take the call, in their order."""
    route: str = ""
    team: str = ""
    destination: str = ""
    """Where it is connected to first; empty where the team is closed and a prompt is all."""
    dial: str = ""
    """What FreeSWITCH's ``bridge`` is given there; empty for a queue."""
    near: tuple[str, ...] = ()
    """Numbers that may have been meant."""

    def as_json(self) -> dict[str, Any]:
        """Plain values; places as ``file:line:column``."""
        return {
            "number": self.number,
            "caller": self.caller,
            "context": self.context,
            "moment": self.moment,
            "verdict": self.verdict.value,
            "recorded": self.recorded,
            "why": self.why,
            "extensions": list(self.extensions),
            "route": self.route,
            "team": self.team,
            "destination": self.destination,
            "dial": self.dial,
            "near": list(self.near),
            "steps": [
                {"what": step.what, "text": step.text, "at": str(step.at) if step.at else ""}
                for step in self.steps
            ],
        }
