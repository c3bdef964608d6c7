"""The pages of docs/runbook/ about kinds of calls: exempt, closed, opted out of, waiting."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ivr.config.load import load
from ivr.config.render.queues import render_queues
from ivr.lab import CallScript, Destination, LabCall
from ivr.lab.queue import read_queues
from ivr.lab.script import BlindTransfer, HangUp, Keys, Wait, WhenConnected
from ivr.lab.session import Action
from tests.docs.failure_page import AFTER, DO, OVER, SEEN, Reader
from tests.docs.scene import CALL, Scene
from tests.engine import site
from tests.noted import note_audio

OLD, NEW = "1999", "1998"
RENDERED = "/etc/freeswitch/dialplan/public/00_ivr.xml"
QUEUES = "/etc/freeswitch/autoload_configs/callcenter.conf.xml"

Stage = Callable[..., Scene]
Reading = Callable[[str], Reader]


def exempt(extension: str) -> str:
    return f'exempt:\n  - extension: "{extension}"\n    dial: "sofia/lab/{extension}"\n'


def edit(scene: Scene, name: str, old: str, new: str) -> None:
    """What the page says to write."""
    path = scene.folder / name
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def at_the_host(scene: Scene) -> None:
    """What stands for the files, for reloading and for FreeSWITCH's reading of them."""

    def reload() -> None:
        scene.engine.reload()
        scene.clock.settle()

    def reloadxml() -> None:
        scene.switch.dialplan = scene.dialplan(scene.engine.calls.port)
        scene.doctored()

    scene.terminal.acts["ivr reload"] = reload
    scene.terminal.acts["fs_cli -x reloadxml"] = reloadxml
    scene.terminal.name("/etc/ivr/dialplan", scene.folder / "dialplan")
    scene.terminal.name(RENDERED, scene.folder / "rendered.xml")
    scene.terminal.name(QUEUES, scene.folder / "queues.xml")


def transferred(scene: Scene, to: str) -> LabCall:
    """A call that its agent sends on after two seconds."""
    agent = (WhenConnected(2000), BlindTransfer(to), Wait(60_000))
    script = CallScript(
        steps=(WhenConnected(), Wait(8_000), HangUp()), destination=Destination(steps=agent)
    )
    call = scene.place(script)
    scene.terminal.name(CALL, call.uuid)
    scene.terminal.name(CALL[:8], call.uuid[:8])
    return call


def reaches(scene: Scene, *extensions: str) -> None:
    """Telephones that a site's own dialplan knows."""
    for one in extensions:
        scene.extensions[one] = (Action("bridge", f"sofia/lab/{one}"),)


def test_an_exempt_call_was_recorded(stage: Stage, reading: Reading) -> None:
    reader = reading("exempt-recorded")
    scene = stage()
    reaches(scene, OLD)
    scene.start()
    at_the_host(scene)
    scene.over(transferred(scene, OLD))
    reader.reads(scene, SEEN)
    scene.extensions.clear()
    policy = scene.folder / "dialplan/policy.yaml"
    policy.write_text(policy.read_text() + exempt(OLD))
    reader.reads(scene, DO)
    assert list((scene.spool / "new").glob("*")) == []
    reader.reads(scene, OVER)
    after = scene.over(transferred(scene, OLD)).record
    assert after["ended"]["reason"] == "exempt"
    reader.reads(scene, AFTER)


def test_the_exempt_extension_moves(stage: Stage, reading: Reading) -> None:
    reader = reading("exempt-moves")
    scene = stage()
    policy = scene.folder / "dialplan/policy.yaml"
    policy.write_text(policy.read_text() + exempt(OLD))
    scene.start()
    at_the_host(scene)
    in_progress = scene.connected()
    reader.reads(scene, SEEN)
    edit(scene, "dialplan/policy.yaml", OLD, NEW)
    reader.reads(scene, DO)
    reader.reads(scene, OVER)
    record = scene.over(transferred(scene, NEW)).record
    assert record["ended"]["reason"] == "exempt"
    assert scene.hang_up(in_progress).record["recording"]["state"] == "kept"
    reader.reads(scene, AFTER)


