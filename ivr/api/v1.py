"""``/v1``: the calls in progress, and pausing, resuming and marking them (R6, R11).

What is asked for is answered only after FreeSWITCH confirmed it. Asking twice is asking once.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from typing import NamedTuple, NoReturn

import gevent
import structlog
from flask import Flask, Response, g, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from ivr.api.access import Access, Client, Unknown
from ivr.api.calls import CallNow, Calls, Outcome, Why
from ivr.api.counts import NO_ROUTE, HttpCounts
from ivr.api.openapi import document
from ivr.api.problem import MEDIA_TYPE, Kind, Refused
from ivr.api.tokens import Scope
from ivr.errors import SetupError

log = structlog.get_logger(__name__)

LONGEST_S = 10.0
"""How long the engine may take over a change; it takes a few seconds at most."""
_REALM = 'Bearer realm="ivr"'
_SOON = (("Retry-After", "1"),)


class Route(NamedTuple):
    """One path, and what a token needs for it."""

    method: str
    rule: str
    endpoint: str
    scope: Scope | None
    """``None``: needs no token."""


_CALL = "/v1/calls/<call>"
_EXTENSION = "/v1/extensions/<number>"

ROUTES = (
    Route("GET", "/v1/calls", "list_calls", Scope.READ),
    Route("GET", _CALL, "show_call", Scope.READ),
    Route("POST", f"{_CALL}/recording/pause", "pause_call", Scope.PAUSE),
    Route("POST", f"{_CALL}/recording/resume", "resume_call", Scope.PAUSE),
    Route("POST", f"{_CALL}/marks/abuse", "mark_call", Scope.MARK),
    Route("POST", f"{_EXTENSION}/recording/pause", "pause_extension", Scope.PAUSE),
    Route("POST", f"{_EXTENSION}/recording/resume", "resume_extension", Scope.PAUSE),
    Route("POST", f"{_EXTENSION}/marks/abuse", "mark_extension", Scope.MARK),
    Route("GET", "/v1/openapi.json", "openapi", None),
)
"""All there is."""

_SCOPES = {route.endpoint: route.scope for route in ROUTES}
_AT_ONCE = 100
"""Calls that are looked at and written before others have their turn: 5,000 would hold up a call
for 60 ms."""
_FILTERS = frozenset({"team", "extension"})
_JSON = "application/json"
_AS_IS = re.compile(r"/(?!/)")
"""How a path begins; Flask would take ``//v1`` and ``v1`` for ``/v1``."""
_PAGES = "Here are /metrics, /healthz, /readyz, and what /v1/openapi.json says."


