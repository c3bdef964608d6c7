"""The pages of docs/runbook/ are made alike, and each is followed by a test."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs import failure_page
from tests.docs.failure_page import HEADINGS, Command, Page, fits, names
from tests.docs.pages import ROOT

TESTS = (
    Path(__file__).with_name("test_failures.py"),
    Path(__file__).with_name("test_failures_of_engines.py"),
    Path(__file__).with_name("test_failures_of_kinds.py"),
    Path(__file__).with_name("test_failures_of_retention.py"),
)
_NAMED = ("SEEN", "MEANWHILE", "DO", "OVER", "AFTER")
SCREEN = 90
"""Lines that a page may have: who is woken up does not read on."""


def readings() -> Iterator[tuple[str, set[str], set[str]]]:
    """Of each test that reads a page: its name, the headings and the words that it names."""
    for path in TESTS:
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if not isinstance(node, ast.FunctionDef):
                continue
            inner = list(ast.walk(node))
            words = {
                one.value
                for one in inner
                if isinstance(one, ast.Constant) and isinstance(one.value, str)
            }
            read = [
                ast.literal_eval(one.args[0])
                for one in inner
                if isinstance(one, ast.Call)
                and isinstance(one.func, ast.Name)
                and one.func.id == "reading"
            ]
            headings = {
                getattr(failure_page, one.id)
                for one in inner
                if isinstance(one, ast.Name) and one.id in _NAMED
            }
            for name in read:
                yield name, headings, words


@pytest.mark.parametrize("name", names())
def test_a_page_is_followed_by_a_test_part_by_part(name: str) -> None:
    tried = [(headings, words) for page, headings, words in readings() if page == name]
    assert tried, f"no test reads {name}.md"
    for part in Page.read(name).parts:
        if part.tells:
            assert any(
                part.heading in headings and (not part.about or part.about in words)
                for headings, words in tried
            ), f"{name}.md, {part.heading} {part.about}: no test tries it"


@pytest.mark.parametrize("name", names())
def test_a_page_has_the_five_headings_and_fits_a_screen(name: str) -> None:
    page = Page.read(name)
    assert [part.heading for part in page.parts if not part.about] == list(HEADINGS)
    assert len(page.text.splitlines()) <= SCREEN
    for heading in HEADINGS:
        told = page.text.partition(f"## {heading}\n")[2].partition("\n## ")[0]
        assert len(told.strip()) > 20, f"{name}.md says nothing below {heading}"


def test_the_run_book_leads_to_every_page() -> None:
    runbook = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
    assert len(names()) >= 11
    linked = set(re.findall(r"\]\(runbook/([\w-]+)\.md\)", runbook))
    assert linked == set(names())


@pytest.mark.parametrize(
    ("printed", "output", "right"),
    [
        (["a", "b"], ("a", "b"), True),
        (["a", "b"], ("a",), False),
        (["a 17 b"], ("a ... b",), True),
        (["a", "b", "c"], ("...", "c"), True),
        (["c"], ("...", "c"), True),
        (["c", "d"], ("...", "c"), False),
        ([], (), True),
        ([], ("...",), True),
        (["a"], (), False),
        (["a.b"], ("a?b",), False),
    ],
)
def test_what_fits_an_output(printed: list[str], output: tuple[str, ...], right: bool) -> None:
    assert fits(printed, output) is right


def test_a_page_is_read_as_it_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(failure_page, "FOLDER", tmp_path)
    (tmp_path / "one.md").write_text(
        "# One\n\n## What is seen\n### Once\n| where | what | |\n|---|---|---|\n"
        '| log | **lost** | x |\n| metric | `a{b="c"}` grows | |\n'
        "| page | `/healthz` no answer | |\n"
        "```console\n$ first\nsaid\n\n$ second\n```\n## What to do\nnothing\n"
    )
    seen, once, do = Page.read("one").parts
    assert not seen.tells
    assert not do.tells
    assert [(sign.kind, sign.what, sign.value) for sign in once.signs] == [
        ("log", "lost", ""),
        ("metric", 'a{b="c"}', "grows"),
        ("page", "/healthz", "no answer"),
    ]
    assert once.commands == (Command("first", ("said",)), Command("second", ()))
