"""A call's pauses on the time line of its recording's files (R6, R7)."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.core.entries import (
    Connected,
    CustomerBack,
    CustomerHeld,
    Entry,
    HungUp,
    OptOutReturned,
    OptOutStarted,
    Parted,
    PauseEnded,
    PauseEnding,
    PauseHeld,
    PauseOverdue,
    PauseStarted,
    RecordingIntended,
    RecordingStalled,
    RecordingStarted,
    RecordingStopped,
    Stamp,
    Stamped,
)
from ivr.core.timeline import (
    PartLine,
    Span,
    Timeline,
    between,
    further_path,
    is_part_number,
    part_of,
    timeline,
)

WALL = 1_714_555_800_000
BOOT = 90_000
"""What the host's monotonic clock says when the call comes in."""
ONE, TWO = "/spool/recording/x.wav", "/spool/recording/x.2.wav"
BYE = HungUp("caller", "NORMAL_CLEARING", 16)
MASKED, STOPPED = PauseHeld("masked"), PauseHeld("stopped")
PAUSE, ENDING, ENDED = PauseStarted("agent"), PauseEnding("agent"), PauseEnded()


def at(*told: tuple[int, Entry]) -> tuple[Stamped, ...]:
    """Entries at so many milliseconds of the call."""
    return tuple(Stamped(Stamp(WALL + ms, BOOT + ms), entry) for ms, entry in told)


def recorded(*told: tuple[int, Entry], until: int = 60_000) -> Timeline:
    """Of a call that is recorded from 1 s and connected from 10 s on."""
    before = [(0, RecordingIntended(ONE)), (1_000, RecordingStarted(ONE)), (10_000, Connected("b"))]
    after = [(until, BYE), (until + 5, RecordingStopped(ONE, "", 0))]
    return timeline(at(*before, *told, *after))


def an_ordinary_pause(begin: int, end: int) -> tuple[tuple[int, Entry], ...]:
    return (begin, PAUSE), (begin + 20, MASKED), (end - 15, ENDING), (end, ENDED)


def test_a_files_time_is_the_time_joined() -> None:
    line = recorded(*an_ordinary_pause(30_000, 40_000))
    assert line.parts == (PartLine(1, 0, 50_000, True, True),)
    assert line.spans == (Span(0, 1, 20_000, 30_000, 250, ((20_020, 29_985),), 50_000),)
    [pause] = line.pauses
    assert (pause.by, pause.ended_by, pause.how, pause.ended) == ("agent", "agent", "masked", True)
    assert (pause.at_wall_ms, pause.until_wall_ms) == (WALL + 30_000, WALL + 40_000)
    assert (pause.keys_hidden, pause.overdue, pause.guard_ms) == (True, 0, 250)
    assert (line.joined_ms, line.unrecorded_ms) == (50_000, 0)


def test_a_blind_transfer_takes_no_time_of_the_file() -> None:
    line = recorded(
        (20_000, Parted()), (27_000, Connected("c")), *an_ordinary_pause(30_000, 40_000)
    )
    [span] = line.spans
    assert (span.begin_ms, span.end_ms, span.expected_ms) == (13_000, 23_000, 43_000)


def test_a_pause_across_a_transfer() -> None:
    line = recorded(
        (20_000, PAUSE), (20_020, MASKED), (25_000, Parted()), (35_000, Connected("c")),
        (40_000, ENDING), (40_020, ENDED),
    )  # fmt: skip
    [span] = line.spans
    assert (span.begin_ms, span.end_ms) == (10_000, 20_020)
    assert span.masked == ((10_020, 20_000),)


def test_nothing_is_added_while_the_customer_holds() -> None:
    """Nor while the agent is exchanged meanwhile."""
    line = recorded(
        (15_000, CustomerBack()), (20_000, CustomerHeld()), (21_000, Parted()),
        (22_000, CustomerHeld()), (23_000, Connected("c")), (27_000, CustomerBack()),
        *an_ordinary_pause(30_000, 40_000),
    )  # fmt: skip
    [span] = line.spans
    assert (span.begin_ms, span.end_ms, span.expected_ms) == (13_000, 23_000, 43_000)
    assert line.joined_ms == 43_000
    parted = recorded((20_000, Parted()), (25_000, CustomerBack()), (30_000, Connected("c")))
    assert parted.joined_ms == 40_000, "back, and nobody there"


