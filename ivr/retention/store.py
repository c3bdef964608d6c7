"""All that the retention layer keeps, opened together and wired up, on one host."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from ivr.config.settings_retention import RetentionConfiguration, RetentionSite
from ivr.core.schedule import Schedule, day_of
from ivr.errors import SetupError, StoreError
from ivr.export.templates import load_templates
from ivr.retention.adoption import adopt, adopted, in_force
from ivr.retention.archive.places import archive_at
from ivr.retention.archive.protocol import Archive
from ivr.retention.archive.sealing import Recipients
from ivr.retention.audit import checkpoints, keys
from ivr.retention.audit.report import Report
from ivr.retention.audit.verify import Progress, verify
from ivr.retention.booked import BookedTrail, IndexHead, IndexParticulars, Wall
from ivr.retention.catching_up import CatchingUp
from ivr.retention.destroyer import Destroyer, one_at_a_time
from ivr.retention.guard import Guard
from ivr.retention.index.cases import Cases
from ivr.retention.index.database import Database
from ivr.retention.index.destroying import Destroying
from ivr.retention.index.holds import Holds
from ivr.retention.index.meta import Meta
from ivr.retention.index.numbers import KeyedNumbers, Numbers, PlainNumbers
from ivr.retention.index.particulars import Particulars
from ivr.retention.index.recordings import Recordings
from ivr.retention.outgoing.queue import Queue
from ivr.retention.outgoing.remains import MailRemains
from ivr.retention.remains import Asides
from ivr.retention.sweep import Sweep
from ivr.retention.wanted import WantedSchedule

VERIFIED = "verified"
"""Under which the index knows when the audit trail was checked, and how many faults it has."""
COPY_S = 30.0
"""How long the end of a process waits for check-points to be copied elsewhere."""
AUDIT = "audit"
ASIDE = "aside"
MAIL = "mail"
MAKING = "making"
"""Folders below the state folder: the audit trail, what could not be taken in, mails that wait,
and what is being encoded."""


def now_ms() -> int:
    """Milliseconds since 1970 by the host's clock."""
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Store:
    """What lies on the disk and in the database, and what may be done with it."""

    configuration: RetentionConfiguration
    clock: Callable[[], int]
    database: Database
    recordings: Recordings
    cases: Cases
    holds: Holds
    destroying: Destroying
    particulars: IndexParticulars
    meta: Meta
    archive: Archive
    trail: BookedTrail
    heads: IndexHead
    guard: Guard
    asides: Asides
    wanted: WantedSchedule
    signer: checkpoints.Checkpoints | None
    key: Ed25519PrivateKey | None
    """Signs check-points and evidence; None where the settings name none."""

    @property
    def site(self) -> RetentionSite:
        """The settings of this host."""
        return self.configuration.site

    def day(self, ms: int) -> date:
        """The day of a moment by the site's zone."""
        return day_of(ms, self.site.zone)

    def today(self) -> date:
        """The day by the site's zone."""
        return self.day(self.clock())

    def schedule(self) -> Schedule:
        """The schedule in force. Raises StoreError where none was adopted."""
        return in_force(self.meta, self.wanted.last())

    def told_schedule(self) -> Schedule:
        """The same for whoever only looks: where none was adopted yet, as after an index was made
        anew, what the file says."""
        wanted = self.wanted.last()
        return wanted if adopted(self.meta) is None else in_force(self.meta, wanted)

    def identity(self) -> bytes | None:
        """The secret key of a sealed archive, where it is on this host now."""
        return identity_of(self.site)

    def verified(self, progress: Progress | None = None) -> Report:
        """Check the audit trail, and remember what came of it."""
        site, head = self.site, self.heads.get()
        key = site.checkpoints.key
        copies = site.checkpoints.copies
        report = verify(
            self.trail.folder,
            head=head,
            key=None if key is None else keys.load_public(keys.public_path(key)),
            copies=() if copies is None else (copies / checkpoints.NAME,),
            particulars=self.particulars,
            progress=progress,
        )
        self.meta.set(VERIFIED, f"{self.clock()} {len(report.faults) + report.more}")
        return report

    def destroyer(self) -> Destroyer:
        """What destroys."""
        mails = MailRemains(self.database, self.site.state / MAIL)
        return Destroyer(
            self.database,
            self.recordings,
            self.destroying,
            self.archive,
            self.trail,
            (self.asides, mails),
            lambda: one_at_a_time(self.site.state),
        )

    def catching_up(self) -> CatchingUp:
        """What sees to it that the index has all that the audit trail tells of."""
        return CatchingUp(self.database, self.destroying, self.trail, self.heads)

    def sweep(self) -> Sweep:
        """The daily sweep."""
        return Sweep(
            self.destroyer(),
            self.destroying,
            self.recordings,
            self.cases,
            self.guard,
            self.catching_up(),
            self.meta,
            self.trail,
            self.asides,
            self.site.aside_keep,
            self.clock,
            self.day,
            self.verified,
        )

    def queue(self) -> Queue | None:
        """Mails with copies; None where the settings name no server. Raises ConfigError where
        there is a mistake in their texts."""
        mail = self.site.mail
        if mail is None:
            return None
        return Queue(
            self.database,
            self.site.state / MAIL,
            mail,
            load_templates(mail.templates),
            self.trail,
            self.clock,
        )

    def close(self) -> None:
        """Let go of the database, once check-points are copied."""
        if self.signer is not None:
            self.signer.wait_for_copy(COPY_S)
        self.database.close()


