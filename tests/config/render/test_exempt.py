"""The exempt extension in FreeSWITCH's dialplan: over no way does a call with it come to an engine
(R8)."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ivr.config.load import load
from ivr.config.render import render
from ivr.config.settings import Configuration
from tests.config import staffed as town
from tests.config.conftest import build
from tests.config.staffed import staffed
from tests.config.switch import Taken, taken

ITS_LEG = "{ivr_exempt=true,ivr_exempt_leg=true}"
E_CALLS = {"user_name": "1999", "caller_id_number": "1999"}
HAD = {"ivr_route": "main-line", "ivr_next": "ivr-again-main-line", "ivr_engine": "a"}


@pytest.fixture(scope="module")
def configuration(tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    """Made once for all examples."""
    return staffed(build(tmp_path_factory.mktemp("exempt")))


@pytest.fixture(scope="module")
def xml(configuration: Configuration) -> str:
    return render(configuration)


@pytest.mark.parametrize("context", ["public", "default"])
@pytest.mark.parametrize(
    "number", ["1999", "01427676699", "+441427676699", "441427676699", "00441427676699"]
)
def test_a_call_to_it_is_bridged_and_nothing_else(xml: str, context: str, number: str) -> None:
    call = taken(xml, context, number, caller_id_number="07700900123")
    assert call.by == ("ivr-exempt-to",)
    assert call.done("bridge") == [f"{ITS_LEG}user/1999"]
    assert call.done("event") == ["Ivr-Exempt=call"]
    assert not {"socket", "playback", "transfer", "answer"} & {name for name, _ in call.actions}
    assert call.actions[-1] == ("hangup", "")


@pytest.mark.parametrize("context", ["public", "default"])
def test_a_recorded_call_that_comes_to_it_is_recorded_no_more(xml: str, context: str) -> None:
    """The recording is stopped before anything else but the mark, whoever lives."""
    call = taken(xml, context, "1999", **HAD)
    assert call.by == ("ivr-exempt-met",)
    assert [name for name, _ in call.actions[:4]] == [
        "set",
        "stop_record_session",
        "sched_cancel",
        "event",
    ]
    assert call.actions[0] == ("set", "ivr_exempt=true")
    assert call.done("stop_record_session") == ["all"]
    assert call.done("event") == ["Ivr-Exempt=met"]
    assert call.done("bridge") == [f"{ITS_LEG}user/1999"]


def test_nothing_of_ours_stays_on_such_a_call(xml: str) -> None:
    """Whatever a route sets: and without the route's name none of its extensions is open."""
    unset = set(taken(xml, "default", "1999", **HAD).done("unset"))
    for number in ("01427676676", "901427123456", "1001"):
        for context in ("public", "default"):
            for data in taken(xml, context, number).done("set"):
                name = data.partition("=")[0]
                assert name in unset or not name.startswith("ivr_")
    assert {
        "execute_on_post_bridge_ivr",
        "ivr_engine",
        "ivr_paused",
        "ivr_back",
        "ivr_for",
        "ivr_unrecorded",
        "ivr_offers",
        "sensitive_dtmf",
        "continue_on_fail",
    } <= unset


@pytest.mark.parametrize(
    "who",
    [
        E_CALLS,
        {"user_name": "1999", "caller_id_number": "1001"},
        {"user_name": "", "caller_id_number": "1999"},
        {"user_name": "", "caller_id_number": "01427676699"},
        {"user_name": "union", "caller_id_number": "+441427676699"},
        {"direction": "outbound", "caller_id_number": "1001", "ivr_exempt_leg": "true"},
    ],
)
@pytest.mark.parametrize(
    ("number", "route", "dial"),
    [
        ("901427123456", "staff:9", "sofia/gateway/provider/01427123456"),
        ("1001", "inside", "user/1001"),
    ],
)
def test_calls_of_its_telephone_go_round_the_engine(
    xml: str, who: dict[str, str], number: str, route: str, dial: str
) -> None:
    call = taken(xml, "default", number, **who)
    assert call.last == f"ivr-unrecorded-{route}"
    assert call.done("bridge") == [f"{{ivr_exempt=true}}{dial}"]
    assert "socket" not in [name for name, _ in call.actions]


def test_each_call_of_its_telephone_is_told_once(xml: str) -> None:
    first = taken(xml, "default", "901427123456", **E_CALLS)
    assert first.by[0] == "ivr-exempt-from"
    assert first.done("event") == ["Ivr-Exempt=call"]
    assert {"ivr_exempt=true", "ivr_exempt_leg=true"} <= set(first.done("set"))
    sent_on = taken(
        xml, "default", "901427123457", **E_CALLS, ivr_exempt="true", ivr_exempt_leg="true"
    )
    assert sent_on.done("event") == []
    assert sent_on.last == "ivr-unrecorded-staff:9"


