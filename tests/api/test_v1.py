"""The calls in progress over HTTP: every route, and every way in which it can end (R6, R11)."""

from __future__ import annotations

import json

import gevent
import jsonschema
import pytest
from prometheus_client import CollectorRegistry

from ivr.api import v1
from ivr.api.access import Access
from ivr.api.calls import Why
from ivr.api.counts import HttpCounts
from ivr.api.openapi import document
from ivr.api.problem import Kind
from ivr.api.tokens import Scope
from ivr.api.v1 import ROUTES, V1
from tests.api.fake import ONE, OTHER, SINCE, Answer, Api

CHANGES = {
    "recording/pause": ("pause", {"recording": "paused", "pause": "on", "paused_by": "page"}),
    "recording/resume": ("resume", {"recording": "recording", "pause": "off"}),
    "marks/abuse": ("mark", {"marks": ["abuse"]}),
}
BY_CALL = [f"/v1/calls/{ONE.call}/{end}" for end in CHANGES]
BY_EXTENSION = [f"/v1/extensions/{ONE.extension}/{end}" for end in CHANGES]


def fits(answer: Answer, schema: str) -> bool:
    """Whether the document promises such a body."""
    whole = {**document(), "$ref": f"#/components/schemas/{schema}"}
    jsonschema.validate(
        answer.json, whole, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    return True


def problem(answer: Answer, kind: Kind) -> dict[str, object]:
    """The problem that it must be."""
    assert answer.status == kind.status
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json["type"] == f"urn:ivr:problem:{kind.reason}"
    assert answer.json["status"] == kind.status
    assert answer.json["title"] == kind.title
    assert fits(answer, "Problem")
    return answer.json


# What is seen.


def test_all_calls(api):
    answer = api.ask("GET", "/v1/calls")
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Cache-Control"] == "no-store"
    assert [call["call"] for call in answer.json["calls"]] == [ONE.call, OTHER.call]
    assert fits(answer, "Calls")


def test_very_many_calls_do_not_hold_up_others(api, monkeypatch):
    many = [ONE._replace(call=f"{number:08}") for number in range(250)]
    api.calls.now = {call.call: call for call in many}
    rests: list[int] = []
    monkeypatch.setattr(v1.gevent, "sleep", rests.append)
    answer = api.ask("GET", "/v1/calls")
    assert [call["call"] for call in answer.json["calls"]] == [call.call for call in many]
    assert fits(answer, "Calls")
    assert rests == [0, 0]


def test_calls_are_looked_at_when_their_turn_comes(api, monkeypatch):
    """Not all at once before: others have their turn in between."""
    many = [ONE._replace(call=f"{number:08}") for number in range(250)]
    api.calls.now = {call.call: call for call in many}
    gone = iter((many[100].call, many[205].call))
    monkeypatch.setattr(v1.gevent, "sleep", lambda _s: api.calls.now.pop(next(gone)))
    found = [call["call"] for call in api.ask("GET", "/v1/calls").json["calls"]]
    assert found == [call.call for call in many if call not in (many[100], many[205])]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("team=revenues", [OTHER]),
        ("extension=1001", [ONE]),
        ("team=revenues&extension=1001", []),
        ("team=none", []),
        ("extension=", []),
    ],
)
def test_calls_of_a_team_or_extension(api, query, found):
    answer = api.ask("GET", f"/v1/calls?{query}")
    assert [call["call"] for call in answer.json["calls"]] == [call.call for call in found]


@pytest.mark.parametrize("query", ["tema=revenues", "team=a&team=b", "team=a&x=", "%00=1"])
def test_a_query_that_would_be_misread_is_refused(api, query):
    problem(api.ask("GET", f"/v1/calls?{query}"), Kind.BAD_QUERY)


def test_one_call(api):
    answer = api.ask("GET", f"/v1/calls/{ONE.call}")
    assert answer.status == 200
    assert answer.json == {**ONE._asdict(), "marks": []}
    assert fits(answer, "Call")


# What is done.


