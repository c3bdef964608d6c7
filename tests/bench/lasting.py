"""What it may take that nothing is lost (R22), and whether it did."""

from __future__ import annotations

from . import growth, journal, repair, start
from .aims import Aim


def of_start(quick: bool) -> list[Aim]:
    """An engine that starts with calls that one before it left. Of several starts the best counts:
    what else the machine does meanwhile is no part of it."""
    found = start.measure(1, 200, 50, 10) if quick else start.measure()
    left, empty = found.best, min(found.empty, key=lambda each: each.ready)
    named = f"start with {found.calls} calls left"
    return [
        Aim(f"{named}: ready", "s", left.ready, start.AIM_S, empty.ready),
        Aim("  of that the interpreter and imports alone", "s", min(found.bare), None),
        Aim("  until those paused are masked", "s", left.masked, None),
        Aim("  until those that go on are followed", "s", left.followed, None),
        Aim("  until those that ended have records", "s", left.recorded, None),
        Aim("  a new call's first byte meanwhile, p99", "ms", left.waits.p99, None),
    ]


def of_journal(quick: bool) -> list[Aim]:
    """The CPU that a call's entries take on their way to the disk."""
    runs, calls = (1, 100) if quick else (2, journal.CALLS)
    aims = []
    for kind, pauses in journal.PAUSES.items():
        cost = journal.measure(pauses, runs, calls)
        what = f"journal of a call, {kind}: CPU"
        aims.append(Aim(what, "ms", cost.ms, journal.AIM_MS, cost.plain_ms))
    return aims


def of_repair(quick: bool) -> list[Aim]:
    """The header of a long recording."""
    found = repair.measure(1 if quick else 3, repair.SIZE // 8 if quick else repair.SIZE)
    return [
        Aim("repairing 2 GiB", "s", found.seconds, repair.AIM_SECONDS, found.plain_hashing),
        Aim("  hashing it afterwards", "s", found.hashing, None, found.plain_hashing),
        Aim("  peak memory of that process", "MiB", found.peak_mib, repair.AIM_MIB),
    ]


def of_growth(quick: bool) -> list[Aim]:
    """Watching recordings grow, as the engine does twice a second."""
    aims = []
    for calls in (50,) if quick else growth.CALLS:
        found = growth.measure(calls, 1, 3.0) if quick else growth.measure(calls)
        trouble = f"{found.stalled} were said not to grow" if found.stalled else ""
        what = f"watching {calls} recordings grow"
        aims += [
            Aim(f"{what}: of a core", "%", found.cpu, None, trouble=trouble),
            Aim("  the hub held up, longest", "ms", found.longest_ms, None, found.idle_ms),
        ]
    return aims
