"""Cases and holds: what may be done to them in which state, and what they claim."""

from __future__ import annotations

from datetime import date

import pytest

from ivr.core.retention import Claim
from ivr.errors import UsageError
from ivr.retention.model import Case, Hold

from .place import Place, call, recorded

DAY, LATER = date(2026, 3, 1), date(2026, 4, 1)


def opened(place: Place, ref: str = "C-1", *numbers: int) -> None:
    place.cases.open(ref, "complaint", "ann", 1000)
    place.add(*(recorded(number) for number in numbers))
    place.cases.add(ref, [call(number) for number in numbers])


def test_a_case_from_its_opening_to_its_reopening(place: Place) -> None:
    assert place.cases.open("C-1", "complaint", "ann", 1000) is True
    assert place.cases.open("C-1", "complaint", "bob", 2000) is False
    assert place.cases.get("C-1") == Case("C-1", "complaint", 1000, "ann", None)
    place.add(recorded(1), recorded(2))
    assert place.cases.add("C-1", [call(2), call(1), call(2)]) == (call(2), call(1))
    assert place.cases.add("C-1", [call(1)]) == ()
    assert place.cases.close("C-1", DAY) is True
    assert place.cases.close("C-1", DAY) is False
    assert place.cases.get("C-1") == Case("C-1", "complaint", 1000, "ann", DAY, (call(1), call(2)))
    assert place.cases.claims([call(1)]) == {call(1): [Claim("C-1", "complaint", DAY)]}
    assert place.cases.open_naming(call(1)) == ()
    assert place.cases.reopen("C-1") is True
    assert place.cases.reopen("C-1") is False
    assert [case.ref for case in place.cases.open_naming(call(1))] == ["C-1"]
    assert place.cases.remove("C-1", [call(1), call(9)]) == (call(1),)
    assert place.cases.remove("C-1", [call(1)]) == ()
    assert place.cases.claims([call(1)]) == {}


def test_a_closed_case_still_takes_recordings(place: Place) -> None:
    """They are kept for the rest of its period: adding never shortens."""
    opened(place, "C-1", 1)
    place.cases.close("C-1", DAY)
    place.add(recorded(2))
    assert place.cases.add("C-1", [call(2)]) == (call(2),)


@pytest.mark.parametrize("ref", ["", "-1", "a" * 65, "a b", "a\n", "é", "../x", "hold-7", "a;b"])
def test_what_is_no_reference_is_refused(place: Place, ref: str) -> None:
    with pytest.raises(UsageError, match="reference"):
        place.cases.open(ref, "complaint", "ann", 1)
    assert place.cases.listing() == []


@pytest.mark.parametrize("ref", ["C-1", "2026/17", "a" * 64, "0", "hold-x", "A.b_c"])
def test_what_is_a_reference_is_taken(place: Place, ref: str) -> None:
    assert place.cases.open(ref, "complaint", "ann", 1)
    assert place.cases.get(ref) is not None


def test_what_does_not_fit_is_refused_and_told(place: Place) -> None:
    opened(place, "C-1", 1)
    with pytest.raises(UsageError, match="open already, as 'complaint' and not 'abuse'"):
        place.cases.open("C-1", "abuse", "ann", 1)
    place.cases.close("C-1", DAY)
    with pytest.raises(UsageError, match=r"closed on 2026-03-01; reopen it"):
        place.cases.open("C-1", "complaint", "ann", 1)
    with pytest.raises(UsageError, match="closed on 2026-03-01, not on 2026-04-01"):
        place.cases.close("C-1", LATER)
    for act in (
        lambda: place.cases.add("C-2", [call(1)]),
        lambda: place.cases.remove("C-2", [call(1)]),
        lambda: place.cases.close("C-2", DAY),
        lambda: place.cases.reopen("C-2"),
    ):
        with pytest.raises(UsageError, match="there is no case 'C-2'"):
            act()


