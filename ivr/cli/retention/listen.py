"""``ivr listen``: a recording to a player, or into a file of the person's own (R16)."""

from __future__ import annotations

import os
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

import click

from ivr.cli.retention.asking import (
    case_option,
    identity_in,
    identity_option,
    reason_option,
    service,
)
from ivr.cli.retention.file import new_file, written
from ivr.cli.retention.words import retention_option
from ivr.cli.words import examples, forget_output
from ivr.errors import DiskError, SetupError, UsageError

PLAYERS = ("ffplay -nodisp -autoexit -loglevel error", "play -q", "aplay -q", "mpv --no-video")
"""The first of them that is installed is taken; the file's path comes last."""
_INTERRUPTED = (-2, 123, 130, 255)
"""How players end by Ctrl-C: that is no mistake."""


@click.command(
    epilog=examples(
        "ivr listen 3deba8b7 --reason 'complaint C-1234'",
        "ivr listen 3deba8b7 --part 2 --output call.wav",
        "ivr listen 3deba8b7 --output - | sox -t wav - -n stat",
    )
)
@retention_option
@click.argument("call")
@click.option("--part", type=click.IntRange(1), default=1, help="Which part of it.  [default: 1]")
@click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False, allow_dash=True),
    metavar="FILE|-",
    help="Write a WAV file that only you may read, and play nothing.",
)
@click.option("--force", is_flag=True, help="Replace FILE where it is there already.")
@click.option(
    "--player",
    envvar="IVR_PLAYER",
    show_envvar=True,
    metavar="COMMAND",
    help=f"Play with this.  [default: {', '.join(each.split()[0] for each in PLAYERS)}]",
)
@reason_option
@case_option
@identity_option
def listen(
    site: Path,
    call: str,
    part: int,
    output: Path | None,
    force: bool,
    player: str | None,
    reason: str,
    case: str,
    identity: Path | None,
) -> None:
    """Hear a recording. It is in the audit trail who did, and why.

    CALL is its id, or so much of its beginning as no other call has. What a player gets lies in
    memory, and on no disk.
    """
    from ivr.retention.service.requests import Listen

    wanted = Listen(call, part, case, reason, identity_in(identity))

    def take(target: BinaryIO) -> None:
        service(site).fetch(wanted, target)

    if output is None:
        _play(_player(player), take)
    elif str(output) == "-":
        _print(take)
    else:
        with new_file(output, force) as target:
            take(target)
        click.echo(str(output), err=True)


def _player(given: str | None) -> list[str]:
    """The player's words. Raises UsageError, SetupError: before anything is in the trail."""
    if given is not None:
        try:
            words = shlex.split(given)
        except ValueError as error:
            raise UsageError(f"--player: {error}") from None
        if not words or shutil.which(words[0]) is None:
            raise SetupError(f"--player: {given!r} is no program that is installed here")
        return words
    for each in PLAYERS:
        words = each.split()
        if shutil.which(words[0]):
            return words
    names = ", ".join(each.split()[0] for each in PLAYERS)
    raise SetupError(
        f"no player is installed: expected one of {names}\n"
        "  name another with --player, or take a file: --output FILE"
    )


def _play(words: list[str], take: Callable[[BinaryIO], None]) -> None:
    """Have a player play it. The sound has no name in any folder, and goes with this process,
    however that ends."""
    with os.fdopen(os.memfd_create("recording", os.MFD_CLOEXEC), "w+b") as file:
        with written("memory"):
            take(file)
            file.flush()
        path = f"/proc/{os.getpid()}/fd/{file.fileno()}"
        try:
            code = subprocess.run([*words, path], check=False).returncode
        except KeyboardInterrupt:
            return
        except OSError as error:
            raise SetupError(f"{words[0]} cannot be started: {error.strerror}") from error
    if code and code not in _INTERRUPTED:
        raise SetupError(f"{words[0]} ended with {code}; take a file instead: --output FILE")


def _print(take: Callable[[BinaryIO], None]) -> None:
    """Write it to standard output."""
    if sys.stdout.isatty():
        raise UsageError("a WAV file is nothing for a terminal: send it to a program, or to a FILE")
    target = sys.stdout.buffer
    try:
        with written("standard output"):
            take(target)
            target.flush()
    except DiskError:
        forget_output()
        raise
