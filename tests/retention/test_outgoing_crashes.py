"""Killed at every step and started again, no mail is lost, and none is sent twice untold (R15)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

from ivr.export.templates import load_templates
from ivr.retention.index.database import Database
from ivr.retention.model import Entry
from ivr.retention.outgoing.queue import Queue
from ivr.retention.outgoing.remains import MailRemains
from ivr.storage.atomic import Disk
from tests.retention.test_outgoing import CALL, MAIL, Desk


class Died(BaseException):
    """The host stopped here."""


class Life:
    """Ends after so many steps."""

    def __init__(self, left: int) -> None:
        self.left = left

    def step(self) -> None:
        if self.left == 0:
            raise Died
        self.left -= 1

    def wrapped(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*given: Any) -> Any:
            self.step()
            made = real(*given)
            self.step()
            return made

        return call

    def disk(self) -> Disk:
        names = [field.name for field in fields(Disk) if field.name not in ("close", "set_time")]
        return Disk(**{name: self.wrapped(getattr(Disk(), name)) for name in names})


class MortalDatabase:
    """The real one, which may die before and after each commit."""

    def __init__(self, real: Database, life: Life) -> None:
        self._real = real
        self._life = life

    @contextmanager
    def writing(self) -> Iterator[Any]:
        with self._real.writing() as connection:
            yield connection
            self._life.step()
        self._life.step()

    def reading(self) -> Any:
        return self._real.reading()


class MortalPaper:
    """A trail that is durable at once, whatever becomes of the transaction about it."""

    def __init__(self, desk: Desk, life: Life) -> None:
        self._desk = desk
        self._life = life

    def append(self, entries: list[Entry]) -> list[int]:
        self._life.step()
        self._desk.paper.append(entries)
        self._life.step()
        return []


def queue_of(desk: Desk, life: Life) -> Queue:
    return Queue(
        MortalDatabase(desk.database, life),  # type: ignore[arg-type]  # as it, but mortal
        desk.folder,
        desk.settings,
        load_templates(MAIL),
        MortalPaper(desk, life),  # type: ignore[arg-type]
        lambda: desk.now,
        send=life.wrapped(desk.server),
        disk=life.disk(),
    )


def settled(desk: Desk) -> None:
    """The next life: what was left is taken up, and all is sent that still is to be."""
    queue = desk.another()
    queue.start()
    while queue.work():
        pass
    queue.close()


def lives(
    tmp_path: Path, live: Callable[[Desk, Life], None], least: int
) -> Iterator[tuple[Desk, bool]]:
    """A desk for each step at which a life ends, and one that lives to the end."""
    survived, steps = False, 0
    while not survived:
        folder = tmp_path / str(steps)
        folder.mkdir()
        desk = Desk(folder)
        try:
            live(desk, Life(steps))
            survived = True
        except Died:
            pass
        yield desk, survived
        desk.database.close()
        steps += 1
    assert steps > least


def test_killed_while_it_is_put_and_sent(tmp_path: Path) -> None:
    asked = []

    def live(desk: Desk, life: Life) -> None:
        asked.append(False)
        queue = queue_of(desk, life)
        try:
            queue.start()
            queue.put(desk.copy())
            asked[-1] = True
            while queue.work():
                pass
        finally:
            queue.close()  # as the end of a process does

    ends = set()
    for desk, survived in lives(tmp_path, live, 30):
        settled(desk)
        mails = desk.queue.listing()
        states = [mail.state for mail in mails]
        delivered = len(desk.server.got)
        ends.add((delivered, *states))
        assert delivered <= 1
        assert len(mails) == 1 or not asked[-1], "what was promised is not lost"
        for state in states:
            assert state in ("sent", "unknown")
            assert delivered == 1 or state == "unknown", "not thought to be sent"
        if "unknown" in states:
            assert any("not known" in entry.detail for entry in desk.paper.entries), "it is told"
        assert desk.files() == sorted(mail.file for mail in mails if mail.file)
        if survived:
            assert states == ["sent"]
            assert len(desk.paper.entries) == 1
    # Each of these happened: never there, sent, and not known, delivered or not.
    assert ends == {(0,), (1, "sent"), (0, "unknown"), (1, "unknown")}


def test_killed_while_its_recording_is_destroyed(tmp_path: Path) -> None:
    def live(desk: Desk, life: Life) -> None:
        desk.queue.put(desk.copy())
        database = MortalDatabase(desk.database, life)
        MailRemains(database, desk.folder, life.disk()).remove([CALL])  # type: ignore[arg-type]  # mortal

    for desk, _survived in lives(tmp_path, live, 7):
        desk.remains.remove([CALL])  # destruction goes on at its next start
        settled(desk)
        assert desk.queue.listing() == []
        assert desk.server.got == []
        assert os.listdir(desk.folder) == ["lock"]
