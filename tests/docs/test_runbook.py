"""docs/runbook.md knows every warning that the engine logs, every metric and every exit code."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from pathlib import Path

from prometheus_client import generate_latest

from ivr import errors
from ivr.api.counts import HttpCounts
from ivr.gauges import Scraped
from ivr.metrics import Metrics
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


def test_every_warning_and_error_of_the_engine_is_in_the_runbook() -> None:
    package = ROOT / "ivr"
    texts = {
        text
        for path in package.rglob("*.py")
        if path.relative_to(package).parts[0] not in OTHER_PROGRAMS
        for text in logged(path)
    }
    assert len(texts) > 10
    assert sorted(text for text in texts if text not in " ".join(RUNBOOK.split())) == []


def test_every_metric_is_in_the_runbook() -> None:
    metrics = Metrics()
    HttpCounts(metrics.registry)
    scraped = Scraped(list, list, int, float, int, folders=list, on_spare=bool)
    metrics.registry.register(scraped)
    lines = generate_latest(metrics.registry).decode().splitlines()
    names = {line.split()[2] for line in lines if line.startswith("# HELP")}
    names = {name for name in names if not name.endswith("_created")}
    assert len(names) > 15
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
