from __future__ import annotations

import pytest

from ivr.lab.script import CallScript, Destination, HangUp, Keys, Wait, WhenConnected
from ivr.lab.session import Action
from tests.lab.client import begin

CARD = "4929123456781234"
PAYS = CallScript(
    steps=(WhenConnected(500), Keys(CARD), Wait(300), HangUp()),
    destination=Destination(),
)


@pytest.fixture
def pay(clock, switch, engine, tmp_path):
    """A bridged call in which the caller keys a card number, under some variables."""

    def run(*variables: str):
        def part(client):
            begin(client)
            client.execute("answer")
            for variable in variables:
                client.execute("set", variable)
            client.execute("bridge", "sofia/lab/agent")
            client.until("CHANNEL_HANGUP_COMPLETE")
            return client.seen

        one = engine(part)
        call = switch.place(PAYS)
        clock.run_until(call.done.ready)
        clock.run_until(one.finished)
        return call, one.results[0].get(), (tmp_path / "switch.log").read_text()

    return run


def pressed(seen) -> str:
    return "".join(m.value("DTMF-Digit") for m in seen if m.name == "DTMF")


def dialled(seen) -> str:
    return next(m for m in seen if m.name == "CHANNEL_HANGUP_COMPLETE").value(
        "variable_digits_dialed"
    )


def test_freeswitch_leaks_keys_into_events_log_and_last_report(pay):
    call, seen, log = pay("a=b")
    assert pressed(seen) == dialled(seen) == CARD
    assert "[INFO] " in log
    assert f"RECV DTMF {CARD[0]}:1280\n" in log
    assert call.other.heard_keys == CARD


def test_sensitive_keys_leave_no_trace_and_are_not_relayed(pay):
    """docs/freeswitch.md 14a."""
    call, seen, log = pay("sensitive_dtmf=true")
    assert pressed(seen) == ""
    assert dialled(seen) == "none"
    assert "RECV DTMF" not in log
    assert call.other.heard_keys == ""


def test_a_filter_hides_digits_dialed_only(pay):
    """docs/freeswitch.md 14b."""
    call, seen, log = pay("digits_dialed_filter=^(.+)$")
    assert dialled(seen) == "X" * len(CARD)
    assert call.other.heard_keys == pressed(seen) == CARD
    assert f"RECV DTMF {CARD[1]}:" in log


def test_a_key_is_heard_of_when_it_is_released(clock, switch):
    switch.dialplan = {".*": (Action("answer"), Action("park"))}
    call = switch.place(CallScript(steps=(Wait(1000), Keys("5", press_ms=200))))
    clock.run(1500)
    assert [h.at_ms for h in call.happenings if h.event == "DTMF"] == [1200]


@pytest.fixture
def features(clock, switch):
    """A call whose telephone has feature codes; the names of the features that were fired."""

    def run(keys: Keys, *more: Action):
        switch.dialplan = {
            ".*": (
                Action("answer"),
                *more,
                Action("bind_digit_action", "ivr,*#*,exec[i]:event,Ivr-Feature=opt-out"),
                Action("park"),
            )
        }
        call = switch.place(CallScript(steps=(Wait(500), keys, Wait(2000), HangUp())))
        clock.run_until(call.done.ready)
        names = call.done.get().names()
        return names.count("CHANNEL_APPLICATION"), call.leg.digits

    return run


@pytest.mark.parametrize(
    ("keys", "found", "left"),
    [
        (Keys("*#*"), 1, ""),
        (Keys("5*#*"), 1, "5"),
        (Keys("**#*"), 0, "**#*"),
        (Keys("*#", gap_ms=100), 0, "*#"),
        (Keys("*#*", gap_ms=1600), 0, "*#*"),
        (Keys("12"), 0, "12"),
    ],
)
def test_a_feature_code_is_swallowed_and_other_keys_go_through(features, keys, found, left):
    """docs/freeswitch.md 14c, 14d."""
    assert features(keys) == (found, left)


def test_a_feature_code_works_on_a_sensitive_leg(features, tmp_path):
    assert features(Keys("*#*"), Action("set", "sensitive_dtmf=true")) == (1, "")
    assert "RECV DTMF" not in (tmp_path / "switch.log").read_text()


def test_codes_of_the_agents_telephone_come_with_the_dial_string(clock, switch, engine):
    def part(client):
        begin(client)
        client.execute(
            "bridge",
            "{execute_on_answer_1='bind_digit_action ivr,*7,exec[i]:event,Ivr-Feature=pause',"
            "sensitive_dtmf=true}sofia/lab/agent",
        )
        client.rest()

    one = engine(part)
    agent = Destination(steps=(WhenConnected(500), Keys("*7"), Wait(200), HangUp()))
    call = switch.place(CallScript(destination=agent))
    clock.run_until(call.done.ready)
    clock.run_until(one.finished)
    assert call.done.get().names("destination").count("CHANNEL_APPLICATION") == 1
    assert call.done.get().heard_keys == ""
