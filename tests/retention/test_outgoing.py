"""Mails wait, are sent once, and what became of each is known and audited (R14, R15)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from email import message_from_bytes, policy
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import insert

from ivr.config.settings_retention import MailSettings
from ivr.errors import SetupError, UsageError
from ivr.export.letter import TooLargeError
from ivr.export.mail import GivenUpError, LaterError, UnknownError
from ivr.export.templates import load_templates
from ivr.retention.index.database import Database
from ivr.retention.index.tables import destroyed, dying
from ivr.retention.model import Entry
from ivr.retention.outgoing.model import Copy, Outgoing
from ivr.retention.outgoing.queue import Queue
from ivr.retention.outgoing.remains import MailRemains
from tests.export.authority import Authority
from tests.export.post_office import HOST, Office, open_office

CALL = "8f14e45f-ceea-467f-a0e6-1b2c3d4e5f60"
OTHER = "00000000-ceea-467f-a0e6-1b2c3d4e5f61"
ADDRESS = "jo.bloggs@example.org"
MAIL = Path(__file__).parents[2] / "deploy" / "mail"
MINUTE, HOUR = 60_000, 3_600_000


class Paper:
    """A trail that keeps its entries."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.refuses: Exception | None = None

    def append(self, entries: list[Entry]) -> list[int]:
        if self.refuses:
            raise self.refuses
        self.entries.extend(entries)
        return list(range(len(entries)))

    def ends(self) -> list[tuple[str, str]]:
        return [(each.outcome, each.detail.split(" ", 1)[1]) for each in self.entries]


class Server:
    """A mail server that does what the test says."""

    def __init__(self) -> None:
        self.got: list[bytes] = []
        self.does: list[Exception | Callable[[], None]] = []

    def __call__(self, settings: MailSettings, address: str, message: bytes) -> str:
        assert address == ADDRESS
        does = self.does.pop(0) if self.does else None
        if isinstance(does, Exception):
            raise does
        if does:
            does()
        self.got.append(message)
        return "250 taken"


