"""Callers who send anything: it is data and nothing else (R23; docs/freeswitch.md 3, 4)."""

from __future__ import annotations

import io
import json
from urllib.parse import unquote_to_bytes

import pytest
import structlog

from ivr import logs
from ivr.lab import CallScript, Destination
from ivr.lab.script import DuringPrompt, Keys, WhenConnected
from tests.engine.site import NUMBER

HOSTILE = {
    "line feeds": "Jo\r\n\r\nEvent-Name: CHANNEL_HANGUP_COMPLETE\n",
    "encoded line feeds": "Jo%0AEvent-Name: CHANNEL_HANGUP_COMPLETE%0A%0A",
    "encoded twice": "Jo%250AEvent-Name: HACK",
    "a command": "x\n\nsendmsg\ncall-command: hangup\n\n",
    "an api command": "x\n\napi system rm -rf /\n\n",
    "a variable": "${system(reboot)} ${hash(select/x)} $${password}",
    "dial string": "},sofia/lab/premium|{origination_caller_id_number=999",
    "semicolons": "a;RECORD_STEREO=false;playback_terminators=any",
    "nul": "Jo\x00Bloggs",
    "escapes": "\x1b[2J\x1b]0;owned\x07Jo\x9b31m",
    "path": "../../../../etc/cron.d/x",
    "shell": "$(touch /owned) `touch /owned` ; | &",
    "json": '"},{"what":"hung-up"}],"x":"\\',
    "yaml and html": "<script>alert(1)</script> {{7*7}} - a: !!python/object",
    "latin 1": "J\udcf6rg",
    "cut utf-8": "Jo\udce2\udc82",
    "utf-8": "Zoë Ångström 王 \U0001f600",
    "direction": "\u202etxt.exe\u2028\u2029\u0085",
    "long": "x" * 8_000,
    "nothing": "",
    "format": "%s%n%d {0.__class__} %(x)s",
}


def sent_as(text: str) -> str:
    """What stands in the record: what UTF-8 cannot hold is shown as such, and what looks
    encoded is taken for it, for FreeSWITCH leaves a stranger's ``%`` as it came."""
    return unquote_to_bytes(text.encode("utf-8", "surrogateescape")).decode("utf-8", "replace")


@pytest.fixture(params=["json", "text"])
def written(request) -> tuple[io.StringIO, str]:
    """The log as the service writes it, in both forms."""
    out = io.StringIO()
    structlog.configure(
        processors=logs.chain(text=request.param == "text", numbers="full", colours=False),
        logger_factory=structlog.PrintLoggerFactory(out),
    )
    return out, request.param


@pytest.mark.parametrize("name", HOSTILE)
def test_whatever_a_caller_sends_is_data(house, written, name):
    text = HOSTILE[name]
    script = CallScript(
        caller=text,
        number=text,
        headers={"X-Evil": text, "Diversion": text, "X-Event-Name": text},
        destination=Destination.talks(300),
    )
    log, form = written
    before = len(house.commands)
    call = house.call(script)
    call.assert_heard(300)
    record = call.record
    assert record["caller_name"] == record["caller"] == sent_as(text)
    assert record["number"] == NUMBER
    assert record["ended"] == {
        "by": "agent",
        "cause": "NORMAL_CLEARING",
        "q850": 16,
        "reason": "",
    }
    assert call.steps.count("hung-up") == 1

    # Nothing of it is sent to the switch: what is sent is what any call brings.
    sent = [one.replace(call.outcome.uuid, "ID") for one in house.commands[before:]]
    ordinary = house.call(CallScript(destination=Destination.talks(300)))
    same = [
        one.replace(ordinary.outcome.uuid, "ID") for one in house.commands[before + len(sent) :]
    ]
    assert sent == same

    # No file but those of two calls, and each line of the log is one event.
    made = sorted(one.name for one in (house.spool / "new").iterdir())
    ids = (call.outcome.uuid, ordinary.outcome.uuid)
    assert made == sorted(f"{one}.{kind}" for one in ids for kind in ("json", "wav"))
    lines = log.getvalue().split("\n")
    assert lines.pop() == ""
    ended = [line for line in lines if "call ended" in line]
    assert len(ended) == 2
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for line in lines for char in line)
    assert not {"\u2028", "\u2029", "\u202e"} & set(log.getvalue())
    if form == "json":
        assert [json.loads(line)["call"] for line in ended] == [*ids]
        assert json.loads(ended[0])["caller"] == record["caller"]
    status, _body = house.get("/metrics")
    assert status == 200
    assert text == "" or text not in _body


@pytest.mark.parametrize("name", [name for name in HOSTILE if name != "nothing"])
def test_whatever_number_is_dialled(house, logged, name):
    """No route claims it: it is turned away, and no record is made."""
    call = house.place(CallScript(dialled=HOSTILE[name]))
    house.clock.run_until(call.done.ready)
    house.clock.run(1000)
    assert house.metric("ivr_calls_turned_away_total") == 1
    assert list((house.spool / "new").iterdir()) == []
    assert [one["event"] for one in logged if one.get("call") == call.uuid] == ["call turned away"]
    assert house.call(CallScript(destination=Destination.talks(100))).outcome.connected_ms


def test_a_hostile_agent_is_data_too(house):
    """What the other side sends: its name and number come in events of the call."""
    text = "x%0AEvent-Name: CHANNEL_HANGUP_COMPLETE\n\nUnique-ID: y"
    agent = Destination(steps=(WhenConnected(400),))
    call = house.place(CallScript(destination=agent))
    house.until(call, "connected")
    for name in ("effective_callee_id_name", "sip_h_X-Evil", "variable_x\n\nEvent-Name"):
        call.leg.set(name, text)
    house.clock.run(300)
    call.leg.hang_up("NORMAL_CLEARING", by="caller")
    told = house.over(call)
    assert told.record["ended"]["by"] == "caller"
    assert told.steps.count("hung-up") == 1


def test_keys_without_end(house):
    """Hundreds of keys hold nothing up and leave no trace in the record."""
    keys = "0123456789*" * 20
    call = house.call(
        CallScript(
            steps=(DuringPrompt(), Keys(keys, gap_ms=1, press_ms=1)),
            destination=Destination.talks(2000, answer_ms=1000),
        )
    )
    assert call.record["announcement"] == "fully"
    assert len(call.steps) == 10
    assert "DTMF" not in json.dumps(call.record)