@pytest.mark.parametrize("path", BY_CALL + BY_EXTENSION)
def test_a_change_is_answered_with_the_call_as_it_is_then(api, heard, path):
    what, then = next(CHANGES[end] for end in CHANGES if path.endswith(end))
    answer = api.ask("POST", path)
    assert answer.status == 200
    assert fits(answer, "Call")
    assert answer.json["call"] == ONE.call
    assert {name: answer.json[name] for name in then} == then
    assert api.calls.asked == [(what, ONE.call, "page")]
    again = api.ask("POST", path)
    assert (again.status, again.body) == (answer.status, answer.body), "asking twice is once"
    assert api.refusals() == {}
    assert next(event for event in heard if event["event"] == "asked over http") == {
        "event": "asked over http",
        "log_level": "info",
        "what": what,
        "call": ONE.call,
        "client": "crm",
        "by": "page",
        "outcome": "done",
        "recording": answer.json["recording"],
        "pause": answer.json["pause"],
    }


def test_a_query_or_a_body_does_not_keep_a_pause_away(api):
    body = b'{"reason": "card"}'
    answer = api.ask(
        "POST", BY_CALL[0] + "?at=now", headers=[f"Content-Length: {len(body)}"], body=body
    )
    assert answer.json["paused_since"] == SINCE


@pytest.mark.parametrize("path", BY_CALL + BY_EXTENSION)
@pytest.mark.parametrize(
    ("why", "kind"),
    [
        (Why.NOT_CONNECTED, Kind.NOT_CONNECTED),
        (Why.NOT_RECORDED, Kind.NOT_RECORDED),
        (Why.AT_PAYMENT_LINE, Kind.AT_PAYMENT_LINE),
        (Why.NOT_CONFIRMED, Kind.NOT_CONFIRMED),
        (Why.AWAY, Kind.AWAY),
        (Why.BUSY, Kind.BUSY),
        (Why.ENDED, Kind.ENDED),
    ],
)
def test_a_change_that_did_not_come_about(api, heard, path, why, kind):
    api.calls.why = why
    answer = api.ask("POST", path)
    body = problem(answer, kind)
    assert body["call"] == {**ONE._asdict(), "marks": []}
    assert body["instance"] == path
    assert api.refusals() == {(str(kind.status), kind.reason): 1}
    assert [e["outcome"] for e in heard if e["event"] == "asked over http"] == [why.value]
    if kind in (Kind.AWAY, Kind.NOT_CONFIRMED, Kind.AT_PAYMENT_LINE):
        assert "The recording is recording; the pause is off." in body["detail"]
        assert ("Retry-After" in answer.headers) == (kind.status == 503)


def test_a_pause_whose_keys_are_not_hidden_says_so(api):
    api.calls.now[ONE.call] = ONE._replace(pause="on", recording="paused", paused_since=SINCE)
    api.calls.why = Why.NOT_CONFIRMED
    body = problem(api.ask("POST", BY_CALL[0]), Kind.NOT_CONFIRMED)
    assert body["call"]["keys_hidden"] is False
    assert body["detail"].endswith("the pause is on; keys are not hidden.")
    api.calls.now[ONE.call] = api.calls.now[ONE.call]._replace(keys_hidden=True)
    body = problem(api.ask("POST", BY_CALL[0]), Kind.NOT_CONFIRMED)
    assert body["detail"].endswith("the pause is on.")


@pytest.mark.parametrize("why", [Why.ENDED, Why.NOT_CONFIRMED, Why.DONE])
def test_a_call_that_is_gone_when_the_answer_comes(api, why):
    api.calls.why, api.calls.gone = why, True
    body = problem(api.ask("POST", BY_CALL[0]), Kind.ENDED)
    assert body["calls"] == [ONE.call]


def test_freeswitch_away_where_the_call_is_gone_too(api):
    api.calls.why, api.calls.gone = Why.AWAY, True
    body = problem(api.ask("POST", BY_CALL[0]), Kind.AWAY)
    assert body["call"]["recording"] == "recording", "what was known last"


