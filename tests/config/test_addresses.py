"""Two listeners never want one port, and a dial string holds no space that splits it (R20)."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.config.addresses import Address, DialString
from ivr.config.kinds import Known
from ivr.config.load import check
from tests.config.conftest import GOOD

SPACE = (
    'expected no space outside quotes and brackets ("," rings together, "|" one after the other)'
)


def listening(site_file: Path, calls: str, metrics: str) -> list[str]:
    """What is printed where the engine is to listen at these two; empty: left out."""
    text = GOOD["deploy/ivr.yaml"]
    text = text.replace('  listen: "127.0.0.1:8084"\n', calls and f'  listen: "{calls}"\n')
    text = text.replace(
        'http:\n  listen: "127.0.0.1:9184"\n', metrics and f'http:\n  listen: "{metrics}"\n'
    )
    site_file.write_text(text)
    return [str(mistake) for mistake in check(site_file)]


@pytest.mark.parametrize(
    ("calls", "metrics", "said"),
    [
        (
            "127.0.0.1:8084",
            "127.0.0.1:8084",
            'deploy/ivr.yaml:10:11: "listen" is "127.0.0.1:8084", which is the port that calls '
            "arrive at (outbound, 127.0.0.1:8084), expected another port",
        ),
        (
            "localhost:9000",
            "0.0.0.0:9000",
            'deploy/ivr.yaml:10:11: "listen" is "0.0.0.0:9000", which is the port that calls '
            "arrive at (outbound, localhost:9000), expected another port",
        ),
        (
            "",
            "127.0.0.1:8084",
            'deploy/ivr.yaml:9:11: "listen" is "127.0.0.1:8084", which is the port that calls '
            "arrive at (outbound, 127.0.0.1:8084), expected another port",
        ),
        (
            "127.0.0.1:9184",
            "",
            'deploy/ivr.yaml:2:11: "listen" is "127.0.0.1:9184", which is the port that metrics '
            "have (http, 127.0.0.1:9184), expected another port",
        ),
    ],
)
def test_calls_and_metrics_at_one_address(
    site_file: Path, calls: str, metrics: str, said: str
) -> None:
    assert listening(site_file, calls, metrics) == [said]


@pytest.mark.parametrize(
    ("calls", "metrics"),
    [("127.0.0.1:0", "127.0.0.1:0"), ("10.0.0.1:9000", "127.0.0.1:9000"), ("", "")],
)
def test_addresses_that_do_not_clash(site_file: Path, calls: str, metrics: str) -> None:
    assert listening(site_file, calls, metrics) == []


def test_an_address_that_is_none_is_the_only_mistake(site_file: Path) -> None:
    [said] = listening(site_file, "8084", "8084x")[1:]
    assert 'is "8084x", expected "host:port"' in said


@pytest.mark.parametrize(
    ("one", "other", "clash"),
    [
        ("127.0.0.1:1", "LOCALHOST:1", True),
        ("[::]:1", "127.0.0.1:1", True),
        ("127.0.0.1:1", "127.0.0.1:2", False),
        ("[::1]:1", "127.0.0.1:1", False),
        ("0.0.0.0:0", "0.0.0.0:0", False),
    ],
)
def test_which_addresses_clash(one: str, other: str, clash: bool) -> None:
    assert Address.of(one).clashes(Address.of(other)) is clash
    assert Address.of(other).clashes(Address.of(one)) is clash


def dial(site_file: Path, text: str) -> list[str]:
    """What is printed of a dial string."""
    right = "user/1001,user/1002"
    Path("dialplan/destinations.yaml").write_text(
        GOOD["dialplan/destinations.yaml"].replace(right, text)
    )
    return [str(mistake) for mistake in check(site_file)]


@pytest.mark.parametrize(
    ("written", "right"),
    [
        ("user/1101 user 1102", "user/1101,user/1102"),
        ("user/1101 user/1102", "user/1101,user/1102"),
        ("user/1101, user/1102", "user/1101,user/1102"),
        ("user/1101 | user/1102", "user/1101|user/1102"),
        ("user/1101 1102", "user/1101,user/1102"),
        ("user 1101", "user/1101"),
        ("{a=b}  user/1101", "{a=b}user/1101"),
        ("{a='x y'}[c=d e]sofia/gateway/gw/1 user/2", "{a='x y'}[c=d e]sofia/gateway/gw/1,user/2"),
        ("<a=b c>user/1 :_: user/2", "<a=b c>user/1:_:user/2"),
        ("user/1101\u00a0user/1102", "user/1101,user/1102"),
        ("user/1101 or user/1102", None),
        ("user/1101@my domain", None),
    ],
)
def test_a_space_that_splits_a_dial_string(
    site_file: Path, written: str, right: str | None
) -> None:
    hint = f', did you mean "{right}"?' if right else ""
    [said] = dial(site_file, written)
    assert said.startswith("dialplan/destinations.yaml:2:9: ")
    assert said.endswith(f", {SPACE}{hint}")


@pytest.mark.parametrize(
    "written",
    [
        "user/1001",
        "{origination_caller_id_name='Tax & <Rates>'}user/1101|user/1102",
        "{origination_caller_id_name=Customer Services}user/1001",
        "[leg_timeout=10, x=y]user/1001,[leg_timeout=20]user/1002",
        "<ignore_early_media=true, a=b c>user/1001:_:user/1002",
        "sofia/external/'front desk'@example.org",
        "${sofia_contact(internal/1001 x)}",
        "{a=it's all right}user/1001",
    ],
)
def test_spaces_in_quotes_and_brackets_are_right(written: str) -> None:
    assert DialString().accept(written, Known()) == written
