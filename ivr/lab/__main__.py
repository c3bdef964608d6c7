"""The lab switch alone: ``python -m ivr.lab --engine 127.0.0.1:8084 --place 1``."""

from __future__ import annotations

import sys
from pathlib import Path

import click
import gevent
from gevent.event import Event

from ivr.errors import IvrError, UsageError
from ivr.lab.call import LabCall
from ivr.lab.script import STANDARD
from ivr.lab.switch import LabSwitch, dialplan_for


def _address(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise UsageError(f"{text!r} is no address: expected host:port, such as 127.0.0.1:8021")
    return host, int(port)


def _tell(call: LabCall) -> None:
    outcome = call.done.get()
    connected = "-" if outcome.connected_ms is None else f"{outcome.connected_ms} ms"
    click.echo(
        f"{outcome.uuid} {call.script.name}: {outcome.cause}, ended by {outcome.ended_by} "
        f"after {outcome.duration_ms} ms, connected at {connected}"
    )


@click.command()
@click.option("--engine", default="127.0.0.1:8084", show_default=True, help="Where calls go.")
@click.option("--inbound", default="127.0.0.1:8021", show_default=True, help="Where to listen.")
@click.option("--password", default="ClueCon", show_default=True, help="Of the inbound socket.")
@click.option("--log", type=click.Path(path_type=Path), help="The switch's log file.")
@click.option("--place", default=0, help="Place the standard scripts so many times, then end.")
def main(engine: str, inbound: str, password: str, log: Path | None, place: int) -> None:
    """Run the lab switch: an event socket, and calls to an engine."""
    try:
        _address(engine)
        switch = LabSwitch(dialplan=dialplan_for(engine), log_path=log, password=password)
        host, port = switch.listen(_address(inbound))
    except IvrError as error:
        click.echo(str(error), err=True)
        sys.exit(error.exit_code)
    click.echo(f"lab switch: event socket on {host}:{port}, calls go to {engine}")
    if not place:
        Event().wait()
    calls = [switch.place(script) for _ in range(place) for script in STANDARD]
    gevent.joinall([gevent.spawn(_tell, call) for call in calls])
    switch.close()


if __name__ == "__main__":
    main()
