"""The commands' end of the socket."""

from __future__ import annotations

import http.client
import json
import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import TypeAdapter

from ivr import errors
from ivr.core.retention import Disposition
from ivr.errors import IvrError, SetupError, StoreError, UsageError
from ivr.retention.service.requests import ANSWERS, Plan, name_of

WAIT_S = 600.0
"""How long an answer may take: the whole audit trail may have to be read."""
_PIECE = 1 << 16
_TOKEN = re.compile(r"[!-~]*")
"""What a header can hold; the service says whether it is a token."""
_DISPOSITION = TypeAdapter(Disposition)


class _Connection(http.client.HTTPConnection):
    """HTTP over a Unix socket."""

    def __init__(self, path: Path) -> None:
        super().__init__("local", timeout=WAIT_S)
        self._path = path

    def connect(self) -> None:
        """See http.client."""
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self._path))


class Client:
    """Asks the service, as whoever runs this process or has a token."""

    def __init__(self, path: Path, token: str = "") -> None:
        """``path`` is the socket; ``token`` makes whoever asks the person of that token. Raises
        UsageError where that cannot be one."""
        if not _TOKEN.fullmatch(token):
            raise UsageError("what is given as a token is none, expected ivr_ and 43 characters")
        self._path = path
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def ask(self, wanted: Any) -> Any:
        """The answer to a request of :mod:`.requests`, of the type that stands there.

        Raises the error that the service raised; SetupError where no service is there.
        """
        with self._answer(wanted) as answer:
            return TypeAdapter(ANSWERS[type(wanted)]).validate_json(self._read(answer))

    def fetch(self, wanted: Any, target: BinaryIO) -> str:
        """Write what comes back as bytes to a file; the name that the service gives it."""
        with self._answer(wanted) as answer:
            size = int(answer.headers["Content-Length"])
            written = 0
            while piece := self._read(answer, _PIECE):
                target.write(piece)
                written += len(piece)
            if written != size:
                raise StoreError(f"the service broke off after {written} of {size} bytes")
            return answer.headers.get_filename("recording")

    def plan(self, wanted: Plan) -> Iterator[Disposition]:
        """The plan, line by line. Raises StoreError where it breaks off."""
        with self._answer(wanted) as answer:
            for line in self._lines(answer):
                told = json.loads(line)
                if "error" in told:
                    raise StoreError(told["error"])
                if "end" in told:
                    return
                yield _DISPOSITION.validate_json(line)
        raise StoreError("the service broke off before the plan's end; ask again")

    def _answer(self, wanted: Any) -> http.client.HTTPResponse:
        body = TypeAdapter(type(wanted)).dump_json(wanted)
        connection = _Connection(self._path)
        try:
            connection.request("POST", f"/v1/{name_of(type(wanted))}", body, self._headers)
            answer = connection.getresponse()
        except PermissionError as error:
            raise SetupError(
                f"{self._path}: you may not speak to the retention service\n"
                "  expected: you are in the socket's group; ask who looks after this host"
            ) from error
        except (FileNotFoundError, ConnectionRefusedError) as error:
            raise SetupError(
                f"{self._path}: no retention service is there\n"
                "  start it: systemctl start ivr-retention (or: ivr retention run)"
            ) from error
        except (OSError, http.client.HTTPException) as error:
            raise SetupError(f"{self._path}: the service broke off: {error}") from error
        if answer.status == HTTPStatus.OK:
            return answer
        with answer:
            raise _error(answer.status, self._read(answer))

    def _read(self, answer: http.client.HTTPResponse, most: int | None = None) -> bytes:
        with self._unbroken():
            return answer.read(most)

    def _lines(self, answer: http.client.HTTPResponse) -> Iterator[bytes]:
        while True:
            with self._unbroken():
                line = answer.readline()
            if not line:
                return
            yield line

    @contextmanager
    def _unbroken(self) -> Iterator[None]:
        """A service that is stopped in mid-answer is no fault of the program."""
        try:
            yield
        except (OSError, http.client.HTTPException) as error:
            raise SetupError(f"{self._path}: the service broke off: {error}") from error


def _error(status: int, body: bytes) -> IvrError:
    """The error that the service raised, as it was."""
    try:
        told = json.loads(body)
        kind = getattr(errors, told["error"], StoreError)
        if not issubclass(kind, IvrError):
            kind = StoreError
        return kind(told["text"])
    except (ValueError, KeyError, TypeError):
        return StoreError(f"the service answered with {status}; its log says why")
