"""The pages of docs/runbook/ about the retention layer are true: what they tell of is brought
about, and what they say is done."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from ivr.config.settings_retention import MailSettings
from ivr.export.mail import GivenUpError, LaterError, UnknownError
from ivr.retention import store
from ivr.retention.outgoing.queue import Queue
from tests.docs.failure_page import AFTER, DO, OVER, SEEN, Reader
from tests.docs.retention_scene import Retained
from tests.docs.scene import CALL
from tests.retention.archive.parts import age_keys
from tests.retention.house import until
from tests.retention.intake.records import sound

Layer = Callable[..., Retained]
Reading = Callable[[str], Reader]
DAY_MS = 86_400_000


def journal(scene: Retained, unit: str) -> None:
    scene.terminal.acts[f"journalctl -u {unit} -n 20"] = lambda: "\n".join(scene.logged)


def test_the_spool_does_not_move_without_a_service(layer: Layer, reading: Reading) -> None:
    reader, about = reading("intake-stuck"), "The service does not run"
    scene = layer()
    scene.house.store.close()
    scene.finished()
    journal(scene, "ivr-retention")
    scene.reads(reader, SEEN, about)
    scene.reads(reader, DO, about)
    until(lambda: scene.house.store.recordings.get(CALL))
    scene.reads(reader, OVER)
    scene.reads(reader, AFTER)


def test_the_spool_does_not_move_where_it_refuses(layer: Layer, reading: Reading) -> None:
    reader = reading("intake-stuck")
    scene = layer()
    new = scene.house.spool / "new"
    away = new.rename(new.with_name("away"))
    scene.resume()
    scene.reads(reader, SEEN, "It runs, and something refuses")
    away.rename(new)
    scene.kept()
    scene.reads(reader, OVER)
    scene.reads(reader, AFTER)


def test_something_is_set_aside(layer: Layer, reading: Reading) -> None:
    reader = reading("taken-aside")
    scene = layer()
    scene.finished()
    (scene.house.spool / f"new/{CALL}.wav").write_bytes(b"damaged")
    scene.resume()
    scene.terminal.acts[f"chgrp ivr-spool /var/lib/ivr/spool/new/{CALL}.wav"] = lambda: None
    scene.reads(reader, SEEN)
    (scene.house.store.site.state / f"aside/{CALL}.wav").write_bytes(sound())
    scene.reads(reader, DO)
    scene.reads(reader, OVER)
    until(lambda: scene.house.store.recordings.get(CALL))
    scene.reads(reader, AFTER)


def test_the_archive_is_away(layer: Layer, reading: Reading) -> None:
    reader = reading("archive-away")
    scene = layer()
    scene.finished("40aa1c02-291b-4a57-8511-68a5e1a242a9")
    scene.resume()
    until(lambda: scene.house.store.recordings.count() == 1)
    archive = scene.house.store.site.archive
    assert isinstance(archive, Path)
    away = archive.rename(archive.with_name("on-its-disk"))
    shutil.copytree(away / ".scratch", archive / ".scratch")

    def mount() -> None:
        shutil.rmtree(archive)
        away.rename(archive)

    scene.terminal.acts["mount /var/lib/ivr-retention/archive"] = mount
    scene.terminal.acts["ls /var/lib/ivr-retention/archive"] = lambda: "\n".join(
        sorted(path.name for path in archive.iterdir())
    )
    scene.finished()
    scene.reads(reader, SEEN)
    scene.reads(reader, DO)
    scene.reads(reader, OVER)
    until(lambda: scene.house.store.recordings.get(CALL))
    scene.reads(reader, AFTER)


def test_the_clock_stops_destruction(layer: Layer, reading: Reading) -> None:
    reader = reading("destruction-stopped")
    scene = layer()
    scene.resume()
    scene.kept(days_ago=400)
    scene.stop()
    scene.house.open()
    scene.house.store.meta.set("seen_ms", str(scene.house.now + 3 * DAY_MS))
    scene.resume()
    scene.terminal.acts["timedatectl"] = lambda: "Universal time: ..."
    scene.reads(reader, SEEN, "The clock")
    assert scene.house.store.recordings.get(CALL)
    scene.reads(reader, DO, "The clock")
    scene.reads(reader, OVER)
    scene.reads(reader, AFTER)


def test_no_sweep(layer: Layer, reading: Reading) -> None:
    reader = reading("destruction-stopped")
    scene = layer()
    scene.resume()
    scene.kept(days_ago=400)
    journal(scene, "ivr-sweep")
    scene.terminal.acts["systemctl list-timers ivr-sweep.timer"] = lambda: "0 timers listed."
    scene.reads(reader, SEEN, "No sweep")
    scene.reads(reader, DO, "No sweep")
    scene.reads(reader, OVER)
    scene.reads(reader, AFTER)


def test_the_schedule_waits(layer: Layer, reading: Reading) -> None:
    reader = reading("schedule-waits")
    scene = layer()
    scene.resume()
    scene.kept(days_ago=100)
    path = scene.house.schedule_file
    text = path.read_text()
    for old, new in (('version: "2.0"', 'version: "2.1"'), ('keep: "6 months"', 'keep: "1 month"')):
        assert old in text
        text = text.replace(old, new, 1)
    path.write_text(text)
    scene.restart()
    scene.reads(reader, SEEN)
    scene.reads(reader, DO)
    scene.reads(reader, OVER)
    scene.reads(reader, AFTER)


def test_the_audit_trail_has_a_fault(layer: Layer, reading: Reading) -> None:
    reader, about = reading("audit-faults"), "A fault"
    scene = layer()
    scene.resume()
    scene.kept()
    (file,) = (scene.house.store.site.state / "audit").glob("*.log")
    data = file.read_bytes()
    assert b'"kept"' in data
    file.write_bytes(data.replace(b'"kept"', b'"lost"'))
    scene.reads(reader, SEEN, about)
    scene.reads(reader, DO, about)
    assert (file.parents[1] / "audit-as-found" / file.name).exists()
    scene.reads(reader, AFTER)


def test_the_audit_trail_has_a_torn_end(layer: Layer, reading: Reading) -> None:
    reader, about = reading("audit-faults"), "A torn end"
    scene = layer()
    scene.resume()
    scene.kept()
    (file,) = (scene.house.store.site.state / "audit").glob("*.log")
    with file.open("ab") as log:
        log.write(b"2 0badc0d")
    scene.reads(reader, SEEN, about)
    scene.kept("40aa1c02-291b-4a57-8511-68a5e1a242a9")
    scene.reads(reader, OVER, about)
    scene.reads(reader, AFTER)


def test_a_sealed_recording_without_a_key(layer: Layer, reading: Reading) -> None:
    reader = reading("sealed-no-key")
    _recipients, identity, _identities = age_keys()
    public = identity.decode().split("public key: ")[1].split()[0]
    scene = layer()
    folder = scene.house.folder
    (folder / "index.key").write_bytes(bytes(range(32)))
    (folder / "index.key").chmod(0o600)
    (folder / "identity.txt").write_bytes(identity)
    (folder / "identity.txt").chmod(0o600)
    site = scene.house.site
    sealing = f'sealing:\n  recipients: ["{public}"]\n  index_key: {folder}/index.key\n'
    site.write_text(site.read_text() + sealing)
    scene.house.store.close()
    scene.start()
    scene.kept()
    scene.terminal.name("/media/key/identity.txt", folder / "identity.txt")
    scene.terminal.name("call.wav", folder / "call.wav")
    scene.reads(reader, SEEN)
    scene.reads(reader, DO)
    assert (folder / "call.wav").read_bytes() == sound()
    scene.reads(reader, OVER)
    scene.reads(reader, AFTER)


def test_the_index_is_lost(layer: Layer, reading: Reading) -> None:
    reader = reading("index-lost")
    scene = layer()
    scene.resume()
    scene.kept()
    scene.run(f"ivr case open C-1234 --kind complaint {CALL}")
    scene.stop()
    for path in scene.house.store.site.state.glob("index.sqlite*"):
        path.unlink()
    scene.start()
    scene.reads(reader, SEEN)
    scene.reads(reader, DO)
    scene.reads(reader, OVER)
    scene.reads(reader, AFTER)


MAIL = """
mail:
  host: "127.0.0.1"
  security: none
  sender: recordings@council.example
