"""The OpenAPI 3.1 document of ``/v1``. Tests hold it against the routes and real answers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, get_args

from ivr import __version__
from ivr.api.calls import CallNow, Direction, PauseNow, RecordingNow
from ivr.api.problem import MEDIA_TYPE, TYPE_PREFIX, Kind
from ivr.api.tokens import Scope
from ivr.core.state import Phase
from ivr.tokens.token import PREFIX

_Json = dict[str, Any]

_TEXT: _Json = {"type": "string"}
_MOMENT: _Json = {
    "description": "ISO 8601 with offset; empty where it has not come.",
    "anyOf": [{"type": "string", "format": "date-time"}, {"const": ""}],
}
_ALWAYS = (Kind.NO_TOKEN, Kind.BAD_TOKEN, Kind.EXPIRED_TOKEN, Kind.NO_SCOPE, Kind.TOKENS_UNUSABLE)
_OF_HTTP = (Kind.BAD_REQUEST, Kind.SLOW, Kind.LARGE_HEADERS, Kind.FAULT, Kind.CROWDED)
_BODY = (Kind.NO_LENGTH, Kind.LARGE_BODY)
_OUTCOMES = (
    Kind.NOT_CONNECTED,
    Kind.NOT_RECORDED,
    Kind.AT_PAYMENT_LINE,
    Kind.BUSY,
    Kind.ENDED,
    Kind.AWAY,
    Kind.NOT_CONFIRMED,
)


def _words(words: Iterable[str], description: str) -> _Json:
    return {"type": "string", "enum": list(words), "description": description}


def _text(description: str) -> _Json:
    return {"type": "string", "description": description}


def _call() -> _Json:
    properties: dict[str, _Json] = {
        "call": _text("Its id, which is FreeSWITCH's of the A leg."),
        "direction": _words(get_args(Direction), "`outbound` is a call that staff make."),
        "team": _text("Name of the team."),
        "route": _text("Name of the route that claimed the call."),
        "phase": _words(Phase, "What the call is doing."),
        "arrived_at": {"type": "string", "format": "date-time"},
        "connected_at": _MOMENT,
        "caller": _text("The customer's number, whoever called whom. Anybody can send anything."),
        "extension": _text("The agent's extension or number that is connected; empty if none is."),
        "recording": _words(
            get_args(RecordingNow),
            "`paused`: it goes on and keeps silence. `stopped`: FreeSWITCH refused the pause, so"
            " that the recording was stopped; it starts again after the pause. `stalled`: there is"
            " nowhere to record it now; it goes on as soon as there is room.",
        ),
        "pause": _words(
            get_args(PauseNow), "`starting` and `ending`: FreeSWITCH has not confirmed it yet."
        ),
        "keys_hidden": {
            "type": "boolean",
            "description": "FreeSWITCH confirmed that keys of this pause stay out of what it keeps;"
            " false where there is no pause.",
        },
        "paused_since": _MOMENT,
        "paused_by": _text("agent, page, engineer, payment-line or digits; empty if not paused."),
        "overdue": {
            "type": "boolean",
            "description": "The pause lasts longer than the team allows.",
        },
        "marks": {"type": "array", "items": _TEXT, "description": "Such as `abuse`."},
    }
    assert tuple(properties) == CallNow._fields
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _problem() -> _Json:
    return {
        "type": "object",
        "description": "RFC 9457.",
        "properties": {
            "type": _words(
                (TYPE_PREFIX + kind.reason for kind in Kind), "Which kind of problem it is."
            ),
            "title": _TEXT,
            "status": {"type": "integer"},
            "detail": _text("What is wrong and what to do, for people."),
            "instance": _text("The path that was asked for."),
            "call": {
                "$ref": "#/components/schemas/Call",
                "description": "The call as it is now, where it is about one.",
            },
            "calls": {
                "type": "array",
                "items": _TEXT,
                "description": "Ids of the calls between which it cannot be decided, or of the one"
                " that has ended.",
            },
        },
        "required": ["type", "title", "status", "detail"],
        "additionalProperties": False,
    }


def _responses(schema: str, description: str, kinds: Iterable[Kind]) -> _Json:
    statuses: dict[int, list[str]] = {}
    for kind in kinds:
        statuses.setdefault(kind.status, []).append(f"{kind.title} (`{kind.reason}`).")
    problems = {
        str(status): {
            "description": " ".join(texts),
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
        }
        for status, texts in sorted(statuses.items())
    }
    answer = {
        "description": description,
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}}},
    }
    return {"200": answer, **problems}


def _operation(endpoint: str, summary: str, scope: Scope, responses: _Json) -> _Json:
    return {
        "operationId": endpoint,
        "summary": summary,
        "security": [{"token": [scope.value]}],
        "responses": responses,
    }


def _change(endpoint: str, summary: str, scope: Scope, missing: tuple[Kind, ...]) -> _Json:
    kinds = (*_ALWAYS, *_OF_HTTP, *_BODY, *missing, *_OUTCOMES)
    described = "It is so, and FreeSWITCH confirmed it; also where it was so before."
    return {"post": _operation(endpoint, summary, scope, _responses("Call", described, kinds))}


def _parameter(name: str, description: str, where: str = "path") -> _Json:
    return {
        "name": name,
        "in": where,
        "required": where == "path",
        "description": description,
        "schema": _TEXT,
    }


def _changes(path: str, noun: str, parameter: _Json, missing: tuple[Kind, ...]) -> _Json:
    of = f"the call connected to this {noun}" if noun == "extension" else "this call"
    changes = (
        ("recording/pause", "pause", f"Pause the recording of {of}.", Scope.PAUSE),
        ("recording/resume", "resume", f"End the pause of {of}.", Scope.PAUSE),
        ("marks/abuse", "mark", f"Mark {of} as abusive, so that it is held.", Scope.MARK),
    )
    return {
        f"{path}/{end}": {
            "parameters": [parameter],
            **_change(f"{verb}_{noun}", summary, scope, missing),
        }
        for end, verb, summary, scope in changes
    }


def document() -> _Json:
    """The document, as ``GET /v1/openapi.json`` gives it."""
    call = _parameter("call", "The call's id, whole.")
    number = _parameter("number", "The extension or number of the agent's telephone.")
    one_call, one_extension = (Kind.NO_CALL,), (Kind.NO_EXTENSION, Kind.TWO_CALLS)
    listing = _operation(
        "list_calls",
        "The calls in progress, in the order they arrived.",
        Scope.READ,
        _responses("Calls", "The calls.", (*_ALWAYS, *_OF_HTTP, Kind.BAD_QUERY)),
    )
    listing["parameters"] = [
        _parameter("team", "Only calls of this team.", "query"),
        _parameter("extension", "Only calls connected to this extension.", "query"),
    ]
    showing = _operation(
        "show_call",
        "One call in progress.",
        Scope.READ,
        _responses("Call", "The call.", (*_ALWAYS, *_OF_HTTP, *one_call)),
    )
    describing = {
        "operationId": "openapi",
        "summary": "This document.",
        "security": [],
        "responses": _responses("Document", "This document.", _OF_HTTP),
    }
    return {
        "openapi": "3.1.0",
        "jsonSchemaDialect": "https://json-schema.org/draft/2020-12/schema",
        "info": {
            "title": "Calls in progress",
            "version": __version__,
            "description": "Pause, resume and mark recorded calls. A change is answered after"
            " FreeSWITCH confirmed it, and asking twice is asking once. Bodies of requests are not"
            " read.",
        },
        "servers": [{"url": "/"}],
        "paths": {
            "/v1/calls": {"get": listing},
            "/v1/calls/{call}": {"parameters": [call], "get": showing},
            **_changes("/v1/calls/{call}", "call", call, one_call),
            **_changes("/v1/extensions/{number}", "extension", number, one_extension),
            "/v1/openapi.json": {"get": describing},
        },
        "components": {
            "securitySchemes": {
                "token": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": f"{PREFIX}...",
                    "description": "Made by `ivr token add`. Scopes: " + ", ".join(Scope) + ".",
                }
            },
            "schemas": {
                "Call": _call(),
                "Calls": {
                    "type": "object",
                    "properties": {
                        "calls": {"type": "array", "items": {"$ref": "#/components/schemas/Call"}}
                    },
                    "required": ["calls"],
                    "additionalProperties": False,
                },
                "Problem": _problem(),
                "Document": {"type": "object", "required": ["openapi", "info", "paths"]},
            },
        },
    }
