"""Configuration taken over, or refused, while calls are in progress (R18, R20)."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import gevent
import pytest

from ivr.config.load import Configuration, load
from ivr.engine import service
from ivr.lab import CallScript, Destination
from ivr.lab.script import DuringPrompt, HangUp, Keys, WhenConnected
from ivr.lab.session import Action
from tests.engine.site import NUMBER
from tests.noted import note_audio

POLICY = "dialplan/policy.yaml"


def edit(house, name: str, old: str, new: str) -> None:
    path = house.folder / name
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def reload(house) -> None:
    house.engine.reload()
    house.clock.settle()


def in_force(house) -> tuple[str, str]:
    found = [
        sample.labels
        for metric in house.engine.metrics.registry.collect()
        for sample in metric.samples
        if sample.name == "ivr_config_info"
    ]
    assert len(found) == 1, "one configuration is in force"
    return found[0]["version"], found[0]["policy"]


def test_new_calls_get_the_new_policy_and_calls_in_progress_keep_theirs(house):
    before = in_force(house)
    first = house.place(CallScript(steps=(WhenConnected(3000), HangUp())))
    house.until(first, "announcing")
    edit(house, POLICY, 'version: "2.0"', 'version: "2.1"')
    edit(house, POLICY, 'keys: "*#*"', 'keys: "000"')
    edit(house, "prompts/en-GB.yaml", 'announcement: {version: "3"', 'announcement: {version: "4"')
    note_audio(house.folder / "prompts", "en-GB")
    reload(house)
    second = house.place(CallScript(steps=(DuringPrompt(300), Keys("000"))))
    old, new = house.over(first).record, house.over(second).record
    assert (old["policy_version"], old["prompts"][0]["version"]) == ("2.0", "3")
    assert (new["policy_version"], new["prompts"][0]["version"]) == ("2.1", "4")
    assert new["opt_out"]["confirmed"]
    assert (old["config_version"], old["policy_version"]) == before
    assert (new["config_version"], new["policy_version"]) == in_force(house) != before
    assert house.metric("ivr_config_last_reload_successful") == 1


def test_keys_agreed_when_the_call_began_go_on_working(house):
    call = house.place(CallScript(steps=(DuringPrompt(800), Keys("*#*"))))
    house.until(call, "announcing")
    edit(house, POLICY, 'keys: "*#*"', 'keys: "000"')
    reload(house)
    assert house.over(call).record["opt_out"]["confirmed"]


def test_a_recording_in_progress_is_not_disturbed(house):
    call = house.place(CallScript(destination=Destination.talks(3000)))
    house.until(call, "connected")
    house.clock.run(1000)
    edit(house, POLICY, 'version: "2.0"', 'version: "2.1"')
    reload(house)
    house.over(call).assert_heard(3000)


def test_a_new_number_is_taken(house):
    edit(house, "dialplan/routes.yaml", f'["{NUMBER}"]', f'["{NUMBER}", "01427000000"]')
    script = CallScript(dialled="01427000000", destination=Destination.talks(500))
    call = house.place(script)
    house.clock.run_until(call.done.ready)
    assert house.metric("ivr_calls_turned_away_total") == 1
    reload(house)
    assert house.call(script).record["number"] == "01427000000"


def spoil_yaml(house) -> None:
    edit(house, POLICY, "reminders: 2", "reminder: 2")


def spoil_prompt(house) -> None:
    (house.folder / "prompts/en-GB/8000/goodbye.wav").unlink()


def remove_site(house) -> None:
    house.site_file.unlink()


def make_binary(house) -> None:
    (house.folder / POLICY).write_bytes(b"\xff\x00\xfe")


@pytest.mark.parametrize(
    ("spoil", "where"),
    [
        (spoil_yaml, "policy.yaml:11:5: unknown key"),
        (spoil_prompt, "en-GB.yaml:"),
        (remove_site, "deploy/ivr.yaml"),
        (make_binary, "policy.yaml:"),
    ],
)
def test_a_bad_one_is_refused_and_named(
    house, logged, capfd, spoil: Callable[[object], None], where: str
) -> None:
    before = in_force(house)
    kept = {one: one.read_bytes() for one in house.folder.rglob("*.*") if not_spool(one)}
    spoil(house)
    reload(house)
    refused = [one for one in logged if one["event"] == "reload refused"]
    assert capfd.readouterr().err == "", "no traceback"
    assert where in refused[0]["mistake"]
    assert all("\n" not in one["mistake"] for one in refused)
    assert {one["in_force"] for one in refused} == {before[0]}
    assert house.metric("ivr_config_last_reload_successful") == 0
    assert in_force(house) == before
    call = house.call(CallScript(steps=(DuringPrompt(300), Keys("*#*"))))
    assert call.record["policy_version"] == "2.0"
    for path, data in kept.items():
        path.write_bytes(data)
    reload(house)
    assert house.metric("ivr_config_last_reload_successful") == 1


@pytest.mark.parametrize("fault", [RecursionError("too deep"), MemoryError(), KeyError("team")])
def test_a_fault_at_reading_is_a_refusal(house, logged, capfd, monkeypatch, fault):
    """Nobody foresaw it: it is in the log, and the next reload is tried as ever."""
    before = in_force(house)

    def fail(_site_file: Path) -> None:
        raise fault

    with monkeypatch.context() as patch:
        patch.setattr(service, "load", fail)
        reload(house)
    refused = next(one for one in logged if one["event"] == "reload refused")
    assert type(fault).__name__ in refused["mistake"]
    assert refused["exc_info"]
    assert refused["in_force"] == before[0]
    assert capfd.readouterr().err == "", "the log has it"
    assert house.metric("ivr_config_last_reload_successful") == 0
    assert in_force(house) == before
    edit(house, POLICY, 'version: "2.0"', 'version: "2.1"')
    reload(house)
    assert in_force(house)[1] == "2.1"
    assert house.metric("ivr_config_last_reload_successful") == 1


@pytest.mark.parametrize("times", [1, 3])
@pytest.mark.parametrize("refused", [False, True])
def test_a_reload_asked_for_while_one_is_under_way(house, monkeypatch, times, refused):
    """The files changed after they had been read: they are read once more, and once only."""
    loads: list[str] = []

    def slow(site_file: Path) -> Configuration:
        loads.append("")
        found = load(site_file)
        if len(loads) == 1:
            edit(house, POLICY, 'version: "2.0"', 'version: "2.1"')
            for _ in range(times):
                loop.run_callback_threadsafe(house.engine.reload)
            asked = threading.Event()
            loop.run_callback_threadsafe(asked.set)
            asked.wait()
            if refused:
                raise RecursionError
        return found

    loop = gevent.get_hub().loop
    monkeypatch.setattr(service, "load", slow)
    reload(house)
    assert len(loads) == 2
    assert in_force(house)[1] == "2.1"
    assert house.metric("ivr_config_last_reload_successful") == 1


def not_spool(path: Path) -> bool:
    return path.is_file() and "spool" not in path.parts and path.name != "switch.log"


@pytest.mark.parametrize(
    ("old", "new", "setting"),
    [
        ("spool: ../spool", "spool: ../elsewhere", "spool"),
        ('password: "ClueCon"', 'password: "other"', "freeswitch.password"),
        ('http:\n  listen: "127.0.0.1:0"', 'http:\n  listen: "127.0.0.1:1"', "http.listen"),
        (
            'outbound:\n  listen: "127.0.0.1:0"',
            'outbound:\n  listen: "127.0.0.1:1"',
            "outbound.listen",
        ),
        (
            'http:\n  listen: "127.0.0.1:0"',
            'log:\n  level: debug\nhttp:\n  listen: "127.0.0.1:0"',
            "log.level",
        ),
    ],
)
def test_what_takes_a_restart_is_said(house, logged, old, new, setting):
    edit(house, "deploy/ivr.yaml", old, new)
    reload(house)
    said = [one for one in logged if one["event"].startswith("this takes a restart")]
    assert [one["setting"] for one in said] == [setting]
    assert house.engine.health()["restart_for"] == (setting,)
    call = house.call(CallScript(destination=Destination.talks(500)))
    assert call.record["recording"]["path"].startswith("new/")
    assert not (house.folder / "elsewhere").exists()


def test_what_is_as_the_engine_runs_takes_no_restart_any_more(house):
    edit(house, "deploy/ivr.yaml", 'password: "ClueCon"', 'password: "other"')
    reload(house)
    edit(house, "deploy/ivr.yaml", 'password: "other"', 'password: "ClueCon"')
    reload(house)
    assert house.engine.health()["restart_for"] == ()


def test_the_health_page_counts_reloads_and_says_whether_the_last_was_refused(house):
    def told() -> tuple[object, object]:
        health = house.engine.health()
        return health["reloads"], health["reload_refused"]

    assert told() == (0, False)
    reload(house)
    assert told() == (1, False), "also where nothing had changed"
    edit(house, POLICY, "reminders: 2", "reminder: 2")
    reload(house)
    assert told() == (2, True)
    edit(house, POLICY, "reminder: 2", "reminders: 2")
    reload(house)
    assert told() == (3, False)


def test_as_many_calls_as_configured_and_no_more(build):
    """The next one is not taken: FreeSWITCH goes on with its dialplan, which connects it."""
    house = build(more="limits:\n  connections: 2\n")
    house.start()
    calls = [house.place(CallScript(destination=Destination.talks(1000))) for _ in range(3)]
    house.clock.run(200)
    assert len(house.engine.context.calls) == 2
    assert [call.leg.get("ivr_unrecorded") for call in calls] == ["", "", "true"]
    assert "PLAYBACK_START" not in [one.event for one in calls[2].happenings]
    for call in calls[:2]:
        house.over(call).assert_heard(1000)
    house.call(CallScript(destination=Destination.talks(1000))).assert_heard(1000)


def test_more_calls_at_once_than_configured_after_a_reload(build):
    house = build(more="limits:\n  connections: 1\n")
    house.start()
    edit(house, "deploy/ivr.yaml", "connections: 1", "connections: 2")
    reload(house)
    calls = [house.place(CallScript(destination=Destination.talks(500))) for _ in range(2)]
    for call in calls:
        house.over(call).assert_heard(500)


def test_the_same_call_twice(house, logged):
    """A dialplan that hands over the same channel a second time: the first goes on."""
    call = house.place(CallScript(destination=Destination.talks(1000)))
    house.until(call, "announcing")
    again = house.switch.connect(call.leg, f"127.0.0.1:{house.engine.calls.port} async full")
    house.clock.settle()
    assert not again.running
    told = [one for one in logged if one["event"] == "call turned away"]
    assert told[0]["reason"] == "it is being driven already"
    house.over(call).assert_heard(1000)
    assert [one for one in house.commands if "name: hangup" in one] == []


def test_a_number_that_no_route_claims(house, logged):
    call = house.place(CallScript(dialled="01427999999"))
    house.clock.run_until(call.done.ready)
    assert call.done.get().answered_ms is None
    told = next(one for one in logged if one["event"] == "call turned away")
    assert told["reason"] == "no route claims this number"
    assert house.metric("ivr_calls_turned_away_total") == 1
    house.clock.run(2000)
    assert list((house.spool / "new").iterdir()) == []


def test_an_action_without_full_is_named(house, logged):
    house.switch.dialplan = {
        ".*": (Action("socket", f"127.0.0.1:{house.engine.calls.port} async"),)
    }
    call = house.place(CallScript())
    house.clock.run(30_000)
    said = [one for one in logged if "async full" in one["event"]]
    assert said
    assert house.metric("ivr_commands_refused_total", command="Subscribe") >= 1
    assert call.done.ready(), "and the caller is not left in silence"


def test_more_connections_after_a_reload_have_the_open_files_that_they_need(house, monkeypatch):
    wanted: list[int] = []
    monkeypatch.setattr(service, "many_files", wanted.append)
    site = house.site_file
    site.write_text(site.read_text() + "limits:\n  connections: 7000\n")
    reload(house)
    assert wanted == [7000]
