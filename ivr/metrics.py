"""What Prometheus scrapes (R21). No label ever holds a number or a name of a caller.

Labels are bounded: phases, parties, teams of the configuration, kinds of commands.
"""

from __future__ import annotations

from typing import Literal, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from ivr.core import events
from ivr.core.events import Event
from ivr.core.record import CallRecord, RecordingState, Verdict
from ivr.core.state import CallState, Pause, Phase, Recording

_REACTION_BUCKETS = (0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0)


SHORT_MS = 1_000
"""A recording may be shorter than the time people heard each other by this, or by a hundredth of
that time, before it counts as short: two clocks measured them."""

Shortfall = Literal["", "lost", "short", "unrecorded"]


def shortfall(record: CallRecord) -> Shortfall:
    """What there should be of a recording and is not; empty where all is as it should be.

    ``lost``: there is none. ``short``: FreeSWITCH claims more than the file holds, as after a
    full disk (docs/freeswitch.md 19), or it ended long before the call, and no pause had it
    stopped. ``unrecorded``: the
    call was connected, and nothing says that it was to be recorded or why not.
    """
    recording, joined_ms = record.recording, record.durations.joined_ms
    if recording.state == "lost":
        return "lost"
    if recording.state == "kept":
        gap_ms = joined_ms - recording.duration_ms - recording.unrecorded_ms
        ended_early = gap_ms > max(SHORT_MS, joined_ms // 100)
        return "short" if recording.missing_ms > 0 or ended_early else ""
    never_meant = recording.reason == "not-intended"
    return "unrecorded" if record.connected_at and never_meant else ""


class Metrics:
    """The engine's metrics, in a registry of their own."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        self.registry = registry
        self.calls_ended = Counter(
            "ivr_calls_ended",
            "Calls whose record was made, by team, who ended them and why.",
            ["team", "by", "reason"],
            registry=registry,
        )
        self.announcements = Counter(
            "ivr_announcements",
            "Calls by how much of the announcement was heard: fully, partly, no.",
            ["team", "heard"],
            registry=registry,
        )
        opt_outs = Counter(
            "ivr_opt_outs",
            "Opt-outs: started (the sequence was keyed), returned, confirmed.",
            ["step"],
            registry=registry,
        )
        self._opt_out_started = opt_outs.labels("started")
        self._opt_out_returned = opt_outs.labels("returned")
        self._opt_out_confirmed = opt_outs.labels("confirmed")
        recordings = Counter(
            "ivr_recordings",
            "Recordings by outcome: started, failed.",
            ["outcome"],
            registry=registry,
        )
        self._recording_started = recordings.labels("started")
        self._recording_failed = recordings.labels("failed")
        outcomes = Counter(
            "ivr_recordings_finished",
            "Calls whose record was made, by what there is of a recording: kept, none, lost.",
            ["state"],
            registry=registry,
        )
        self._recordings_finished = {
            state: outcomes.labels(state) for state in get_args(RecordingState)
        }
        self.recordings_short = Counter(
            "ivr_recordings_short",
            "Recordings that are kept and do not hold all of the call.",
            registry=registry,
        )
        self.calls_unrecorded = Counter(
            "ivr_calls_unrecorded",
            "Calls that were connected and for which no recording was even begun.",
            registry=registry,
        )
        self.recorded_seconds = Counter(
            "ivr_recorded_seconds", "Seconds of audio in finished recordings.", registry=registry
        )
        self.records_written = Counter(
            "ivr_records_written", "Records put into the spool.", registry=registry
        )
        self.records_failed = Counter(
            "ivr_records_failed",
            "Records that could not be put into the spool yet; they are tried again.",
            registry=registry,
        )
        self.records_set_aside = Counter(
            "ivr_records_set_aside",
            "Calls without their record because of a fault in the engine itself; the log has it,"
            " and the next start tries again.",
            registry=registry,
        )
        self.files_set_aside = Counter(
            "ivr_files_set_aside",
            "Recordings that could not be used, or belonged to no record: they lie in aside/.",
            registry=registry,
        )
        reaction = Histogram(
            "ivr_reaction_seconds",
            "prompt: from FreeSWITCH's message that a prompt ended to the engine's next commands,"
            " inside the engine. connect: from accepting a call's connection to the first commands"
            " after FreeSWITCH's answer to connect, its time to answer included.",
            ["what"],
            buckets=_REACTION_BUCKETS,
            registry=registry,
        )
        self.reacted = reaction.labels("prompt").observe
        self.accepted = reaction.labels("connect").observe
        self.links_lost = Counter(
            "ivr_links_lost",
            "Calls whose event socket broke while they went on.",
            registry=registry,
        )
        self.taken_up = Counter(
            "ivr_calls_taken_up",
            "Calls that another engine, or an earlier run, had left: followed, handed-back.",
            ["how"],
            registry=registry,
        )
        # There from the first: where a series only comes with its first alarm, nothing has risen.
        for how in ("followed", "handed-back"):
            self.taken_up.labels(how)
        self.stalled = Counter(
            "ivr_recordings_stalled",
            "Recordings that no longer grew: renewed as a further part, or no-room for one.",
            ["outcome"],
            registry=registry,
        )
        for outcome in ("renewed", "no-room"):
            self.stalled.labels(outcome)
        self.bad_lines = Counter(
            "ivr_journal_lines_bad",
            "Lines of the journal that could not be read at the start, and were set aside.",
            registry=registry,
        )
        self.clock_jumps = Counter(
            "ivr_clock_jumps",
            "Times that the host's wall clock was set by a second or more.",
            registry=registry,
        )
        self.turned_away = Counter(
            "ivr_calls_turned_away",
            "Connections that were no call of ours: no route, not FreeSWITCH, known already.",
            registry=registry,
        )
        self.pauses = Counter(
            "ivr_pauses",
            "Pauses of recordings, by who asked: agent, page, engineer, payment-line, digits.",
            ["by"],
            registry=registry,
        )
        self.masks_refused = Counter(
            "ivr_masks_refused",
            "Pauses whose mask FreeSWITCH refused or did not confirm in time: the recording was"
            " stopped.",
            registry=registry,
        )
        self.keys_not_hidden = Counter(
            "ivr_keys_not_hidden",
            "Pauses in which FreeSWITCH would not keep keys to itself.",
            registry=registry,
        )
        self.pauses_overdue = Counter(
            "ivr_pauses_overdue",
            "Reminders that a pause lasts longer than its team allows.",
            registry=registry,
        )
        proofs = Counter(
            "ivr_pauses_proved",
            "Pauses in finished recordings, by what reading them back showed: verified, repaired,"
            " nothing, unproved.",
            ["verdict"],
            registry=registry,
        )
        self._proofs = {verdict: proofs.labels(verdict) for verdict in get_args(Verdict)}
        self.masks_leaked = Counter(
            "ivr_masks_leaked",
            "Pauses in which the recording was not silent though FreeSWITCH had confirmed the mask;"
            " they were silenced.",
            registry=registry,
        )
        self.marks = Counter(
            "ivr_marks", "Marks on calls: abuse, card-digits.", ["mark"], registry=registry
        )
        self.exempt_calls = Counter(
            "ivr_calls_exempt",
            "Calls with the exempt extension from their beginning; nothing else is known of them.",
            registry=registry,
        )
        self.features = Counter(
            "ivr_feature_codes", "Feature codes that agents keyed.", ["feature"], registry=registry
        )
        self.faults = Counter(
            "ivr_faults",
            "Faults in the engine itself, each of which cost a call its engine or the connection to"
            " FreeSWITCH a new start; the log has them.",
            registry=registry,
        )
        self.commands_refused = Counter(
            "ivr_commands_refused",
            "Commands that FreeSWITCH answered with -ERR.",
            ["command"],
            registry=registry,
        )
        self.freeswitch_connected = Gauge(
            "ivr_freeswitch_connected",
            "1 while the inbound connection to FreeSWITCH stands.",
            registry=registry,
        )
        self.freeswitch_connects = Counter(
            "ivr_freeswitch_connects", "Times the inbound connection was made.", registry=registry
        )
        self.config_info = Gauge(
            "ivr_config_info",
            "1 for the configuration in force.",
            ["version", "policy"],
            registry=registry,
        )
        self.reload_succeeded = Gauge(
            "ivr_config_last_reload_successful",
            "1 when the last reload was taken over, 0 when it was refused.",
            registry=registry,
        )
        self.reload_time = Gauge(
            "ivr_config_last_reload_timestamp_seconds",
            "When the configuration in force was taken over.",
            registry=registry,
        )

    def advanced(self, before: CallState, event: Event, after: CallState) -> None:
        """Count what one step of a call's machine did."""
        if before.recording is not after.recording:
            if after.recording is Recording.RUNNING:
                self._recording_started.inc()
            elif after.recording is Recording.REFUSED:
                self._recording_failed.inc()
        if after.pause is Pause.STOPPING and before.pause is not Pause.STOPPING:
            self.masks_refused.inc()
        if before.phase is after.phase:
            return
        opting_out = before.phase in (Phase.REMINDING, Phase.DECIDING)
        if after.phase is Phase.REMINDING and not opting_out:
            self._opt_out_started.inc()
        elif opting_out and after.phase not in (Phase.REMINDING, Phase.DECIDING):
            if after.phase is Phase.FAREWELL or isinstance(event, events.HungUp):
                self._opt_out_confirmed.inc()
            elif after.phase not in (Phase.UNLINKED, Phase.LEAVING):  # the socket broke, or R8
                self._opt_out_returned.inc()

    def finished(self, record: CallRecord) -> None:
        """Count a record that is in the spool."""
        self.records_written.inc()
        self.recorded_seconds.inc(record.recording.duration_ms / 1000)
        self._recordings_finished[record.recording.state].inc()
        for pause in record.recording.pauses:
            self._proofs[pause.verdict].inc()
            self.masks_leaked.inc(pause.leaked_peak > 0)
        problem = shortfall(record)
        if problem == "short":
            self.recordings_short.inc()
        elif problem == "unrecorded":
            self.calls_unrecorded.inc()
        ended = record.ended
        self.calls_ended.labels(record.team, ended.by, ended.reason or "ordinary").inc()
        self.announcements.labels(record.team, record.announcement).inc()

    def configured(self, version: str, policy: str, wall_ms: int) -> None:
        """Say which configuration is in force now, and since when."""
        self.config_info.clear()
        self.config_info.labels(version, policy).set(1)
        self.reload_succeeded.set(1)
        self.reload_time.set(wall_ms / 1000)
