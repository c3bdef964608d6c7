"""An onlooker of a call that knows the rules which protect a caller, and objects."""

from __future__ import annotations

from typing import Any, NamedTuple

from ivr.core import call, entries, events
from ivr.core import commands as do
from ivr.core.commands import Command
from ivr.core.events import Event
from ivr.core.pausing import HOLD, OPT_OUT, THEMSELVES, is_live
from ivr.core.policy import CallPolicy
from ivr.core.state import CallState, Pause, Phase
from ivr.core.steps import Step
from ivr.esl.wording import ALL
from tests.core.facts import Facts, RuleBroken, facts_of, judge_end

AFTER_HANGUP = (do.Journal, do.SyncJournal, do.HastenJournal, do.StartTimer, do.Finish, do.EndOther)
RECORDER = (do.StopRecording,)
CALLERS = (events.KeyPressed, events.HungUp, events.BridgeEnded, events.PromptEnded)
"""What a caller can bring about alone."""
NONE: frozenset[str] = frozenset()


class Watcher(NamedTuple):
    """What an onlooker knows of a call, from its events and commands alone."""

    arrived: bool = False
    heard_some: bool = False
    heard_all: bool = False
    opted_out: bool = False
    """Keyed, and neither returned nor confirmed."""
    barred: bool = False
    """The same of a caller who is recorded: until that caller comes back nothing is kept."""
    returned: bool = False
    confirmed: bool = False
    told: bool = False
    """May be recorded, by what was heard and keyed."""
    synced: bool = False
    """The intent of the part that is to be recorded is on disk."""
    syncs: int = 0
    """Answers of the disk that are on their way."""
    recorded: frozenset[str] = NONE
    """Paths that FreeSWITCH may be recording to."""
    given_up: bool = False
    """The journal says that there will be no recording."""
    joined: bool = False
    """Somebody was connected."""
    asked: bool = False
    """FreeSWITCH has not answered yet whether it records."""
    started: bool = False
    hidden: bool = False
    """FreeSWITCH was told to hide keys, and not to show them again."""
    deaf: bool = False
    """FreeSWITCH was told to tell of no key, and not to tell of them again."""
    masked: frozenset[str] = NONE
    """Paths of which FreeSWITCH confirmed a mask, and was not told to end it."""
    mask_asked: frozenset[str] = NONE
    covered: frozenset[str] = NONE
    """Paths of which FreeSWITCH confirmed a mask, and has not confirmed its end."""
    may_resume: bool = False
    """Somebody who may asked for the end of the pause."""
    paused: bool = False
    line: bool = False
    """Connected to a payment line."""
    held: bool = False
    """The agent has the call on hold, and the team does not record that."""
    leg: str = ""
    """Whom the call is connected to."""
    alone: bool = False
    """Nobody but the payment line or the hold asked for the pause."""
    through: bool = False
    """FreeSWITCH lets keys through in this pause, for a caller who opts out."""
    own: bool = False
    """The caller's keys began the pause, and nobody else has asked for it."""
    consulting: bool = False
    """The agent speaks with the exempt extension besides."""
    keying: bool = False
    """The opt-out sequence is half keyed."""
    waits: str = ""
    """Who was parted from a caller that opts out."""
    guarded: bool = False
    """The team has an exempt extension."""
    exact: bool = False
    """Who hears whom is followed."""
    exempt: bool = False
    """The exempt extension takes part."""
    apart: bool = True
    veil: bool = False
    """FreeSWITCH masks what is recorded now by itself, or has not been told to end a mask."""
    unveils: bool = False
    """It ends that when the telephone that was dialled is answered."""
    sure: bool | None = False
    """It was found out who is heard now; None: that was asked."""
    pause_timer: int = 0
    outbound: bool = False
    hung_up: bool = False
    timer: int = 0
    finished: bool = False

    def sees(self, event: Event, policy: CallPolicy) -> Watcher:
        """Take an event. What it does not look at, :func:`weight` gives no weight."""
        match event:
            case events.Arrived():
                return self._replace(arrived=True)
            case events.PromptEnded(prompt=prompt, heard_ms=ms) if (
                prompt.name == policy.announcement.name
            ):
                full = ms >= prompt.files[8000].length_ms
                return self._replace(
                    heard_some=self.heard_some or ms > 0,
                    heard_all=self.heard_all or full,
                )
            case events.Journalled() | events.JournalFailed():
                left = max(0, self.syncs - 1)
                written = isinstance(event, events.Journalled) and not left
                return self._replace(syncs=left, synced=self.synced or written)
            case events.RecordingStarted():
                return self._replace(started=True, asked=False)
            case events.RecordingStopped(path=path):
                return self._no_more(path)
            case events.RecordingFailed(path=path) if self.asked:
                return self._no_more(path)._replace(asked=False)
            case events.HungUp():
                return self._replace(hung_up=True)
            case events.Masked(ok=ok, path=path) if path in self.mask_asked:
                asked = self.mask_asked - {path}
                if not ok:
                    return self._replace(mask_asked=asked)
                masked, covered = self.masked | {path}, self.covered | {path}
                return self._replace(mask_asked=asked, masked=masked, covered=covered)
            case events.Unmasked(ok=True, path=path) if path not in self.masked | self.mask_asked:
                return self._replace(covered=self.covered - {path})
            case events.PauseAsked():
                return self._replace(alone=False, may_resume=False)
            case events.ResumeAsked():
                opts = self.keying or self.opted_out or self.confirmed
                return self._replace(may_resume=self.may_resume or not (self.own and opts))
            case events.Exempt() if self.arrived:
                return self._replace(exempt=True)
            case events.StillJoined() if self.sure is None and not self.apart:
                return self._replace(sure=True)
            case events.Unbridged() | events.BridgeEnded(hung_up=False):
                return self._parted()
            case events.OtherLeft(leg=leg) if leg == self.waits:
                return self._replace(waits="")
            case events.LinkLost():
                return self._replace(waits="")
            case events.Held() if policy.pausing.on_hold == "mask":
                return self._replace(held=True)
            case events.WasPaused(by=by) if by == HOLD and not self.paused:
                return self._replace(held=True)
            case events.Consults() if self.joined and not self.apart:
                return self._replace(held=True, consulting=True)
            case events.ConsultOver():
                return self._replace(consulting=False)
            case events.Unheld() if not self.consulting:
                return self._replace(held=False)._left_since(self)
            case events.Bridged(number=number, other_leg=leg):
                first = policy.payment_line and not self.joined
                line = first or number in policy.pausing.lines
                same = leg == self.leg
                consulting = self.consulting and same
                held = self.held and same and not (self.waits and self.apart)
                joined = self._replace(
                    line=line, held=held or consulting, consulting=consulting, leg=leg
                )._left_since(self)
                return joined._meets(number in policy.exempt, leg)
            case _:
                return self

    def _parted(self) -> Watcher:
        """FreeSWITCH masks as a bridge ends, where the team has an exempt extension."""
        veil = self.veil or (self.guarded and bool(self.recorded))
        return self._replace(apart=True, sure=False, veil=veil) if self.exact else self

    def _meets(self, exempt: bool, leg: str) -> Watcher:
        """Another leg is joined; what there was of a bridge has ended before."""
        back = leg == self.waits and not (self.opted_out or self.confirmed)
        waits = "" if back else self.waits
        after = self._parted()._replace(apart=False, waits=waits)
        if exempt and self.arrived:
            heard = after.recorded and not after.veil and after.recorded - after.masked
            if heard and not self.hung_up:
                raise RuleBroken(f"the exempt extension is recorded (R8): {self}")
            return after._replace(exempt=True)
        return after._replace(veil=after.veil and not self.unveils, unveils=False)

    def _no_more(self, path: str) -> Watcher:
        """Nothing is recorded there any more; ``all``: nowhere."""
        gone = self.recorded | self.masked | self.mask_asked | self.covered
        gone = gone if path == ALL else frozenset((path,))
        return self._replace(
            recorded=self.recorded - gone,
            masked=self.masked - gone,
            mask_asked=self.mask_asked - gone,
            covered=self.covered - gone,
        )

    @property
    def _pauses(self) -> bool:
        """Something is known that only a pause is judged by."""
        return (
            self.hidden or self.deaf or self.alone or self.held or self.line or self.may_resume
        ) or bool(self.masked or self.mask_asked or self.covered)

    @property
    def heard(self) -> frozenset[str]:
        """Paths at which what is said now may be kept."""
        return NONE if self.veil else self.recorded - self.masked

    @property
    def known(self) -> bool:
        """It is known whom a recording would hear."""
        apart = self.apart if self.exact else not self.joined
        return not apart and (self.sure is True or not self.guarded)

    def _left_since(self, before: Watcher) -> Watcher:
        """A pause that nobody asked for may end when the call has left the payment line, or is
        back from hold."""
        left = (before.line or before.held) and not (self.line or self.held)
        return self._replace(may_resume=self.may_resume or (left and self.alone and not self.own))

    def judges(self, command: Command) -> Watcher:
        """Take a command; raise RuleBroken where a rule forbids it."""
        self._forbid(self.finished, command, "a command after the end")
        self._forbid(
            self.hung_up and not isinstance(command, AFTER_HANGUP + RECORDER),
            command,
            "a command after the hangup that does not finish the record",
        )
        match command:
            case do.StartRecording(path=path):
                self._forbid(self.opted_out, command, "a recording while opting out (R3)")
                self._forbid(self.confirmed, command, "a recording after opting out (R3)")
                self._forbid(not self._is_told, command, "a recording that was not announced (R1)")
                self._forbid(not self.synced, command, "a recording before its journal (R22)")
                self._forbid(self.exempt, command, "a recording with the exempt extension (R8)")
                unguarded = self.guarded and not command.veiled
                self._forbid(unguarded, command, "a recording that FreeSWITCH does not guard (R8)")
                unknown = self.guarded and not command.unheard and self.apart
                self._forbid(unknown, command, "heard before it is known who is there (R8)")
                twice = bool(self.recorded)
                self._forbid(twice, command, "two recordings at once (R5)")
                begun = self.recorded | {path}
                return self._replace(
                    recorded=begun, asked=True, started=False, veil=command.unheard
                )
            case do.StopRecording(path=path):
                return self._no_more(path)
            case do.LetThrough():
                self._forbid(self.opted_out, command, "connected while opting out (R3)")
                self._forbid(self.confirmed, command, "connected after opting out (R3)")
            case do.Part(other_leg=leg):
                return self._replace(waits=leg)
            case do.EndOther(other_leg=leg) if leg == self.waits:
                return self._replace(waits="")
            case do.MakeSure():
                return self._replace(sure=None)
            case do.Bridge() | do.Enqueue():
                self._forbid(self.exempt, command, "connected with the exempt extension (R8)")
                self._forbid(self.opted_out, command, "connected while opting out (R3)")
                self._forbid(self.confirmed, command, "connected after opting out (R3)")
                certain = self.outbound or self.given_up or (bool(self.recorded) and self.started)
                self._forbid(not certain, command, "connected before it is clear what is kept (R5)")
                unveils = isinstance(command, do.Bridge) and bool(command.unveils)
                paused = unveils and self.paused
                self._forbid(paused, command, "heard as it is answered, and paused (R6)")
                return self._replace(unveils=unveils)
            case do.Mask(path=path):
                self._forbid(not self.hidden, command, "masked before keys are hidden (R6)")
                return self._replace(mask_asked=self.mask_asked | {path})
            case do.Unmask(path=path):
                unasked = self.paused and not self.may_resume
                self._forbid(unasked, command, "heard again, and nobody asked (R6)")
                self._forbid(self.barred, command, "heard again while opting out (R4)")
                unknown = self.guarded and not self.known
                self._forbid(unknown, command, "heard before it is known who is there (R8)")
                self._forbid(self.line, command, "heard again at a payment line (R6)")
                self._forbid(self.held, command, "heard again while on hold (R5)")
                return self._replace(masked=self.masked - {path}, veil=False)
            case do.ShowKeys():
                self._forbid(not self.may_resume, command, "keys shown, and nobody asked (R6)")
                self._forbid(bool(self.covered), command, "keys shown before the mask is off (R6)")
                return self._replace(hidden=False, through=False)
            case do.RememberPause():
                return self._replace(hidden=True, through=True)
            case do.HideKeys(relayed=relayed):
                through = relayed and not self.line
                self._forbid(through, command, "keys let through and no payment line (R6)")
                untold = relayed and not self.deaf
                self._forbid(untold, command, "keys let through and told of (R6)")
                return self._replace(hidden=True, through=False)
            case do.ForgetKeys():
                return self._replace(deaf=True)
            case do.HearKeys():
                self._forbid(self.line, command, "keys told of at a payment line (R6)")
                return self._replace(deaf=False)
            case do.TellAgent(tone=tone):
                self._forbid(self.line, command, "a tone to a payment line")
                self._forbid(self.held, command, "a tone to an agent who does not listen")
                untrue = tone is do.Tone.PAUSED and bool(self.heard)
                self._forbid(untrue, command, "the agent is told of a pause that is none (R6)")
            case do.SyncJournal():
                return self._replace(syncs=self.syncs + 1)
            case do.Finish():
                kept = bool(self.recorded) and not self.hung_up
                self._forbid(kept, command, "let go while it may be recorded (R22)")
                self._forbid(bool(self.waits), command, "who waits is left waiting (R4)")
                return self._replace(finished=True)
            case do.Journal(entry=entry):
                return self._reads(entry)
            case _:
                pass
        return self

    @property
    def _is_told(self) -> bool:
        return self.told or self.heard_all or (self.returned and self.heard_some)

    def judges_opting(
        self, event: Event, state: CallState, facts: Facts, policy: CallPolicy
    ) -> Watcher:
        """What a caller's keys may do to a pause: end the caller's own, by coming back."""
        back = facts.back
        if back and not (isinstance(event, events.KeyPressed) and event.key == policy.return_key):
            raise RuleBroken(f"back, and the caller did not ask for it (R3): {state}")
        opts = (self.opted_out and not back) or self.confirmed
        opts = opts or facts.opts
        keying = state.phase is Phase.KEYING
        theirs = self.own or self.keying or self.opted_out
        own = theirs and self.alone and not (self.line or self.held)
        may_resume = self.may_resume or (own and not (opts or keying))
        theirs = isinstance(event, CALLERS) and self.paused and not own
        if theirs and facts.resumes:
            raise RuleBroken(f"the caller ended a pause (R6): {state}")
        if (may_resume, keying) == (self.may_resume, self.keying):
            return self
        return self._replace(may_resume=may_resume, keying=keying)

    def judges_heard(self, event: Event, done: Step) -> None:
        """Take what was done as a whole: who is recorded now, and who is left alone."""
        if self.exempt and self.recorded and not self.hung_up:
            raise RuleBroken(f"the exempt extension is recorded (R8): {done.state}")
        if self.hung_up and self.waits:
            raise RuleBroken(f"who waits is left waiting (R4): {done.state}")
        silent = self.veil and self.recorded and self.known and not self.paused
        news = isinstance(event, events.StillJoined if self.guarded else events.Bridged)
        if silent and news and is_live(done.state) and done.state.together:
            raise RuleBroken(f"masked, and nobody asked for it (R5): {done.state}")

    def judges_pause(self, event: Event, done: Step) -> None:
        """Take what was done as a whole while there may be a recording to pause."""
        state, commands = done
        if state.pause is Pause.OFF:
            if self.paused:
                raise RuleBroken(f"the pause is forgotten (R6): {state}")
            if isinstance(event, events.Bridged) and self.line:
                raise RuleBroken(f"at a payment line and not paused (R6): {state}")
            if self.held:
                raise RuleBroken(f"on hold and not paused (R5): {state}")
            if isinstance(event, events.WasPaused):
                raise RuleBroken(f"FreeSWITCH remembers a pause, and nobody else does: {state}")
            return
        if not self.paused:
            raise RuleBroken(f"paused, and the journal does not know: {state}")
        if self.pause_timer != state.pause_timer:
            raise RuleBroken(f"a pause without a running timer: {state}")
        if self.may_resume and not (self.opted_out and self.recorded):
            return
        apart = self.apart if self.exact else not self.joined
        if self.through and not apart and (not self.alone or self.held or self.line):
            raise RuleBroken(f"keys of a pause are let through (R6): {state}")
        if self.heard - self.mask_asked:
            if isinstance(event, events.Masked):
                raise RuleBroken(f"a mask refused and not stopped (R6): {state}")
            raise RuleBroken(f"recorded while paused (R6): {state}")
        hides = [command for command in commands if isinstance(command, do.HideKeys)]
        if isinstance(event, events.Bridged) and not (hides or self.through):
            raise RuleBroken(f"the keys of a new leg are not hidden (R6): {state}")
        if hides and self.line and not hides[-1].relayed:
            raise RuleBroken(f"keys kept from the payment line (R6): {state}")

    def _reads(self, entry: entries.Entry) -> Watcher:
        match entry:
            case entries.OptOutStarted():
                barred = bool(self.recorded)
                return self._replace(opted_out=True, returned=False, barred=barred)
            case entries.OptOutReturned():
                waits = self.waits if self.apart else ""
                return self._replace(opted_out=False, returned=True, waits=waits, barred=False)
            case entries.OptOutConfirmed():
                return self._replace(opted_out=False, confirmed=True)
            case entries.Connected():
                return self._replace(joined=True)
            case entries.NotConnected():
                # Stopped, and nobody is there to pause for, unless the journal says more.
                return self._replace(paused=False)
            case entries.RecordingIntended():
                return self._replace(synced=False)
            case entries.PauseStarted(by=by):
                alone = by in THEMSELVES
                own = by == OPT_OUT
                may_resume = self.may_resume and not self.paused
                return self._replace(paused=True, may_resume=may_resume, alone=alone, own=own)
            case entries.PauseHeld():
                self._forbid(bool(self.heard), do.Journal(entry), "kept while paused (R6)")
            case entries.PauseEnded():
                self._forbid(self.hidden, do.Journal(entry), "over, and keys still hidden (R6)")
                return self._replace(paused=False)
            case entries.RecordingFailed(path=path):
                self._forbid(
                    path in self.recorded, do.Journal(entry), "given up and not stopped (R5)"
                )
                return self._replace(given_up=True)
            case _:
                pass
        return self

    def _forbid(self, broken: bool, command: Command, rule: str) -> None:
        if broken:
            raise RuleBroken(f"{rule}: {command}")


