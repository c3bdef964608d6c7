"""The dialplan, and a call that comes back to it (docs/freeswitch.md 8 to 10b)."""

from __future__ import annotations

import socket

import pytest

from ivr.lab import CallScript, Destination, LabSwitch, read_dialplan
from ivr.lab.script import DuringPrompt, HangUp, Wait, WhenConnected
from ivr.lab.session import Action
from tests.lab.client import begin

XML = """<include><context name="public">
<extension name="main"><condition field="destination_number" expression="^0(14[0-9]+)$">
  <action application="set" data="ivr_route=main"/>
  <action application="set" data="ivr_called=${{destination_number}}"/>
  <action application="set" data="ivr_area=$1"/>
  <action application="set" data="ivr_next=ivr-fallback-main"/>
  <action application="sched_transfer" data="+5 ivr-fallback-main XML public"/>
  <action application="{resume}"/>
  <action application="socket" data="{engines} async full"/>
  <action application="sched_cancel"/>
  <action application="transfer" data="${{ivr_next}} XML public"/>
</condition></extension>
<extension name="again"><condition field="${{ivr_route}}" expression="^main$"/>
<condition field="destination_number" expression="^ivr-again-main$">
  <action application="set" data="ivr_next=ivr-fallback-main"/>
  <action application="socket" data="{engines} async full"/>
  <action application="transfer" data="${{ivr_next}} XML public"/>
</condition></extension>
<extension name="fallback"><condition field="${{ivr_route}}" expression="^main$"/>
<condition field="destination_number" expression="^ivr-fallback-main$">
  <action application="unset" data="socket_resume"/>
  <action application="export" data="nolocal:told=yes"/>
  <action application="bridge" data="sofia/lab/agent"/>
  <action application="hangup"/>
</condition></extension>
</context></include>"""

TALKS = CallScript(destination=Destination.talks(1000), steps=(WhenConnected(20_000), HangUp()))


def refusing() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def use(switch: LabSwitch, *engines: str, resume: str = "sleep") -> None:
    text = XML.format(engines="|".join(engines), resume=resume)
    switch.dialplan = read_dialplan(text.replace('"set_resume"', '"set" data="socket_resume=true"'))


def test_an_extension_of_xml_fits_by_number_and_by_variable(clock, switch):
    use(switch, refusing())
    call = switch.place(TALKS)
    clock.run_until(call.done.ready)
    assert call.leg.get("ivr_area") == "1427676676"
    assert call.done.get().connected_ms is not None, "the fallback extension was closed to it"
    assert call.other is not None
    assert call.other.get("told") == "yes"
    assert call.leg.get("told") == ""


@pytest.mark.parametrize("dialled", ["ivr-fallback-main", "ivr-again-main", "999"])
def test_a_stranger_who_dials_the_name_of_an_extension_gets_nowhere(clock, switch, dialled):
    use(switch, refusing())
    call = switch.place(CallScript(dialled=dialled))
    clock.run_until(call.done.ready)
    assert call.done.get().cause == "NO_ROUTE_DESTINATION"


def test_a_prompt_outlives_its_engine_and_the_call_comes_back(clock, switch, engine, prompt):
    """The second engine is the next of the list, and knows the call by its variables."""
    heard = []

    def first(client):
        uuid = begin(client)
        client.ask(f"api sched_del {uuid}")
        client.ask(f"api uuid_setvar_multi {uuid} ivr_next=ivr-again-main;socket_resume=")
        client.execute("answer")
        client.execute("playback", prompt)
        client.until("PLAYBACK_START")
        client.pause(500)
        one.close()

    def second(client):
        hello = client.ask("connect")
        heard.append(
            [
                hello.value(name)
                for name in (
                    "Unique-ID",
                    "Caller-Destination-Number",
                    "Caller-RDNIS",
                    "variable_ivr_called",
                    "variable_ivr_route",
                    "variable_ivr_next",
                    "Answer-State",
                )
            ]
        )
        client.ask("linger 5")
        client.ask(f"filter Unique-ID {hello.value('Unique-ID')}")
        client.ask("event plain CHANNEL_HANGUP")
        client.until("CHANNEL_HANGUP")

    one = engine(first)
    other = engine(second)
    use(switch, one.address, other.address)
    call = switch.place(CallScript(steps=(DuringPrompt(5000), HangUp())))
    clock.run_until(call.done.ready)
    [stop] = [h.at_ms for h in call.happenings if h.event == "PLAYBACK_STOP"]
    assert 3000 <= stop <= 3100, "it was heard to its end"
    number = "01427676676"
    again = "ivr-again-main"
    [said] = heard
    assert said == [call.uuid, again, number, number, "main", "ivr-fallback-main", "answered"]


