"""People who may nothing, who ask for everything, who mistake one field for another (R16)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ivr.errors import RefusedError, UsageError
from ivr.retention.answers import Wish
from ivr.retention.audit.read import Wanted
from ivr.retention.index.database import Database
from ivr.retention.model import Query
from ivr.retention.office.office import Office
from tests.retention.house import AUDITOR, DPO, NUMBER, STRANGER, House

ASKED: dict[str, Callable[[Office, str], object]] = {
    "search": lambda office, _: office.looking.search(STRANGER, Query()),
    "show": lambda office, call: office.looking.show(STRANGER, call),
    "listen": lambda office, call: office.looking.listen(STRANGER, call),
    "send": lambda office, call: office.giving.send(STRANGER, Wish(call, "a@b.uk", "a@b.uk")),
    "evidence": lambda office, call: office.giving.evidence(STRANGER, call, "C-1"),
    "hold": lambda office, call: office.keeping.hold(STRANGER, call, "complaint", "so"),
    "release": lambda office, _: office.keeping.release(STRANGER, "hold-9", "so"),
    "case-show": lambda office, _: office.keeping.show(STRANGER, "C-9"),
    "case-change": lambda office, call: office.keeping.add(STRANGER, "C-9", (call,)),
    "case-close": lambda office, _: office.keeping.close(STRANGER, "C-9"),
    "case-open": lambda office, _: office.keeping.reopen(STRANGER, "C-9"),
}


@pytest.mark.parametrize("call", ["0", "00000009-0000-4000-8000-000000000000"])
@pytest.mark.parametrize("action", ASKED)
def test_who_may_nothing_does_not_learn_what_there_is(
    tmp_path: Path, action: str, call: str
) -> None:
    house = House(tmp_path)
    house.call(1)
    house.call(2)
    with pytest.raises(RefusedError) as refused:
        ASKED[action](house.office, call)
    assert "0000000" not in str(refused.value)
    assert house.audit(action) == [(action, "stranger", "refused", "", "")]


def test_no_number_that_is_typed_for_a_case_or_team_stays_in_the_trail(tmp_path: Path) -> None:
    house = House(tmp_path)
    call = house.call(1)
    office = house.office
    office.looking.listen(DPO, call, case=NUMBER, reason="a complaint")
    office.looking.search(DPO, Query(case=NUMBER, team=NUMBER, agent=NUMBER, mark=NUMBER))
    for ref in (NUMBER, "9" * 1_000_000, "\0"):
        with pytest.raises(RefusedError):
            office.keeping.open(STRANGER, ref, "complaint")
        with pytest.raises(RefusedError):
            office.looking.listen(STRANGER, call, case=ref)
    house.turn(days=300)
    assert house.sweep().toll.recordings == 1
    assert house.files_with(NUMBER) == []
    assert all(len(entry[4]) <= 64 for entry in house.audit())


def test_cases_and_holds_that_there_are_stand_in_the_trail_as_they_are(tmp_path: Path) -> None:
    house = House(tmp_path)
    call = house.call(1)
    house.office.keeping.open(DPO, "2026-0012345", "complaint")
    house.office.keeping.add(DPO, "2026-0012345", (call,))
    house.office.looking.show(DPO, call, "2026-0012345")
    told = house.audit("case-open", "case-add", "show")
    assert {case for *_, case in told} == {"2026-0012345"}


def test_there_is_an_end_to_what_one_request_asks_for(tmp_path: Path) -> None:
    house = House(tmp_path)
    call = house.call(1)
    for most in (0, -1, 10**9, 10**30):
        with pytest.raises(UsageError, match="at most"):
            house.office.looking.search(DPO, Query(most=most))
        with pytest.raises(UsageError, match="at most"):
            house.office.overseeing.entries(AUDITOR, most, Wanted())
    with pytest.raises(UsageError, match="reason"):
        house.office.looking.listen(DPO, call, reason="x" * 900_000)
    assert house.audit("listen", "search", "audit-show") == []


def test_as_many_as_there_are_requests_may_use_the_index_at_once(tmp_path: Path) -> None:
    database = Database.open(f"sqlite:///{tmp_path}/index.sqlite")
    opened = [database.reading() for _ in range(140)]
    for each in opened:
        each.__enter__()
    for each in opened:
        each.__exit__(None, None, None)
    database.close()