def identity_of(site: RetentionSite) -> bytes | None:
    """The secret key of a sealed archive, where it is on this host now."""
    if site.sealing is None or site.sealing.identity is None:
        return None
    try:
        return site.sealing.identity.read_bytes()
    except OSError:
        return None


def open_store(
    configuration: RetentionConfiguration,
    clock: Callable[[], int] = now_ms,
    *,
    create: bool = False,
) -> Store:
    """Open archive, index and audit trail.

    ``create``: make what is not there. An index that is made beside an empty archive belongs to
    it, and takes on the schedule; one beside an archive that holds recordings does not, and
    nothing is destroyed until its cases are back (R14). Raises StoreError, SetupError, DiskError.
    """
    site = configuration.site
    _folders(site, create)
    archive = archive_at(site.archive, site.state)
    database = Database.open(site.index, create=create)
    numbers = _numbers(site)
    meta = Meta(database)
    recipients = Recipients(site.sealing.recipients) if site.sealing else None
    particulars = IndexParticulars(
        Particulars(database, numbers), recipients, lambda: identity_of(site)
    )
    heads = IndexHead(meta)
    folder = site.state / AUDIT
    wall = Wall(clock)
    key = None if site.checkpoints.key is None else keys.load_private(site.checkpoints.key)
    signer = None
    if key is not None:
        signer = checkpoints.Checkpoints(
            folder,
            key,
            wall,
            every=site.checkpoints.every,
            copies=site.checkpoints.copies,
        )
    trail = BookedTrail(database, folder, particulars, heads, wall, signer=signer)
    guard = Guard(meta, site.state)
    recordings, cases = Recordings(database, numbers), Cases(database)
    # Not only where it is new: whoever was killed before it was said begins here again.
    nothing_yet = guard.unsaid() and not trail.head().seq and not archive.days()
    if nothing_yet and not recordings.groups() and not cases.listing(most=1):
        guard.belongs()
        adopt(meta, configuration.schedule)
        guard.seen(clock())
    return Store(
        configuration,
        clock,
        database,
        recordings,
        cases,
        Holds(database),
        Destroying(database),
        particulars,
        meta,
        archive,
        trail,
        heads,
        guard,
        Asides([site.state / ASIDE, *(spool / "aside" for spool in site.spools)]),
        WantedSchedule(site.schedule, configuration.schedule),
        signer,
        key,
    )


def _folders(site: RetentionSite, create: bool) -> None:
    try:
        if create:
            for folder in (site.state, site.state / AUDIT, site.state / ASIDE):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _own(site.state)
        elif not site.state.is_dir():
            raise SetupError(
                f"{site.state}: there is no such folder; the service makes it: ivr retention run"
            )
        else:
            _own(site.state)
    except PermissionError as error:
        raise _not_ours(error.filename) from error
    except OSError as error:
        raise SetupError(f"{site.state}: cannot be made: {error.strerror}") from error


def _own(state: Path) -> None:
    """That this is the service's user: files that root makes there stop the service."""
    if state.stat().st_uid != os.geteuid():
        raise _not_ours(state)


def _not_ours(path: Path | str) -> SetupError:
    return SetupError(
        f"{path}: this belongs to the retention service's user\n"
        "  be that user: sudo -u ivr-retention ivr …"
    )


def _numbers(site: RetentionSite) -> Numbers:
    if site.sealing is None or site.sealing.index_key is None:
        return PlainNumbers()
    path: Path = site.sealing.index_key
    try:
        return KeyedNumbers(path.read_bytes())
    except OSError as error:
        raise StoreError(
            f"{path}: the key of the index's numbers cannot be read: {error.strerror}\n"
            "  nothing can be taken in or found without it"
        ) from error