def test_commands_that_were_queued_at_the_loss_are_done(clock, switch, engine):
    def part(client):
        begin(client)
        client.execute("answer")
        client.execute("set", "ivr_next=ivr-again-main")
        client.socket.close()

    one = engine(part)
    use(switch, one.address)
    call = switch.place(CallScript(steps=(Wait(300), HangUp())))
    clock.run_until(call.done.ready)
    assert ("transfer", "ivr-again-main XML public") in call.leg.app_log


def test_lost_before_connect_it_goes_on_at_once_with_socket_resume_only(clock, switch, engine):
    one = engine(lambda client: client.socket.close())
    ends = []
    for resume in ("set_resume", "sleep"):
        use(switch, one.address, resume=resume)
        call = switch.place(TALKS)
        clock.run_until(call.done.ready)
        ends.append(call.done.get().connected_ms)
    at_once, by_the_dead_man = ends
    assert at_once < 100
    assert 5000 <= by_the_dead_man <= 5100


def test_a_silent_engine_loses_the_call_to_the_dead_man(clock, switch, engine):
    one = engine(lambda client: client.rest())
    use(switch, one.address, resume="set_resume")
    call = switch.place(TALKS)
    clock.run_until(call.done.ready)
    assert 5000 <= call.done.get().connected_ms <= 5100


def dies(*, resume: bool = False, dial: str = "sofia/lab/agent", then: str = "CHANNEL_EXECUTE"):
    """An engine that bridges (or plays) and dies as soon as that has begun."""

    def part(client):
        uuid = begin(client, events="CHANNEL_EXECUTE CHANNEL_EXECUTE_COMPLETE CHANNEL_BRIDGE")
        client.ask(f"api sched_del {uuid}")
        client.ask(
            f"api uuid_setvar_multi {uuid} ivr_next=ivr-again-main;continue_on_fail=true;"
            f"socket_resume={'true' if resume else ''}"
        )
        client.execute("answer")
        client.until("CHANNEL_EXECUTE_COMPLETE", Application="answer")
        client.execute("playback" if dial.endswith(".wav") else "bridge", dial)
        client.until(then)
        client.pause(300)
        client.socket.close()

    return part


def test_with_socket_resume_left_set_the_prompt_is_cut(clock, switch, engine, prompt):
    """docs/freeswitch.md 65."""
    one = engine(dies(resume=True, dial=prompt))
    use(switch, one.address)
    call = switch.place(CallScript(steps=(DuringPrompt(1000), HangUp())))
    clock.run_until(one.finished)
    lost_ms = clock.monotonic_ms() - call._began
    clock.run(100)
    [stop] = [h.at_ms for h in call.happenings if h.event == "PLAYBACK_STOP"]
    assert stop <= lost_ms + 20
    assert ("transfer", "ivr-again-main XML public") in call.leg.app_log


@pytest.mark.parametrize(
    ("destination", "cause"),
    [
        (Destination.talks(1000, answer_ms=2000), "SUCCESS"),
        (Destination(answer_ms=2000, refusal="USER_BUSY"), "USER_BUSY"),
    ],
    ids=["answered", "busy"],
)
def test_the_ringing_goes_on_without_the_engine(clock, switch, engine, destination, cause):
    """docs/freeswitch.md 66: what came of it, the next engine can read."""
    one = engine(dies())
    use(switch, one.address)
    script = CallScript(destination=destination, steps=(Wait(30_000), HangUp()))
    call = switch.place(script)
    call.leg.set("hangup_after_bridge", "true")
    clock.run_until(one.finished)
    clock.run(2000)
    assert call.leg.bridged is (cause == "SUCCESS")
    assert call.leg.get("originate_disposition") == cause
    clock.run(2000)
    again = [app for app, _ in call.leg.app_log].count("socket") > 1
    assert again is (cause != "SUCCESS"), "a call that was connected ends with the bridge"


@pytest.mark.parametrize("after", ["true", "false"])
def test_an_agent_who_hangs_up_ends_it_or_gives_it_back(clock, switch, engine, after):
    """docs/freeswitch.md 67."""
    one = engine(dies(then="CHANNEL_BRIDGE"))
    use(switch, one.address)
    call = switch.place(TALKS)
    call.leg.set("hangup_after_bridge", after)
    clock.run_until(one.finished)
    clock.run(3000)
    assert call.done.ready() is (after == "true")
    again = [app for app, _ in call.leg.app_log].count("socket") > 1
    assert again is (after == "false")


