"""The command line: ``ivr``.

Exit codes: 0 well, 1 the configuration has mistakes (or a check found something),
2 the command was called wrongly, 3 the machine is not ready, 4 the disk refused,
5 FreeSWITCH is away or refused, 6 something in the spool or the audit trail is not as it
should be, 7 the archive, the index or the audit trail cannot be used, 8 access is refused,
70 a fault of the program.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import signal
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NoReturn

import click
import structlog

from ivr import __version__, logs
from ivr.cli import audit as cli_audit
from ivr.cli import calls as cli_calls
from ivr.cli import case as cli_case
from ivr.cli import doctor as cli_doctor
from ivr.cli import index as cli_index
from ivr.cli import recordings as cli_recordings
from ivr.cli import recover as cli_recover
from ivr.cli import route as cli_route
from ivr.cli import send as cli_send
from ivr.cli import simulate as cli_simulate
from ivr.cli.retention.group import retention as _retention
from ivr.cli.words import examples as _examples
from ivr.cli.words import forget_output as _forget_output
from ivr.cli.words import say as _say
from ivr.cli.words import site_option, spool_option
from ivr.errors import FAULT_EXIT_CODE, DiskError, IvrError, SetupError, SpoolError

log = structlog.get_logger(__name__)

_REFUSED = frozenset((errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO))
"""How a disk refuses what is written."""

OUTPUT = click.Path(path_type=Path, dir_okay=False)


class Group(click.Group):
    """Prints errors that a person can mend without a traceback, and exits with their code.

    A fault of the program's own is logged, and has a code of its own.
    """

    def main(self, *words: Any, **more: Any) -> Any:
        """See click; also where standard output refuses help, or what was drawn on it."""
        try:
            return super().main(*words, **more)
        except Exception as fault:  # noqa: BLE001  # the root of the process
            self._ended_by(fault)

    def _ended_by(self, fault: Exception) -> NoReturn:
        if isinstance(fault, OSError) and fault.filename is None and fault.errno in _REFUSED:
            _forget_output()
            with contextlib.suppress(OSError):
                click.echo(f"cannot write to standard output: {fault.strerror}", err=True)
            sys.exit(DiskError.exit_code)
        if not structlog.is_configured():
            logs.set_up()
        with contextlib.suppress(OSError, ValueError):  # of a standard error that takes nothing
            log.error("ended by a fault of the program", exc_info=fault)
        sys.exit(FAULT_EXIT_CODE)

    def invoke(self, ctx: click.Context) -> Any:
        """See click."""
        try:
            _in_a_folder()
            return super().invoke(ctx)
        except IvrError as error:
            click.echo(str(error), err=True)
            ctx.exit(error.exit_code)
        except BrokenPipeError:
            _forget_output()
            ctx.exit(0)


def _in_a_folder() -> None:
    """Every relative path, and what is said of an absolute one, needs a folder to be in."""
    try:
        os.getcwd()
    except OSError as error:
        raise SetupError(
            f"the folder that this runs in cannot be used: {error.strerror};"
            " it was removed, perhaps: change to another one"
        ) from error


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ivr")
def main() -> None:
    """Call recording for FreeSWITCH: announced, opted out of, and kept for certain.

    \b
    Shell completion (bash; also zsh, fish):
      eval "$(_IVR_COMPLETE=bash_source ivr)"

    \b
    The site's file is deploy/ivr.yaml here, else /etc/ivr/ivr.yaml; --site of a
    command or the variable IVR_SITE names another.

    \b
    Exit codes: 0 well, 1 mistakes in the configuration, 2 called wrongly,
    3 the machine is not ready, 4 the disk refused, 5 FreeSWITCH is away,
    6 something in the spool or the audit trail is not as it should be,
    7 archive, index or audit trail cannot be used, 8 access is refused,
    70 a fault of the program.
    """


@main.command(epilog=_examples("ivr check", "ivr check --site /etc/ivr/ivr.yaml"))
@site_option
def check(site: Path) -> None:
    """Read all YAML and prompts; print every mistake with its place, and exit with 1."""
    from ivr.config.load import check as find_mistakes
    from ivr.config.load import load
    from ivr.config.reading import read

    mistakes = find_mistakes(site)
    for mistake in mistakes:
        _say(str(mistake))
    if mistakes:
        click.get_current_context().exit(1)
    configuration = load(site)
    numbers = sum(len(route.numbers) for route in configuration.routes)
    policy = read(configuration.site.dialplan / "policy.yaml")
    _say(
        f"well: {len(configuration.routes)} routes, {numbers} numbers, policy"
        f" {configuration.policy_version} of {policy.text('date')} ({policy.text('officer')}),"
        f" configuration {configuration.version}"
    )


@main.command(epilog=_examples("ivr serve", "IVR_SITE=/etc/ivr/ivr.yaml ivr serve"))
@site_option
def serve(site: Path) -> None:
    """Take calls from FreeSWITCH until stopped (SIGTERM); SIGHUP reloads the configuration.

    Started by systemd, it takes calls on the socket that it is given, says when it is ready, and
    that it is alive.
    """
    import gevent

    from ivr.clock import RealClock
    from ivr.config.load import load
    from ivr.engine import systemd
    from ivr.engine.service import Engine
    from ivr.engine.setup import PidFile, steady
    from ivr.storage.spool import Spool

    given = systemd.handed(os.environ, os.getpid())
    configuration = load(site)
    log = configuration.site.log
    logs.set_up(log.format, log.level, log.numbers)
    listening = systemd.listening(given)
    notices = systemd.Notices(given, RealClock())
    # First the claim to the spool: a second engine must not touch what the first one writes.
    here = configuration.site
    Spool.prepare(here.spool, fallback=here.fallback)
    with PidFile(here.spool, here.fallback) as claim:
        engine = Engine(configuration, secret=claim.secret, listening=listening)

        def stop() -> None:
            notices.stopping("lets go of calls")
            engine.stop()

        for number in (signal.SIGTERM, signal.SIGINT):
            gevent.signal_handler(number, stop)
        gevent.signal_handler(signal.SIGHUP, engine.reload)
        engine.start()
        claim.tell(replace(here.http, port=engine.http.port))
        steady()
        notices.ready(f"takes calls on {engine.calls.address}")
        engine.wait()
    notices.close()


@main.command(epilog=_examples("ivr reload"))
@site_option
def reload(site: Path) -> None:
    """Have the running engine take over the YAML and prompts, for new calls.

    Checks them first; with mistakes nothing is reloaded and they are printed. Names
    settings of the site's file that only a restart takes over.
    """
    from ivr.config.load import load
    from ivr.engine.asking import reload_engine

    done = reload_engine(load(site))
    _say(f"configuration {done.version} is in force for new calls")
    if done.restart:
        _say(f"not in force until the engine is restarted: {', '.join(done.restart)}")


@main.command(epilog=_examples("ivr schema deploy/schemas", "ivr schema --print team"))
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), required=False)
@click.option("--print", "name", help="Print one schema instead: site, team, record, ...")
def schema(folder: Path | None, name: str | None) -> None:
    """Write the JSON Schemas of all YAML files and of the record, for editors and consumers."""
    from ivr.config.schema import json_schemas
    from ivr.storage.record_schema import record_schema

    schemas = {**json_schemas(), "record": record_schema()}
    if name is not None:
        if name not in schemas:
            raise click.UsageError(f"no schema {name!r}; there are {', '.join(sorted(schemas))}")
        _say(json.dumps(schemas[name], indent=2))
        return
    if folder is None:
        raise click.UsageError("name a folder to write to, or --print NAME")
    for each, text in schemas.items():
        path = folder / f"{each}.json"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(text, indent=2) + "\n", encoding="utf-8")
        except OSError as error:
            raise SetupError(f"cannot write {path}: {error.strerror}") from error
        _say(str(path))


@main.group()
def dialplan() -> None:
    """What FreeSWITCH needs to know of dialplan/."""


@dialplan.command(
    epilog=_examples(
        "ivr dialplan render",
        "ivr dialplan render --output /etc/freeswitch/dialplan/public/00_ivr.xml --extensions",
        "ivr dialplan render --queues --output callcenter.conf.xml",
    )
)
@site_option
@click.option("--output", type=OUTPUT, help="Write to a file, at once whole.")
@click.option(
    "--extensions",
    is_flag=True,
    help="Only the extensions, for a folder that FreeSWITCH's own context includes.",
)
@click.option(
    "--queues",
    is_flag=True,
    help="The queues instead, as FreeSWITCH's mod_callcenter reads them: callcenter.conf.xml.",
)
def render(site: Path, output: Path | None, extensions: bool, queues: bool) -> None:
    """Write the FreeSWITCH XML that sends the numbers of dialplan/ to the engine."""
    from ivr.config.load import load
    from ivr.config.render import render as render_xml
    from ivr.config.render.queues import render_queues

    if queues and extensions:
        raise click.UsageError("--queues and --extensions are two different files: expected one.")
    config = load(site)
    text = render_queues(config) if queues else render_xml(config, whole_context=not extensions)
    _write(text, output)


@main.command(epilog=_examples("ivr demo", "ivr demo --folder listen-here | less"))
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="New or empty; keeps recordings and records. Else a temporary one, which is named.",
)
@click.option("--plain", is_flag=True, help="A line a step, also on a terminal.")
def demo(folder: Path | None, plain: bool) -> None:
    """Place calls on the embedded lab switch, and check what the engine kept of them."""
    from ivr.demo import run

    click.get_current_context().exit(run(folder, plain or None))


@main.group()
def spool() -> None:
    """What lies in the spool: finished records and their recordings. Reads only."""


@spool.command("ls", epilog=_examples("ivr spool ls", "ivr spool ls --json | jq .call"))
@site_option
@spool_option
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def spool_ls(site: Path, folder: Path | None, as_json: bool) -> None:
    """List the finished records, oldest call first.

    Exits with 6 where a record cannot be read.
    """
    from ivr.storage.look import ls

    rows = ls(_spool_of(site, folder))
    for row in rows:
        if as_json:
            _say(json.dumps(asdict(row)))
        elif row.fault:
            _say(f"{row.call}  {row.fault}")
        else:
            _say(
                f"{row.call}  {row.arrived_at}  {row.team}/{row.route}  {row.ended}"
                f"  {row.recording}  {row.recording_ms / 1000:.1f} s  {row.size} bytes"
            )
    if not rows:
        click.echo("no records", err=True)
    if bad := sum(bool(row.fault) for row in rows):
        raise SpoolError(f"{bad} of {len(rows)} records cannot be read")


@spool.command(
    "show",
    epilog=_examples(
        "ivr spool show 3deba8b7-291b-4a57-8511-68a5e1a242a9", "ivr spool show 3deba8b7"
    ),
)
@site_option
@spool_option
@click.argument("call")
def spool_show(site: Path, folder: Path | None, call: str) -> None:
    """Print one record as it lies there.

    CALL is its id, or so much of its beginning as no other call has. Numbers in it are whole:
    it is what the retention layer gets.
    """
    from ivr.storage.look import find, shown

    root = _spool_of(site, folder)
    _say(shown(root, find(root, call)))


@spool.command("verify", epilog=_examples("ivr spool verify", "ivr spool verify CALL"))
@site_option
@spool_option
@click.argument("call", required=False)
def spool_verify(site: Path, folder: Path | None, call: str | None) -> None:
    """Check records against schema, hash and audio, and name what else lies about.

    With CALL, its id or the beginning of it, one record only. Exits with 6 where anything
    is bad.
    """
    from ivr.storage.look import find, verify

    root = _spool_of(site, folder)
    findings = verify(root, None if call is None else find(root, call))
    for finding in findings:
        _say(f"{finding.verdict:8}  {finding.name}  {finding.detail}")
    if not findings:
        click.echo("no records", err=True)
    bad = sum(finding.verdict == "bad" for finding in findings)
    if bad:
        raise SpoolError(f"{bad} of {len(findings)} are bad")


@main.group()
def recording() -> None:
    """Listen to what pauses left in a recording. Reads only."""


@recording.command(
    "verify",
    epilog=_examples(
        "ivr recording verify 3deba8b7", "ivr recording verify /somewhere/else.wav --json"
    ),
)
@site_option
@spool_option
@click.argument("what", metavar="FILE|CALL")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def recording_verify(site: Path, folder: Path | None, what: str, as_json: bool) -> None:
    """Show each pause of a recording, and whether it is silent now.

    CALL is the id of a call in the spool, or so much of its beginning as no other call has. FILE is
    a record or a WAV file, anywhere. Of a WAV file without its record beside it, every run of
    digital silence of at least 0.2 s on all channels is listed, and the loudest sample elsewhere.

    \b
    FOUND   the loudest sample when the call was filed, guard included; made silent then
    LEAKED  the loudest that FreeSWITCH's mask let through; 0 where it held
    NOW     the loudest sample there is now, 0 to 32767

    Exits with 6 where a pause is not silent, and where the file is not the one of its record.
    """
    from ivr.storage.heard import hear, table

    heard = hear(what, lambda: _spool_of(site, folder))
    if as_json:
        for pause in heard.pauses:
            _say(json.dumps(asdict(pause)))
        for run in heard.runs:
            _say(json.dumps(asdict(run)))
        if not heard.recorded:
            _say(json.dumps({"peak": heard.peak}))
    else:
        for line in table(heard):
            _say(line)
        if heard.recorded and not heard.pauses:
            click.echo("no pauses", err=True)
    if bad := sum(not pause.good for pause in heard.pauses):
        raise SpoolError(f"{bad} of {len(heard.pauses)} pauses are not silent")


def _spool_of(site: Path, folder: Path | None) -> Path:
    if folder is not None:
        return folder.absolute()
    from ivr.config.load import load

    return load(site).site.spool


@main.command(epilog=_examples("ivr diagram --output docs/call.svg", "ivr diagram -f mermaid"))
@click.option(
    "-f",
    "--format",
    "format_",
    type=click.Choice(["svg", "mermaid", "mermaid-more"]),
    default="svg",
)
@click.option("--output", type=OUTPUT, help="Write to a file.")
def diagram(format_: str, output: Path | None) -> None:
    """Draw the states of a call, from the code."""
    from ivr.diagram import draw

    _write(draw(format_), output)


for _command in (
    *cli_calls.COMMANDS,
    cli_doctor.doctor,
    cli_recover.recover,
    cli_route.route,
    cli_simulate.simulate,
    *cli_recordings.COMMANDS,
    *cli_send.COMMANDS,
    cli_case.case,
    cli_audit.audit,
    cli_index.index,
):
    main.add_command(_command)
main.add_command(_retention)


def _write(text: str, output: Path | None) -> None:
    if output is None:
        _say(text, nl=not text.endswith("\n"))
        return
    if not output.name:
        raise click.UsageError("--output is empty, expected a file to write to")
    try:
        if output.exists() and not output.is_file():
            output.write_text(text, encoding="utf-8")  # a pipe or a device is not replaced
        else:
            _replace(Path(os.path.realpath(output)), text)  # a link stays, and leads to it
    except OSError as error:
        raise SetupError(f"cannot write {output}: {error.strerror}") from error
    click.echo(str(output), err=True)


def _replace(path: Path, text: str) -> None:
    """Write a file at once whole, or not at all. Raises OSError."""
    scratch = path.with_name(f".{path.name}.new")
    try:
        scratch.write_text(text, encoding="utf-8")
        scratch.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            scratch.unlink()
        raise


if __name__ == "__main__":
    main()
