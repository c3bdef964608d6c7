"""Whether a demonstration went as it should: what is not so, in words.

Nothing here is taken from the engine's memory: records and recordings are read from the
spool, metrics from the text that was scraped, calls from what the switch saw.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from ivr.errors import SpoolError
from ivr.lab.call import CallOutcome
from ivr.lab.expect import Expected
from ivr.storage.look import show, verify
from ivr.storage.record_schema import PausedSpanModel, RecordModel

APART_MS = 100
"""Switch and engine may see a moment so far apart."""
LEAD_MS = 500
"""A recording may begin so much later than the connection."""

_NAMES = {"destination": "agent"}


@dataclass(frozen=True, slots=True)
class Row:
    """One metric, and what the records say it has to be."""

    name: str
    """As Prometheus shows it, with labels."""
    meaning: str
    value: float | None
    """None where it was not there."""
    expected: float | None
    """None where records say nothing about it."""
    shown: bool = True
    """Whether a person is told; the others are checked all the same."""
    unit: str = ""

    @property
    def agrees(self) -> bool:
        """Whether it is there and what the records say; seconds to a thousandth."""
        if self.value is None:
            return False
        return self.expected is None or abs(self.value - self.expected) < 0.001


def read(spool: Path, call_id: str) -> RecordModel | None:
    """The record of a call; None where there is none that can be read."""
    try:
        return show(spool, call_id)
    except SpoolError:
        return None


def of_call(spool: Path, outcome: CallOutcome, expected: Expected | None) -> list[str]:
    """What is wrong with a call's record and recording, and where the switch saw otherwise."""
    if expected is None:
        return [f"nothing says how {outcome.script.name!r} must end (ivr.lab.expect)"]
    wrong = expected.complaints(spool, outcome.uuid)
    record = read(spool, outcome.uuid)
    if record is None:
        return wrong
    connected = record.durations.to_connect_ms if record.connected_at else None
    if (connected is None) != (outcome.connected_ms is None):
        wrong.append(
            f"the record says {_connected(connected)}, the switch says"
            f" {_connected(outcome.connected_ms)}"
        )
    elif outcome.connected_ms is not None:
        by = _NAMES.get(outcome.ended_by, outcome.ended_by)
        if record.ended.by not in (by, "engine"):
            wrong.append(f"the record says the {record.ended.by} hung up, the switch the {by}")
    if record.recording.state == "kept":
        talked, kept = record.durations.connected_ms, record.recording.duration_ms
        if not -LEAD_MS <= kept - talked <= APART_MS:
            wrong.append(f"{kept} ms were recorded of {talked} ms connected")
    return wrong + _of_pauses(record.recording.pauses, outcome)


def _of_pauses(pauses: Sequence[PausedSpanModel], outcome: CallOutcome) -> list[str]:
    """Whether the record has a pause wherever the switch masked the recording, and no other."""
    masked = _masked(outcome)
    if len(masked) != len(pauses):
        return [f"the record has {len(pauses)} pauses, the switch {len(masked)} masks"]
    return [
        f"the record has a pause from {pause.start_ms} to {pause.end_ms} ms, the switch a mask"
        f" from {begin} to {end} ms"
        for pause, (begin, end) in zip(pauses, masked, strict=True)
        if pause.start_ms > begin + APART_MS or pause.end_ms < end - APART_MS
    ]


def _masked(outcome: CallOutcome) -> list[tuple[int, int]]:
    """When the switch wrote silence, from mask to unmask, in milliseconds after the connection."""
    joined = outcome.connected_ms or 0
    found: list[tuple[int, int]] = []
    begin: int | None = None
    for one in outcome.happenings:
        if one.event == "RECORD_MASK" and begin is None:
            begin = one.at_ms - joined
        elif one.event in ("RECORD_UNMASK", "RECORD_STOP") and begin is not None:
            if outcome.connected_ms is not None and one.at_ms > joined:
                found.append((begin, one.at_ms - joined))
            begin = None  # one that ended before was masked since nobody was there yet (R8)
    return found


def _connected(ms: int | None) -> str:
    return "not connected" if ms is None else f"connected after {ms} ms"


def of_spool(spool: Path, calls: Sequence[str]) -> list[str]:
    """What is wrong with the spool as a whole: damage, leftovers, records of no call of these."""
    try:
        findings = verify(spool)
    except SpoolError as error:
        return [str(error)]
    wrong = [
        f"{finding.name}: {finding.detail}" for finding in findings if finding.verdict != "good"
    ]
    stray = sorted(path.stem for path in (spool / "new").glob("*.json") if path.stem not in calls)
    wrong += [f"{name}: a record of a call that nobody made" for name in stray]
    left = sorted(path.name for path in (spool / "recording").iterdir())
    return wrong + [f"recording/{name}: left behind" for name in left]