def test_the_end_of_a_silent_engine_takes_the_call_from_the_second_one(clock, switch, engine):
    """docs/freeswitch.md 69: one flag keeps the channel parked for both."""
    silent = engine(lambda client: client.rest())
    living = engine(lambda client: (begin(client), client.rest()))
    switch.dialplan = {
        "second": (Action("socket", f"{living.address} async full"), Action("answer")),
        ".*": (
            Action("sched_transfer", "+2 second XML public"),
            Action("socket", f"{silent.address} async full"),
        ),
    }
    call = switch.place(CallScript(steps=(Wait(60_000), HangUp())))
    clock.run(5000)
    assert not call.leg.answered
    silent.clients[0].socket.close()
    clock.run(100)
    assert call.leg.answered


def xml(conditions: str, more: str = "") -> str:
    return (
        f'<context name="public"><extension name="a" {more}>{conditions}</extension>'
        '<extension name="b"><condition><action application="set" data="last=yes"/>'
        "</condition></extension></context>"
    )


def ran(clock, switch, text: str, **of) -> list[str]:
    """The data of what a call runs."""
    switch.dialplan = read_dialplan(text)
    call = switch.place(CallScript(**of))
    clock.run_until(call.done.ready)
    return [data for _, data in call.leg.app_log]


THE_EXEMPT = (
    '<condition field="${user_name}|${caller_id_number}" expression="^(1999\\|.*|.*\\|1999)$">'
    '<action application="set" data="ivr_exempt=true"/></condition>'
)


@pytest.mark.parametrize(
    ("number", "account", "expected"),
    [
        ("1999", "", ["ivr_exempt=true", "last=yes"]),
        ("1001", "1999", ["ivr_exempt=true", "last=yes"]),
        ("1001", "1001", ["last=yes"]),
    ],
)
def test_a_condition_on_the_account_or_the_number_that_goes_on(
    clock, switch, number, account, expected
):
    text = xml(THE_EXEMPT, 'continue="true"')
    assert ran(clock, switch, text, number=number, account=account) == expected


def a(data: str, kind: str = "action") -> str:
    return f'<{kind} application="set" data="{data}"/>'


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        (
            f'<condition field="ani" expression="^5$" break="never">{a("x=1")}</condition>'
            f'<condition field="ani" expression="^1">{a("x=2")}</condition>',
            ["x=2"],
        ),
        (
            f'<condition field="ani" expression="^1" break="on-true">{a("x=1")}</condition>'
            f'<condition field="ani" expression="^1">{a("x=2")}</condition>',
            ["x=1"],
        ),
        (
            f'<condition field="ani" expression="^5$">{a("x=1")}{a("x=2", "anti-action")}'
            f"</condition><condition>{a('x=3')}</condition>",
            ["x=2", "last=yes"],
        ),
        (
            '<condition regex="any"><regex field="ani" expression="^5$"/>'
            f'<regex field="destination_number" expression="^(2)"/>{a("x=$1")}</condition>',
            ["x=2"],
        ),
        (
            '<condition regex="all"><regex field="ani" expression="^5$"/>'
            f'<regex field="destination_number" expression="^(2)"/>{a("x=$1")}</condition>',
            ["last=yes"],
        ),
        (
            '<condition regex="xor"><regex field="ani" expression="^1"/>'
            f'<regex field="destination_number" expression="^(2)"/>{a("x=$1")}</condition>',
            ["last=yes"],
        ),
        (
            f'<condition field="ani" expression="^1">{a("x=1")}'
            f'<condition field="rdnis" expression="^$">{a("x=2")}</condition></condition>',
            ["x=1", "x=2"],
        ),
        (
            f'<condition field="ani" expression="^1">{a("x=1")}'
            f'<condition field="rdnis" expression="^7">{a("x=2")}</condition></condition>',
            ["x=1", "last=yes"],
        ),
        (
            '<condition><action application="set" data="y=z" inline="true"/></condition>'
            f'<condition field="${{y}}" expression="^(z)$">{a("x=$1")}</condition>',
            ["x=z"],
        ),
    ],
    ids=[
        "never",
        "on-true",
        "anti-action",
        "any",
        "all",
        "xor",
        "nested",
        "nested, not so",
        "inline",
    ],
)
def test_what_freeswitch_has_of_conditions(clock, switch, conditions, expected):
    assert ran(clock, switch, xml(conditions), number="1001", dialled="2000") == expected


def test_an_extension_within_another(clock, switch):
    switch.dialplan = {
        "first": (
            Action("execute_extension", "second XML public"),
            Action("execute_extension", "nothing XML public"),
            Action("set", "after=1"),
        ),
        "second": (Action("set", "within=1"), Action("multiunset", "within other")),
    }
    call = switch.place(CallScript(dialled="first"))
    clock.run_until(call.done.ready)
    assert [app for app, _ in call.leg.app_log] == [
        "execute_extension",
        "set",
        "multiunset",
        "execute_extension",
        "set",
    ]
    assert call.leg.get("after") == "1"
    assert not call.leg.get("within")
