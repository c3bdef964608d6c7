"""How many recordings a second are destroyed, with every fsync, their files and all (R14).

``python -m tests.bench.retention_destroy`` takes calls in as the service does, and destroys them
through the very code of the sweep: decided again, files removed and seen to be gone, the audit
trail synced, the index emptied of them, and written anew so that nothing is left in its pages.
"""

from __future__ import annotations

import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import click

AIM_A_SECOND = 1000.0
RECORDS = 5_000


@dataclass(frozen=True, slots=True)
class DestroyFigures:
    """What destroying came to."""

    records: int
    seconds: float
    left: int
    """Files that are still in the archive; 0 where it is well."""

    @property
    def a_second(self) -> float:
        """Recordings destroyed in a second."""
        return self.records / self.seconds

    @property
    def well(self) -> bool:
        """Whether it is as it should be."""
        return self.left == 0 and self.a_second >= AIM_A_SECOND


def measure_destroying(count: int, folder: Path) -> DestroyFigures:
    """Take so many in, and measure how long it takes to destroy them."""
    from tests.bench.retention_intake import fill
    from tests.retention.house import House

    folder.mkdir(parents=True, exist_ok=True)
    house = House(folder, now="2024-05-02 12:00")
    fill(house.spool, count)
    taken = house.take_in()
    assert (taken.taken, taken.error) == (count, None)
    house.turn(days=400)
    began = time.perf_counter()
    swept = house.sweep()
    seconds = time.perf_counter() - began
    left = sum(1 for day in house.store.archive.days() for _ in house.store.archive.names(day))
    assert swept.toll.recordings == count
    house.store.close()
    return DestroyFigures(count, seconds, left)


@click.command(help=__doc__)
@click.option("--records", default=RECORDS, show_default=True)
@click.option("--folder", type=click.Path(file_okay=False, path_type=Path), help="On which disk.")
def main(records: int, folder: Path | None) -> None:
    """Measure, and exit with 1 where the aim is missed."""
    with tempfile.TemporaryDirectory(dir=folder) as made:
        figures = measure_destroying(records, Path(made))
    click.echo(
        f"{figures.records} destroyed in {figures.seconds:.2f} s: {figures.a_second:.0f} a second,"
        f" expected {AIM_A_SECOND:.0f}"
    )
    sys.exit(not figures.well)


if __name__ == "__main__":
    main(prog_name="python -m tests.bench.retention_destroy")
