"""Starts what the live tests look at, all of it side by side, or says why not."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.live.acts import Acts, Stories
from tests.live.house import Site, opened
from tests.live.written import Plan


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with opened(tmp_path_factory.mktemp("live")) as site:
        yield site


@pytest.fixture(scope="session")
def loud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    plan = Plan(loud=True, between=True, short=False, ring="2s")
    with opened(tmp_path_factory.mktemp("loud"), plan) as site:
        yield site


@pytest.fixture(scope="session")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """Where there is every kind of call."""
    plan = Plan(kinds=True, ring="2s", dead_man="5s")
    with opened(tmp_path_factory.mktemp("kinds"), plan) as site:
        yield site


@pytest.fixture(scope="session")
def kinds_acts(request: pytest.FixtureRequest, kinds: Site) -> Iterator[Acts]:
    """All that people do there, begun side by side at the first test."""
    acts = Acts(kinds, _told(request, "KINDS"))
    yield acts
    acts.end()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Houses of their own come when the one is empty in which most people call."""
    items.sort(key=lambda item: hasattr(getattr(item, "module", None), "STORIES"))


@pytest.fixture(scope="session")
def stories(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stories]:
    """What is lived through in houses of their own, begun side by side at the first
    test that looks at one."""
    stories = Stories(tmp_path_factory.mktemp("stories"), _told(request, "STORIES"))
    yield stories
    stories.end()


@pytest.fixture(scope="session")
def acts(request: pytest.FixtureRequest, site: Site) -> Iterator[Acts]:
    """All that people do in the modules that run, begun side by side at the first test."""
    acts = Acts(site, _told(request, "ACTS"))
    yield acts
    acts.end()


def _told(request: pytest.FixtureRequest, name: str) -> list[object]:
    """What the modules that run have of this."""
    modules = {
        item.module: None for item in request.session.items if isinstance(item, pytest.Function)
    }
    return [one for module in modules for one in getattr(module, name, ())]
