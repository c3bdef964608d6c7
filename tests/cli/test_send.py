"""``ivr send``, ``mails`` and ``evidence``: what leaves, and to whom (R15, R16)."""

from __future__ import annotations

import email
import io
import json
import re
import stat
import subprocess
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
import pyzipper

from ivr.retention.audit.keys import make_key
from ivr.retention.outgoing.queue import Queue
from ivr.storage.filing import Filing
from tests.export import post_office
from tests.export.authority import Authority
from tests.retained import Served, serving
from tests.retention.house import DPO, ENGINEER, MANAGER, OFFICER
from tests.retention.intake.records import call_id, deliver, record

ADDRESS = "jo.bloggs@example.org"


@pytest.fixture
def smtp(tmp_path: Path) -> Iterator[post_office.Office]:
    authority = Authority(tmp_path)
    with post_office.open_office(authority.issue(post_office.HOST).file) as server:
        yield server


@pytest.fixture
def served(
    tmp_path: Path, smtp: post_office.Office, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Served]:
    make_key(tmp_path / "audit.key")
    mail = (
        f"mail:\n  host: {post_office.HOST}\n  port: {smtp.port}\n  security: starttls\n"
        f"  sender: recordings@council.example\n  ca_file: {tmp_path}/ca.pem\n"
        f"checkpoints:\n  key: {tmp_path}/audit.key\n"
    )
    (tmp_path / "house").mkdir()
    with serving(tmp_path / "house", monkeypatch, {"log:\n": f"{mail}log:\n"}) as served:
        served.person = OFFICER
        yield served


@pytest.fixture
def queue(served: Served) -> Iterator[Queue]:
    queue = served.house.store.queue()
    assert queue is not None
    queue.start()
    served.mailing(queue)
    yield queue
    queue.close()


SEND = ("--to", ADDRESS, "--again", ADDRESS, "--reason", "asked for it")


def attachment(smtp: post_office.Office) -> bytes:
    [envelope] = smtp.got
    content = envelope.content
    assert isinstance(content, bytes)
    message = email.message_from_bytes(content, policy=email.policy.default)
    [attached] = message.iter_attachments()
    data = attached.get_content()
    assert isinstance(data, bytes)
    return data


def test_a_copy_goes_to_the_customer(
    served: Served, queue: Queue, smtp: post_office.Office
) -> None:
    call = served.house.call(1)
    sent = served.ivr("send", call[:8], *SEND, "--format", "wav")
    assert sent.exit_code == 0, sent.output
    [mail] = re.findall(rf"^(\S+)  to {ADDRESS}  0:00, [0-9.]+ \w+\n$", sent.stdout)
    assert served.last == ("send", "officer", "granted", call, "")
    [waits] = served.ivr("mails").stdout.splitlines()
    assert waits.startswith(f"{mail}  waiting  {call}  {ADDRESS}  officer  2026-05-31 12:00  next ")
    queue.work()
    assert attachment(smtp)[:4] == b"RIFF"
    [told] = served.ivr("mails", call, "--json").stdout.splitlines()
    assert json.loads(told)["state"] == "sent"


def test_a_copy_whose_pauses_are_not_all_known_needs_somebody_who_has_listened(
    served: Served, queue: Queue
) -> None:
    made = record(call_id(1))
    made["recording"]["detail"] = Filing("x", (), missing=1).doubt
    deliver(served.house.spool, made)
    served.house.take_in()
    refused = served.ivr("send", call_id(1), *SEND)
    assert refused.exit_code == 2
    assert "an entry of the call is lost from the journal" in refused.stderr
    assert "--listened" in refused.stderr
    assert served.ivr("mails").stderr == "no mails\n"
    assert served.ivr("send", call_id(1), *SEND, "--format", "wav", "--listened").exit_code == 0
    assert served.last == ("send", "officer", "granted", call_id(1), "")


def test_a_protected_copy_opens_with_the_password_that_was_shown(
    served: Served, queue: Queue, smtp: post_office.Office
) -> None:
    call = served.house.call(1)
    sent = served.ivr("send", call, *SEND, "--format", "wav", "--protect", "--json")
    password = json.loads(sent.stdout)["password"]
    queue.work()
    with pyzipper.AESZipFile(io.BytesIO(attachment(smtp))) as container:
        container.setpassword(password.encode())
        [name] = container.namelist()
        assert container.read(name)[:4] == b"RIFF"
    assert served.house.files_with(password) == []


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--to", ADDRESS), "--again is missing"),
        (("--to", ADDRESS, "--again", "jo.blogs@example.org"), "nothing was sent"),
        (("--to", "jo", "--again", "jo"), "jo"),
        (("--to", ADDRESS, "--again", ADDRESS, "--format", "flac"), "flac"),
        (("--to", ADDRESS, "--again", ADDRESS, "--language", "xx", "--reason", "x"), "xx"),
    ],
)
def test_words_that_do_not_fit(
    served: Served, queue: Queue, words: tuple[str, ...], said: str
) -> None:
    call = served.house.call(1)
    result = served.ivr("send", call, *words)
    assert result.exit_code == 2
    assert said in result.stderr
    assert queue.listing() == []


def test_send_and_mails_refused(served: Served, queue: Queue) -> None:
    call = served.house.call(1)
    served.person = MANAGER
    refused = served.ivr("send", call, *SEND)
    assert refused.exit_code == 8
    assert served.last == ("send", "manager", "refused", call, "")
    assert queue.listing() == []
    served.person = ENGINEER
    assert served.ivr("mails").exit_code == 8


def test_without_a_mail_server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "other").mkdir()
    with serving(tmp_path / "other", monkeypatch) as served:
        served.person = OFFICER
        result = served.ivr("send", served.house.call(1), *SEND)
    assert result.exit_code == 3
    assert "no mail is set up" in result.stderr


def test_evidence_is_a_bundle_that_standard_tools_check(served: Served, tmp_path: Path) -> None:
    call = served.house.call(1)
    served.ivr("case", "open", "D-1", "--kind", "disciplinary", call)
    served.person = DPO
    target = tmp_path / "evidence.zip"
    words = ("evidence", call, "--case", "D-1", "--output", target, "--reason", "hearing")
    done = served.ivr(*words)
    assert done.exit_code == 0, done.output
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert served.last == ("evidence", "dpo", "granted", call, "D-1")
    with zipfile.ZipFile(target) as bundle:
        bundle.extractall(tmp_path / "out")
    [manifest] = (tmp_path / "out").rglob("manifest.sha256")
    subprocess.run(
        ["sha256sum", "--check", "--quiet", manifest.name], cwd=manifest.parent, check=True
    )
    assert served.ivr(*words).exit_code == 2  # it is there already


def test_evidence_refused_leaves_no_file(served: Served, tmp_path: Path) -> None:
    call = served.house.call(1)
    target = tmp_path / "evidence.zip"
    words = ("evidence", call, "--case", "D-1", "--output", target, "--reason", "hearing")
    assert served.ivr(*words).exit_code == 8
    assert served.last == ("evidence", "officer", "refused", call, "D-1")
    served.person = DPO
    assert served.ivr(*words).exit_code == 2  # there is no such case
    assert not target.exists()