@pytest.mark.parametrize("end", ["", *(f"/{end}" for end in CHANGES)])
@pytest.mark.parametrize("call_id", ["none", ONE.call[:8], ONE.call.upper(), "%00", "é", "..."])
def test_a_call_that_is_not_there(api, end, call_id):
    answer = api.ask("POST" if end else "GET", f"/v1/calls/{call_id}{end}")
    problem(answer, Kind.NO_CALL)
    assert api.calls.asked == []


@pytest.mark.parametrize("end", CHANGES)
@pytest.mark.parametrize("number", ["1003", "100", "10011", "%2B441632960961"])
def test_an_extension_without_a_call(api, end, number):
    problem(api.ask("POST", f"/v1/extensions/{number}/{end}"), Kind.NO_EXTENSION)
    assert api.calls.asked == []


@pytest.mark.parametrize("end", CHANGES)
def test_two_calls_on_one_extension_are_both_named(api, end):
    api.calls.now[OTHER.call] = OTHER._replace(extension=ONE.extension)
    body = problem(api.ask("POST", f"/v1/extensions/{ONE.extension}/{end}"), Kind.TWO_CALLS)
    assert body["calls"] == [ONE.call, OTHER.call]
    assert api.calls.asked == []


def test_an_extension_that_needs_quoting(api):
    api.calls.now[ONE.call] = ONE._replace(extension="+44 1632")
    assert api.ask("POST", "/v1/extensions/%2B44%201632/recording/pause").status == 200


def test_a_change_that_takes_for_ever_is_not_waited_for(api, monkeypatch):
    monkeypatch.setattr(v1, "LONGEST_S", 0.01)
    api.calls.before_answer = gevent.get_hub().switch
    body = problem(api.ask("POST", BY_CALL[0]), Kind.NOT_CONFIRMED)
    assert body["call"]["pause"] == "off"


def test_a_fault_is_logged_counted_and_not_shown(api, heard, capfd):
    def fail() -> None:
        raise RuntimeError("a fault of the engine 4929000000006")

    api.calls.before_answer = fail
    answer = api.ask("POST", BY_CALL[0])
    body = problem(answer, Kind.FAULT)
    assert "a fault of the engine" not in answer.body.decode()
    assert "Traceback" not in json.dumps(body)
    assert [(event["event"], event["client"]) for event in heard] == [
        ("fault in a request over http", "crm")
    ]
    assert api.refusals() == {("500", "fault"): 1}
    assert "Traceback" not in capfd.readouterr().err
    assert api.ask("GET", "/v1/calls").status == 200


# Who may.


def path_of(rule: str) -> str:
    return rule.replace("<call>", ONE.call).replace("<number>", ONE.extension)


PROTECTED = [route for route in ROUTES if route.scope is not None]


def test_only_the_document_is_for_everybody():
    assert [route.rule for route in ROUTES if route.scope is None] == ["/v1/openapi.json"]


@pytest.mark.parametrize("route", PROTECTED, ids=lambda route: route.endpoint)
def test_every_route_needs_its_scope_and_no_other(api, heard, route):
    path = path_of(route.rule)
    answer = api.ask(route.method, path, token="")
    problem(answer, Kind.NO_TOKEN)
    assert answer.headers["WWW-Authenticate"] == 'Bearer realm="ivr"'
    others = api.file.add("others", [scope for scope in Scope if scope is not route.scope])
    answer = api.ask(route.method, path, token=others)
    assert route.scope in problem(answer, Kind.NO_SCOPE)["detail"]
    assert f'scope="{route.scope}"' in answer.headers["WWW-Authenticate"]
    assert [(event["event"], event["client"]) for event in heard] == [
        ("refused over http", "others")
    ]
    answer = api.ask(route.method, path, token="ivr_" + "A" * 43)
    problem(answer, Kind.BAD_TOKEN)
    assert 'error="invalid_token"' in answer.headers["WWW-Authenticate"]
    assert api.calls.asked == []
    assert api.refusals() == {
        ("401", "no-token"): 1,
        ("401", "bad-token"): 1,
        ("403", "no-scope"): 1,
    }
    just = api.file.add("just", [route.scope])
    assert api.ask(route.method, path, token=just).status == 200


