"""Particulars of audit entries: by entry, in place of what was never written, gone with a call."""

from __future__ import annotations

from datetime import date

from ivr.retention.index.particulars import Particular

from .place import Place, call, recorded

DAY = date(2026, 8, 1)
FIRST = Particular(1, call(1), "s" * 64, '{"reason":"a copy"}')
SEARCHED = Particular(2, "", "t" * 64, '{"number":"01277 312500"}', "01277 312500")


def test_they_come_back_byte_for_byte(place: Place) -> None:
    place.particulars.put([FIRST, SEARCHED])
    place.particulars.put([])
    assert place.particulars.get([1, 3, 1]) == {1: FIRST}
    found = place.particulars.get(range(10))
    assert (found[2].text, found[2].number) == (SEARCHED.text, "441277312500")


def test_the_later_ones_of_an_entry_count(place: Place) -> None:
    """The earlier ones are of an entry that was never written."""
    place.particulars.put([FIRST, SEARCHED])
    other = Particular(1, call(2), "u" * 64, "{}")
    place.particulars.put([other, Particular(1, call(3), "v" * 64, "[]")])
    assert place.particulars.get([1])[1].text == "[]"
    assert place.particulars.get([2])[2].text == SEARCHED.text


def test_they_are_durable_with_the_change_that_they_are_about(place: Place) -> None:
    try:
        with place.database.writing() as connection:
            place.particulars.put([FIRST], connection)
            raise InterruptedError
    except InterruptedError:
        pass
    assert place.particulars.get([1]) == {}


def test_a_number_is_forgotten_with_its_last_recording(place: Place) -> None:
    place.add(recorded(1), recorded(2), number="+44 1277 312500")
    place.add(recorded(3), number="07700900123")
    place.particulars.put([FIRST, SEARCHED, Particular(3, "", "s", "other", "07700900123")])
    for number, left in ((1, {2, 3}), (2, {3})):
        place.destroying.claim_at_once([call(number)], "general", DAY, 1)
        place.destroying.finish([call(number)], DAY)
        assert set(place.particulars.get(range(10))) == left
