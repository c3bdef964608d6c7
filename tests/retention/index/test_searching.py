"""A search finds what fits, and the latest of that; by whatever the database looks it up."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects import sqlite

from ivr.errors import UsageError
from ivr.retention.index.searching import statement
from ivr.retention.model import Query, Recording

from .place import Place, call, recorded

FIRST = date(2026, 1, 1)
NUMBERS = ("01277312500", "01277312501", "07700902500", "+35312345678", "anonymous")
TEAMS = ("customer-services", "council-tax", "housing")
CASES = ("C-1", "C-2")


@dataclass(frozen=True)
class Known:
    """A recording with all that it may be found by."""

    recording: Recording
    number: str
    cases: tuple[str, ...]


def town() -> list[Known]:
    """Sixty recordings, no two alike."""
    return [
        Known(
            recorded(
                n,
                FIRST + timedelta(n // 4),
                team=TEAMS[n % 3],
                agents=("1001",) if n % 5 else ("1002", "1001"),
                marks=("abuse",) if n % 7 == 0 else (),
            ),
            NUMBERS[n % len(NUMBERS)],
            CASES[: n % 11 // 4],
        )
        for n in range(60)
    ]


TOWN = town()


@pytest.fixture
def settled(place: Place) -> Place:
    place.recordings.add([(each.recording, each.number) for each in TOWN])
    for ref in CASES:
        place.cases.open(ref, "complaint", "ann", 1)
        place.cases.add(ref, [each.recording.call for each in TOWN if ref in each.cases])
    return place


def fits(query: Query, known: Known) -> bool:
    """The same by plain reading."""
    each = known.recording
    digits = known.number.replace("+", "")
    same = {NUMBERS[0]: ("01277312500", "+44 1277 312500")}.get(known.number, (known.number,))
    return all(
        (
            not query.number or query.number in same,
            not query.tail or digits.endswith(query.tail),
            query.since is None or query.since <= each.day,
            query.until is None or each.day <= query.until,
            not query.team or each.team == query.team,
            query.teams is None or each.team in query.teams,
            not query.agent or query.agent in each.agents,
            not query.case or query.case in known.cases,
            not query.mark or query.mark in each.marks,
        )
    )


def expected(query: Query) -> list[str]:
    found = [known.recording for known in TOWN if fits(query, known)]
    found.sort(key=lambda each: (each.day, each.ended_ms), reverse=True)
    return [each.call for each in found[: query.most]]


DAYS = st.none() | st.dates(FIRST - timedelta(2), FIRST + timedelta(17))
QUERIES = st.builds(
    Query,
    number=st.sampled_from(["", "", "01277312500", "+44 1277 312500", "07700902500", "0111111111"]),
    tail=st.sampled_from(["", "", "2500", "312501", "9999"]),
    since=DAYS,
    until=DAYS,
    team=st.sampled_from(["", "", *TEAMS, "nobody"]),
    teams=st.none() | st.frozensets(st.sampled_from([*TEAMS, "nobody"])),
    agent=st.sampled_from(["", "", "1001", "1002", "9"]),
    case=st.sampled_from(["", "", *CASES, "C-9"]),
    mark=st.sampled_from(["", "", "abuse", "other"]),
    most=st.sampled_from([1, 3, 100]),
).filter(lambda query: not (query.since and query.until and query.since > query.until))


@given(query=QUERIES)
@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_what_is_found_is_what_fits(settled: Place, query: Query) -> None:
    assert [each.call for each in settled.recordings.search(query)] == expected(query)


def test_the_latest_is_first_and_no_more_than_are_wanted(settled: Place) -> None:
    found = settled.recordings.search(Query(most=5))
    assert [each.call for each in found] == [call(n) for n in (59, 58, 57, 56, 55)]
    assert found[0] == TOWN[59].recording


def test_nobody_s_teams_are_nobody_s(settled: Place) -> None:
    assert settled.recordings.search(Query(teams=frozenset())) == []
    assert settled.recordings.search(Query(team="housing", teams=frozenset({"council-tax"}))) == []


@pytest.mark.parametrize(
    ("query", "said"),
    [
        (Query(number="anonymous"), "has no digits"),
        (Query(tail="500"), "4 are needed"),
        (Query(since=FIRST, until=FIRST - timedelta(1)), "no day is from"),
    ],
)
def test_what_cannot_be_looked_for_is_refused(place: Place, query: Query, said: str) -> None:
    with pytest.raises(UsageError, match=said):
        place.recordings.search(query)


@pytest.mark.parametrize(
    ("query", "by", "index"),
    [
        (Query(number="1"), "number", "ix_recording_number"),
        (Query(number="1", team="a", since=FIRST), "number", "ix_recording_number"),
        (Query(tail="0052"), "tail", "ix_recording_tail"),
        (Query(since=FIRST, until=FIRST), "day", "ix_recording_day_ended_ms"),
        (Query(), "day", "ix_recording_day_ended_ms"),
        (Query(team="a", until=FIRST), "team", "ix_recording_team_day_ended_ms"),
        (
            Query(agent="1", team="a", since=FIRST),
            "agent",
            "COVERING INDEX ix_agent_agent_day_ended_ms_team_call",
        ),
        (
            Query(mark="abuse", agent="1"),
            "mark",
            "COVERING INDEX ix_mark_mark_day_ended_ms_team_call",
        ),
        (Query(case="C-1", agent="1"), "case", "autoindex_case_recording"),
    ],
)
def test_it_is_looked_up_by_the_index_that_was_made_for_it(
    database_of_sqlite: Callable[[], Place], query: Query, by: str, index: str
) -> None:
    """SQLite says so; PostgreSQL has statistics of its own."""
    place = database_of_sqlite()
    teams = frozenset({query.team}) if query.team else None
    asked = statement(query, query.number, query.tail, by, teams).compile(
        dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True}
    )
    with place.database.reading() as connection:
        plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {asked}")]
    assert index in plan[0], plan
    assert not any(line.startswith("SCAN recording") and "USING" not in line for line in plan)
    if by in ("day", "team", "agent", "mark"):
        assert not any("TEMP B-TREE FOR ORDER BY" in line for line in plan), plan