def test_its_telephone_calls_what_no_route_has_as_ever(xml: str) -> None:
    """FreeSWITCH's own extensions come after ours."""
    assert taken(xml, "default", "1777", **E_CALLS).by == ("ivr-exempt-from",)


def test_its_telephone_that_is_sent_to_a_number_of_a_route_is_not_recorded(xml: str) -> None:
    """Somebody who called it, even a caller, transfers it by a REFER."""
    leg = {"direction": "outbound", "ivr_exempt": "true", "ivr_exempt_leg": "true"}
    call = taken(xml, "public", "01427676676", **leg)
    assert call.by == ("ivr-unrecorded-main-line",)
    assert call.done("bridge") == ["{ivr_exempt=true}user/1001,user/1002"]


def test_its_telephone_that_is_sent_to_a_route_for_some_callers_is_not_recorded(
    site_file: Path,
) -> None:
    """One of those callers called it, and transfers it by a REFER: its leg shows their number."""
    more = '- name: more\n  direction: outbound\n  numbers: ["80*"]\n  strip: "8"\n'
    more += '  from: ["12*"]\n  team: council-tax\n  destination: outside\n'
    town.write(site_file, routes=more)
    xml = render(load(site_file))
    leg = {"direction": "outbound", "ivr_exempt": "true", "ivr_exempt_leg": "true"}
    call = taken(xml, "default", "801427123456", **leg, caller_id_number="1201")
    assert call.by == ("ivr-unrecorded-more:80",)
    assert call.done("bridge") == ["{ivr_exempt=true}sofia/gateway/provider/01427123456"]
    assert taken(xml, "default", "801427123456", user_name="1201").last == "ivr-more:80"
    assert taken(xml, "default", "801427123456", **leg, caller_id_number="1301").by == ()


def test_callers_cannot_pretend_to_be_exempt(xml: str) -> None:
    """They show what number they like (R23)."""
    for shown in ("1999", "|1999", "x|1999", "true", "/default/inbound:1999|", "01427676699"):
        call = taken(xml, "public", "01427676676", caller_id_number=shown)
        assert call.by == ("ivr-main-line",)


@pytest.mark.parametrize(
    ("context", "number", "route"),
    [("public", "01427676676", "ivr-main-line"), ("default", "901427123456", "ivr-staff:9")],
)
def test_who_comes_back_from_it_is_a_new_call(
    xml: str, context: str, number: str, route: str
) -> None:
    call = taken(xml, context, number, ivr_exempt="true", caller_id_number="07700900123")
    assert call.by == ("ivr-exempt-back", route)
    assert call.actions[:3] == (
        ("unset", "ivr_exempt"),
        ("set", "ivr_back=true"),
        ("unset", "transfer_history"),
    )
    assert "ivr_had=${ivr_next}" in call.done("set")  # which it has not
    assert len(call.done("socket")) == 1


def test_without_an_engine_a_call_that_came_to_it_stays_exempt(xml: str) -> None:
    """What a route has for lost calls is closed to a call without the route's name."""
    for name in ("ivr-fallback-main-line", "ivr-again-main-line"):
        assert taken(xml, "public", name, ivr_exempt="true").by == ("ivr-exempt-back",)
        assert taken(xml, "public", name, **HAD).last == name


@pytest.mark.parametrize(
    "dialled", ["901427676699", "90441427676699", "900441427676699", "9676699", "97676699"]
)
def test_it_is_exempt_also_by_its_number_from_outside(
    configuration: Configuration, xml: str, dialled: str
) -> None:
    call = taken(xml, "default", dialled, caller_id_number="1001")
    assert call.by == ("ivr-exempt-to-by-staff:9",)
    assert call.done("bridge") == [f"{ITS_LEG}sofia/gateway/provider/{dialled[1:]}"]
    assert call.done("event") == ["Ivr-Exempt=call"]
    assert configuration.policy_for(dialled, caller="1001") is None
    met = taken(xml, "default", dialled, ivr_route="staff")
    assert met.done("event") == ["Ivr-Exempt=met"]
    assert met.done("stop_record_session") == ["all"]


