"""What all checks have in common: what they need, how long they may take, how they fail."""

from __future__ import annotations

import threading
from dataclasses import replace

import pytest

from ivr.doctor.checks import CHECKS, Check, Needs, judged
from ivr.doctor.finding import listed, ok
from ivr.doctor.switch import SwitchAway


def test_names_are_said_once():
    names = [check.name for check in CHECKS]
    assert len(names) == len(set(names)) > 20


def test_a_host_that_is_well(well):
    verdicts = {result.check: result.finding.verdict for result in judged(well)}
    assert set(verdicts) == {check.name for check in CHECKS}
    assert "wrong" not in verdicts.values()
    assert [name for name, verdict in verdicts.items() if verdict == "unchecked"] == ["recordings"]


def test_without_a_site_only_the_host_is_looked_at(well):
    patient = replace(well, site=None, configuration=None, said=None, mistakes=("x:1:1: y",))
    found = {result.check: result.finding for result in judged(patient)}
    looked = {name for name, finding in found.items() if finding.verdict != "unchecked"}
    assert looked == {"configuration", "ntp", "clock", "time zone"}
    assert found["spool"].found == "the site file has mistakes"


def test_without_a_configuration_the_rest_goes_on(well):
    patient = replace(well, configuration=None, mistakes=("x:1:1: y",))
    found = {result.check: result.finding for result in judged(patient)}
    assert found["dialplan"].found == "the configuration has mistakes"
    assert found["modules"].verdict == "ok"
    assert found["spool"].verdict == "warning"


@pytest.mark.parametrize(
    ("stage", "why"),
    [
        ("connecting", "FreeSWITCH does not answer"),
        ("answering", "FreeSWITCH does not answer"),
        ("password", "FreeSWITCH lets nobody in"),
    ],
)
def test_without_freeswitch_the_rest_goes_on(well, stage, why):
    patient = replace(well, said=None, away=SwitchAway(stage, "x"))
    found = {result.check: result.finding for result in judged(patient)}
    assert found["modules"].verdict == found["dialplan"].verdict == "unchecked"
    assert found["modules"].found == why
    assert found["ports"].verdict != "unchecked"


def test_a_check_that_fails_keeps_no_other_from_being_made(well):
    def broken(_patient):
        raise ValueError("07700900123")

    checks = (Check("one", broken, Needs.NOTHING), Check("two", lambda _: ok("x"), Needs.NOTHING))
    one, two = judged(well, checks)
    assert one.finding.verdict == "unchecked"
    assert "ValueError" in one.finding.found
    assert "07700900123" not in one.finding.found
    assert two.finding == ok("x")


def test_checks_that_block_keep_no_other_from_being_made(well):
    over = threading.Event()
    blocked = [Check(name, lambda _: (over.wait(), ok("x"))[1], Needs.NOTHING) for name in "ab"]
    checks = (*blocked, Check("c", lambda _: ok("x"), Needs.NOTHING))
    found = [result.finding for result in judged(well, checks, 0.5)]
    over.set()
    assert [one.verdict for one in found] == ["unchecked", "unchecked", "ok"]
    assert "not done within" in found[0].found


def test_one_fault_is_the_finding_and_several_are_counted():
    assert listed(["a"], "{} things") == ("a", ())
    assert listed(["a", "b"], "{} things") == ("2 things", ("a", "b"))
