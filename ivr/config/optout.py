"""Keys that opt out, and those that could be keyed for another reason (R2, R3, R4, R20)."""

from __future__ import annotations

from ivr.config.document import Document, Where
from ivr.config.mistakes import quoted
from ivr.config.telephone import Keys


def check_opt_out(document: Document, where: Where, policy: Document) -> None:
    """Note a return key, or opt-out keys, that could mean something else too."""
    keys = document.text(*where, "keys")
    whole = keys or policy.text("defaults", "opt_out", "keys")
    if not whole or not Keys().fits(whole):
        return
    _return_key(document, where, policy, whole)
    _connected(document, where, policy, whole)


def _return_key(document: Document, where: Where, policy: Document, keys: str) -> None:
    """A return key that is part of the opt-out sequence could mean both (R2, R3)."""
    own, back = document.text(*where, "keys"), document.text(*where, "return_key")
    whole_back = back or policy.text("defaults", "opt_out", "return_key")
    if not (own or back) or not whole_back or len(whole_back) != 1:
        return
    if whole_back in keys:
        document.say(
            (*where, "return_key" if back else "keys"),
            f"the return key {quoted(whole_back)} is part of the opt-out keys "
            f"{quoted(keys)}, expected a key that is not",
        )


def _connected(document: Document, where: Where, policy: Document, keys: str) -> None:
    """Callers key digits while they are connected, for a card or to choose: that must not part
    the call (R4)."""
    own, said = document.text(*where, "keys"), document.text(*where, "connected")
    connected = said or policy.text("defaults", "opt_out", "connected")
    if not (own or said) or connected not in ("keep", "destroy") or not keys.isdigit():
        return
    document.say(
        (*where, "keys" if own else "connected"),
        f"the opt-out keys {quoted(keys)} are digits, which callers key while they are connected, "
        f"too, expected keys with * or #, or connected: never",
    )
