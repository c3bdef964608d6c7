"""Numbers to key in tests: published for tests by card schemes, and none of them anybody's."""

from __future__ import annotations

CARDS = (
    "4929123456781234",
    "5436031030606378",
    "371449635398431",
    "6759649826438453",
    "5019717010103742",
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
