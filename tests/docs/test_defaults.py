"""What pages and help texts say of defaults and meanings is what the code says."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ivr.config.schema import json_schemas
from ivr.core import state
from ivr.metrics import Metrics
from tests.docs.pages import ROOT


def page(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def field(schema: str, *path: str) -> dict[str, Any]:
    """What a JSON Schema says of a key."""
    whole = json_schemas()[schema]
    part = whole
    for key in path:
        if "$ref" in part:
            part = whole["$defs"][part["$ref"].rpartition("/")[2]]
        part = part["properties"][key]
    return part


def test_the_run_book_knows_how_long_a_connection_may_be_unknown() -> None:
    limit = field("site", "limits", "command")
    assert "which call a connection is for" in limit["description"]
    (row,) = re.findall(
        r".*connection dropped before its call was known.*", page("docs/runbook.md")
    )
    default = re.sub(r"(\d+)s", r"\1 s", limit["default"])
    assert f"within `limits.command` ({default})" in row


def test_the_limits_that_are_in_the_code() -> None:
    said = re.search(r"\((\d+) s to answer, (\d+) s to start", page("docs/configuration.md"))
    assert said is not None
    assert [int(s) * 1000 for s in said.groups()] == [state.ANSWER_MS, state.SWITCH_MS]


@pytest.mark.parametrize(
    ("schema", "key", "where"),
    [
        ("team", "name", "nothing else uses it"),
        ("prompts", "voice", "nothing else uses it"),
        ("policy", "date", "`ivr check` shows"),
        ("policy", "officer", "`ivr check` shows"),
    ],
)
def test_notes_for_people_say_that_they_are(schema: str, key: str, where: str) -> None:
    description = field(schema, key)["description"]
    assert "a note for people" in description
    assert where in description


def test_what_a_reaction_is_measured_from() -> None:
    (metric,) = [one for one in Metrics().registry.collect() if one.name == "ivr_reaction_seconds"]
    (row,) = re.findall(r".*`ivr_reaction_seconds`.*", page("docs/runbook.md"))
    for said in (metric.documentation, row.replace("`", "")):
        assert "prompt: " in said
        assert "connect: from accepting a call's connection to the first commands" in said
        assert "after FreeSWITCH's answer to connect" in said


def test_the_voice_is_what_the_prompts_page_says() -> None:
    assert "American accent" in page("prompts/README.md")
    changes = page("CHANGELOG.md")
    assert re.search(r"Prompts in English.*\bAmerican\b", changes, re.DOTALL)
    assert "British" not in changes
