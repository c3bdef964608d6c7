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
from typing import Any, ClassVar

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
    agents: ClassVar[dict[str, tuple[str, str]]] = {}
    """By an agent's leg: the call's id and its recording."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.leg = self.path = ""
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
        session.register_handle("CHANNEL_BRIDGE", self.on_bridge)
        session.register_handle("CHANNEL_HANGUP_COMPLETE", lambda _: self.over.set())
        session.answer()
        session.playback("/usr/share/sounds/announcement.wav")
        session.call_command("set", "RECORD_STEREO=true")
        path = self.path = os.path.join(choices.folder, f"{session.uuid}.wav")
        session.send(f"api uuid_record {session.uuid} start {path}")
        session.bridge("sofia/lab/agent@127.0.0.1:5080", block=False)
        if choices.pause_s:
            self.bridged.wait()
            session.send(f"api uuid_record {session.uuid} mask {path}")
            gevent.sleep(choices.pause_s)
            session.send(f"api uuid_record {session.uuid} unmask {path}")
        self.over.wait()
        self.agents.pop(self.leg, None)

    def on_bridge(self, event: Any) -> None:
        """Know the call by the agent's leg."""
        self.leg = event.headers["Other-Leg-Unique-ID"]
        self.agents[self.leg] = (self.session.uuid, self.path)
        self.bridged.set()


class Codes:
    """Agents' codes, heard and obeyed over one inbound connection."""

    def __init__(self, host: str, port: int) -> None:
        self.esl = greenswitch.InboundESL(host=host, port=port, password="bench")
        self.esl.connect()
        self.esl.register_handle("CHANNEL_APPLICATION", self.on_code)
        self.esl.send("event plain CHANNEL_APPLICATION")

    def on_code(self, event: Any) -> None:
        """Hide the keys and mask, or the other way about."""
        leg = event.headers["Unique-ID"]
        uuid, path = Application.agents[leg]
        if event.headers.get("Ivr-Feature") == "pause":
            self.keys(uuid, leg, "true")
            self.esl.send(f"api uuid_record {uuid} mask {path}")
        else:
            self.esl.send(f"api uuid_record {uuid} unmask {path}")
            self.keys(uuid, leg, "false")

    def keys(self, uuid: str, leg: str, hidden: str) -> None:
        """Of both people."""
        for one in (uuid, leg):
            self.esl.send(f"api uuid_setvar {one} sensitive_dtmf {hidden}")


@click.command(help=__doc__)
@click.option("--port", type=int, default=8084, show_default=True)
@click.option("--folder", default=".", help="Where recordings go.")
@click.option("--pause/--no-pause", default=True, help="Mask and unmask the recording.")
@click.option("--pause-s", type=float, default=0.5, show_default=True)
@click.option("--codes", type=int, metavar="PORT", help="Obey codes, over this event socket.")
@click.option("--events", type=click.Choice(["myevents", "filter"]), default="myevents")
def main(
    port: int, folder: str, pause: bool, pause_s: float, codes: int | None, events: str
) -> None:
    """Serve for ever."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    Application.choices = Choices(folder, pause_s if pause else 0.0, events == "myevents")
    if codes is not None:
        Codes("127.0.0.1", codes)
    greenswitch.OutboundESLServer(
        bind_address="127.0.0.1", bind_port=port, application=Application, max_connections=20_000
    ).listen()


if __name__ == "__main__":
    main()
