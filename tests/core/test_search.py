"""What holds whatever happens, in whatever order (R1, R2, R3, R5, R6, R22).

Each rule has its sabotage: the machine without it, which the same search must find out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import hypothesis
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.core import call, connecting, entries, events, pausing, rules, steps, telling
from ivr.core import commands as do
from ivr.core.explore import what_can_happen, what_can_happen_to_a_pause
from ivr.core.policy import CallPolicy, Pausing
from ivr.core.state import CallState, Pause, Phase, Recording
from ivr.core.steps import Step
from tests.core.calls import ARRIVED, OUTBOUND, PATH, POLICY, REFUSING, TO_LINE
from tests.core.search import MOST_TIMERS, Node, RuleBroken, onlooker, search, step

POLICIES = {
    name: replace(policy, reminders=1, pausing=Pausing(card_digits=2, lines=frozenset({"1500"})))
    for name, policy in {
        "connect": POLICY,
        "refuse": REFUSING,
        "payment line": replace(TO_LINE, without_recording="refuse"),
        "outbound": OUTBOUND,
    }.items()
}
UNTOLD = {
    Phase.ANSWERING,
    Phase.ANNOUNCING,
    Phase.LAST_KEYS,
    Phase.REMINDING,
    Phase.DECIDING,
    Phase.FAREWELL,
    Phase.STARTING,
}
"""Where a call that staff make never is: its caller is staff, and hears no announcement."""


@pytest.mark.parametrize("name", POLICIES)
def test_no_sequence_of_events_breaks_a_rule(name: str) -> None:
    count = search(POLICIES[name])
    never = {phase for phase, states in count.items() if not states}
    if POLICIES[name].without_recording == "connect":
        assert Phase.REFUSING in never
        never.remove(Phase.REFUSING)
    if name == "outbound":
        assert never == UNTOLD
        return
    assert never == set(), "the search must reach every phase, or it proves nothing about it"


def _unannounced(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rules, "was_announced", lambda complete: True)


def _returned_untold(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rules, "was_heard_at_all", lambda state: True)


def _undurable(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rules, "is_durable", lambda state: True)


def _opt_out_ignored(patch: pytest.MonkeyPatch) -> None:
    def proceed(state: CallState, how: str, policy: Any) -> Step:
        journal = do.Journal(entries.OptOutConfirmed(how=how))
        return steps.then(journal, connecting.proceed(state._replace(may_record=True), policy))

    patch.setattr(telling, "_opted_out", proceed)


def _dialled_first(patch: pytest.MonkeyPatch) -> None:
    original = connecting.proceed

    def proceed(state: CallState, policy: Any) -> Step:
        result = original(state, policy)
        if result.state.phase is not Phase.STARTING:
            return result
        dialled = connecting.dial(result.state, policy)
        return Step(dialled.state, (do.StartRecording(state.path), *dialled.commands))

    patch.setattr(connecting, "proceed", proceed)


def _no_timer(patch: pytest.MonkeyPatch) -> None:
    original = steps.enter

    def enter(state: CallState, phase: Phase, limit_ms: int, *commands: Any) -> Step:
        result = original(state, phase, limit_ms, *commands)
        if phase is not Phase.DECIDING:
            return result
        return Step(result.state, result.commands[:-1])

    patch.setattr(steps, "enter", enter)


def _deaf_to_timers(patch: pytest.MonkeyPatch) -> None:
    patch.setitem(call._PHASES, Phase.PARTED, lambda state, event, policy: Step(state))


def _talks_to_the_dead(patch: pytest.MonkeyPatch) -> None:
    original = call._hung_up

    def hung_up(state: CallState, event: events.HungUp) -> Step:
        result = original(state, event)
        return Step(result.state, (do.StopPrompts(), *result.commands))

    patch.setattr(call, "_hung_up", hung_up)


def _late_start_stays(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rules, "is_wanted", lambda state: True)


def _given_up_and_left(patch: pytest.MonkeyPatch) -> None:
    def starting(state: CallState, event: events.Event, policy: Any) -> Step:
        if isinstance(event, events.TimerFired):
            return connecting.unrecorded(state, "late", policy)
        return Step(state)

    patch.setitem(call._PHASES, Phase.STARTING, starting)


def _records_while_opting_out(patch: pytest.MonkeyPatch) -> None:
    original = telling._opt_out

    def opt_out(state: CallState, policy: Any) -> Step:
        result = original(state, policy)
        told = state.may_record and state.durable
        more = (do.StartRecording(state.path),) if told else ()
        return Step(result.state, (*result.commands, *more))

    patch.setattr(telling, "_opt_out", opt_out)


def _connects_while_opting_out(patch: pytest.MonkeyPatch) -> None:
    original = telling._opt_out

    def opt_out(state: CallState, policy: Any) -> Step:
        result = original(state, policy)
        return Step(result.state, (*result.commands, do.Bridge("user/1", 1, 1)))

    patch.setattr(telling, "_opt_out", opt_out)


def _records_the_farewell(patch: pytest.MonkeyPatch) -> None:
    original = telling._opted_out

    def opted_out(state: CallState, how: str, policy: Any) -> Step:
        result = original(state, how, policy)
        told = state.announcement_ms and state.durable
        more = (do.StartRecording(state.path),) if told else ()
        return Step(result.state, (*result.commands, *more))

    patch.setattr(telling, "_opted_out", opted_out)


def _no_limit(patch: pytest.MonkeyPatch) -> None:
    original = steps.enter

    def enter(state: CallState, phase: Phase, limit_ms: int, *commands: Any) -> Step:
        return original(state, phase, 0 if phase is Phase.SECURING else limit_ms, *commands)

    patch.setattr(steps, "enter", enter)


def _goes_on_after_the_end(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(
        steps,
        "finish",
        lambda state: Step(state._replace(phase=Phase.DONE), (do.Finish(), do.StopPrompts())),
    )


def _ends_without_a_record(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(steps, "finish", lambda state: Step(state._replace(phase=Phase.DONE)))


# Of pauses (R6).


def _ends_unconfirmed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rules, "may_be_heard_again", lambda unmasked: True)


def _ends_for_the_agent(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rules, "ends_by_itself", lambda state: True)


def _timer_unmasks(patch: pytest.MonkeyPatch) -> None:
    _late_when(patch, lambda state: state.pause is Pause.ON and state.masked)


def _timer_shows_keys(patch: pytest.MonkeyPatch) -> None:
    _late_when(patch, lambda state: state.pause is Pause.ON and not state.masked)


def _late_when(patch: pytest.MonkeyPatch, ends: Callable[[CallState], bool]) -> None:
    original = pausing._late

    def late(state: CallState, policy: CallPolicy) -> Step:
        return pausing._end(state, "timer") if ends(state) else original(state, policy)

    patch.setattr(pausing, "_late", late)


def _shows_keys_at_once(patch: pytest.MonkeyPatch) -> None:
    original = pausing._end

    def end(state: CallState, by: str) -> Step:
        result = original(state, by)
        return Step(result.state, (*result.commands, do.ShowKeys()))

    patch.setattr(pausing, "_end", end)


def _refused_mask_ignored(patch: pytest.MonkeyPatch) -> None:
    original = pausing._mask_answered

    def answered(state: CallState, ok: bool, policy: CallPolicy) -> Step:
        return original(state, ok, policy) if ok else Step(state)

    patch.setattr(pausing, "_mask_answered", answered)


def _refused_mask_believed(patch: pytest.MonkeyPatch) -> None:
    original = pausing._mask_answered
    patch.setattr(
        pausing, "_mask_answered", lambda state, ok, policy: original(state, True, policy)
    )


def _keys_always_relayed(patch: pytest.MonkeyPatch) -> None:
    relayed = (do.ForgetKeys(), do.HideKeys("agent", 0, relayed=True))
    patch.setattr(pausing, "_hide", lambda state: relayed)


def _keys_never_relayed(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pausing, "_hide", lambda state: (do.HideKeys("agent", 0),))


def _card_numbers_told(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pausing, "_hide", lambda state: (do.HideKeys("agent", 0, relayed=state.at_line),))


def _hears_at_the_line(patch: pytest.MonkeyPatch) -> None:
    original = pausing.met

    def met(state: CallState, event: events.Bridged, policy: CallPolicy) -> Step:
        result = original(state, event, policy)
        return Step(result.state, (*result.commands, do.HearKeys()))

    patch.setattr(pausing, "met", met)


def _began_unmasked(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pausing, "recording_asked", Step)


def _part_in_the_pause(patch: pytest.MonkeyPatch) -> None:
    original = pausing.recording_ended

    def ended(state: CallState, policy: CallPolicy) -> Step:
        result = original(state, policy)
        if result.state.pause is not Pause.ON or not result.state.was_stopped:
            return result
        again = result.state._replace(recording=Recording.REQUESTED)
        return Step(again, (*result.commands, do.StartRecording(state.path)))

    patch.setattr(pausing, "recording_ended", ended)


def _forgotten_with_the_link(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pausing, "link_lost", lambda state: Step(state._replace(pause=Pause.OFF)))


def _no_pause_timer(patch: pytest.MonkeyPatch) -> None:
    original = pausing._limited

    def limited(state: CallState, pause: Pause, ms: int, *commands: Any) -> Step:
        result = original(state, pause, ms, *commands)
        return Step(result.state, result.commands[:-1]) if pause is Pause.ON else result

    patch.setattr(pausing, "_limited", limited)


def _too_late_to_pause(patch: pytest.MonkeyPatch) -> None:
    original = pausing._asked

    def asked(state: CallState, event: events.Event, policy: CallPolicy) -> Step:
        ending = state.pause is Pause.UNMASKING and isinstance(event, events.PauseAsked)
        return Step(state) if ending else original(state, event, policy)

    patch.setattr(pausing, "_asked", asked)


def _masked_first(patch: pytest.MonkeyPatch) -> None:
    original = pausing._again

    def again(state: CallState) -> Step:
        result = original(state)
        return Step(result.state, (do.Mask(state.path), *result.commands))

    patch.setattr(pausing, "_again", again)


def _told_at_once(patch: pytest.MonkeyPatch) -> None:
    original = pausing.begin

    def begin(state: CallState, by: str, at: int, policy: CallPolicy, back_ms: int = 0) -> Step:
        result = original(state, by, at, policy, back_ms)
        tone = () if state.at_line or state.held else (do.TellAgent(do.Tone.PAUSED),)
        return Step(result.state, (*result.commands, *tone))

    patch.setattr(pausing, "begin", begin)


def _tones_to_everybody(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pausing, "tell", lambda state, tone: (do.TellAgent(tone),))


def _keys_left_hidden(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pausing, "_show", pausing._over)


def _line_not_known(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(pausing, "is_line", lambda number, state, policy: False)


def _new_leg_overlooked(patch: pytest.MonkeyPatch) -> None:
    original = pausing.met

    def met(state: CallState, event: events.Bridged, policy: CallPolicy) -> Step:
        return original(state, event, policy) if state.pause is Pause.OFF else Step(state)

    patch.setattr(pausing, "met", met)


def _caller_resumes(patch: pytest.MonkeyPatch) -> None:
    original = pausing.key_pressed

    def key_pressed(state: CallState, event: events.KeyPressed, policy: CallPolicy) -> Step:
        if state.pause is Pause.ON:
            return pausing._end(state, "agent")
        return original(state, event, policy)

    patch.setattr(pausing, "key_pressed", key_pressed)


def _unwritten(patch: pytest.MonkeyPatch) -> None:
    original = pausing.begin

    def begin(state: CallState, by: str, at: int, policy: CallPolicy, back_ms: int = 0) -> Step:
        result = original(state, by, at, policy, back_ms)
        unwritten = [c for c in result.commands if not isinstance(c, do.Journal)]
        return Step(result.state, tuple(unwritten))

    patch.setattr(pausing, "begin", begin)


def _ends_at_the_line(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rules, "may_end_now", lambda state: not state.held)


def _resumed_at_the_line(patch: pytest.MonkeyPatch) -> None:
    _resumes_whatever(patch, lambda state: state.at_line)


def _ends_on_hold(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(rules, "may_end_now", lambda state: not state.at_line)


def _resumed_on_hold(patch: pytest.MonkeyPatch) -> None:
    _resumes_whatever(patch, lambda state: state.held and not state.at_line)


def _resumes_whatever(patch: pytest.MonkeyPatch, where: Callable[[CallState], bool]) -> None:
    """Whoever asks for the end of a pause has it."""
    original = pausing._asked

    def asked(state: CallState, event: events.Event, policy: CallPolicy) -> Step:
        resumes = isinstance(event, events.ResumeAsked) and state.pause is Pause.ON
        if resumes and where(state):
            return pausing._end(state, "agent")
        return original(state, event, policy)

    patch.setattr(pausing, "_asked", asked)


Sabotage = Callable[[pytest.MonkeyPatch], None]

OF_PAUSES: list[tuple[Sabotage, str]] = [
    (_ends_unconfirmed, "keys shown before the mask is off"),
    (_ends_for_the_agent, "nobody asked"),
    (_timer_unmasks, "heard again, and nobody asked"),
    (_timer_shows_keys, "keys shown, and nobody asked"),
    (_shows_keys_at_once, "keys shown before the mask is off"),
    (_refused_mask_ignored, "a mask refused and not stopped"),
    (_refused_mask_believed, "kept while paused"),
    (_keys_always_relayed, "keys let through and no payment line"),
    (_keys_never_relayed, "keys kept from the payment line"),
    (_card_numbers_told, "keys let through and told of"),
    (_hears_at_the_line, "keys told of at a payment line"),
    (_began_unmasked, "recorded while paused"),
    (_part_in_the_pause, "recorded while paused"),
    (_forgotten_with_the_link, "the pause is forgotten"),
    (_no_pause_timer, "a pause without a running timer"),
    (_too_late_to_pause, "recorded while paused"),
    (_masked_first, "masked before keys are hidden"),
    (_told_at_once, "the agent is told of a pause that is none"),
    (_tones_to_everybody, "a tone to a payment line"),
    (_keys_left_hidden, "over, and keys still hidden"),
    (_line_not_known, "at a payment line and not paused"),
    (_new_leg_overlooked, "the keys of a new leg are not hidden"),
    (_caller_resumes, "the caller ended a pause"),
    (_unwritten, "paused, and the journal does not know"),
    (_ends_at_the_line, "nobody asked"),
    (_resumed_at_the_line, "heard again at a payment line"),
    (_ends_on_hold, "nobody asked"),
    (_resumed_on_hold, "on hold"),
]
SABOTAGE: list[tuple[Sabotage, str]] = [
    (_unannounced, "a recording that was not announced"),
    (_returned_untold, "a recording that was not announced"),
    (_undurable, "a recording before its journal"),
    (_opt_out_ignored, "after opting out"),
    (_dialled_first, "connected before it is clear what is kept"),
    (_no_timer, "a phase without a running timer"),
    (_deaf_to_timers, "no way out by timers alone"),
    (_talks_to_the_dead, "a command after the hangup"),
    (_late_start_stays, "a recording that nobody wants"),
    (_given_up_and_left, "given up and not stopped"),
    (_records_while_opting_out, "a recording while opting out"),
    (_connects_while_opting_out, "connected while opting out"),
    (_records_the_farewell, "a recording after opting out"),
    (_no_limit, "a limit that is none"),
    (_goes_on_after_the_end, "a command after the end"),
    (_ends_without_a_record, "done without Finish"),
    *OF_PAUSES,
]


@pytest.mark.parametrize(("sabotage", "rule"), SABOTAGE, ids=lambda v: getattr(v, "__name__", ""))
def test_the_search_finds_a_rule_that_was_taken_out(
    monkeypatch: pytest.MonkeyPatch, sabotage: Sabotage, rule: str
) -> None:
    sabotage(monkeypatch)
    # The smallest policy that shows it: staff's calls know pauses, and no announcement.
    paused = (sabotage, rule) in OF_PAUSES
    policy = POLICIES["outbound"] if paused else replace(POLICY, reminders=1)
    with pytest.raises(RuleBroken, match=rule):
        search(policy)


def test_a_recording_that_comes_too_late_never_stays(monkeypatch: pytest.MonkeyPatch) -> None:
    """The rule by itself: whatever phase a late RECORD_START finds, it is stopped."""
    late = CallState(phase=Phase.CONNECTED, recording=Recording.REFUSED, path=PATH)
    stop = do.StopRecording(PATH)
    assert call.advance(late, events.RecordingStarted(0), POLICY).commands == (stop,)
    monkeypatch.setattr(rules, "is_wanted", lambda state: True)
    assert stop not in call.advance(late, events.RecordingStarted(0), POLICY).commands


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_random_call_with_random_timings_breaks_a_rule(data: st.DataObject) -> None:
    live_through(data)


@pytest.mark.parametrize(
    "sabotage",
    [_unannounced, _opt_out_ignored, _no_timer, _forgotten_with_the_link, _masked_first],
    ids=lambda v: v.__name__,
)
def test_random_calls_find_a_rule_that_was_taken_out(
    monkeypatch: pytest.MonkeyPatch, sabotage: Sabotage
) -> None:
    sabotage(monkeypatch)
    calls = settings(
        max_examples=2000,
        deadline=None,
        database=None,
        derandomize=True,
        phases=(hypothesis.Phase.generate,),
    )
    with pytest.raises(RuleBroken):
        calls(given(st.data())(live_through))()


def leads_on(state: CallState, event: events.Event, policy: Any) -> bool:
    ends = isinstance(event, events.HungUp | events.LinkLost)
    return not ends and call.advance(state, event, policy).state.phase is not state.phase


def live_through(data: st.DataObject) -> None:
    """A call of random events at random moments, and then of timers alone."""
    policy = data.draw(st.sampled_from([*POLICIES.values()]))
    opting_out = data.draw(st.booleans())
    node: Node = step((CallState(), onlooker(policy)), ARRIVED, policy)
    now = 0
    for _ in range(data.draw(st.integers(1, 40))):
        now += data.draw(st.integers(0, 5000))
        state, happen = node[0], list(what_can_happen(node[0], policy))
        # Half of the time something that leads on, or few calls would get anywhere.
        if data.draw(st.booleans()):
            happen = [event for event in happen if leads_on(state, event, policy)] or happen
            if opting_out and state.phase in (Phase.ANNOUNCING, Phase.LAST_KEYS):
                happen = [events.KeyPressed(0, policy.opt_out_keys[len(state.keys.keys)])]
                now = state.keys.at + 1
        if state.phase in pausing.LIVE:
            happen += what_can_happen_to_a_pause(state)
        event = data.draw(st.sampled_from(happen))
        node = step(node, replace(event, at=now), policy)
    for _ in range(MOST_TIMERS):
        if node[0].phase is Phase.DONE:
            break
        now += 60_000
        node = step(node, events.TimerFired(now, node[0].timer), policy)
    assert node[0].phase is Phase.DONE
