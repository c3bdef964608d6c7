"""Card numbers to key in live tests: another one for each call, all nobody's."""

from __future__ import annotations

import random

_PREFIXES = ("4929", "5436", "6759", "6011")


def card(number: int) -> str:
    """A number of 16 digits with the right check digit, the same each time."""
    chance = random.Random(f"card {number}")
    digits = _PREFIXES[number % len(_PREFIXES)] + "".join(
        str(chance.randrange(10)) for _ in range(11)
    )
    return digits + _check_digit(digits)


def _check_digit(digits: str) -> str:
    """That of Luhn: each second digit doubled, from the right."""
    total = 0
    for at, digit in enumerate(reversed(digits)):
        doubled = int(digit) * (1 if at % 2 else 2)
        total += doubled - 9 if doubled > 9 else doubled
    return str(-total % 10)
