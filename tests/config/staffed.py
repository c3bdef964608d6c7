"""The right configuration with an exempt extension, calls for help, and calls that staff make."""

from __future__ import annotations

from pathlib import Path

from ivr.config.load import check, load
from ivr.config.settings import Configuration
from tests.config.conftest import GOOD

EXEMPT = """\
exempt:
  - extension: "1999"
    numbers: ["01427676699"]
emergency:
  numbers: ["999", "112"]
  dial: "sofia/gateway/provider/$number"
"""
DESTINATIONS = """\
outside:
  dial: "sofia/gateway/provider/$number"
cheap:
  dial: "sofia/gateway/cheap/$number"
inside:
  dial: "user/$number"
"""
ROUTES = """\
- name: staff
  direction: outbound
  numbers: ["9*"]
  strip: "9"
  team: customer-services
  destination: outside
- name: tax
  direction: outbound
  numbers: ["9*"]
  strip: "9"
  from: ["12*"]
  from_team: true
  announce: true
  team: council-tax
  destination: cheap
- name: inside
  direction: internal
  numbers: ["1001", "1002"]
  team: customer-services
  destination: inside
"""
MORE = {
    "dialplan/policy.yaml": EXEMPT,
    "dialplan/destinations.yaml": DESTINATIONS,
    "dialplan/routes.yaml": ROUTES,
    "dialplan/teams/council-tax.yaml": 'extensions: ["1101", "1102"]\n',
}


def write(site_file: Path, **more: str) -> None:
    """Put the files there; ``more`` is added to ``policy``, ``destinations``, ``routes`` and
    ``tax``."""
    root = site_file.parent.parent
    for place, text in MORE.items():
        extra = more.get(Path(place).stem if "teams" not in place else "tax", "")
        (root / place).write_text(GOOD[place] + text + extra, encoding="utf-8")


def staffed(site_file: Path) -> Configuration:
    """The configuration, without mistakes."""
    write(site_file)
    assert check(site_file) == []
    return load(site_file)


def said(site_file: Path) -> list[str]:
    """The mistakes, each as it is printed."""
    return [str(mistake) for mistake in check(site_file)]