def test_a_team_is_closed(stage: Stage, reading: Reading, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = reading("team-closed")
    scene = stage()
    catalogue = scene.folder / "prompts/en-GB.yaml"
    catalogue.write_text(
        catalogue.read_text() + '  closed: {version: "1", text: Said of closed.}\n'
    )
    for rate in (8000, 16000):
        site.tone(scene.folder / f"prompts/en-GB/{rate}/closed.wav", rate, 600, 3700)
    note_audio(scene.folder / "prompts", "en-GB")
    team = scene.folder / "dialplan/teams/customer-services.yaml"
    team.write_text(team.read_text() + "hours:\n  mon-sun: closed\n")
    scene.start()
    at_the_host(scene)
    call = scene.place(CallScript())
    scene.terminal.name(CALL, call.uuid)
    record = scene.over(call).record
    assert [one["name"] for one in record["prompts"]] == ["closed"]
    reader.reads(scene, SEEN)
    edit(scene, "dialplan/teams/customer-services.yaml", "closed", '"00:00-24:00"')
    reader.reads(scene, DO)
    reader.reads(scene, OVER)
    assert scene.hang_up(scene.connected()).record["recording"]["state"] == "kept"
    reader.reads(scene, AFTER)


def test_opting_out_does_nothing(stage: Stage, reading: Reading) -> None:
    reader = reading("opt-out-nothing")
    scene = stage()
    scene.start()
    at_the_host(scene)
    call = scene.connected(
        CallScript(
            steps=(WhenConnected(2_000), Keys("*#*"), Wait(60_000), HangUp()),
            destination=Destination(),
        )
    )
    scene.clock.run(3_000)
    reader.reads(scene, SEEN, "The team does not allow it")
    scene.run(f"ivr pause {call.uuid}")
    reader.reads(scene, SEEN, "The call is paused")
    scene.run(f"ivr resume {call.uuid}")
    scene.lose(call)
    scene.clock.run(1_000)
    reader.reads(scene, SEEN, "The call lost its engine")
    assert scene.hang_up(call).record["opt_out"]["started"] == 0
    edit(scene, "dialplan/policy.yaml", "reminders: 2\n", "reminders: 2\n    connected: keep\n")
    reader.reads(scene, DO)
    reader.reads(scene, OVER)
    script = CallScript(steps=(WhenConnected(2_000), Keys("*#*")), destination=Destination())
    again = scene.place(script)
    scene.terminal.name(CALL, again.uuid)
    scene.terminal.name(CALL[:8], again.uuid[:8])
    assert scene.over(again).record["opt_out"]["confirmed"]
    reader.reads(scene, AFTER)


QUEUE = """\
  queue:
    members: ["1001", "1002"]
    longest: "1m"
"""


def test_a_queue_has_no_agents(stage: Stage, reading: Reading) -> None:
    reader = reading("queue-empty")
    scene = stage()
    edit(scene, "dialplan/destinations.yaml", '  dial: "sofia/lab/desk"\n', QUEUE)
    scene.start()
    scene.switch.callcenter.queues.clear()
    at_the_host(scene)
    call = scene.place(CallScript())
    record = scene.over(call).record
    assert record["ended"]["reason"] == "unavailable"
    reader.reads(scene, SEEN, "FreeSWITCH does not know the queue")

    def load_module() -> None:
        text = (scene.folder / "queues.xml").read_text()
        scene.switch.callcenter.set_queues(*read_queues(text))
        scene.switch.callcenter.away.update({"user/1001", "user/1002"})

    scene.terminal.acts["fs_cli -x 'reload mod_callcenter'"] = load_module
    reader.reads(scene, DO, "FreeSWITCH does not know the queue")
    assert (scene.folder / "queues.xml").read_text() == render_queues(load(scene.site_file))

    waits = scene.place(CallScript(steps=(WhenConnected(3_000), HangUp())))
    scene.until(waits, "queueing")
    scene.clock.run(5_000)
    scene.terminal.name(CALL, waits.uuid)
    reader.reads(scene, SEEN, "No telephone is free")
    reader.reads(scene, DO, "No telephone is free")
    scene.until(waits, "connected")
    scene.clock.run(500)
    reader.reads(scene, OVER)
    assert scene.over(waits).record["recording"]["state"] == "kept"
    reader.reads(scene, AFTER)