def test_a_recording_that_begins_after_the_connection() -> None:
    """Calls that staff make, and further parts."""
    line = timeline(
        at(
            (0, Connected("b")), (5_000, RecordingIntended(ONE)), (5_040, RecordingStarted(ONE)),
            *an_ordinary_pause(30_000, 40_000), (60_000, BYE),
        )
    )  # fmt: skip
    [span] = line.spans
    assert (span.begin_ms, span.expected_ms) == (24_960, 54_960)


def test_digits_reach_back_before_the_pause() -> None:
    line = recorded((30_000, PauseStarted("digits", 500, 3_000)), (30_020, MASKED), (40_000, ENDED))
    [span] = line.spans
    assert (span.begin_ms, span.guard_ms) == (17_000, 500)
    assert span.masked == ((20_020, 30_000),), "FreeSWITCH masked from then on, not from the digits"
    assert line.pauses[0].at_wall_ms == WALL + 27_000


def test_pausing_twice_is_one_pause() -> None:
    line = recorded(
        (30_000, PAUSE), (30_020, MASKED), (33_000, PauseStarted("page", 400)),
        (33_020, MASKED), (39_985, PauseEnding("page")), (40_000, ENDED),
    )  # fmt: skip
    [pause], [span] = line.pauses, line.spans
    assert (pause.by, pause.ended_by, pause.guard_ms) == ("agent", "page", 400)
    assert (span.begin_ms, span.end_ms, span.masked) == (20_000, 30_000, ((20_020, 29_985),))


def test_a_pause_that_begins_again_before_its_end_was_confirmed() -> None:
    """Nothing between may be kept, and no mask need hold there."""
    line = recorded(
        (30_000, PAUSE), (30_020, MASKED), (33_000, ENDING), (33_010, PAUSE), (33_040, MASKED),
        (39_985, ENDING), (40_000, ENDED),
    )  # fmt: skip
    [span] = line.spans
    assert (span.begin_ms, span.end_ms) == (20_000, 30_000)
    assert span.masked == ((20_020, 23_000), (23_040, 29_985))


@pytest.mark.parametrize("asked", [(), ((50_000, ENDING),)])
def test_a_pause_without_a_confirmed_end_goes_on(asked: tuple[tuple[int, Entry], ...]) -> None:
    line = recorded((30_000, PAUSE), (30_020, MASKED), (45_000, PauseOverdue()), *asked)
    [pause], [span] = line.pauses, line.spans
    assert (pause.ended, pause.ended_by, pause.overdue) == (False, "", 1)
    assert pause.until_wall_ms == WALL + 60_000
    assert span.to_end
    assert span.end_ms == span.expected_ms == 50_000
    assert span.masked == ((20_020, 40_000 if asked else 50_000),)


def test_a_pause_from_before_the_recording() -> None:
    line = timeline(
        at(
            (0, PauseStarted("payment-line")), (10, PauseHeld("unrecorded", False)),
            (1_000, RecordingIntended(ONE)), (1_010, RecordingStarted(ONE)), (1_020, MASKED),
            (5_000, Connected("b")), (20_000, PauseEnding("payment-line")), (20_010, ENDED),
            (30_000, BYE),
        )
    )  # fmt: skip
    [pause], [span] = line.pauses, line.spans
    assert (pause.how, pause.keys_hidden) == ("masked", False)
    assert (span.begin_ms, span.end_ms, span.from_start) == (0, 15_010, True)
    assert span.masked == ((0, 15_000),)


