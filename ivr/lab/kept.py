"""What the switch writes on its own disk: a log, and a CDR for each leg (docs/freeswitch.md 14)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from ivr.clock import Clock

if TYPE_CHECKING:
    from ivr.lab.leg import Leg

LEVELS = ("CONSOLE", "ALERT", "CRIT", "ERR", "WARNING", "NOTICE", "INFO", "DEBUG")
"""FreeSWITCH's levels, from what is always written to what is written last."""

LOG = "freeswitch.log"
CDR = "cdr"


class Kept:
    """The log file and the folder of CDRs, where there are any."""

    def __init__(self, clock: Clock, log_path: Path | None, folder: Path | None) -> None:
        self._clock = clock
        self.level = "INFO"
        """What is less urgent than this is not written; ``INFO`` shows callers' keys."""
        if folder is not None:
            (folder / CDR).mkdir(parents=True, exist_ok=True)
        self._log = folder / LOG if log_path is None and folder is not None else log_path
        self._cdrs = folder / CDR if folder is not None else None
        if self._log is not None:
            self._log.touch()

    def log(self, level: str, text: str) -> None:
        """Write a line, if the level asks for it; a level that is unknown counts as INFO."""
        if self._log is None or _rank(level) > _rank(self.level):
            return
        line = f"{self._clock.wall_ms()} [{level}] {text}\n"
        with self._log.open("a", encoding="utf-8", errors="surrogateescape") as file:
            file.write(line)

    def report(self, leg: Leg) -> None:
        """Write the CDR of a leg: its variables, its applications, its caller profile."""
        if self._cdrs is None:
            return
        cdr = {
            "core-uuid": leg.switch.core_uuid,
            "switchname": "lab",
            "channel_data": {
                "state": leg.state,
                "direction": "outbound" if leg.outbound else "inbound",
                "state_number": str(leg.state_number),
            },
            "variables": {
                name: value if isinstance(value, str) else "ARRAY::" + "|:".join(value)
                for name, value in leg.variables.items()
            },
            "app_log": {
                "applications": [{"app_name": app, "app_data": arg} for app, arg in leg.app_log]
            },
            "callflow": [{"caller_profile": dict(leg.profile(""))}],
        }
        text = json.dumps(cdr, indent=1).encode("utf-8", "surrogateescape")
        (self._cdrs / f"{leg.uuid}.json").write_bytes(text)


def _rank(level: str) -> int:
    return LEVELS.index(level) if level in LEVELS else LEVELS.index("INFO")
