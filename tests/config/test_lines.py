"""Payment lines are known by the numbers that FreeSWITCH will report (R6)."""

from __future__ import annotations

from pathlib import Path

import pytest

from ivr.config.lines import number_of
from ivr.config.load import check, load
from tests.config.conftest import GOOD

DESTINATIONS, ROUTES = "dialplan/destinations.yaml", "dialplan/routes.yaml"
MAIN, TAX = "01427676676", "01427676690"


@pytest.mark.parametrize(
    ("leg", "number"),
    [
        ("user/1500", "1500"),
        ("user/1500@council.example", "1500"),
        ("sofia/gateway/psp/01427676600", "01427676600"),
        ("sofia/gateway/psp/+441427676600", "+441427676600"),
        ("sofia/internal/1500@10.0.0.1:5060", "1500"),
        ("sofia/internal/sip:1500@10.0.0.1;transport=tcp", "1500"),
        ("sofia/lab/pay-desk", "pay-desk"),
        ("loopback/1500", "1500"),
        ("loopback/1500/default/xml", "1500"),
        ("group/payments", None),
        ("error/USER_BUSY", None),
        ("sofia/gateway/psp/", None),
        ("sofia/lab/front desk@host", None),
        ("sofia/gateway/psp/$number", None),
        ("$", None),
        ("", None),
    ],
)
def test_the_number_of_a_leg(leg: str, number: str | None) -> None:
    """As ``switch_sanitize_number`` cuts it: between the last ``/`` or ``:`` and the ``@``."""
    assert number_of(leg) == number


def line(dial: str, more: str = "") -> None:
    """Have a payment line beside the destinations."""
    text = f'pay:\n  dial: "{dial}"\n  payment_line: true\n{more}'
    Path(DESTINATIONS).write_text(GOOD[DESTINATIONS] + text)


def test_every_route_knows_all_lines_and_every_telephone_of_them(site_file: Path) -> None:
    line("{a=b,c='d e'}user/1500,[x=1]sofia/gateway/psp/01427676600|user/1501")
    config = load(site_file)
    for number in (MAIN, TAX):
        policy = config.policy_for(number)
        assert policy
        assert policy.pausing.lines == {"1500", "01427676600", "1501"}
        assert not policy.payment_line


def test_numbers_that_are_listed_are_known_too(site_file: Path) -> None:
    line("group/payments|user/1500", '  numbers: ["01427676600", "+441427676600"]\n')
    policy = load(site_file).policy_for(MAIN)
    assert policy
    assert policy.pausing.lines == {"1500", "01427676600", "+441427676600"}


def test_a_route_to_a_payment_line_says_so(site_file: Path) -> None:
    line("user/1500")
    text = GOOD[ROUTES].replace("destination: council-tax", "destination: pay")
    Path(ROUTES).write_text(text)
    config = load(site_file)
    main, pay = config.policy_for(MAIN), config.policy_for(TAX)
    assert main
    assert pay
    assert (main.payment_line, pay.payment_line) == (False, True)


def test_a_destination_that_is_expressly_none_is_none(site_file: Path) -> None:
    line("user/1500")
    text = Path(DESTINATIONS).read_text().replace("payment_line: true", "payment_line: false")
    Path(DESTINATIONS).write_text(text)
    policy = load(site_file).policy_for(MAIN)
    assert policy
    assert policy.pausing.lines == frozenset()


def test_a_number_listed_for_a_line_may_not_be_an_agents(site_file: Path) -> None:
    """Every call to the agent would be paused from its beginning to its end."""
    line("group/payments", '  numbers: ["1002"]\n')
    [said] = check(site_file)
    assert str(said).startswith('dialplan/destinations.yaml:2:9: "user/1002" is a number of the')


def test_a_gateway_may_be_called_loopback(site_file: Path) -> None:
    """Only FreeSWITCH's endpoint of that name steps out of a call."""
    line("sofia/gateway/loopback/1500,sofia/loopback/1501@10.0.0.1")
    assert check(site_file) == []


def test_other_destinations_may_go_through_loopback(site_file: Path) -> None:
    line("user/1500", 'voicemail:\n  dial: "loopback/4000/default"\n')
    assert check(site_file) == []


def test_two_payment_lines_may_ring_one_telephone(site_file: Path) -> None:
    line("user/1500", 'night:\n  dial: "user/1500"\n  payment_line: true\n')
    assert check(site_file) == []
