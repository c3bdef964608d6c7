"""The demonstration's folder: the repository's own configuration, with shorter waits."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

import ivr
from ivr.config.folders import odd_character
from ivr.config.mistakes import printable, quoted
from ivr.errors import SetupError

RING = "1s"
"""How long a destination rings, instead of the time that ``dialplan/`` gives."""
CONFIRM_WAIT = "2s"
"""How long a key is waited for after the reminder, instead of ``dialplan/``'s time."""

_SITE = """\
# What the demonstration ran with; ports of 0 are any that are free.
outbound:
  listen: "127.0.0.1:0"
  engines: ["127.0.0.1:8084"]
freeswitch:
  host: "127.0.0.1"
  port: {port}          # the lab switch
  password: "{password}"
spool: ../spool
http:
  listen: "127.0.0.1:0"
dialplan: ../dialplan
prompts: ../prompts
"""


def shipped() -> Path:
    """The folder that holds ``dialplan/`` and ``prompts/``: the checkout the package is in, or
    the folder one is in.

    Raises:
        SetupError: neither has them.
    """
    places = (Path(ivr.__file__).resolve().parents[1], Path.cwd())
    for place in places:
        if (place / "dialplan").is_dir() and (place / "prompts").is_dir():
            return place
    looked = " nor in ".join(str(place) for place in dict.fromkeys(places))
    raise SetupError(
        f"the demonstration uses the repository's dialplan/ and prompts/, and there are none in"
        f" {looked}\n  run it in a checkout of the repository: make demo"
    )


def fresh_folder(folder: Path | None, whose: str = "demonstration", word: str = "--folder") -> Path:
    """A new or empty folder; ``None`` makes a temporary one that is kept. ``whose`` it is, and the
    ``word`` that names it, are for what is said of another.

    Raises:
        SetupError: it is not empty, no folder, has a name that FreeSWITCH would misread, or
            cannot be made.
    """
    try:
        whole = Path(tempfile.gettempdir()) if folder is None else folder.absolute()
        if odd := odd_character(whole):
            raise SetupError(
                f"{printable(str(whole))} has {quoted(odd)} in it, which FreeSWITCH misreads,"
                f" expected a folder for what the {whose} keeps whose path has letters,"
                f" digits and . _ + @ = , ~ - only\n  name another with {word}"
            )
        if folder is None:
            return Path(tempfile.mkdtemp(prefix="ivr-demo-"))
        folder = whole
        folder.mkdir(parents=True, exist_ok=True)
        if next(folder.iterdir(), None) is not None:
            raise SetupError(
                f"{folder} is not empty, expected a new or empty folder for what the"
                f" {whose} keeps\n  name another with {word}"
            )
    except OSError as error:
        raise SetupError(
            f"{folder or tempfile.gettempdir()}: cannot be used for what the {whose} keeps:"
            f" {os.strerror(error.errno or 0)}\n  name another folder with {word}"
        ) from error
    return folder


def forget(folder: Path, made: bool) -> None:
    """Empty a folder that :func:`fresh_folder` gave; remove it where that ``made`` it."""
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    if made:
        folder.rmdir()


def write_site(folder: Path, port: int, password: str, root: Path | None = None) -> Path:
    """Put a site into the folder whose FreeSWITCH listens on ``port``; its file.

    Dialplan and teams are copied with shorter waits, so that a demonstration is short;
    prompts are the repository's own. ``root`` holds both, else :func:`shipped`.

    Raises:
        SetupError: there is nothing to copy, or the folder cannot be written.
    """
    root = root or shipped()
    try:
        shutil.copytree(root / "dialplan", folder / "dialplan")
        (folder / "prompts").symlink_to(root / "prompts", target_is_directory=True)
        _shorten(folder / "dialplan" / "policy.yaml", "defaults")
        for team in sorted((folder / "dialplan" / "teams").glob("*.yaml")):
            _shorten(team, "")
        file = folder / "deploy" / "ivr.yaml"
        file.parent.mkdir()
        file.write_text(_SITE.format(port=port, password=password))
    except OSError as error:
        raise SetupError(
            f"{error.filename or folder}: cannot write the demonstration's site:"
            f" {os.strerror(error.errno or 0)}"
        ) from error
    return file


def _shorten(path: Path, below: str) -> None:
    """Shorten the waits that a file gives; one that is no YAML is left for ``load`` to explain."""
    try:
        whole: Any = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError):
        return
    part = whole.get(below) if below and isinstance(whole, dict) else whole
    if not isinstance(part, dict):
        return
    if not (_set(part, "ring", RING) | _set(part.get("opt_out"), "confirm_wait", CONFIRM_WAIT)):
        return
    text = yaml.safe_dump(whole, sort_keys=False, allow_unicode=True)
    path.write_text(f"# A copy with shorter waits, made by `ivr demo`.\n{text}", encoding="utf-8")


def _set(settings: Mapping[str, Any] | None, name: str, value: str) -> bool:
    """Change a setting where it is given."""
    if not isinstance(settings, dict) or name not in settings:
        return False
    settings[name] = value
    return True
