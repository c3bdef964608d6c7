"""``ivr index``: the database of recordings, cases and holds."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from ivr.cli.retention.asking import identity_in, identity_option
from ivr.cli.retention.progress import progress
from ivr.cli.retention.view import counted
from ivr.cli.retention.words import retention_option
from ivr.cli.words import examples, say
from ivr.config.mistakes import printable
from ivr.errors import SpoolError, StoreError

if TYPE_CHECKING:
    from ivr.retention.restoring import Restoration

_MOST_NAMED = 20


@click.group()
def index() -> None:
    """The index: what is where, and what keeps it."""


@index.command(
    epilog=examples(
        "sudo systemctl stop ivr-retention",
        "sudo -u ivr-retention ivr index rebuild",
    )
)
@retention_option
@identity_option
def rebuild(site: Path, identity: Path | None) -> None:
    """Make an index that was lost anew: for the service's own user, while it is stopped.

    Recordings come from the archive, cases and holds from the audit trail. What the index has
    already stays; nothing is destroyed by it before all of them are back. What is lost for good
    are mails that waited, and reasons and numbers that the audit trail's entries were about.

    Exits with 6 where a record or the audit trail is damaged, with 7 where cases are missing.
    """
    from ivr import logs
    from ivr.config.retention import load_retention
    from ivr.retention.adoption import adopted
    from ivr.retention.intake.alone import alone
    from ivr.retention.restoring import bring_back
    from ivr.retention.store import open_store

    key = identity_in(identity).encode()
    configuration = load_retention(site)
    chosen = configuration.site.log
    logs.set_up(chosen.format, chosen.level, chosen.numbers)
    store = open_store(configuration, create=True)
    try:
        with alone(store.site.state), progress("days") as update:
            done = bring_back(store, key or None, update)
        waits = adopted(store.meta) is None
    finally:
        store.close()
    _tell(done)
    if waits:
        click.echo(
            "nothing is destroyed before the schedule was adopted anew: ivr retention schedule",
            err=True,
        )


def _tell(done: Restoration) -> None:
    found = done.rebuilt
    say(f"{counted(found.recordings, 'recording')} brought back")
    if found.restored is None:
        say("the index had cases or holds of its own: they were left as they are")
    else:
        back = found.restored
        said = f"{counted(back.cases, 'case')}, {counted(back.holds, 'hold')} brought back"
        say(f"{said}; {counted(back.destroyed, 'recording')} known to be destroyed")
        _list("in doubt, it is held", back.doubts)
    _list("destroyed, and its files are there again", found.gone)
    _list("cannot be read", found.faults)
    _list("the audit trail", done.faults)
    _list("missing", done.lacking)
    if done.lacking:
        raise StoreError(
            f"{counted(len(done.lacking), 'case or hold', 'cases and holds')} of the audit trail"
            " are not in the index: nothing is destroyed\n"
            "  the index was used before it was rebuilt: move it away, and begin again"
        )
    if done.faults:
        raise SpoolError(
            "the audit trail is damaged, and cases may be missing: nothing is destroyed\n"
            "  restore the index from its backup, or the trail: ivr audit verify"
        )
    if found.faults:
        raise SpoolError(
            f"{counted(len(found.faults), 'record')} could not be read, and cannot be found by"
            " anything\n  mend what is wrong with them, and begin again"
        )


def _list(what: str, texts: tuple[str, ...]) -> None:
    for text in texts[:_MOST_NAMED]:
        say(f"  {what}: {printable(text)}")
    if len(texts) > _MOST_NAMED:
        say(f"  {what}: and {len(texts) - _MOST_NAMED} more")
