"""FreeSWITCH's dialplan is the rendered one, or what differs is named."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from ivr.doctor.on_dialplan import dialplan
from ivr.doctor.patient import Patient
from tests.config.conftest import build
from tests.config.staffed import staffed
from tests.doctor import right
from tests.engine.site import NUMBER, OWN_KEYS

TAKES = (
    '<extension name="first"{more}><condition field="destination_number" expression="{expression}">'
    '<action application="hangup" /></condition></extension>'
)


def public(patient: Patient) -> str:
    return ET.tostring(right.contexts(patient.configuration)["public"], encoding="unicode")


def with_context(patient: Patient, text: str) -> Patient:
    contexts = {**patient.said.contexts, "public": ET.fromstring(text)}
    return replace(patient, said=right.said(patient.configuration, contexts=contexts))


def changed(patient: Patient, old: str, new: str, count: int = 1) -> Patient:
    text = public(patient)
    assert old in text
    return with_context(patient, text.replace(old, new, count))


def test_the_rendered_one(well):
    found = dialplan(well)
    assert found.verdict == "ok"
    assert "extensions are in force as rendered" in found.found


def test_comments_and_other_extensions_do_no_harm(well):
    patient = changed(well, "<extension", f"{TAKES.format(more='', expression='^1234$')}<extension")
    assert dialplan(patient).verdict == "ok"


def test_no_context(well):
    patient = replace(well, said=right.said(well.configuration, contexts={}))
    found = dialplan(patient)
    assert found.verdict == "wrong"
    assert "there is no context public" in (found.found, *found.more)
    assert "reloadxml" in found.do


def test_an_extension_that_is_missing(well):
    found = dialplan(changed(well, 'name="ivr-council-tax"', 'name="council-tax"'))
    assert found.verdict == "wrong"
    assert "ivr-council-tax is not in context public" in (found.found, *found.more)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("127.0.0.1:8084 async full", "127.0.0.1:8084 async", "action socket"),
        ("sofia/lab/desk", "sofia/lab/other", "action bridge"),
        (NUMBER, "0300", "condition destination_number"),
    ],
)
def test_an_extension_of_another_version(well, old, new, said):
    found = dialplan(changed(well, old, new, 1))
    assert found.verdict == "warning"
    assert "main-line: has `" in found.found
    assert said in found.found
    assert "expected" in found.found


def test_an_action_more(well):
    more = '<action application="log" data="x" /></condition>'
    found = dialplan(changed(well, "</condition>", more))
    assert (found.verdict, found.found) == ("warning", "ivr-main-line: has `action log x` besides")


def test_another_order(well):
    context = right.contexts(well.configuration)["public"]
    first = context[0]
    context.remove(first)
    context.append(first)
    found = dialplan(with_context(well, ET.tostring(context, encoding="unicode")))
    assert found.verdict == "warning"
    assert found.found == "the extensions in context public stand in another order"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<condition field", '<condition break="never" field'),
        ("<action application", "<anti-action application"),
    ],
)
def test_a_condition_that_means_something_else(well, old, new):
    text = public(well).replace(old, new, 1)
    if "anti-action" in new:
        text = text.replace("</action>", "</anti-action>", 1)
    assert dialplan(with_context(well, text)).verdict == "warning"


def test_an_action_less(well):
    text = public(well)
    hangup = '<action application="hangup" />'
    end = text.index(hangup)
    patient = with_context(well, text[:end] + text[end + len(hangup) :])
    found = dialplan(patient)
    assert found.verdict == "warning"
    assert found.found.endswith("lacks `action hangup`")


def test_what_freeswitch_puts_in_for_its_own_variables(well):
    routes = tuple(
        replace(route, policy=replace(route.policy, dial_string="user/1@$${domain}"))
        for route in well.configuration.routes
    )
    configuration = replace(well.configuration, routes=routes)
    said = right.said(configuration)
    patient = replace(well, configuration=configuration, said=said)
    text = public(patient)
    assert "user/1@$${domain}" in text
    assert dialplan(with_context(patient, text.replace("$${domain}", "pbx.test"))).verdict == "ok"
    assert dialplan(with_context(patient, text.replace("user/1@", "user/2@"))).verdict == "warning"


def test_a_route_that_is_gone(well):
    more = '<extension name="ivr-old-line"><condition /></extension></context>'
    found = dialplan(changed(well, "</context>", more))
    assert found.verdict == "warning"
    assert found.found == "ivr-old-line in context public is not rendered any more"


def test_an_extension_that_takes_a_number_first(well):
    takes = TAKES.format(more="", expression=r"^0142\d+$")
    found = dialplan(changed(well, "<extension", f"{takes}<extension"))
    assert found.verdict == "wrong"
    assert any(NUMBER in one for one in found.more)
    assert any(OWN_KEYS in one for one in found.more)


@pytest.mark.parametrize("how", ["after", "continue"])
def test_an_extension_that_takes_none(well, how):
    more = ' continue="true"' if how == "continue" else ""
    takes = TAKES.format(more=more, expression=r"^0142\d+$")
    if how == "after":
        patient = changed(well, "</context>", f"{takes}</context>")
    else:
        patient = changed(well, "<extension", f"{takes}<extension")
    assert dialplan(patient).verdict == "ok"


def staffed_patient(well, tmp_path):
    configuration = staffed(build(tmp_path / "town"))
    return replace(well, configuration=configuration, said=right.said(configuration))


def test_calls_of_staff_and_the_exempt_extension_are_in_force(well, tmp_path):
    assert dialplan(staffed_patient(well, tmp_path)).verdict == "ok"


@pytest.mark.parametrize("number", ["999", "1999", "1001"])
def test_what_takes_a_number_before_it_is_helped_exempt_or_recorded(well, tmp_path, number):
    patient = staffed_patient(well, tmp_path)
    text = ET.tostring(patient.said.contexts["default"], encoding="unicode")
    first = TAKES.format(more="", expression=f"^{number}$")
    contexts = {
        **patient.said.contexts,
        "default": ET.fromstring(text.replace("<extension", f"{first}<extension", 1)),
    }
    found = dialplan(replace(patient, said=right.said(patient.configuration, contexts=contexts)))
    assert found.verdict == "wrong"
    assert f"{number} is taken by the extension first in context default" in found.found


def test_an_extension_that_does_not_go_on_as_it_was_rendered(well, tmp_path):
    """Calls of the exempt telephone would end there."""
    patient = staffed_patient(well, tmp_path)
    text = ET.tostring(patient.said.contexts["default"], encoding="unicode")
    assert ' continue="true"' in text
    contexts = {
        **patient.said.contexts,
        "default": ET.fromstring(text.replace(' continue="true"', "")),
    }
    found = dialplan(replace(patient, said=right.said(patient.configuration, contexts=contexts)))
    assert found.verdict == "warning"
    assert any("expected `continue true`" in one for one in (found.found, *found.more))
