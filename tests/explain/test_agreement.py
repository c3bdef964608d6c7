"""What ``ivr route explain`` says of a call is what an engine with the lab switch does with it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from ivr.config.addresses import legs
from ivr.config.document import Document
from ivr.config.lines import number_of
from ivr.config.load import load
from ivr.config.schema.simulation import SimulationFile
from ivr.config.settings import Configuration
from ivr.explain import Explanation, Verdict, explain
from ivr.simulate.playing import PlayedCall, play
from ivr.simulate.script import Script, context_of

ROOT = Path(__file__).parents[2]
SITES = [
    ROOT / "deploy/ivr.yaml",
    *sorted((ROOT / "dialplan/examples").glob("*/site.yaml")),
]
WITH_HOURS = [ROOT / "dialplan/examples/opening-hours/site.yaml"]
"""Those whose answers depend on the time."""
APART_S = 45
"""Between two calls."""
TIMES = ("2026-11-24T10:00", "2026-11-24T19:00", "2026-12-25T10:00", "2026-11-28T11:50")
"""A working day, its evening, a bank holiday, and a Saturday just before noon."""


def numbers_of(configuration: Configuration) -> Iterator[str]:
    """All that the site knows, and a few that it does not."""
    for route in configuration.routes:
        yield from route.numbers
        for beginning in route.beginnings:
            yield f"{beginning}07700900999"
            yield f"{beginning}1"
    for one in configuration.exempt:
        yield from one.dialled
        yield f"9{one.dialled[-1]}"
    if configuration.emergency is not None:
        for number in configuration.emergency.numbers:
            yield from (f"{strip}{number}" for strip in configuration.strips)
    for team in configuration.extensions.values():
        yield from team
    yield from ("01427000000", "1888", "ivr-fallback-main-line")


def callers_of(configuration: Configuration) -> list[str]:
    """A stranger, a member of each team, somebody of none, and the exempt telephone."""
    staff = [extensions[0] for extensions in configuration.extensions.values() if extensions]
    exempt = [one.extension for one in configuration.exempt]
    return ["07700900123", "1777", *staff, *exempt]


def calls_of(configuration: Configuration) -> list[dict[str, Any]]:
    """Everybody calls everything, one after the other; no telephone calls itself."""
    return [
        {
            "from": caller,
            "to": number,
            "after": f"{n * APART_S}s",
            "does": [{"when_connected": "5s"}, {"hang_up": True}],
        }
        for n, (caller, number) in enumerate(
            (caller, number)
            for caller in callers_of(configuration)
            for number in dict.fromkeys(numbers_of(configuration))
            if caller != number
        )
    ][:100]


def people_of(configuration: Configuration) -> dict[str, dict[str, str]]:
    """Everybody is there."""
    dialled = [one.dial for one in configuration.exempt]
    for route in configuration.routes:
        for policy in filter(None, (route.policy, route.out_of_hours)):
            dialled += [one.dial_string for one in policy.destinations]
    for queue in configuration.queues:
        dialled += queue.members
    found = [number_of(leg) for text in dialled for leg in legs(text) if "$" not in text]
    staff = [one for team in configuration.extensions.values() for one in team]
    return {who: {"answers": "1s"} for who in (*filter(None, found), *staff)}


CASES = [(site, at) for site in SITES for at in TIMES[: len(TIMES) if site in WITH_HOURS else 1]]


@pytest.mark.parametrize(
    ("site", "at"), CASES, ids=[f"{site.parent.name}-{at}" for site, at in CASES]
)
def test_explain_says_what_the_engine_does(site: Path, at: str, tmp_path: Path) -> None:
    configuration = load(site)
    assert any(route.hours for route in configuration.routes) is (site in WITH_HOURS)
    calls = calls_of(configuration)
    file = SimulationFile.model_validate(
        {"at": at, "longest": "24h", "people": people_of(configuration), "calls": calls}
    )
    script = Script(Document(site), file, datetime.fromisoformat(at))
    with capture_logs():
        played = play(script, configuration, tmp_path)
    for n, (call, came) in enumerate(zip(file.calls, played.calls, strict=True)):
        said = explain(
            configuration,
            call.to,
            at=script.began + timedelta(seconds=n * APART_S),
            caller=call.caller,
            context=context_of(configuration, call.caller),
        )
        assert differences(said, came) == [], f"{call.caller} calls {call.to}: {said.why}"
    assert {call.record is not None for call in played.calls} == {True, False}


@pytest.mark.parametrize("site", SITES, ids=lambda path: path.parent.name)
def test_explain_says_what_happens_without_an_engine(site: Path, tmp_path: Path) -> None:
    configuration = load(site)
    calls = calls_of(configuration)
    file = SimulationFile.model_validate(
        {
            "at": TIMES[0],
            "engine": "away",
            "longest": "24h",
            "people": people_of(configuration),
            "calls": calls,
        }
    )
    script = Script(Document(site), file, datetime.fromisoformat(TIMES[0]))
    with capture_logs():
        played = play(script, configuration, tmp_path)
    looked_at = 0
    for call, came in zip(file.calls, played.calls, strict=True):
        context = context_of(configuration, call.caller)
        said = explain(configuration, call.to, at=script.began, caller=call.caller, context=context)
        if said.verdict is not Verdict.ROUTE:
            continue
        looked_at += 1
        (step,) = (step for step in said.steps if step.what == "no engine")
        prompts = [name for name in came.heard if f"/{name}.wav, and the call ends" in step.text]
        assert list(came.heard) == prompts, step.text
        assert bool(came.connected_to) is ("and unannounced" in step.text)
        assert all(who in step.text or "queue" in step.text for who in came.connected_to)
        assert came.record is None
    assert looked_at


def differences(said: Explanation, came: PlayedCall) -> list[str]:
    """Where what was said is not what came."""
    wrong = []
    record = came.record
    if (said.verdict is Verdict.ROUTE) != (record is not None):
        return [f"{said.verdict} was said, and there is {'a' if record else 'no'} record"]
    if record is None:
        reached = bool(came.connected_to)
        by_itself = said.verdict in (Verdict.EXEMPT, Verdict.EMERGENCY, Verdict.AMONG_STAFF)
        if reached and not by_itself:
            wrong.append(f"{said.verdict} was said, and {came.connected_to} was reached")
        return wrong
    if said.route != record.route:
        wrong.append(f"route {said.route} was said, and it is {record.route}")
    if said.recorded != (record.recording.state == "kept"):
        wrong.append(f"recorded {said.recorded} was said, and it is {record.recording.state}")
    if said.destination and said.destination != record.destination:
        wrong.append(f"destination {said.destination} was said, and it is {record.destination}")
    if not said.destination and came.connected_to:
        wrong.append(f"closed was said, and {came.connected_to} was reached")
    rung = [number_of(leg) for leg in legs(said.dial)]
    if said.dial and not set(came.connected_to) <= set(rung):
        wrong.append(f"{said.dial} was said, and {came.connected_to} was reached")
    return wrong
