"""Copies to customers and evidence, through the office and a real SMTP server (R15, R16)."""

from __future__ import annotations

import email
import email.policy
import io
import json
import subprocess
import zipfile
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path

import numpy as np
import pytest
import soundfile

from ivr.errors import RefusedError, SetupError, UsageError
from ivr.export.sounds import CopyError
from ivr.retention.answers import Wish
from ivr.retention.audit.keys import make_key
from ivr.retention.office.office import Office, open_office
from ivr.retention.outgoing.queue import Queue
from ivr.storage.filing import Filing
from tests.export import post_office
from tests.export.authority import Authority
from tests.export.recorded import pause
from tests.export.speaking import talk
from tests.retention.house import DPO, ENGINEER, MANAGER, NUMBER, OFFICER, PEOPLE_MANAGER, House
from tests.retention.intake.records import call_id, deliver, record

PAUSED = (3000, 5000)
ADDRESS = "jo.bloggs@example.org"


@pytest.fixture
def smtp(tmp_path: Path) -> Iterator[post_office.Office]:
    authority = Authority(tmp_path)
    with post_office.open_office(authority.issue(post_office.HOST).file) as server:
        yield server


@pytest.fixture
def house(tmp_path: Path, smtp: post_office.Office) -> House:
    (tmp_path / "house").mkdir()
    make_key(tmp_path / "house" / "audit.key")
    mail = (
        f"mail:\n  host: {post_office.HOST}\n  port: {smtp.port}\n  security: starttls\n"
        f"  sender: recordings@council.example\n  ca_file: {tmp_path}/ca.pem\n"
        f"checkpoints:\n  key: {tmp_path}/house/audit.key\n"
    )
    return House(tmp_path / "house", changes={"log:\n": f"{mail}log:\n"})


@pytest.fixture
def queue(house: House) -> Iterator[Queue]:
    queue = house.store.queue()
    assert queue is not None
    queue.start()
    yield queue
    queue.close()


@pytest.fixture
def office(house: House, queue: Queue) -> Office:
    return open_office(house.store, queue)


def spoken(
    house: House,
    *,
    leaks: bool = False,
    number: int = 1,
    detail: str = "",
    verdict: str = "verified",
    part: int = 1,
) -> str:
    """A call of 8 s, in which a caller pays from the third to the fifth."""
    sound = io.BytesIO()
    paused = () if leaks else (PAUSED,)
    soundfile.write(sound, talk(paused=paused), 8000, subtype="PCM_16", format="WAV")
    call = call_id(number)
    made = record(call, audio=[sound.getvalue()], caller=NUMBER)
    made["recording"]["pauses"] = [{**pause(part, *PAUSED), "verdict": verdict}]
    made["recording"]["detail"] = detail
    deliver(house.spool, made, [sound.getvalue()])
    assert house.take_in().taken == 1
    return call


def wish(call: str, *, listened: bool = False, **more: str) -> Wish:
    words = {"call": call, "address": ADDRESS, "again": ADDRESS, "reason": "asked", **more}
    return Wish(**words, listened=listened)


