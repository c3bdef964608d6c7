"""Where the trail ends, found again after a start, an error, or another process's entries.

What a crash can leave is bytes that no append vouched for: an unfinished line, or, where the last
batch was several lines, any pieces of it. They are told apart from tampering by the head that
was remembered elsewhere: what it covers was on disk, and is never taken for torn.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ivr.retention.audit.files import LogFile, lines_backwards, log_files, open_file, unreadable
from ivr.retention.audit.line import NOTHING, Head, chained, shape

_BACK = 4 << 20
"""Bytes before the end that are looked at after a start. A batch is smaller."""


@dataclass(frozen=True, slots=True)
class Tail:
    """The end of the trail."""

    file: LogFile | None
    """None while there is no file."""
    size: int
    """Up to here its lines are whole."""
    head: Head


@dataclass(frozen=True, slots=True)
class Found:
    """The end of the trail as it was found."""

    tail: Tail
    torn: int
    """Bytes after the tail's ``size`` that a crash left."""
    missing: Head | None
    """What was known to be on disk and is not there, or is another; None where all is well."""


EMPTY = Tail(None, 0, NOTHING)


def find_tail(folder: Path, known: Tail | None, head: Head | None) -> Found:
    """Find the end, from what is ``known`` already or else from the last lines there are.

    ``head`` is what was remembered to be on disk. Raises StoreError.
    """
    files = log_files(folder)
    if known is not None:
        if known.file is not None and _size(known.file) >= known.size:
            later = [file for file in files if file.first > known.file.first]
            return _onwards([known.file, *later], known, known.head, head)
        if known.file is None:
            return _onwards(files, EMPTY, NOTHING, head)
        head = max((known.head, head or NOTHING), key=_seq)
    anchor = _anchor(files, head)
    later = files if anchor.file is None else files[files.index(anchor.file) :]
    return _onwards(later, anchor, anchor.head, head)


def unchanged(folder: Path, tail: Tail) -> bool:
    """Whether nobody wrote, or took away, since the end was there. Raises StoreError."""
    files = log_files(folder)
    if tail.file is None:
        return not files
    return bool(files) and files[-1] == tail.file and _size(tail.file) == tail.size


def _seq(head: Head) -> int:
    return head.seq


def _size(file: LogFile) -> int:
    """Bytes of a file; less than none where it is gone."""
    try:
        return os.stat(file.path, follow_symlinks=False).st_size
    except FileNotFoundError:
        return -1
    except OSError as error:
        raise unreadable(file.path, error) from error


def _anchor(files: Sequence[LogFile], head: Head | None) -> Tail:
    """A line near the end from which to go on: that of ``head`` where it is near, or else the
    earliest that is near."""
    best: Tail | None = None
    passed = 0
    for file in reversed(files):
        for begin, line in lines_backwards(file.path):
            fields = shape(line)
            if fields is not None:
                best = Tail(file, begin + len(line) + 1, Head(fields.seq, fields.hash))
                if best.head == head:
                    return best
            passed += len(line) + 1
            if passed > _BACK and best is not None:
                return best
    return EMPTY


def _onwards(files: Sequence[LogFile], start: Tail, vouched: Head, head: Head | None) -> Found:
    """Follow the chain from ``start`` to the end of the last file."""
    tail = start
    misfit: Tail | None = None
    """Where the first line that does not fit begins, and the last good one before it."""
    seen_other = False
    torn = 0
    for file in files:
        at = tail.size if file == tail.file else 0
        data = _read_from(file.path, at)
        *lines, rest = data.split(b"\n")
        tail = Tail(file, at, tail.head)
        for line in lines:
            fields = shape(line)
            before = tail.head
            fits = (
                fields is not None
                and fields.seq == before.seq + 1
                and chained(before.hash, fields.seq, fields.text) == fields.hash
            )
            if not fits and misfit is None:
                misfit = tail
            here = before if fields is None else Head(fields.seq, fields.hash)
            seen_other |= head is not None and here.seq == head.seq and here != head
            tail = Tail(file, tail.size + len(line) + 1, here)
        torn = len(rest)
    last = files[-1] if files else None
    if misfit is not None and head is not None and misfit.file == last:
        # All that was vouched for is there and fits: what follows is what a crash left.
        covered = max(head.seq, vouched.seq)
        if misfit.head.seq >= covered and not (seen_other and misfit.head.seq == head.seq):
            end = tail.size + torn
            return Found(misfit, end - misfit.size, None)
    missing = head if head is not None and (head.seq > tail.head.seq or seen_other) else None
    return Found(tail, torn, missing)


def _read_from(path: Path, at: int) -> bytes:
    try:
        with open_file(path) as file:
            file.seek(at)
            return file.read()
    except OSError as error:
        raise unreadable(path, error) from error


def ends_with_part_of(data: bytes, path: Path, size: int) -> bool:
    """Whether all that a file has after ``size``, and it has some, is the beginning of ``data``.

    Raises OSError.
    """
    with open_file(path) as file:
        file.seek(size)
        rest = file.read(len(data) + 1)
    return bool(rest) and data.startswith(rest)
