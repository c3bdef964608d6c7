"""Whatever people do is decided, written down, and done, in this order (R16, R17)."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from ivr.errors import ConfigError, DiskError, RefusedError, StoreError, UsageError
from ivr.retention.audit.read import Wanted
from ivr.retention.audit.trail import Trail
from ivr.retention.model import Person, Query
from tests.retention.house import (
    AUDITOR,
    DPO,
    ENGINEER,
    MANAGER,
    NUMBER,
    OFFICER,
    PEOPLE_MANAGER,
    POLICY,
    STRANGER,
    House,
    as_json,
    schedule_with,
)
from tests.retention.intake.records import sound


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_the_dpo_finds_sees_and_hears_a_call(house: House) -> None:
    call = house.call(1)
    [found] = house.office.looking.search(DPO, Query(number="+44 1277 312500"))
    assert found.recording.call == call
    assert found.disposition.due == date(2026, 11, 30)
    assert as_json(house.office.looking.show(DPO, call[:8]).record)["caller"] == NUMBER
    with house.office.looking.listen(DPO, call, reason="a complaint").file as file:
        assert file.read() == sound()
    assert house.audit("search", "show", "listen") == [
        ("search", "dpo", "granted", "", ""),
        ("show", "dpo", "granted", call, ""),
        ("listen", "dpo", "granted", call, ""),
    ]


@pytest.mark.parametrize("who", [STRANGER, ENGINEER, POLICY, AUDITOR, PEOPLE_MANAGER])
def test_who_may_not_hears_nothing_and_is_in_the_trail(house: House, who: Person) -> None:
    call = house.call(1)
    with pytest.raises(RefusedError, match="may not listen"):
        house.office.looking.listen(who, call, reason="curious")
    with pytest.raises(RefusedError):
        house.office.looking.show(who, call)
    told = house.audit("listen", "show")
    assert told == [
        ("listen", who.user, "refused", call, ""),
        ("show", who.user, "refused", call, ""),
    ]


def test_who_cannot_be_written_down_does_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = house.call(1)
    house.office.keeping.open(DPO, "C-1", "complaint")

    def full(*_: object) -> list[int]:
        raise DiskError("the disk is full")

    monkeypatch.setattr(Trail, "append", full)
    looking, keeping = house.office.looking, house.office.keeping
    for attempt in (
        lambda: looking.listen(DPO, call, reason="a complaint"),
        lambda: looking.show(DPO, call),
        lambda: looking.search(DPO, Query()),
        lambda: keeping.add(DPO, "C-1", [call]),
        lambda: keeping.close(DPO, "C-1"),
        lambda: keeping.hold(DPO, call, "complaint", "x"),
    ):
        with pytest.raises(DiskError):
            attempt()
    case = house.store.cases.get("C-1")
    assert case is not None
    assert (case.closed, case.calls) == (None, ())
    assert house.store.holds.of(call) == ()


def test_a_manager_sees_their_own_team_alone(house: House) -> None:
    own, other = house.call(1, team="housing"), house.call(2, team="parking")
    found = house.office.looking.search(MANAGER, Query())
    assert [each.recording.call for each in found] == [own]
    assert house.office.looking.show(MANAGER, own).recording.team == "housing"
    with pytest.raises(RefusedError, match="housing"):
        house.office.looking.show(MANAGER, other)
    house.office.keeping.open(MANAGER, "C-1", "complaint")
    with pytest.raises(RefusedError):
        house.office.keeping.add(MANAGER, "C-1", [own, other])
    case = house.store.cases.get("C-1")
    assert case is not None
    assert case.calls == ()


def test_the_people_manager_needs_an_open_disciplinary_case_that_names_the_recording(
    house: House,
) -> None:
    call, other = house.call(1), house.call(2)
    looking, keeping = house.office.looking, house.office.keeping
    keeping.open(DPO, "D-7", "disciplinary")
    with pytest.raises(RefusedError, match="is none"):
        looking.listen(PEOPLE_MANAGER, call, case="D-7")
    keeping.add(DPO, "D-7", [call])
    looking.listen(PEOPLE_MANAGER, call, case="D-7").file.close()
    with pytest.raises(RefusedError):
        looking.listen(PEOPLE_MANAGER, other, case="D-7")
    with pytest.raises(RefusedError, match="--case"):
        looking.listen(PEOPLE_MANAGER, call, reason="I know of it")
    keeping.close(DPO, "D-7")
    with pytest.raises(RefusedError):
        looking.listen(PEOPLE_MANAGER, call, case="D-7")
    outcomes = [(outcome, case) for _, _, outcome, _, case in house.audit("listen")]
    assert outcomes == [
        ("refused", "D-7"),
        ("granted", "D-7"),
        ("refused", "D-7"),
        ("refused", ""),
        ("refused", "D-7"),
    ]


def test_a_case_is_in_the_trail_so_that_an_index_can_be_made_again_from_it(house: House) -> None:
    call = house.call(1)
    keeping = house.office.keeping
    keeping.open(DPO, "C-1", "complaint")
    keeping.open(DPO, "C-1", "complaint")  # once more changes nothing
    keeping.add(DPO, "C-1", [call, call])
    keeping.close(DPO, "C-1", date(2026, 5, 31))
    keeping.reopen(DPO, "C-1")
    keeping.remove(DPO, "C-1", [call])
    hold = keeping.hold(DPO, call, "abuse", "threats")
    keeping.release(DPO, hold.ref, "over")
    told = [
        (each.action, each.call, each.case, each.detail)
        for each in house.store.trail.read()
        if each.action.startswith(("case-", "hold", "release"))
    ]
    assert told == [
        ("case-open", "", "C-1", "complaint"),
        ("case-add", call, "C-1", ""),
        ("case-close", "", "C-1", "2026-05-31"),
        ("case-reopen", "", "C-1", ""),
        ("case-remove", call, "C-1", ""),
        ("hold", call, hold.ref, "abuse"),
        ("release", call, hold.ref, "2026-05-31"),
    ]


@pytest.mark.parametrize(
    ("attempt", "says"),
    [
        (lambda k, c: k.open(DPO, "C-2", "complain"), 'did you mean "complaint"'),
        (lambda k, c: k.open(DPO, "../etc", "complaint"), "cannot be a case's reference"),
        (lambda k, c: k.add(DPO, "C-9", [c]), "there is no case 'C-9'"),
        (lambda k, c: k.add(DPO, "C-1", ["beef"]), "beef"),
        (lambda k, c: k.close(DPO, "C-1", date(2030, 1, 1)), "has not come yet"),
        (lambda k, c: k.close(DPO, "C-1", date(2020, 1, 1)), "was opened on 2026-05-31"),
        (lambda k, c: k.hold(DPO, c, "nothing", "x"), "is no kind of case"),
        (lambda k, c: k.release(DPO, "hold-99", "x"), "there is no hold"),
    ],
)
def test_what_does_not_fit_is_told_and_changes_nothing(house: House, attempt, says: str) -> None:
    call = house.call(1)
    house.office.keeping.open(DPO, "C-1", "complaint")
    before = house.store.trail.head().seq
    with pytest.raises(UsageError, match=says):
        attempt(house.office.keeping, call)
    assert house.store.trail.head().seq == before
    assert house.store.cases.claims([call]) == {}


def test_what_identifies_a_caller_is_not_in_the_trail_itself(house: House) -> None:
    call = house.call(1)
    house.office.looking.search(OFFICER, Query(number=NUMBER))
    house.office.looking.search(OFFICER, Query(tail="312500"))
    house.office.looking.listen(OFFICER, call, reason="Mrs Smith of Rose Cottage").file.close()
    trail = b"".join(path.read_bytes() for path in house.store.trail.folder.iterdir())
    for text in (NUMBER, "1277312500", "312500", "Smith", "Rose"):
        assert text.encode() not in trail
    assert house.store.verified().particulars == 2


def test_a_number_that_nobody_called_from_is_kept_nowhere(house: House) -> None:
    """It has no recording with which it would ever go."""
    house.call(1)
    house.office.looking.search(OFFICER, Query(number="02079460000"))
    assert house.files_with("02079460000", "2079460000") == []


def test_the_plan_says_what_goes_when_and_why(house: House) -> None:
    going, kept, held = (house.call(number) for number in (1, 2, 3))
    house.office.keeping.open(DPO, "C-1", "complaint")
    house.office.keeping.add(DPO, "C-1", [kept])
    house.office.keeping.close(DPO, "C-1")
    house.office.keeping.hold(DPO, held, "abuse", "threats")
    plan = {each.call: each for each in house.office.overseeing.plan(DPO, date(2026, 12, 1))}
    assert (plan[going].action, plan[going].due) == ("destroy", date(2026, 11, 30))
    assert (plan[kept].action, plan[kept].due) == ("keep", date(2027, 5, 31))
    assert plan[kept].why == "12 months after complaint C-1 was closed"
    assert (plan[held].action, plan[held].due) == ("hold", None)
    assert list(house.office.overseeing.plan(DPO)) == []
    assert house.store.recordings.count() == 3
    with pytest.raises(RefusedError):
        house.office.overseeing.plan(OFFICER)


def test_a_plan_shows_recordings_of_the_teams_that_the_person_is_for(house: House) -> None:
    own, _other = house.call(1, team="housing"), house.call(2, team="parking")
    access = house.folder / "deploy" / "access.yaml"
    text = access.read_text()
    assert "may: [search, show, listen, hold," in text
    access.write_text(text.replace("may: [search, show, listen, hold,", "may: [plan, hold,"))
    house.store.close()
    house.open()
    later = date(2026, 12, 1)
    assert [each.call for each in house.office.overseeing.plan(MANAGER, later)] == [own]
    assert len(list(house.office.overseeing.plan(DPO, later))) == 2


def test_only_who_answers_for_the_schedule_adopts_one(house: House) -> None:
    with pytest.raises(RefusedError):
        house.office.overseeing.adopt(DPO, "2.0")
    house.office.overseeing.adopt(POLICY, "2.0")
    assert house.audit("schedule") == [
        ("schedule", "dpo", "refused", "", ""),
        ("schedule", "policy", "done", "", ""),
    ]


def test_the_auditor_reads_and_checks_the_trail(house: House) -> None:
    call = house.call(1)
    lines = house.office.overseeing.entries(AUDITOR, 10, Wanted(call=call))
    assert [each.action for each in lines] == ["take-in"]
    assert house.office.overseeing.verify(AUDITOR).faults == ()
    with pytest.raises(RefusedError):
        house.office.overseeing.entries(OFFICER, 10, Wanted())


def test_a_changed_schedule_is_seen_without_a_restart(house: House) -> None:
    """R18: the officer edits the file, looks at what it would do, and adopts it."""
    call = house.call(1)
    house.turn(days=40)
    schedule_with(house, recordings="1 month")
    change = house.office.overseeing.schedule(POLICY)
    assert (change.changed, change.wanted) == (True, "2.0x")
    assert [each.call for each in change.newly] == [call]
    house.schedule_file.write_text("rules: nonsense")
    with pytest.raises(ConfigError, match=r"schedule\.yaml"):
        house.office.overseeing.adopt(POLICY, "2.0x")
    assert house.office.looking.show(OFFICER, call).disposition.action == "keep"


def test_before_a_schedule_is_adopted_recordings_are_found_all_the_same(house: House) -> None:
    """As after an index was made anew: people look, and nothing is destroyed."""
    call = house.call(1)
    house.store.meta.drop("schedule")
    [found] = house.office.looking.search(OFFICER, Query())
    assert (found.recording.call, found.disposition.rule) == (call, "recordings")
    with pytest.raises(StoreError, match="no schedule has been adopted"):
        house.store.schedule()


def test_the_auditor_reads_why_for_as_long_as_the_recording_is_there(house: House) -> None:
    call = house.call(1)
    house.office.looking.listen(DPO, call, reason="she rang again").file.close()
    wanted = Wanted(actions=frozenset({"listen"}))
    [line] = house.office.overseeing.entries(AUDITOR, 10, wanted)
    assert line.particulars == {"reason": "she rang again"}
    house.turn(days=400)
    house.sweep()
    [line] = house.office.overseeing.entries(AUDITOR, 10, wanted)
    assert line.particulars == {}


def test_a_beginning_of_an_id_is_looked_for_among_ones_own_teams(house: House) -> None:
    own = house.call(1, team="housing")
    house.call(2, team="parking")
    assert house.office.looking.show(MANAGER, own[0]).recording.call == own
    with pytest.raises(UsageError, match="several calls begin with 0"):
        house.office.looking.show(DPO, own[0])