def received(smtp: post_office.Office) -> EmailMessage:
    [envelope] = smtp.got
    message = email.message_from_bytes(envelope.content, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    return message


def test_the_customer_gets_a_copy_whose_pauses_are_silent(
    house: House, queue: Queue, office: Office, smtp: post_office.Office
) -> None:
    call = spoken(house)
    sent = office.giving.send(OFFICER, wish(call))
    assert smtp.got == []
    queue.work()
    message = received(smtp)
    assert message["To"] == ADDRESS
    [attached] = message.iter_attachments()
    assert attached.get_content_type() == "audio/mpeg"
    data = attached.get_content()
    assert len(data) == sent.size
    sound, rate = soundfile.read(io.BytesIO(data))
    assert abs(len(sound) / rate - 8) < 0.2
    inside = sound[int(3.2 * rate) : int(4.8 * rate)]
    assert np.abs(inside).max() < 0.005
    assert np.abs(sound).max() > 0.05
    [mail] = office.giving.mails(OFFICER, call)
    assert (mail.state, mail.address) == ("sent", ADDRESS)
    told = house.audit("send", "mail")
    assert [(action, who, outcome) for action, who, outcome, _, _ in told] == [
        ("send", "officer", "granted"),
        ("mail", "retention", "done"),
    ]


def test_who_sent_what_to_whom_and_why_is_in_the_trail_until_the_recording_goes(
    house: House, queue: Queue, office: Office
) -> None:
    call = spoken(house)
    office.giving.send(OFFICER, wish(call, reason="she asked on 3 June"))
    queue.work()
    assert house.files_with(ADDRESS)
    house.turn(days=400)
    assert house.sweep().toll.recordings == 1
    assert house.files_with(ADDRESS, "3 June", NUMBER) == []
    assert house.store.verified().good


def test_a_mail_that_waits_goes_with_its_recording(
    house: House, queue: Queue, office: Office, smtp: post_office.Office
) -> None:
    call = spoken(house)
    office.giving.send(OFFICER, wish(call))
    house.turn(days=400)
    house.sweep()
    queue.work()
    assert smtp.got == []
    assert house.files_with(ADDRESS) == []


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"again": "jo.blogs@example.org"}, "differ at letter 8"),
        ({"again": ""}, "differ"),
        ({"address": "jo", "again": "jo"}, "is no address"),
        ({"address": "a@b.example\nBcc: x@y.example"}, "differ"),
        ({"format": "flac"}, "expected mp3, opus or wav"),
        ({"language": "fr-FR"}, "fr-FR"),
        ({"password": "short"}, "expected 12 or more"),
    ],
)
def test_what_cannot_be_sent_is_told_and_nothing_waits(
    house: House, office: Office, more: dict[str, str], says: str
) -> None:
    call = spoken(house)
    with pytest.raises(UsageError, match=says):
        office.giving.send(OFFICER, wish(call, **more))
    assert office.giving.mails(OFFICER) == []
    assert house.audit("send") == []


def test_nothing_of_what_is_made_is_left(house: House, office: Office) -> None:
    call = spoken(house)
    office.giving.send(OFFICER, wish(call))
    with pytest.raises(UsageError):
        office.giving.send(OFFICER, wish(call, password="short"))
    assert list((house.folder / "var/retention/making").iterdir()) == []


def test_a_pause_that_is_not_silent_stops_the_copy_and_the_evidence(
    house: House, office: Office, smtp: post_office.Office
) -> None:
    call = spoken(house, leaks=True)
    with pytest.raises(CopyError, match="not silent"):
        office.giving.send(OFFICER, wish(call))
    house.office.keeping.open(DPO, "D-1", "disciplinary")
    house.office.keeping.add(DPO, "D-1", [call])
    with pytest.raises(CopyError, match="not silent"):
        office.giving.evidence(DPO, call, "D-1", reason="asked")
    assert office.giving.mails(OFFICER) == []


UNSURE = Filing("x", (), missing=2).doubt
"""As the engine writes it."""


@pytest.mark.parametrize(
    ("doubt", "says"),
    [
        ({"detail": f"{UNSURE}; and more"}, "there may be pauses that are not known"),
        ({"detail": UNSURE, "verdict": "unproved"}, "2 entries of the call are lost"),
        ({"verdict": "unproved"}, "could not be proved that the pause at 20"),
    ],
)
def test_a_copy_whose_pauses_are_not_all_known_leaves_only_when_somebody_has_listened(
    house: House, queue: Queue, office: Office, doubt: dict[str, str], says: str
) -> None:
    call = spoken(house, **doubt)
    with pytest.raises(UsageError, match=says) as caught:
        office.giving.send(OFFICER, wish(call))
    assert f"ivr listen {call[:8]}" in str(caught.value)
    assert "--listened" in str(caught.value)
    assert office.giving.mails(OFFICER) == []
    office.giving.send(OFFICER, wish(call, listened=True))
    assert len(office.giving.mails(OFFICER)) == 1
    [sent] = [each for each in house.store.trail.read() if each.action == "send"]
    assert sent.detail.endswith(", mp3, listened to all of it")


def test_a_pause_in_audio_that_is_not_there_stops_no_copy(
    house: House, queue: Queue, office: Office
) -> None:
    office.giving.send(OFFICER, wish(spoken(house, verdict="unproved", part=2)))
    [sent] = [each for each in house.store.trail.read() if each.action == "send"]
    assert "listened" not in sent.detail


