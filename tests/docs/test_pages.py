"""What every page must hold to: links that lead somewhere, facts that exist, no host or path."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tests.docs.pages import PAGES, ROOT, name, prose

_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+)$", re.MULTILINE)
_FILE = re.compile(r"`((?:ivr|tests|docs|deploy|dialplan|prompts)/[\w./-]*\.\w+)`")
_FACT = re.compile(r"^\*\*(\d+[a-z]?)\.\*\*", re.MULTILINE)
_CITED = re.compile(
    r"docs/freeswitch\.md(?: facts?)? (\d+[a-z]?(?:(?:, | and | to )\d+[a-z]?)*(?![\w%]))"
)
_HOST = re.compile(r"https?://([\w.-]+)")
_HOSTS = {"keepachangelog.com", "semver.org", "www.w3.org", "127.0.0.1", "localhost"}
"""All that pages may name: what they follow, and this host."""
_HOMES = tuple(f"/{folder}/" for folder in ("home", "root", "tmp", "work"))
"""Folders of one machine or one person."""


def foreign(text: str) -> list[str]:
    """What is of one machine or one network: hosts, and folders of nobody else's."""
    hosts = [host for host in _HOST.findall(text) if host.rstrip(".") not in _HOSTS]
    return hosts + [folder for folder in _HOMES if folder in text]


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as forges make them."""
    texts = _HEADING.findall(prose(page))
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in texts}


def broken_links(page: Path) -> Iterator[str]:
    for target in _LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists():
            yield target
        elif anchor and anchor not in anchors(there):
            yield f"{target}: no such heading"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page: Path) -> None:
    assert list(broken_links(page)) == []


def test_a_link_that_leads_nowhere_is_noticed(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# Here\n[a](nowhere.md) [b](#here) [c](#there) [d](page.md)\n")
    assert list(broken_links(page)) == ["nowhere.md", "#there: no such heading"]


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_files_that_are_named_are_there(page: Path) -> None:
    named = set(_FILE.findall(prose(page)))
    assert sorted(path for path in named if not (ROOT / path).exists()) == []


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_nothing_of_one_machine_is_named(page: Path) -> None:
    assert foreign(page.read_text(encoding="utf-8")) == []


def test_what_is_of_one_machine_is_noticed() -> None:
    assert foreign("see https://example.net/x and /home/jo/ivr") == ["example.net", "/home/"]


def test_every_fact_that_is_cited_exists() -> None:
    facts = set(_FACT.findall((ROOT / "docs" / "freeswitch.md").read_text(encoding="utf-8")))
    assert len(facts) > 40
    sources = [*PAGES, *(ROOT / "ivr").rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
    cited = {
        (name(path), number)
        for path in sources
        for run in _CITED.findall(path.read_text(encoding="utf-8"))
        for number in re.findall(r"\d+[a-z]?", run)
    }
    assert len(cited) > 40
    assert sorted(pair for pair in cited if pair[1] not in facts) == []


@pytest.mark.parametrize("picture", sorted((ROOT / "docs").glob("*.svg")), ids=name)
def test_a_picture_says_what_it_shows(picture: Path) -> None:
    root = ElementTree.parse(picture).getroot()
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    title = root.find("{http://www.w3.org/2000/svg}title")
    assert title is not None
    assert title.text
