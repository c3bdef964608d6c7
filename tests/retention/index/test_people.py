"""Who is the customer in a record, and which staff had the call (the engine's own records)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC

import pytest

from ivr.core.entries import Arrived, Connected, Entry, Stamp, Stamped
from ivr.core.fold import fold
from ivr.core.record import CallRecord
from ivr.lab import CallScript, Destination
from ivr.lab.script import BlindTransfer, HangUp, Wait, WhenConnected
from ivr.retention.index.people import agents_of, customer_of
from ivr.storage.encode import encoder
from ivr.storage.record_schema import RecordModel, parse_record
from tests.engine.conftest import build, logged  # noqa: F401 (fixtures)
from tests.engine.house import House

CALL = "8f14e45f-ceea-467f-a0e6-1b2c3d4e5f60"
CUSTOMER = "07700900123"
STAFF = """\
- name: staff
  direction: outbound
  numbers: ["9*"]
  strip: "9"
  team: customer-services
  destination: outside
"""
_to_json = encoder(CallRecord)


def record(direction: str, number: str, caller: str, *legs: str) -> RecordModel:
    arrived = Arrived(number, caller, "Jo", direction, "benefits", "main", "en", "7", "c0", "desk")
    entries: list[Entry] = [arrived]
    entries += [Connected(f"leg-{n}", leg) for n, leg in enumerate(legs)]
    stamped = [Stamped(Stamp(n * 1000, n * 1000), entry) for n, entry in enumerate(entries)]
    made = fold(CALL, "host", "0.1.0", stamped, UTC)
    return parse_record(_to_json(made).encode(), "record")


@pytest.mark.parametrize(
    ("told", "customer", "agents"),
    [
        (("inbound", "01277312500", CUSTOMER), CUSTOMER, ()),
        (("inbound", "01277312500", CUSTOMER, "1001"), CUSTOMER, ("1001",)),
        (
            ("inbound", "01277312500", CUSTOMER, "1001", "1002", "1001", "07700900999"),
            CUSTOMER,
            ("1001", "1002", "07700900999"),
        ),
        (("inbound", "01277312500", "anonymous", "1001", ""), "anonymous", ("1001",)),
        (("inbound", "01277312500", ""), "", ()),
        (("outbound", f"9{CUSTOMER}", "1001", CUSTOMER), CUSTOMER, ("1001",)),
        (("outbound", CUSTOMER, "1001", CUSTOMER), CUSTOMER, ("1001",)),
        (
            ("outbound", f"9{CUSTOMER}", "1001", CUSTOMER, "1002", CUSTOMER),
            CUSTOMER,
            ("1001", "1002"),
        ),
        (("outbound", f"9{CUSTOMER}", "1001"), CUSTOMER, ("1001",)),
        (("outbound", "900353123456789", "1001"), "00353123456789", ("1001",)),
        (("outbound", "9999", "1001"), "9999", ("1001",)),
        (("outbound", "9312500", "1001", "312500"), "312500", ("1001",)),
        (("outbound", "+35312345678", "1001"), "+35312345678", ("1001",)),
        (("internal", "1002", "1001", "1002"), "", ("1001", "1002")),
        (("internal", "1002", "1001"), "", ("1001",)),
    ],
)
def test_who_is_who(told: tuple[str, ...], customer: str, agents: tuple[str, ...]) -> None:
    one = record(*told)
    assert customer_of(one) == customer
    assert agents_of(one) == agents


@pytest.fixture
def town(build: Callable[..., House]) -> House:  # noqa: F811 (the fixture)
    one = build()
    for name, more in (
        ("destinations", 'outside:\n  dial: "sofia/lab/$number"\n'),
        ("routes", STAFF),
    ):
        path = one.folder / f"dialplan/{name}.yaml"
        path.write_text(path.read_text() + more)
    one.start()
    return one


def test_of_a_call_that_staff_made(town: House) -> None:
    placed = town.place(
        CallScript(
            dialled=f"9{CUSTOMER}",
            number="1001",
            account="1001",
            context="default",
            steps=(Wait(60_000),),
            destinations={
                CUSTOMER: Destination(answer_ms=800, steps=(WhenConnected(2000), HangUp()))
            },
        )
    )
    one = RecordModel.model_validate(town.over(placed).record, strict=False)
    assert (customer_of(one), agents_of(one)) == (CUSTOMER, ("1001",))


def test_of_a_call_that_a_customer_made(town: House) -> None:
    placed = town.place(
        CallScript(
            number=CUSTOMER,
            steps=(WhenConnected(2000), BlindTransfer("1002"), Wait(1000), HangUp()),
            destination=Destination(steps=(Wait(60_000),)),
        )
    )
    one = RecordModel.model_validate(town.over(placed).record, strict=False)
    assert customer_of(one) == CUSTOMER
    assert agents_of(one)[0] == "desk"
