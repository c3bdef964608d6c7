"""Sees to it that the index has all that the audit trail tells of, before anything is destroyed.

An index out of a backup knows fewer cases than the trail does, and looks like any other. So the
index remembers the last entry that it saw (``audit_head``), and whoever appends after one that it
did not see leaves a note of where that began, which stays until it was made good.
"""

from __future__ import annotations

from datetime import date

import structlog

from ivr.retention.audit.read import Wanted
from ivr.retention.booked import BookedTrail, IndexHead
from ivr.retention.guard import Stopped
from ivr.retention.index.database import Database
from ivr.retention.index.destroying import Destroying
from ivr.retention.index.redo import ACTIONS, redo

log = structlog.get_logger(__name__)


class CatchingUp:
    """Brings cases and holds of an index up to the end of the trail."""

    def __init__(
        self, database: Database, destroying: Destroying, trail: BookedTrail, heads: IndexHead
    ) -> None:
        self._database = database
        self._destroying = destroying
        self._trail = trail
        self._heads = heads

    def behind(self) -> int:
        """The first entry of the trail that the index did not see; 0 where it saw them all.

        Raises StoreError and DiskError.
        """
        noted, known = self._heads.unread(), self._heads.get()
        if noted or known is None:
            return noted
        return known.seq + 1 if self._trail.head().seq > known.seq else 0

    def check(self) -> None:
        """Raises Stopped where the index is behind; nothing is changed."""
        if since := self.behind():
            raise Stopped(
                "index",
                f"the index has not seen the audit trail from entry {since} on: nothing is"
                " destroyed\n  the service puts cases and holds into it when it starts, and each"
                " sweep does: ivr retention sweep",
            )

    def run(self, today: date) -> None:
        """Put cases and holds that the trail tells of into the index, and have it forget what was
        destroyed since.

        Raises Stopped where recordings lack that were taken in since: it is an old one, and they
        would be kept for ever. StoreError and DiskError where something refuses.
        """
        if not self.behind():
            return
        # Nobody appends while this transaction lasts: whoever does so locks the index first.
        with self._database.writing() as connection:
            since, head = self.behind(), self._trail.head()
            lacking, ghosts = redo(connection, self._trail.read(since, Wanted(actions=ACTIONS)))
            for rule in sorted(set(ghosts.values())):
                calls = [call for call, by in ghosts.items() if by == rule]
                self._destroying.claim_at_once(calls, rule, today, since - 1)
                again = [call for call in calls if call in lacking]
                if again:
                    # Their files are those of a later record: no file of theirs may go.
                    self._destroying.finish(again, today)
            self._heads.saw(head, since if lacking else 0)
        log.info("the index caught up with the audit trail", since=since, until=head.seq)
        if lacking:
            raise Stopped(
                "index",
                f"the index is older than the audit trail: {len(lacking)} recordings that were"
                " taken in since are not in it; nothing is destroyed\n  bring them back: stop the"
                " service, and ivr index rebuild",
            )
