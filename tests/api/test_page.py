"""docs/http.md says what there is, and no more."""

from __future__ import annotations

import re
from pathlib import Path

from ivr.api import connection
from ivr.api.problem import Kind
from ivr.api.v1 import ROUTES

PAGE = (Path(__file__).parents[2] / "docs" / "http.md").read_text(encoding="utf-8")


def test_every_route_with_its_scope():
    rows = re.findall(r"^\| `(GET|POST) (\S+)` \| `?([a-z:]+)`? \|", PAGE, re.MULTILINE)
    routes = [
        (
            route.method,
            route.rule.replace("<", "{").replace(">", "}"),
            route.scope.value if route.scope else "none",
        )
        for route in ROUTES
    ]
    assert sorted(rows) == sorted(routes)


def test_every_problem_with_its_status():
    rows = re.findall(r"^\| (\d{3}) \| `([a-z-]+)` \|", PAGE, re.MULTILINE)
    assert sorted(rows) == sorted((str(kind.status), kind.reason) for kind in Kind)


def test_the_limits():
    assert f"A request has {connection.REQUEST_S:g} s to arrive" in PAGE
    assert f"unused for {connection.IDLE_S:g} s, and {connection.MOST} may be open" in PAGE
    assert f"a body of more than {connection.LARGEST_BODY >> 10} KiB" in PAGE
    assert f"headers of more than {connection.LARGEST_HEADERS >> 10} KiB" in PAGE
