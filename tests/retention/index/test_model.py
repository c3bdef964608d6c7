"""Whatever is done in whatever order, the index says the same as plain Python does (R13)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from ivr.core.retention import Claim, decide
from ivr.errors import UsageError
from ivr.retention.index.database import Database

from .place import SCHEDULE, Place, call, recorded
from .postgres import Server

FIRST = date(2026, 1, 1)
CALLS = st.integers(0, 5)
REFS = st.sampled_from(["C-1", "C-2", "C-3"])
KINDS = st.sampled_from(["complaint", "abuse", "unheard-of"])
DAYS = st.integers(0, 900).map(lambda days: FIRST + timedelta(days))


@dataclass
class KnownCase:
    kind: str
    closed: date | None = None
    calls: set[str] = field(default_factory=set)


class Machine(RuleBasedStateMachine):
    """Recordings come and go, and cases and holds with them."""

    url: Any

    def __init__(self) -> None:
        super().__init__()
        self._opened = type(self).url()
        self.place = Place(Database.open(self._opened.__enter__()))
        self.here: dict[str, date] = {}
        self.dying: set[str] = set()
        self.gone: set[str] = set()
        self.cases: dict[str, KnownCase] = {}
        self.holds: dict[str, list[Any]] = {}

    def teardown(self) -> None:
        self.place.database.close()
        self._opened.__exit__(None, None, None)

    def may_hold(self, name: str) -> bool:
        return name in self.here and name not in self.dying

    def claims(self, name: str) -> list[Claim]:
        found = [
            Claim(ref, case.kind, case.closed)
            for ref, case in self.cases.items()
            if name in case.calls
        ]
        found += [
            Claim(ref, kind, released)
            for ref, (held, kind, _, released) in self.holds.items()
            if held == name
        ]
        return sorted(found, key=repr)

    def told(self, allowed: bool, act: Any) -> Any:
        if allowed:
            return act()
        with pytest.raises(UsageError):
            act()
        return None

    @rule(number=CALLS, day=DAYS)
    def add(self, number: int, day: date) -> None:
        name = call(number)
        added = self.place.recordings.add([(recorded(number, day), "0123456789")])
        if name in self.gone | self.dying:
            assert added.gone == (name,)
        elif name in self.here:
            assert added.known == (name,)
        else:
            assert added.new == (name,)
            self.here[name] = day

    @rule(ref=REFS, kind=KINDS)
    def open(self, ref: str, kind: str) -> None:
        known = self.cases.get(ref)
        allowed = known is None or (known.kind == kind and known.closed is None)
        self.told(allowed, lambda: self.place.cases.open(ref, kind, "ann", 1))
        if known is None:
            self.cases[ref] = KnownCase(kind)

    @rule(ref=REFS, numbers=st.lists(CALLS, max_size=3))
    def name(self, ref: str, numbers: list[int]) -> None:
        names = {call(number) for number in numbers}
        allowed = ref in self.cases and all(map(self.may_hold, names))
        self.told(allowed, lambda: self.place.cases.add(ref, sorted(names)))
        if allowed:
            self.cases[ref].calls |= names

    @rule(ref=REFS, number=CALLS)
    def unname(self, ref: str, number: int) -> None:
        known = ref in self.cases
        gone = self.told(known, lambda: self.place.cases.remove(ref, [call(number)]))
        if known:
            assert bool(gone) == (call(number) in self.cases[ref].calls)
            self.cases[ref].calls.discard(call(number))

    @rule(ref=REFS, day=DAYS)
    def close(self, ref: str, day: date) -> None:
        known = self.cases.get(ref)
        allowed = known is not None and known.closed in (None, day)
        self.told(allowed, lambda: self.place.cases.close(ref, day))
        if allowed and known is not None:
            known.closed = day

    @rule(ref=REFS)
    def reopen(self, ref: str) -> None:
        self.told(ref in self.cases, lambda: self.place.cases.reopen(ref))
        if ref in self.cases:
            self.cases[ref].closed = None

    @rule(number=CALLS, kind=KINDS, by=st.sampled_from(["ann", "engine"]))
    def hold(self, number: int, kind: str, by: str) -> None:
        name = call(number)
        hold = self.told(self.may_hold(name), lambda: self.place.holds.place(name, kind, by, 1))
        if hold is not None:
            same = [ref for ref, known in self.holds.items() if known == [name, kind, by, None]]
            assert same in ([], [hold.ref])
            self.holds[hold.ref] = [name, kind, by, None]

    @rule(data=st.data(), day=DAYS)
    def release(self, data: st.DataObject, day: date) -> None:
        ref = data.draw(st.sampled_from([*sorted(self.holds), "hold-99"]))
        known = self.holds.get(ref)
        allowed = known is not None and known[3] in (None, day)
        self.told(allowed, lambda: self.place.holds.release(ref, day))
        if allowed and known is not None:
            known[3] = day

    @rule(numbers=st.lists(CALLS, max_size=4), today=DAYS)
    def claim(self, numbers: list[int], today: date) -> None:
        names = {call(number) for number in numbers}
        taken = self.place.destroying.claim(sorted(names), SCHEDULE, today, 1)
        assert {each.call for each in taken} == self.due(today) & names
        self.dying |= {each.call for each in taken}

    @rule()
    def finish(self) -> None:
        self.place.destroying.finish(sorted(self.dying), FIRST)
        for name in self.dying:
            del self.here[name]
            for case in self.cases.values():
                case.calls.discard(name)
            self.holds = {ref: each for ref, each in self.holds.items() if each[0] != name}
        self.gone |= self.dying
        self.dying = set()

    def due(self, today: date) -> set[str]:
        found = (
            decide(recorded(0, day, call=name).facts, self.claims(name), SCHEDULE, today)
            for name, day in self.here.items()
            if name not in self.dying
        )
        return {each.call for each in found if each.action == "destroy"}

    @rule(today=DAYS)
    def plan(self, today: date) -> None:
        found = [each.call for each in self.place.destroying.due(SCHEDULE, today)]
        assert len(found) == len(set(found))
        assert set(found) == self.due(today)

    @invariant()
    def agrees(self) -> None:
        names = [call(number) for number in range(6)]
        told = self.place.cases.claims(names)
        assert {name: sorted(each, key=repr) for name, each in told.items()} == {
            name: claims for name in names if (claims := self.claims(name))
        }
        assert {each.call for each in self.place.destroying.pending()} == self.dying
        assert self.place.destroying.gone(names) == self.gone
        for ref, known in self.cases.items():
            case = self.place.cases.get(ref)
            assert case is not None
            assert (case.kind, case.closed, set(case.calls)) == (
                known.kind,
                known.closed,
                known.calls,
            )


@pytest.mark.parametrize(
    ("which", "examples", "steps"), [("sqlite", 30, 30), ("postgresql", 6, 25)]
)
def test_it_agrees_with_plain_python(
    request: pytest.FixtureRequest, tmp_path: Path, which: str, examples: int, steps: int
) -> None:
    @contextmanager
    def on_sqlite() -> Iterator[str]:
        with TemporaryDirectory(dir=tmp_path) as folder:
            yield f"sqlite:///{folder}/index.db"

    @contextmanager
    def on_postgresql() -> Iterator[str]:
        url = server.empty()
        yield url
        server.drop(url)

    if which == "postgresql":
        server: Server = request.getfixturevalue("server")
    told = settings(max_examples=examples, stateful_step_count=steps, deadline=None)
    where = {"sqlite": on_sqlite, "postgresql": on_postgresql}[which]
    run_state_machine_as_test(type("Here", (Machine,), {"url": staticmethod(where)}), settings=told)
