"""Numbers to key in tests: nobody's. The first has a wrong check digit, the others are those that
card schemes and payment services publish for tests."""

from __future__ import annotations

CARDS = (
    "4929123456781234",
    "5436031030606378",
    "371449635398431",
    "6759649826438453",
    "30569309025904",
    "378282246310005",
    "6011000990139424",
)
"""No six digits in a row of these stand in what engine and switch write of a call anyway."""

EXPIRY = "1129"
CODE = "737"


def keyed(card: str) -> str:
    """What a caller keys in one go: card, expiry and security code, each ended by ``#``."""
    return f"{card}#{EXPIRY}#{CODE}#"
