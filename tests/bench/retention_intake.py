"""How many records a second are taken in, with every fsync (R12, R22).

``python -m tests.bench.retention_intake`` makes a spool of calls with small recordings in a folder
of its own, and takes them in through the very code of the service: each recording is hashed, each
file synced, the index on SQLite with ``synchronous=FULL``, the audit trail synced each batch.

The load matters more than the number: what is measured is the disk's price for small files.
``--folder`` puts all of it on the disk that is to be measured.
"""

from __future__ import annotations

import hashlib
import json
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from zoneinfo import ZoneInfo

import click

AIM_A_SECOND = 500.0
RECORDS = 5_000
SECONDS = 1
"""Of audio in each recording: the price is that of the files, and bytes come on top of it."""


@dataclass(frozen=True, slots=True)
class IntakeFigures:
    """What taking in came to."""

    records: int
    seconds: float
    bytes: int
    """Of all recordings."""
    left: int
    """Files that are still in the spool; 0 where it is well."""
    entries: int
    """In the audit trail."""

    @property
    def a_second(self) -> float:
        """Records taken in a second."""
        return self.records / self.seconds

    @property
    def well(self) -> bool:
        """Whether it is as it should be."""
        return self.left == 0 and self.entries == self.records and self.a_second >= AIM_A_SECOND


def fill(spool: Path, count: int, seconds: int = SECONDS) -> int:
    """Leave calls in a spool, each with a recording; how many bytes of audio there are."""
    from tests.retention.intake.records import call_id, deliver, record
    from tests.storage.parts import wav

    sound = bytearray(wav(8000 * seconds))
    made, total = record(audio=[bytes(sound)]), 0
    [part] = made["recording"]["parts"]
    for number in range(count):
        sound[44:52] = number.to_bytes(8, "little")  # each another one
        digest = hashlib.sha256(sound).hexdigest()
        call = call_id(number)
        made["call"] = call
        part |= {"path": f"new/{call}.wav", "sha256": digest, "size": len(sound)}
        made["recording"] |= {"path": part["path"], "sha256": digest, "size": len(sound)}
        deliver(spool, made, [bytes(sound)])
        total += len(sound)
    return total


def measure_intake(
    count: int, folder: Path, *, batch: int = 0, threads: int = 0, seconds: int = SECONDS
) -> IntakeFigures:
    """Fill a spool in an empty folder and time how long it takes to take it in."""
    from ivr.retention.archive.folder import FolderArchive
    from ivr.retention.archive.keeper import Keeper
    from ivr.retention.booked import BookedTrail, IndexHead, IndexParticulars, Wall
    from ivr.retention.index.database import Database
    from ivr.retention.index.holds import Holds
    from ivr.retention.index.meta import Meta
    from ivr.retention.index.numbers import PlainNumbers
    from ivr.retention.index.particulars import Particulars
    from ivr.retention.index.recordings import Recordings
    from ivr.retention.intake.books import Books
    from ivr.retention.intake.taking import Intake, IntakeLimits
    from ivr.storage.places import prepare

    spool = prepare(folder / "spool", 0).root
    total = fill(spool, count, seconds)
    state = folder / "state"
    state.mkdir()
    database = Database.open(f"sqlite:///{state}/index.db")
    numbers = PlainNumbers()
    recordings = Recordings(database, numbers)
    clock = time.time_ns
    trail = BookedTrail(
        database,
        state / "audit",
        IndexParticulars(Particulars(database, numbers)),
        IndexHead(Meta(database)),
        Wall(lambda: clock() // 1_000_000),
    )
    usual = IntakeLimits()
    limits = IntakeLimits(batch=batch or usual.batch, threads=threads or usual.threads)
    intake = Intake(
        [spool],
        FolderArchive(folder / "archive"),
        Keeper(),
        Books(database, recordings, Holds(database)),
        trail,
        state / "aside",
        destroy=lambda calls: None,
        marks={},
        zone=ZoneInfo("Europe/London"),
        clock=lambda: clock() // 1_000_000,
        limits=limits,
    )
    began = time.perf_counter()
    taken = intake.take_in(now=True)
    took = time.perf_counter() - began
    intake.close()
    if taken.error is not None:
        raise taken.error
    entries = trail.head().seq
    left = len(list((spool / "new").iterdir()))
    found = recordings.count()
    database.close()
    return IntakeFigures(min(taken.taken, found), took, total, left, entries)


@click.command(help=__doc__)
@click.option("--records", default=RECORDS, show_default=True)
@click.option("--seconds", default=SECONDS, show_default=True, help="Of audio in each.")
@click.option("--batch", default=0, help="Records of a batch.  [default: as the service]")
@click.option("--threads", default=0, help="Who copy at once.  [default: as the service]")
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="Where.")
@click.option("--json", "as_json", is_flag=True)
def main(
    records: int, seconds: int, batch: int, threads: int, folder: Path | None, as_json: bool
) -> None:
    """Print the figures and the aim."""
    with tempfile.TemporaryDirectory(prefix="ivr-bench-", dir=folder) as made:
        found = measure_intake(records, Path(made), batch=batch, threads=threads, seconds=seconds)
    if as_json:
        click.echo(json.dumps({"records": found.records, "a_second": found.a_second}))
    else:
        click.echo(f"take in {found.records} records with {found.bytes >> 20} MiB of audio")
        click.echo(f"  records a second   {found.a_second:8.0f}   aim: {AIM_A_SECOND:g} at least")
        click.echo(f"  seconds            {found.seconds:8.2f}")
    if not found.well:
        click.echo("  missed")
        sys.exit(1)


if __name__ == "__main__":
    main(prog_name="python -m tests.bench.retention_intake")
