"""What is due is decided by the planner, once more when it is claimed, and then it goes (R14)."""

from __future__ import annotations

import threading
from datetime import date, timedelta

import pytest

from ivr.core.retention import Disposition, decide
from ivr.core.schedule import Period, Rule, Schedule
from ivr.errors import StoreError, UsageError
from ivr.retention.index import destroying
from ivr.retention.index.destroying import Dying

from .place import SCHEDULE, Place, call, recorded

TODAY = date(2026, 7, 31)
OLD, YOUNG = date(2026, 1, 31), date(2026, 2, 1)


def due(place: Place, today: date = TODAY, schedule: Schedule = SCHEDULE) -> list[str]:
    return sorted(each.call for each in place.destroying.due(schedule, today))


def test_what_is_due_and_which_rule_says_so(place: Place) -> None:
    place.add(
        recorded(1, OLD),
        recorded(2, YOUNG),
        recorded(3, date(2026, 4, 30), team="council-tax"),
        recorded(4, date(2026, 5, 1), team="council-tax"),
    )
    found = sorted(place.destroying.due(SCHEDULE, TODAY), key=lambda each: each.call)
    assert found == [
        Disposition(call(1), "destroy", TODAY, "general", "6 months after the call"),
        Disposition(call(3), "destroy", date(2026, 7, 30), "tax", "3 months after the call"),
    ]


@pytest.mark.parametrize("today", [date(2026, 2, 27), date(2026, 2, 28), date(2026, 3, 1)])
def test_the_end_of_a_month_is_the_planner_s(place: Place, today: date) -> None:
    """Six months after 28, 29, 30 and 31 August are over on the same day."""
    days = [date(2025, 8, 27) + timedelta(n) for n in range(7)]
    recordings = [recorded(n, day) for n, day in enumerate(days)]
    place.add(*recordings)
    assert due(place, today) == [
        each.call
        for each in recordings
        if decide(each.facts, (), SCHEDULE, today).action == "destroy"
    ]


def test_cases_and_holds_keep_and_then_their_periods_do(place: Place) -> None:
    place.add(*(recorded(n, OLD) for n in range(1, 7)))
    for ref, number in (("OPEN", 1), ("OLD", 2), ("NEW", 3), ("OTHER", 5)):
        place.cases.open(ref, "unheard-of" if ref == "OTHER" else "complaint", "ann", 1)
        place.cases.add(ref, [call(number)])
    place.cases.close("OLD", date(2025, 7, 31))
    place.cases.close("NEW", date(2025, 8, 1))
    place.cases.close("OTHER", date(2020, 1, 1))
    place.holds.place(call(4), "abuse", "engine", 1)
    assert due(place) == [call(2), call(6)]
    found = {each.call: each for each in place.destroying.dispositions(SCHEDULE, TODAY, TODAY)}
    assert {name: (each.action, each.rule) for name, each in found.items()} == {
        call(1): ("hold", "open-case"),
        call(2): ("destroy", "general"),
        call(3): ("keep", "complaint"),
        call(4): ("hold", "open-case"),
        call(5): ("hold", "no-rule"),
        call(6): ("destroy", "general"),
    }
    assert found[call(3)].due == date(2026, 8, 1)
    assert "NEW" in found[call(3)].why
    place.holds.release("hold-1", date(2024, 7, 31))
    assert due(place) == [call(2), call(4), call(6)]
    assert due(place, date(2026, 8, 1)) == [call(2), call(3), call(4), call(6)]


def test_a_plan_looks_ahead(place: Place) -> None:
    place.add(recorded(1, OLD), recorded(2, YOUNG), recorded(3, date(2026, 3, 1)))
    found = place.destroying.dispositions(SCHEDULE, TODAY, date(2026, 8, 31))
    assert [(each.call, each.action, each.due) for each in found] == [
        (call(1), "destroy", TODAY),
        (call(2), "keep", date(2026, 8, 1)),
    ]


def test_what_no_rule_is_for_is_held(place: Place) -> None:
    place.add(recorded(1, OLD), recorded(2, OLD, team="council-tax"))
    only = Schedule("1", (Rule("tax", Period.of("1 day"), team="council-tax"),))
    assert due(place, schedule=only) == [call(2)]
    held = place.destroying.dispositions(only, TODAY, TODAY)
    assert [(each.call, each.action, each.rule) for each in held] == [
        (call(2), "destroy", "tax"),
        (call(1), "hold", "no-rule"),
    ]


