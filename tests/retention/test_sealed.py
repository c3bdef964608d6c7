"""A stolen host yields nothing that was archived (R12, R16): with public keys alone on it, neither
audio nor record nor number; with the secret key, from elsewhere, all of it."""

from __future__ import annotations

import os
from pathlib import Path

import pyrage
import pytest

from ivr.errors import UsageError
from ivr.retention.archive.sealing import SealedError
from ivr.retention.model import Query
from tests.retention.house import DPO, NUMBER, OFFICER, House, as_json
from tests.retention.intake.records import sound

NAME = "Featherstonehaugh"


@pytest.fixture
def secret() -> pyrage.x25519.Identity:
    return pyrage.x25519.Identity.generate()


@pytest.fixture
def house(tmp_path: Path, secret: pyrage.x25519.Identity) -> House:
    key = tmp_path / "index.key"
    key.write_bytes(os.urandom(32))
    key.chmod(0o600)
    (tmp_path / "house").mkdir()
    sealing = (
        f'sealing:\n  recipients: ["{secret.to_public()}"]\n  index_key: {key}\n'
        f"  identity: {tmp_path}/identity\n"
    )
    return House(tmp_path / "house", changes={"log:\n": f"{sealing}log:\n"})


def test_nothing_of_what_was_archived_can_be_read_on_the_host(
    house: House, tmp_path: Path, secret: pyrage.x25519.Identity
) -> None:
    call = house.call(1, caller_name=NAME)
    assert len(house.office.looking.search(OFFICER, Query(number=NUMBER))) == 1
    assert len(house.office.looking.search(OFFICER, Query(tail="2500"))) == 1
    house.office.keeping.hold(DPO, call, "complaint", f"{NAME} rang")
    assert house.office.looking.show(OFFICER, call).record is None
    with pytest.raises(SealedError):
        house.office.looking.listen(OFFICER, call, reason="x")
    with pytest.raises(UsageError):
        house.office.looking.search(OFFICER, Query(tail="312500"))
    house.store.close()
    assert house.files_with(NUMBER, NUMBER[1:], NAME) == []
    samples = sound()[44:]
    assert not [
        path
        for path in (house.folder / "var").rglob("*")
        if path.is_file() and samples[:64] in path.read_bytes()
    ]
    house.open()
    given = str(secret).encode()
    with house.office.looking.listen(OFFICER, call, reason="x", identity=given).file as file:
        assert file.read() == sound()
    record = as_json(house.office.looking.show(OFFICER, call, identity=given).record)
    assert (record["caller"], record["caller_name"]) == (NUMBER, NAME)


def test_the_trail_is_checked_with_its_particulars_where_the_key_is(
    house: House, tmp_path: Path, secret: pyrage.x25519.Identity
) -> None:
    call = house.call(1)
    house.office.keeping.hold(DPO, call, "complaint", "she rang")
    report = house.store.verified()
    assert (report.good, report.particulars, report.gone) == (True, 0, 1)
    (tmp_path / "identity").write_text(str(secret))
    report = house.store.verified()
    assert (report.good, report.particulars, report.gone) == (True, 1, 0)


def test_it_is_destroyed_without_the_key(house: House) -> None:
    house.call(1)
    house.turn(days=400)
    assert house.sweep().toll.recordings == 1
    assert house.store.archive.days() == []
