"""The lab switch against recorded conversations with FreeSWITCH 1.10.12."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import unquote

import pytest

from ivr.lab.script import CallScript, Destination, DuringPrompt, HangUp, Keys, WhenConnected
from tests.lab.client import Client, Message
from tests.lab.conversation import Said, read_capture

READ = (
    "Event-Name",
    "Application",
    "Application-Data",
    "Application-Response",
    "Content-Type",
    "Content-Disposition",
    "Reply-Text",
    "Socket-Mode",
    "Control",
    "Linger-Time",
    "Channel-Name",
    "Channel-State",
    "Channel-Call-State",
    "Channel-State-Number",
    "Answer-State",
    "Call-Direction",
    "Channel-HIT-Dialplan",
    "Channel-Read-Codec-Name",
    "Channel-Read-Codec-Rate",
    "Channel-Write-Codec-Rate",
    "Caller-Caller-ID-Name",
    "Caller-Caller-ID-Number",
    "Caller-Destination-Number",
    "Caller-Callee-ID-Number",
    "Caller-Context",
    "Channel-Caller-ID-Name",
    "Channel-Destination-Number",
    "Other-Type",
    "Other-Leg-Direction",
    "Other-Leg-Destination-Number",
    "Other-Leg-Channel-Name",
    "DTMF-Digit",
    "DTMF-Source",
    "Hangup-Cause",
    "Playback-File-Path",
    "Playback-Status",
    "Record-File-Path",
    "Record-Completion-Cause",
    "variable_current_application",
    "variable_current_application_data",
    "variable_current_application_response",
    "variable_current_loop",
    "variable_playback_ms",
    "variable_playback_seconds",
    "variable_playback_samples",
    "variable_playback_terminator_used",
    "variable_record_completion_cause",
    "variable_RECORD_STEREO",
    "variable_RECORD_MIN_SEC",
    "variable_sip_hangup_disposition",
    "variable_sip_hangup_phrase",
    "variable_sip_invite_failure_status",
    "variable_sip_invite_failure_phrase",
    "variable_sip_term_status",
    "variable_sip_term_cause",
    "variable_sip_from_display",
    "variable_sip_req_user",
    "variable_originate_disposition",
    "variable_originate_failed_cause",
    "variable_DIALSTATUS",
    "variable_endpoint_disposition",
    "variable_hangup_cause",
    "variable_hangup_cause_q850",
    "variable_bridge_hangup_cause",
    "variable_last_bridge_hangup_cause",
    "variable_last_bridge_role",
    "variable_proto_specific_hangup_cause",
    "variable_digits_dialed",
    "variable_sensitive_dtmf",
    "variable_last_app",
    "variable_last_arg",
    "variable_read_codec",
    "variable_read_rate",
    "variable_hangup_after_bridge",
    "variable_continue_on_fail",
    "variable_DP_MATCH",
    "variable_caller_id",
)
"""Headers that an engine may read: their values must be FreeSWITCH's."""

IDS = (
    "Unique-ID",
    "Channel-Call-UUID",
    "Caller-Unique-ID",
    "Channel-Unique-ID",
    "Controlled-Session-UUID",
    "Bridge-A-Unique-ID",
    "Bridge-B-Unique-ID",
    "Other-Leg-Unique-ID",
    "variable_uuid",
    "variable_call_uuid",
    "variable_signal_bond",
    "variable_bridge_uuid",
    "variable_bridge_to",
    "variable_last_bridge_to",
    "variable_originate_signal_bond",
)
"""Ids: another one stands for the same leg throughout."""

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Scenario:
    """What the people did in a recorded conversation."""

    script: CallScript
    pauses: dict[int, int] = field(default_factory=dict)
    """Milliseconds the client thought before its command of this number, from 0."""


