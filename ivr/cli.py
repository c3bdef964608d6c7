"""The command line: ``ivr``.

Exit codes: 0 well, 1 the configuration has mistakes (or a check found something),
2 the command was called wrongly, 3 the machine is not ready, 4 the disk refused,
5 FreeSWITCH is away or refused, 6 something in the spool is not as it should be.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
import urllib.error
import urllib.request
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from ivr import __version__, logs
from ivr.errors import IvrError, SetupError, SpoolError

DEFAULT_SITE = Path("deploy/ivr.yaml")
INSTALLED_SITE = Path("/etc/ivr/ivr.yaml")


def _default_site() -> Path:
    return DEFAULT_SITE if DEFAULT_SITE.exists() else INSTALLED_SITE


site_option = click.option(
    "--site",
    type=click.Path(path_type=Path, dir_okay=False),
    envvar="IVR_SITE",
    default=_default_site,
    show_default=f"{DEFAULT_SITE} here, else {INSTALLED_SITE}",
    help="The site's file; all other folders follow from it.",
)


class Group(click.Group):
    """Prints errors that a person can mend without a traceback, and exits with their code."""

    def invoke(self, ctx: click.Context) -> Any:
        """See click."""
        try:
            return super().invoke(ctx)
        except IvrError as error:
            click.echo(str(error), err=True)
            ctx.exit(error.exit_code)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(0)


def _examples(*lines: str) -> str:
    """Examples at the end of a command's help, kept as they are."""
    return "\b\nExamples:\n" + "\n".join(f"  {line}" for line in lines)


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="ivr")
def main() -> None:
    """Call recording for FreeSWITCH: announced, opted out of, and kept for certain.

    \b
    Shell completion (bash; also zsh, fish):
      eval "$(_IVR_COMPLETE=bash_source ivr)"

    \b
    Exit codes: 0 well, 1 mistakes in the configuration, 2 called wrongly,
    3 the machine is not ready, 4 the disk refused, 5 FreeSWITCH is away,
    6 something in the spool is not as it should be.
    """


@main.command(epilog=_examples("ivr check", "ivr check --site /etc/ivr/ivr.yaml"))
@site_option
def check(site: Path) -> None:
    """Read all YAML and prompts; print every mistake with its place, and exit with 1."""
    from ivr.config.load import check as find_mistakes
    from ivr.config.load import load

    mistakes = find_mistakes(site)
    for mistake in mistakes:
        click.echo(str(mistake))
    if mistakes:
        click.get_current_context().exit(1)
    configuration = load(site)
    numbers = sum(len(route.numbers) for route in configuration.routes)
    click.echo(
        f"well: {len(configuration.routes)} routes, {numbers} numbers, policy"
        f" {configuration.policy_version}, configuration {configuration.version}"
    )


@main.command(epilog=_examples("ivr serve", "IVR_SITE=/etc/ivr/ivr.yaml ivr serve"))
@site_option
def serve(site: Path) -> None:
    """Take calls from FreeSWITCH until stopped (SIGTERM); SIGHUP reloads the configuration."""
    import gevent

    from ivr.config.load import load
    from ivr.engine.service import Engine
    from ivr.engine.setup import PidFile, many_files, steady
    from ivr.storage.spool import Spool

    configuration = load(site)
    log = configuration.site.log
    logs.set_up(log.format, log.level, log.numbers)
    many_files(configuration.site.limits.connections)
    # First the claim to the spool: a second engine must not touch what the first one writes.
    Spool.prepare(configuration.site.spool)
    with PidFile(configuration.site.spool):
        engine = Engine(configuration)
        for number in (signal.SIGTERM, signal.SIGINT):
            gevent.signal_handler(number, engine.stop)
        gevent.signal_handler(signal.SIGHUP, engine.reload)
        engine.start()
        steady()
        engine.wait()


@main.command(epilog=_examples("ivr reload"))
@site_option
def reload(site: Path) -> None:
    """Have the running engine take over the YAML and prompts, for new calls.

    Checks them first; with mistakes nothing is reloaded and they are printed.
    """
    from ivr.config.load import load
    from ivr.engine.setup import PidFile

    configuration = load(site)
    engine = PidFile.read(configuration.site.spool)
    try:
        os.kill(engine, signal.SIGHUP)
    except OSError as error:
        raise SetupError(
            f"cannot tell the engine, process {engine}, to reload: {error.strerror};"
            " run this as root or as the engine's user"
        ) from error
    http = configuration.site.http
    address = f"http://{http.host}:{http.port}/healthz"
    for _ in range(50):
        time.sleep(0.1)
        if _in_force(address) == configuration.version:
            click.echo(f"configuration {configuration.version} is in force for new calls")
            return
    raise SetupError(
        f"the engine was told to reload and {address} does not show configuration"
        f" {configuration.version}; its log says why"
    )


