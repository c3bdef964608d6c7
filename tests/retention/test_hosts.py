"""The whole of it with the index on PostgreSQL and the archive in object storage, as several hosts
share them (R12, R14, R19)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ivr.config.settings_retention import S3Place
from ivr.retention.guard import Stopped
from ivr.retention.model import Query
from tests.retention.archive.conftest import place, storage
from tests.retention.house import DPO, NUMBER, OFFICER, House
from tests.retention.index.conftest import server
from tests.retention.index.postgres import Server
from tests.retention.intake.records import sound

__all__ = ["place", "server", "storage"]


@pytest.fixture
def house(tmp_path: Path, server: Server, place: S3Place) -> Iterator[House]:
    url = server.empty()
    (tmp_path / "house").mkdir()
    keys = (
        f'archive: "s3://{place.bucket}/{place.prefix}"\n'
        f"s3:\n  endpoint: {place.endpoint}\n  region: {place.region}\n"
        f"  credentials: {place.credentials}\n"
        f'index: "{url.replace("postgresql+psycopg", "postgresql")}"\n'
    )
    assert place.credentials is not None
    place.credentials.chmod(0o600)
    house = House(tmp_path / "house", changes={"log:\n": f"{keys}log:\n"})
    yield house
    house.store.close()
    server.drop(url)


def test_a_call_is_taken_in_found_heard_held_and_destroyed(house: House) -> None:
    call, held = house.call(1), house.call(2, caller="02079460000")
    assert house.files_with(NUMBER) == [], "nothing but the spool was on this host"
    [found] = house.office.looking.search(OFFICER, Query(number=NUMBER))
    assert found.recording.call == call
    with house.office.looking.listen(OFFICER, call, reason="asked").file as file:
        assert file.read() == sound()
    house.office.keeping.hold(DPO, held, "complaint", "she rang")
    house.turn(days=400)
    assert house.sweep().toll.recordings == 1
    assert house.store.recordings.get(call) is None
    assert [len(house.store.archive.names(day)) for day in house.store.archive.days()] == [2]
    assert [entry[3] for entry in house.audit("destroy")] == [call]
    assert house.store.verified().good


def test_a_database_that_was_lost_stops_destruction_here_too(house: House, server: Server) -> None:
    house.call(1)
    house.turn(days=400)
    house.store.meta.set("id", "another")
    with pytest.raises(Stopped, match="not the one"):
        house.sweep()
