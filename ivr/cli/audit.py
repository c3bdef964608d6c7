"""``ivr audit``: who did what with which recording, and whether that is all of it (R17)."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import click

from ivr.cli.retention.asking import DAY, day_in, json_option, service, state_of
from ivr.cli.retention.progress import progress
from ivr.cli.retention.view import counted, nothing, plain, short, show_rows
from ivr.cli.retention.words import retention_option
from ivr.cli.words import examples, say
from ivr.config.mistakes import printable, quoted
from ivr.errors import SpoolError, UsageError
from ivr.storage.names import is_call_id

if TYPE_CHECKING:
    from ivr.retention.answers import Line, Verified

_MOST = 100_000


@click.group()
def audit() -> None:
    """The audit trail: each entry is bound to the one before it."""


@audit.command(
    epilog=examples(
        "ivr audit verify",
        "ivr audit verify --key audit.key.pub --copy /mnt/elsewhere/ivr-audit/checkpoints",
        "ivr audit verify --folder copy-of-the-trail --key audit.key.pub",
    )
)
@retention_option
@click.option(
    "--key",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Public key of the check-points, where it is not the site's.",
)
@click.option(
    "--copy",
    "copies",
    type=click.Path(path_type=Path, dir_okay=False),
    multiple=True,
    help="A copy of the check-points that was kept elsewhere; may be given several times.",
)
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="A copy of the trail, anywhere, by itself.",
)
@json_option
def verify(
    site: Path, key: Path | None, copies: tuple[Path, ...], folder: Path | None, as_json: bool
) -> None:
    """Check every entry of the trail: changed, dropped, re-ordered, cut off.

    Who may read the trail's folder checks it there, others have the service do it. Each fault is
    printed with its file and line. Exits with 6 where there is one.
    """
    if folder is not None:
        found = _of_copy(folder, key, copies)
    elif _readable(site):
        found = _of_store(site, key, copies)
    elif key is not None or copies:
        raise UsageError(
            "--key and --copy are for those who may read the trail's folder; the service uses the"
            " site's own\n  be its user (sudo -u ivr-retention ivr ...), or check a copy: --folder"
        )
    else:
        from ivr.retention.service.requests import AuditVerify

        found = service(site).ask(AuditVerify())
    _show(found, as_json)


def _readable(site: Path) -> bool:
    """Whether this process may read the trail's folder itself."""
    folder = state_of(site) / "audit"
    return os.access(folder, os.R_OK | os.X_OK)


def _of_copy(folder: Path, key: Path | None, copies: tuple[Path, ...]) -> Verified:
    from ivr.retention.audit.keys import load_public
    from ivr.retention.audit.verify import verify as check
    from ivr.retention.office.overseeing import verdict_of

    if not folder.is_dir():
        raise UsageError(f"--folder: {folder} is no folder that can be looked into")
    public = None if key is None else load_public(key)
    with progress("checking", of_bytes=True) as update:
        return verdict_of(check(folder, key=public, copies=copies, progress=update))


def _of_store(site: Path, key: Path | None, copies: tuple[Path, ...]) -> Verified:
    """With what the index remembers of it, and with the particulars."""
    from ivr import logs
    from ivr.config.retention import load_retention
    from ivr.retention.audit.checkpoints import NAME
    from ivr.retention.audit.keys import load_public, public_path
    from ivr.retention.audit.verify import verify as check
    from ivr.retention.office.overseeing import verdict_of
    from ivr.retention.store import open_store

    configuration = load_retention(site)
    chosen = configuration.site.log
    logs.set_up(chosen.format, chosen.level, chosen.numbers)
    store = open_store(configuration)
    own = store.site.checkpoints
    try:
        head = store.heads.get()
        with progress("checking", of_bytes=True) as update:
            if key is None and not copies:
                return verdict_of(store.verified(update))
            if key is None and own.key is not None:
                key = public_path(own.key)
            if own.copies is not None:
                copies = (*copies, own.copies / NAME)
            report = check(
                store.trail.folder,
                head=head,
                key=None if key is None else load_public(key),
                copies=copies,
                particulars=store.particulars,
                progress=update,
            )
    finally:
        store.close()
    return verdict_of(report)


