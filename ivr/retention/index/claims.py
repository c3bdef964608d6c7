"""Whatever keeps a recording besides the rule for all of them: cases and holds (R13)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date

from sqlalchemy import Connection, select

from ivr.core.retention import Claim
from ivr.errors import UsageError
from ivr.retention.index.chunks import chunks
from ivr.retention.index.tables import case, case_recording, destroyed, dying, hold, recording


def day_of(text: str | None) -> date | None:
    """A day of the index."""
    return None if text is None else date.fromisoformat(text)


def hold_ref(number: int) -> str:
    """What a hold is called."""
    return f"hold-{number}"


def claims_on(connection: Connection, calls: Collection[str]) -> dict[str, list[Claim]]:
    """The claims on each of the calls that has any, by call; in no order."""
    found: dict[str, list[Claim]] = {}
    for some in chunks(calls):
        of_cases = (
            select(case_recording.c.call, case_recording.c.ref, case.c.kind, case.c.closed)
            # A call in a case that is not there is held: its kind is none that a schedule knows.
            .join_from(case_recording, case, case.c.ref == case_recording.c.ref, isouter=True)
            .where(case_recording.c.call.in_(some))
        )
        for call, ref, kind, closed in connection.execute(of_cases):
            found.setdefault(call, []).append(Claim(ref, kind or "", day_of(closed)))
        of_holds = select(hold.c.call, hold.c.id, hold.c.kind, hold.c.released).where(
            hold.c.call.in_(some)
        )
        for call, number, kind, released in connection.execute(of_holds):
            found.setdefault(call, []).append(Claim(hold_ref(number), kind, day_of(released)))
    return found


def must_be_here(connection: Connection, calls: Collection[str], what: str) -> None:
    """Raises UsageError that names each call that cannot be held: it is destroyed, or about to
    be, or no recording of this archive."""
    faults: list[str] = []
    for some in chunks(calls):
        here = set(connection.scalars(select(recording.c.call).where(recording.c.call.in_(some))))
        going = set(connection.scalars(select(dying.c.call).where(dying.c.call.in_(some))))
        rows = connection.execute(
            select(destroyed.c.call, destroyed.c.day).where(destroyed.c.call.in_(some))
        )
        gone = {row.call: row.day for row in rows}
        for call in some:
            if call in going:
                faults.append(f"  {call}: it is being destroyed; nothing can hold it any more")
            elif call in here:
                continue
            elif call in gone:
                faults.append(f"  {call}: it was destroyed on {gone[call]}")
            else:
                faults.append(f"  {call}: there is no such recording; look for it: ivr search")
    if faults:
        raise UsageError("\n".join([f"{what}: not every recording can be held", *faults]))
