"""Recordings are added once, found again, and counted."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import Connection

from ivr.errors import UsageError
from ivr.retention.index.database import Database
from ivr.retention.index.numbers import KeyedNumbers
from ivr.retention.model import Query

from .place import Place, call, recorded

DAY = date(2026, 3, 1)


def test_what_was_added_is_read_again_as_it_was(place: Place) -> None:
    first = recorded(1, marks=("abuse", "card-digits"), agents=("1002", "1001"), sealed=True)
    bare = recorded(2, state="none", parts=(), agents=(), duration_ms=0)
    place.add(first, bare)
    assert place.recordings.get(call(1)) == first
    assert place.recordings.get(call(2)) == bare
    assert place.recordings.get(call(3)) is None
    assert place.recordings.several([call(2), call(3), call(1)]) == (bare, first)


def test_adding_once_more_changes_nothing(place: Place) -> None:
    kept = recorded(1)
    added = place.recordings.add([(kept, "1"), (recorded(2), "2"), (kept, "1")])
    assert added.new == (call(1), call(2))
    again = place.recordings.add([(replace(kept, state="lost"), "1"), (recorded(3), "3")])
    assert (again.new, again.known, again.gone) == ((call(3),), (call(1),), ())
    assert place.recordings.get(call(1)) == kept
    assert place.recordings.count() == 3


def test_what_is_known_is_written_anew_and_its_case_stays(place: Place) -> None:
    place.add(recorded(1, state="lost", parts=(), agents=(), marks=("abuse",)))
    place.cases.open("C-1", "complaint", "ann", 1)
    place.cases.add("C-1", [call(1)])
    kept = recorded(1)
    added = place.recordings.add([(kept, "07700900123")], replace=True)
    assert added.new == (call(1),)
    assert place.recordings.get(call(1)) == kept
    assert place.recordings.search(Query(number="07700900123", case="C-1")) == [kept]
    assert place.recordings.search(Query(mark="abuse")) == []


def test_what_was_destroyed_is_not_kept_again(place: Place) -> None:
    place.add(recorded(1), recorded(2))
    place.destroying.claim_at_once([call(1), call(2)], "general", DAY, 7)
    assert place.recordings.add([(recorded(1), "")], replace=True).gone == (call(1),)
    place.destroying.finish([call(1)], DAY)
    added = place.recordings.add([(recorded(n), "") for n in (1, 2, 3)])
    assert (added.new, added.gone) == ((call(3),), (call(1), call(2)))
    assert [place.recordings.state_of(call(n)) for n in (1, 2, 3, 4)] == [
        "destroyed",
        "dying",
        "here",
        "",
    ]


def test_the_record_of_one_who_opted_out_is_kept_after_the_recording_was_destroyed(
    place: Place,
) -> None:
    place.add(recorded(1))
    place.destroying.claim_at_once([call(1)], "opted-out", DAY, 7)
    place.destroying.finish([call(1)], DAY)
    assert place.recordings.add([(recorded(1), "")]).gone == (call(1),)
    record = recorded(1, state="destroyed", parts=())
    assert place.recordings.add([(record, "")]).new == (call(1),)
    assert place.recordings.add([(record, "")]).known == (call(1),)
    assert place.recordings.get(call(1)) == record
    place.destroying.claim_at_once([call(1)], "general", DAY, 9)
    place.destroying.finish([call(1)], DAY)
    assert place.recordings.add([(record, "")]).gone == (call(1),)


def test_a_batch_is_there_as_a_whole_or_not_at_all(place: Place) -> None:
    def take_in(connection: Connection) -> None:
        place.recordings.add([(recorded(1), "")], within=connection)
        place.holds.place(call(1), "abuse", "engine", 5, connection)
        place.holds.place(call(2), "abuse", "engine", 5, connection)

    with pytest.raises(UsageError), place.database.writing() as connection:
        take_in(connection)
    assert place.recordings.count() == 0
    assert place.holds.of(call(1)) == ()


def test_found_by_how_its_id_begins(place: Place) -> None:
    place.add(*(recorded(n) for n in (0x10, 0x11, 0x2F)))
    assert place.recordings.find(call(0x2F)).call == call(0x2F)
    assert place.recordings.find(call(0x2F)[:35].upper() + "F").call == call(0x2F)
    with pytest.raises(UsageError, match="several calls begin with") as several:
        place.recordings.find(call(0x10)[:35])
    assert call(0x10) in str(several.value)
    assert call(0x11) in str(several.value)
    assert call(0x2F) not in str(several.value)
    for wrong in ("", "%", "x1", "../1234"):
        with pytest.raises(UsageError, match="is no id of a call"):
            place.recordings.find(wrong)
    with pytest.raises(UsageError, match="there is no recording"):
        place.recordings.find("ffff")


@pytest.mark.parametrize("digit", "0123456789abcdef")
def test_every_beginning_finds_its_own(place: Place, digit: str) -> None:
    ids = [digit * 8 + call(1)[8:], *(f"{other}{call(2)[1:]}" for other in "0123456789abcdef")]
    place.add(*(recorded(n, call=each) for n, each in enumerate(ids)))
    assert place.recordings.find(digit * 3).call == ids[0]
    assert place.recordings.find(ids[0][:9]).call == ids[0]


def test_one_that_was_destroyed_is_told_with_its_day(place: Place) -> None:
    place.add(recorded(1))
    place.destroying.claim_at_once([call(1)], "general", DAY, 7)
    place.destroying.finish([call(1)], DAY)
    with pytest.raises(UsageError, match="was destroyed on 2026-03-01"):
        place.recordings.find(call(1))


def test_they_are_counted_by_team_and_policy_version(place: Place) -> None:
    assert (place.recordings.count(), place.recordings.oldest()) == (0, None)
    place.add(
        recorded(1, DAY),
        recorded(2, date(2025, 12, 31), policy="2025-01"),
        recorded(3, team="council-tax"),
        recorded(4),
    )
    counted = {(g.team, g.policy): g.recordings for g in place.recordings.groups()}
    assert counted == {
        ("customer-services", "2025-01"): 1,
        ("customer-services", "2026-01"): 2,
        ("council-tax", "2026-01"): 1,
    }
    assert place.recordings.oldest() == date(2025, 12, 31)


def test_a_stranger_s_text_is_stored_whatever_it_is(place: Place) -> None:
    text = "x\x00'; DROP TABLE recording; --\ud800\r\n"
    place.add(recorded(1, agents=(text,), ended=text), number=text)
    found = place.recordings.get(call(1))
    assert found is not None
    assert found.agents == (text.replace("\x00", "\ufffd").replace("\ud800", "?"),)
    assert found.ended == found.agents[0]


def test_numbers_of_a_sealed_archive_are_not_in_the_index(database: Database) -> None:
    place = Place(database, KeyedNumbers(b"k" * 32))
    place.add(recorded(1))
    assert [each.call for each in place.recordings.search(Query(number="+441277312500"))] == [
        call(1)
    ]
    assert [each.call for each in place.recordings.search(Query(tail="2500"))] == [call(1)]
    with database.reading() as connection:
        rows = connection.exec_driver_sql("SELECT number, tail FROM recording").all()
    assert len(rows) == 1
    assert all("312500" not in value and "005213" not in value for value in rows[0])