def test_what_is_destroyed_or_dying_or_unknown_is_not_held(place: Place) -> None:
    opened(place, "C-1")
    place.add(*(recorded(number) for number in (1, 2, 3)))
    place.destroying.claim_at_once([call(1), call(2)], "general", DAY, 1)
    place.destroying.finish([call(1)], DAY)
    with pytest.raises(UsageError) as told:
        place.cases.add("C-1", [call(number) for number in (1, 2, 3, 4)])
    assert str(told.value).splitlines() == [
        "case C-1: not every recording can be held",
        f"  {call(1)}: it was destroyed on 2026-03-01",
        f"  {call(2)}: it is being destroyed; nothing can hold it any more",
        f"  {call(4)}: there is no such recording; look for it: ivr search",
    ]
    assert place.cases.get("C-1") == Case("C-1", "complaint", 1000, "ann", None)
    for number in (1, 2, 4):
        with pytest.raises(UsageError, match="hold: not every recording"):
            place.holds.place(call(number), "abuse", "ann", 1)
    assert place.holds.listing() == []


def test_cases_are_listed_the_latest_first(place: Place) -> None:
    for number, (ref, kind) in enumerate([("A", "abuse"), ("B", "complaint"), ("C", "abuse")]):
        place.cases.open(ref, kind, "ann", number)
    place.cases.close("C", DAY)
    refs = lambda **asked: [case.ref for case in place.cases.listing(**asked)]  # noqa: E731 (short)
    assert refs() == ["C", "B", "A"]
    assert refs(kind="abuse") == ["C", "A"]
    assert refs(open_only=True) == ["B", "A"]
    assert refs(most=1) == ["C"]


def test_a_hold_from_its_placing_to_its_release(place: Place) -> None:
    place.add(recorded(1))
    hold = place.holds.place(call(1), "abuse", "engine", 5)
    assert hold == Hold("hold-1", call(1), "abuse", 5, "engine", None)
    assert place.holds.place(call(1), "abuse", "engine", 6) == hold
    other = place.holds.place(call(1), "abuse", "ann", 6)
    assert place.holds.of(call(1)) == (hold, other)
    assert place.holds.release("hold-1", DAY) is True
    assert place.holds.release("hold-1", DAY) is False
    with pytest.raises(UsageError, match="released on 2026-03-01, not on"):
        place.holds.release("hold-1", LATER)
    for unknown in ("hold-9", "hold-", "C-1", "hold-01", "hold-" + "9" * 30):
        assert place.holds.get(unknown) is None
        with pytest.raises(UsageError, match="there is no hold"):
            place.holds.release(unknown, DAY)
    assert place.holds.get("hold-1") == Hold("hold-1", call(1), "abuse", 5, "engine", DAY)
    assert [each.ref for each in place.holds.listing()] == ["hold-2"]
    assert [each.ref for each in place.holds.listing(held_only=False)] == ["hold-2", "hold-1"]
    assert place.holds.place(call(1), "abuse", "engine", 7).ref == "hold-3"
    assert sorted(place.cases.claims([call(1)])[call(1)], key=lambda each: each.ref) == [
        Claim("hold-1", "abuse", DAY),
        Claim("hold-2", "abuse", None),
        Claim("hold-3", "abuse", None),
    ]


def test_the_number_of_a_hold_is_never_given_again(place: Place) -> None:
    place.add(recorded(1), recorded(2))
    assert place.holds.place(call(1), "abuse", "engine", 5).ref == "hold-1"
    place.destroying.claim_at_once([call(1)], "opted-out", DAY, 1)
    place.destroying.finish([call(1)], DAY)
    assert place.holds.place(call(2), "abuse", "engine", 5).ref == "hold-2"


def test_what_is_held_is_counted_once(place: Place) -> None:
    opened(place, "C-1", 1, 2)
    opened(place, "C-2", 3)
    place.cases.add("C-2", [call(1)])
    place.holds.place(call(1), "abuse", "ann", 1)
    assert place.cases.held() == 3
    place.cases.close("C-1", DAY)
    assert place.cases.held() == 2
    place.cases.close("C-2", DAY)
    assert place.cases.held() == 1
    place.holds.release("hold-1", DAY)
    assert place.cases.held() == 0
