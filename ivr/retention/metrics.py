"""What Prometheus scrapes of the retention layer (R21). No label ever concerns one recording.

Counters are of this process; what others do too (the sweep is a process of its own) is read
from the index once a minute, so that the figures are the same whoever did it.
"""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge

from ivr.retention.intake.outcome import Backlog, Taken
from ivr.retention.standing import Standing


class RetentionMetrics:
    """The retention layer's metrics, in a registry of their own."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        self.registry = registry
        self._taken = Counter(
            "ivr_retention_taken_in",
            "Records that left the spool: taken, again, dropped, not_kept, destroyed.",
            ["outcome"],
            registry=registry,
        )
        self._aside = Counter(
            "ivr_retention_set_aside",
            "Records that could not be taken in and were set aside, by reason.",
            ["reason"],
            registry=registry,
        )
        self._put_off = Counter(
            "ivr_retention_put_off",
            "Tries to take a record in that were put off, since something refused.",
            registry=registry,
        )
        self.faults = Counter(
            "ivr_retention_faults",
            "Rounds of the service's work that ended by a fault of the program.",
            ["work"],
            registry=registry,
        )
        self._waiting = Gauge(
            "ivr_retention_spool_records", "Records that wait in the spools.", registry=registry
        )
        self._left = Gauge(
            "ivr_retention_spool_left",
            "Records that stay in the spools until they change, such as a newer engine's.",
            registry=registry,
        )
        self._oldest = Gauge(
            "ivr_retention_spool_oldest_timestamp_seconds",
            "When the oldest record that waits was written; 0 where none waits.",
            registry=registry,
        )
        self._recordings = Gauge(
            "ivr_retention_recordings",
            "Recordings in the archive, by the rule for every recording that they are kept by.",
            ["rule"],
            registry=registry,
        )
        self._held = Gauge(
            "ivr_retention_held_recordings",
            "Recordings that an open case or hold keeps.",
            registry=registry,
        )
        self._due = Gauge(
            "ivr_retention_due_recordings",
            "Recordings that are due and not destroyed.",
            registry=registry,
        )
        self._dying = Gauge(
            "ivr_retention_dying_recordings",
            "Recordings whose destruction was begun and is not finished.",
            registry=registry,
        )
        self._destroyed = Gauge(
            "ivr_retention_destroyed_recordings",
            "Recordings that were destroyed since the index was made, by rule.",
            ["rule"],
            registry=registry,
        )
        self._stopped = Gauge(
            "ivr_retention_destruction_stopped",
            "1 while nothing may be destroyed, by reason (R14).",
            ["reason"],
            registry=registry,
        )
        self._schedule_waits = Gauge(
            "ivr_retention_schedule_waits",
            "1 while schedule.yaml differs from the schedule that was adopted.",
            registry=registry,
        )
        self._swept = Gauge(
            "ivr_retention_last_sweep_timestamp_seconds",
            "When the last sweep ended; 0 where none has.",
            registry=registry,
        )
        self._verified = Gauge(
            "ivr_retention_audit_verified_timestamp_seconds",
            "When the audit trail was checked last; 0 where it never was.",
            registry=registry,
        )
        self._audit_faults = Gauge(
            "ivr_retention_audit_faults",
            "Faults that the last check of the audit trail found.",
            registry=registry,
        )
        self._audit_entries = Gauge(
            "ivr_retention_audit_entries", "Entries of the audit trail.", registry=registry
        )
        self._mail = Gauge(
            "ivr_retention_mails",
            "Copies to customers, by state: waiting, sending, sent, failed, unknown.",
            ["state"],
            registry=registry,
        )
        self._mail_wrong = Gauge(
            "ivr_retention_mail_server_wrong",
            "1 while the mail server as such is wrong (certificate, login): nothing is sent.",
            registry=registry,
        )
        self._asides = Gauge(
            "ivr_retention_aside_files",
            "Files that were set aside and wait for a person.",
            registry=registry,
        )

    def took(self, taken: Taken) -> None:
        """Count what a round of taking in came to."""
        for outcome in ("taken", "again", "dropped", "not_kept", "destroyed"):
            self._taken.labels(outcome).inc(getattr(taken, outcome))
        for reason, count in taken.aside.items():
            self._aside.labels(reason).inc(count)
        self._put_off.inc(taken.put_off)

    def waits(self, backlog: Backlog) -> None:
        """Show what is in the spools."""
        self._waiting.set(backlog.waiting)
        self._left.set(backlog.left)
        self._oldest.set((backlog.oldest_ms or 0) / 1000)

    def stands(self, standing: Standing) -> None:
        """Show how the archive, the index and the trail stand."""
        for gauge, counts in (
            (self._recordings, standing.by_rule),
            (self._destroyed, standing.destroyed),
            (self._mail, standing.mails),
        ):
            gauge.clear()
            for label, count in counts.items():
                gauge.labels(label).set(count)
        self._stopped.clear()
        if standing.stopped:
            self._stopped.labels(standing.stopped).set(1)
        self._mail_wrong.set(standing.mail_wrong)
        self._held.set(standing.held)
        self._due.set(standing.due)
        self._dying.set(standing.dying)
        self._schedule_waits.set(standing.schedule_waits)
        self._swept.set(standing.swept_ms / 1000)
        self._verified.set(standing.verified_ms / 1000)
        self._audit_faults.set(standing.audit_faults)
        self._audit_entries.set(standing.audit_entries)
        self._asides.set(standing.asides)
