"""docs/configuration.md names every key that may stand in a YAML file (R20)."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from ivr.config.schema import json_schemas
from tests.docs.pages import ROOT

PAGE = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def maker() -> ModuleType:
    spec = importlib.util.spec_from_file_location(
        "make_configuration", ROOT / "docs" / "make_configuration.py"
    )
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def keys(schema: dict[str, Any], part: dict[str, Any]) -> Iterator[str]:
    """Every key of a JSON Schema that holds a value, as the page writes it."""
    if "$ref" in part:
        part = {**schema["$defs"][part["$ref"].rpartition("/")[2]], **part}
    if "items" in part and "$ref" in part["items"]:
        yield from (f"- {key}" for key in keys(schema, part["items"]))
    for inner in part.get("patternProperties", {}).values():
        yield from (f"<name>.{key}" for key in keys(schema, inner))
    for name, inner in part.get("properties", {}).items():
        below = list(keys(schema, inner))
        yield from (f"{name}.{key}" for key in below)
        if not below:
            yield name


@pytest.mark.parametrize("name", sorted(json_schemas()))
def test_every_key_of_a_schema_is_in_its_table(name: str) -> None:
    schema = json_schemas()[name]
    table = PAGE.partition(f"<!-- keys of {name} -->")[2].partition("<!-- end -->")[0]
    named = list(keys(schema, schema))
    assert named
    assert [key for key in named if f"| `{key}` |" not in table] == []


def test_the_tables_are_those_that_the_models_make(maker: ModuleType) -> None:
    assert maker.filled(PAGE) == PAGE, "run: .venv/bin/python docs/make_configuration.py"


def test_a_table_that_is_out_of_date_is_noticed(maker: ModuleType) -> None:
    assert maker.filled(PAGE.replace("| `outbound.listen` |", "| `outbound.lisen` |")) == PAGE
