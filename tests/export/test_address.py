"""An address is one address, and typed twice (R15)."""

from __future__ import annotations

import pytest

from ivr.errors import UsageError
from ivr.export.address import checked_address, same_address


@pytest.mark.parametrize(
    "address",
    [
        "jo@example.org",
        "jo.bloggs+calls@sub.example.co.uk",
        "o'brien@xn--bcher-kva.example",
        "a" * 64 + "@example.org",
    ],
)
def test_addresses_that_are_taken(address: str) -> None:
    assert checked_address(address) == address


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("", "empty"),
        ("jo", "exactly one @"),
        ("jo@example@org", "exactly one @"),
        ("@example.org", "impossible character"),
        ("jo@", "whole domain"),
        ("jo@localhost", "whole domain"),
        ("jo@example..org", "between single dots"),
        ("jo@-example.org", "between single dots"),
        ("jo@127.0.0.1", "not an IP address"),
        ("jo@[127.0.0.1]", "one address alone"),
        ("jo@example.org, al@example.org", "a space"),
        ("jo@example.org,al@example.org", "one address alone"),
        ("Jo <jo@example.org>", "a space"),
        ("<jo@example.org>", "one address alone"),
        ('"jo"@example.org', "one address alone"),
        ("jo@example.org\r\nBcc: al@example.org", "control character"),
        ("jo@example.org\n", "control character"),
        ("jo\0@example.org", "control character"),
        ("zoë@example.org", "SMTPUTF8"),
        ("jo@bücher.example", "xn--"),
        ("jo..bloggs@example.org", "its neighbour"),
        (".jo@example.org", "its neighbour"),
        ("a" * 65 + "@example.org", "longer than an address"),
        ("jo@" + "a." * 130 + "org", "longer than an address"),
    ],
)
def test_addresses_that_are_refused(address: str, why: str) -> None:
    with pytest.raises(UsageError, match=why) as refused:
        checked_address(address)
    assert str(refused.value).isprintable()


def test_the_same_address_typed_twice() -> None:
    assert same_address("jo@example.org", "jo@example.org") == ""
    assert same_address("jo@example.org", "Jo@Example.org") == ""


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [
        ("jo@example.org", "jo@exanple.org", 'differ at letter 7: "m" in'),
        ("jo@example.org", "jo@example.or", 'goes on after "jo@example.or" with "g"'),
        ("jo@example.org", "", 'goes on after "" with "jo@example.org"'),
    ],
)
def test_what_differs_is_said(first: str, second: str, why: str) -> None:
    assert why in same_address(first, second)
    assert same_address(second, first)