class Desk:
    """A queue with all that it needs, and a clock to turn."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "mail"
        self.database = Database.open(f"sqlite:///{folder / 'index.sqlite'}")
        self.paper, self.server = Paper(), Server()
        self.now = 1_700_000_000_000
        self.audio = folder / "copy.mp3"
        self.audio.write_bytes(b"\xff\xfb not really audio" * 100)
        self.settings = Office(port=25).settings(largest=100_000)
        self.queue = self.another()
        self.remains = MailRemains(self.database, self.folder)

    def another(self) -> Queue:
        return Queue(
            self.database,
            self.folder,
            self.settings,
            load_templates(MAIL),
            self.paper,
            lambda: self.now,
            send=self.server,
        )

    def copy(self, call: str = CALL) -> Copy:
        day = date(2026, 11, 24)
        return Copy(call, "officer", ADDRESS, "en-GB", "C-1234", day, "benefits", self.audio)

    def one(self) -> Outgoing:
        (mail,) = self.queue.listing()
        return mail

    def files(self) -> list[str]:
        return sorted(each.name for each in self.folder.glob("*.eml"))


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    desk = Desk(tmp_path)
    desk.queue.start()
    yield desk
    desk.queue.close()
    desk.database.close()


def test_a_mail_is_sent_and_nothing_of_it_lies_about(desk: Desk) -> None:
    mail = desk.queue.put(desk.copy())
    assert desk.queue.woken.is_set()
    (name,) = desk.files()
    assert (desk.folder / name).stat().st_mode & 0o777 == 0o600
    assert desk.folder.stat().st_mode & 0o777 == 0o700
    assert desk.queue.work()
    assert not desk.queue.work()
    (sent,) = desk.server.got
    message = message_from_bytes(sent, policy=policy.default)
    assert message["Message-ID"] == f"<{mail}@council.example>"
    assert [part.get_filename() for part in message.iter_attachments()] == ["recording-C-1234.mp3"]
    assert (desk.one().state, desk.one().file, desk.one().told) == ("sent", "", "250 taken")
    assert desk.files() == []
    (entry,) = desk.paper.entries
    assert (entry.action, entry.who, entry.outcome, entry.call) == (
        "mail",
        "retention",
        "done",
        CALL,
    )
    assert entry.particulars == {"address": ADDRESS, "answer": "250 taken"}
    assert ADDRESS not in entry.detail
    assert "officer" in entry.detail


def test_it_is_tried_again_after_longer_and_longer_and_then_given_up(desk: Desk) -> None:
    desk.queue.put(desk.copy())
    began, tried = desk.now, []
    for _ in range(200):
        desk.server.does = [LaterError("450 greylisted")]
        if not desk.queue.work():
            desk.now = desk.one().next_ms - 1
            assert not desk.queue.work()  # not a moment too early
            desk.now += 1
            continue
        tried.append(desk.now - began)
        if desk.one().state == "failed":
            break
    waits = [b - a for a, b in pairwise(tried)]
    assert waits[:7] == [MINUTE << n for n in range(6)] + [HOUR]
    assert set(waits[7:-1]) == {HOUR}
    assert tried[-1] == 48 * HOUR
    assert desk.paper.ends() == [("failed", "given up; asked for by officer")]
    assert "given up after" in desk.one().told
    assert desk.files() == []
    assert desk.server.got == []


def test_a_server_that_takes_it_later(desk: Desk) -> None:
    desk.queue.put(desk.copy())
    desk.server.does = [LaterError("450 greylisted")]
    desk.queue.work()
    assert (desk.one().state, desk.one().told) == ("waiting", "450 greylisted")
    desk.now += MINUTE
    desk.queue.work()
    assert desk.one().state == "sent"
    assert desk.one().tries == 2
    assert len(desk.server.got) == 1
    assert [entry.outcome for entry in desk.paper.entries] == ["done"]


def test_what_the_server_refuses_for_good_is_given_up_and_told(desk: Desk) -> None:
    desk.queue.put(desk.copy())
    desk.server.does = [GivenUpError(f"550 <{ADDRESS}> nobody here")]
    desk.queue.work()
    assert desk.one().state == "failed"
    (entry,) = desk.paper.entries
    assert entry.outcome == "failed"
    assert ADDRESS not in entry.detail  # a server's words may name the customer
    assert entry.particulars == {"address": ADDRESS, "answer": f"550 <{ADDRESS}> nobody here"}
    assert desk.files() == []
    desk.now += 100 * HOUR
    assert not desk.queue.work()


def test_what_may_have_been_delivered_is_not_sent_again_by_itself(desk: Desk) -> None:
    mail = desk.queue.put(desk.copy())
    desk.server.does = [UnknownError("no answer")]
    desk.queue.work()
    assert desk.one().state == "unknown"
    assert desk.paper.ends()[0][1].startswith("it is not known whether it was delivered")
    desk.now += 100 * HOUR
    assert not desk.queue.work()
    desk.queue.resend(mail, "dpo")
    desk.queue.work()
    assert desk.one().state == "sent"
    assert f"<{mail}@council.example>".encode() in desk.server.got[0]
    assert [entry.who for entry in desk.paper.entries] == ["retention", "dpo", "retention"]
    for act in (desk.queue.resend, desk.queue.dismiss):
        with pytest.raises(UsageError, match="is sent, expected one that is unknown"):
            act(mail, "dpo")


def test_a_person_may_let_it_be(desk: Desk) -> None:
    mail = desk.queue.put(desk.copy())
    desk.server.does = [UnknownError("no answer")]
    desk.queue.work()
    desk.queue.dismiss(mail, "dpo")
    assert (desk.one().state, desk.files()) == ("failed", [])
    assert not desk.queue.work()


def test_an_alarm_stays_until_the_server_is_right(desk: Desk) -> None:
    desk.queue.put(desk.copy())
    desk.server.does = [LaterError("not trusted", alarm=True)]
    desk.queue.work()
    assert desk.queue.standing().alarm
    assert desk.queue.standing().by_state == {"waiting": 1}
    assert desk.queue.standing().oldest_ms == desk.now
    desk.now += MINUTE
    desk.queue.work()
    assert not desk.queue.standing().alarm
    assert desk.queue.standing().oldest_ms == 0


@pytest.mark.parametrize("table", [dying, destroyed])
def test_nothing_is_sent_of_what_is_being_destroyed(desk: Desk, table) -> None:  # type: ignore[no-untyped-def]
    more = {"due": "2026-11-24", "after_seq": 1} if table is dying else {"day": "2026-11-24"}
    with desk.database.writing() as connection:
        connection.execute(insert(table).values(call=CALL, rule="general", **more))
    with pytest.raises(UsageError, match="is being destroyed"):
        desk.queue.put(desk.copy())
    assert desk.files() == []
    assert desk.queue.listing() == []


def test_with_its_recording_a_mail_goes(desk: Desk) -> None:
    desk.queue.put(desk.copy())
    desk.queue.put(desk.copy(OTHER))
    (desk.folder / f"{CALL}.left-by-a-crash.eml").write_bytes(b"x")
    desk.remains.remove([CALL])
    assert [mail.call for mail in desk.queue.listing()] == [OTHER]
    assert [name[:36] for name in desk.files()] == [OTHER]
    desk.queue.work()
    assert not desk.queue.work()
    assert len(desk.server.got) == 1


@pytest.mark.parametrize("answer", [None, LaterError("450 later"), UnknownError("no answer")])
def test_a_mail_whose_recording_goes_while_it_is_sent(desk: Desk, answer: Exception | None) -> None:
    desk.queue.put(desk.copy())

    def meanwhile() -> None:
        desk.remains.remove([CALL])
        if answer:
            raise answer

    desk.server.does = [meanwhile]
    desk.queue.work()
    assert (desk.queue.listing(), desk.files()) == ([], [])
    assert not any(entry.particulars for entry in desk.paper.entries)
    assert ADDRESS not in repr(desk.paper.entries)
    if isinstance(answer, LaterError):
        assert desk.paper.entries == []  # it was not sent, and never will be
    else:
        assert "its recording was destroyed meanwhile" in desk.paper.entries[0].detail
    desk.now += 100 * HOUR
    assert not desk.queue.work()


def test_a_trail_that_refuses_does_not_send_it_twice(desk: Desk) -> None:
    desk.queue.put(desk.copy())
    desk.paper.refuses = SetupError("full")
    with pytest.raises(SetupError):
        desk.queue.work()
    assert desk.one().state == "sending"
    with pytest.raises(SetupError):
        desk.queue.work()
    desk.paper.refuses = None
    desk.queue.work()
    assert desk.one().state == "sent"
    assert len(desk.server.got) == 1
    assert desk.files() == []


def test_a_file_that_is_gone_is_told(desk: Desk) -> None:
    desk.queue.put(desk.copy())
    (desk.folder / desk.files()[0]).unlink()
    desk.queue.work()
    assert desk.one().state == "failed"
    assert "missing" in desk.one().told
    assert desk.server.got == []


def test_a_clock_that_went_back_does_not_keep_mails_for_years(desk: Desk) -> None:
    desk.queue.put(desk.copy())
    desk.now -= 1000 * 24 * HOUR
    desk.queue.work()
    assert desk.one().state == "sent"


def test_one_process_sends(desk: Desk) -> None:
    other = desk.another()
    with pytest.raises(SetupError, match="another process sends"):
        other.start()
    desk.queue.close()
    other.start()
    other.close()


def test_what_cannot_be_sent_is_refused_before_it_is_kept(desk: Desk) -> None:
    desk.audio.write_bytes(bytes(200_000))
    with pytest.raises(TooLargeError, match=r"0\.3 MB, and at most 0\.1 MB"):
        desk.queue.put(desk.copy())
    desk.audio = desk.audio.with_suffix(".exe")
    desk.audio.write_bytes(b"x")
    with pytest.raises(UsageError, match="expected one of"):
        desk.queue.put(desk.copy())
    assert desk.files() == []
    assert desk.queue.listing() == []


def test_a_transaction_that_is_undone_takes_the_mail_back(desk: Desk) -> None:
    def undone() -> None:
        with desk.database.writing():
            desk.queue.put(desk.copy())
            raise RuntimeError

    with pytest.raises(RuntimeError):
        undone()
    assert desk.queue.listing() == []
    desk.queue.close()
    desk.queue = desk.another()
    desk.queue.start()
    assert desk.files() == []


def test_waiting_ends_when_a_mail_comes(desk: Desk) -> None:
    desk.queue.put(desk.copy())
    desk.queue.wait(3600)  # at once, for it is woken
    desk.queue.work()
    desk.queue.wait(0)
    assert not desk.queue.woken.is_set()


def test_with_a_real_server(desk: Desk, tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with open_office(authority.issue(HOST).file) as office:
        queue = Queue(
            desk.database,
            tmp_path / "real",
            office.settings(ca_file=authority.file),
            load_templates(MAIL),
            desk.paper,
            lambda: desk.now,
        )
        queue.start()
        queue.put(desk.copy())
        office.rcpt = "451 greylisted"
        queue.work()
        assert queue.listing()[0].state == "waiting"
        office.rcpt = "250 OK"
        desk.now += MINUTE
        queue.work()
        queue.close()
        assert queue.listing()[0].state == "sent"
        (got,) = office.got
        assert got.rcpt_tos == [ADDRESS]
        read = message_from_bytes(got.original_content, policy=policy.default)
        (attached,) = read.iter_attachments()
        assert attached.get_payload(decode=True) == desk.audio.read_bytes()
