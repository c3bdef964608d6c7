"""The command ``ivr recover --dry-run``: what a start of the engine would take up or repair."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ivr.cli.words import examples, say, site_option
from ivr.config.mistakes import printable
from ivr.errors import ConfigError, DiskError, SetupError, UsageError

if TYPE_CHECKING:
    from ivr.doctor.left import LeftCall, LeftFile, Prospect

_SWITCH = {
    "yes": "FreeSWITCH has it",
    "no": "FreeSWITCH has it no more",
    "unknown": "whether FreeSWITCH has it is not known",
}
_FILE = {
    "whole": "whole",
    "growing": "growing",
    "header": "its header is set right",
    "empty": "no audio in it: removed, or set aside where people were joined",
    "double": "set aside: the same part lies in another folder, and is worth more",
    "unreadable": "set aside",
}

_WHO = "; run this as root or as the engine's user"


@click.command(
    epilog=examples(
        "ivr recover --dry-run",
        "ivr recover --dry-run --json | jq -r 'select(.kind == \"call\").then'",
    )
)
@site_option
@click.option("--dry-run", is_flag=True, help="Look, and change nothing. Must be given.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def recover(site: Path, dry_run: bool, as_json: bool) -> None:
    """Show what a start of the engine would take up or repair.

    Calls that the journal has open, recordings of which it knows nothing, headers that a crash
    left wrong, what of the journal cannot be read, and what was set aside before. Asks FreeSWITCH
    which of the calls it still has. Recovering itself is what every start of the engine does.
    """
    if not dry_run:
        raise UsageError(
            "a start of the engine recovers (`systemctl start ivr`, `ivr serve`), and nothing else"
            " does; `ivr recover --dry-run` shows what it would do"
        )
    from ivr.doctor.left import prospect
    from ivr.doctor.patient import patient
    from ivr.storage.spool import host_zone

    found = patient(site, ask=False)
    if found.site is None:
        raise ConfigError("\n".join(found.mistakes))
    if found.engine_unknown:
        raise SetupError(found.engine_unknown)
    seen = _looked(lambda: prospect(found, host_zone()))
    if found.mistakes:
        click.echo(
            "the configuration has mistakes, with which no engine starts: `ivr check`", err=True
        )
    for line in _json(seen) if as_json else _text(seen):
        say(line)


def _looked(look: Callable[[], Prospect]) -> Prospect:
    try:
        return look()
    except DiskError as error:
        if isinstance(error.__cause__, PermissionError):
            raise SetupError(f"{str(error).splitlines()[0]}{_WHO}") from error
        raise
    except PermissionError as error:
        raise SetupError(f"{error.filename}: {error.strerror}{_WHO}") from error
    except OSError as error:
        raise DiskError(f"{error.filename}: cannot be looked at: {error.strerror}") from error


def _json(seen: Prospect) -> list[str]:
    head = {"kind": "host", "engine": seen.engine, "switch": seen.switch}
    rows: list[dict[str, object]] = [head]
    rows += [{"kind": "call", **asdict(one)} for one in seen.calls]
    rows += [{"kind": "journal", **asdict(one)} for one in seen.bad]
    rows += [{"kind": "aside", **asdict(one)} for one in seen.aside]
    return [json.dumps(row) for row in rows]


def _text(seen: Prospect) -> list[str]:
    shown = []
    if seen.engine:
        shown.append(f"process {seen.engine} is an engine on this spool; it has these calls open")
    if seen.switch:
        shown.append(f"FreeSWITCH could not be asked: {seen.switch}")
    for call in seen.calls:
        shown += _call(call)
    for place in seen.bad:
        where = f"line {place.line}" if place.line else "all of it"
        what = "cut short by a crash, left out" if place.torn else place.why
        shown.append(f"journal {place.segment}, {where}: {what}")
    shown += [f"set aside before: {one.name}: {one.why}" for one in seen.aside]
    repairs = sum(file.state == "header" for call in seen.calls for file in call.files)
    shown.append(
        f"{len(seen.calls)} calls, {repairs} headers to set right,"
        f" {len(seen.bad)} places of the journal that cannot be read,"
        f" {len(seen.aside)} things set aside before"
    )
    return [printable(line) for line in shown]


def _call(call: LeftCall) -> list[str]:
    since = f" since {call.since}" if call.since else ""
    arrived = f", arrived {call.arrived}" if call.arrived and call.arrived != call.since else ""
    paused = f", paused since {call.paused}" if call.paused else ""
    lost = f"; {call.missing} entries are lost" if call.missing else ""
    head = f"{call.call}  {call.phase}{since}{arrived}{paused}; {_SWITCH[call.switch]}{lost}"
    return [head, f"    {call.then}", *(f"    {_file(file)}" for file in call.files)]


def _file(file: LeftFile) -> str:
    seconds = f"{file.duration_ms / 1000:.1f} s, " if file.duration_ms else ""
    why = f" ({file.why})" if file.why else ""
    return f"{file.path}: {seconds}{file.bytes} bytes, {_FILE[file.state]}{why}"