def test_a_file_that_both_contexts_include_is_as_safe(configuration: Configuration) -> None:
    alone = render(configuration, whole_context=False)
    for context in ("public", "default"):
        assert taken(alone, context, "1999").last == "ivr-exempt-to"
        assert taken(alone, context, "1999", **HAD).last == "ivr-exempt-met"
    inbound = taken(alone, "default", "01427676676", **E_CALLS)
    assert inbound.last == "ivr-unrecorded-main-line"
    assert taken(alone, "public", "01427676676", **E_CALLS).last == "ivr-main-line"
    assert taken(alone, "public", "999").by == ()


def test_a_second_one_that_was_decided_on(site_file: Path) -> None:
    more = '  - extension: "1998"\n    dial: "sofia/gateway/union/5550"\n'
    more += '    reason: a second trade union\n    date: "2026-02-01"\n'
    town.write(site_file)
    policy = Path("dialplan/policy.yaml")
    policy.write_text(policy.read_text().replace("emergency:", f"{more}emergency:"))
    config = load(site_file)
    xml = render(config)
    assert taken(xml, "public", "1998").done("bridge") == [f"{ITS_LEG}sofia/gateway/union/5550"]
    assert taken(xml, "public", "1999").done("bridge") == [f"{ITS_LEG}user/1999"]
    assert taken(xml, "default", "1001", user_name="1998").last == "ivr-unrecorded-inside"
    [policy_of_it] = {route.policy.exempt for route in config.routes}
    assert {"1999", "1998", "5550", "01427676699"} <= policy_of_it


def test_without_one_nothing_is_rendered(site_file: Path) -> None:
    assert "exempt" not in render(load(site_file))


def ends_unrecorded(call: Taken) -> bool:
    """Whether nothing of the call goes to an engine."""
    return not call.done("socket") and not call.done("transfer")


@given(
    context=st.sampled_from(["public", "default"]),
    number=st.sampled_from(["1999", "01427676699", "901427676699", "1001", "901427123456"])
    | st.from_regex(r"[0-9]{2,14}", fullmatch=True),
    leg=st.fixed_dictionaries(
        {},
        optional={
            "direction": st.sampled_from(["inbound", "outbound"]),
            "user_name": st.sampled_from(["", "1001", "1999"]),
            "caller_id_number": st.sampled_from(["1001", "1999", "07700900123", "a|1999"]),
            "ivr_exempt": st.just("true"),
            "ivr_exempt_leg": st.just("true"),
            "ivr_route": st.sampled_from(["main-line", "staff"]),
            "ivr_next": st.sampled_from(["ivr-again-staff", "ivr-fallback-staff"]),
            "ivr_had": st.just("ivr-again-main-line"),
            "ivr_number": st.just("01427123456"),
        },
    ),
)
def test_no_call_with_it_comes_to_an_engine(
    configuration: Configuration, xml: str, context: str, number: str, leg: dict[str, str]
) -> None:
    """Whatever is on a leg: what its telephone dials, or is sent to, and what is dialled for it."""
    its = leg.get("ivr_exempt_leg") == "true"
    if context == "default" and leg.get("direction", "inbound") == "inbound":
        its = its or leg.get("user_name") == "1999" or leg.get("caller_id_number") == "1999"
    call = taken(xml, context, number, **leg)
    if its or (context == "default" and configuration.exempt[0].is_dialled_by(number[1:])):
        assert ends_unrecorded(call)
    if configuration.exempt[0].is_dialled_by(number) and len(number) < 12:
        assert call.last in ("ivr-exempt-to", "ivr-exempt-met", "")
        assert ends_unrecorded(call)
    if call.last.startswith(("ivr-exempt-to", "ivr-exempt-met")):
        assert call.done("stop_record_session") == ["all"]


def test_what_the_agent_could_key_means_nothing_to_it(xml: str) -> None:
    """Feature codes that an engine bound to the call's leg are gone before it is connected."""
    call = taken(xml, "default", "1999", **HAD)
    assert call.done("clear_digit_action") == ["all"]
    names = [name for name, _ in call.actions]
    assert names.index("clear_digit_action") < names.index("bridge")


def test_no_telephone_sends_a_followed_call_on_by_itself(xml: str) -> None:
    """A recording goes on where people transferred a call to a route without an engine: a 302 to
    another host would pass the dialplan by."""
    had = {"ivr_route": "main-line", "ivr_had": "ivr-again-main-line"}
    call = taken(xml, "public", "ivr-fallback-main-line", **had)
    assert call.by == ("ivr-transferred-main-line",)
    [bridged] = call.done("bridge")
    assert bridged.startswith("{outbound_redirect_fatal=true")
