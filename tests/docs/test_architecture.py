"""docs/architecture.md promises that every rule of the watcher is taken out by a test."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tests.core.test_search import SABOTAGE
from tests.docs.pages import ROOT


def rules(source: str) -> Iterator[str]:
    """What the watcher may say, as far as it does not depend on the call."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.Call(
                func=ast.Attribute(attr="_forbid"), args=[*_, ast.Constant(value=str(rule))]
            ):
                yield rule
            case ast.Call(
                func=ast.Name(id="RuleBroken"),
                args=[ast.JoinedStr(values=[ast.Constant(value=str(rule)), *_])],
            ):
                yield rule.partition(":")[0]


def unproved(found: list[str]) -> list[str]:
    """The rules that no sabotage is about."""
    return [rule for rule in found if not any(re.search(text, rule) for _, text in SABOTAGE)]


def test_every_rule_has_its_sabotage() -> None:
    judges = [ROOT / "tests" / "core" / name for name in ("watcher.py", "search.py")]
    found = [rule for path in judges for rule in rules(path.read_text(encoding="utf-8"))]
    assert len(found) > 30
    assert unproved(found) == []


def test_a_rule_without_one_is_noticed() -> None:
    source = "self._forbid(x, command, 'one more rule')\nraise RuleBroken(f'and another: {state}')"
    found = list(rules(source))
    assert found == ["one more rule", "and another"]
    assert unproved(found) == found
