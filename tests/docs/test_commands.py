"""Every command that a page names is there, with every option that it is given."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from ivr.cli import main
from tests.docs.pages import PAGES, ROOT, name

_INLINE = re.compile(r"`(?:sudo -u [\w-]+ )?ivr ([a-z][^`\n]*)`")
_TYPED = re.compile(r"^(?:\$ )?(?:sudo -u [\w-]+ )?ivr ([a-z].*)$", re.MULTILINE)
_FENCED = re.compile(r"^```(?:console|)\n(.*?)^```", re.DOTALL | re.MULTILINE)
_WORD = re.compile(r"[a-z][a-z-]*")
READ = [page for page in PAGES if page.name != "CHANGELOG.md"]


def named(text: str) -> Iterator[str]:
    """What stands after ``ivr`` in a page, in its lines and in what is to be typed."""
    yield from _INLINE.findall(text)
    for block in _FENCED.findall(text):
        yield from _TYPED.findall(block)


def wrong(line: str) -> str:
    """What there is not of a command; empty where all is well."""
    line = re.split(r"\s[|>#]|\s&&\s", f"{line} ")[0].replace("…", "")
    try:
        words = shlex.split(line, comments=True)
    except ValueError:
        return ""
    found: click.Command = main
    while isinstance(found, click.Group) and words and _WORD.fullmatch(words[0]):
        word = words.pop(0)
        if word not in found.commands:
            return f"ivr {line}: no command {word}"
        found = found.commands[word]
    known = {option for one in found.params for option in (*one.opts, *one.secondary_opts)}
    given = [word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)]
    lacking = [word for word in given if word not in {*known, "--help", "--version"}]
    return f"ivr {line}: no {', '.join(lacking)}" if lacking else ""


@pytest.mark.parametrize("page", READ, ids=name)
def test_the_commands_of_a_page_are_there(page: Path) -> None:
    found = [wrong(line) for line in named(page.read_text(encoding="utf-8"))]
    assert [each for each in found if each] == []


def test_commands_are_found_in_pages() -> None:
    text = (ROOT / "docs" / "retention.md").read_text(encoding="utf-8")
    assert len(list(named(text))) > 15
    assert wrong("retention swep")
    assert wrong("retention sweep --dry-runs")
    assert not wrong("retention sweep --dry-run    # what would go")
