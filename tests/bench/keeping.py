"""What the retention layer may take with a million recordings (R12, R14, R17), and what it took."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from . import retention_audit, retention_destroy, retention_index, retention_intake
from .aims import Aim


def of_index(quick: bool, growth: Path | None = None) -> list[Aim]:
    """The index: planning, searching, taking in, destroying. ``growth`` is where to draw how the
    figures grow with the number of recordings; fewer are measured as well then."""
    counts = (20_000,) if quick else (retention_index.RECORDINGS,)
    if growth:
        counts = (500, 5_000, 20_000) if quick else retention_index.GROWING
    found = {count: retention_index.measure(count) for count in counts}
    if growth:
        retention_index.draw(growth, found)
    count = max(counts)
    told = found[count]
    search, destroyed = told["search"], told["destroy"]
    plan_s, mib = retention_index.PLAN_S, retention_index.PLAN_MIB
    search_ms = retention_index.SEARCH_MS
    return [
        Aim(f"daily plan of {count:,} recordings", "s", told["plan"]["seconds"], plan_s),
        Aim("  the same where half is due", "s", told["half"]["seconds"], plan_s),
        Aim("  peak memory of that process", "MiB", told["half"]["mib"], mib),
        Aim("search by number and days", "ms", search["number and days"], search_ms),
        Aim("  the slowest kind of search", "ms", search["slowest"], search_ms),
        Aim("into the index, durably, each", "ms", 1000 / told["fill"]["added"], 2.0),
        Aim("out of the index, durably, each", "ms", 1000 / destroyed["destroyed"], 1.0),
        Aim("  then writing it anew", "s", destroyed["thorough"], None),
    ]


def of_audit(quick: bool) -> list[Aim]:
    """Verifying the audit trail."""
    entries = 20_000 if quick else 1_000_000
    with TemporaryDirectory(prefix="ivr-bench-") as folder:
        found = retention_audit.measure_audit(entries, Path(folder))
    longest = retention_audit.LONGEST_S
    return [
        Aim(f"verifying {entries:,} entries of the trail", "s", found.verified_s, longest),
        Aim("  writing each, durably", "ms", 1000 * found.written_s / entries, None),
    ]


def of_taking(quick: bool) -> list[Aim]:
    """Taking in, and destroying, with files and every sync; in a folder beside the project, for
    what is in memory has no disk's price."""
    count = 500 if quick else retention_intake.RECORDS
    with TemporaryDirectory(prefix=".bench-", dir=Path.cwd()) as folder:
        taken = retention_intake.measure_intake(count, Path(folder) / "intake")
        gone = retention_destroy.measure_destroying(count, Path(folder) / "destroy")
    return [
        Aim(
            "taking in each, with every sync",
            "ms",
            1000 / taken.a_second,
            1000 / retention_intake.AIM_A_SECOND,
        ),
        Aim(
            "destroying each, with every sync",
            "ms",
            1000 / gone.a_second,
            1000 / retention_destroy.AIM_A_SECOND,
        ),
    ]
