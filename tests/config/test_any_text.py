"""Whatever bytes lie in a file, the answer is mistakes or a configuration, never a crash (R20)."""

from __future__ import annotations

import string
from pathlib import Path

import pytest
import yaml
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from ivr.config.explain import validated
from ivr.config.kinds import Known
from ivr.config.load import check, load
from ivr.config.reading import read
from ivr.config.schema import (
    DestinationsFile,
    PolicyFile,
    PromptsFile,
    RoutesFile,
    SiteFile,
    TeamFile,
)
from ivr.errors import ConfigError
from tests.config.conftest import GOOD, build

FILES = sorted(GOOD)
WORDS = sorted({word for text in GOOD.values() for word in text.split()})
SCRAPS = [*WORDS, *"\n:-,[]{}#&*!|>%@`'\"\\", "\n  ", "\n- ", ": ", "\t", "<<", "---", "...", "010"]
YAML_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)
BYTES = (
    st.binary(max_size=200)
    | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass"))
    | st.text(string.printable, max_size=200).map(str.encode)
    | st.lists(st.sampled_from(SCRAPS), max_size=40).map(lambda parts: "".join(parts).encode())
    | st.lists(st.sampled_from(SCRAPS), max_size=40).map(lambda parts: " ".join(parts).encode())
    | YAML_VALUES.map(lambda value: yaml.safe_dump(value, allow_unicode=False).encode())
)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A right configuration that every example spoils and mends."""
    root = tmp_path_factory.mktemp("any")
    build(root)
    return root


@example(file="dialplan/policy.yaml", data=b"[" * 100_000, cut=(0, 0))
@example(file="dialplan/policy.yaml", data=b'"\\UFFFFFFFF"', cut=(0, 0))
@example(file="dialplan/routes.yaml", data=b"1" * 5000, cut=(0, 0))
@example(file="dialplan/routes.yaml", data=b"? [a, b]\n: c\n", cut=(0, 0))
@example(file="dialplan/routes.yaml", data=b"!!binary x", cut=(0, 0))
@example(file="deploy/ivr.yaml", data=b"\\0", cut=(150, 160))
@example(file="prompts/en-GB.yaml", data=b'"../../x": {version: "1", text: a}', cut=(40, 40))
@settings(max_examples=50, deadline=None)
@given(
    file=st.sampled_from(FILES),
    data=BYTES,
    cut=st.tuples(st.integers(0, 400), st.integers(0, 400)),
)
def test_any_text_gives_mistakes_or_a_configuration(
    root: Path, file: str, data: bytes, cut: tuple[int, int]
) -> None:
    """The bytes stand for the whole file, and for a piece in the middle of a right one."""
    site_file = root / "deploy/ivr.yaml"
    right = GOOD[file].encode()
    begin, end = sorted(cut)
    try:
        for spoiled in (data, right[:begin] + data + right[end:]):
            (root / file).write_bytes(spoiled)
            mistakes = check(site_file)
            assert all(str(m).count("\n") == 0 and str(m).isprintable() for m in mistakes)
            assert all(m.line >= 1 and m.column >= 1 for m in mistakes)
            if mistakes:
                with pytest.raises(ConfigError) as caught:
                    load(site_file)
                assert str(caught.value) == "\n".join(map(str, mistakes))
            else:
                assert load(site_file).routes
    finally:
        (root / file).write_bytes(right)


ODD = st.one_of(
    YAML_VALUES,
    st.sampled_from(["*7", "*", "9*", "9", "inbound", "outbound", "pay", "user/$number", "never"]),
    st.lists(st.sampled_from(["9*", "01427", "+44", "9*1", ""]), max_size=3),
)
PAY = {"dial": "user/15", "payment_line": True}
SAY_OF_EACH_OTHER = {
    "dialplan/routes.yaml": ["direction", "numbers", "strip", "destination"],
    "dialplan/destinations.yaml": ["dial", "payment_line", "numbers"],
    "dialplan/teams/council-tax.yaml": ["codes", "card_digits"],
}


@settings(max_examples=60, deadline=None)
@given(data=st.data(), file=st.sampled_from(sorted(SAY_OF_EACH_OTHER)))
def test_any_values_where_files_say_something_of_each_other(
    root: Path, data: st.DataObject, file: str
) -> None:
    """Lines, codes and routes are held against each other also where some are mistaken."""
    odd = data.draw(st.fixed_dictionaries({}, optional=dict.fromkeys(SAY_OF_EACH_OTHER[file], ODD)))
    whole: object = {"name": "x", "pause": odd, "opt_out": data.draw(ODD)}
    if file.endswith("routes.yaml"):
        whole = [{"name": "a", "team": "council-tax", "destination": "council-tax"} | odd, 5]
    elif file.endswith("destinations.yaml"):
        whole = {"council-tax": odd, "customer-services": 5, "pay": PAY}
    try:
        (root / file).write_text(yaml.safe_dump(whole))
        mistakes = check(root / "deploy/ivr.yaml")
        assert all(str(m).count("\n") == 0 and str(m).isprintable() for m in mistakes)
    finally:
        (root / file).write_text(GOOD[file])


@settings(max_examples=400, deadline=None)
@given(
    model=st.sampled_from(
        [SiteFile, PolicyFile, TeamFile, DestinationsFile, RoutesFile, PromptsFile]
    ),
    data=BYTES,
)
def test_any_text_as_any_kind_of_file(root: Path, model: type[BaseModel], data: bytes) -> None:
    path = root / "any.yaml"
    path.write_bytes(data)
    document = read(path)
    found = validated(document, model, Known({"language": ["en-GB"], "team": []}))
    assert found is not None or document.mistakes