def test_a_refused_mask_has_no_mask_to_hold_and_a_second_part() -> None:
    line = timeline(
        at(
            (0, RecordingIntended(ONE)), (10, RecordingStarted(ONE)), (1_000, Connected("b")),
            (11_000, PAUSE), (11_030, RecordingStopped(ONE, "", 10_030)), (11_040, STOPPED),
            (31_000, ENDING), (31_010, ENDED), (31_020, RecordingIntended(TWO)),
            (31_060, RecordingStarted(TWO)), (41_000, PAUSE), (41_020, MASKED), (43_000, ENDING),
            (43_010, ENDED), (51_060, BYE), (51_070, RecordingStopped(TWO, "", 20_000)),
        )
    )  # fmt: skip
    assert line.parts == (
        PartLine(1, 0, 10_030, True, True),
        PartLine(2, 30_060, 20_000, True, True),
    )
    first, second, third = line.spans
    assert (first.pause, first.part, first.begin_ms, first.to_end) == (0, 1, 10_000, True)
    assert first.masked == ()
    assert (second.pause, second.part, second.begin_ms, second.end_ms) == (0, 2, 0, 0)
    assert second.from_start, "its guard reaches into the second part"
    assert (third.pause, third.part, third.begin_ms, third.end_ms) == (1, 2, 9_940, 11_950)
    assert line.unrecorded_ms == 19_980
    assert line.joined_ms == 50_060


def test_only_what_was_not_masked_counts_as_unrecorded() -> None:
    """The mask held for 10 s, and was refused when it had to be done again after a transfer."""
    line = recorded(
        (20_000, PAUSE), (20_020, MASKED), (30_000, RecordingStopped(ONE, "", 0)),
        (30_010, STOPPED), (34_000, Parted()), (36_000, Connected("c")), (45_000, ENDED),
    )  # fmt: skip
    assert line.unrecorded_ms == 13_000
    assert line.pauses[0].how == "stopped"


def test_a_pause_that_touches_no_file_has_no_span() -> None:
    line = timeline(
        at(
            (0, Connected("b")), (1_000, PAUSE), (2_000, ENDED), (9_000, RecordingIntended(ONE)),
            (9_010, RecordingStarted(ONE)), (20_000, BYE),
        )
    )  # fmt: skip
    assert len(line.pauses) == 1
    assert line.spans == ()


def test_the_monotonic_clock_goes_on_over_a_restart_of_the_engine() -> None:
    entries = at(
        (0, RecordingIntended(ONE)), (10, RecordingStarted(ONE)), (1_000, Connected("b")),
        (11_000, PAUSE), (11_030, MASKED),
    )  # fmt: skip
    set_back = Stamp(WALL - 3_600_000, BOOT + 21_000)
    [span] = timeline((*entries, Stamped(set_back, ENDED))).spans
    assert (span.begin_ms, span.end_ms) == (10_000, 20_000)


def test_nothing_is_recorded_over_a_restart_of_the_host() -> None:
    entries = at(
        (0, RecordingIntended(ONE)), (10, RecordingStarted(ONE)), (1_000, Connected("b")),
        (11_000, PAUSE), (11_030, MASKED), (15_000, PauseOverdue()),
    )  # fmt: skip
    after = Stamped(Stamp(WALL + 600_000, 30), BYE)
    line = timeline((*entries, after))
    [part], [span] = line.parts, line.spans
    assert (part.length_ms, part.end_known) == (14_000, False)
    assert (span.expected_ms, span.to_end) == (None, True)
    assert line.pauses[0].until_wall_ms == WALL + 600_000


def test_where_nobody_saw_the_end_the_files_end_is_no_anchor() -> None:
    entries = at(
        (0, RecordingIntended(ONE)), (10, RecordingStarted(ONE)), (1_000, Connected("b")),
        *an_ordinary_pause(11_000, 21_000),
    )  # fmt: skip
    [span] = timeline(entries).spans
    assert span.expected_ms is None
    assert not span.to_end, "the file goes on, for all we know, and is not all to be silent"


def test_the_end_of_a_part_that_stalled_is_no_anchor() -> None:
    """The disk was full some time before that was seen: by the file's end the pause would lie so
    much earlier, and what was said before it would be made silent too."""
    one, other = recorded(
        (14_000, PAUSE), (14_020, MASKED),
        (16_000, RecordingStalled(ONE, TWO)), (16_000, RecordingIntended(TWO)),
        (16_060, RecordingStopped(ONE, "uri-failure", 4_300)), (16_060, RecordingStarted(TWO)),
        (19_000, ENDING), (19_010, ENDED),
    ).spans  # fmt: skip
    assert (one.part, one.begin_ms, one.expected_ms, one.to_end) == (1, 4_000, None, True)
    assert (other.part, other.from_start) == (2, True)
    assert other.expected_ms is not None