@pytest.mark.parametrize(
    ("header", "kind"),
    [
        ("Authorization: Basic {}", Kind.NO_TOKEN),
        ("Authorization: {}", Kind.NO_TOKEN),
        ("Authorization: Bearer", Kind.NO_TOKEN),
        ("Authorization: Bearer {} {}", Kind.BAD_TOKEN),
        ("Authorization: Bearer {}x", Kind.BAD_TOKEN),
        ("Authorization: Bearer \xff\xfe", Kind.BAD_TOKEN),
        ("Authorization: Bearer {}\r\nAuthorization: Bearer x", Kind.BAD_TOKEN),
        ("X-Authorization: Bearer {}", Kind.NO_TOKEN),
    ],
)
def test_a_header_that_will_not_do(api, header, kind):
    answer = api.ask("GET", "/v1/calls", token="", headers=[header.replace("{}", api.all)])
    problem(answer, kind)
    assert api.all not in answer.body.decode()


def test_the_scheme_may_be_written_in_any_way(api):
    headers = [f"Authorization: bEARER  {api.all}"]
    assert api.ask("GET", "/v1/calls", token="", headers=headers).status == 200


def test_a_token_in_the_query_is_none(api):
    answer = api.ask("GET", f"/v1/calls?access_token={api.all}", token="")
    problem(answer, Kind.NO_TOKEN)
    assert api.all not in answer.body.decode()


def test_this_hosts_commands_have_a_secret_of_their_own(tmp_path, heard):
    api = Api(tmp_path, engineer="ivr_" + "e" * 43)
    try:
        assert api.ask("POST", BY_CALL[0], token=api.engineer).json["paused_by"] == "engineer"
        assert api.calls.asked == [("pause", ONE.call, "engineer")]
        assert (heard[0]["client"], heard[0]["by"]) == ("engineer", "engineer")
        problem(api.ask("POST", BY_CALL[0], token="ivr_" + "f" * 43), Kind.BAD_TOKEN)
    finally:
        api.close()


def test_no_answer_and_no_log_line_holds_a_token(api, heard):
    answers = [
        api.ask(method, path, token=token)
        for method in ("GET", "POST", "PUT", "OPTIONS")
        for path in (
            "/v1/calls",
            BY_CALL[0],
            BY_EXTENSION[1],
            f"/v1/calls/{api.all}",
            f"/v1/calls/{api.all}/recording/pause",
            f"/v1/{api.all}",
            f"/{api.all}",
        )
        for token in (api.all, api.all + "x")
    ]
    assert {answer.status for answer in answers} == {200, 401, 404, 405}
    for answer in answers:
        assert api.all.removeprefix("ivr_") not in repr(answer)
    assert heard
    assert api.all.removeprefix("ivr_") not in repr(heard)
    assert api.all.removeprefix("ivr_") not in api.ask("GET", "/metrics", token="").body.decode()


# Methods and paths.


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: route.endpoint)
def test_other_methods(api, route):
    path = path_of(route.rule)
    answer = api.ask("OPTIONS", path, token="")
    assert answer.status == 200
    allowed = {"OPTIONS", route.method} | ({"HEAD"} if route.method == "GET" else set())
    assert set(answer.headers["Allow"].split(", ")) == allowed
    assert not [name for name in answer.headers if name.startswith("Access-Control")]
    for method in {"GET", "POST", "PUT", "DELETE", "PATCH", "TRACE", "FOO"} - allowed:
        answer = api.ask(method, path)
        problem(answer, Kind.METHOD)
        assert set(answer.headers["Allow"].split(", ")) == allowed
    assert api.calls.asked == []


