"""Editors are told what the loader of the retention layer's files accepts (R20)."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Annotated

import jsonschema
import pytest
from pydantic import TypeAdapter, ValidationError

from ivr.config import kinds_retention
from ivr.config.kinds import Kind
from ivr.config.reading import read
from ivr.config.schema import json_schemas
from tests.config.retained import GOOD, RECIPIENT

ROOT = Path(__file__).parents[2]
NAMES = ("retention", "schedule", "access")


@pytest.mark.parametrize("name", NAMES)
def test_shipped_files_fit_their_schema_and_name_it(name: str) -> None:
    file = ROOT / f"deploy/{name}.yaml"
    document = read(file)
    assert not document.mistakes
    jsonschema.Draft202012Validator(json_schemas()[name]).validate(document.value)
    first = document.data.decode().splitlines()[0]
    assert first == f"# yaml-language-server: $schema=schemas/{name}.json"
    assert json.loads((file.parent / f"schemas/{name}.json").read_text()) == json_schemas()[name]


@pytest.mark.parametrize("name", NAMES)
def test_what_has_every_key_fits_its_schema(name: str, tmp_path: Path) -> None:
    file = tmp_path / f"{name}.yaml"
    file.write_text(GOOD[f"deploy/{name}.yaml"])
    jsonschema.Draft202012Validator(json_schemas()[name]).validate(read(file).value)


RULES = {"version": "1", "date": "2026-01-05", "officer": "X"}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("schedule", {**RULES, "rules": []}),
        ("schedule", {**RULES, "rules": [{"name": "a", "keep": "6m"}]}),
        ("schedule", {**RULES, "rules": [{"name": "a", "keep": 6}]}),
        ("schedule", {**RULES, "rules": [{"name": "a", "keep": "6 months", "teem": "b"}]}),
        ("access", {"roles": {"r": {"may": ["lissen"]}}}),
        ("access", {"roles": {"r": {}}}),
        ("access", {"roles": {"r": {"may": [], "teams": "every"}}}),
        ("access", {"roles": {"r": {"may": [], "reason": "no"}}}),
        ("retention", {"spools": ["a"], "state": "b"}),
        ("retention", {"spools": [], "state": "b", "time_zone": "Europe/London"}),
    ],
)
def test_schemas_mark_what_the_loader_refuses(name: str, value: object) -> None:
    assert not jsonschema.Draft202012Validator(json_schemas()[name]).is_valid(value)


TEXTS = (
    "a", "6 months", "1 day", RECIPIENT, "sqlite:///a", "postgresql://u@h/d", "a@b.example", "x/y",
    "s3://abc/d", "https://h:1", "http://127.0.0.1:5000/", "listen", "token:a", "a.b@c", "abuse",
    "Domain Users", "A\\b",
)  # fmt: skip


@pytest.mark.parametrize(
    "kind",
    [
        kind
        for kind in vars(kinds_retention).values()
        if isinstance(kind, type)
        and issubclass(kind, Kind)
        and kind.__module__ == kinds_retention.__name__
    ],
)
def test_no_editor_marks_what_the_loader_accepts(kind: type[Kind]) -> None:
    asked = TypeAdapter(Annotated[str, kind()])
    schema = jsonschema.Draft202012Validator(asked.json_schema())
    accepted = []
    for text in TEXTS:
        with contextlib.suppress(ValidationError):
            accepted.append(asked.validate_python(text))
    assert accepted
    assert [text for text in accepted if not schema.is_valid(text)] == []
