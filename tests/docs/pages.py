"""The pages that are written for people."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]

PAGES = sorted(
    [
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "dialplan" / "examples").rglob("*.md"),
        ROOT / "README.md",
        ROOT / "CHANGELOG.md",
        ROOT / "deploy" / "README.md",
        ROOT / "prompts" / "README.md",
    ]
)

_FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


def prose(page: Path) -> str:
    """The page without what stands in fences, which is shown as it is."""
    return _FENCED.sub("", page.read_text(encoding="utf-8"))


def name(page: Path) -> str:
    """The page as a test's name."""
    return str(page.relative_to(ROOT))