def test_a_head_is_a_get_without_body(api):
    get, head = api.ask("GET", "/v1/calls"), api.ask("HEAD", "/v1/calls")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["Content-Length"] == get.headers["Content-Length"]
    assert api.ask("HEAD", "/v1/calls", token="").status == 401


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/v1",
        "v1/calls",
        "///v1/calls",
        "/v1/",
        "/v1/calls/",
        "//v1/calls",
        "/v1//calls",
        "/v1/calls//recording/pause",
        f"/v1/calls/{ONE.call}/",
        f"/v1/calls/{ONE.call}/recording",
        f"/v1/calls/{ONE.call}%2Frecording",
        "/v1/calls/../../etc/passwd",
        "/v1/calls/%2e%2e/%2e%2e/etc/passwd",
        "/v1/static/x",
        "/v1/extensions/1001",
        "/v1/extensions//recording/pause",
        "/v2/calls",
        "/v1/calls%00",
        "/v1/%ff%fe",
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_what_is_not_here(api, method, path):
    answer = api.ask(method, path)
    problem(answer, Kind.NO_PAGE)
    assert "Location" not in answer.headers
    assert api.refusals() == {("404", "no-page"): 1}
    text = api.ask("GET", "/metrics", token="").body.decode()
    assert 'ivr_http_requests_total{route="none",status="404"} 1.0' in text
    assert api.calls.asked == []


# The document, the counts.


def test_the_document_names_every_route_and_no_other(api):
    app = V1(
        api.calls, Access(lambda: api.folder / "tokens.json"), HttpCounts(CollectorRegistry())
    ).app
    routes = {
        (rule.rule.replace("<", "{").replace(">", "}"), method.lower(), rule.endpoint)
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    whole = api.ask("GET", "/v1/openapi.json", token="").json
    described = {
        (path, method, operation["operationId"])
        for path, item in whole["paths"].items()
        for method, operation in item.items()
        if method != "parameters"
    }
    assert described == routes
    scopes = {route.endpoint: [route.scope] if route.scope else None for route in ROUTES}
    for item in whole["paths"].values():
        for method, operation in item.items():
            if method != "parameters":
                wanted = scopes[operation["operationId"]]
                assert operation["security"] == ([{"token": wanted}] if wanted else [])


def test_the_document_is_sound():
    whole = document()
    text = json.dumps(whole)
    assert whole["openapi"].startswith("3.1.")
    for schema in whole["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    for reference in {part.split('"')[0] for part in text.split('"$ref": "')[1:]}:
        at = whole
        for step in reference.removeprefix("#/").split("/"):
            at = at[step]
    for path, item in whole["paths"].items():
        names = {one["name"] for one in item.get("parameters", ())}
        assert names == {part[1:-1] for part in path.split("/") if part.startswith("{")}


def test_every_answer_that_comes_is_in_the_document(api):
    """By status, for the outcomes of a change."""
    responses = document()["paths"]["/v1/calls/{call}/recording/pause"]["post"]["responses"]
    found = set()
    for why in Why:
        api.calls.why = why
        found.add(str(api.ask("POST", BY_CALL[0]).status))
    found.add(str(api.ask("POST", BY_CALL[0], token="").status))
    found.add(str(api.ask("POST", "/v1/calls/none/recording/pause").status))
    assert found == {"200", "401", "404", "409", "410", "503"}
    assert found <= responses.keys()


def test_requests_are_counted_by_their_templates(api):
    api.ask("GET", f"/v1/calls/{ONE.call}")
    api.ask("GET", "/v1/calls/none")
    api.ask("GET", "/v1/none")
    text = api.ask("GET", "/metrics", token="").body.decode()
    assert 'ivr_http_requests_total{route="/v1/calls/{call}",status="200"} 1.0' in text
    assert 'ivr_http_requests_total{route="/v1/calls/{call}",status="404"} 1.0' in text
    assert 'ivr_http_requests_total{route="none",status="404"} 1.0' in text
    assert 'ivr_http_seconds_count{route="/v1/calls/{call}"} 2.0' in text
    assert 'ivr_http_refusals_total{reason="no-call",status="404"} 1.0' in text
    assert 'ivr_http_refusals_total{reason="busy",status="409"} 0.0' in text
    assert ONE.call not in text
