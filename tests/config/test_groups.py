"""Ring groups and queues (R9)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ivr.config.document import Document
from ivr.config.groups import dial_string, telephones
from ivr.config.load import load
from ivr.config.reading import read
from ivr.core.policy import Queue
from ivr.errors import ConfigError
from tests.config.languages import add_language, add_prompts, write

MAIN = "01427676676"
AT = datetime(2026, 11, 24, 10, tzinfo=UTC)


def destinations(root: Path, text: str) -> Document:
    path = root / "dialplan/destinations.yaml"
    path.write_text(text + 'council-tax:\n  dial: "user/1101|user/1102"\n')
    return read(path)


@pytest.mark.parametrize(
    ("ring", "turn", "dial"),
    [
        ("at-once", 5, "user/1001,user/1002,sofia/gateway/g/07"),
        ("in-order", 5, "user/1001|user/1002|sofia/gateway/g/07"),
        ("round", 0, "user/1001|user/1002|sofia/gateway/g/07"),
        ("round", 1, "user/1002|sofia/gateway/g/07|user/1001"),
        ("round", 5, "sofia/gateway/g/07|user/1001|user/1002"),
    ],
)
def test_a_group_is_one_dial_string(site_file: Path, ring: str, turn: int, dial: str) -> None:
    destinations(
        site_file.parent.parent,
        f'customer-services:\n  ring: {ring}\n  members: ["1001", user/1002, sofia/gateway/g/07]\n',
    )
    policy = load(site_file).policy_for(MAIN, at=AT, turn=turn)
    assert policy
    assert policy.dial_string == dial
    assert policy.queue is None


def test_turns_come_round_and_all_members_are_in_each() -> None:
    members = ("1001", "1002", "1003")
    rung = [dial_string("round", members, turn).split("|") for turn in range(6)]
    assert [one[0] for one in rung] == ["user/1001", "user/1002", "user/1003"] * 2
    assert all(sorted(one) == ["user/1001", "user/1002", "user/1003"] for one in rung)


def test_the_overflow_rings_by_turns_too(site_file: Path) -> None:
    root = site_file.parent.parent
    destinations(
        root,
        "customer-services:\n  dial: user/1001\n"
        'night:\n  ring: round\n  members: ["1", "2001", "2002"]\n'.replace('"1", ', ""),
    )
    write(root, "dialplan/teams/customer-services.yaml", more="overflow:\n  - destination: night\n")
    config = load(site_file)
    dials = [config.policy_for(MAIN, at=AT, turn=turn) for turn in range(2)]
    assert [one.overflow[0].dial_string for one in dials if one] == [
        "user/2001|user/2002",
        "user/2002|user/2001",
    ]


def test_a_payment_line_may_be_a_group(site_file: Path) -> None:
    destinations(
        site_file.parent.parent,
        'customer-services:\n  ring: at-once\n  members: ["1500", "1501"]\n  payment_line: true\n',
    )
    policy = load(site_file).policy_for(MAIN, at=AT)
    assert policy
    assert policy.payment_line
    assert policy.pausing.lines == {"1500", "1501"}


def test_a_queue_is_named_and_configured(site_file: Path) -> None:
    root = site_file.parent.parent
    add_prompts(root, "queue-announcement")
    add_language(root, "cy-GB")
    destinations(
        root,
        'customer-services:\n  queue:\n    members: ["1001", user/1002]\n    strategy: round\n'
        "    music: local_stream://calm\n    announcement: queue-announcement\n"
        "    language: cy-GB\n    every: 45s\n    longest: 5m\n"
        'plain:\n  queue: {members: ["1003"]}\n',
    )
    config = load(site_file)
    policy = config.policy_for(MAIN, at=AT)
    assert policy
    assert (policy.dial_string, policy.queue) == ("", Queue("customer-services", 300_000, 45_000))
    queue, plain = config.queues
    assert queue.announcement
    assert queue.announcement.language == "cy-GB"
    assert (queue.name, queue.members) == ("customer-services", ("user/1001", "user/1002"))
    assert (queue.strategy, queue.music) == ("round", "local_stream://calm")
    assert (queue.every_s, queue.longest_ms, queue.ring_ms) == (45, 300_000, 45_000)
    assert str(queue.place).endswith("dialplan/destinations.yaml:2:3")
    assert plain == replace(
        plain, strategy="at-once", music="local_stream://moh", announcement=None, every_s=30
    )
    assert plain.longest_ms == 600_000


def test_every_telephone_of_a_destination_is_found_with_its_place(site_file: Path) -> None:
    document = destinations(
        site_file.parent.parent,
        "customer-services:\n"
        "  dial: \"{a=b}user/1001,user/1002|[c='d,e']sofia/gateway/g/07\"\n"
        'group:\n  ring: round\n  members: ["2001", user/2002]\n'
        'queue:\n  queue: {members: ["3001"]}\n',
    )
    found = [one for name in document.names() for one in telephones(document, name)]
    assert found[:3] == [
        ("user/1001", ("customer-services", "dial")),
        ("user/1002", ("customer-services", "dial")),
        ("sofia/gateway/g/07", ("customer-services", "dial")),
    ]
    assert found[3:6] == [
        ("user/2001", ("group", "members", 0)),
        ("user/2002", ("group", "members", 1)),
        ("user/3001", ("queue", "queue", "members", 0)),
    ]


def test_a_queue_says_places_with_what_its_language_has(site_file: Path) -> None:
    root = site_file.parent.parent
    add_prompts(root, "place-1", "place-2", "place-more")
    destinations(root, 'customer-services:\n  queue: {members: ["1001"], position: true}\n')
    policy = load(site_file).policy_for(MAIN, at=AT)
    assert policy
    assert policy.queue
    told = [prompt.name for prompt in policy.queue.places]
    assert told == ["place-1", "place-2", "place-more"]


def test_places_that_nobody_recorded_are_a_mistake(site_file: Path) -> None:
    root = site_file.parent.parent
    destinations(root, 'customer-services:\n  queue: {members: ["1001"], position: true}\n')
    with pytest.raises(ConfigError, match='has no prompt "place-1", expected "place-1"'):
        load(site_file)
