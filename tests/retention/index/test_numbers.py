"""Numbers are found however they were written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.errors import UsageError
from ivr.retention.index.numbers import KeyedNumbers, Numbers, PlainNumbers, normalised

PLAIN, KEYED = PlainNumbers(), KeyedNumbers(b"0123456789abcdef")


@pytest.mark.parametrize(
    ("written", "digits"),
    [
        ("01277312500", "441277312500"),
        ("01277 312 500", "441277312500"),
        ("(01277) 312-500", "441277312500"),
        ("+441277312500", "441277312500"),
        ("+44 (0)1277 312500", "441277312500"),
        ("00441277312500", "441277312500"),
        ("0044 (0)1277 312500", "441277312500"),
        ("441277312500", "441277312500"),
        ("sip:+441277312500@example.org", "441277312500"),
        ("tel:+44-1277-312500", "441277312500"),
        ("01277312500@192.0.2.10", "441277312500"),
        ("0169772345", "44169772345"),
        ("+353 1 234 5678", "35312345678"),
        ("0035312345678", "35312345678"),
        ("1001", "1001"),
        ("999", "999"),
        ("0", "0"),
        ("4401", "4401"),
        ("", ""),
        ("anonymous", ""),
        ("٠١٢٧٧", ""),
        ("9" * 33, ""),
    ],
)
def test_a_number_has_one_form(written: str, digits: str) -> None:
    assert normalised(written) == PLAIN.whole(written) == digits
    assert PLAIN.tail(written) == digits[::-1][:24]


def test_another_country_has_another_code() -> None:
    ireland = PlainNumbers("353")
    assert ireland.whole("01 234 5678") == ireland.whole("+35312345678") == "35312345678"
    assert KeyedNumbers(b"k" * 16, "353").whole("012345678") == KeyedNumbers(b"k" * 16).whole(
        "+35312345678"
    )


@pytest.mark.parametrize("numbers", [PLAIN, KEYED])
def test_last_digits_are_looked_for_by_four_at_least(numbers: Numbers) -> None:
    assert numbers.tail("01277312500").startswith(numbers.tail_query("25 00"))
    for few in ("", "500", "ab5c0d0"):
        with pytest.raises(UsageError, match="4 are needed"):
            numbers.tail_query(few)


def test_more_last_digits_are_looked_for_in_plain_numbers_alone() -> None:
    for more in ("12500", "7312500", "01277312500", "+441277312500"):
        assert PLAIN.tail("01277312500").startswith(PLAIN.tail_query(more))
    with pytest.raises(UsageError, match="give 4, or the whole number"):
        KEYED.tail_query("12500")


def test_a_keyed_number_tells_nothing_without_its_key() -> None:
    other = KeyedNumbers(b"0123456789abcdeX")
    assert KEYED.whole("01277312500") == KEYED.whole("+44 1277 312500")
    assert KEYED.whole("01277312500") != other.whole("01277312500")
    assert KEYED.whole("2500") != KEYED.tail("2500"), "one is not the other's answer"
    assert KEYED.whole("anonymous") == KEYED.tail("anonymous") == ""
    with pytest.raises(ValueError, match="16 bytes"):
        KeyedNumbers(b"short")


@given(st.text())
def test_whatever_a_caller_sends_is_digits_or_nothing(text: str) -> None:
    digits = PLAIN.whole(text)
    assert digits == "" or (digits.isascii() and digits.isdigit())
    assert len(digits) <= 40
    assert PLAIN.tail(text) == digits[::-1][:24]


@given(st.from_regex(r"0[1-9][0-9]{8,9}", fullmatch=True))
def test_every_form_of_a_national_number_is_the_same(number: str) -> None:
    forms = (
        number,
        f"+44{number[1:]}",
        f"0044{number[1:]}",
        f"44{number[1:]}",
        f"+44(0){number[1:]}",
    )
    assert {PLAIN.whole(form) for form in forms} == {f"44{number[1:]}"}
    assert PLAIN.tail(number).startswith(PLAIN.tail_query(number[-4:]))