"""


@pytest.mark.parametrize(
    ("about", "comes_of_it"),
    [
        ("It waits", LaterError("the server's certificate is another's", alarm=True)),
        ("It was given up", GivenUpError("550 no such user")),
        ("Nobody knows", UnknownError("the connection ended")),
    ],
)
def test_a_copy_is_not_sent(
    layer: Layer,
    reading: Reading,
    monkeypatch: pytest.MonkeyPatch,
    about: str,
    comes_of_it: Exception,
) -> None:
    reader = reading("mail-stuck")
    does: list[Exception] = [comes_of_it]

    def send(settings: MailSettings, address: str, message: bytes) -> str:
        if does:
            raise does.pop()
        return "250 taken"

    monkeypatch.setattr(store, "Queue", partial(Queue, send=send))
    scene = layer()
    site = scene.house.site
    site.write_text(site.read_text() + MAIL)
    scene.house.store.close()
    scene.start()
    scene.kept()
    to = "--to jo@example.org --again jo@example.org"
    scene.terminal.acts["sent"] = lambda: scene.run(f"ivr send {CALL} {to} --reason asked")
    scene.run("sent")
    scene.reads(reader, SEEN, about)
    if about == "It waits":
        scene.house.now += 120_000
    else:
        scene.run("sent")
    scene.reads(reader, OVER)
    until(lambda: '{state="sent"} 1' in (scene.page("/metrics") or (0, ""))[1])
    scene.reads(reader, AFTER)
