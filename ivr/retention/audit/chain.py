"""Follow the chain past what is wrong with it, so that each fault is found and located; pure.

Lines that fit are counted by :mod:`ivr.retention.audit.verify` in a loop of its own, for speed.
What does not fit comes here. A line that is out of place is held until a later one tells what it
was: changed, moved, standing twice, foreign, or the first after some that are missing.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from ivr.retention.audit.line import NOTHING, Shape, chained, shape
from ivr.retention.audit.report import Findings, Kind, Place

_HELD = 16
"""Lines held at most before it is decided what they are."""


class Odd(NamedTuple):
    """A line out of place."""

    place: Place
    line: bytes
    fields: Shape | None


@dataclass(frozen=True, slots=True)
class Residue:
    """Lines at the end that a crash may have left: nothing vouches for them."""

    place: Place
    """Where they begin."""
    seq: int
    hash: bytes
    """The last entry before them."""
    entries: int


@dataclass(slots=True)
class _Gap:
    """Entries that are missing so far."""

    first: int
    last: int
    place: Place
    """Where they should have stood."""
    kind: Kind


def _first(gap: _Gap) -> int:
    return gap.first


class Chain:
    """How far the chain was followed."""

    def __init__(self, findings: Findings, known: int | None, watched: frozenset[int]) -> None:
        """``known`` is the last entry that is vouched for elsewhere, None where nothing tells;
        ``watched`` the numbers whose hashes are wanted."""
        self.seq = NOTHING.seq
        self.hash = NOTHING.hash
        """Of the last entry that was reached."""
        self.entries = 0
        """That were reached."""
        self.seen: dict[int, tuple[bytes, Place]] = {}
        """The hashes of watched entries, and where they stand."""
        self._others: tuple[bytes, ...] = ()
        """Other hashes that the last entry may have had when the next was written."""
        self._unproved = False
        """Whether the hash before the next entry is lost, so that it cannot be checked."""
        self._findings = findings
        self._known = known or 0
        self._crashed = known is not None
        """Whether what does not fit may be what a crash left."""
        self.watched = watched
        self._held: list[Odd] = []
        self._gaps: list[_Gap] = []
        """In the order of their numbers."""
        self._moved: dict[int, Odd] = {}
        self.residue: Residue | None = None

    @property
    def calm(self) -> bool:
        """Whether a line that fits needs nothing of this."""
        return not self._held

    def reached(self, seq: int, digest: bytes) -> None:
        """The loop came this far by itself."""
        if seq != self.seq:
            self.entries += seq - self.seq
            self.seq, self.hash = seq, digest
            self._others = ()
            self._unproved = False

    def take(self, line: bytes, place: Place) -> None:
        """A line that does not fit, or that comes while others are held."""
        fields = shape(line)
        self._look_for_residue(line, fields, place)
        while fields is not None and fields.seq != self.seq + 1 and self.seq + 1 in self._moved:
            self._take_moved()
        if fields is not None and self._renumbered(fields):
            self._settle()
            text = f"entry {self.seq + 1} has the number {fields.seq}: it was changed"
            self._changed(place, text)
            self._accept(fields._replace(seq=self.seq + 1), place)
        elif fields is not None and fields.seq == self.seq + 1:
            self._expected(fields, place)
        elif fields is None or not self._resolved(fields, place):
            self._held.append(Odd(place, line, fields))
            if len(self._held) >= _HELD:
                self._force()

    def _look_for_residue(self, line: bytes, fields: Shape | None, place: Place) -> None:
        """Whether what does not fit is what a crash leaves of a batch: lines of its entries, or
        bytes that the disk never got, which read as zeros."""
        left = b"\0" in line or (fields is not None and fields.seq > self._known)
        if not left or not self._crashed:
            self.residue, self._crashed = None, False
        elif self.residue is None and self.seq >= self._known:
            self.residue = Residue(place, self.seq, self.hash, self.entries)

    def begin_file(self, first: int, line: bytes, place: Place, full: bool) -> None:
        """A file that should begin with the entry ``first`` begins with ``line``.

        ``full`` says whether the file before it was as long as files are.
        """
        fields = shape(line)
        if self.residue is not None:
            self.residue, self._crashed = None, False
        if first == self.seq + 1 or (fields is not None and fields.seq == self.seq + 1):
            if first != self.seq + 1:
                text = f"the file begins with entry {self.seq + 1}, and is named for {first}"
                self._findings.add(place._replace(line=0), self.seq + 1, Kind.FILE_MISSING, text)
            return
        self._changed_before(first - 1)
        while self._held:
            self._force()
        if first > self.seq + 1:
            kind = Kind.FILE_MISSING if full or self.seq == 0 else Kind.DROPPED
            self._gaps.append(_Gap(self.seq + 1, first - 1, place._replace(line=0), kind))
            self.seq, self.hash = first - 1, b""
            self._others, self._unproved = (), True

    def unfinished(self, line: bytes, place: Place) -> None:
        """The last line of a file that is not the last one has lost its end."""
        fields = shape(line)
        if fields is not None and fields.seq == self.seq + 1 and self._proves(fields):
            self._changed(place, f"entry {fields.seq} has lost the end of its line")
            self._accept(fields, place)
        elif line:
            self.take(line, place)

    def finish(self) -> None:
        """There are no more lines."""
        self._changed_before(self._known)
        while self._held:
            self._force()
        while self.seq + 1 in self._moved:
            self._take_moved()
        for odd in self._moved.values():
            self._stray(odd)
        for gap in self._gaps:
            which = f"entry {gap.first} is missing"
            if gap.last > gap.first:
                which = f"entries {gap.first} to {gap.last} are missing"
            if gap.kind is Kind.FILE_MISSING:
                which += ", as much as a whole file"
            which += "; the entry after that cannot be checked"
            self._findings.add(gap.place, gap.first, gap.kind, which)

    def _proves(self, fields: Shape) -> bool:
        """Whether a line was written after the last one."""
        for before in (self.hash, *self._others):
            if chained(before, fields.seq, fields.text) == fields.hash:
                if before != self.hash and self.seq in self.seen:
                    self.seen[self.seq] = (before, self.seen[self.seq][1])
                return True
        # An entry that stands twice: the next may follow the other one.
        for odd in self._held:
            if (
                odd.fields is not None
                and odd.fields.seq == self.seq
                and chained(odd.fields.hash, fields.seq, fields.text) == fields.hash
            ):
                if self.seq in self.seen:
                    self.seen[self.seq] = (odd.fields.hash, odd.place)
                return True
        return False

    def _renumbered(self, fields: Shape) -> bool:
        """Whether a line is the expected one but for its number."""
        seq = self.seq + 1
        return fields.seq != seq and chained(self.hash, seq, fields.text) == fields.hash

    def _expected(self, fields: Shape, place: Place) -> None:
        """The next entry by its number."""
        proved = self._proves(fields)
        self._settle()
        computed = chained(self.hash, fields.seq, fields.text)
        if proved or self._unproved:
            self._accept(fields, place)
            return
        text = f"entry {fields.seq} does not fit its hash: it was changed"
        if self.seq:
            text += f", or entry {self.seq} was and its hash made anew"
        self._changed(place, text)
        self._accept(fields, place, (computed,))

    def _accept(self, fields: Shape, place: Place, others: tuple[bytes, ...] = ()) -> None:
        self.seq, self.hash = fields.seq, fields.hash
        self._others = others
        self._unproved = False
        self.entries += 1
        if self.seq in self.watched:
            self.seen[self.seq] = (self.hash, place)

    def _changed(self, place: Place, text: str) -> None:
        self._findings.add(place, self.seq + 1, Kind.CHANGED, text)

    def _resolved(self, fields: Shape, place: Place) -> bool:
        """Whether a line out of place tells what those held are; then it was taken."""
        if not self._held:
            return False
        last = self._held[-1].fields
        follows = last is not None and chained(last.hash, fields.seq, fields.text) == fields.hash
        right_before = follows and last is not None and last.seq == fields.seq - 1
        skipped = fields.seq - self.seq - 1
        many = len(self._held)
        if not right_before and (
            (follows and skipped == many) or (self._is_unreadable and 0 < skipped <= many)
        ):
            self._unreadable(skipped)
            if follows and last is not None:
                self.hash, self._unproved = last.hash, False
            self._expected(fields, place)
            return True
        if right_before and last is not None and last.seq > self.seq:
            odd = self._held.pop()
            self._open_gap(odd)
            self._accept(last, odd.place)
            self._accept(fields, place)
            return True
        return False

    def _unreadable(self, count: int) -> None:
        """The lines held are the next ``count`` entries."""
        for odd in self._held[:count]:
            text = f"entry {self.seq + 1} is unreadable: it was changed"
            self._changed(odd.place, text)
            self.seq += 1
        self.hash, self._others, self._unproved = b"", (), True
        self._held.clear()

    def _open_gap(self, odd: Odd) -> None:
        """Entries up to a line are missing, but for those held that are among them."""
        assert odd.fields is not None
        first, last = self.seq + 1, odd.fields.seq - 1
        gap = _Gap(first, last, odd.place, Kind.DROPPED)
        strays, self._held = self._held, []
        inside = [each for each in strays if each.fields and first <= each.fields.seq <= last]
        self._gaps.append(gap)
        highest = 0
        for stray in strays:
            seq = 0 if stray.fields is None else stray.fields.seq
            if stray in inside and seq > highest:
                highest = seq
                self._found(seq)
            else:
                self._stray(stray)

    def _settle(self) -> None:
        """The next entry is here: what is held does not belong between."""
        strays, self._held = self._held, []
        run: list[Odd] = []
        for odd in strays:
            if odd.fields is None:
                run.append(odd)
            elif odd.fields.seq > self.seq:
                self._moved[odd.fields.seq] = odd
            else:
                self._stray(odd)
        if run:
            many = "a line that is" if len(run) == 1 else f"{len(run)} lines that are"
            text = f"{many} no entry, after entry {self.seq}"
            self._findings.add(run[0].place, self.seq, Kind.FOREIGN, text)

    def _stray(self, odd: Odd) -> None:
        """A line that is not where it belongs."""
        if odd.fields is None:
            text = f"a line that is no entry, after entry {self.seq}"
            self._findings.add(odd.place, self.seq, Kind.FOREIGN, text)
        elif self._found(odd.fields.seq):
            text = f"entry {odd.fields.seq} does not stand where it was written"
            self._findings.add(odd.place, odd.fields.seq, Kind.REORDERED, text)
        elif odd.fields.seq <= self.seq:
            text = f"entry {odd.fields.seq} stands twice"
            self._findings.add(odd.place, odd.fields.seq, Kind.DOUBLED, text)
        else:
            text = f"an entry numbered {odd.fields.seq}, where {self.seq + 1} should be"
            self._findings.add(odd.place, odd.fields.seq, Kind.FOREIGN, text)

    def _take_moved(self) -> None:
        """The next entry stood earlier."""
        odd = self._moved.pop(self.seq + 1)
        assert odd.fields is not None
        text = f"entry {odd.fields.seq} does not stand where it was written"
        if not self._proves(odd.fields):
            text += ", and does not fit its hash"
        self._findings.add(odd.place, odd.fields.seq, Kind.REORDERED, text)
        self._accept(odd.fields, odd.place)

    def _found(self, seq: int) -> bool:
        """Whether an entry was missing so far."""
        at = bisect_right(self._gaps, seq, key=_first) - 1
        if at < 0 or seq > self._gaps[at].last:
            return False
        gap = self._gaps[at]
        parts = [replace(gap, last=seq - 1), replace(gap, first=seq + 1)]
        self._gaps[at : at + 1] = [each for each in parts if each.first <= each.last]
        return True

    def _force(self) -> None:
        """Decide what the lines held are, with nothing that follows."""
        for at, odd in enumerate(self._held):
            if odd.fields is not None and odd.fields.seq > self.seq:
                later = self._held[at + 1 :]
                self._held = self._held[:at]
                if odd.fields.seq == self.seq + 1:
                    self._expected(odd.fields, odd.place)
                else:
                    self._open_gap(odd)
                    self._accept(odd.fields, odd.place)
                self._again(later)
                return
        self._settle()

    def _again(self, odds: Sequence[Odd]) -> None:
        for odd in odds:
            self.take(odd.line, odd.place)

    @property
    def _is_unreadable(self) -> bool:
        """Whether no line held is an entry's by its shape."""
        return all(odd.fields is None for odd in self._held)

    def _changed_before(self, last: int) -> None:
        """Lines held stand where entries up to ``last`` did."""
        many = len(self._held)
        if many and self.seq + many <= last and self._is_unreadable:
            self._unreadable(many)
