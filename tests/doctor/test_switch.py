"""FreeSWITCH is asked over a connection of its own, with a limit, and nothing is changed."""

from __future__ import annotations

import os
import socket
import threading
from dataclasses import replace

import pytest

from ivr.config.load import load
from ivr.config.settings import Address
from ivr.doctor import switch as asking
from ivr.doctor.patient import patient
from ivr.doctor.switch import Conversation, SwitchAway, interview
from tests.doctor import right


def ask(one, *contexts):
    site = load(one.site_file).site
    return interview(site.freeswitch.address, site.freeswitch.password, contexts)


def test_what_it_says(switch):
    told = ask(switch, "public")
    configuration = load(switch.site_file)
    assert told.local
    assert told.version.startswith("FreeSWITCH Version 1.10.12")
    assert told.modules == frozenset(right.MODULES)
    assert told.interfaces == right.interfaces(configuration)
    assert told.debug_level == 0
    assert told.variables["digits_dialed_filter"] == "^(.+)$"
    assert "log_dir" not in told.variables
    assert set(told.settings) == set(asking.CONFIGURATIONS)
    assert set(told.contexts) == {"public"}


def test_what_it_does_not_know(switch):
    switch.answers = {
        "global_getvar digits_dialed_filter": "-ERR no reply\n",
        "fsctl debug_level": "-ERR\n",
        "show modules": "-ERR no such thing\n",
    }
    told = ask(switch, "public", "default")
    assert told.settings == told.contexts == {}
    assert told.interfaces == frozenset()
    assert told.debug_level is None
    assert "digits_dialed_filter" not in told.variables


def test_its_process_is_found(switch):
    found = patient(switch.site_file)
    assert found.away is None
    assert found.switch is not None
    assert found.switch.pid == os.getpid()


def test_a_password_that_is_refused(switch):
    address = load(switch.site_file).site.freeswitch.address
    for password in ("wrong", "bad\nauth"):
        with pytest.raises(SwitchAway) as refused:
            interview(address, password, ())
        assert refused.value.stage == "password"
        assert password not in str(refused.value)


def test_nobody_there():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        address = Address("127.0.0.1", one.getsockname()[1])
        with pytest.raises(SwitchAway) as away:
            interview(address, "x", ())
    assert (away.value.stage, str(away.value)) == ("connecting", "Connection refused")


def answering(greeting: bytes) -> tuple[Address, socket.socket]:
    """Something that greets so, and says no more."""
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen()

    def greet() -> None:
        client, _ = server.accept()
        client.sendall(greeting)
        while client.recv(4096):
            continue
        client.close()

    threading.Thread(target=greet, daemon=True).start()
    return Address("127.0.0.1", server.getsockname()[1]), server


@pytest.mark.parametrize(
    ("greeting", "stage", "says"),
    [
        (b"", "connecting", "is no FreeSWITCH: it does not greet within"),
        (b"Content-Type: auth/request\n\n", "answering", "does not answer within"),
        (b"Content-Type: text/rude-rejection\n\n", "connecting", "access list"),
    ],
)
def test_one_that_says_nothing_holds_nobody_up(monkeypatch, greeting, stage, says):
    monkeypatch.setattr(asking, "LIMIT_S", 1.0)
    address, server = answering(greeting)
    with pytest.raises(SwitchAway) as away:
        interview(address, "x", ())
    server.close()
    assert away.value.stage == stage
    assert says in str(away.value)


def test_one_command_that_is_never_answered(switch, monkeypatch):
    monkeypatch.setattr(asking, "LIMIT_S", 1.0)
    switch.faults.silence("show modules")
    with pytest.raises(SwitchAway) as away:
        ask(switch)
    assert away.value.stage == "answering"


def test_one_that_goes_away_meanwhile(switch):
    site = load(switch.site_file).site
    talk = Conversation(site.freeswitch.address, site.freeswitch.password)
    assert talk.ask(["global_getvar core_uuid"])
    for listener in tuple(switch.listeners):
        listener.drop()
    with pytest.raises(SwitchAway) as away:
        talk.ask(["version"] * 250)
    talk.close()
    assert away.value.stage == "answering"
    assert str(away.value)


def test_many_questions(switch):
    site = load(switch.site_file).site
    talk = Conversation(site.freeswitch.address, site.freeswitch.password)
    assert talk.ask(["uuid_exists x"] * 250) == ["false"] * 250
    talk.close()


def test_only_questions_are_sent(switch):
    """``fsctl loglevel`` without a level would switch the log off."""
    seen: list[str] = []
    real = switch.api
    switch.api = lambda command, arg: (seen.append(f"{command} {arg}"), real(command, arg))[1]
    ask(switch, "public", "default")
    verbs = {text.split()[0] for text in seen}
    assert verbs == {"version", "show", "fsctl", "global_getvar", "xml_locate"}
    assert [text for text in seen if text.startswith("fsctl")] == ["fsctl debug_level"]


def test_a_freeswitch_of_another_host(switch, monkeypatch):
    told = replace(ask(switch), local=False)
    monkeypatch.setattr("ivr.doctor.patient.interview", lambda *_: told)
    assert patient(switch.site_file).switch is None