SCENARIOS = {
    "recorded-call-with-payment-pause": Scenario(
        # Not on a packet's boundary: FreeSWITCH's notice comes between hangup and unbridge.
        CallScript(steps=(WhenConnected(5510), HangUp())),
        {11: 1500, 12: 20, 13: 2000, 14: 20},
    ),
    "opt-out-then-return": Scenario(
        CallScript(
            destination=Destination(answer_ms=0),
            steps=(
                DuringPrompt(580),
                Keys("*#*", gap_ms=0, press_ms=120),
                DuringPrompt(620),
                Keys("1", press_ms=120),
                WhenConnected(1980),
                HangUp(),
            ),
        ),
        {7: 10_000},
    ),
    "opt-out-then-terminate": Scenario(
        CallScript(steps=(DuringPrompt(580), Keys("*#*", gap_ms=0, press_ms=120))),
        {7: 10_000},
    ),
    "destination-busy": Scenario(CallScript(), {9: 1000}),
    "agent-hangs-up-first": Scenario(CallScript(destination=Destination.talks(1500))),
    "caller-hangs-up-in-announcement": Scenario(
        CallScript(steps=(DuringPrompt(1000), HangUp())),
    ),
    "errors-and-odd-replies": Scenario(CallScript(), {4: 200}),
}


class Translation:
    """Puts this run's ids and paths in the place of the recorded ones."""

    def __init__(self, **texts: str) -> None:
        self._texts = dict(texts.items())

    def learn(self, theirs: str, ours: str) -> None:
        known = self._texts.setdefault(theirs, ours)
        assert known == ours, f"{theirs} was {known} and is {ours} now"

    def apply(self, text: str) -> str:
        for theirs, ours in self._texts.items():
            text = text.replace(theirs, ours)
        return text


def compare(theirs: Message, ours: Message, translation: Translation) -> None:
    """One recorded message against one of the lab switch."""
    where = f"in {theirs.label()}"
    have, want = {**ours.headers, **ours.event}, {**theirs.headers, **theirs.event}
    assert set(have) == set(want), (
        f"{where}: missing {sorted(set(want) - set(have))}, "
        f"too many {sorted(set(have) - set(want))}"
    )
    for name in IDS:
        if name in want:
            assert UUID.fullmatch(have[name]), (where, name)
            translation.learn(want[name], have[name])
    for name in READ:
        if name in want:
            expected = translation.apply(unquote(want[name]))
            assert unquote(have[name]) == expected, f"{where}: {name}"
    if "Application-UUID" in want:
        assert UUID.fullmatch(have["Application-UUID"])
    if "variable_playback_last_offset_pos" in want:
        name = "variable_playback_last_offset_pos"
        assert abs(int(have[name]) - int(want[name])) <= 320, f"{where}: {name}"
    if not theirs.event:
        assert ours.body == translation.apply(theirs.body), where


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_switch_says_what_freeswitch_said(name, clock, switch, engine, prompt, tmp_path):
    scenario = SCENARIOS[name]
    conversation = read_capture(name)
    translation = Translation(
        **{
            "/usr/share/sounds/a.wav": prompt,
            "/var/spool/rec": str(tmp_path / "rec"),
        }
    )

    def replay(client: Client) -> int:
        said = compared = 0
        for item in conversation:
            if isinstance(item, Said):
                client.pause(scenario.pauses.get(said, 0))
                client.send(translation.apply(item.text))
                said += 1
                continue
            ours = client.message()
            assert ours is not None, f"the stream ended before {item.label()}"
            got, wanted = ours.label(), translation.apply(item.label())
            assert got == wanted, f"after {[m.label() for m in client.seen[-4:-1]]}"
            compare(item, ours, translation)
            compared += 1
        assert client.message() is None, "FreeSWITCH said nothing more"
        return compared

    one = engine(replay)
    translation.learn("127.0.0.1:8084", one.address)
    switch.place(scenario.script)
    clock.run_until(one.finished)

    assert one.results[0].get() == sum(not isinstance(item, Said) for item in conversation)
