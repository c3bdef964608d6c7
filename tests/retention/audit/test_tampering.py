"""Every way to falsify a trail is found, and located (R17)."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ivr.retention.audit.line import Head, chained, line_of, shape
from ivr.retention.audit.report import MOST
from ivr.retention.audit.stores import Particular
from ivr.retention.model import Entry
from tests.retention.audit.scene import Scene, found

Found = list[tuple[str, int, int, str]]

# The files begin with entries 1, 5, 9, 13 and 17; the check-points are of 6, 12 and 18.


def change_a_word(scene: Scene) -> None:
    lines = scene.lines(5)
    scene.put(5, [*lines[:2], lines[2].replace(b"ann", b"bob"), lines[3]])


def change_the_first(scene: Scene) -> None:
    lines = scene.lines(1)
    scene.put(1, [lines[0].replace(b"ann", b"bob"), *lines[1:]])


def change_the_last(scene: Scene) -> None:
    lines = scene.lines(17)
    scene.put(17, [lines[0], lines[1].replace(b"ann", b"bob")])


def change_a_hash(scene: Scene) -> None:
    lines = scene.lines(5)
    fields = shape(lines[2][:-1])
    assert fields is not None
    scene.put(5, [*lines[:2], line_of(7, bytes(32), fields.text), lines[3]])


def change_the_hash_of_a_signed_one(scene: Scene) -> None:
    lines = scene.lines(5)
    fields = shape(lines[1][:-1])
    assert fields is not None
    scene.put(5, [lines[0], line_of(6, bytes(32), fields.text), *lines[2:]])


def change_a_number(scene: Scene) -> None:
    lines = scene.lines(5)
    scene.put(5, [*lines[:2], b"9" + lines[2][1:], lines[3]])


def change_a_number_and_a_word(scene: Scene) -> None:
    lines = scene.lines(5)
    scene.put(5, [*lines[:2], b"9" + lines[2][1:].replace(b"ann", b"bob"), lines[3]])


def change_and_hash_anew(scene: Scene) -> None:
    lines = scene.lines(5)
    before, fields = shape(lines[1][:-1]), shape(lines[2][:-1])
    assert before is not None
    assert fields is not None
    text = fields.text.replace(b"ann", b"bob")
    scene.put(5, [*lines[:2], line_of(7, chained(before.hash, 7, text), text), lines[3]])


def change_and_compute_all_anew(scene: Scene) -> None:
    change_a_word(scene)
    scene.recompute(7)


def change_what_follows_the_last_check_point(scene: Scene) -> None:
    lines = scene.lines(17)
    scene.put(17, [lines[0].replace(b"ann", b"bob"), lines[1]])
    remembered = scene.heads.head
    scene.recompute(17)
    scene.heads.head = remembered
    (scene.folder / "checkpoints").write_bytes(
        b"".join((scene.folder / "checkpoints").read_bytes().splitlines(True)[:2])
    )


def make_unreadable(scene: Scene) -> None:
    lines = scene.lines(5)
    scene.put(5, [lines[0], b"?" + lines[1], *lines[2:]])


def make_two_unreadable(scene: Scene) -> None:
    lines = scene.lines(5)
    scene.put(5, [lines[0], b"?\n", b"\xff\x00\n", lines[3]])


def make_the_last_of_a_file_unreadable(scene: Scene) -> None:
    scene.put(5, [*scene.lines(5)[:3], b"nothing\n"])


def make_the_very_last_unreadable(scene: Scene) -> None:
    scene.put(17, [scene.lines(17)[0], b"nothing\n"])


def break_a_line_in_two(scene: Scene) -> None:
    lines = scene.lines(5)
    scene.put(5, [lines[0], lines[1][:90] + b"\n" + lines[1][91:], *lines[2:]])


def drop_one(scene: Scene) -> None:
    lines = scene.lines(5)
    scene.put(5, [lines[0], *lines[2:]])


def drop_two(scene: Scene) -> None:
    lines = scene.lines(5)
    scene.put(5, [lines[0], lines[3]])


def drop_two_apart(scene: Scene) -> None:
    lines = scene.lines(5)
    scene.put(5, [lines[0], lines[2]])
    # That is 6 and 8: the file's end is one.


def drop_the_first(scene: Scene) -> None:
    scene.put(1, scene.lines(1)[1:])


def drop_the_first_of_a_file(scene: Scene) -> None:
    scene.put(5, scene.lines(5)[1:])


def drop_the_end_of_a_file(scene: Scene) -> None:
    scene.put(5, scene.lines(5)[:2])


def drop_one_and_number_anew(scene: Scene) -> None:
    lines = [line for first in (5, 9) for line in scene.lines(first)]
    del lines[1]
    numbered = [b"%d " % n + line.split(b" ", 1)[1] for n, line in enumerate(lines, 5)]
    scene.put(5, numbered[:4])
    scene.put(9, numbered[4:])


def swap(scene: Scene) -> None:
    one, two, three, four = scene.lines(5)
    scene.put(5, [one, three, two, four])


def move_onwards(scene: Scene) -> None:
    one, two, three, four = scene.lines(5)
    scene.put(5, [one, three, four])
    nine, *others = scene.lines(9)
    scene.put(9, [nine, two, *others])


def move_back(scene: Scene) -> None:
    nine, ten, eleven, twelve = scene.lines(9)
    scene.put(9, [nine, ten, twelve])
    five, *others = scene.lines(5)
    scene.put(5, [five, eleven, *others])


def double(scene: Scene) -> None:
    one, two, *others = scene.lines(5)
    scene.put(5, [one, two, two, *others])


def double_ahead(scene: Scene) -> None:
    one, two, three, four = scene.lines(5)
    scene.put(5, [one, three, two, three, four])


def move_back_and_drop(scene: Scene) -> None:
    one, two, _three, four = scene.lines(5)
    scene.put(5, [one, four, two])


def move_back_and_drop_in_one_file(scene: Scene) -> None:
    one, two, _three, four = scene.lines(5)
    nine, ten, *others = scene.lines(9)
    scene.put(5, [one, four, two, nine, ten])
    scene.put(9, others)


def double_far_away(scene: Scene) -> None:
    nine, *others = scene.lines(9)
    scene.put(9, [nine, scene.lines(1)[1], *others])


def replace_by_a_copy(scene: Scene) -> None:
    one, _two, *others = scene.lines(5)
    scene.put(5, [one, scene.lines(1)[1], *others])


def insert_text(scene: Scene) -> None:
    one, *others = scene.lines(5)
    scene.put(5, [one, b"hello\n", *others])


def insert_a_forged_one(scene: Scene) -> None:
    five, *others = scene.lines(5)
    before = shape(five[:-1])
    assert before is not None
    forged = line_of(6, chained(before.hash, 6, b"{}"), b"{}")
    scene.put(5, [five, forged, *others])


def add_text_at_the_end(scene: Scene) -> None:
    scene.put(17, [*scene.lines(17), b"hello\n"])


def empty_line(scene: Scene) -> None:
    one, *others = scene.lines(5)
    scene.put(5, [one, b"\n", *others])


def cut_lines_off(scene: Scene) -> None:
    scene.put(17, scene.lines(17)[:1])


def cut_a_line(scene: Scene) -> None:
    scene.path(17).write_bytes(scene.path(17).read_bytes()[:-10])


def take_the_last_line_end(scene: Scene) -> None:
    scene.path(17).write_bytes(scene.path(17).read_bytes()[:-1])


def take_a_line_end_between_files(scene: Scene) -> None:
    scene.path(5).write_bytes(scene.path(5).read_bytes()[:-1])


def join_two_lines(scene: Scene) -> None:
    one, two, *others = scene.lines(5)
    scene.put(5, [one[:-1], b"x", two, *others])


def remove_the_first_file(scene: Scene) -> None:
    scene.path(1).unlink()


def remove_a_file(scene: Scene) -> None:
    scene.path(9).unlink()


def remove_the_last_file(scene: Scene) -> None:
    scene.path(17).unlink()


def remove_all(scene: Scene) -> None:
    for path in scene.folder.glob("*.log"):
        path.unlink()


def empty_a_file(scene: Scene) -> None:
    scene.put(9, [])


def rename_a_file(scene: Scene) -> None:
    scene.path(9).rename(scene.path(10))


def two_things(scene: Scene) -> None:
    change_the_first(scene)
    swap(scene)
    scene.put(13, scene.lines(13)[1:])


TABLE: list[tuple[Callable[[Scene], None], Found]] = [
    (change_a_word, [("5", 3, 7, "changed")]),
    (change_the_first, [("1", 1, 1, "changed")]),
    (change_the_last, [("17", 2, 18, "changed")]),
    (change_a_hash, [("5", 3, 7, "changed")]),
    (change_the_hash_of_a_signed_one, [("5", 2, 6, "changed")]),
    (change_a_number, [("5", 3, 7, "changed")]),
    (change_a_number_and_a_word, [("5", 3, 7, "changed")]),
    (change_and_hash_anew, [("5", 4, 8, "changed")]),
    (change_and_compute_all_anew, [("9", 4, 12, "rewritten")]),
    (change_what_follows_the_last_check_point, [("17", 2, 18, "rewritten")]),
    (make_unreadable, [("5", 2, 6, "changed")]),
    (make_two_unreadable, [("5", 2, 6, "changed"), ("5", 3, 7, "changed")]),
    (make_the_last_of_a_file_unreadable, [("5", 4, 8, "changed")]),
    (make_the_very_last_unreadable, [("17", 2, 18, "changed")]),
    (break_a_line_in_two, [("5", 2, 6, "changed")]),
    (drop_one, [("5", 2, 6, "dropped")]),
    (drop_two, [("5", 2, 6, "dropped")]),
    (drop_two_apart, [("5", 2, 6, "dropped"), ("9", 0, 8, "dropped")]),
    (drop_the_first, [("1", 1, 1, "dropped")]),
    (drop_the_first_of_a_file, [("5", 1, 5, "dropped")]),
    (drop_the_end_of_a_file, [("9", 0, 7, "dropped")]),
    (swap, [("5", 2, 7, "re-ordered")]),
    (move_onwards, [("9", 2, 6, "re-ordered")]),
    (move_back, [("5", 2, 11, "re-ordered")]),
    (double, [("5", 3, 6, "doubled")]),
    (double_ahead, [("5", 2, 7, "doubled")]),
    (move_back_and_drop, [("5", 2, 8, "re-ordered"), ("9", 0, 7, "dropped")]),
    (
        move_back_and_drop_in_one_file,
        [("5", 2, 8, "re-ordered"), ("5", 4, 7, "dropped"), ("9", 0, 11, "file missing")],
    ),
    (double_far_away, [("9", 2, 2, "doubled")]),
    (replace_by_a_copy, [("5", 2, 2, "doubled"), ("5", 3, 6, "dropped")]),
    (insert_text, [("5", 2, 5, "foreign")]),
    (insert_a_forged_one, [("5", 3, 6, "doubled")]),
    (add_text_at_the_end, [("17", 3, 18, "foreign")]),
    (empty_line, [("5", 2, 5, "foreign")]),
    (cut_lines_off, [("17", 1, 18, "truncated")]),
    (cut_a_line, [("17", 1, 18, "truncated")]),
    (take_the_last_line_end, [("17", 1, 18, "truncated")]),
    (take_a_line_end_between_files, [("5", 4, 8, "changed")]),
    (join_two_lines, [("5", 1, 5, "changed"), ("5", 2, 6, "dropped")]),
    (remove_the_first_file, [("5", 0, 1, "file missing")]),
    (remove_a_file, [("13", 0, 9, "file missing")]),
    (remove_the_last_file, [("13", 4, 17, "truncated")]),
    (empty_a_file, [("13", 0, 9, "dropped")]),
    (rename_a_file, [("10", 0, 9, "file missing")]),
    (
        two_things,
        [("1", 1, 1, "changed"), ("5", 2, 7, "re-ordered"), ("13", 1, 13, "dropped")],
    ),
]


def test_a_trail_that_nobody_touched(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    report = scene.verify()
    assert found(report) == []
    assert (report.good, report.torn, report.more) == (True, None, 0)
    assert (report.entries, report.files, report.head) == (18, 5, scene.heads.head)
    assert (report.check_points, report.particulars, report.gone) == (3, 3, 0)


@pytest.mark.parametrize(("tamper", "expected"), TABLE, ids=[each[0].__name__ for each in TABLE])
def test_it_is_found_and_located(
    tmp_path: Path, tamper: Callable[[Scene], None], expected: Found
) -> None:
    scene = Scene(tmp_path)
    tamper(scene)
    report = scene.verify()
    assert found(report) == expected
    assert report.torn is None
    for fault in report.faults:
        assert str(fault).startswith(fault.place.file)


def test_numbering_anew_does_not_hide_a_gap(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    drop_one_and_number_anew(scene)
    assert found(scene.verify())[0] == ("5", 2, 6, "changed")


def test_nothing_is_left(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    remove_all(scene)
    (fault,) = scene.verify().faults
    assert (fault.kind, fault.seq) == ("truncated", 1)


def test_without_what_the_index_remembers_the_check_points_find_a_cut(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.put(17, [])
    assert found(scene.verify(remembered=False)) == [("17", 0, 17, "truncated")]


def test_many_faults_are_counted_and_not_all_listed(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    copies = scene.lines(1)[:1] * (MOST + 100)
    scene.put(17, [*copies, *scene.lines(17)])
    report = scene.verify()
    assert len(report.faults) == MOST
    assert report.more == 100
    assert {fault.kind for fault in report.faults} == {"doubled"}


def test_a_line_without_end_takes_no_memory(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    one, *others = scene.lines(9)
    scene.put(9, [one, b"x" * (5 << 20), b"\n", *others])
    assert found(scene.verify()) == [("9", 2, 9, "foreign")]


@pytest.mark.parametrize("field", ["salt", "text"])
def test_particulars_that_were_changed(tmp_path: Path, field: str) -> None:
    scene = Scene(tmp_path)
    call, number, particular = scene.particulars.kept[10]
    changed = {"salt": "00" * 32, "text": '{"reason":"another"}'}
    other = particular._replace(**{field: changed[field]})
    scene.particulars.kept[10] = (call, number, other)
    assert found(scene.verify()) == [("9", 2, 10, "particulars")]
    scene.particulars.kept[10] = (call, number, Particular("no hex", particular.text))
    assert found(scene.verify()) == [("9", 2, 10, "particulars")]


def test_particulars_go_with_their_recording_and_the_trail_stays_good(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    del scene.particulars.kept[10]
    report = scene.verify()
    assert (report.good, report.particulars, report.gone) == (True, 2, 1)


def test_check_points_by_another_key_are_found(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.key = Ed25519PrivateKey.generate()
    faults = scene.verify().faults
    assert [(fault.place.file, fault.place.line, fault.kind) for fault in faults] == [
        ("checkpoints", line, "check-point") for line in (1, 2, 3)
    ]


def test_who_forgets_check_points_too_is_found_by_the_copy(tmp_path: Path) -> None:
    """Whoever owns the host changes all there is on it; what was copied elsewhere tells."""
    scene = Scene(tmp_path)
    own = scene.folder / "checkpoints"
    (scene.copies / "checkpoints").write_bytes(own.read_bytes())
    assert scene.verify().good
    change_a_word(scene)
    scene.recompute(7)
    own.write_bytes(own.read_bytes().splitlines(True)[0])
    kinds = {(fault.kind, fault.seq) for fault in scene.verify().faults}
    assert kinds == {("rewritten", 12), ("check-point", 12), ("check-point", 18)}


def test_the_trail_goes_on_after_entries_were_taken_and_tells_for_ever(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    cut_lines_off(scene)
    trail = scene.trail()
    (seq,) = trail.append([Entry("listen", "ann", "granted", "call-again")])
    assert seq == 19
    (told,) = [entry for entry in trail.read(18) if entry.action == "missing"]
    assert "entry 18 was on disk" in told.detail
    assert isinstance(scene.heads.head, Head)
    assert scene.heads.head.seq == 19
    kinds = [(fault.seq, fault.kind) for fault in scene.verify().faults]
    assert (18, "truncated") in kinds
