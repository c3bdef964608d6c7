"""Whether anything is left of a number that a caller keyed (R6): in the demonstration's folder, and
in what the lab switch told of the keys.

The number stands in files as it is, or one key a line, as a switch's log has it. No complaint
repeats what was found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from ivr.lab.call import LabCall

_IN_A_ROW = 10
"""So many digits of the number, one after the other, are no accident of a clock or an id."""
_ALONE = 8
"""So many in a row of digits that stand alone."""
_KEY = re.compile(rb"(?<![0-9A-Za-z.-])[0-9](?![0-9A-Za-z.-])")
"""A digit that stands alone, as a key does: ``DTMF 4:800``, ``"key": "4"``."""


def of_keys(call: LabCall, number: str) -> list[str]:
    """What the switch told of the keys, or sent on, and whether they were pressed at all."""
    wrong = []
    if number not in call.leg.pressed:
        wrong.append("the caller did not key the card number: nothing was there to hide")
    if _pieces(number, _ALONE) & _pieces(call.leg.digits, _ALONE):
        wrong.append("the switch told of the keys of the card number")
    for dialled, leg in call.others:
        if _pieces(number, _ALONE) & _pieces(leg.heard_keys, _ALONE):
            wrong.append(f"keys of the card number were sent on to {dialled}")
    return wrong


def of_number(folder: Path, number: str, call: str) -> list[str]:
    """Each file of the folder, and of those below it, that has something of the number.

    ``call`` is the id of the call in which it was keyed: lines that have it are one sequence of
    keys, whatever stands between them. What a link leads to was there before. Blocks shortly.
    """
    return [
        f"{path.relative_to(folder)} has digits of the card number ({how})"
        for path, name in _files(folder)
        for how in _found(name, path.read_bytes(), number, call.encode())
    ]


def _files(folder: Path) -> Iterator[tuple[Path, bytes]]:
    for path in sorted(folder.iterdir()):
        if path.is_symlink():
            continue
        if path.is_dir():
            yield from _files(path)
        else:
            yield path, path.name.encode("utf-8", "surrogateescape")


def _found(name: bytes, data: bytes, number: str, call: bytes) -> Iterator[str]:
    whole = [piece.encode() for piece in _pieces(number, _IN_A_ROW)]
    if any(piece in name for piece in whole):
        yield "its name"
    if any(piece in data for piece in whole):
        yield "in a row"
    if b"\0" in data:
        return  # no text: bytes that look like digits are none
    lines = data.splitlines()
    alone = [piece.encode() for piece in _pieces(number, _ALONE)]
    for keys in (_keys(lines), _keys([line for line in lines if call in line])):
        if any(piece in keys for piece in alone):
            yield "one key a line"
            return


def _keys(lines: list[bytes]) -> bytes:
    return b"".join(key for line in lines for key in _KEY.findall(line))


def _pieces(digits: str, length: int) -> set[str]:
    """Everything of that length in it."""
    return {digits[at : at + length] for at in range(len(digits) - length + 1)}
