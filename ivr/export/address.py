"""The e-mail address of a customer: one, whole, and typed twice (R15).

Strict on purpose: a copy of a recording that goes to a wrong address cannot be called back.
"""

from __future__ import annotations

import re

from ivr.config.mistakes import quoted
from ivr.errors import UsageError

_ATOM = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+")
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_LONGEST = 254
_LONGEST_LOCAL = 64
_LONGEST_DOMAIN = 253


def checked_address(text: str) -> str:
    """The address, as it goes into a mail. Raises UsageError that says what is wrong with it."""
    if why := _wrong(text):
        raise UsageError(f"{quoted(text)} is no address for a copy: {why}")
    return text


def same_address(first: str, second: str) -> str:
    """What differs between an address and the same typed again; empty where nothing does.

    Capital letters do not matter: no mail server keeps Jo and jo apart.
    """
    if first.casefold() == second.casefold():
        return ""
    for at, (a, b) in enumerate(zip(first.casefold(), second.casefold(), strict=False), 1):
        if a != b:
            return (
                f"the two addresses differ at letter {at}: "
                f"{quoted(first[at - 1])} in {quoted(first)}, {quoted(second[at - 1])} in "
                f"{quoted(second)}"
            )
    longer, shorter = sorted((first, second), key=len, reverse=True)
    return (
        f"the two addresses differ: {quoted(longer)} goes on after {quoted(shorter)} with "
        f"{quoted(longer[len(shorter) :])}"
    )


def _wrong(text: str) -> str:
    if not text:
        return "it is empty"
    if any(c.isspace() or not c.isprintable() for c in text):
        return "it has a space or a control character in it, expected one address and no more"
    if any(c in text for c in '<>,;:"()[]\\'):
        return "expected one address alone, such as jo@example.org, without a name or quotes"
    local, at, domain = text.rpartition("@")
    if not at or "@" in local:
        return "expected exactly one @, as in jo@example.org"
    if not local.isascii():
        return (
            "letters with accents before the @ (SMTPUTF8) are not sent to, because many mail "
            "servers lose such mails; ask for another address"
        )
    if not domain.isascii():
        return "write the part after the @ in its ASCII form, which begins with xn--"
    if len(text) > _LONGEST or len(local) > _LONGEST_LOCAL or len(domain) > _LONGEST_DOMAIN:
        return f"it is longer than an address can be ({_LONGEST}, {_LONGEST_LOCAL} before the @)"
    if not all(_ATOM.fullmatch(atom) for atom in local.split(".")):
        return "before the @ a dot is missing its neighbour, or there is an impossible character"
    return _wrong_domain(domain)


def _wrong_domain(domain: str) -> str:
    labels = domain.split(".")
    if len(labels) < 2:
        return "after the @ expected a whole domain, such as example.org"
    if not all(_LABEL.fullmatch(label) for label in labels):
        return "after the @ expected letters, digits and hyphens between single dots"
    if labels[-1].isdigit():
        return "after the @ expected a domain, not an IP address"
    return ""
