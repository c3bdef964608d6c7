"""Gauges that cost nothing until somebody asks (R21). No label ever holds a number of a caller."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Callable, Iterable, Iterator, Sequence

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from ivr.core.state import Phase
from ivr.storage.room import FolderNow

_FOLDERS = ("spool", "fallback")
"""What the folders are called, in their order."""


class Scraped(Collector):
    """Calls by phase, pauses, the spool, and where there is room for recordings."""

    def __init__(
        self,
        phases: Callable[[], Iterable[Phase]],
        paused: Callable[[], Sequence[tuple[float, bool]]],
        depth: Callable[[], int],
        oldest_s: Callable[[], float],
        free_bytes: Callable[[], int],
        folders: Callable[[], Sequence[FolderNow]],
        on_spare: Callable[[], bool],
    ) -> None:
        self._phases = phases
        self._paused = paused
        self._depth = depth
        self._oldest_s = oldest_s
        self._free_bytes = free_bytes
        self._folders = folders
        self._on_spare = on_spare

    def collect(self) -> Iterator[Metric]:
        """See prometheus_client."""
        calls = GaugeMetricFamily("ivr_calls", "Calls in progress by phase.", labels=["phase"])
        tally = Tally(self._phases())
        for phase in Phase:
            calls.add_metric([phase.value.replace(" ", "_")], tally[phase])
        yield calls
        paused = self._paused()
        yield GaugeMetricFamily(
            "ivr_calls_paused", "Calls whose recording is paused now.", len(paused)
        )
        yield GaugeMetricFamily(
            "ivr_calls_paused_too_long",
            "Calls that have been paused for longer than their team allows.",
            sum(overdue for _since_s, overdue in paused),
        )
        yield GaugeMetricFamily(
            "ivr_longest_pause_seconds",
            "How long the longest of the pauses in progress has lasted.",
            max((since_s for since_s, _overdue in paused), default=0.0),
        )
        yield GaugeMetricFamily(
            "ivr_spool_records", "Finished records that wait in the spool.", self._depth()
        )
        yield GaugeMetricFamily(
            "ivr_spool_oldest_seconds", "Age of the oldest record that waits.", self._oldest_s()
        )
        yield GaugeMetricFamily(
            "ivr_spool_free_bytes", "Free space of the spool's file system.", self._free_bytes()
        )
        usable = GaugeMetricFamily(
            "ivr_recording_folder_usable",
            "1 for a folder that takes new recordings: spool, fallback.",
            labels=["folder"],
        )
        free = GaugeMetricFamily(
            "ivr_recording_folder_free_bytes",
            "Free space of the folder's file system.",
            labels=["folder"],
        )
        for name, folder in zip(_FOLDERS, self._folders(), strict=False):
            usable.add_metric([name], folder.usable)
            free.add_metric([name], folder.free_bytes)
        yield usable
        yield free
        yield GaugeMetricFamily(
            "ivr_journal_on_fallback",
            "1 while the journal is written to the fallback, as the spool takes none.",
            self._on_spare(),
        )
