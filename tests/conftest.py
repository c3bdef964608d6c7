"""What hundreds of tests begin with, done once: nothing of it is what they try."""

from __future__ import annotations

import gc
import hashlib
from array import array
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Any

import pytest

from ivr.api import http
from ivr.api.v1 import V1
from ivr.config import prompts


def pytest_collection_finish() -> None:
    """Thousands of tests are there to stay: the collector need not go through them again and
    again."""
    gc.collect()
    gc.freeze()


class _LaterV1:
    """The routes, made when the first of them is asked for: most engines of tests are never
    asked, and making them is a third of making an engine."""

    def __init__(self, *words: Any) -> None:
        self._words = words
        self.app = self

    @cached_property
    def _made(self) -> Callable[..., Iterable[bytes]]:
        return V1(*self._words).app.wsgi_app

    def wsgi_app(self, *words: Any) -> Iterable[bytes]:
        """See :class:`ivr.api.v1.V1`."""
        return self._made(*words)


def _remembered(judge: Callable[..., bool]) -> Callable[..., bool]:
    """The same judgement of samples that were judged before."""
    known: dict[tuple[bytes, *tuple[int, ...]], bool] = {}

    def judged(samples: array[int], *more: int) -> bool:
        which = (hashlib.sha256(samples).digest(), *more)
        if which not in known:
            known[which] = judge(samples, *more)
        return known[which]

    return judged


def do_once(patch: Callable[[Any, str, Any], None]) -> None:
    """Make of each only one in this process."""
    patch(http, "V1", _LaterV1)
    patch(prompts, "_silent", _remembered(prompts._silent))
    patch(prompts, "_clipped", _remembered(prompts._clipped))


@pytest.fixture(scope="session", autouse=True)
def _once() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        do_once(patch.setattr)
        yield
