"""Six months, open cases, certain destruction: R12, R13, R14, over the whole store."""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path

import pytest

from ivr.errors import UsageError
from ivr.retention.guard import Stopped
from ivr.retention.model import Query
from tests.retention.house import DPO, NUMBER, OFFICER, POLICY, House, at, schedule_with


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


def test_a_recording_goes_on_the_day_six_months_after_its_call(house: House) -> None:
    call = house.call(1, ended="2026-05-31 11:00")
    house.turn(days=182)
    house.now = at("2026-11-29 23:59")
    assert house.sweep().toll.recordings == 0
    house.now = at("2026-11-30 00:01")  # November has no 31st
    assert house.sweep().toll.recordings == 1
    assert house.store.recordings.get(call) is None
    assert house.audit("destroy") == [("destroy", "retention", "done", call, "")]
    assert house.store.archive.days() == []


def test_nothing_of_the_caller_is_left_in_any_byte(house: House) -> None:
    """R14: number, name, reasons that people gave, what was set aside, and the call in the spool
    that came once more. What is left is the call's id in the audit trail and the index."""
    call = house.call(1, caller_name="Mrs Featherstonehaugh")
    for number in range(2, 40):
        house.call(number, caller=f"0700090{number:04}")
    house.office.looking.show(DPO, call)
    house.office.looking.listen(DPO, call, reason="Mrs Featherstonehaugh asked").file.close()
    assert len(house.office.looking.search(DPO, Query(number=NUMBER))) == 1
    hold = house.office.keeping.hold(DPO, call, "complaint", "Featherstonehaugh again")
    house.office.keeping.release(DPO, hold.ref, "Featherstonehaugh is content")
    for aside in (house.spool / "aside", house.folder / "var/retention/aside"):
        (aside / f"{call}.wav").write_bytes(b"the voice of " + NUMBER.encode())
        (aside / f"{call}.wav.why").write_text(NUMBER)
    assert len(house.files_with(NUMBER, "Featherstonehaugh")) > 4
    house.turn(days=500)
    assert house.sweep().toll.recordings == 39
    assert house.files_with(NUMBER, NUMBER[1:], "Featherstonehaugh", "0700090") == []
    assert house.files_with(call)
    assert house.store.verified().good


@pytest.mark.parametrize("kept", ["case", "hold", "mark"])
def test_what_an_open_case_or_hold_names_stays_for_ever(house: House, kept: str) -> None:
    marks = ("abuse",) if kept == "mark" else ()
    call = house.call(1, marks=marks)
    if kept == "case":
        house.office.keeping.open(DPO, "C-1", "complaint")
        house.office.keeping.add(DPO, "C-1", [call])
    elif kept == "hold":
        house.office.keeping.hold(DPO, call, "complaint", "she rang again")
    house.turn(days=1000)
    assert house.sweep().toll.recordings == 0
    assert house.store.recordings.get(call) is not None


def test_the_longest_of_several_cases_decides(house: House) -> None:
    call = house.call(1, ended="2026-05-31 11:00")
    office = house.office.keeping
    for ref, kind in (("C-1", "complaint"), ("D-1", "disciplinary")):
        office.open(DPO, ref, kind)
        office.add(DPO, ref, [call])
    house.turn(days=10)
    office.close(DPO, "C-1")
    office.close(DPO, "D-1")
    schedule = house.store.schedule()
    periods = {kind: schedule.rule(kind, "", "") for kind in ("complaint", "disciplinary")}
    last = max(rule.keep.after(house.store.today()) for rule in periods.values() if rule)
    shown = house.office.looking.show(DPO, call)
    assert shown.disposition.due == last
    house.turn(days=(last - house.store.today()).days - 1)
    assert house.sweep().toll.recordings == 0
    house.turn(days=1)
    assert house.sweep().toll.recordings == 1