def metrics(text: str, records: Sequence[RecordModel], calls: int) -> list[Row]:
    """The metrics that matter most, beside what the records and the number of calls say."""
    found = _Scraped(text)
    heard = [record.announcement for record in records]
    began = [any(step.what == "recording-started" for step in each.steps) for each in records]
    seconds = sum(record.recording.duration_ms for record in records) / 1000

    def row(
        name: str, labels: str, meaning: str, expected: float | None, *, shown: bool = True
    ) -> Row:
        return Row(_shown(name, labels), meaning, found.sum(name, labels), expected, shown)

    return [
        row("ivr_freeswitch_connected", "", "the switch is there", 1, shown=False),
        row("ivr_calls", "", "calls in progress", 0, shown=False),
        row("ivr_calls_ended_total", "", "calls that ended", calls),
        row("ivr_announcements_total", "heard=fully", "heard it to the end", heard.count("fully")),
        row("ivr_announcements_total", "heard=partly", "heard part of it", heard.count("partly")),
        row("ivr_opt_outs_total", "step=started", "opted out", _sum(records, "started")),
        row("ivr_opt_outs_total", "step=returned", "came back", _sum(records, "returned")),
        row("ivr_opt_outs_total", "step=confirmed", "let the call end", _sum(records, "confirmed")),
        row("ivr_recordings_total", "outcome=started", "recordings made ready", sum(began)),
        row("ivr_recordings_total", "outcome=failed", "failed", 0, shown=False),
        row("ivr_pauses_total", "by=agent", "pauses by the agent", _pauses(records, "agent")),
        row("ivr_masks_refused_total", "", "masks refused", 0, shown=False),
        row("ivr_masks_leaked_total", "", "masks that leaked", 0, shown=False),
        row("ivr_keys_not_hidden_total", "", "pauses with keys to be seen", 0, shown=False),
        row("ivr_recorded_seconds_total", "", "seconds of recordings kept", seconds),
        row("ivr_records_written_total", "", "records in the spool", calls),
        row("ivr_spool_records", "", "wait in the spool", calls, shown=False),
        found.mean("ivr_reaction_seconds", "what=prompt", "on average, after a prompt"),
    ]


def _shown(name: str, labels: str) -> str:
    key, _, value = labels.partition("=")
    return f'{name}{{{key}="{value}"}}' if key else name


def _sum(records: Sequence[RecordModel], name: str) -> int:
    return sum(int(getattr(record.opt_out, name)) for record in records)


def _pauses(records: Sequence[RecordModel], by: str) -> int:
    """A pause that lies in several parts of a recording is one."""
    return sum(
        len({pause.at for pause in record.recording.pauses if pause.by == by}) for record in records
    )


class _Scraped:
    """Samples of a scrape."""

    def __init__(self, text: str) -> None:
        families = list(text_string_to_metric_families(text))
        self._samples = [sample for family in families for sample in family.samples]
        self._families = tuple(family.name for family in families)

    def sum(self, name: str, labels: str) -> float | None:
        """Over all samples of this name and label; None where there is no such metric.

        A counter shows a label only when it has counted: until then it is 0.
        """
        key, _, value = labels.partition("=")
        values = [
            sample.value
            for sample in self._samples
            if sample.name == name and (not key or sample.labels.get(key) == value)
        ]
        if not values and not name.startswith(self._families):
            return None
        return sum(values)

    def mean(self, name: str, labels: str, meaning: str) -> Row:
        """Milliseconds, of a histogram of seconds."""
        total, count = self.sum(f"{name}_sum", labels), self.sum(f"{name}_count", labels)
        mean = None if total is None or count is None else 1000 * total / max(count, 1)
        return Row(_shown(name, labels), meaning, mean, None, unit=" ms")


def disagreements(rows: Sequence[Row]) -> list[str]:
    """Metrics that are missing, or not what the records say."""
    wrong = []
    for row in rows:
        if row.value is None:
            wrong.append(f"metric {row.name} is missing")
        elif not row.agrees:
            wrong.append(f"metric {row.name} is {row.value:g}, the records say {row.expected:g}")
    return wrong


def counts(calls: Mapping[str, RecordModel | None]) -> list[str]:
    """One call, one record (R5)."""
    there = sum(record is not None for record in calls.values())
    return [] if there == len(calls) else [f"{len(calls)} calls, but {there} records"]