def test_with_a_password_it_is_a_container(
    house: House, queue: Queue, office: Office, smtp: post_office.Office
) -> None:
    password = "correct-horse-battery-7"
    office.giving.send(OFFICER, wish(spoken(house), password=password))
    queue.work()
    [attached] = received(smtp).iter_attachments()
    assert attached.get_content_type() == "application/zip"
    assert house.files_with(password) == []
    with zipfile.ZipFile(io.BytesIO(attached.get_content())) as container:
        assert container.infolist()[0].flag_bits & 1, "it is encrypted"


def test_who_may_not_send_does_not(house: House, office: Office) -> None:
    call = spoken(house)
    for person in (MANAGER, ENGINEER, PEOPLE_MANAGER):
        with pytest.raises(RefusedError):
            office.giving.send(person, wish(call))
    assert office.giving.mails(OFFICER) == []


def test_who_sends_for_some_teams_sees_no_mails_of_others(house: House) -> None:
    """An address is the customer's: it is shown to whoever has to do with it."""
    call = spoken(house)
    access = house.folder / "deploy" / "access.yaml"
    text = access.read_text()
    assert "may: [search, show, listen, hold," in text
    access.write_text(text.replace("may: [search, show, listen, hold,", "may: [send, hold,"))
    house.store.close()
    house.open()
    office = open_office(house.store, house.store.queue())
    sent = office.giving.send(OFFICER, wish(call))
    assert [each.id for each in office.giving.mails(DPO)] == [sent.mail]
    assert office.giving.mails(MANAGER) == []


def test_without_a_mail_server_it_says_so(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    house = House(tmp_path / "other")
    call = spoken(house)
    with pytest.raises(SetupError, match="no mail is set up"):
        house.office.giving.send(OFFICER, wish(call))
    with pytest.raises(UsageError, match="open case that names the recording"):
        house.office.giving.evidence(DPO, call, "", reason="x")
    house.office.keeping.open(DPO, "D-1", "disciplinary")
    house.office.keeping.add(DPO, "D-1", [call])
    with pytest.raises(SetupError, match="no key to sign"):
        house.office.giving.evidence(DPO, call, "D-1", reason="x")


def test_evidence_for_a_disciplinary_case_can_be_checked_by_whoever_gets_it(
    house: House, office: Office, tmp_path: Path
) -> None:
    call = spoken(house)
    house.office.keeping.open(DPO, "D-1", "disciplinary")
    with pytest.raises(RefusedError):
        office.giving.evidence(PEOPLE_MANAGER, call, "D-1")
    house.office.keeping.add(DPO, "D-1", [call])
    with office.giving.evidence(PEOPLE_MANAGER, call, "D-1").file as file:
        bundle = file.read()
    with zipfile.ZipFile(io.BytesIO(bundle)) as made:
        made.extractall(tmp_path / "got")
    [folder] = (tmp_path / "got").iterdir()
    checked = subprocess.run(
        ["sha256sum", "-c", "manifest.sha256"], cwd=folder, capture_output=True, text=True
    )
    assert checked.returncode == 0, checked
    assert json.loads((folder / "record.json").read_text())["call"] == call
    audit = [json.loads(line) for line in (folder / "audit.jsonl").read_text().splitlines()]
    assert {"take-in", "case-open", "case-add", "evidence"} <= {each["action"] for each in audit}
    told = [each for each in house.store.trail.read() if each.action == "evidence"]
    assert [each.outcome for each in told] == ["refused", "granted"]
    assert "SHA-256" in told[1].detail


@pytest.mark.parametrize("again", [True, False])
def test_a_mail_of_which_nobody_knows_is_decided_by_a_person(
    house: House, queue: Queue, office: Office, smtp: post_office.Office, again: bool
) -> None:
    call = spoken(house)
    smtp.drops = "data"  # taken, and the connection ends before the server says so
    sent = office.giving.send(OFFICER, wish(call))
    queue.work()
    assert [mail.state for mail in office.giving.mails(OFFICER)] == ["unknown"]
    with pytest.raises(RefusedError):
        office.giving.decide_mail(MANAGER, sent.mail, again=again)
    with pytest.raises(UsageError, match="there is no mail"):
        office.giving.decide_mail(OFFICER, "none", again=again)
    smtp.drops = ""
    office.giving.decide_mail(OFFICER, sent.mail[:8], again=again)
    queue.work()
    assert [mail.state for mail in office.giving.mails(OFFICER)] == ["sent" if again else "failed"]
    assert len(smtp.got) == 1 + again
    with pytest.raises(UsageError, match="expected one that is unknown"):
        office.giving.decide_mail(OFFICER, sent.mail, again=again)