def test_what_is_dying_cannot_be_held_any_more(house: House) -> None:
    call = house.call(1)
    house.turn(days=400)
    store = house.store
    store.destroying.claim([call], store.schedule(), store.today(), store.trail.head().seq)
    with pytest.raises(UsageError, match="destroyed"):
        house.office.keeping.hold(DPO, call, "complaint", "too late")
    assert house.sweep().toll.recordings == 1


def test_a_hold_that_comes_between_the_plan_and_the_claim_is_seen(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R14: held again just before each removal."""
    call = house.call(1)
    house.turn(days=400)
    due = house.store.destroying.due

    def held_meanwhile(*arguments):
        for each in list(due(*arguments)):
            house.office.keeping.hold(DPO, each.call, "complaint", "just now")
            yield each

    monkeypatch.setattr(house.store.destroying, "due", held_meanwhile)
    house.store.destroyer().due(house.store.schedule(), house.store.today())
    assert house.store.recordings.get(call) is not None
    assert house.audit("destroy") == []


def test_a_call_that_comes_once_more_after_its_destruction_is_not_kept(house: House) -> None:
    call = house.call(1)
    house.turn(days=400)
    house.sweep()
    from tests.retention.intake.records import deliver, record

    deliver(house.spool, record(call, caller=NUMBER))
    taken = house.take_in()
    assert (taken.taken, taken.not_kept) == (0, 1)
    assert house.files_with(NUMBER) == []


def test_of_an_opt_out_nothing_of_the_caller_is_left_in_the_journal(house: House) -> None:
    """The caller's words and number go at once, and not with the next sweep (R4, R14)."""
    from tests.retention.intake.records import deliver, record

    call = house.call(1)
    assert house.files_with(NUMBER[1:])
    deliver(house.spool, record(call, "destroyed", caller=""))
    assert house.take_in().destroyed == 1
    assert house.files_with(NUMBER[1:]) == []


# What stops all destruction.


def test_a_clock_that_went_back_stops_it(house: House) -> None:
    house.call(1)
    house.turn(days=400)
    house.now -= 2 * 86_400_000
    with pytest.raises(Stopped, match=r"went back by 2\.0 days") as stopped:
        house.sweep()
    assert stopped.value.reason == "clock-back"
    assert house.store.recordings.count() == 1
    house.now += 86_400_000 + 1
    assert house.sweep().toll.recordings == 1


def test_a_clock_that_jumped_ahead_stops_it_until_a_person_says_so(house: House) -> None:
    house.call(1)
    house.now = at("2036-01-01 00:00")
    house.store.guard.seen(house.now)
    with pytest.raises(Stopped, match="went ahead") as stopped:
        house.sweep()
    assert stopped.value.reason == "clock-ahead"
    assert house.store.recordings.count() == 1
    assert house.sweep(clock_is_right=True).toll.recordings == 1


def test_an_index_that_is_new_beside_a_full_archive_stops_it(house: House) -> None:
    """The cases are not in it: whoever restores a host without its database destroys nothing."""
    call = house.call(1)
    house.office.keeping.open(DPO, "C-1", "complaint")
    house.office.keeping.add(DPO, "C-1", [call])
    house.store.close()
    for file in (house.folder / "var/retention").glob("index.sqlite*"):
        file.unlink()
    house.open()
    house.turn(days=400)
    with pytest.raises(Stopped, match="not the one") as stopped:
        house.sweep()
    assert stopped.value.reason == "index"
    assert house.store.archive.days() != []


def test_cases_that_cannot_be_read_stop_it(house: House) -> None:
    from ivr.errors import StoreError

    house.call(1)
    house.turn(days=400)
    house.store.close()
    index = house.folder / "var/retention/index.sqlite"
    index.write_bytes(b"not a database at all" * 100)
    with pytest.raises(StoreError):
        house.sweep()
    assert house.store.archive.days() != []


# A change of the schedule (R18).


def test_a_schedule_that_would_newly_destroy_waits_until_it_is_adopted(house: House) -> None:
    call = house.call(1)
    house.turn(days=40)
    schedule_with(house, recordings="1 month")
    house.open()
    assert house.sweep().left == 1
    assert house.store.recordings.get(call) is not None
    change = house.office.overseeing.schedule(POLICY)
    assert [each.call for each in change.newly] == [call]
    with pytest.raises(UsageError, match="is version"):
        house.office.overseeing.adopt(POLICY, "another")
    house.office.overseeing.adopt(POLICY, change.wanted)
    assert house.sweep().toll.recordings == 1


def test_a_schedule_that_keeps_longer_is_obeyed_at_once(house: House) -> None:
    call = house.call(1)
    house.turn(days=200)
    schedule_with(house, recordings="2 years")
    house.open()
    swept = house.sweep()
    assert (swept.toll.recordings, swept.left) == (0, 0)
    assert house.store.recordings.get(call) is not None
    assert house.office.looking.show(OFFICER, call).disposition.due is not None
    assert house.audit("schedule") == [("schedule", "retention", "done", "", "")]


def test_while_a_schedule_waits_what_both_would_destroy_goes(house: House) -> None:
    old, young = house.call(1), None
    house.turn(days=150)
    young = house.call(2)
    house.turn(days=40)
    schedule_with(house, recordings="1 month")
    house.open()
    swept = house.sweep()
    assert (swept.toll.recordings, swept.left) == (1, 1)
    assert house.store.recordings.get(old) is None
    assert house.store.recordings.get(young) is not None


def test_while_a_schedule_waits_what_it_would_keep_longer_stays(house: House) -> None:
    complained, other = house.call(1), house.call(2)
    office = house.office.keeping
    office.open(DPO, "C-1", "complaint")
    office.add(DPO, "C-1", [complained])
    office.close(DPO, "C-1")
    house.turn(days=400)
    young = house.call(3)
    house.turn(days=40)
    schedule_with(house, recordings="1 month", complaints="5 years")
    house.open()
    swept = house.sweep()
    assert (swept.toll.recordings, swept.left) == (1, 1)
    assert house.store.recordings.get(complained) is not None
    assert house.store.recordings.get(other) is None
    assert house.store.recordings.get(young) is not None


# What was set aside.


def test_what_was_set_aside_goes_after_its_own_period(house: House) -> None:
    import os

    aside = house.folder / "var/retention/aside"
    (aside / "strange.json").write_text(NUMBER)
    os.utime(aside / "strange.json", (house.now / 1000, house.now / 1000))
    house.turn(days=100)
    assert house.sweep().asides == 0
    house.turn(days=100)
    assert house.sweep().asides == 1
    assert house.files_with(NUMBER) == []


def test_an_opted_out_call_is_destroyed_while_no_sweep_is_at_work(house: House) -> None:
    """R4, R14: else a sweep finishes what the service is at, and takes away what came since."""
    call = house.call(1)
    destroyer = house.store.destroyer()
    held: list[str] = []

    @contextmanager
    def alone():
        held.append("locked")
        yield
        held.append("free")

    destroyer._alone = alone
    claim = house.store.destroying.claim_at_once

    def claimed(*words):
        held.append("claimed")
        return claim(*words)

    house.store.destroying.claim_at_once = claimed
    destroyer.opted_out([call], house.store.today())
    assert held == ["locked", "claimed", "free"]


def test_a_shorter_schedule_waits_also_where_nothing_is_due_by_it_today(house: House) -> None:
    """Else it would be in force before anybody saw what it destroys tomorrow (R18)."""
    call = house.call(1)
    schedule_with(house, recordings="1 day")
    house.open()
    assert house.sweep().toll.recordings == 0
    [told] = house.office.overseeing.schedule(POLICY).shorter
    assert (told.name, told.before, told.now) == ("recordings", "6 months", "1 day")
    house.turn(days=3)
    assert house.sweep().left == 1
    assert house.store.recordings.get(call) is not None
    assert house.audit("schedule") == [("schedule", "policy", "granted", "", "")]