def test_where_nobody_saw_them_joined_they_were_all_along() -> None:
    line = timeline(
        at((0, RecordingIntended(ONE)), (10, RecordingStarted(ONE)),
           *an_ordinary_pause(11_000, 21_000), (30_000, BYE))
    )  # fmt: skip
    [span] = line.spans
    assert (span.begin_ms, span.end_ms, span.expected_ms) == (10_990, 20_990, 29_990)


def test_a_recording_that_is_begun_once_more_is_written_anew() -> None:
    line = recorded(
        (20_000, RecordingStopped(ONE, "", 0)), (25_000, RecordingStarted(ONE)),
        *an_ordinary_pause(30_000, 40_000),
    )  # fmt: skip
    [part], [span] = line.parts, line.spans
    assert (part.length_ms, span.begin_ms) == (35_000, 5_000)


def test_a_file_that_the_journal_does_not_know_follows_the_one_before() -> None:
    entries = at(
        (0, RecordingIntended(ONE)), (10, RecordingStarted(ONE)), (1_000, Connected("b")),
        (11_000, PAUSE), (11_030, RecordingStopped(ONE, "", 10_030)), (11_040, STOPPED),
        (31_000, ENDED), *an_ordinary_pause(40_000, 45_000), (51_000, BYE),
    )  # fmt: skip
    line = timeline(entries, (1, 2))
    assert line.parts[1] == PartLine(2, 10_030, 39_970, True, False)
    assert [(span.pause, span.part) for span in line.spans] == [(0, 1), (0, 2), (1, 2)]
    assert timeline((), (1, 3)).parts == (
        PartLine(1, 0, 0, False, False),
        PartLine(3, 0, 0, False, False),
    )


@pytest.mark.parametrize("lost", [1, 2, 3])
def test_a_pause_whose_beginning_is_lost_began_with_the_entry_before(lost: int) -> None:
    told = [(20_000, PAUSE), (20_020, MASKED), (29_985, ENDING), (30_000, ENDED)][lost:]
    line = recorded((19_000, RecordingStarted(ONE)), *told)
    [pause], [span] = line.pauses, line.spans
    assert (pause.by, pause.guard_ms, pause.ended) == ("", 250, True)
    assert (pause.at_wall_ms, pause.until_wall_ms) == (WALL + 19_000, WALL + 30_000)
    assert (span.begin_ms, span.end_ms) == (9_000, 20_000)
    assert span.masked == (((10_020, 19_985),) if lost == 1 else ())


def test_a_pause_that_is_only_overdue_lasts_to_the_end() -> None:
    [span] = recorded((20_000, PauseOverdue())).spans
    assert (span.begin_ms, span.to_end) == (0, True), "since they were connected"


def test_a_pause_whose_beginning_is_lost_began_before_it_stopped_the_recording() -> None:
    line = recorded(
        *an_ordinary_pause(20_000, 21_000),
        (29_000, RecordingStopped(ONE, "", 0)),
        (29_010, STOPPED),
    )
    [_masked, span] = line.spans
    assert (span.begin_ms, span.end_ms) == (11_000, 19_000)


@pytest.mark.parametrize(
    ("path", "part", "expected"),
    [
        ("/a/x.wav", 1, "/a/x.wav"),
        ("/a/x.wav", 2, "/a/x.2.wav"),
        ("x.wav", 17, "x.17.wav"),
        ("/a.b/x", 2, "/a.b/x.2"),
    ],
)
def test_where_further_parts_go(path: str, part: int, expected: str) -> None:
    assert further_path(path, part) == expected


