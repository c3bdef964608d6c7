"""A greenswitch 0.0.19 application as its documentation shows one, to compare with.

    python -m tests.bench.stock --port 8084 --folder recordings

It answers, plays, records, bridges, masks and unmasks (unless ``--no-pause``), and waits
for the hangup; it writes no record, so it does less than the engine.
"""

from __future__ import annotations

import logging
import os
import resource
from dataclasses import dataclass
from typing import Any

import click
import gevent
import gevent.event
import greenswitch
from greenswitch.esl import NotConnectedError, OutboundSessionHasGoneAway

FILTERED = (
    "CHANNEL_ANSWER CHANNEL_EXECUTE_COMPLETE PLAYBACK_START PLAYBACK_STOP DTMF RECORD_START"
    " RECORD_STOP CHANNEL_BRIDGE CHANNEL_UNBRIDGE CHANNEL_HANGUP CHANNEL_HANGUP_COMPLETE"
)


@dataclass(frozen=True, slots=True)
class Choices:
    """How the application is run."""

    folder: str
    pause_s: float
    """How long the recording stays masked; 0: it is never masked."""
    myevents: bool


class Application:
    """One call, one greenlet, one script."""

    choices: Choices

    def __init__(self, session: Any) -> None:
        self.session = session
        self.bridged = gevent.event.Event()
        self.over = gevent.event.Event()

    def run(self) -> None:
        """What greenswitch starts."""
        try:
            self.handle_call()
        except (OutboundSessionHasGoneAway, NotConnectedError):
            logging.info("the caller has gone")

    def handle_call(self) -> None:
        """Announce, record, bridge, pause, resume, wait."""
        session, choices = self.session, self.choices
        session.linger(5)
        if choices.myevents:
            session.myevents()
        else:
            session.send(f"filter Unique-ID {session.uuid}")
            session.send(f"event plain {FILTERED}")
        session.register_handle("CHANNEL_BRIDGE", lambda _: self.bridged.set())
        session.register_handle("CHANNEL_HANGUP_COMPLETE", lambda _: self.over.set())
        session.answer()
        session.playback("/usr/share/sounds/announcement.wav")
        session.call_command("set", "RECORD_STEREO=true")
        path = os.path.join(choices.folder, f"{session.uuid}.wav")
        session.send(f"api uuid_record {session.uuid} start {path}")
        session.bridge("sofia/lab/agent@127.0.0.1:5080", block=False)
        if choices.pause_s:
            self.bridged.wait()
            session.send(f"api uuid_record {session.uuid} mask {path}")
            gevent.sleep(choices.pause_s)
            session.send(f"api uuid_record {session.uuid} unmask {path}")
        self.over.wait()


@click.command(help=__doc__)
@click.option("--port", type=int, default=8084, show_default=True)
@click.option("--folder", default=".", help="Where recordings go.")
@click.option("--pause/--no-pause", default=True, help="Mask and unmask the recording.")
@click.option("--pause-s", type=float, default=0.5, show_default=True)
@click.option("--events", type=click.Choice(["myevents", "filter"]), default="myevents")
def main(port: int, folder: str, pause: bool, pause_s: float, events: str) -> None:
    """Serve for ever."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    Application.choices = Choices(folder, pause_s if pause else 0.0, events == "myevents")
    greenswitch.OutboundESLServer(
        bind_address="127.0.0.1", bind_port=port, application=Application, max_connections=20_000
    ).listen()


if __name__ == "__main__":
    main()