class V1:
    """The routes as a WSGI application."""

    def __init__(self, calls: Calls, access: Access, counts: HttpCounts) -> None:
        self._calls = calls
        self._access = access
        self._counts = counts
        self._document = json.dumps(document()).encode() + b"\n"
        actions: dict[str, Callable[[str, str], Outcome]] = {
            "pause": calls.pause,
            "resume": calls.resume,
            "mark": calls.mark_abuse,
        }
        self._actions = actions
        views: dict[str, Callable[..., Response]] = {
            "list_calls": self._list,
            "show_call": self._show,
            "openapi": lambda: _answer(self._document),
        }
        for what in actions:
            views[f"{what}_call"] = self._on_call(what)
            views[f"{what}_extension"] = self._on_extension(what)
        app = Flask("ivr.api", static_folder=None, template_folder=None)
        app.url_map.merge_slashes = False  # a path is what it is: nothing is redirected
        for route in ROUTES:
            app.add_url_rule(
                route.rule, route.endpoint, views[route.endpoint], methods=[route.method]
            )
        app.before_request(self._begin)
        app.after_request(self._end)
        app.register_error_handler(Refused, self._refuse)
        app.register_error_handler(HTTPException, self._no_such_page)
        app.register_error_handler(Exception, self._fault)
        self.app = app
        """For :class:`ivr.api.http.HttpServer`, and for whoever compares it with the document."""

    # Before and after each request.

    def _begin(self) -> None:
        """Raises Refused where the token will not do for the route."""
        g.began = time.perf_counter()
        if not _AS_IS.match(request.environ.get("PATH_INFO", "")):
            request.url_rule = None
            raise Refused(Kind.NO_PAGE, _PAGES)
        if request.method == "OPTIONS" or request.endpoint is None:
            return  # Flask says which methods there are, or that there is nothing
        scope = _SCOPES[request.endpoint]
        if scope is not None:
            g.client = self._client(scope)

    def _client(self, scope: Scope) -> Client:
        kind, _, secret = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer" or not secret:
            raise Refused(
                Kind.NO_TOKEN,
                "Send the token in the header `Authorization: Bearer ...`.",
                headers=(("WWW-Authenticate", _REALM),),
            )
        try:
            client = self._access.whose(secret.strip())
        except SetupError:
            raise Refused(
                Kind.TOKENS_UNUSABLE,
                "The engine cannot use its file of tokens, so that it accepts none;"
                " its log says what to do.",
            ) from None
        if isinstance(client, Unknown):
            expired = client is Unknown.EXPIRED
            raise Refused(
                Kind.EXPIRED_TOKEN if expired else Kind.BAD_TOKEN,
                "The token has expired." if expired else "No such token, or it was revoked.",
                headers=(("WWW-Authenticate", f'{_REALM}, error="invalid_token"'),),
            )
        if scope not in client.scopes:
            log.info("refused over http", client=client.name, scope=scope.value)
            challenge = f'{_REALM}, error="insufficient_scope", scope="{scope}"'
            raise Refused(
                Kind.NO_SCOPE,
                f"The token does not have the scope {scope}.",
                headers=(("WWW-Authenticate", challenge),),
            )
        return client

    def _end(self, response: Response) -> Response:
        rule = request.url_rule
        route = NO_ROUTE if rule is None else _template(rule.rule)
        self._counts.answered(route, response.status_code, time.perf_counter() - g.began)
        response.headers["Cache-Control"] = "no-store"
        response.headers["X-Content-Type-Options"] = "nosniff"
        return response

    # What is seen.

    def _list(self) -> Response:
        wanted = request.args
        if wanted.keys() - _FILTERS or any(len(wanted.getlist(name)) > 1 for name in wanted):
            raise Refused(Kind.BAD_QUERY, "Expected team and extension, each at most once.")
        found = []
        for number, call in enumerate(self._calls.calls(), 1):
            if (
                wanted.get("team", call.team) == call.team
                and wanted.get("extension", call.extension) == call.extension
            ):
                found.append(json.dumps(call._asdict()))
            if number % _AT_ONCE == 0:
                gevent.sleep(0)
        return _answer(f'{{"calls": [{", ".join(found)}]}}\n'.encode())

    def _show(self, call: str) -> Response:
        return _json(self._found(call)._asdict())

    def _found(self, call_id: str) -> CallNow:
        found = self._calls.find(call_id)
        if found is None:
            raise Refused(Kind.NO_CALL, "No call in progress has this id.")
        return found

    # What is done.

    def _on_call(self, what: str) -> Callable[..., Response]:
        return lambda call: self._do(what, self._found(call))

    def _on_extension(self, what: str) -> Callable[..., Response]:
        return lambda number: self._do(what, self._only_call(number))

    def _only_call(self, extension: str) -> CallNow:
        found = self._calls.on_extension(extension)
        if not found:
            raise Refused(Kind.NO_EXTENSION, "No call is connected to this extension.")
        if len(found) > 1:
            raise Refused(
                Kind.TWO_CALLS,
                f"{len(found)} calls are connected to this extension: name the call instead.",
                calls=[call.call for call in found],
            )
        return found[0]

    def _do(self, what: str, before: CallNow) -> Response:
        client: Client = g.client
        outcome = None
        with gevent.Timeout(LONGEST_S, False):
            outcome = self._actions[what](before.call, client.by)
        if outcome is None:
            outcome = Outcome(Why.NOT_CONFIRMED, self._calls.find(before.call))
        after = outcome.call
        log.info(
            "asked over http",
            what=what,
            call=before.call,
            client=client.name,
            by=client.by,
            outcome=outcome.why.value,
            recording=after and after.recording,
            pause=after and after.pause,
        )
        if outcome.why is not Why.DONE or after is None:
            _say_no(before, outcome)
        return _json(after._asdict())

    # Refusals.

    def _refuse(self, refused: Refused) -> Response:
        self._counts.refused(refused.kind)
        response = Response(
            refused.body(request.path), refused.kind.status, content_type=MEDIA_TYPE
        )
        response.headers.extend(refused.headers)
        return response

    def _no_such_page(self, error: HTTPException) -> Response:
        if isinstance(error, MethodNotAllowed):
            allowed = ", ".join(sorted(error.valid_methods or ()))
            return self._refuse(
                Refused(Kind.METHOD, f"Expected {allowed}.", headers=(("Allow", allowed),))
            )
        if error.code == Kind.NO_PAGE.status:
            return self._refuse(Refused(Kind.NO_PAGE, _PAGES))
        return self._refuse(Refused(Kind.BAD_REQUEST, "The request is not one of HTTP's."))

    def _fault(self, fault: Exception) -> Response:
        """The root of a request: what nobody expected."""
        client: Client | None = g.get("client")
        log.exception(
            "fault in a request over http",
            exc_info=fault,
            route=request.endpoint,
            client=client and client.name,
        )
        return self._refuse(Refused(Kind.FAULT, "The engine failed at it; its log says why."))


def _say_no(before: CallNow, outcome: Outcome) -> NoReturn:
    """Raises Refused, for an outcome that is not what was asked for."""
    call = outcome.call or before
    kept = "; keys are not hidden" if call.pause == "on" and not call.keys_hidden else ""
    state = f"The recording is {call.recording}; the pause is {call.pause}{kept}."
    if outcome.call is None and outcome.why is not Why.AWAY:
        raise Refused(Kind.ENDED, "The call has ended.", calls=[before.call])
    match outcome.why:
        case Why.NOT_CONNECTED:
            kind, detail = Kind.NOT_CONNECTED, "Customer and agent are not connected."
        case Why.NOT_RECORDED:
            kind, detail = Kind.NOT_RECORDED, "This call is not recorded."
        case Why.AT_PAYMENT_LINE:
            kind = Kind.AT_PAYMENT_LINE
            detail = f"The call is connected to a payment line: resume it once it has left. {state}"
        case Why.BUSY:
            kind, detail = Kind.BUSY, f"The opposite is not confirmed yet: try again. {state}"
        case Why.AWAY:
            kind, detail = Kind.AWAY, f"Nothing was confirmed: FreeSWITCH is away. {state}"
        case Why.NOT_CONFIRMED:
            kind, detail = Kind.NOT_CONFIRMED, f"FreeSWITCH did not confirm all of it. {state}"
        case Why.ENDED | Why.DONE:
            kind, detail = Kind.ENDED, "The call has ended."
    again = _SOON if kind in (Kind.BUSY, Kind.AWAY, Kind.NOT_CONFIRMED) else ()
    raise Refused(kind, detail, call=call, headers=again)


def _template(rule: str) -> str:
    return rule.replace("<", "{").replace(">", "}")


def _json(content: dict[str, object]) -> Response:
    return _answer(json.dumps(content).encode() + b"\n")


def _answer(body: bytes) -> Response:
    return Response(body, content_type=_JSON)