def test_the_part_is_read_from_the_path() -> None:
    assert [part_of(path) for path in (ONE, TWO, "x.17.wav", "/x.2/y.wav", "", "x.1.wav")] == [
        1, 2, 17, 1, 1, 1,
    ]  # fmt: skip
    good = ["2", "10", "9999"]
    assert [
        text for text in (*good, "1", "0", "02", "", "x", "²", "10000") if is_part_number(text)
    ] == good


@given(st.integers(1, 9999))
def test_a_path_and_its_part_go_both_ways(part: int) -> None:
    assert part_of(further_path(ONE, part)) == part


_KINDS = [
    PAUSE, MASKED, STOPPED, PauseHeld("unrecorded"), ENDING, ENDED, PauseOverdue(), Connected("b"),
    Parted(), BYE, RecordingIntended(ONE), RecordingStarted(ONE), RecordingStopped(ONE, "", 1),
    RecordingIntended(TWO), RecordingStarted(TWO), RecordingStopped(TWO, "", 1),
    PauseStarted("digits", -1, -5), PauseStarted("digits", 0, 1 << 40),
    RecordingStalled(ONE, TWO), RecordingStalled(TWO, ""), CustomerHeld(), CustomerBack(),
]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.tuples(st.integers(-50, 9_000), st.sampled_from(_KINDS)), max_size=25),
    st.lists(st.integers(1, 4), max_size=3),
)
def test_any_entries_make_a_time_line(steps: list[tuple[int, Entry]], parts: list[int]) -> None:
    entries, now = [], BOOT
    for step, entry in steps:
        now += step
        entries.append(Stamped(Stamp(WALL + now, now), entry))
    line = timeline(entries, parts)
    assert [part.part for part in line.parts] == sorted({part.part for part in line.parts})
    assert {*parts} <= {part.part for part in line.parts}
    lengths = {part.part: part.length_ms for part in line.parts}
    for span in line.spans:
        assert span.begin_ms >= 0
        assert span.begin_ms <= span.end_ms <= lengths[span.part]
        assert all(0 <= a < b <= lengths[span.part] for a, b in span.masked)
        assert [*span.masked] == sorted(span.masked)
        assert line.pauses[span.pause].ended or span.to_end
    for part in line.parts:  # a pause that nobody ended is in every part that ended after it began
        for number, pause in enumerate(line.pauses):
            if not pause.ended and not part.end_known:
                assert any(span.pause == number and span.part == part.part for span in line.spans)
    assert line.unrecorded_ms >= 0
    assert between(Stamp(5, 5), Stamp(3, 2)) == 0


def test_the_kinds_that_are_tried_are_those_that_matter() -> None:
    names = {kind.__name__ for kind in get_args(Entry)}
    matter = {name for name in names if name.startswith(("Pause", "Recording"))}
    assert {type(kind).__name__ for kind in _KINDS} == (matter - {"RecordingFailed"}) | {
        "Connected", "Parted", "HungUp", "CustomerHeld", "CustomerBack",
    }  # fmt: skip


def test_each_opt_out_in_mid_call_is_a_pause() -> None:
    """Two that were not meant, and one from which the caller came back: apart, nothing is added."""
    opting, seen = PauseStarted("opt-out", back_ms=120), PauseHeld("masked", keys_hidden=False)
    over = PauseEnding("opt-out"), ENDED
    line = recorded(
        (20_000, opting), (20_020, seen), (23_000, over[0]), (23_020, over[1]),
        (25_000, opting), (25_020, seen), (28_000, over[0]), (28_020, over[1]),
        (30_000, opting), (30_020, seen), (31_000, OptOutStarted(connected=True)),
        (31_030, Parted()), (40_000, OptOutReturned()), (40_060, Connected("b")),
        (40_070, over[0]), (40_090, over[1]),
    )  # fmt: skip
    assert [(pause.by, pause.ended_by) for pause in line.pauses] == [("opt-out", "opt-out")] * 3
    assert [pause.keys_hidden for pause in line.pauses] == [False] * 3
    assert [(span.begin_ms, span.end_ms) for span in line.spans] == [
        (9_880, 13_020), (14_880, 18_020), (19_880, 21_060),
    ]  # fmt: skip
    assert line.spans[2].masked == ((20_020, 21_040),)
    assert line.joined_ms == 50_000 - 9_030