_NO_PAUSE: dict[str, Any] = {
    "hidden": False,
    "deaf": False,
    "masked": NONE,
    "mask_asked": NONE,
    "covered": NONE,
    "may_resume": False,
    "alone": False,
    "held": False,
    "consulting": False,
    "own": False,
    "through": False,
}
Node = tuple[CallState, Watcher]


def step(node: Node, event: Event, policy: CallPolicy) -> Node:
    """One event through the machine, judged by the watcher."""
    state, watcher = node
    done = call.advance(state, event, policy)
    return done.state, judged(watcher, event, done, policy)


def judged(
    watcher: Watcher, event: Event, done: Step, policy: CallPolicy, facts: Facts | None = None
) -> Watcher:
    """What the watcher knows after one event and what was done; RuleBroken if it objects."""
    facts = facts or facts_of(done)
    before, watcher = watcher, watcher.sees(event, policy)
    state = done.state
    if state.phase is Phase.NEW:
        return before  # nobody is there yet
    if policy.payment_line and state.phase is Phase.DIALLING:
        watcher = watcher._replace(line=True)
    unwanted = not (watcher.recorded or watcher.hung_up or watcher.finished)
    if unwanted and not facts.stops and isinstance(event, events.RecordingStarted):
        raise RuleBroken(f"a recording that nobody wants goes on (R5): {state}")
    judge_end(before.arrived, before.exempt or before.hung_up, event, done, policy)
    if facts.parts and policy.opt_out_connected == "no":
        raise RuleBroken(f"parted, and the team does not allow it (R4): {state}")
    watcher = watcher.judges_opting(event, state, facts, policy)
    if isinstance(event, events.Vanished) and state.phase is Phase.DONE:
        watcher = watcher._no_more(ALL)
    if watcher.hung_up and "pause_timer" in dict(facts.timers):
        raise RuleBroken(f"a command after the hangup that does not finish the record: {done}")
    if facts.timers:
        watcher = watcher._replace(**dict(facts.timers))
    for command in facts.commands:
        if isinstance(command, do.Mask) and state.pause is Pause.OFF:
            watcher = watcher._replace(veil=True)
            continue
        if isinstance(command, do.ShowKeys) and state.veiled and watcher.covered:
            # The mask stays until it is known who is heard.
            watcher = watcher._replace(masked=NONE, mask_asked=NONE, covered=NONE, veil=True)
        watcher = watcher.judges(command)
    if facts.nobody and state.pause is Pause.OFF:
        watcher = watcher._replace(held=False)
    watcher.judges_heard(event, done)
    if (state.phase is Phase.DONE) != watcher.finished:
        raise RuleBroken(f"done without Finish, or Finish without being done: {state}")
    if state.phase not in (Phase.NEW, Phase.DONE) and watcher.timer != state.timer:
        raise RuleBroken(f"a phase without a running timer: {state}")
    if not facts.live:
        return watcher._replace(line=False, **_NO_PAUSE) if watcher._pauses else watcher
    watcher.judges_pause(event, done)
    return watcher._replace(**_NO_PAUSE) if watcher._pauses and not watcher.paused else watcher
