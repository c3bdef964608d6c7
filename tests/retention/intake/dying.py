"""A disk and an index that die at a given moment: the process is killed, or the host."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from typing import Any

from ivr.retention.index.database import Database
from ivr.storage.atomic import REAL, Disk


class Died(BaseException):
    """The process stopped here."""


@dataclass
class Mortal:
    """Counts what happens, and dies at one of it."""

    left: int = 1 << 60
    """So many things happen before it dies."""
    done: list[str] = field(default_factory=list)
    torn: bool = False
    """The write at which it dies leaves half of its bytes."""

    def die(self) -> None:
        raise Died

    def step(self, name: str) -> None:
        if self.left == 0:
            raise Died
        self.left -= 1
        self.done.append(name)

    def disk(self, **replaced: Callable[..., Any]) -> Disk:
        """A disk every call of which is a moment to die at; closing is none."""
        base = replace(REAL, **replaced)
        names = [each.name for each in fields(Disk) if each.name != "close"]
        return replace(base, **{name: self._call(name, getattr(base, name)) for name in names})

    def _call(self, name: str, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*words: Any) -> Any:
            if self.torn and self.left == 0 and name == "write":
                real(words[0], words[1][: len(words[1]) // 2])
            if self.left == 0:
                raise Died
            target = words[-1] if name == "rename" else words[0]
            where = f" {target.rpartition('/')[2]}" if isinstance(target, str) else ""
            self.step(f"{name}{where}")
            return real(*words)

        return call

    def database(self, database: Database) -> None:
        """Before a transaction that writes is committed, and just after it, are moments, too."""
        writing = database.writing
        depth = [0]

        @contextmanager
        def mortal(within: Any = None) -> Iterator[Any]:
            if within is not None or depth[0]:
                with writing(within) as connection:
                    yield connection
                return
            depth[0] += 1
            try:
                with writing() as connection:
                    yield connection
                    self.step("commit")
                self.step("committed")
            finally:
                depth[0] -= 1

        database.writing = mortal  # type: ignore[method-assign]
