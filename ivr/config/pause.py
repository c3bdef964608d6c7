"""How a team pauses for payment, and what about its codes two keys could mean (R6, R11)."""

from __future__ import annotations

from dataclasses import dataclass

from ivr.config.document import Document, Where
from ivr.config.kinds import milliseconds
from ivr.config.mistakes import quoted
from ivr.config.schema import DefaultCodes, DefaultPause, Pause
from ivr.config.telephone import FeatureCode, Keys
from ivr.core.policy import FeatureCodes, Pausing

_NAMES = tuple(DefaultCodes.model_fields)


def pausing(default: DefaultPause, own: Pause, lines: frozenset[str]) -> Pausing:
    """How a team pauses: its own where it says so; ``lines`` are all payment lines' numbers."""
    codes = {}
    for name in _NAMES:
        said = getattr(own.codes, name)
        codes[name] = getattr(default.codes, name) if said is None else said
    digits = default.card_digits if own.card_digits is None else own.card_digits
    return Pausing(
        codes=FeatureCodes(**codes),
        overdue_ms=milliseconds(own.overdue or default.overdue),
        guard_ms=milliseconds(own.guard or default.guard),
        card_digits=digits if isinstance(digits, int) else 0,
        on_hold=own.on_hold or default.on_hold,
        lines=lines,
    )


@dataclass(frozen=True, slots=True)
class _Sequence:
    """Keys that mean something, and where the document that is looked at says so."""

    what: str
    keys: str
    where: Where | None
    """``None``: it stands in policy.yaml or is what holds where nothing is said."""


def check_codes(document: Document, above: Where, policy: Document) -> None:
    """Note codes that could be taken for each other or for the opt-out keys.

    Looked at is what the document says, with what it leaves out as policy.yaml has it. Agents do
    not opt out, and yet no keys shall mean two things to the people of one office.
    """
    codes = [_code(document, above, policy, name) for name in _NAMES]
    known = [code for code in codes if code is not None and code.keys]
    for n, later in enumerate(known):
        for earlier in known[:n]:
            _say_clash(document, later, earlier)
    if opt_out := _opt_out(document, above, policy):
        for code in known:
            _say_within(document, code, opt_out)
    pause, resume = codes[0], codes[1]
    if (
        pause
        and resume
        and pause.keys
        and not resume.keys
        and (where := resume.where or pause.where)
    ):
        document.say(
            where,
            f"there is a pause code, {quoted(pause.keys)}, and no resume code, expected both, or a "
            f'pause code of "" (then only payment pages and payment lines pause)',
        )


def _say_clash(document: Document, one: _Sequence, other: _Sequence) -> None:
    """Two codes that are the same, or of which one begins the other."""
    if one.where is None:
        one, other = other, one
    if one.where is None:
        return
    if one.keys == other.keys:
        _say_same(document, one, other)
    elif one.keys.startswith(other.keys) or other.keys.startswith(one.keys):
        document.say(
            one.where,
            f"the {one.what} is {quoted(one.keys)} and the {other.what} {quoted(other.keys)}, "
            "expected neither to begin the other",
        )


def _say_within(document: Document, code: _Sequence, opt_out: _Sequence) -> None:
    """A code that is the opt-out sequence, or of which one is part of the other."""
    where = code.where or opt_out.where
    if where is None:
        return
    if code.keys == opt_out.keys:
        one, other = (code, opt_out) if code.where else (opt_out, code)
        _say_same(document, one, other)
    elif code.keys in opt_out.keys or opt_out.keys in code.keys:
        part, whole = (code, opt_out) if code.keys in opt_out.keys else (opt_out, code)
        document.say(
            where,
            f"the {part.what} {quoted(part.keys)} is part of the {whole.what} "
            f"{quoted(whole.keys)}, expected one that is not",
        )


def _say_same(document: Document, one: _Sequence, other: _Sequence) -> None:
    if one.where is not None:
        document.say(
            one.where,
            f"the {one.what} is {quoted(one.keys)}, as is the {other.what}, expected another",
        )


def _code(document: Document, above: Where, policy: Document, name: str) -> _Sequence | None:
    """``None`` where a mistake was noted of it already."""
    what = f"{name} code"
    path = ("pause", "codes", name)
    own = document.at(*above, *path)
    if own is not None:
        text, where = document.text(*above, *path), (*above, *path)
        return _Sequence(what, text, where) if text is not None and _FITS.fits(text) else None
    inherited = policy.text("defaults", *path)
    if inherited is None:
        inherited = str(DefaultCodes.model_fields[name].default)
    return _Sequence(what, inherited, None) if _FITS.fits(inherited) else None


def _opt_out(document: Document, above: Where, policy: Document) -> _Sequence | None:
    path = ("opt_out", "keys")
    own = document.text(*above, *path)
    keys = own or policy.text("defaults", *path)
    if keys is None or not Keys().fits(keys):
        return None
    return _Sequence("opt-out sequence", keys, (*above, *path) if own else None)


_FITS = FeatureCode()
