"""Finding recordings, seeing what they are, and hearing them (R16)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import BinaryIO

from ivr.core.access import Action
from ivr.core.retention import Disposition, decide
from ivr.core.schedule import Schedule
from ivr.errors import UsageError
from ivr.logs import masked, masked_within
from ivr.retention.answers import Found, Shown
from ivr.retention.archive.protocol import Archive
from ivr.retention.archive.reader import Reader
from ivr.retention.index.cases import Cases
from ivr.retention.index.holds import Holds
from ivr.retention.index.recordings import Recordings
from ivr.retention.model import Part, Person, Query, Recording
from ivr.retention.office.gate import Gate

MOST_FOUND = 10_000
"""Recordings that one search hands back at most."""
_LONGEST = 64
"""Characters of what was looked for that the audit trail shows."""


@dataclass(frozen=True, slots=True)
class Sound:
    """One part of a recording, to be heard."""

    name: str
    """A file name for it: ``<call>.wav``."""
    media: str
    """Its media type."""
    file: BinaryIO


class Looking:
    """What only looks."""

    def __init__(
        self,
        gate: Gate,
        recordings: Recordings,
        cases: Cases,
        holds: Holds,
        archive: Archive,
        identity: Callable[[], bytes | None],
        schedule: Callable[[], Schedule],
        today: Callable[[], date],
    ) -> None:
        self._gate = gate
        self._recordings = recordings
        self._cases = cases
        self._holds = holds
        self._archive = archive
        self._identity = identity
        self._schedule = schedule
        self._today = today

    def search(self, person: Person, query: Query) -> list[Found]:
        """What fits, the latest first, of the teams that the person may see.

        Raises RefusedError, UsageError for what cannot be looked for.
        """
        self._gate.at_all(person, Action.SEARCH)
        if not 1 <= query.most <= MOST_FOUND:
            raise UsageError(f"{query.most} recordings: expected 1 to {MOST_FOUND} at most")
        case = self._cases.get(query.case) if query.case else None
        ruling = self._gate.may_all(person, Action.SEARCH, case)
        found = self._recordings.search(replace(query, teams=ruling.teams))
        # A number that nobody called from has no recording with which it would ever go (R14).
        looked_for = query.number if found else ""
        self._gate.write(
            person,
            Action.SEARCH,
            "granted",
            case=query.case,
            detail=_told(query, len(found)),
            particulars={"number": looked_for} if looked_for else None,
        )
        dispositions = self._dispositions(found)
        return [Found(each, dispositions[each.call]) for each in found]

    def show(
        self, person: Person, call: str, case: str = "", identity: bytes | None = None
    ) -> Shown:
        """What there is to see of a recording. ``identity``: the secret key of a sealed archive,
        where the service has none."""
        with self._gate.looking_up(person, Action.SHOW):
            recording = self._recordings.find(call, self._gate.teams(person, Action.SHOW))
        self._gate.to_recording(person, Action.SHOW, recording, case=case)
        key = identity or self._identity()
        record = None
        if key or not recording.sealed:
            record = Reader(self._archive, key).record(recording).decode()
        return Shown(
            recording,
            self._dispositions([recording])[recording.call],
            self._cases.open_naming(recording.call),
            self._holds.of(recording.call),
            record,
        )

    def listen(
        self,
        person: Person,
        call: str,
        *,
        part: int = 1,
        case: str = "",
        reason: str = "",
        identity: bytes | None = None,
    ) -> Sound:
        """A part of a recording as WAV. It is in the audit trail before a byte of it leaves."""
        with self._gate.looking_up(person, Action.LISTEN):
            recording = self._recordings.find(call, self._gate.teams(person, Action.LISTEN))
        self._gate.may(person, Action.LISTEN, recording, case=case, reason=reason)
        one = _part(recording, part)
        file = Reader(self._archive, identity or self._identity()).wav(recording, one)
        self._gate.to_recording(
            person, Action.LISTEN, recording, case=case, reason=reason, detail=f"part {part}"
        )
        name = recording.call if part == 1 else f"{recording.call}.{part}"
        return Sound(f"{name}.wav", "audio/wav", file)

    def _dispositions(self, found: list[Recording]) -> Mapping[str, Disposition]:
        claims = self._cases.claims([each.call for each in found])
        schedule, today = self._schedule(), self._today()
        return {
            each.call: decide(each.facts, claims.get(each.call, ()), schedule, today)
            for each in found
        }


def _part(recording: Recording, number: int) -> Part:
    if not recording.parts:
        why = "it was destroyed" if recording.state == "destroyed" else "nothing was recorded"
        raise UsageError(f"{recording.call} has no audio: {why} (state {recording.state})")
    if not 1 <= number <= len(recording.parts):
        raise UsageError(
            f"{recording.call} has no part {number}: expected 1 to {len(recording.parts)}"
        )
    return recording.parts[number - 1]


def _told(query: Query, found: int) -> str:
    """What was looked for, without what may identify a customer."""
    told = {
        "number": masked(query.number),
        "tail": masked(query.tail),
        "since": query.since,
        "until": query.until,
        # Whoever mistakes the one for the other types a number here.
        "team": masked_within(query.team[:_LONGEST]),
        "agent": masked_within(query.agent[:_LONGEST]),
        "mark": masked_within(query.mark[:_LONGEST]),
    }
    words = [f"{name} {value}" for name, value in told.items() if value]
    return f"{', '.join(words) or 'everything'}: {found} found"