def _in_force(address: str) -> str:
    try:
        with urllib.request.urlopen(address, timeout=2) as answer:  # noqa: S310  # http, from the site file
            return str(json.load(answer)["config"])
    except (OSError, ValueError, KeyError):
        return ""


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
        click.echo(json.dumps(schemas[name], indent=2))
        return
    if folder is None:
        raise click.UsageError("name a folder to write to, or --print NAME")
    folder.mkdir(parents=True, exist_ok=True)
    for each, text in schemas.items():
        path = folder / f"{each}.json"
        path.write_text(json.dumps(text, indent=2) + "\n")
        click.echo(str(path))


@main.group()
def dialplan() -> None:
    """What FreeSWITCH needs to know of dialplan/."""


@dialplan.command(
    epilog=_examples(
        "ivr dialplan render",
        "ivr dialplan render --output /etc/freeswitch/dialplan/public/00_ivr.xml --extensions",
    )
)
@site_option
@click.option("--output", type=click.Path(path_type=Path), help="Write to a file, at once whole.")
@click.option(
    "--extensions",
    is_flag=True,
    help="Only the extensions, for a folder that FreeSWITCH's own context includes.",
)
def render(site: Path, output: Path | None, extensions: bool) -> None:
    """Write the FreeSWITCH XML that sends the numbers of dialplan/ to the engine."""
    from ivr.config.load import load
    from ivr.config.render import render as render_xml

    text = render_xml(load(site), whole_context=not extensions)
    _write(text, output)


@main.command(epilog=_examples("ivr demo", "ivr demo --folder listen-here | less"))
@click.option(
    "--folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="New or empty; keeps recordings and records. Else a temporary one, named at the end.",
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
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
def spool_ls(site: Path, as_json: bool) -> None:
    """List the finished records, oldest call first."""
    from ivr.storage.look import ls

    rows = ls(_spool_of(site))
    if as_json:
        for row in rows:
            click.echo(json.dumps(asdict(row)))
        return
    for row in rows:
        if row.fault:
            click.echo(f"{row.call}  {row.fault}")
            continue
        length = f"{row.recording_ms / 1000:.1f} s"
        click.echo(
            f"{row.call}  {row.arrived_at}  {row.team}/{row.route}  {row.ended}"
            f"  {row.recording}  {length}  {row.size} bytes"
        )


@spool.command("show", epilog=_examples("ivr spool show 3deba8b7-291b-4a57-8511-68a5e1a242a9"))
@site_option
@click.argument("call")
def spool_show(site: Path, call: str) -> None:
    """Print one record. Numbers in it are whole: it is what the retention layer gets."""
    from ivr.storage.look import show

    click.echo(show(_spool_of(site), call).model_dump_json(indent=2))


@spool.command("verify", epilog=_examples("ivr spool verify", "ivr spool verify CALL"))
@site_option
@click.argument("call", required=False)
def spool_verify(site: Path, call: str | None) -> None:
    """Check records against schema, hash and audio, and name what else lies about.

    Exits with 6 where anything is bad.
    """
    from ivr.storage.look import verify

    findings = verify(_spool_of(site), call)
    for finding in findings:
        click.echo(f"{finding.verdict:8}  {finding.name}  {finding.detail}")
    bad = sum(finding.verdict == "bad" for finding in findings)
    if bad:
        raise SpoolError(f"{bad} of {len(findings)} are bad")


def _spool_of(site: Path) -> Path:
    from ivr.config.load import load

    return load(site).site.spool


@main.command(epilog=_examples("ivr diagram --output docs/call.svg", "ivr diagram -f mermaid"))
@click.option("-f", "--format", "format_", type=click.Choice(["svg", "mermaid"]), default="svg")
@click.option("--output", type=click.Path(path_type=Path), help="Write to a file.")
def diagram(format_: str, output: Path | None) -> None:
    """Draw the states of a call, from the code."""
    from ivr.diagram import draw

    _write(draw(format_), output)


def _write(text: str, output: Path | None) -> None:
    if output is None:
        click.echo(text, nl=not text.endswith("\n"))
        return
    scratch = output.with_name(f".{output.name}.new")
    try:
        scratch.write_text(text)
        scratch.replace(output)
    except OSError as error:
        raise SetupError(f"cannot write {output}: {error.strerror}") from error
    click.echo(str(output), err=True)


if __name__ == "__main__":
    main()
