"""Whatever lies in the retention layer's files, the answer is mistakes or settings (R20)."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st

from ivr.config.load import ConfigurationError
from ivr.config.retention import check_retention, load_retention
from ivr.config.retention_socket import socket_of
from tests.config.retained import GOOD, build
from tests.config.test_any_text import BYTES, YAML_VALUES

FILES = ["deploy/access.yaml", "deploy/retention.yaml", "deploy/schedule.yaml"]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A right configuration that every example spoils and mends."""
    root = tmp_path_factory.mktemp("any")
    build(root)
    return root


def judge(root: Path) -> None:
    """Mistakes of one line each, with a place, which are those that loading raises."""
    file = root / "deploy/retention.yaml"
    mistakes = check_retention(file)
    assert all(str(m).count("\n") == 0 and str(m).isprintable() for m in mistakes)
    assert all(m.line >= 1 and m.column >= 1 for m in mistakes)
    if mistakes:
        with pytest.raises(ConfigurationError) as caught:
            load_retention(file)
        assert str(caught.value) == "\n".join(map(str, mistakes))
    else:
        found = load_retention(file)
        assert found.schedule.rule("", "any", "any")
        for access in (found.access.people.values(), found.access.groups.values()):
            for one in access:
                roles = one if isinstance(one, tuple) else one.roles
                assert set(roles) <= set(found.access.roles)
    with suppress(ConfigurationError):
        assert socket_of(file).is_absolute()


@example(file="deploy/retention.yaml", data=b'"\\0"', cut=(9, 21))
@settings(max_examples=100, deadline=None)
@given(
    file=st.sampled_from(FILES),
    data=BYTES,
    cut=st.tuples(st.integers(0, 900), st.integers(0, 900)),
)
def test_any_text_gives_mistakes_or_settings(
    root: Path, file: str, data: bytes, cut: tuple[int, int]
) -> None:
    right = GOOD[file].encode()
    begin, end = sorted(cut)
    try:
        for spoiled in (data, right[:begin] + data + right[end:]):
            (root / file).write_bytes(spoiled)
            judge(root)
    finally:
        (root / file).write_bytes(right)


ODD = YAML_VALUES | st.sampled_from(
    [
        *("\0", "a\0b", "/", ".", "..", "~", "all", "own", "token:", "x" * 300),
        *("s3://", "s3://a", "sqlite://", "sqlite:///x", "postgresql://a", "postgresql://[::1"),
        *("http://[", "://", "a://b@c:d"),
    ]
)


@settings(max_examples=300, deadline=None)
@given(data=st.data(), file=st.sampled_from(FILES))
def test_any_value_in_the_place_of_another(root: Path, data: st.DataObject, file: str) -> None:
    whole = yaml.safe_load(GOOD[file])
    where = data.draw(st.sampled_from(list(places(whole))))
    odd = data.draw(ODD)
    holder = whole
    for step in where[:-1]:
        holder = holder[step]
    holder[where[-1]] = odd
    try:
        (root / file).write_text(yaml.safe_dump(whole))
        judge(root)
    finally:
        (root / file).write_text(GOOD[file])


def places(value: object, above: tuple[str | int, ...] = ()) -> list[tuple[str | int, ...]]:
    """The way to each value, the inner ones too."""
    if isinstance(value, dict):
        inner = list(value.items())
    elif isinstance(value, list):
        inner = list(enumerate(value))
    else:
        return []
    found: list[tuple[str | int, ...]] = []
    for step, below in inner:
        found += [(*above, step), *places(below, (*above, step))]
    return found