def _show(found: Verified, as_json: bool) -> None:
    if as_json:
        say(json.dumps(plain(found)))
    else:
        for fault in found.faults:
            say(printable(fault))
        if found.more:
            say(f"and {counted(found.more, 'fault')} more")
        if found.torn:
            click.echo(
                f"a crash left {counted(found.torn, 'byte')} of an unfinished entry at the end:"
                " the next entry repairs that",
                err=True,
            )
    if faults := len(found.faults) + found.more:
        raise SpoolError(f"the audit trail has {counted(faults, 'fault')}")
    if not as_json:
        say(
            f"well: {counted(found.entries, 'entry', 'entries')},"
            f" {counted(found.check_points, 'check-point')};"
            f" the particulars of {found.gone} went with their recordings"
        )


@audit.command(
    "show",
    epilog=examples(
        "ivr audit show --last 20",
        "ivr audit show --call 3deba8b7-291b-4a57-8511-68a5e1a242a9",
        "ivr audit show --action listen --action send --since 2026-03-01 --json",
    ),
)
@retention_option
@click.option(
    "--last",
    type=click.IntRange(1, _MOST),
    default=50,
    show_default=True,
    help="So many entries at most, the latest of those that fit.",
)
@click.option("--call", default="", help="Entries about this call: its whole id.")
@click.option("--case", default="", metavar="REF", help="Entries about this case or hold.")
@click.option("--who", default="", help="Entries of this user.")
@click.option("--action", "actions", multiple=True, help="Of this action, such as listen.")
@click.option("--since", metavar=DAY, help="Of this day and later ones, in UTC.")
@click.option("--until", metavar=DAY, help="Of this day and earlier ones, in UTC.")
@json_option
def show(
    site: Path,
    last: int,
    call: str,
    case: str,
    who: str,
    actions: tuple[str, ...],
    since: str | None,
    until: str | None,
    as_json: bool,
) -> None:
    """Show entries of the trail, the earliest first."""
    from ivr.retention.service.requests import AuditShow

    call = call.strip().lower()
    if call and not is_call_id(call):
        raise UsageError(
            f"--call: {quoted(call)} is no whole id of a call, and the trail knows no others;"
            " ivr show has it"
        )
    first, end = day_in(since, "--since", site), day_in(until, "--until", site)
    wanted = AuditShow(
        most=last,
        call=call,
        case=case,
        who=who,
        actions=actions,
        since=first.isoformat() if first else "",
        until=end.isoformat() if end else "",
    )
    lines: list[Line] = service(site).ask(wanted)
    if as_json:
        for line in lines:
            say(json.dumps(plain(line)))
        return
    rows = [
        (
            str(line.seq),
            line.at,
            line.who,
            line.action,
            line.outcome,
            short(line.call),
            line.case,
            line.rule,
            ", ".join(
                filter(None, (line.detail, *(f"{k}: {v}" for k, v in line.particulars.items())))
            ),
        )
        for line in lines
    ]
    show_rows(("", "at", "who", "action", "outcome", "call", "case", "rule", "detail"), rows)
    if not lines:
        nothing("entries")


@audit.command(epilog=examples("sudo -u ivr-retention ivr audit key /etc/ivr/audit.key"))
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
def key(file: Path) -> None:
    """Make the key that signs check-points of the trail, and its public half, FILE.pub.

    `checkpoints: key` in retention.yaml names it. Keep FILE.pub elsewhere, too: with it anybody
    can check a copy of the trail, and evidence that was given away. Publish its fingerprint.
    """
    from ivr.export.bundle import fingerprint
    from ivr.retention.audit.keys import load_private, make_key

    public = make_key(file)
    say(f"{public}  fingerprint (SHA-256) {fingerprint(load_private(file))}")
