"""The service's HTTP interface: from bytes to requests, to the office, and back.

What goes wrong goes back as the error that it is, with its text, so that the command says the
same as if it had been there itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any, BinaryIO

import structlog
from flask import Flask, Response, request
from pydantic import TypeAdapter, ValidationError
from werkzeug.exceptions import HTTPException

from ivr.core.retention import Disposition
from ivr.errors import IvrError, RefusedError, SetupError, StoreError, UsageError
from ivr.retention.audit.read import Wanted
from ivr.retention.model import Person
from ivr.retention.office.office import Office
from ivr.retention.service import requests as ask
from ivr.retention.service.callers import Callers, UnknownTokenError
from ivr.retention.service.server import LARGEST_BODY, PERSON

log = structlog.get_logger(__name__)

_PIECE = 1 << 16
_STATUS: tuple[tuple[type[IvrError], HTTPStatus], ...] = (
    (UnknownTokenError, HTTPStatus.UNAUTHORIZED),
    (RefusedError, HTTPStatus.FORBIDDEN),
    (UsageError, HTTPStatus.BAD_REQUEST),
    (StoreError, HTTPStatus.SERVICE_UNAVAILABLE),
    (SetupError, HTTPStatus.SERVICE_UNAVAILABLE),
)
_DISPOSITION = TypeAdapter(Disposition)

Handler = Callable[[Office, Person, Any], Any]


def _listen(office: Office, person: Person, asked: ask.Listen) -> Response:
    sound = office.looking.listen(
        person,
        asked.call,
        part=asked.part,
        case=asked.case,
        reason=asked.reason,
        identity=_key(asked.identity),
    )
    return _file(sound.file, sound.name, sound.media)


def _evidence(office: Office, person: Person, asked: ask.Evidence) -> Response:
    bundle = office.giving.evidence(
        person,
        asked.call,
        asked.case,
        reason=asked.reason,
        identity=_key(asked.identity),
    )
    return _file(bundle.file, bundle.name, bundle.media)


def _plan(office: Office, person: Person, asked: ask.Plan) -> Response:
    planned = office.overseeing.plan(person, asked.at)
    lines = (_DISPOSITION.dump_json(each) + b"\n" for each in planned)
    return Response(_ended(lines), mimetype="application/jsonl")


HANDLERS: Mapping[type[Any], Handler] = {
    ask.Search: lambda office, person, it: office.looking.search(person, it.query),
    ask.Show: lambda office, person, it: office.looking.show(
        person, it.call, it.case, _key(it.identity)
    ),
    ask.Listen: _listen,
    ask.CaseOpen: lambda office, person, it: office.keeping.open(person, it.ref, it.kind),
    ask.CaseAdd: lambda office, person, it: office.keeping.add(person, it.ref, it.calls),
    ask.CaseRemove: lambda office, person, it: office.keeping.remove(person, it.ref, it.calls),
    ask.CaseClose: lambda office, person, it: office.keeping.close(person, it.ref, it.day),
    ask.CaseReopen: lambda office, person, it: office.keeping.reopen(person, it.ref),
    ask.CaseShow: lambda office, person, it: office.keeping.show(person, it.ref),
    ask.CaseList: lambda office, person, it: office.keeping.listing(
        person, kind=it.kind, open_only=it.open_only
    ),
    ask.HoldPlace: lambda office, person, it: office.keeping.hold(
        person, it.call, it.kind, it.reason
    ),
    ask.HoldRelease: lambda office, person, it: office.keeping.release(person, it.ref, it.reason),
    ask.Send: lambda office, person, it: office.giving.send(person, it.wish, _key(it.identity)),
    ask.Evidence: _evidence,
    ask.Mails: lambda office, person, it: office.giving.mails(person, it.call),
    ask.MailDecide: lambda office, person, it: office.giving.decide_mail(
        person, it.mail, again=it.again
    ),
    ask.Plan: _plan,
    ask.ScheduleShow: lambda office, person, it: office.overseeing.schedule(person),
    ask.ScheduleAdopt: lambda office, person, it: office.overseeing.adopt(person, it.version),
    ask.StatsShow: lambda office, person, it: office.overseeing.stats(person),
    ask.AuditShow: lambda office, person, it: office.overseeing.entries(
        person,
        it.most,
        Wanted(
            call=it.call,
            case=it.case,
            who=it.who,
            actions=frozenset(it.actions),
            since=it.since,
            until=it.until,
        ),
    ),
    ask.AuditVerify: lambda office, person, it: office.overseeing.verify(person),
}
"""What the office does for each."""


def make_app(office: Office, callers: Callers | None = None) -> Flask:
    """The WSGI application over an office; without ``callers`` no token is taken."""
    callers = callers or Callers(None)
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY
    for kind, handler in HANDLERS.items():
        app.add_url_rule(
            f"/v1/{ask.name_of(kind)}",
            ask.name_of(kind),
            _view(office, callers, kind, handler),
            methods=["POST"],
        )
    app.register_error_handler(IvrError, _refused)
    app.register_error_handler(Exception, _fault)
    return app


def _view(
    office: Office, callers: Callers, kind: type[Any], handler: Handler
) -> Callable[[], Response]:
    asked = TypeAdapter(kind)
    answers = TypeAdapter(ask.ANSWERS[kind]) if kind in ask.ANSWERS else None

    def view() -> Response:
        # First all of it: what is closed with something unread breaks the other end off (unix(7)).
        body = request.get_data()
        person = _caller(office, callers, ask.name_of(kind))
        try:
            wanted = asked.validate_json(body)
        except ValidationError as error:
            wrong = "; ".join(
                f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}"
                for fault in error.errors(include_url=False, include_input=False)
            )
            raise UsageError(f"{ask.name_of(kind)}: {wrong}") from None
        answer = handler(office, person, wanted)
        if answers is None:
            streamed: Response = answer
            return streamed
        return Response(answers.dump_json(answer), mimetype="application/json")

    return view


def _caller(office: Office, callers: Callers, wanted: str) -> Person:
    """Who asks. A token that is not taken is in the trail, without a character of it, as shown by
    whom the kernel names. Raises UnknownTokenError, SetupError."""
    peer: Person = request.environ[PERSON]
    try:
        return callers.of(peer, request.headers.get("Authorization"))
    except (UnknownTokenError, SetupError) as error:
        office.gate.write(peer, "token", "refused", detail=f"{wanted}: {error}")
        raise


def _refused(error: IvrError) -> Response:
    status = next(
        (status for kind, status in _STATUS if isinstance(error, kind)),
        HTTPStatus.INTERNAL_SERVER_ERROR,
    )
    # The other end knows the kinds of ivr.errors, and none that is made of one.
    kind = next(each for each in type(error).__mro__ if each.__module__ == IvrError.__module__)
    told = {"error": kind.__name__, "exit_code": error.exit_code, "text": str(error)}
    answer = Response(json.dumps(told), status=status, mimetype="application/json")
    if status == HTTPStatus.UNAUTHORIZED:
        answer.headers["WWW-Authenticate"] = 'Bearer realm="ivr-retention"'
    return answer


def _fault(fault: Exception) -> Response:
    """A fault of the program ends one request; the log has it, and no other does."""
    if isinstance(fault, HTTPException):
        return Response(status=fault.code)
    log.error("a request ended by a fault of the program", exc_info=fault)
    return Response(status=HTTPStatus.INTERNAL_SERVER_ERROR)


def _file(file: BinaryIO, name: str, media: str) -> Response:
    file.seek(0, 2)
    size = file.tell()
    file.seek(0)

    def pieces() -> Iterator[bytes]:
        with file:
            while piece := file.read(_PIECE):
                yield piece

    answer = Response(pieces(), mimetype=media)
    answer.headers["Content-Length"] = str(size)
    answer.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return answer


def _ended(lines: Iterator[bytes]) -> Iterator[bytes]:
    """Lines, and one that says that they are all: what breaks off must not pass for less."""
    try:
        yield from lines
    except IvrError as error:
        yield json.dumps({"error": str(error)}).encode() + b"\n"
    else:
        yield b'{"end": true}\n'


def _key(identity: str) -> bytes | None:
    return identity.encode() if identity else None
