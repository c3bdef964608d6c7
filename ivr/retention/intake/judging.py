"""What becomes of a record, by what is known of its call.

Taking is by call, and may happen twice (``docs/spool.md``).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from ivr.errors import SpoolError, StoreError
from ivr.retention.archive.protocol import Archive
from ivr.retention.index.recordings import OPTED_OUT
from ivr.retention.intake.delivered import Delivered
from ivr.retention.intake.described import recording_of
from ivr.retention.model import Part, Recording
from ivr.storage.record_schema import ExemptModel, RecordModel, parse_either


class Verdict(StrEnum):
    """What is done with a record."""

    KEEP = "keep"
    """It is new."""
    REPLACE = "replace"
    """Of the call there is a record without a recording, and this one has it."""
    DESTROY = "destroy"
    """The caller opted out in mid-call: what there is of the call goes, then this one is kept."""
    KNOWN = "known"
    """There is one of the call: this one goes, unless it holds what that one does not."""
    GONE = "gone"
    """What there was of the call was destroyed, or never kept: this one goes."""
    WAIT = "wait"
    """What there is of the call is being destroyed: until that is done it stays."""


@dataclass(frozen=True, slots=True)
class Known:
    """What the index knows of a call."""

    recording: Recording | None = None
    destroyed: str = ""
    """The rule by which it was destroyed; empty where it was not."""
    dying: bool = False
    """Its destruction is decided and not finished."""

    @property
    def never(self) -> str:
        """The rule by which nothing more of the call is kept; empty where it is."""
        have = self.recording
        return OPTED_OUT if have is not None and have.state == "destroyed" else self.destroyed


NOTHING = Known()
_EMPTY = ("none", "lost")


def judge(state: str, known: Known) -> Verdict:
    """What is done with a record of this state (``kept``, ``none``, ``lost``, ``destroyed``,
    ``exempt``)."""
    if known.dying:
        return Verdict.WAIT
    have = known.recording
    if have is None:
        own = state == "destroyed" and known.destroyed == OPTED_OUT
        return Verdict.GONE if known.destroyed and not own else Verdict.KEEP
    if state == "destroyed":
        return Verdict.KNOWN if have.state == "destroyed" else Verdict.DESTROY
    if have.state == "destroyed":
        return Verdict.GONE
    if state == "kept" and have.state in _EMPTY:
        return Verdict.REPLACE
    return Verdict.KNOWN


def compare(
    delivered: Delivered, have: Recording, archive: Archive
) -> Literal["again", "dropped", "another"]:
    """What a record is whose call is known: the very same, a later one that holds nothing new, or
    a kept recording that is another one than that which is kept.

    A sealed record cannot be read here: what the index knows of it is compared. Raises StoreError
    where the archive does not have what the index says.
    """
    if have.sealed:
        filed = Part(have.record_name, 0, have.record_sha256)
        row = recording_of(
            delivered.record,
            delivered.day,
            delivered.ended_ms,
            filed,
            have.parts,
            have.format,
            sealed=True,
        )
        if row == have and len(delivered.pieces) == len(have.parts):
            return "again"
        return "another" if delivered.state == "kept" else "dropped"
    with archive.open(have.day, have.record_name) as file:
        data = file.read()
    if data == delivered.data:
        return "again"
    if delivered.state != "kept":
        return "dropped"
    try:
        record = parse_either(data, have.record_name)
    except SpoolError as error:
        raise StoreError(f"the archive's record of {have.call} cannot be read: {error}") from error
    return "dropped" if _hashes(record) == _hashes(delivered.record) else "another"


def _hashes(record: RecordModel | ExemptModel) -> tuple[str, ...]:
    if isinstance(record, ExemptModel):
        return ()
    return tuple(part.sha256 for part in record.recording.parts)
