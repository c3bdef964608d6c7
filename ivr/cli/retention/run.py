"""``ivr retention run``: the service that takes in, answers people, and sends mails."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import click

from ivr.cli.retention.words import retention_option
from ivr.cli.words import examples, say


@click.command(
    epilog=examples(
        "ivr retention run",
        "ivr retention run --once                # take in, sweep, and end",
        "ivr retention run --once --dry-run      # say what that would do",
    )
)
@retention_option
@click.option("--once", is_flag=True, help="Take in what waits, sweep, and end.")
@click.option("--dry-run", is_flag=True, help="With --once: say what it would do; change nothing.")
def run(site: Path, once: bool, dry_run: bool) -> None:
    """Take finished calls out of the spool, and answer people's commands, until stopped.

    It belongs to a user of its own. SIGTERM ends it; nothing is lost by that, nor by SIGKILL. What
    is due is destroyed by `ivr retention sweep`, once a day.
    """
    from ivr import logs
    from ivr.config.retention import load_retention
    from ivr.errors import UsageError
    from ivr.retention.intake.alone import alone
    from ivr.retention.service import running
    from ivr.retention.store import open_store

    if dry_run and not once:
        raise UsageError("--dry-run goes with --once")
    configuration = load_retention(site)
    chosen = configuration.site.log
    logs.set_up(chosen.format, chosen.level, chosen.numbers)
    if dry_run:
        store = open_store(configuration)
        for line in running.rehearsal(store):
            say(line)
        return
    store = open_store(configuration, create=True)
    with alone(configuration.site.state):
        if once:
            for line in running.once(store):
                say(line)
            return
        service = running.Service(store)

        def ended(_signal: int, _frame: Any) -> None:
            service.stop()

        signal.signal(signal.SIGTERM, ended)
        signal.signal(signal.SIGINT, ended)
        service.run()
