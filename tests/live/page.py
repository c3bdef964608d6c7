"""A payment page: asks the engine over HTTP, with a token of ``ivr token add``."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

import gevent
from gevent import socket

if TYPE_CHECKING:
    from tests.live.house import Site


class Answer(NamedTuple):
    status: int
    text: str

    @property
    def body(self) -> Any:
        return json.loads(self.text)


def ivr(site: Site, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line, in a thread: the people on the telephones go on meanwhile."""
    command = [sys.executable, "-m", "ivr.cli", *arguments, "--site", str(site.file)]
    done: subprocess.CompletedProcess[str] = gevent.get_hub().threadpool.apply(
        subprocess.run, (command,), {"capture_output": True, "text": True, "check": False}
    )
    return done


class Page:
    """Whoever has a token."""

    def __init__(self, site: Site, name: str, *scopes: str) -> None:
        self._site = site
        asked = [word for scope in scopes for word in ("--scope", scope)]
        made = ivr(site, "token", "add", name, *asked)
        assert made.returncode == 0, made.stderr
        self._token = made.stdout.strip()

    def get(self, path: str) -> Answer:
        return ask(self._site, "GET", path, self._token)

    def post(self, path: str) -> Answer:
        return ask(self._site, "POST", path, self._token)


def ask(site: Site, method: str, path: str, token: str = "") -> Answer:
    """Ask the engine, and wait for all of its answer."""
    head = f"Authorization: Bearer {token}\r\n" if token else ""
    request = f"{method} {path} HTTP/1.0\r\nHost: ivr\r\n{head}Content-Length: 0\r\n\r\n"
    with socket.create_connection(("127.0.0.1", site.http)) as connection:
        connection.sendall(request.encode())
        answer = b""
        while data := connection.recv(65_536):
            answer += data
    lines, _, body = answer.partition(b"\r\n\r\n")
    return Answer(int(lines.split()[1]), body.decode())
