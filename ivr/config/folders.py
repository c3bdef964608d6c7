"""Finding the files of a folder, and refusing folders that FreeSWITCH could misread."""

from __future__ import annotations

import os
import re
from collections.abc import Collection
from pathlib import Path

from ivr.config.document import Document, Where
from ivr.config.mistakes import did_you_mean, one_of, printable, quoted, shown

_SAFE = re.compile(r"[\w./+@=,~-]+")


def resolved(document: Document, text: str) -> Path:
    """The absolute path of a path that is relative to the document's folder."""
    return Path(os.path.normpath(document.path.absolute().parent / text))


def odd_character(folder: Path) -> str | None:
    """The first character of a path that FreeSWITCH would misread; None where it has none."""
    return next((c for c in str(folder) if not _SAFE.fullmatch(c)), None)


def safe_folder(document: Document, where: Where, text: str) -> Path:
    """Like :func:`resolved`; a path that FreeSWITCH would misread is noted as a mistake.

    ``uuid_record`` splits at a space (docs/freeswitch.md 17), and ``$``, quotes and brackets
    mean something in its applications' arguments.
    """
    folder = resolved(document, text)
    if odd := odd_character(folder):
        document.say(
            where,
            f'folder "{printable(str(folder))}" has {quoted(odd)} in it, which FreeSWITCH '
            "misreads, expected letters, digits and . _ + @ = , ~ -",
        )
    return folder


def within(folder: Path, other: Path) -> bool:
    """Whether a folder is in the other one or is it, also by a link; neither need be there."""
    inner, outer = os.path.realpath(folder), os.path.realpath(other)
    return os.path.commonpath((inner, outer)) == outer


def is_folder(folder: Path, holder: Document, where: Where) -> bool:
    """Whether there is such a folder; if not, that is noted where the document names it."""
    if os.path.isdir(folder):
        return True
    holder.say(where, f"there is no folder {shown(folder)}, expected one")
    return False


def yaml_files(folder: Path, holder: Document, where: Where) -> list[Path]:
    """The folder's ``*.yaml`` by name; ``*.yml`` would be overlooked and is a mistake.

    A folder that is not there is noted at ``where`` in the document that names it.
    """
    if not is_folder(folder, holder, where):
        return []
    names = _names(folder, holder, where)
    for name in names:
        if name.endswith(".yml"):
            better = name.removesuffix(".yml") + ".yaml"
            near = f", did you mean {quoted(better)}?"
            _overlooked(folder / name, "a name that ends in .yaml", near, holder, where)
    return [folder / name for name in names if name.endswith(".yaml")]


def only_files(folder: Path, right: Collection[str], holder: Document, where: Where) -> None:
    """Note every YAML file of the folder that has none of the right names: nobody reads it."""
    for name in _names(folder, holder, where):
        if name.endswith((".yaml", ".yml")) and name not in right:
            stems = [Path(one).stem for one in right]
            near = did_you_mean(Path(name).stem, stems).removesuffix('"?')
            near += '.yaml"?' if near else ""
            _overlooked(folder / name, f"{one_of(right)}, or a team in teams/", near, holder, where)


def _names(folder: Path, holder: Document, where: Where) -> list[str]:
    """What is in the folder, hidden files apart; that it cannot be read is noted."""
    try:
        names = sorted(os.listdir(folder))
    except (OSError, ValueError) as error:
        reason = (error.strerror if isinstance(error, OSError) else None) or "impossible name"
        holder.say(
            where,
            f"folder {shown(folder)} cannot be read ({reason.lower()}), expected a folder",
        )
        return []
    return [name for name in names if not name.startswith(".")]


def _overlooked(path: Path, expected: str, near: str, holder: Document, where: Where) -> None:
    holder.say(where, f"{shown(path)} would be overlooked, expected {expected}{near}")
