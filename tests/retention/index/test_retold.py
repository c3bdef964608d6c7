"""Cases, holds and what was destroyed come back from the audit trail (R13, R17)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from ivr.core.retention import Claim
from ivr.retention.audit.stores import MemoryHead, MemoryParticulars
from ivr.retention.audit.trail import Trail
from ivr.retention.index.retold import Restored, restore, retold
from ivr.retention.model import Case, Entry, Person

from .place import Place, call, recorded

LONDON = ZoneInfo("Europe/London")
AT_MS = 1_785_452_400_000  # 2026-07-30T23:00:00Z, which is midnight in London
DAY = date(2026, 7, 31)


class Wall:
    def wall_ms(self) -> int:
        return AT_MS


@pytest.fixture
def trail(tmp_path: Path) -> Trail:
    return Trail(tmp_path / "audit", MemoryParticulars(), MemoryHead(), Wall())


def entries(*told: Sequence[str]) -> list[Entry]:
    """Action, case, number of the call, detail."""
    found = []
    for action, *rest in told:
        case, number, detail = (*rest, "", "", "")[:3]
        name = call(int(number)) if number else ""
        rule = detail if action == "destroy" else ""
        text = "" if rule else detail
        found.append(Entry(action, "ann", "done", name, case, rule, text))
    return found


def back(place: Place, trail: Trail) -> Restored | None:
    return restore(place.database, retold(trail, LONDON))


def test_what_was_there_when_it_ended(place: Place, trail: Trail) -> None:
    trail.append(
        entries(
            ("case-open", "C-1", "", "complaint"),
            ("case-add", "C-1", "1"),
            ("case-add", "C-1", "2"),
            ("case-add", "C-1", "3"),
            ("case-remove", "C-1", "2"),
            ("case-close", "C-1", "", "2026-07-01"),
            ("case-open", "C-2", "", "abuse"),
            ("case-add", "C-2", "1"),
            ("case-close", "C-2", "", "2026-07-01"),
            ("case-reopen", "C-2"),
            ("hold", "hold-1", "1", "abuse"),
            ("release", "hold-1", "1", "2026-07-02"),
            ("hold", "hold-2", "3", "abuse"),
            ("hold", "hold-3", "4", "abuse"),
            ("hold", "hold-9", "5", "abuse"),
            ("destroy", "", "3", "general"),
            ("destroy", "", "5", "opted-out"),
            ("listen", "C-1", "1"),
        )
    )
    trail.append([Entry("case-close", "bob", "refused", case="C-2", detail="2026-07-03")])
    assert back(place, trail) == Restored(2, 2, 2)
    assert place.cases.get("C-1") == Case(
        "C-1", "complaint", AT_MS, "ann", date(2026, 7, 1), (call(1),)
    )
    assert place.cases.get("C-2") == Case("C-2", "abuse", AT_MS, "ann", None, (call(1),))
    assert {hold.ref: hold.call for hold in place.holds.listing(held_only=False)} == {
        "hold-1": call(1),
        "hold-3": call(4),
    }
    assert place.cases.claims([call(1)])[call(1)] == [
        Claim("C-1", "complaint", date(2026, 7, 1)),
        Claim("C-2", "abuse", None),
        Claim("hold-1", "abuse", date(2026, 7, 2)),
    ]
    assert place.destroying.gone([call(n) for n in range(9)]) == {call(3), call(5)}
    added = place.recordings.add(
        [(recorded(3), ""), (recorded(4), ""), (recorded(5, state="destroyed"), "")]
    )
    assert (added.new, added.gone) == ((call(4), call(5)), (call(3),))
    assert place.holds.place(call(4), "abuse", "bob", 1).ref == "hold-10"


def test_the_day_of_a_destruction_is_the_site_s(place: Place, trail: Trail) -> None:
    trail.append(entries(("destroy", "", "1", "general")))
    back(place, trail)
    with place.database.reading() as connection:
        rows = connection.exec_driver_sql("SELECT call, day, rule FROM destroyed").all()
    assert [tuple(row) for row in rows] == [(call(1), DAY.isoformat(), "general")]


def test_what_the_index_has_stays(place: Place, trail: Trail) -> None:
    trail.append(entries(("case-open", "C-1", "", "complaint"), ("destroy", "", "1", "general")))
    place.cases.open("C-2", "abuse", "ann", 1)
    assert back(place, trail) is None
    assert [case.ref for case in place.cases.listing()] == ["C-2"]
    assert place.destroying.gone([call(1)]) == {call(1)}


def test_twice_is_once(place: Place, trail: Trail) -> None:
    trail.append(entries(("hold", "hold-1", "1", "abuse"), ("destroy", "", "2", "general")))
    assert back(place, trail) == Restored(0, 1, 1)
    assert back(place, trail) is None
    assert len(place.holds.listing()) == 1


def test_in_doubt_it_is_held(place: Place, trail: Trail) -> None:
    trail.append(
        entries(
            ("case-add", "LOST", "1"),
            ("case-close", "LOST", "", "yesterday"),
            ("case-close", "OTHER", "", "2020-01-01"),
            ("release", "hold-7", "1", "2026-07-01"),
            ("hold", "nonsense", "1", "abuse"),
            ("hold", "hold-1", "2", "abuse"),
            ("release", "hold-1", "2", "20260701"),
        )
    )
    restored = back(place, trail)
    assert restored is not None
    assert [doubt.partition(": ")[2] for doubt in restored.doubts] == [
        "the case is taken to be open, of an unknown kind",
        "no day; the case is taken to be open",
        "the case is taken to be open, of an unknown kind",
        "no hold was released",
        "it has no hold's number; nothing is held by it",
        "no hold was released",
    ]
    assert place.cases.claims([call(1), call(2)]) == {
        call(1): [Claim("LOST", "unknown", None)],
        call(2): [Claim("hold-1", "abuse", None)],
    }
    assert call(1) in restored.doubts[0]


def test_a_number_that_was_given_twice_is_the_later_hold_s(place: Place, trail: Trail) -> None:
    """Its first entry was written, and the transaction undone."""
    trail.append(
        entries(
            ("hold", "hold-1", "1", "abuse"),
            ("hold", "hold-1", "2", "abuse"),
            ("release", "hold-1", "2", "2026-07-01"),
            ("hold", "hold-1", "2", "abuse"),
        )
    )
    back(place, trail)
    (hold,) = place.holds.listing(held_only=False)
    assert (hold.call, hold.released) == (call(2), date(2026, 7, 1))


def test_who_opened_and_held_is_the_person_and_not_the_program(place: Place, trail: Trail) -> None:
    who = Person("token:desk", behalf="ivr-desk")
    trail.append(
        [
            Entry("case-open", who.told, "done", case="C-1", detail="complaint"),
            Entry("case-add", who.told, "done", call(1), "C-2"),
            Entry("hold", who.told, "done", call(1), "hold-1", detail="abuse"),
        ]
    )
    back(place, trail)
    opened = [place.cases.get(ref) for ref in ("C-1", "C-2")]
    assert [each.opened_by for each in opened if each] == ["token:desk"] * 2
    assert [each.placed_by for each in place.holds.listing()] == ["token:desk"]