def test_pages_have_each_once(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(destroying, "PAGE", 3)
    for many in (3, 4, 10):
        place.add(*(recorded(n, OLD - timedelta(n // 5)) for n in range(many)))
        place.cases.open(f"C-{many}", "complaint", "ann", 1)
        place.cases.add(f"C-{many}", [call(many - 1)])
        kept = {2, 3, 9} & set(range(many))
        assert due(place) == [call(n) for n in range(many) if n not in kept]


def test_they_may_be_destroyed_while_they_are_read(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(destroying, "PAGE", 2)
    place.add(*(recorded(n, OLD) for n in range(7)))
    seen = []
    for each in place.destroying.due(SCHEDULE, TODAY):
        seen.append(each.call)
        place.destroying.claim([each.call], SCHEDULE, TODAY, 1)
        place.destroying.finish([each.call], TODAY)
        assert place.database.forget(patience_s=0), "no reader is left in between"
    assert sorted(seen) == [call(n) for n in range(7)]
    assert place.recordings.count() == 0


def test_when_it_is_claimed_it_is_decided_once_more(place: Place) -> None:
    place.add(*(recorded(n, OLD) for n in (1, 2, 3)), recorded(4, YOUNG))
    asked = [*due(place), call(4), call(9)]
    place.holds.place(call(2), "abuse", "ann", 1)
    taken = place.destroying.claim(asked, SCHEDULE, TODAY, 17)
    assert taken == [Dying(call(n), "general", TODAY, 17) for n in (1, 3)]
    assert place.destroying.pending() == taken
    assert due(place) == []
    assert place.destroying.claim(asked, SCHEDULE, TODAY, 18) == [], "it is dying already"
    with pytest.raises(UsageError, match="nothing can hold it any more"):
        place.holds.place(call(1), "abuse", "ann", 1)


def test_what_was_opted_out_of_goes_whatever_holds_it(place: Place) -> None:
    place.add(recorded(1, YOUNG))
    place.holds.place(call(1), "abuse", "ann", 1)
    calls = [call(1), call(2), call(1)]
    assert place.destroying.claim_at_once(calls, "opted-out", TODAY, 3) == [
        Dying(call(1), "opted-out", TODAY, 3),
        Dying(call(2), "opted-out", TODAY, 3),
    ]
    assert place.destroying.claim_at_once([call(1)], "opted-out", TODAY, 4) == []
    place.destroying.finish([call(1), call(2)], TODAY)
    assert place.destroying.gone([call(1), call(2), call(3)]) == {call(1), call(2)}
    assert place.holds.of(call(1)) == ()


def test_finishing_twice_is_finishing_once(place: Place) -> None:
    place.add(recorded(1, OLD), recorded(2, OLD))
    place.destroying.claim([call(1)], SCHEDULE, TODAY, 1)
    place.destroying.finish([call(1)], TODAY)
    place.destroying.finish([call(1)], TODAY + timedelta(1))
    assert place.destroying.pending() == []
    with pytest.raises(UsageError, match="was destroyed on 2026-07-31"):
        place.recordings.find(call(1))


def test_what_was_not_claimed_is_not_finished(place: Place) -> None:
    place.add(recorded(1, OLD), recorded(2, OLD))
    place.destroying.claim([call(1)], SCHEDULE, TODAY, 1)
    with pytest.raises(StoreError, match="has not been decided"):
        place.destroying.finish([call(1), call(2)], TODAY)
    assert [place.recordings.state_of(call(n)) for n in (1, 2)] == ["dying", "here"]


def test_the_case_stays_when_its_recording_goes(place: Place) -> None:
    place.add(recorded(1, OLD), recorded(2, OLD))
    place.cases.open("C-1", "complaint", "ann", 1)
    place.cases.add("C-1", [call(1), call(2)])
    place.destroying.claim_at_once([call(1)], "opted-out", TODAY, 1)
    place.destroying.finish([call(1)], TODAY)
    case = place.cases.get("C-1")
    assert case is not None
    assert case.calls == (call(2),)


def test_of_a_hold_and_a_destruction_at_once_one_wins(place: Place) -> None:
    """Whoever is second knows of the first: never is a recording held that is dying."""
    calls = place.add(*(recorded(n, OLD) for n in range(30)))
    begin = threading.Barrier(2)
    refused: list[str] = []

    def hold() -> None:
        begin.wait()
        for each in calls:
            try:
                place.holds.place(each, "abuse", "ann", 1)
            except UsageError:
                refused.append(each)

    person = threading.Thread(target=hold)
    person.start()
    begin.wait()
    taken = [
        dying.call
        for each in reversed(calls)
        for dying in place.destroying.claim([each], SCHEDULE, TODAY, 1)
    ]
    person.join()
    assert sorted(refused) == sorted(taken)
    held = [each for each in calls if place.holds.of(each)]
    assert sorted([*held, *taken]) == sorted(calls)
