"""docs/runbook.md knows every warning that engine and retention layer log, every metric and every
exit code."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

import pytest
from prometheus_client import generate_latest

from ivr import errors
from ivr.api.counts import HttpCounts
from ivr.gauges import Scraped
from ivr.metrics import Metrics
from ivr.retention.metrics import RetentionMetrics
from tests.docs.pages import ROOT

RUNBOOK = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
EXIT_CODES = (ROOT / "docs" / "exit-codes.md").read_text(encoding="utf-8")
SERIOUS = ("warning", "error", "exception", "critical")
OTHER_PROGRAMS = ("lab", "demo")


def logged(path: Path) -> Iterator[str]:
    """The texts of the warnings and errors that a file logs."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in SERIOUS
            and isinstance(node.func.value, ast.Name)
            and node.func.value.id == "log"
            and isinstance(node.args[0], ast.Constant)
        ):
            yield str(node.args[0].value)


def texts() -> set[str]:
    """The texts of all warnings and errors but those of other programs."""
    package = ROOT / "ivr"
    return {
        text
        for path in package.rglob("*.py")
        if path.relative_to(package).parts[0] not in OTHER_PROGRAMS
        for text in logged(path)
    }


@pytest.mark.parametrize("text", sorted(texts()))
def test_every_warning_and_error_is_in_the_runbook(text: str) -> None:
    assert f"**{text}**" in " ".join(RUNBOOK.split())


def test_the_retention_layer_and_its_copies_are_looked_at_too() -> None:
    package = ROOT / "ivr"
    for folder in ("retention", "engine", "storage"):
        assert [text for path in (package / folder).rglob("*.py") for text in logged(path)], folder


def test_every_metric_is_in_the_runbook() -> None:
    metrics = Metrics()
    HttpCounts(metrics.registry)
    scraped = Scraped(list, list, int, float, int, folders=list, on_spare=bool)
    metrics.registry.register(scraped)
    registries = (metrics.registry, RetentionMetrics().registry)
    lines = [line for one in registries for line in generate_latest(one).decode().splitlines()]
    names = {line.split()[2] for line in lines if line.startswith("# HELP")}
    names = {name for name in names if not name.endswith("_created")}
    assert len(names) > 50
    assert sorted(name for name in names if f"`{name}`" not in RUNBOOK) == []


def test_every_exit_code_is_explained() -> None:
    kinds = [
        kind
        for _name, kind in inspect.getmembers(errors, inspect.isclass)
        if issubclass(kind, errors.IvrError)
    ]
    assert len(kinds) > 5
    codes = {kind.exit_code for kind in kinds} | {errors.FAULT_EXIT_CODE}
    assert {code for code in codes if f"| {code} |" not in EXIT_CODES} == set()
